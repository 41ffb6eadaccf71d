#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Attach, detach and status: names, namespaces, things that vanish, errors, replacement under traffic."""
import glob
import threading

from lib import *

net = Net('att')
SMALL = '--tcp-metrics', 'off'      # a program that the verifier is done with in a third of the time


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', '10.83.0.1/24', '10.83.0.2/24')


def refused(status, *words, **kw):
    before = tree()
    r = net.flowctl(*words, ok=False, **kw)
    lines = r.stderr.splitlines()
    equal(r.returncode, status, 'exit status of %s (%s)' % (' '.join(words), r.stderr.strip()))
    check(1 <= len(lines) <= 2 and r.stdout == '', 'what it prints: %r %r' % (r.stdout, r.stderr))
    equal(tree(), before, 'what is pinned')
    return r.stderr


def tree():
    return sorted(glob.glob(net.bpffs + '/**', recursive=True))


def status(**kw):
    return [(m['netns'], m['iface'], m['direction']) for m in net.json('meter', 'status', **kw)]


def attached(*words):
    return net.flowctl('meter', 'attach', *words).stdout.splitlines()


@test
def attach_prints_a_line_a_direction_and_twice_is_unchanged():
    lines = ['%s:eth0:ingress (changed)' % a, '%s:eth0:egress (changed)' % a]
    equal(attached('--netns', a, '-n', 'eth0'), lines)
    equal(attached('--netns', a, '-n', 'eth0'), [line.replace('changed', 'unchanged') for line in lines])
    equal(attached('-i', a + ':eth0', '--sample', '7'), lines)
    equal([m['sample'] for m in net.json('meter', 'status')], [7, 7], 'sample')
    equal(attached('-i', a + ':eth0', '--hook', 'tc'), lines)
    equal({m['hook'] for m in net.json('meter', 'status')}, {'tc'}, 'hook')
    equal(net.flowctl('meter', 'detach', '-i', a + ':eth0').stdout, '%s:eth0 (changed)\n' % a)
    equal(net.flowctl('meter', 'detach', '-i', a + ':eth0').stdout, '%s:eth0 (unchanged)\n' % a)
    equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is left')


@test
def one_direction_is_one_direction():
    equal(attached('--netns', a, '-n', 'eth0', '--direction', 'egress'), ['%s:eth0:egress (changed)' % a])
    equal(status(), [(a, 'eth0', 'egress')])
    equal(attached('--netns', a, '-n', 'eth0'), ['%s:eth0:ingress (changed)' % a, '%s:eth0:egress (unchanged)' % a])
    net.flowctl('meter', 'detach', '--all')


@test
def a_meter_that_comes_or_goes_is_no_leftover():
    ending = threading.Event()

    def come_and_go():
        while not ending.is_set():
            attached('--netns', a, '-n', 'eth0', '-l', '256', *SMALL)
            net.flowctl('meter', 'detach', '--all')

    t = threading.Thread(target=come_and_go)
    t.start()
    try:
        for _ in range(20):
            for m in net.json('meter', 'status'):
                check(not m['gone'] and m['attached_at'] > '2000', '%(direction)s attached %(attached_at)s' % m)
    finally:
        ending.set()
        t.join()


@test
def a_dry_run_changes_nothing():
    before = tree()
    equal(attached('--netns', a, '-n', 'eth0', '--dry-run'),
          ['%s:eth0:ingress (changed)' % a, '%s:eth0:egress (changed)' % a])
    equal(tree(), before)
    equal(status(), [])


