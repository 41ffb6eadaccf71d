#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same binary in a guest with Debian 12's kernel: no tcx, an older verifier and XDP; and SCTP,
which the kernel that runs the tests may not have."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ('veth', 'sch_ingress', 'cls_bpf', 'libcrc32c', 'udp_tunnel', 'ip6_udp_tunnel', 'sctp', 'geneve', 'tunnel4',
           'ip_tunnel', 'gre', 'ip_gre', 'ipip', 'sit')
# By kind of the device: what flowctl calls it, its number, IP and TCP header inside, octets around each packet.
TUNNELS = {'geneve': ('geneve', 5, 52, 50), 'gre': ('gre', 9, 52, 28), 'ipip': ('ipip', None, 52, 20),
           'sit': ('6in4', None, 72, 20)}
SENT = 64 * 65536


def skip(why):
    print('1..0 # SKIP ' + why)
    sys.exit(77)


def run(*argv, **kw):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)


def kernel_package():
    r = run('apt-cache', 'depends', 'linux-image-cloud-amd64')
    m = re.search(r'Depends: (linux-image-6\.1\S+)', r.stdout)
    return m and m.group(1)


def put(root, path, name=None):
    """A program and the libraries it needs."""
    shutil.copy(path, os.path.join(root, 'bin', name or os.path.basename(path)))
    for lib in re.findall(r'(/\S+) \(0x', run('ldd', path).stdout):
        os.makedirs(root + os.path.dirname(lib), exist_ok=True)
        shutil.copy(lib, root + lib)


def build(work):
    """(kernel, initramfs) made from the package and this machine's programs."""
    package = kernel_package()
    if not package or run('apt-get', 'download', '-qq', package, cwd=work).returncode:
        skip("no package of Debian 12's kernel can be fetched")
    run('dpkg-deb', '-x', glob.glob(work + '/*.deb')[0], work + '/k')
    root = work + '/root'
    for d in 'bin', 'busybox', 'proc', 'sys', 'dev', 'run', 'modules', 'tmp', 'etc':
        os.makedirs(root + '/' + d)
    for n, module in enumerate(MODULES):
        path, = glob.glob(work + '/k/**/%s.ko*' % module, recursive=True)
        shutil.copy(path, '%s/modules/%02d%s' % (root, n, os.path.basename(path)))
    run('sh', '-c', 'xz -dq %s/modules/*.xz' % root)
    for path in os.environ['FLOWCTL'], os.environ['TEST_STREAM_SCTP'], shutil.which('ip'), shutil.which('ping'), shutil.which('busybox'):
        put(root, os.path.realpath(path), os.path.basename(path))
    shutil.copy(HERE + '/guest.sh', root + '/init')
    os.chmod(root + '/init', 0o755)
    run('sh', '-c', 'find . | cpio -o -H newc | gzip -1 > ../initrd', cwd=root)
    return glob.glob(work + '/k/boot/vmlinuz-*')[0], work + '/initrd'


def boot(kernel, initrd):
    r = run('qemu-system-x86_64', '-machine', 'pc', '-accel', 'tcg', '-cpu', 'max', '-m', '1024', '-smp', '2', '-nographic',
            '-no-reboot', '-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1', timeout=800)
    parts = {}
    for m in re.finditer(r'== (\S+)\r?\n(.*?)== status (\d+)', r.stdout, re.S):
        parts[m.group(1)] = (m.group(2).replace('\r', ''), int(m.group(3)))
    if not parts:
        print('# ' + r.stdout[-2000:].replace('\n', '\n# '))
    return parts


if os.geteuid() != 0:
    skip('needs root')
for program in 'qemu-system-x86_64', 'busybox', 'cpio', 'ping', 'ip':
    if not shutil.which(program):
        skip(program + ' is not installed')
with tempfile.TemporaryDirectory() as work:
    os.chmod(work, 0o755)
    parts = boot(*build(work))

none = ('', -1)
attached = 'x:v1:ingress (changed)\nx:v1:egress (changed)\n'
status = json.loads(parts.get('status', none)[0] or '[]')
THREE_PINGS = [('10.0.0.1', 0, 3, 252), ('10.0.0.2', 1, 3, 252)]


def flows(text):
    return sorted((r['src_ip'], r['direction'], r['packets'], r['bytes']) for r in json.loads(text or '[]'))


