#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What headers say besides: ids, flow labels, extension headers, TCP options, and the totals of
a flow that is exported again and again, as scapy makes the packets and tshark reads them."""
import tempfile

from lib import *
from export import *
import ipfix

try:
    import logging
    logging.getLogger('scapy').setLevel(logging.ERROR)
    from scapy.all import (Ether, ICMPv6EchoRequest, IP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                           IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw, TCP, UDP, wrpcap)
    from scapy.layers.ipsec import AH
except ImportError as e:
    print('1..0 # SKIP ' + str(e))
    sys.exit(77)

DELTA_BYTES, DELTA_PACKETS, SRC4, SRC6, LABEL, ID, HEADERS = 1, 2, 8, 27, 31, 54, 64
TOTAL_BYTES, TOTAL_PACKETS, OPTIONS = 85, 86, 209
V4, V6 = '10.82.0.%d', 'fd82::%d'
ROUNDS = 3

# Bits of IANA's element 64 by tshark's names of the headers.
BITS = {'ipv6.dstopts': 0, 'ipv6.hopopts': 1, 'ipv6.routing': 5, 'ah': 14}
FIELDS = ('ip.src', 'ipv6.src', 'ip.id', 'ipv6.flow', 'tcp.option_kind', 'frame.protocols',
          'ipv6.fraghdr.offset', 'ipv6.fraghdr.ident', 'ip.len', 'ipv6.plen')
TEMPLATES = '''templates:
- {id: 300, template: [{name: sourceIPv4Address}, {name: octetDeltaCount}, {name: packetDeltaCount},
   {name: octetTotalCount}, {name: packetTotalCount}, {name: fragmentIdentification}, {name: tcpOptions}]}
- {id: 301, template: [{name: sourceIPv6Address}, {name: octetDeltaCount}, {name: packetDeltaCount},
   {name: octetTotalCount}, {name: packetTotalCount}, {name: fragmentIdentification}, {name: tcpOptions},
   {name: flowLabelIPv6}, {name: ipv6ExtensionHeaders}]}
'''
TIMES = ('Timestamp', (1, 2))
NOP = ('NOP', None)


def v4(n, ident):
    return IP(src=V4 % n, dst=V4 % 254, id=ident)


def v6(n, label):
    return IPv6(src=V6 % n, dst=V6 % 254, fl=label)


def tcp(flags, *options):
    return TCP(sport=80, dport=8080, flags=flags, options=list(options))


UDP_ = UDP(sport=80, dport=8080) / Raw(b'12345678')
PACKETS = [
    v4(1, 100) / tcp('S', ('MSS', 1460), ('SAckOK', b''), TIMES, NOP, ('WScale', 7)),
    v4(1, 101) / tcp('A', NOP, NOP, TIMES),
    v4(1, 102) / tcp('A', NOP, NOP, TIMES, NOP, NOP, ('SAck', (3, 4))),
    v4(2, 0xffff) / UDP_,
    v4(2, 8) / UDP_,
    v4(3, 0) / tcp('S', ('MSS', 1460), (34, b'12345678'), NOP, NOP),
    v4(3, 1) / tcp('A', (19, bytes(16)), ('EOL', None)),
    v4(4, 9) / tcp('A'),
    v6(1, 0xabcde) / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting(addresses=[V6 % 9]) / IPv6ExtHdrDestOpt() / UDP_,
    v6(2, 1) / tcp('S', ('MSS', 1440), ('SAckOK', b''), TIMES, NOP, ('WScale', 7)),
    v6(2, 1) / tcp('A', NOP, NOP, TIMES),
    v6(3, 0) / IPv6ExtHdrFragment(id=0x89abcdef, offset=0, m=1) / UDP_,
    v6(3, 5) / IPv6ExtHdrFragment(id=0x89abcdef, offset=2, m=0, nh=17) / Raw(b'12345678'),
    v6(4, 0xfffff) / ICMPv6EchoRequest(),
    v6(4, 0) / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(),
    v6(5, 3) / AH(spi=1, seq=1, nh=17, icv=bytes(12)) / UDP_,
    v6(6, 4) / IPv6ExtHdrFragment(id=77) / UDP_,
]


def truth(frames):
    """What tshark makes of them, by source: values of the first, bits of all."""
    flows = {}
    with tempfile.NamedTemporaryFile(suffix='.pcap') as f:
        wrpcap(f.name, frames)
        out = run('tshark', '-n', '-r', f.name, '-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE',
                  '-T', 'fields', '-E', 'occurrence=a', *sum((['-e', x] for x in FIELDS), [])).stdout
    for line in out.splitlines():
        r = dict(zip(FIELDS, line.split('\t')))
        number = lambda name: int(r[name].split(',')[0], 0) if r[name] else 0
        flow = flows.setdefault(r['ip.src'] or r['ipv6.src'],
                                {ID: number('ip.id') or number('ipv6.fraghdr.ident'),
                                 LABEL: number('ipv6.flow'), HEADERS: 0, OPTIONS: 0, 'packets': 0, 'bytes': 0})
        for name in r['frame.protocols'].split(':'):
            flow[HEADERS] |= 1 << BITS[name] if name in BITS else 0
        if r['ipv6.fraghdr.offset']:
            flow[HEADERS] |= 1 << (6 if number('ipv6.fraghdr.offset') else 4)
        for kind in r['tcp.option_kind'].split(','):
            flow[OPTIONS] |= 1 << int(kind) if kind else 0
        flow['packets'] += 1
        flow['bytes'] += number('ip.len') or number('ipv6.plen') + 40
    return flows


def source(r):
    return socket.inet_ntop(socket.AF_INET if SRC4 in r else socket.AF_INET6, r.get(SRC4) or r[SRC6])


def received(c):
    return [r for s in ipfix.streams(c.recorder.datagrams).values() for r in s.records()]


def packets_of(records):
    return sum(r[DELTA_PACKETS] for r in records)


net = Net('headers')


def setup():
    """Three rounds of the same packets; the agent that exports the second is killed behind it."""
    global wanted, got
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.eth0.disable_ipv6', 1)
    ether = Ether(src=net.mac(a, 'eth0'), dst=net.mac(b, 'eth0'))
    frames = [bytes(ether / p) for p in PACKETS]
    wanted = truth(frames)
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress')
    wire = Wire(a, 'eth0')
    with Collectors(net, nfacctd=False) as c:
        conf = c.config_of_one(c.recorder.port, active=1, idle=60, more=TEMPLATES)
        c.start_agent(conf)
        for n in range(1, ROUNDS + 1):
            for f in frames:
                wire.send(f)
            wait_for(lambda: packets_of(received(c)) >= n * len(frames), 'round %d' % n, 15)
            if n == 2:
                c.end_agent(signal.SIGKILL)
                c.start_agent(conf)
        c.end_agent()
        got = received(c)
    wire.close()


def compare(element, what):
    for r in got:
        src = source(r)
        if element in r:
            equal(r[element], wanted[src][element], '%s of %s' % (what, src))
    equal({source(r) for r in got if element in r} - set(wanted), set(), 'sources')


@test
def ids_and_flow_labels_are_of_the_first_packet():
    compare(ID, 'id')
    compare(LABEL, 'flow label')


@test
def extension_headers_are_of_all_packets():
    compare(HEADERS, 'extension headers')


@test
def tcp_options_are_of_all_packets():
    compare(OPTIONS, 'TCP options')


@test
def every_flow_came_and_its_parts_are_its_total():
    sums = {}
    for r in got:
        packets, octets = sums.get(source(r), (0, 0))
        sums[source(r)] = packets, octets = packets + r[DELTA_PACKETS], octets + r[DELTA_BYTES]
        equal((r[TOTAL_PACKETS], r[TOTAL_BYTES]), (packets, octets), 'total of ' + source(r))
    equal(sums, {src: (ROUNDS * w['packets'], ROUNDS * w['bytes']) for src, w in wanted.items()}, 'sums')


main(net, setup)