@test
def odd_names_and_globs():
    for name in 'eth0.100', 'a@b', 'x' * 15, 'v-_.1':
        net.ip(a, 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'peer' + str(abs(hash(name)) % 10**8))
        net.ip(a, 'link', 'set', name, 'up')
        attached('--netns', a, '-n', name, *SMALL)
        check((a, name, 'ingress') in status(), name)
        net.flowctl('meter', 'detach', '--netns', a, '-n', name)
        equal(status(), [])
    equal(len(attached('--netns', a, '-n', 'eth*', *SMALL)), 4, 'eth0 and eth0.100')
    net.flowctl('meter', 'detach', '--netns', a, '-n', 'eth0')
    equal({m[1] for m in status()}, {'eth0.100'}, 'a glob is anchored')
    net.flowctl('meter', 'detach', '--all')
    equal([line for line in attached('--netns', a, '-n', '*', *SMALL) if ':lo:' in line], [], 'lo by a glob')
    equal(len(attached('--netns', a, '-n', 'lo')), 2, 'lo written out')
    net.flowctl('meter', 'detach', '--all')
    up = {l['ifname'] for l in json.loads(net.ip(a, '-j', 'link').stdout) if 'UP' in l['flags']} - {'lo'}
    attached('--netns', a, '--all', *SMALL)
    equal({m[1] for m in status()}, up, '--all')
    net.flowctl('meter', 'detach', '--all')


@test
def errors_of_the_user_change_nothing():
    check('no-such' in refused(1, 'meter', 'attach', '--netns', 'no-such', '-n', 'eth0'))
    check('nope' in refused(1, 'meter', 'attach', '--netns', a, '-n', 'nope'))
    refused(1, 'meter', 'attach', '--netns', a, '-n', 'nope*')
    refused(1, 'meter', 'attach', '--netns', a, '-n', 'eth0', '-n', 'nope')
    refused(2, 'meter', 'attach', '--netns', a)
    refused(2, 'meter', 'attach', '--netns', a, '-n', 'eth0', '-l', '0')
    refused(1, 'meter', 'detach', '--netns', a, '-n', 'nope')
    refused(1, 'dump', '--netns', 'no-such')
    refused(1, 'meter', 'attach', '--netns', 'pid:4194304', '-n', 'lo')
    refused(1, 'meter', 'attach', '--netns', '/nonexistent', '-n', 'lo')
    equal(status(), [])
    equal(net.json('dump'), [], 'dump without a meter')
    equal(net.flowctl('dump').stdout, 'IFINDEX  PROTO  SRC  DST  PKTS  BYTES\n')
    equal(net.flowctl('flush', '--all').stdout, '0 flows flushed\n')
    refused(1, 'flush', '-p', '17')


@test
def another_size_of_the_table_is_refused():
    attached('--netns', a, '-n', 'eth0', '-l', '1000')
    check('1000' in refused(1, 'meter', 'attach', '--netns', a, '-n', 'eth0', '-l', '2000'))
    equal({m['max_flows'] for m in net.json('meter', 'status')}, {1000})
    attached('--netns', a, '-n', 'eth0', '-l', '1000')
    net.flowctl('meter', 'detach', '--all')


class Sender(threading.Thread):
    """Packets all the time, some thousands a second; it leaves the CPU to others."""
    def __init__(self, wire, frames):
        super().__init__(daemon=True)
        self.wire, self.frames, self.sent, self.over = wire, frames, 0, False

    def run(self):
        while not self.over:
            for _ in range(10):
                self.wire.send(self.frames[self.sent % len(self.frames)])
                self.sent += 1
            time.sleep(0.001)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()


