#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Do no harm: with meters on, everything still arrives, and everybody else's programs run."""
from foreign import *
from lib import *

net = Net('harm')
HOOKS = 'tcx', 'tc', 'xdp'


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', '10.82.0.1/24', '10.82.0.2/24')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.eth0.disable_ipv6', 1)


def odd_frames():
    """Frames that a careless meter drops, misreads or breaks."""
    src, dst = net.mac(a, 'eth0'), net.mac(b, 'eth0')
    v4 = ipv4('10.82.0.1', '10.82.0.9', 17, udp(1, 2, b'payload'))
    v6 = ipv6('fd82::1', 'fd82::2', 17, udp(1, 2, b'payload'))
    yield 'ARP', eth(b'\xff' * 6, src, 0x806, struct.pack('!HHBBH', 1, 0x800, 6, 4, 1) + bytes(20))
    yield 'LLDP', eth(bytes.fromhex('0180c200000e'), src, 0x88cc, b'\x02\x07\x04' + src + bytes(30))
    yield 'IPv6', eth(dst, src, 0x86dd, v6)
    yield 'VLAN', eth(dst, src, 0x8100, vlan(5, 0x800, v4))
    yield 'QinQ', eth(dst, src, 0x88a8, vlan(5, 0x8100, vlan(6, 0x800, v4)))
    yield 'MPLS', eth(dst, src, 0x8847, struct.pack('!I', 16 << 12 | 1 << 8 | 64) + v4)
    yield 'an unknown type', eth(dst, src, 0x1234, bytes(50))
    yield 'an empty frame', eth(dst, src, 0x9999, b'')
    for n in range(1, 20):
        yield 'IPv4 cut at %d' % n, eth(dst, src, 0x800, v4[:n])
        yield 'IPv6 cut at %d' % n, eth(dst, src, 0x86dd, v6[:2 * n])
    for byte, value in (0, 0x00), (0, 0x44), (0, 0x4f), (2, 0xff), (3, 0x01), (6, 0x3f), (9, 0xff):
        yield 'IPv4 with byte %d = %#x' % (byte, value), eth(dst, src, 0x800, v4[:byte] + bytes([value]) + v4[byte + 1:])
    for byte, value in (0, 0x40), (4, 0xff), (5, 0x00), (6, 0x00), (6, 0x2c), (6, 0x3c), (6, 0x33):
        yield 'IPv6 with byte %d = %#x' % (byte, value), eth(dst, src, 0x86dd, v6[:byte] + bytes([value]) + v6[byte + 1:])
    yield 'a SYN with nothing behind', eth(dst, src, 0x800, ipv4('10.82.0.1', '10.82.0.9', 6, tcp(1, 2, 2)[:13]))
    yield 'a long chain of headers', eth(dst, src, 0x86dd, ipv6('fd82::1', 'fd82::2', 60, bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 20))


def everything_arrives():
    out, back = Wire(a, 'eth0'), Wire(b, 'eth0')
    for what, frame in odd_frames():
        try:
            out.send(frame)
        except OSError as e:
            raise Failed('%s cannot be sent: %s' % (what, e))
        # In-band VLAN tags of the outermost are taken off by the receiving stack.
        want = frame[:12] + frame[16:] if frame[12:14] in (b'\x81\0', b'\x88\xa8') and len(frame) >= 18 else frame
        check(back.received(want), what + ' did not arrive')
    out.close()
    back.close()


@test
def everything_arrives_without_meters_so_that_the_next_test_can_fail():
    everything_arrives()


@test
def everything_arrives_with_meters_at_both_ends():
    for hook in HOOKS:
        for ns in a, b:
            net.flowctl('meter', 'attach', '--netns', ns, '-n', 'eth0', '--hook', hook)
        everything_arrives()
        equal(net.exec(a, 'ping', '-c', '2', '-i', '0.2', '-W', '2', '10.82.0.2', ok=False).returncode, 0, 'ping')
        net.flowctl('meter', 'detach', '--all')


