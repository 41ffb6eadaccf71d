# SPDX-License-Identifier: Apache-2.0
"""A scripted sender of packets of known sizes, and what a meter must make of them.

    script = Script(src_mac, dst_mac)
    script.send(wire)
    same(flows_of(net.json('dump')), script.flows)
"""
from collections import Counter

from lib import *

V4A, V4B, V6A, V6B = '10.81.0.1', '10.81.0.2', 'fd81::1', 'fd81::2'
ICMP, TCP, UDP, SCTP, ICMP6 = 1, 6, 17, 132, 58


class Script:
    """The frames to send from MAC @src to @dst, and what each flow must come to."""
    def __init__(self, src, dst):
        self.src, self.dst = src, dst
        self.frames, self.flows = [], Counter()
        for part in plain, one_packet_flows, tagged, options_and_headers, fragments:
            part(self)

    def add(self, key, ip_bytes, frame, times=1):
        for _ in range(times):
            self.frames.append(frame)
        self.flows[key + ('packets',)] += times
        self.flows[key + ('bytes',)] += times * ip_bytes

    def send(self, wire):
        for frame in self.frames:
            wire.send(frame)

    def totals(self):
        """Packets and bytes."""
        return tuple(sum(v for k, v in self.flows.items() if k[-1] == what) for what in ('packets', 'bytes'))


def key(src, dst, proto, sport=0, dport=0, vlan_id=None, inner=None):
    return (src, dst, proto, sport, dport, vlan_id, inner)


def ether(script, k, ip, times=1, tags=(), count=None):
    """An Ethernet frame of @ip behind @tags; counted as len(ip) unless @count says else."""
    proto = 0x86dd if ip[0] >> 4 == 6 else 0x0800
    payload = ip
    for tpid, tag in reversed(tags):
        payload = vlan(tag, proto, payload)
        proto = tpid
    script.add(k, len(ip) if count is None else count, eth(script.dst, script.src, proto, payload), times)