@test
def force_makes_the_table_another_size_and_loses_nothing():
    """Under traffic, with and without an agent; a meter that is not named goes along."""
    out = Wire(a, 'eth0')
    for agent, options in (False, SMALL), (True, ()):
        net.ip(a, 'link', 'add', 'o0', 'type', 'veth', 'peer', 'name', 'o1')
        attached('--netns', a, '-n', 'eth0', '-n', 'o0', '-l', '10000', *options)
        process = None
        if agent:
            conf = net.bpffs.replace('/sys/fs/bpf/', '/tmp/flowctl-test-') + '.yaml'
            net.cleanups.append(lambda: os.path.exists(conf) and os.unlink(conf))
            with open(conf, 'w') as f:
                f.write('idleTimeoutSeconds: 1\ncount: all\noutputs:\n- log: {file: %s.log}\n' % conf)
            net.cleanups.append(lambda: os.path.exists(conf + '.log') and os.unlink(conf + '.log'))
            process = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', conf, stderr=subprocess.DEVNULL)
        macs = net.mac(b, 'eth0'), net.mac(a, 'eth0')
        frames = [eth(*macs, 0x800, ipv4('10.83.0.1', '10.83.0.2', 17, udp(i, 16, bytes(50)))) for i in range(50)]
        with Sender(out, frames) as sender:
            for size in (20000, 10000) * 3:
                attached('--netns', a, '-n', 'eth0', '-l', str(size), '--force', *options)
                equal({(m['iface'], m['max_flows']) for m in net.json('meter', 'status')},
                      {('eth0', size), ('o0', size)})
        n, logged = sender.sent, 0
        if agent:
            process.terminate()
            equal(process.wait(60), 0)
            with open(conf + '.log') as f:
                logged = sum(r['packets'] for r in map(json.loads, f) if r['dst_port'] == 16 and r['iface'] == 'eth0')
        held = sum(r['packets'] for r in net.json('dump', '--netns', a, '-D', '16'))
        equal(held + logged, n, 'held and exported, agent %s' % agent)
        refused(1, 'meter', 'attach', '--netns', a, '-n', 'eth0', '-l', '5000')
        net.flowctl('meter', 'detach', '--all')
        net.ip(a, 'link', 'del', 'o0')
        equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is pinned')


@test
def all_or_nothing_when_one_interface_cannot_be_metered():
    """A foreign filter at our place of the second interface: the first one is undone."""
    net.ip(a, 'link', 'add', 'z0', 'type', 'veth', 'peer', 'name', 'z1')
    net.exec(a, 'tc', 'qdisc', 'add', 'dev', 'z0', 'clsact')
    net.exec(a, 'tc', 'filter', 'add', 'dev', 'z0', 'egress', 'pref', '100', 'protocol', 'ip', 'u32',
             'match', 'u32', '0', '0', 'flowid', '1:1')
    refused(1, 'meter', 'attach', '--netns', a, '-n', 'eth0', '-n', 'z0', '--hook', 'tc')
    check('clsact' not in net.exec(a, 'tc', 'qdisc', 'show', 'dev', 'eth0').stdout, 'eth0 keeps a qdisc')
    net.ip(a, 'link', 'del', 'z0')


@test
def a_vanished_interface_is_shown_once_and_cleared():
    for hook in 'tcx', 'tc':
        net.ip(a, 'link', 'add', 'gone0', 'type', 'veth', 'peer', 'name', 'gone1')
        net.ip(a, 'link', 'set', 'gone0', 'up')
        attached('--netns', a, '-n', 'gone0', '-n', 'eth0', '--hook', hook)
        net.ip(a, 'link', 'del', 'gone0')
        check('gone0 (gone)' in net.flowctl('meter', 'status').stdout, 'it is not shown as gone')
        equal({m[1] for m in status()}, {'eth0'}, 'what is left')
        net.flowctl('meter', 'detach', '--all')
        equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is pinned')


@test
def a_namespace_made_again_never_shows_the_flows_of_the_old_one():
    for _ in range(3):
        c = net.ns('c')
        inode = os.stat('/run/netns/' + c).st_ino
        net.veth(a, 'toc', c, 'eth0', '10.84.0.1/24', '10.84.0.2/24')
        equal(net.json('dump', '--netns', c), [], 'flows of a fresh namespace')
        attached('--netns', c, '-n', 'eth0')
        equal(net.json('dump', '--netns', c, '-p', 'icmp'), [], 'flows of a fresh meter')
        net.exec(a, 'ping', '-c', '1', '10.84.0.2')
        equal(len(net.json('dump', '--netns', c, '-p', 'icmp')), 2, 'flows')
        net.del_ns(c)
        wait_for(lambda: 'toc' not in net.ip(a, 'link').stdout, 'the end of the namespace')
    net.flowctl('meter', 'status')
    equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is pinned')


