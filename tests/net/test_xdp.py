#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Metering by XDP: exact in both modes, beside programs of others, and gone without a trace."""
import functools
import glob
import threading

from foreign import *
from lib import *
from script import *

net = Net('xdp')
MODES = 'native', 'generic'
XDP_PASS, XDP_DROP = 2, 1
SMALL = '--tcp-metrics', 'off'      # a program that the verifier is done with in a third of the time


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', '10.81.0.1/24', '10.81.0.2/24')
    quiet(False)
    net.exec(a, 'ping', '-c', '1', '10.81.0.2')


def attach(*words, **kw):
    return net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', *words, **kw)


def detach():
    net.flowctl('meter', 'detach', '--all')


def status():
    return {m['direction']: (m['hook'], m['xdp_mode']) for m in net.json('meter', 'status')}


def ingress():
    return [m for m in net.json('meter', 'status') if m['direction'] == 'ingress'][0]


def tree():
    return sorted(glob.glob(net.bpffs + '/**', recursive=True))


def xdp_of(ns=None, dev='eth0'):
    """What ip says of XDP programs there: {} when there is none."""
    return json.loads(net.ip(ns or b, '-j', 'link', 'show', dev).stdout)[0].get('xdp', {})


def nothing_left():
    equal(xdp_of(), {}, 'XDP programs')
    equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is pinned')
    check('clsact' not in net.exec(b, 'tc', 'qdisc', 'show', 'dev', 'eth0').stdout, 'a qdisc is left')


def quiet(on):
    """No traffic but the test's: ARP too asks again, seconds after a ping."""
    for ns in a, b:
        net.ip(ns, 'link', 'set', 'eth0', 'arp', 'off' if on else 'on')
        net.sysctl(ns, 'net.ipv6.conf.eth0.disable_ipv6', int(on))
        if not on:
            net.ip(ns, 'addr', 'replace', 'fd81::%d/64' % (1 + (ns == b)), 'dev', 'eth0', 'nodad')


def balances():
    """seen = held + each loss, of every meter."""
    for m in net.json('meter', 'status'):
        l = m['ledger']
        for unit in 'packets', 'bytes':
            equal(sum(l[r][unit] for r in l if r != 'seen'), l['seen'][unit], 'the ledger of ' + m['direction'])


def fresh(f):
    """A test after which nothing is attached, whatever happened."""
    @functools.wraps(f)
    def g():
        try:
            f()
        finally:
            detach()
            quiet(False)
    return test(g)


# -- attach, detach, status

@fresh
def ingress_is_by_xdp_and_egress_by_tcx_or_tc():
    auto = attach()
    equal(auto.stderr.count('XDP'), 0, 'warnings of a meter without XDP')
    by_auto = status()['egress']
    detach()
    r = attach('--hook', 'xdp')
    equal(r.stdout, '%s:eth0:ingress (changed)\n%s:eth0:egress (changed)\n' % (b, b))
    check('drivers reset their rings' in r.stderr, r.stderr)
    equal(status(), {'ingress': ('xdp', 'native'), 'egress': by_auto})
    equal(xdp_of()['prog']['id'], ingress()['prog_id'], 'the program')
    check(' xdp ' in net.flowctl('meter', 'status').stdout, 'HOOK')
    r = attach('--hook', 'xdp')
    equal((r.stdout.count('(unchanged)'), r.stderr), (2, ''), 'the second time')
    detach()
    nothing_left()


@fresh
def a_mode_is_as_asked_for_and_stays_until_another_is():
    for mode, other in MODES, MODES[::-1]:
        attach('--xdp-mode', mode)
        equal(status()['ingress'], ('xdp', mode))
        for words in (), ('--hook', 'xdp'), ('--hook', 'xdp', '--force'), ('--sample', '3'):
            attach(*words)
            equal(status()['ingress'], ('xdp', mode), ' '.join(words))
        equal(ingress()['sample'], 3, 'sample')
        attach('--hook', 'xdp', '--xdp-mode', other)
        equal(status()['ingress'], ('xdp', other))
        detach()
        nothing_left()


