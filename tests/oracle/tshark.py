# SPDX-License-Identifier: Apache-2.0
"""What was sent, as tshark's cflow dissector shows it."""
import os, select, socket, struct, tempfile, threading
import xml.etree.ElementTree as ET
from datetime import datetime, timezone
from common import run
from truth import from_octets


def datagrams(send_all):
    """What is sent to a socket of ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if os.geteuid() == 0:
            s.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)        # SO_RCVBUFFORCE
        send_all(s.getsockname()[1])
        got = []
        while select.select([s], [], [], 0)[0]:
            got.append(s.recv(65535))
        return got


def pcap(path, payloads):
    """As raw IPv4 packets from one port to 4739."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for p in payloads:
            packet = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28 + len(p), 0, 0, 64, 17, 0, b'\x7f\0\0\1',
                                 b'\x7f\0\0\1') + struct.pack('!HHHH', 40000, 4739, 8 + len(p), 0) + p
            f.write(struct.pack('<IIII', 1795233500, 0, len(packet), len(packet)) + packet)


class Tap(threading.Thread):
    """Every frame of a TCP or UDP port on loopback, for a capture file."""
    def __init__(self, port):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)       # SO_RCVBUFFORCE
        self.sock.bind(('lo', 3))
        self.sock.settimeout(0.2)
        self.port, self.frames, self.ending = port, [], False
        self.start()

    def run(self):
        while not self.ending:
            try:
                frame, addr = self.sock.recvfrom(1 << 17)
            except socket.timeout:
                continue
            # Each frame is seen on its way out and in again.
            if addr[2] == 0 and frame[12:14] == b'\x08\0' and \
                    self.port in struct.unpack_from('!HH', frame, 14 + 4 * (frame[14] & 15)):
                self.frames.append(frame)

    def stop(self, path):
        self.ending = True
        self.join()
        self.sock.close()
        with open(path, 'wb') as f:
            f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, 1))
            for i, frame in enumerate(self.frames):
                f.write(struct.pack('<IIII', 1795233500, i, len(frame), len(frame)) + frame)


def dissect(payloads):
    """The flows, each a dict of field to what is shown; and what tshark complains of."""
    with tempfile.TemporaryDirectory(prefix='flowctl-oracle-') as d:
        pcap(d + '/x.pcap', payloads)
        return dissect_file(d + '/x.pcap', 'udp.port==4739,cflow')


def dissect_file(path, *decode_as):
    """The same of a capture, or of a file of messages."""
    out = run('tshark', '-r', path, *(w for d in decode_as for w in ('-d', d)), '-T', 'pdml',
              env=dict(os.environ, TZ='UTC')).stdout
    root, flows = ET.fromstring(out), []
    complaints = [f.get('showname') for f in root.iter('field')
                  if (f.get('name') == '_ws.expert' and '(Chat' not in f.get('showname') and
                      '(Note' not in f.get('showname')) or f.get('name') in ('_ws.malformed', 'cflow.no_template_found')
                  or 'Unknown' in (f.get('showname') or '')]
    complaints += ['malformed' for p in root.iter('proto') if p.get('name') == '_ws.malformed']
    domain = None
    for p in root.iter('packet'):
        for f in p.iter('field'):
            if f.get('name') == 'cflow.od_id':
                domain = f.get('show')
            elif f.get('name') == '' and f.get('show', '').startswith('Flow '):
                flows.append({'domain': domain, **{x.get('name'): x.get('show') for x in f.iter('field')}})
    return flows, complaints


def at(ns, step=1):
    """As tshark shows a time."""
    ns -= ns % step
    t = datetime.fromtimestamp(ns // 10**9, timezone.utc)
    return t.strftime('%b %e, %Y %H:%M:%S') + '.%09d UTC' % (ns % 10**9)


def elements_at(payloads, layout):
    """Of every flow, what is shown for the elements of @layout [(enterprise, number, length)]:
    (field, show, value in hex). A field is found by where it begins in the packet."""
    with tempfile.TemporaryDirectory(prefix='flowctl-oracle-') as d:
        pcap(d + '/x.pcap', payloads)
        return _elements(d + '/x.pcap', [b'\0' * 28 + p for p in payloads], layout,
                         '-d', 'udp.port==4739,cflow')


def elements_of_file(path, layout):
    """The same of a file of messages (RFC 5655)."""
    frames = []
    with open(path, 'rb') as f:
        while head := f.read(16):
            frames.append(head + f.read(struct.unpack_from('!H', head, 2)[0] - 16))
    return _elements(path, frames, layout)


def _elements(path, frames, layout, *options):
    flows = []
    out = run('tshark', '-r', path, *options, '-T', 'pdml', env=dict(os.environ, TZ='UTC')).stdout
    for packet, frame in zip(ET.fromstring(out).iter('packet'), frames):
        for flow in packet.iter('field'):
            if flow.get('name') == '' and flow.get('show', '').startswith('Flow '):
                flows.append(_cut(flow, frame, layout))
    return flows


def _cut(flow, frame, layout):
    by_pos = {}
    for f in flow.iter('field'):
        # Of two pairs of times in one record it takes the times since the system started for the other;
        # the length of a text it says to be where it is not.
        if f.get('name') not in ('', 'cflow.timestart', 'cflow.timeend', 'cflow.string_len_short') and int(f.get('size')) > 0:
            by_pos.setdefault(int(f.get('pos')), f)
    at, shown = int(flow.get('pos')), []
    for _, _, length in layout:
        before = 0
        if length == 65535:
            length, before = (frame[at], 1) if frame[at] < 255 else (struct.unpack_from('!H', frame, at + 1)[0], 3)
        f = by_pos.get(at + before, by_pos.get(at)) if length else None
        raw = frame[at + before:at + before + length]
        shown.append((f.get('name') if f is not None else '', f.get('show') if f is not None else '', raw.hex()))
        at += before + length
    return shown


UNITS = {'Seconds': 10**9, 'Milliseconds': 10**6, 'Microseconds': 10**3, 'Nanoseconds': 1}


def value_of(name, shown, wanted):
    """One of elements_at() in the form of @wanted: a number, in the unit of the element @name
    where it is a time, or a text. What tshark has no name for, or takes apart, is read from
    its octets."""
    field, show, raw = shown
    unit_ns = next((ns for unit, ns in UNITS.items() if name.endswith(unit)), 1)
    if not field or field in ('cflow.enterprise_private_entry', 'cflow.icmp_ipv6_type', 'cflow.forwarding_status') or \
            (isinstance(wanted, int) and ':' in show and not field.startswith('cflow.abstime')):
        return from_octets(raw, wanted)
    if field.startswith('cflow.abstime'):
        day, fraction = show.replace(' UTC', '').split('.')
        t = datetime.strptime(day, '%b %d, %Y %H:%M:%S').replace(tzinfo=timezone.utc)
        return (int(t.timestamp()) * 10**9 + int(fraction)) // unit_ns
    if field == 'cflow.timedelta':
        return round(float(show) * 10**9) // unit_ns
    return int(show, 0) if isinstance(wanted, int) else show