@test
def force_under_traffic_loses_no_packet():
    out = Wire(a, 'eth0')
    frame = eth(net.mac(b, 'eth0'), net.mac(a, 'eth0'), 0x800, ipv4('10.83.0.1', '10.83.0.2', 17, udp(5, 6, bytes(100))))

    for hook in 'tcx', 'tc':
        attached('--netns', a, '-n', 'eth0', '--direction', 'egress', '--hook', hook)
        with Sender(out, [frame]) as sender:
            for _ in range(5):
                equal(attached('--netns', a, '-n', 'eth0', '--direction', 'egress', '--hook', hook, '--force'),
                      ['%s:eth0:egress (changed)' % a])
        equal(sum(r['packets'] for r in net.json('dump', '--netns', a, '-D', '6')), sender.sent, hook)
        m, = net.json('meter', 'status')
        equal(m['unmetered_packets'], 0, 'unmetered')
        net.flowctl('meter', 'detach', '--all')


@test
def stacked_interfaces_are_warned_of():
    net.ip(a, 'link', 'add', 'br0', 'type', 'bridge')
    net.ip(a, 'link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'port1')
    net.ip(a, 'link', 'set', 'port0', 'master', 'br0')
    r = net.flowctl('meter', 'attach', '--netns', a, '-n', 'br0', '-n', 'port0')
    check('br0' in r.stderr and 'port0' in r.stderr, r.stderr)
    net.flowctl('meter', 'detach', '--all')


@test
def maps_of_another_layout_version_are_refused_and_replaced_by_force():
    attached('--netns', a, '-n', 'eth0')
    cookie, = os.listdir(net.bpffs + '/flowctl')
    folder = '%s/flowctl/%s/' % (net.bpffs, cookie)
    os.unlink(folder + 'ctl')
    run('bpftool', 'map', 'create', folder + 'ctl', 'type', 'array', 'key', '4', 'value', '64', 'entries', '1', 'name', 'x')
    for words in ('meter', 'status'), ('dump',), ('flush', '-A'), ('meter', 'attach', '--netns', a, '-n', 'eth0'):
        text = refused(3, *words)
        check('layout' in text and '--force' in text, text)
    attached('--netns', a, '-n', 'eth0', '--force')
    equal(len(status()), 2)
    net.flowctl('meter', 'detach', '--all')
    equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is pinned')


@test
def a_first_attach_killed_at_any_moment_is_done_by_the_next_one():
    for at in range(1, 60):
        came = killed(net, at, 'meter', 'attach', '--netns', a, '-n', 'eth0')
        net.flowctl('meter', 'status')
        net.json('dump')
        attached('--netns', a, '-n', 'eth0', *SMALL)
        equal(status(), [(a, 'eth0', 'ingress'), (a, 'eth0', 'egress')], 'behind change %d' % at)
        net.flowctl('meter', 'detach', '--all')
        equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is pinned behind change %d' % at)
        if not came:
            break
    check(at > 10, 'there was nothing to kill')


@test
def a_program_that_the_kernel_does_not_take_is_told_in_its_words():
    def spoiled(how):
        env = dict(os.environ, LD_PRELOAD=KILLER, SPOIL_LOAD=how, ASAN_OPTIONS='verify_asan_link_order=0')
        r = net.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0', ok=False, env=env)
        equal(r.returncode, 3, r.stderr)
        equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is pinned')
        return r.stderr.splitlines()
    line, = spoiled('yes')
    check(line.endswith('(%s) refuses it: R2 !read_ok' % os.uname().release), line)
    line, hint = spoiled('EPERM')
    check('CAP_' not in hint and 'seccomp' in hint, hint)


@test
def below_ip_netns_exec_the_missing_bpffs_is_explained():
    r = run('ip', 'netns', 'exec', a, find_flowctl(), 'dump', ok=False)
    equal(r.returncode, 3, r.stderr)
    check('--netns' in r.stderr, r.stderr)


main(net, setup)