@fresh
def one_direction_is_one_direction():
    attach('--hook', 'xdp', '--direction', 'ingress')
    equal(list(status()), ['ingress'])
    detach()
    equal(attach('--hook', 'xdp', '--direction', 'egress').stderr.count('XDP'), 0, 'warnings')
    equal(list(status()), ['egress'])
    equal(xdp_of(), {}, 'XDP programs')
    detach()


@fresh
def a_device_without_xdp_of_its_own_is_metered_by_the_generic_hook():
    net.ip(b, 'link', 'add', 'br0', 'type', 'bridge')
    net.ip(b, 'link', 'set', 'br0', 'up')
    r = net.flowctl('meter', 'attach', '--netns', b, '-n', 'br0', '--xdp-mode', 'native', ok=False)
    equal(r.returncode, 1, 'exit status')
    check('native' in r.stderr and '--xdp-mode' in r.stderr, r.stderr)
    equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is pinned')
    r = net.flowctl('meter', 'attach', '--netns', b, '-n', 'br0', '--hook', 'xdp')
    check("generic XDP on 'br0'" in r.stderr, r.stderr)
    equal(status()['ingress'], ('xdp', 'generic'))
    detach()
    equal(xdp_of(b, 'br0'), {})
    net.ip(b, 'link', 'del', 'br0')


@fresh
def a_dry_run_changes_nothing():
    for before in (), ('--hook', 'tcx'):
        if before:
            attach(*before)
        was = tree(), status()
        equal(attach('--hook', 'xdp', '--dry-run').stdout.splitlines()[0], '%s:eth0:ingress (changed)' % b)
        equal((tree(), status()), was)
        equal(xdp_of(), {})
    detach()


@fresh
def another_kind_of_hook_is_moved_to_and_back_and_no_flow_is_lost():
    attach('--hook', 'tcx')
    for n, words in enumerate((('--hook', 'xdp'), ('--hook', 'tc'), ('--xdp-mode', 'generic'), ('--hook', 'tcx'),
                               ('--xdp-mode', 'native'), ('--hook', 'tcx', '--force')), 1):
        net.exec(a, 'ping', '-c', '1', '10.81.0.2')
        attach(*words)
        flow, = [r for r in net.json('dump', '-p', 'icmp') if r['src_ip'] == '10.81.0.1']
        equal(flow['packets'], n, 'pings held after ' + ' '.join(words))
        equal(status()['ingress'][0], 'xdp' if '--xdp-mode' in words else words[1])
        equal(bool(xdp_of()), status()['ingress'][0] == 'xdp', 'an XDP program is there')
        balances()
    detach()
    nothing_left()


@fresh
def the_table_is_made_another_size_below_xdp():
    attach('--hook', 'xdp', '-l', '10000')
    net.exec(a, 'ping', '-c', '3', '-i', '0.2', '10.81.0.2')
    attach('-l', '20000', '--force')
    equal(status()['ingress'], ('xdp', 'native'))
    equal([r['packets'] for r in net.json('dump', '-p', 'icmp')], [3, 3])
    balances()
    detach()
    nothing_left()


# -- others

def foreign_programs():
    """Every way in which somebody may hold the place: (what, begin, end)."""
    pin = net.bpffs + '/foreign'
    for how in 'xdp', 'xdpgeneric', 'xdpdrv':
        def begin(how=how):
            # Not `ip -n`: it puts a sysfs of its own over the bpffs.
            run('nsenter', '--net=/run/netns/' + b, 'ip', 'link', 'set', 'dev', 'eth0', how, 'pinned', pin)
        yield how, begin, lambda how=how: net.ip(b, 'link', 'set', 'dev', 'eth0', how, 'off')
    for flags in 2, 4:                                      # XDP_FLAGS_SKB_MODE, _DRV_MODE
        held = []

        def begin(held=held, flags=flags):
            held.append(Foreign(XDP, XDP_PASS).attach(b, 'eth0', 37, flags))
        yield 'a link, flags %d' % flags, begin, lambda held=held: held.pop().close()


