# SPDX-License-Identifier: Apache-2.0
"""What programs of other people say of the TCP connections in a capture, and what flowctl says.

Each answers with the same form: {way: [Connection, ...]}, where a way is who sent to whom under
which VLAN tags, and its connections stand in the order of their first packets. Ours is only the
outermost IP header: TCP within a tunnel is left out of tshark's answer too.
"""
import bisect, collections, json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'net'))
import pcap  # noqa: E402
from files import CAPTURES, captures  # noqa: E402,F401
from lib import Failed, check, equal, find_flowctl, main, run, skip, test  # noqa: E402,F401

Way = collections.namedtuple('Way', 'src sport dst dport vlans')
SYN, ACK, FIN, RST, ECE, CWR = 2, 16, 1, 4, 64, 128


# -- tshark

FLAGS = {       # the record's key, or one of ours: tshark's
    'retransmissions': 'tcp.analysis.retransmission',
    'fast_retransmits': 'tcp.analysis.fast_retransmission',
    'spurious_retransmits': 'tcp.analysis.spurious_retransmission',
    'out_of_order_pkts': 'tcp.analysis.out_of_order',
    'duplicate_acks': 'tcp.analysis.duplicate_ack_num',
    'zero_windows': 'tcp.analysis.zero_window',
    'keep_alives': 'tcp.analysis.keep_alive',
    'keep_alive_acks': 'tcp.analysis.keep_alive_ack',
    'zero_window_probes': 'tcp.analysis.zero_window_probe',
}
FIELDS = ['frame.number', 'frame.time_epoch', 'frame.len', 'frame.protocols', 'vlan.id', 'ip.src', 'ip.dst', 'ip.len',
          'ip.dsfield.ecn', 'ipv6.src', 'ipv6.dst', 'ipv6.plen', 'ipv6.tclass.ecn', 'tcp.stream', 'tcp.srcport',
          'tcp.dstport', 'tcp.seq_raw', 'tcp.ack_raw', 'tcp.len', 'tcp.flags', 'tcp.window_size_value',
          'tcp.options.wscale.shift', *FLAGS.values()]
# Each frame by itself, as a meter sees it.
OPTIONS = ['-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', '-o', 'tcp.desegment_tcp_streams:FALSE',
           '-o', 'tcp.try_heuristic_first:FALSE', '-o', 'tcp.analyze_sequence_numbers:TRUE']


class Segment:
    """One frame of outermost TCP, by tshark's fields."""
    def __init__(self, row):
        f = {k: v.split('|')[0] for k, v in row.items()}
        self.number, self.time_us = int(f['frame.number']), microseconds(f['frame.time_epoch'])
        v6 = bool(f['ipv6.src']) and not f['ip.src'] or first_ip(row['frame.protocols']) == 'ipv6'
        self.src, self.dst = (f['ipv6.src'], f['ipv6.dst']) if v6 else (f['ip.src'], f['ip.dst'])
        self.bytes = int(f['ipv6.plen']) + 40 if v6 else int(f['ip.len'])
        self.ecn = int(f['ipv6.tclass.ecn' if v6 else 'ip.dsfield.ecn'] or '0', 0)
        self.stream, self.sport, self.dport = (int(f['tcp.' + k]) for k in ('stream', 'srcport', 'dstport'))
        self.seq, self.ack, self.len = (int(f['tcp.' + k] or 0) for k in ('seq_raw', 'ack_raw', 'len'))
        self.flags = int(f['tcp.flags'] or '0', 0) & 0xff
        self.window = int(f['tcp.window_size_value'] or 0)
        self.scale = int(f['tcp.options.wscale.shift']) if f['tcp.options.wscale.shift'] else None
        self.says = {k for k, field in FLAGS.items() if f[field]}
        vlans = [int(v) for v in row['vlan.id'].split('|') if v]
        self.way = Way(self.src, self.sport, self.dst, self.dport, tuple(vlans[:2]))


def microseconds(text):
    seconds, _, fraction = text.partition('.')
    return int(seconds) * 1000000 + int(fraction[:6].ljust(6, '0'))


def first_ip(protocols):
    return next((p for p in protocols.split('|')[0].split(':') if p in ('ip', 'ipv6')), None)


def is_outer_tcp(protocols):
    """The first IP header of the frame is TCP's."""
    p = protocols.split(':')
    at = next((i for i, x in enumerate(p) if x in ('ip', 'ipv6')), None)
    if at is None:
        return False
    after = [x for x in p[at + 1:] if not x.startswith('ipv6.')]
    return after[:1] == ['tcp']


def with_tcp(paths, folder):
    """Those that hold TCP, by one look at all of them in one file, one behind the other."""
    merged, ends, n = os.path.join(folder, 'all.pcapng'), [], 0
    for p in paths:
        n += sum(1 for _ in pcap.frames(os.path.join(CAPTURES, p)))
        ends.append(n)
    run('mergecap', '-a', '-w', merged, *(os.path.join(CAPTURES, p) for p in paths))
    rows = tshark_rows(merged, ['frame.number', 'frame.protocols'])
    found = {bisect.bisect_left(ends, int(r['frame.number'])) for r in rows if is_outer_tcp(r['frame.protocols'])}
    return [paths[i] for i in sorted(found)]


