#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every capture that holds TCP, by flowctl and by tshark, tcptrace and argus.

Packets, octets, flags and counts are tshark's, a connection and a direction; handshake and RTT are tcptrace's
to the microsecond. Where our definition is the better one, the difference stands in
differences.tsv with the numbers of the packets and the reason; a difference that does not stand
there fails, and so does a row there that no longer occurs.
"""
import concurrent.futures, csv, shutil, tempfile
from oracle import *

TABLE = os.path.join(HERE, 'differences.tsv')
COLUMNS = ['capture', 'connection', 'metric', 'judge', 'theirs', 'ours', 'packets', 'reason']
COUNTS = ['retransmissions', 'fast_retransmits', 'spurious_retransmits', 'out_of_order_pkts', 'duplicate_acks',
          'zero_windows']
BITS = {1: 1, 2: 2, 3: 4}        # what ecn_flags has for the ECN field of IP
NAMES_OF_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR']


class Row(collections.namedtuple('Row', COLUMNS)):
    def key(self):
        return self[:6]


def name_of(way, n):
    vlans = ' vlan ' + '.'.join(map(str, way.vlans)) if way.vlans else ''
    number = ' #%d' % (n + 1) if n else ''
    return '%s.%d > %s.%d%s%s' % (way.src, way.sport, way.dst, way.dport, vlans, number)


def ecn_flags(segs):
    flags = 0
    for s in segs:
        flags |= BITS.get(s.ecn, 0) | (8 if s.flags & ECE else 0) | (16 if s.flags & CWR else 0)
    return flags


def flags_of(segs):
    union = 0
    for s in segs:
        union |= s.flags
    return {n for i, n in enumerate(NAMES_OF_FLAGS) if union >> i & 1}


def judge_tshark(c, record):
    """(metric, theirs, ours, packets) of one direction of a connection."""
    yield 'packets', len(c.segments), record['packets'], []
    yield 'bytes', sum(s.bytes for s in c.segments), record['bytes'], []
    yield 'tcp_flags', flags_of(c.segments), set((record['tcp_flags'] or '').split('|')) - {''}, []
    yield 'ecn_flags', ecn_flags(c.segments), record['ecn_flags'] or 0, []
    for metric in COUNTS:
        yield metric, c.count(metric), record[metric], c.numbers(metric)
    yield 'handshake_server_us', c.server_us, record['handshake_server_us'], []
    yield 'handshake_client_us', c.client_us, record['handshake_client_us'], []


def judge_tcptrace(t, record):
    """Times to the microsecond; it prints a tenth, an average of ours is whole."""
    yield 'rtt_samples', t['samples'], record['rtt_samples'] or 0, []
    if not t['samples'] or record['rtt_samples'] != t['samples']:
        return
    for metric, theirs in ('min_rtt_us', t['min']), ('max_rtt_us', t['max']), ('avg_rtt_us', t['avg']):
        close = abs(theirs - record[metric]) <= (1 if metric == 'avg_rtt_us' else 0.2)
        yield metric, record[metric] if close else theirs, record[metric], []


def judge_3whs(t, way_is_client, record):
    """`RTT from 3WHS` of the client's way is SYN to SYN-ACK, of the server's SYN-ACK to ACK."""
    metric = 'handshake_server_us' if way_is_client else 'handshake_client_us'
    if t['handshake'] and record[metric] is not None:
        close = abs(t['handshake'] - record[metric]) <= 0.2
        yield metric, record[metric] if close else t['handshake'], record[metric], []


def judge_argus(a, record):
    for metric, theirs in zip(('handshake_server_us', 'handshake_client_us'), a):
        if theirs:
            yield metric, theirs, record[metric], []


def is_client(c):
    return any(s.flags & (SYN | ACK) == SYN for s in c.segments)


def text(value):
    return '-' if value is None else '|'.join(sorted(value)) if isinstance(value, set) else str(value)


def differences(capture, folder):
    """Of one capture: rows, and how many values were compared."""
    path = os.path.join(CAPTURES, capture)
    ways, records = by_way(segments(path)), ours(path)
    traced, argued = tcptrace(path, folder), argus(path)
    rows, compared = [], 0
    for way in list(ways) + [w for w in records if w not in ways]:
        theirs, mine = ways.get(way, []), records.get(way, [])
        if len(theirs) != len(mine):
            rows.append(Row(capture, name_of(way, 0), 'records', 'tshark', str(len(theirs)), str(len(mine)), '', ''))
            theirs, mine = [], []
        for n, (c, record) in enumerate(zip(theirs, mine)):
            for judge, verdicts in verdicts_of(way, n, c, record, traced, argued):
                for metric, is_, our, packets in verdicts:
                    compared += 1
                    if is_ != our:
                        rows.append(Row(capture, name_of(way, n), metric, judge, text(is_), text(our),
                                        ' '.join(map(str, packets)), ''))
    return rows, compared


def verdicts_of(way, n, c, record, traced, argued):
    yield 'tshark', judge_tshark(c, record)
    of_way = traced.get(tuple(way[:4]), [])
    # Under several VLANs it takes all for one connection.
    if n < len(of_way) and of_way[n]['packets'] == len(c.segments):
        yield 'tcptrace', judge_tcptrace(of_way[n], record)
        yield 'tcptrace', judge_3whs(of_way[n], is_client(c), record)
    if n == 0 and tuple(way[:4]) in argued:
        yield 'argus', judge_argus(argued[tuple(way[:4])], record)


def table():
    with open(TABLE, newline='') as f:
        rows = [r for r in csv.reader(f, delimiter='\t', quoting=csv.QUOTE_NONE) if r and not r[0].startswith('#')]
    equal(rows[0], COLUMNS, 'the columns of differences.tsv')
    for r in rows[1:]:
        check(len(r) == len(COLUMNS) and r[7], 'differences.tsv: this row has no reason: %r' % r)
    return [Row(*r) for r in rows[1:]]


def look(capture):
    with tempfile.TemporaryDirectory(prefix='flowctl-oracle-') as folder:
        try:
            return differences(capture, folder)
        except Exception as e:
            return e


def add_test(capture, found, rows):
    def f():
        if isinstance(found, Exception):
            raise found
        known = {r.key() for r in rows if r.capture == capture}
        new = [r for r in found[0] if r.key() not in known]
        check(not new, 'not in differences.tsv:\n' + '\n'.join('\t'.join(r) for r in new))
    f.__name__ = 'all metrics are right over %s' % capture.replace('_', '\N{LOW LINE}')
    test(f)


def compare_all():
    """What differs, by capture."""
    with tempfile.TemporaryDirectory(prefix='flowctl-oracle-') as folder:
        names = with_tcp(captures(), folder)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(look, names)))


def why_not():
    if not os.path.isdir(CAPTURES):
        return 'no captures in %s (see FLOWCTL_CAPTURES)' % CAPTURES
    missing = [p for p in ('tshark', 'mergecap', 'tcptrace', 'argus', 'ra')
               if not shutil.which(p, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')]
    return 'not installed: ' + ' '.join(missing) if missing else None


if __name__ == '__main__':
    why = why_not()
    if why or os.geteuid() != 0:
        print('1..0 # SKIP %s' % (why or 'needs root'))
        sys.exit(0)
    by_capture, rows = compare_all(), table()

    @test
    def every_row_of_the_table_of_differences_still_occurs():
        occurs = {r.key() for found in by_capture.values() if not isinstance(found, Exception) for r in found[0]}
        gone = [r for r in rows if r.key() not in occurs]
        check(not gone, 'these no longer occur:\n' + '\n'.join('\t'.join(r) for r in gone))

    @test
    def enough_was_compared_to_mean_something():
        n = sum(found[1] for found in by_capture.values() if not isinstance(found, Exception))
        check(len(by_capture) >= 74 and n >= 3700, '%d captures, %d values' % (len(by_capture), n))

    for name, found in by_capture.items():
        add_test(name, found, rows)
    main()