@fresh
def a_program_of_somebody_else_is_left_alone_and_said_in_one_sentence():
    net.ip(b, 'link', 'add', 'aa0', 'type', 'veth', 'peer', 'name', 'aa1')
    net.ip(b, 'link', 'set', 'aa0', 'up')
    Foreign(XDP, XDP_PASS).pin(net.bpffs + '/foreign').close()
    for what, begin, end in foreign_programs():
        begin()
        before, pins = xdp_of(), tree()
        for words in ((), ('--xdp-mode', 'native'), ('--xdp-mode', 'generic'), ('--force',), ('--dry-run',),
                      ('-n', 'aa0')):
            r = attach('--hook', 'xdp', *words, ok=False)
            equal((r.returncode, r.stdout), (1, ''), 'exit status beside ' + what)
            sentence, hint = r.stderr.splitlines()
            check("interface 'eth0' ingress: another XDP program (id %d)" % before['prog']['id'] in sentence, r.stderr)
            check('--hook tcx' in hint, r.stderr)
            equal((xdp_of(), tree(), xdp_of(b, 'aa0')), (before, pins, {}), 'beside ' + what)
        attach()                                            # beside it
        r = attach('--hook', 'xdp', '--force', ok=False)
        equal((r.returncode, xdp_of()), (1, before), 'a move')
        check(status()['ingress'][0] in ('tcx', 'tc'), 'the meter is gone')
        detach()
        equal(xdp_of(), before)
        end()
        equal(xdp_of(), {})
    os.unlink(net.bpffs + '/foreign')
    net.ip(b, 'link', 'del', 'aa0')


@fresh
def nobody_takes_the_place_of_our_program():
    Foreign(XDP, XDP_DROP).pin(net.bpffs + '/foreign').close()
    for mode in MODES:
        attach('--xdp-mode', mode)
        for how in 'xdp', 'xdpgeneric', 'xdpdrv':
            r = run('nsenter', '--net=/run/netns/' + b, 'ip', '-force', 'link', 'set', 'dev', 'eth0', how, 'pinned',
                    net.bpffs + '/foreign', ok=False)
            check(r.returncode != 0, 'a program by netlink took the place of ours')
            net.ip(b, 'link', 'set', 'dev', 'eth0', how, 'off', ok=False)
        equal(status()['ingress'], ('xdp', mode))
        net.exec(a, 'ping', '-c', '1', '10.81.0.2')
        detach()
    os.unlink(net.bpffs + '/foreign')


# -- exactness

@fresh
def the_scripted_sender_is_counted_to_the_packet_and_byte():
    """Tags in the frame, fragments, extension headers, padding: as with tc."""
    quiet(True)
    script = Script(net.mac(a, 'eth0'), net.mac(b, 'eth0'))
    wire = Wire(a, 'eth0')
    for mode in MODES:
        attach('--xdp-mode', mode, '--direction', 'ingress')
        script.send(wire)
        wait_for(lambda: ingress()['packets'] >= len(script.frames), 'the last packet')
        same(flows_of(net.json('dump', '--netns', b)), script.flows)
        m = ingress()
        equal((m['packets'], m['bytes']), script.totals(), 'seen')
        equal(m['unmetered_packets'], 0, 'unmetered')
        r = net.json('dump', '--netns', b)[0]
        equal((r['mark'], r['ingress_ifindex'], r['egress_ifindex']), (0, net.ifindex(b, 'eth0'), 0))
        balances()
        detach()
    quiet(False)


