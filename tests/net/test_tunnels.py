#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Traffic inside of a VXLAN of the kernel, metered outside on the underlay: what is inside is what
TCP and the sender say, with offloads on, by tc and by XDP; and what is outside is what a meter says that
does not look inside. Frames that this kernel has no devices for are injected."""
from collections import Counter

from lib import *

net = Net('tun')
UDP_SEGMENT = 103
# IPv4, UDP, VXLAN, Ethernet: what each wire packet has around the inner one.
AROUND = 20 + 8 + 8 + 14
OUTER = {'a': '10.88.0.1', 'b': '10.88.0.2'}
INNER = {'a': '10.89.0.1', 'b': '10.89.0.2'}
IP4, IP6, TEB = 0x0800, 0x86dd, 0x6558


def setup():
    global a, b, names
    a, b = net.ns('a'), net.ns('b')
    names = {a: 'a', b: 'b'}
    net.veth(a, 'eth0', b, 'eth0', OUTER['a'] + '/24', OUTER['b'] + '/24')
    for ns, other in (a, 'b'), (b, 'a'):
        r = net.ip(ns, 'link', 'add', 'vx0', 'type', 'vxlan', 'id', '42', 'dstport', '4789', 'local', OUTER[names[ns]],
                   'remote', OUTER[other], 'dev', 'eth0', ok=False)
        if r.returncode:
            return
        net.sysctl(ns, 'net.ipv6.conf.vx0.disable_ipv6', 1)
        net.ip(ns, 'addr', 'add', INNER[names[ns]] + '/24', 'dev', 'vx0')
        net.ip(ns, 'link', 'set', 'vx0', 'up')


def vxlan_needed():
    if 'vx0' not in net.ip(a, 'link').stdout:
        skip('this kernel has no VXLAN')


def offloads(on):
    for ns in a, b:
        net.exec(ns, 'ethtool', '-K', 'eth0', *sum(([f, 'on' if on else 'off'] for f in ('tso', 'gso', 'gro')), []))


def attach(ns, *options, dev='eth0'):
    net.flowctl('meter', 'attach', '--netns', ns, '-n', dev, *options)


def detach():
    net.flowctl('meter', 'detach', '--all')


def settled():
    """Wait until nothing was seen for a moment."""
    seen = lambda: [m['packets'] for m in net.json('meter', 'status')]
    last = None
    while last != (now := seen()):
        last = now
        time.sleep(0.1)


def snmp(ns, *names):
    out = net.exec(ns, 'nstat', '-asz', *names).stdout
    return sum(int(line.split()[1]) for line in out.splitlines() if line.split()[0] in names)


def sums(records):
    return sum(r['packets'] for r in records), sum(r['bytes'] for r in records)


def seen_at(ns, direction, dev='eth0'):
    """Records of flows inside, and those of the outer packets that were not looked into. What IPv6 says
    on a link by itself is not of here."""
    records = [r for r in net.json('dump', '--netns', ns) if r['iface'] == dev and r['direction'] == direction
               and not r['src_ip'].startswith(('fe80:', '::'))]
    return [r for r in records if r['encapsulated']], [r for r in records if not r['encapsulated']]


def tuples(records, proto='TCP'):
    got = Counter()
    for r in records:
        if r['proto'] == proto:
            k = r['pkt_src_ip'], r['src_port'], r['pkt_dst_ip'], r['dst_port']
            got[k + ('packets',)] += r['packets']
            got[k + ('bytes',)] += r['bytes']
    return got


def iperf(*args):
    p = iperf_server(net, b, INNER['b'])
    out = net.exec(a, 'iperf3', '-c', INNER['b'], '-J', *args).stdout
    ended(p)
    settled()
    return json.loads(out)['end']


def send_gso():
    """Super-packets of 1000-octet segments and a shorter last one; (segments, octets of IP)."""
    with inside(b):
        r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        r.bind((INNER['b'], 7100))
    with inside(a):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        s.connect((INNER['b'], 7100))
    sizes = 40000, 40001, 1001, 1000, 999, 2000, 1, 33333
    for size in sizes:
        s.send(bytes(size))
    s.close()
    r.close()
    settled()
    segments = sum(-(-size // 1000) for size in sizes)
    return segments, sum(sizes) + 28 * segments


def outside_is_right(sender, receiver):
    """@receiver's meter does not look inside: its packets are @sender's, with what is around them."""
    in_, rest = seen_at(sender, 1)
    packets, octets = sums(in_)
    more, more_octets = sums(rest)
    inside_there, there = seen_at(receiver, 0)
    equal(inside_there, [], 'flows inside, at a meter that does not look there')
    equal(sums(there), (packets + more, octets + AROUND * packets + more_octets), 'packets and octets outside')
    for r in in_:
        equal((r['tunnel'], r['vni'], r['src_ip'], r['dst_ip']),
              ('vxlan', 42, OUTER[names[sender]], OUTER[names[receiver]]), 'around the flow')


def tcp_is_right(hook_of_b):
    """@hook_of_b looks inside, too."""
    before, again = snmp(a, 'TcpOutSegs', 'TcpRetransSegs'), snmp(a, 'TcpRetransSegs')
    # A window that the queue of veth has room for: what that drops before XDP, egress has counted.
    end = iperf('-n', '30M', '-P', '2', '-w', '64K')
    segments, again = snmp(a, 'TcpOutSegs', 'TcpRetransSegs') - before, snmp(a, 'TcpRetransSegs') - again
    (out, _), (back, _) = seen_at(a, 1), seen_at(a, 0)
    packets, octets = sums([r for r in out if r['proto'] == 'TCP'])
    check(abs(packets - segments) <= segments // 1000, '%d packets inside, TCP sent %d segments' % (packets, segments))
    # An IP and a TCP header with time stamps each. What iperf wrote may still be in the socket at the end.
    least = end['sum_received']['bytes'] + 52 * packets
    most = (end['sum_sent']['bytes'] + 52 * packets) * 1.0005 + 4000 + again * 1448
    check(least <= octets <= most, '%d octets inside, wanted %d to %d' % (octets, least, most))
    counted = sum(r['retransmissions'] or 0 for r in out)
    check(again <= counted + 2 and counted <= again + 2, '%d retransmissions, TCP says %d' % (counted, again))
    # the very same flows at the device inside
    for direction, here in (1, out), (0, back):
        plain = [r for r in net.json('dump', '--netns', a) if r['iface'] == 'vx0' and r['direction'] == direction]
        equal(tuples(here), tuples(plain), 'flows of the tunnel and of its device, direction %d' % direction)
    if hook_of_b:
        equal(tuples(seen_at(b, 0)[0]), tuples(out), 'flows at the other end')
    else:
        outside_is_right(a, b)


def metered_tcp(offload, hook_of_b):
    vxlan_needed()
    offloads(offload)
    attach(a, '--decap', 'vxlan')
    attach(a, dev='vx0')
    attach(b, *(['--decap', 'vxlan', '--hook', hook_of_b] if hook_of_b else []))
    try:
        tcp_is_right(hook_of_b)
    finally:
        detach()
        offloads(True)


@test
def tcp_inside_is_what_tcp_sent_and_outside_what_the_underlay_carried():
    metered_tcp(True, None)


@test
def without_offloads_it_is_the_same():
    metered_tcp(False, None)


@test
def the_other_end_sees_the_same_inside_by_tc():
    metered_tcp(True, 'tc')


@test
def the_other_end_sees_the_same_inside_by_xdp():
    metered_tcp(True, 'xdp')


@test
def udp_segments_of_a_super_packet_inside_are_each_one_packet():
    vxlan_needed()
    attach(a, '--decap', 'all')
    attach(b)
    try:
        wanted = send_gso()
        found = [r for r in seen_at(a, 1)[0] if r['dst_port'] == 7100]
        equal((len(found), *sums(found)), (1, *wanted), 'inside')
        outside_is_right(a, b)
    finally:
        detach()


# -- what this kernel has no devices for

def vxlan(inner, vni=7):
    return ipv4('10.9.0.1', '10.9.0.2', 17, udp(9, 4789, struct.pack('!BxxxI', 8, vni << 8) + inner))


def geneve(proto, inner, options=b''):
    return ipv4('10.9.0.1', '10.9.0.2', 17, udp(9, 6081, struct.pack('!BBHI', len(options) // 4, 0, proto, 8 << 8) + options + inner))


def frames():
    """[(frame, what is said of it)]"""
    inner = ipv4('10.99.0.1', '10.99.0.2', 17, udp(1, 2, bytes(40)))
    inner6 = ipv6('fd99::1', 'fd99::2', 17, udp(1, 2, bytes(40)))
    whole = eth(net.mac(b, 'eth0'), net.mac(a, 'eth0'), IP4, inner)
    tagged = eth(net.mac(b, 'eth0'), net.mac(a, 'eth0'), 0x8100, vlan(5, IP4, inner))
    twice = eth(net.mac(b, 'eth0'), net.mac(a, 'eth0'), 0x88a8, vlan(6, 0x8100, vlan(7, IP4, inner)))
    endpoint = bytes.fromhex('01080102 0123456789abcdef')
    for packet, tunnel, vni, tags, endpoint_is in (
            (vxlan(tagged), 'vxlan', 7, (5, None), None), (vxlan(twice, 9), 'vxlan', 9, (6, 7), None),
            (geneve(IP4, inner, endpoint), 'geneve', 8, (None, None), '0123456789abcdef'),
            (ipv4('10.9.0.1', '10.9.0.2', 47, struct.pack('!HHI', 0x2000, IP6, 10) + inner6), 'gre', 10, (None, None), None),
            (ipv4('10.9.0.1', '10.9.0.2', 47, struct.pack('!HHI', 0x1000, 0x88be, 1) + bytes.fromhex('1000000b00000000') + whole),
             'erspan', 11, (None, None), None),
            (ipv4('10.9.0.1', '10.9.0.2', 4, inner), 'ipip', None, (None, None), None),
            (ipv4('10.9.0.1', '10.9.0.2', 41, inner6), '6in4', None, (None, None), None)):
        yield eth(net.mac(b, 'eth0'), net.mac(a, 'eth0'), IP4, packet), (tunnel, vni, *tags, endpoint_is)


@test
def frames_of_every_tunnel_are_seen_by_every_hook():
    for hook in 'tc', 'xdp':
        attach(b, '--decap', 'all', '--hook', hook, '--direction', 'ingress')
        sent = list(frames())
        wire = Wire(a, 'eth0')
        for frame, _ in sent:
            for _ in range(3):
                wire.send(frame)
        wire.close()
        wait_for(lambda: sums(seen_at(b, 0)[0])[0] == 3 * len(sent), 'all of them by %s' % hook)
        found = {(r['tunnel'], r['vni'], r['vlan_id'], r['inner_vlan_id'], r['gwlb_endpoint']): r for r in seen_at(b, 0)[0]}
        equal(sorted(map(str, found)), sorted(str(said) for _, said in sent), hook)
        for r in found.values():
            equal((r['packets'], r['bytes'], r['src_ip'], r['dst_ip'], r['src_port'], r['dst_port']),
                  (3, 3 * (88 if ':' in r['pkt_src_ip'] else 68), '10.9.0.1', '10.9.0.2', 1, 2), hook)
        status, = net.json('meter', 'status')
        equal((status['decap']['choice'], status['decap']['decapsulated']), ('all', 3 * len(sent)), hook)
        # found by the address inside, and by that outside
        for address in '10.9.0.1', '10.99.0.1':
            equal(sum(r['encapsulated'] for r in net.json('dump', '--netns', b, '-s', address)),
                  len(sent) - 2 * (address == '10.99.0.1'), address)
        detach()


main(net, setup)
