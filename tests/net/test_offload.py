#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Wire packets and IP bytes under GSO and GRO, held against the kernel's own counters, a
scripted sender, and the other end."""
import fcntl
from collections import Counter

from lib import *

net = Net('off')
UDP_SEGMENT, UDP_GRO = 103, 104
TCP, UDP = 6, 17


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', ['10.85.0.1/24', 'fd85::1/64'], ['10.85.0.2/24', 'fd85::2/64'])


def offloads(on):
    for ns in a, b:
        net.exec(ns, 'ethtool', '-K', 'eth0', *sum(([f, 'on' if on else 'off'] for f in ('tso', 'gso', 'gro')), []))


def metered(f):
    """Run @f with both ends metered in both directions; nothing stays."""
    for ns in a, b:
        net.flowctl('meter', 'attach', '--netns', ns, '--all')
    try:
        f()
    finally:
        net.flowctl('meter', 'detach', '--all')


def snmp(ns, *names):
    """Counters of the namespace's own stack, as nstat reads them."""
    out = net.exec(ns, 'nstat', '-asz', *names).stdout
    return sum(int(line.split()[1]) for line in out.splitlines() if line.split()[0] in names)


def flows(ns, direction, dev='eth0', proto=None, records=None):
    """Packets and bytes by tuple."""
    got = Counter()
    for r in records if records is not None else net.json('dump', '--netns', ns):
        if r['iface'] == dev and r['direction'] == (direction == 'egress') and proto in (None, r['proto']):
            k = (r['src_ip'], r['src_port'], r['dst_ip'], r['dst_port'])
            got[k + ('packets',)] += r['packets']
            got[k + ('bytes',)] += r['bytes']
    return got


def total(f, what):
    return sum(v for k, v in f.items() if k[-1] == what)


def settled():
    """Wait until the last ACKs have passed: nothing was seen for a moment."""
    seen = lambda: [m['packets'] for m in net.json('meter', 'status')]
    last = seen()
    while True:
        time.sleep(0.1)
        if seen() == last:
            return
        last = seen()


def iperf(server, *args):
    p = iperf_server(net, b, server)
    out = net.exec(a, 'iperf3', '-c', server, '-J', *args).stdout
    ended(p)
    settled()
    return json.loads(out)['end']