def other_frames():
    """(reason, bytes behind the link header, frame)"""
    macs = net.mac(b, 'eth0'), net.mac(a, 'eth0')
    v4 = ipv4('10.81.0.1', '10.81.0.9', 17, udp(1, 2, bytes(20)))
    yield 'non_ip', 28, eth(b'\xff' * 6, macs[1], 0x806, struct.pack('!HHBBH', 1, 0x800, 6, 4, 1) + bytes(20))
    yield 'non_ip', 60, eth(*macs, 0x88cc, bytes(60))
    yield 'non_ip', 46, eth(*macs, 0x8100, vlan(7, 0x1234, bytes(46)))
    yield 'unparsed', 19, eth(*macs, 0x800, v4[:19])
    yield 'unparsed', 30, eth(*macs, 0x86dd, b'\x60' + bytes(29))
    yield 'unparsed', 48, eth(*macs, 0x800, b'\x42' + v4[1:])


@fresh
def what_is_no_ip_or_cannot_be_parsed_is_in_the_ledger_and_arrives():
    quiet(True)
    wire, back = Wire(a, 'eth0'), Wire(b, 'eth0')
    for mode in MODES:
        attach('--xdp-mode', mode, '--direction', 'ingress')
        want = Counter()
        for reason, size, frame in other_frames():
            wire.send(frame)
            shown = frame[:12] + frame[16:] if frame[12:14] == b'\x81\0' else frame
            check(back.received(shown), 'a frame did not arrive: ' + frame.hex())
            want[reason, 'packets'] += 1
            want[reason, 'bytes'] += size
        l = ingress()['ledger']
        for reason, unit in want:
            equal(l[reason][unit], want[reason, unit], '%s %s by %s' % (reason, unit, mode))
        equal(l['held'], {'packets': 0, 'bytes': 0})
        balances()
        detach()
    quiet(False)


def by_tuple(ns, direction, proto):
    got = Counter()
    for r in net.json('dump', '--netns', ns, '-p', proto):
        if r['direction'] == direction:
            k = r['src_ip'], r['src_port'], r['dst_ip'], r['dst_port']
            got[k + ('packets',)] += r['packets']
            got[k + ('bytes',)] += r['bytes']
    return got


def settled():
    seen = lambda: [m['packets'] for m in net.json('meter', 'status')]
    last = seen()
    while True:
        time.sleep(0.1)
        if seen() == last:
            return
        last = seen()


def iperf(server, *args):
    p = iperf_server(net, b, server)
    net.exec(a, 'iperf3', '-c', server, '-J', *args)
    ended(p)
    settled()


def both_ends_agree(*args):
    """TCP from one end by tcx or tc, where segments are counted, to the other by XDP."""
    for mode in MODES:
        for server in '10.81.0.2', 'fd81::2':
            attach('--xdp-mode', mode)
            net.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0')
            before = dropped()
            # A window that the queue of veth has room for: what that drops, egress has counted.
            iperf(server, '-w', '64K', *args)
            out, in_ = by_tuple(a, 1, 'tcp'), by_tuple(b, 0, 'tcp')
            check(sum(v for k, v in out.items() if k[-1] == 'packets') > 1000, 'hardly any packet')
            equal(dropped() - before, 0, 'packets lost by the device itself')
            same_counts(in_, out, '%s %s' % (server, mode))
            balances()
            detach()


def same_counts(got, wanted, what):
    for k in sorted(set(got) | set(wanted), key=str):
        equal(got[k], wanted[k], '%s: %s' % (what, k))


def dropped():
    """What veth lost on the way, before XDP."""
    return json.loads(net.ip(a, '-j', '-s', 'link', 'show', 'eth0').stdout)[0]['stats64']['tx']['dropped']


@fresh
def tcp_with_offloads_at_the_sender_is_the_same_at_both_ends():
    both_ends_agree('-t', '1', '-P', '2')