def tshark_rows(path, fields, options=()):
    r = subprocess.run(['tshark', '-n', '-r', path, *OPTIONS, *options, '-Y', 'tcp', '-T', 'fields', '-E', 'occurrence=a',
                        '-E', 'aggregator=|', *(x for f in fields for x in ('-e', f))],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    for line in r.stdout.splitlines():
        yield dict(zip(fields, line.split('\t')))


def segments(path):
    return [Segment(row) for row in tshark_rows(path, FIELDS) if is_outer_tcp(row['frame.protocols'])]


class Connection:
    """One direction of it, as tshark has it: each metric is a list of packet numbers."""
    def __init__(self, stream):
        self.stream, self.segments = stream, []
        self.server_us = self.client_us = None

    def numbers(self, metric):
        return [s.number for s in self.segments if metric in s.says]

    def count(self, metric):
        return len(self.numbers(metric))


def handshake(segs):
    """First SYN to the first SYN-ACK of it to the first ACK of that, of all segments of a stream."""
    syn = next((s for s in segs if s.flags & (SYN | ACK) == SYN), None)
    reply = next((s for s in segs if s.flags & (SYN | ACK) == SYN | ACK), None)
    if not reply:
        return None, None
    end = next((s for s in segs if s.flags & (SYN | ACK | RST) == ACK and (s.src, s.sport) == (reply.dst, reply.dport) and
                s.number > reply.number), None)
    return (reply.time_us - syn.time_us if syn and syn.number < reply.number else None,
            end.time_us - reply.time_us if end else None)


def by_way(segs):
    ways, streams = collections.OrderedDict(), collections.OrderedDict()
    for s in segs:
        streams.setdefault(s.stream, []).append(s)
        of_way = ways.setdefault(s.way, [])
        if not of_way or of_way[-1].stream != s.stream:
            known = [c for c in of_way if c.stream == s.stream]
            of_way.extend([] if known else [Connection(s.stream)])
        next(c for c in of_way if c.stream == s.stream).segments.append(s)
    for c in (c for of_way in ways.values() for c in of_way):
        c.server_us, c.client_us = handshake(streams[c.stream])
    return ways


# -- tcptrace: it prints tenths of a millisecond, so it is given a clock that runs a thousand times as fast.

STRETCH = 1000
REUSE_S = 240           # after which it takes the same ends for another connection; its own default


def stretch(path, to):
    """The same capture, each time STRETCH times as far from the first packet's."""
    rows = list(pcap.frames(path))
    first = rows[0][1]
    pcap.write(to, rows[0][0], [(first + (us - first) * STRETCH, wire, octets) for _, us, wire, octets in rows])


def tcptrace(path, folder):
    """{(src, sport, dst, dport): [{samples, min, max, avg, handshake}, ...]}, times in us."""
    far = os.path.join(folder, 'far.pcap')
    stretch(path, far)
    r = subprocess.run(['tcptrace', '-l', '-r', '-n', '--csv', '--endpoint_reuse_interval=%d' % (REUSE_S * STRETCH),
                        far], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors='replace',
                       timeout=60, cwd=folder)
    lines = [l for l in r.stdout.splitlines() if l.strip() and not l.startswith('#')]
    names = [n.strip() for n in lines[0].split(',')] if lines else []
    ways = collections.OrderedDict()
    for line in lines[1:]:
        row = dict(zip(names, (v.strip() for v in line.split(','))))
        a, b = (row['host_a'], int(row['port_a'])), (row['host_b'], int(row['port_b']))
        ways.setdefault(a + b, []).append(tcptrace_way(row, 'a2b'))
        ways.setdefault(b + a, []).append(tcptrace_way(row, 'b2a'))
    return ways


def tcptrace_way(row, way):
    def us(name):
        return float(row['%s_%s' % (name, way)]) * 1000 / STRETCH
    samples = int(row['RTT_samples_' + way])
    # What it calls an average is sum / (samples + 0.0001).
    return dict(samples=samples, min=us('RTT_min'), max=us('RTT_max'),
                avg=us('RTT_avg') * (samples + 0.0001) / (samples or 1), handshake=us('RTT_from_3WHS'),
                rexmt=int(row['rexmt_data_pkts_' + way]), out_of_order=int(row['outoforder_pkts_' + way]),
                packets=int(row['total_packets_' + way]))


# -- argus: {(src, sport, dst, dport): (synack_us, ackdat_us)} of its first record

def argus(path):
    a = subprocess.run(['argus', '-r', path, '-w', '-'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    r = subprocess.run(['ra', '-r', '-', '-n', '-p', '6', '-c', ',', '-s', 'proto', 'saddr', 'sport', 'daddr', 'dport',
                        'synack', 'ackdat', '-', 'tcp'], input=a.stdout, stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, timeout=60)
    ways = {}
    for line in r.stdout.decode(errors='replace').splitlines():
        f = line.split(',')
        if len(f) >= 7 and f[0] == 'tcp' and f[2].isdigit() and f[4].isdigit():
            key = f[1], int(f[2]), f[3], int(f[4])
            ways.setdefault(key, tuple(int(round(float(x or 0) * 1000000)) for x in f[5:7]))
    return ways


# -- flowctl

def replay(path, *options):
    """Its records, one dict each."""
    r = run(find_flowctl(), 'replay', path, '-o', 'ndjson', *options)
    return [json.loads(line) for line in r.stdout.splitlines()]


def way_of(record):
    vlans = tuple(v for v in (record['vlan_id'], record['inner_vlan_id']) if v is not None)
    return Way(record['src_ip'], record['src_port'], record['dst_ip'], record['dst_port'], vlans)


def ours(path, *options):
    """{way: [record, ...]} of TCP."""
    ways = collections.OrderedDict()
    for r in replay(path, *options):
        if r['proto'] == 'TCP':
            ways.setdefault(way_of(r), []).append(r)
    return ways