def tcp_is_true(server):
    """What left here is what TCP says it sent, and what arrived there is the same."""
    before, again = snmp(a, 'TcpOutSegs', 'TcpRetransSegs'), snmp(a, 'TcpRetransSegs')
    # A window that the queue of veth has room for: what that drops, egress has counted.
    end = iperf(server, '-t', '1', '-P', '2', '-w', '256K')
    segments = snmp(a, 'TcpOutSegs', 'TcpRetransSegs') - before
    again = snmp(a, 'TcpRetransSegs') - again
    out, in_ = flows(a, 'egress', proto='TCP'), flows(b, 'ingress', proto='TCP')
    packets = total(out, 'packets')
    check(abs(packets - segments) <= segments // 1000, '%d packets left, TCP sent %d segments' % (packets, segments))
    # Every segment has an IP and a TCP header with time stamps (SYNs have more options). What
    # iperf wrote may still be in the socket at the end; what it read was surely sent.
    headers = packets * (72 if ':' in server else 52)
    least = end['sum_received']['bytes'] + headers
    most = (end['sum_sent']['bytes'] + headers) * 1.0005 + 4000 + again * 1448
    check(least <= total(out, 'bytes') <= most,
          '%d bytes left, %d to %d were sent' % (total(out, 'bytes'), least, most))
    equal(in_, out, 'ingress of the other side')
    equal(flows(a, 'ingress', proto='TCP'), flows(b, 'egress', proto='TCP'), 'the way back')


@test
def tcp_under_gso_and_gro_is_what_tcp_sent():
    offloads(True)
    metered(lambda: tcp_is_true('10.85.0.2'))
    metered(lambda: tcp_is_true('fd85::2'))


@test
def tcp_without_offloads_gives_the_same():
    offloads(False)
    metered(lambda: tcp_is_true('10.85.0.2'))
    metered(lambda: tcp_is_true('fd85::2'))
    offloads(True)


def send_gso(family, src, dst, port, gro):
    """UDP_SEGMENT: super-packets of 1000-byte segments and a shorter last one; (segments, payload)."""
    with inside(b):
        r = socket.socket(family, socket.SOCK_DGRAM)
        r.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        if gro:
            r.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        r.bind((dst, port))
    with inside(a):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        s.connect((dst, port))
    segments = payload = 0
    for size in (40000, 40001, 1001, 1000, 999, 2000, 1, 33333, 60000):
        s.send(bytes(size))
        segments += -(-size // 1000)
        payload += size
    s.close()
    r.close()
    return segments, payload


@test
def udp_gso_counts_its_segments():
    def run_one():
        for n, (family, src, dst, ip) in enumerate(((socket.AF_INET, '10.85.0.1', '10.85.0.2', 20),
                                                    (socket.AF_INET6, 'fd85::1', 'fd85::2', 40))):
            for gro in False, True:
                port = 7000 + 2 * n + gro
                segments, payload = send_gso(family, src, dst, port, gro)
                for ns, direction in (a, 'egress'), (b, 'ingress'):
                    f = {k: v for k, v in flows(ns, direction, proto='UDP').items() if k[3] == port}
                    equal((total(f, 'packets'), total(f, 'bytes')), (segments, payload + segments * (ip + 8)),
                          '%s %s, GRO %s' % (dst, direction, gro))
    metered(run_one)


def with_vxlan(f):
    for ns, me, peer in (a, 1, 2), (b, 2, 1):
        net.ip(ns, 'link', 'add', 'vx0', 'type', 'vxlan', 'id', '42', 'dstport', '4789', 'local', '10.85.0.%d' % me,
               'remote', '10.85.0.%d' % peer, 'dev', 'eth0')
        net.sysctl(ns, 'net.ipv6.conf.vx0.disable_ipv6', 1)
        net.ip(ns, 'addr', 'add', '10.86.0.%d/24' % me, 'dev', 'vx0')
        net.ip(ns, 'link', 'set', 'vx0', 'up')
    try:
        metered(f)
    finally:
        for ns in a, b:
            net.ip(ns, 'link', 'del', 'vx0')


def inner_is_outer():
    """IPv4, UDP, VXLAN and the inner Ethernet header: 50 bytes a wire packet, on both sides."""
    # The control packets of the tunnel's own devices (ARP) have no IP layer inside: count them by the ledger.
    for ns in a, b:
        records = net.json('dump', '--netns', ns)
        for direction in 'egress', 'ingress':
            inner = flows(ns, direction, 'vx0', None, records)
            outer = {k: v for k, v in flows(ns, direction, 'eth0', 'UDP', records).items() if k[3] == 4789}
            ledger = [m['ledger'] for m in net.json('meter', 'status', '--netns', ns)
                      if m['iface'] == 'vx0' and m['direction'] == direction][0]
            packets = total(inner, 'packets') + ledger['non_ip']['packets']
            nbytes = total(inner, 'bytes') + ledger['non_ip']['bytes'] + 50 * packets
            equal((total(outer, 'packets'), total(outer, 'bytes')), (packets, nbytes), '%s %s' % (ns, direction))


@test
def tcp_inside_vxlan_is_right_inside_and_outside():
    def go():
        before = snmp(a, 'TcpOutSegs', 'TcpRetransSegs')
        iperf('10.86.0.2', '-n', '200M')
        segments = snmp(a, 'TcpOutSegs', 'TcpRetransSegs') - before
        packets = total(flows(a, 'egress', 'vx0', 'TCP'), 'packets')
        check(abs(packets - segments) <= segments // 1000, '%d packets, %d segments' % (packets, segments))
        inner_is_outer()
    for on in True, False:
        offloads(on)
        with_vxlan(go)
    offloads(True)


@test
def udp_gso_inside_vxlan_is_right_inside_and_outside():
    def go():
        segments, payload = send_gso(socket.AF_INET, '10.86.0.1', '10.86.0.2', 7100, True)
        f = {k: v for k, v in flows(a, 'egress', 'vx0', 'UDP').items() if k[3] == 7100}
        equal((total(f, 'packets'), total(f, 'bytes')), (segments, payload + segments * 28), 'inside')
        inner_is_outer()
    with_vxlan(go)


@test
def big_tcp_is_what_tcp_sent():
    for ns in a, b:
        if net.ip(ns, 'link', 'set', 'eth0', 'gso_max_size', '150000', 'gro_max_size', '150000', ok=False).returncode:
            skip('no BIG TCP here')
    metered(lambda: tcp_is_true('fd85::2'))
    for ns in a, b:
        net.ip(ns, 'link', 'set', 'eth0', 'gso_max_size', '65536', 'gro_max_size', '65536')


class Tun:
    """An L3 device: packets without an Ethernet header, written and read by the test."""
    def __init__(self, ns):
        with inside(ns):
            self.fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(self.fd, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001))    # TUNSETIFF, IFF_TUN|IFF_NO_PI
        net.sysctl(ns, 'net.ipv6.conf.tun0.accept_dad', 0)
        net.ip(ns, 'addr', 'add', '10.87.0.1/24', 'dev', 'tun0')
        net.ip(ns, 'addr', 'add', 'fd87::1/64', 'dev', 'tun0', 'nodad')
        net.ip(ns, 'link', 'set', 'tun0', 'up')


@test
def a_device_without_ethernet_header_is_exact():
    if not os.path.exists('/dev/net/tun'):
        skip('no /dev/net/tun')
    tun = Tun(a)
    net.flowctl('meter', 'attach', '--netns', a, '-n', 'tun0')
    for _ in range(5):
        os.write(tun.fd, ipv4('10.87.0.2', '10.87.0.1', UDP, udp(1, 2, bytes(30))))
        os.write(tun.fd, ipv6('fd87::2', 'fd87::1', UDP, udp(1, 2, bytes(31))))
    with inside(a):
        s4, s6 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for _ in range(4):
        s4.sendto(bytes(40), ('10.87.0.2', 9))
        s6.sendto(bytes(41), ('fd87::2', 9))
    got = {(r['src_ip'], r['direction']): (r['packets'], r['bytes']) for r in
           net.json('dump', '--netns', a, '-n', 'tun0', '-p', 'udp') if r['dst_port'] in (2, 9)}
    equal(got, {('10.87.0.2', 0): (5, 5 * 58), ('fd87::2', 0): (5, 5 * 79),
                ('10.87.0.1', 1): (4, 4 * 68), ('fd87::1', 1): (4, 4 * 89)})
    net.flowctl('meter', 'detach', '--all')
    os.close(tun.fd)


@test
def lo_is_metered_when_it_is_named():
    net.flowctl('meter', 'attach', '--netns', a, '-n', 'lo')
    with inside(a):
        s, r = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    r.bind(('127.0.0.1', 7200))
    for _ in range(10):
        s.sendto(bytes(72), ('127.0.0.1', 7200))
    equal(sorted((x['direction'], x['packets'], x['bytes']) for x in net.json('dump', '--netns', a, '-D', '7200')),
          [(0, 10, 1000), (1, 10, 1000)])
    equal([(x['direction'], x['packets']) for x in net.json('dump', '--netns', a, '-D', '7200', '--count', 'once')],
          [(0, 10)])
    net.flowctl('meter', 'detach', '--all')


main(net, setup)