@fresh
def jumbo_frames_are_metered_and_exact():
    for ns in a, b:
        net.ip(ns, 'link', 'set', 'eth0', 'mtu', '9000')
    quiet(True)
    wire = Wire(a, 'eth0')
    macs = net.mac(b, 'eth0'), net.mac(a, 'eth0')
    for mode in MODES:
        attach('--xdp-mode', mode, '--direction', 'ingress')
        total = 0
        for size in 1500, 3000, 4000, 4096, 6000, 8900, 8972:
            ip = ipv4('10.81.0.1', '10.81.0.9', 17, udp(900, 901, bytes(size)))
            wire.send(eth(*macs, 0x800, ip))
            total += len(ip)
        wait_for(lambda: ingress()['packets'] >= 7, 'the last packet')
        equal([(r['packets'], r['bytes']) for r in net.json('dump', '-D', '901')], [(7, total)], mode)
        detach()
    quiet(False)
    both_ends_agree('-n', '60M')
    for ns in a, b:
        net.ip(ns, 'link', 'set', 'eth0', 'mtu', '1500')


@fresh
def a_device_without_ethernet_header_is_exact():
    if not os.path.exists('/dev/net/tun'):
        skip('no /dev/net/tun')
    with inside(b):
        tun = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001))       # TUNSETIFF, IFF_TUN|IFF_NO_PI
    net.sysctl(b, 'net.ipv6.conf.tun0.disable_ipv6', 0)
    net.ip(b, 'addr', 'add', '10.87.0.1/24', 'dev', 'tun0')
    net.ip(b, 'link', 'set', 'tun0', 'up')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'tun0', '--hook', 'xdp', '--direction', 'ingress')
    for _ in range(5):
        os.write(tun, ipv4('10.87.0.2', '10.87.0.1', UDP, udp(1, 2, bytes(30))))
        os.write(tun, ipv6('fd87::2', 'fd87::1', UDP, udp(1, 2, bytes(31))))
    got = {r['src_ip']: (r['packets'], r['bytes']) for r in net.json('dump', '-p', 'udp')}
    equal(got, {'10.87.0.2': (5, 5 * 58), 'fd87::2': (5, 5 * 79)})
    equal({m['iface'] for m in net.json('meter', 'status')}, {'tun0'})
    detach()
    os.close(tun)


def received_frames():
    out = json.loads(net.ip(b, '-j', '-s', 'link', 'show', 'eth0').stdout)[0]
    return out['stats64']['rx']['packets']


@fresh
def force_under_traffic_loses_no_packet():
    quiet(True)
    out = Wire(a, 'eth0')
    frame = eth(net.mac(b, 'eth0'), net.mac(a, 'eth0'), 0x800, ipv4('10.81.0.1', '10.81.0.9', 17, udp(5, 6, bytes(100))))
    for mode in MODES:
        ending = []
        attach('--xdp-mode', mode, '--direction', 'ingress')

        def send():
            while not ending:
                for _ in range(20):
                    out.send(frame)
                time.sleep(0.0005)

        before = received_frames()
        t = threading.Thread(target=send)
        t.start()
        try:
            for _ in range(10):
                equal(attach('--hook', 'xdp', '--direction', 'ingress', '--force').stdout,
                      '%s:eth0:ingress (changed)\n' % b)
        finally:
            ending.append(True)
            t.join()
        settled()
        n = received_frames() - before
        check(n > 1000, 'only %d frames' % n)
        equal(sum(r['packets'] for r in net.json('dump', '-D', '6')), n, mode)
        equal(ingress()['unmetered_packets'], 0, 'unmetered')
        balances()
        detach()
    quiet(False)


# -- what goes wrong

@fresh
def a_vanished_interface_is_shown_once_and_cleared():
    for mode in MODES:
        net.ip(b, 'link', 'add', 'gone0', 'type', 'veth', 'peer', 'name', 'gone1')
        net.ip(b, 'link', 'set', 'gone0', 'up')
        net.flowctl('meter', 'attach', '--netns', b, '-n', 'gone0', '-n', 'eth0', '--xdp-mode', mode)
        net.ip(b, 'link', 'del', 'gone0')
        gone = [m for m in net.json('meter', 'status') if m['iface'] == 'gone0']
        equal([(m['gone'], m['xdp_mode']) for m in gone], [(True, None)] * 2)
        equal({m['iface'] for m in net.json('meter', 'status')}, {'eth0'}, 'what is left')
        detach()
        nothing_left()