def ext6(next_, kind_len=8):
    return bytes([next_, kind_len // 8 - 1]) + bytes([1, kind_len - 4]) + bytes(kind_len - 4)


def frag6(next_, offset, more, ident):
    return struct.pack('!BBHI', next_, 0, offset << 3 | more, ident)


def plain(s):
    for size in (0, 1, 18, 100, 512, 1400):
        ether(s, key(V4A, V4B, UDP, 1000 + size, 53), ipv4(V4A, V4B, UDP, udp(1000 + size, 53, bytes(size))), 3)
        ether(s, key(V6A, V6B, UDP, 1000 + size, 53), ipv6(V6A, V6B, UDP, udp(1000 + size, 53, bytes(size))), 2)
    for flags in (0x02, 0x10, 0x18, 0xc2):
        ether(s, key(V4A, V4B, TCP, 2000, 80), ipv4(V4A, V4B, TCP, tcp(2000, 80, flags, b'x' * flags)))
        ether(s, key(V6A, V6B, TCP, 2000, 80), ipv6(V6A, V6B, TCP, tcp(2000, 80, flags, b'x' * flags)))
    ether(s, key(V4A, V4B, SCTP, 3000, 3001), ipv4(V4A, V4B, SCTP, struct.pack('!HHII', 3000, 3001, 7, 0) + bytes(16)), 4)
    ether(s, key(V4A, V4B, ICMP, 0, 0x0800), ipv4(V4A, V4B, ICMP, icmp(8, 0, bytes(56))), 5)
    ether(s, key(V4A, V4B, ICMP, 0, 0x0301), ipv4(V4A, V4B, ICMP, icmp(3, 1, bytes(28))), 2)
    ether(s, key(V6A, V6B, ICMP6, 0, 0x8000), ipv6(V6A, V6B, ICMP6, struct.pack('!BBH', 128, 0, 0) + bytes(40)), 5)
    ether(s, key(V4A, V4B, 89), ipv4(V4A, V4B, 89, bytes(44)), 2)


def one_packet_flows(s):
    for port in range(10000, 10200):
        ether(s, key(V4A, V4B, UDP, port, 7), ipv4(V4A, V4B, UDP, udp(port, 7, b'one')))


def tagged(s):
    u = udp(4000, 4001, bytes(100))
    ether(s, key(V4A, V4B, UDP, 4000, 4001, 7), ipv4(V4A, V4B, UDP, u), 3, [(0x8100, 7)])
    ether(s, key(V4A, V4B, UDP, 4000, 4001, 0), ipv4(V4A, V4B, UDP, u), 2, [(0x8100, 3 << 13)])
    ether(s, key(V4A, V4B, UDP, 4000, 4001, 100, 200), ipv4(V4A, V4B, UDP, u), 4, [(0x88a8, 100), (0x8100, 200)])
    ether(s, key(V6A, V6B, UDP, 4000, 4001, 100, 4094), ipv6(V6A, V6B, UDP, u), 4, [(0x88a8, 100), (0x8100, 4094)])


def options_and_headers(s):
    ether(s, key(V4A, V4B, UDP, 5000, 5001),
          ipv4(V4A, V4B, UDP, udp(5000, 5001, bytes(50)), options=b'\x94\x04\0\0' + b'\x01' * 8), 3)
    ether(s, key(V4A, V4B, TCP, 5000, 5001),
          ipv4(V4A, V4B, TCP, tcp(5000, 5001, 0x10), options=b'\x01' * 40), 2)
    # Hop-by-hop, routing (type 4, nothing left), destination options.
    chain = ext6(43) + bytes([60, 0, 4, 0, 0, 0, 0, 0]) + ext6(UDP)
    ether(s, key(V6A, V6B, UDP, 5000, 5001), ipv6(V6A, V6B, 0, chain + udp(5000, 5001, bytes(20))), 3)
    # Padding of Ethernet is no part of the packet.
    short = ipv4(V4A, V4B, UDP, udp(5002, 5003, b'a'))
    s.add(key(V4A, V4B, UDP, 5002, 5003), len(short), eth(s.dst, s.src, 0x800, short + bytes(20)), 2)


def fragments(s):
    whole = udp(6000, 6001, bytes(2000))
    k4, k6 = key(V4A, V4B, UDP, 6000, 6001), key(V6A, V6B, UDP, 6000, 6001)
    ether(s, k4, ipv4(V4A, V4B, UDP, whole[:1000], ident=77, frag=0x2000))
    ether(s, k4, ipv4(V4A, V4B, UDP, whole[1000:], ident=77, frag=1000 // 8))
    ether(s, k6, ipv6(V6A, V6B, 44, frag6(UDP, 0, 1, 99) + whole[:1000]))
    ether(s, k6, ipv6(V6A, V6B, 44, frag6(UDP, 125, 0, 99) + whole[1000:]))
    # Its first fragment was never seen: no ports, and none made of payload.
    ether(s, key(V4A, V4B, UDP), ipv4(V4A, V4B, UDP, b'\x12\x34\x56\x78' * 10, ident=78, frag=200))
    ether(s, key(V6A, V6B, UDP), ipv6(V6A, V6B, 44, frag6(UDP, 100, 0, 100) + b'\x12\x34\x56\x78' * 10))


NAMES = {'TCP': TCP, 'UDP': UDP, 'SCTP': SCTP, 'ICMP': ICMP, 'ICMPv6': ICMP6}


def flows_of(records):
    """Records as the script counts: by key, packets and bytes."""
    flows = Counter()
    for r in records:
        proto = NAMES.get(r['proto']) or int(r['proto'])
        dport = r['dst_port'] or 0
        if r['icmp_type'] is not None:
            dport = r['icmp_type'] << 8 | r['icmp_code']
        k = key(r['src_ip'], r['dst_ip'], proto, r['src_port'] or 0, dport, r['vlan_id'], r['inner_vlan_id'])
        flows[k + ('packets',)] += r['packets']
        flows[k + ('bytes',)] += r['bytes']
    return flows


def same(got, wanted):
    for k in sorted(set(got) | set(wanted), key=str):
        if got[k] != wanted[k]:
            raise Failed('%s is %d, sent %d' % (k, got[k], wanted[k]))
