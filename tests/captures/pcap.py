# SPDX-License-Identifier: Apache-2.0
"""Capture files read and written, and the segments that the tests put into them.

    t = Tape()                              # a capture of Ethernet frames, time in us
    a, b = Peer('10.0.0.1', 1000), Peer('10.0.0.2', 80)
    t.tcp(0, a, b, flags=SYN, seq=0, options=mss(1460))
    t.write(path)
"""
import ipaddress, struct

ETHERNET = 1
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
BASE_US = 1795233600 * 1000000          # 2026-11-21T04:00:00Z


# -- files

def frames(path):
    """(link type, time in us, octets on the wire, the octets) of each frame of a pcap or pcapng."""
    with open(path, 'rb') as f:
        data = f.read()
    return pcapng_frames(data) if data[:4] == b'\x0a\x0d\x0d\x0a' else pcap_frames(data)


def pcap_frames(data):
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    magic, _, _, _, _, _, link = struct.unpack_from(order + 'IHHiIII', data)
    per_us = 1000 if magic == 0xa1b23c4d else 1
    at = 24
    while at + 16 <= len(data):
        s, fraction, captured, wire = struct.unpack_from(order + 'IIII', data, at)
        yield link & 0xfffffff, s * 1000000 + fraction // per_us, wire, data[at + 16:at + 16 + captured]
        at += 16 + captured


def pcapng_frames(data):
    order, interfaces, at = '<', [], 0
    while at + 12 <= len(data):
        if data[at:at + 4] == b'\x0a\x0d\x0d\x0a':
            order = '<' if data[at + 8:at + 12] == b'\x4d\x3c\x2b\x1a' else '>'
            interfaces = []
        kind, size = struct.unpack_from(order + 'II', data, at)
        body = data[at + 8:at + size - 4]
        if kind == 1:
            interfaces.append((struct.unpack_from(order + 'H', body)[0], pcapng_ticks(order, body)))
        elif kind == 6:
            i, high, low, captured, wire = struct.unpack_from(order + 'IIIII', body)
            link, ticks = interfaces[i]
            yield link, (high << 32 | low) * 1000000 // ticks, wire, body[20:20 + captured]
        at += size


def pcapng_ticks(order, body):
    """Of the interface's clock, a second."""
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + 'HH', body, at)
        if code == 9:
            resolution = body[at + 4]
            return 1 << (resolution & 127) if resolution & 128 else 10 ** resolution
        at += 4 + (size + 3 & ~3)
    return 1000000


def write(path, link, rows):
    """Of (time in us, octets on the wire, the octets), as pcap."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, link))
        for us, wire, octets in rows:
            f.write(struct.pack('<IIII', us // 1000000 & 0xffffffff, us % 1000000, len(octets), wire) + octets)


# -- TCP's options

def mss(n):
    return struct.pack('!BBH', 2, 4, n)


def wscale(n):
    return struct.pack('!BBB', 3, 3, n) + b'\1'


def sack_ok():
    return b'\4\2\1\1'


def sack(*blocks):
    return b'\1\1' + struct.pack('!BB', 5, 2 + 8 * len(blocks)) + b''.join(
        struct.pack('!II', *(n & 0xffffffff for n in block)) for block in blocks)


def times(val, ecr):
    return b'\1\1' + struct.pack('!BBII', 8, 10, val & 0xffffffff, ecr & 0xffffffff)


def fast_open(cookie=b'12345678'):
    return struct.pack('!BB', 34, 2 + len(cookie)) + cookie + b'\1\1'


# -- frames

def checksum(data):
    if len(data) & 1:
        data += b'\0'
    s = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


class Peer:
    def __init__(self, addr, port):
        self.addr, self.port = addr, port
        self.packed = ipaddress.ip_address(addr).packed


def ip_packet(src, dst, protocol, payload, ecn=0, ttl=64, length=None):
    """@length: of the payload, where it is more than is there."""
    length = len(payload) if length is None else length
    if len(src.packed) == 16:
        return struct.pack('!IHBB', 6 << 28 | ecn << 20, length & 0xffff, protocol, ttl) + src.packed + dst.packed + payload
    head = struct.pack('!BBHHHBBH4s4s', 0x45, ecn, 20 + length, 0, 0x4000, ttl, protocol, 0, src.packed, dst.packed)
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + payload


def tcp_header(sport, dport, seq, ack, flags, window, options):
    options += b'\1' * (-len(options) % 4)
    return struct.pack('!HHIIBBHHH', sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                       (20 + len(options)) // 4 << 4, flags, window, 0, 0) + options


def ethernet(packet, vlans=()):
    kind = 0x86dd if packet[0] >> 4 == 6 else 0x0800
    tags = b''.join(struct.pack('!HH', 0x8100, v) for v in vlans)
    return b'\2\0\0\0\0\2\2\0\0\0\0\1' + tags + struct.pack('!H', kind) + packet


class Tape:
    """Frames in order of time; a number of microseconds or a float of milliseconds is not mixed: us."""
    def __init__(self):
        self.rows = []

    def frame(self, us, octets, wire=None):
        self.rows.append((BASE_US + us, wire or len(octets), octets))

    def tcp(self, us, src, dst, flags, seq, ack=0, data=0, window=65535, options=b'', ecn=0, vlans=(), cut=None):
        """@data: octets of payload, or a number of them. @cut: leave no more of the frame."""
        payload = bytes(data) if isinstance(data, int) else data
        segment = tcp_header(src.port, dst.port, seq, ack, flags, window, options) + payload
        octets = ethernet(ip_packet(src, dst, 6, segment, ecn), vlans)
        self.frame(us, octets[:cut], len(octets))

    def udp(self, us, src, dst, data):
        payload = struct.pack('!HHHH', src.port, dst.port, 8 + data, 0) + bytes(data)
        self.frame(us, ethernet(ip_packet(src, dst, 17, payload)))

    def write(self, path):
        write(path, ETHERNET, sorted(self.rows, key=lambda r: r[0]))