@test
def a_tc_filter_behind_ours_still_runs_and_decides():
    """One that drops all (TC_ACT_SHOT): it sees every packet that our meter saw, and they are dropped."""
    other = Foreign(SCHED_CLS, 2).pin(net.bpffs + '/foreign')
    out, back = Wire(a, 'eth0'), Wire(b, 'eth0')
    frame = eth(net.mac(b, 'eth0'), net.mac(a, 'eth0'), 0x800, ipv4('10.82.0.1', '10.82.0.2', 17, udp(9, 7, b'drop me')))
    net.exec(a, 'tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact')
    # Not `tc -n`: it puts a sysfs of its own over the bpffs.
    run('nsenter', '--net=/run/netns/' + a, 'tc', 'filter', 'add', 'dev', 'eth0', 'egress', 'pref', '200', 'bpf', 'direct-action',
        'object-pinned', net.bpffs + '/foreign')
    for hook in HOOKS:
        net.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0', '--hook', hook)
        before = other.runs()
        for _ in range(5):
            try:
                out.send(frame)
            except OSError:
                pass            # the drop, as the sender is told of it
        wait_for(lambda: other.runs() - before == 5, 'five runs of the filter behind ours')
        check(not back.received(frame, 0.3), 'the filter behind ours did not drop')
        equal(sum(r['packets'] for r in net.json('dump', '--netns', a, '-D', '7')), 5, 'metered before the drop')
        net.flowctl('meter', 'detach', '--all')
        check('foreign' in net.exec(a, 'tc', 'filter', 'show', 'dev', 'eth0', 'egress').stdout, 'the filter is gone')
    net.exec(a, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'clsact')
    other.close()


@test
def a_clsact_of_ours_goes_and_one_in_use_stays():
    net.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0', '--hook', 'tc')
    check('clsact' in net.exec(a, 'tc', 'qdisc', 'show', 'dev', 'eth0').stdout, 'no clsact')
    net.flowctl('meter', 'detach', '--netns', a, '-n', 'eth0')
    check('clsact' not in net.exec(a, 'tc', 'qdisc', 'show', 'dev', 'eth0').stdout, 'clsact stays')
    net.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0', '--hook', 'tc')
    net.exec(a, 'tc', 'filter', 'add', 'dev', 'eth0', 'ingress', 'pref', '300', 'protocol', 'ip', 'u32',
             'match', 'u32', '0', '0', 'flowid', '1:1')
    net.flowctl('meter', 'detach', '--netns', a, '-n', 'eth0')
    check('u32' in net.exec(a, 'tc', 'filter', 'show', 'dev', 'eth0', 'ingress').stdout, 'the filter is gone')
    net.exec(a, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'clsact')


@test
def a_foreign_filter_at_our_pref_is_not_replaced():
    net.exec(a, 'tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact')
    net.exec(a, 'tc', 'filter', 'add', 'dev', 'eth0', 'ingress', 'pref', '100', 'protocol', 'ip', 'u32',
             'match', 'u32', '0', '0', 'flowid', '1:1')
    before = net.exec(a, 'tc', 'filter', 'show', 'dev', 'eth0', 'ingress').stdout
    r = net.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0', '--hook', 'tc', ok=False)
    equal(r.returncode, 1, 'exit status')
    equal(net.exec(a, 'tc', 'filter', 'show', 'dev', 'eth0', 'ingress').stdout, before, 'the filters')
    equal(net.json('meter', 'status'), [], 'status')
    net.exec(a, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'clsact')


@test
def a_tcx_program_behind_ours_still_runs_and_stays():
    if not any(m['hook'] == 'tcx' for m in attached_by_auto()):
        skip('this kernel has no tcx')
    other = Foreign(SCHED_CLS, -1).attach(b, 'eth0', 46)
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0')
    m = [m for m in net.json('meter', 'status') if m['direction'] == 'ingress'][0]
    equal(m['position'], 0, 'our position')
    before = other.runs()
    out = Wire(a, 'eth0')
    frames = [f for _, f in odd_frames()]
    for f in frames:
        out.send(f)
    wait_for(lambda: other.runs() - before >= len(frames), 'the runs of the program behind ours')
    net.flowctl('meter', 'detach', '--all')
    before = other.runs()
    out.send(frames[0])
    wait_for(lambda: other.runs() > before, 'its runs after our detach')
    other.close()


def attached_by_auto():
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0')
    status = net.json('meter', 'status')
    net.flowctl('meter', 'detach', '--all')
    return status


@test
def a_foreign_xdp_program_is_there_after_detach():
    other = Foreign(XDP, 2).attach(b, 'eth0', 37, 2)      # XDP_PASS, in SKB mode
    for hook in 'tcx', 'tc':
        net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--hook', hook)
        net.flowctl('meter', 'detach', '--all')
        check('xdp' in net.ip(b, 'link', 'show', 'eth0').stdout, 'the XDP program is gone')
    other.close()


main(net, setup)
