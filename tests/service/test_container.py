#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""flowctl in a container: the image of misc/container/Containerfile, on a base made here, run by podman
and runc. It attaches from inside, exports to nfcapd outside, and leaves nothing behind.

The stage that compiles is not run: what this build installs takes its place, and the base has the
libraries already. So no archive is asked for more than the base."""
import os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'oracle'), os.path.join(HERE, '..', 'net')]
for tool in 'podman', 'runc', 'buildah', 'mmdebstrap':
    if not shutil.which(tool):
        print('1..0 # SKIP %s is not there' % tool)
        sys.exit(77)
from nfcapd import Nfcapd  # noqa: E402
from lib import *  # noqa: E402

net = Net('ctr')
DIR = tempfile.mkdtemp(prefix='flowctl-test-')
STORE = ['--root', DIR + '/root', '--runroot', DIR + '/run', '--storage-driver', 'overlay']
# Without the limits no container starts in a guest without CAP_SYS_RESOURCE.
RUN = ['podman', *STORE, '--runtime', 'runc', 'run', '--rm', '--network', 'host', '--pull', 'never',
       '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000', '-v', '/sys/fs/bpf:/sys/fs/bpf',
       '-v', '/run/netns:/run/netns:rslave', '-v', DIR + '/etc:/etc/flowctl:ro']
PRIVILEGED = ['--privileged']
LEAST = ['--cap-drop', 'ALL', *(w for c in ('BPF', 'NET_ADMIN', 'PERFMON', 'SYS_ADMIN') for w in ('--cap-add', c)),
         '--security-opt', 'seccomp=unconfined']
os.makedirs(DIR + '/etc')
IMAGE = 'flowctl-test'
PACKETS = 50
BASE_SECONDS = 150


def archive():
    """Where this machine has its packages from."""
    r = run('apt-get', 'indextargets', '--format', '$(SITE) $(CODENAME)', 'Created-By: Packages')
    for site, suite in (line.split() for line in r.stdout.splitlines()):
        if '-' not in suite:
            return suite, site
    skip('apt names no archive')


def make_base(path):
    packages = run('sh', '-c', '. misc/packages.sh && echo $RUN_PACKAGES').stdout.split()
    suite, site = archive()
    try:
        made = run('mmdebstrap', '--quiet', '--variant=minbase', '--include=' + ','.join(packages),
                   '--dpkgopt=force-unsafe-io', suite, path, site, ok=False, timeout=BASE_SECONDS)
    except subprocess.TimeoutExpired:
        skip('the archive gave no base within %d s' % BASE_SECONDS)
    if made.returncode:
        skip('no base was made: ' + made.stderr.strip().splitlines()[-1])


def base():
    """A Debian with the libraries alone, as an image: $FLOWCTL_TEST_BASE, an archive, or a new one."""
    path = os.environ.get('FLOWCTL_TEST_BASE')
    if not path:
        path = DIR + '/base.tar'
        make_base(path)
    if run('podman', *STORE, 'info', ok=False).returncode:
        STORE[-1] = 'vfs'       # copies everything for every container
        RUN[RUN.index('overlay')] = 'vfs'
    run('podman', *STORE, 'import', '--quiet', path, 'flowctl-base', timeout=300)


@test
def the_image_is_built():
    global built
    os.chdir(ROOT)
    base()
    can = run(*RUN, *PRIVILEGED, 'flowctl-base', 'true', ok=False)
    if can.returncode:
        skip('no container runs here: ' + can.stderr.strip().splitlines()[-1])
    run('meson', 'install', '-C', os.environ['MESON_BUILD_ROOT'], '--no-rebuild',
        env=dict(os.environ, DESTDIR=DIR + '/built/out'))
    run('buildah', *STORE, 'bud', '--quiet', '--isolation=chroot', '--squash', '--build-arg', 'BASE=localhost/flowctl-base',
        '--build-context', 'build=%s/built' % DIR, '-f', 'misc/container/Containerfile', '-t', IMAGE, '.', timeout=300)
    built = True
    r = run(*RUN, '--entrypoint', '/bin/sh', IMAGE, '-c', 'command -v gcc clang cc meson; flowctl version')
    check(r.stdout.startswith('flowctl '), 'in the image: ' + r.stdout)


def contained(*words, give=PRIVILEGED, ok=True):
    if not built:
        skip('there is no image')
    return run(*RUN, *give, IMAGE, '--bpffs', net.bpffs, *words, ok=ok)


class Agent:
    """In a container of its own, exporting to @port of this machine."""
    def __init__(self, port, give):
        with open(DIR + '/etc/config.yaml', 'w') as f:
            f.write('idleTimeoutSeconds: 1\noutputs:\n- collector: {remoteAddress: 127.0.0.1:%d}\n' % port)
        self.p = net.spawn(*RUN, *give, IMAGE, '--bpffs', net.bpffs, '-v', 'agent', stderr=subprocess.PIPE, text=True)
        line = ''
        while 'exporting to 1 output' not in line:
            line = self.p.stderr.readline()
            check(line, 'the agent ended')

    def end(self):
        self.p.terminate()
        equal(self.p.wait(60), 0, "the agent's exit status")


def exports(give, name):
    """Attach from inside, export from inside, and compare with what was sent."""
    if not built:
        skip('there is no image')
    ns, other = net.ns(name + '0'), net.ns(name + '1')
    net.veth(ns, 'eth1', other, 'eth0', '10.9.0.1/24', '10.9.0.2/24')
    said = contained('meter', 'attach', '--netns', ns, '-n', 'eth1', give=give).stdout
    equal(said, '%s:eth1:ingress (changed)\n%s:eth1:egress (changed)\n' % (ns, ns), 'what attach says')
    collector = Nfcapd()
    agent = Agent(collector.port, give)
    with inside(other):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(('10.9.0.2', 7001))
    for _ in range(PACKETS):
        s.sendto(bytes(100), ('10.9.0.1', 7000))
    s.close()
    seen = net.json('dump', '--netns', ns, '-p', 'udp', '-D', '7000')
    held = sum(f['packets'] for f in seen)
    agent.end()
    flows = [f for f in collector.flows() if f['ports'] == (7001, 7000)]
    equal([(f['in_packets'], f['in_bytes']) for f in flows], [(PACKETS, PACKETS * 128)], 'what nfcapd has (held: %d)' % held)
    equal(collector.sequence_errors(), 0, 'sequence errors')
    contained('meter', 'detach', '--all', give=give)
    equal(run('tc', '-n', ns, 'qdisc', 'show', 'dev', 'eth1').stdout.count('clsact'), 0, 'qdiscs')
    left = [name for _, dirs, files in os.walk(net.bpffs) for name in files]
    equal(left, [], 'pins that are left')
    net.del_ns(ns)
    net.del_ns(other)


@test
def with_privileges_it_attaches_exports_to_nfcapd_and_leaves_nothing():
    exports(PRIVILEGED, 'full')


@test
def with_the_least_capabilities_it_does_so_too():
    exports(LEAST, 'least')


@test
def without_them_it_says_which_are_missing():
    r = contained('meter', 'status', give=['--cap-drop', 'ALL', '--security-opt', 'seccomp=unconfined'], ok=False)
    equal((r.returncode, 'CAP_BPF' in r.stderr), (3, True), 'status and sentence (%s)' % r.stderr.strip())


@test
def no_container_is_left():
    equal(run('podman', *STORE, 'ps', '-aq').stdout, '', 'containers')


def remove():
    subprocess.run(['podman', *STORE, 'rmi', '-af'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(DIR, ignore_errors=True)


built = False
net.cleanups.append(remove)
main(net)