def xdp_is_right(mode):
    status = json.loads(parts.get(mode + '-status', none)[0] or '[]')
    return (attached.splitlines()[0] in parts.get(mode, none)[0] and attached in parts.get(mode + '-forced', none)[0]
            and [(m['hook'], m['xdp_mode']) for m in status] == [('xdp', mode), ('tc', None)]
            and flows(parts.get(mode + '-dump', none)[0]) == THREE_PINGS)


def tcp_segments(kind, field):
    """How many more TCP says it sent, than before."""
    at = []
    for when in 'before', 'after':
        names, numbers = (line.split()[1:] for line in parts.get('%s-%s' % (kind, when), none)[0].splitlines())
        at.append(int(dict(zip(names, numbers))[field]))
    return at[1] - at[0]


def sums(records):
    return sum(r['packets'] for r in records), sum(r['bytes'] for r in records)


def inside_is_right(kind):
    """What TCP and the device carried, within the tunnel, one hook here."""
    name, number, headers, _ = TUNNELS[kind]
    flows = [r for r in decapsulated if r['direction'] == 1 and r['tunnel'] == name and r['dst_port'] == 5000]
    packets, octets = sums(flows)
    again = tcp_segments(kind, 'RetransSegs')
    least = SENT + headers * packets
    return (len(flows) == 1 and (flows[0]['vni'], flows[0]['src_ip'], flows[0]['dst_ip']) == (number, '10.0.0.1', '10.0.0.2')
            and abs(packets - tcp_segments(kind, 'OutSegs') - again) <= 2
            and least <= octets <= least + 100 + again * 1500 and flows[0]['retransmissions'] == again)


def outside_is_right():
    """The meter in x looks into none: its packets are those here, with what is around them."""
    # What the link itself says (router solicitations) may have passed before there was a meter here.
    here = [r for r in dumped if r['iface'] == 'v0' and r['direction'] == 1 and r['src_ip'] == '10.0.0.1']
    around = {name: octets for name, _, _, octets in TUNNELS.values()}
    wanted = sum(r['packets'] for r in here), sum(r['bytes'] + around.get(r['tunnel'], 0) * r['packets'] for r in here)
    there = [r for r in dumped if r['iface'] == 'v1' and r['direction'] == 0 and r['src_ip'] == '10.0.0.1']
    return sums(there) == wanted and not [r for r in there if r['encapsulated']]


dumped = json.loads(parts.get('decap-dump', none)[0] or '[]')
decapsulated = [r for r in dumped if r['iface'] == 'v0' and r['encapsulated']]

checks = {
    'the kernel has no tcx and all that is required': parts.get('dependencies', none)[1] == 0 and
    'tcx (expect present): absent (OPTIONAL)' in parts['dependencies'][0],
    'the program loads and attaches as a clsact filter': parts.get('attach', none)[1] == 0 and
    parts['attach'][0].endswith(attached) or attached in parts.get('attach', none)[0],
    'it is replaced by force': attached in parts.get('attach-forced', none)[0],
    'status says tc': [m['hook'] for m in status] == ['tc', 'tc'],
    'dump is exact': flows(parts.get('dump', none)[0]) == THREE_PINGS,
    'flush drops them': parts.get('flush', none)[0] == '2 flows flushed\n',
    **{'%s XDP is attached, replaced and exact' % mode: xdp_is_right(mode) for mode in ('native', 'generic')},
    'streams go over SCTP': parts.get('sctp', none)[1] == 0 and 'ok 1 ' in parts['sctp'][0] and
    'SKIP' not in parts['sctp'][0],
    'the program that looks into tunnels loads': parts.get('decap', none)[1] == 0,
    **{'TCP inside of %s is what TCP sent' % kind: inside_is_right(kind) for kind in TUNNELS},
    'outside is what the underlay carried': outside_is_right(),
    'detach leaves no qdisc and no pin': parts.get('detach', none)[1] == 0 and 'qdisc noqueue' in parts['qdisc'][0] and
    'xdp' not in parts['qdisc'][0] and
    parts.get('pins', none)[0] == '',
}
print('1..%d' % len(checks))
for n, (name, good) in enumerate(checks.items(), 1):
    print('%sok %d - %s' % ('' if good else 'not ', n, name))
if not all(checks.values()):
    print('# ' + repr(parts).replace('\\n', '\n# '))
sys.exit(0 if all(checks.values()) else 1)