@fresh
def a_vanished_namespace_leaves_nothing():
    c = net.ns('c')
    net.veth(a, 'toc', c, 'eth0')
    net.flowctl('meter', 'attach', '--netns', c, '-n', 'eth0', '--hook', 'xdp')
    net.del_ns(c)
    wait_for(lambda: 'toc' not in net.ip(a, 'link').stdout, 'the end of the namespace')
    net.flowctl('meter', 'status')
    equal(glob.glob(net.bpffs + '/flowctl/*'), [], 'what is pinned')


def hook_pins():
    return [os.path.basename(p) for p in tree() if os.path.basename(p).split('_')[0] in ('hook', 'prog', 'next', 'link')]


@fresh
def killed_at_any_moment_it_is_brought_to_an_end_by_the_next_one():
    """Another meter keeps the table: this is about links and programs, which are loaded often."""
    net.ip(b, 'link', 'add', 'aa0', 'type', 'veth', 'peer', 'name', 'aa1')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'aa0', '-l', '1000')
    pins, eth0 = hook_pins(), ('--netns', b, '-n', 'eth0')
    xdp, tcx, tc = (('attach', '--hook', hook, *SMALL) for hook in ('xdp', 'tcx', 'tc'))
    generic, gone = ('attach', '--xdp-mode', 'generic', *SMALL), ('detach',)
    moves = (gone, xdp), (tcx, xdp), (xdp, tcx), (tc, xdp), (xdp, tc), (xdp, xdp + ('--force',)), (xdp, generic), (xdp, gone)
    for n, (begin, then) in enumerate(moves):
        for at in range(1, 60):
            next_ = (xdp, gone, tcx)[(n + at) % 3]
            net.flowctl('meter', *begin, *eth0)
            came = killed(net, at, 'meter', *then, '--netns', b, '-n', 'eth0')
            net.flowctl('meter', *next_, *eth0)
            what = 'killed behind change %d of %r' % (at, then)
            equal(bool(xdp_of()), next_ == xdp, 'an XDP program is there, ' + what)
            if next_ != gone:
                equal({m['hook'] for m in net.json('meter', 'status') if m['iface'] == 'eth0'
                       and m['direction'] == 'ingress' and not m['gone']}, {next_[2]}, what)
            net.flowctl('meter', *gone, *eth0)
            equal((xdp_of(), hook_pins()), ({}, pins), what)
            if not came:
                break
        check(at > 2, 'there was nothing to kill')
    net.ip(b, 'link', 'del', 'aa0')


@fresh
def the_agents_configuration_meters_by_xdp():
    conf = net.bpffs.replace('/sys/fs/bpf/', '/tmp/flowctl-test-') + '.yaml'
    for path in conf, conf + '.log':
        net.cleanups.append(lambda path=path: os.path.exists(path) and os.unlink(path))
    with open(conf, 'w') as f:
        f.write('idleTimeoutSeconds: 1\ncount: all\nmeters:\n- {netns: %s, name: eth0, hook: xdp, xdpMode: generic}\n'
                'outputs:\n- log: {file: %s.log}\n' % (b, conf))
    agent = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', conf, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(net.json('meter', 'status')) == 2, 'the meters')
    equal(status()['ingress'], ('xdp', 'generic'))
    net.exec(a, 'ping', '-c', '3', '-i', '0.2', '10.81.0.2')
    agent.terminate()
    err = agent.communicate(timeout=60)[1]
    equal(agent.returncode, 0)
    check('rings' in err, err)
    with open(conf + '.log') as f:
        pings = [r for r in map(json.loads, f) if r['src_ip'] == '10.81.0.1' and r['proto'] == 'ICMP']
    equal(sum(r['packets'] for r in pings), 3, 'pings exported')
    detach()
    nothing_left()


main(net, setup)
