#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Segments that no TCP would send, and conversations that go wrong at random: whatever comes, the
numbers stay possible. The seeds are fixed; FLOWCTL_SEED adds one."""
import os, random, tempfile
import oracle, pcap
from lib import check, main, test
from pcap import *

CONNECTIONS = 60
SEGMENTS = 12000
EDGES = [0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff]
# A record knows four connections, one after the other: not so many SYNs that it has more.
FLAGS = [ACK] * 12 + [ACK | PSH] * 4 + [SYN, SYN | ACK, FIN | ACK, RST]
COUNTS = ['retransmissions', 'fast_retransmits', 'timeout_retransmits', 'spurious_retransmits', 'out_of_order_pkts',
          'duplicate_acks', 'zero_windows', 'keep_alives', 'ecn_ect0_pkts', 'ecn_ect1_pkts', 'ecn_ce_pkts', 'ecn_ece_pkts',
          'ecn_cwr_pkts', 'rtt_samples']


def number(r, near):
    """Of a sequence: near what was, an edge, or anything."""
    return r.choice([near, near + r.randrange(-3000, 3000), near + r.randrange(-3, 4), r.choice(EDGES),
                     r.randrange(1 << 32)]) & 0xffffffff


def option(r, near):
    return r.choice([
        b'', times(r.choice(EDGES + [r.randrange(1 << 32)]), r.choice(EDGES)), wscale(r.randrange(256)),
        sack((number(r, near), number(r, near))),
        sack(*((number(r, near), number(r, near)) for _ in range(r.randrange(1, 4)))),
        bytes(r.randrange(256) for _ in range(r.randrange(0, 40))),
        b'\5\0', b'\5\x28', b'\x08\1', b'\3\3', b'\1' * 40, mss(r.randrange(65536))])[:40]


def hostile(r, tape):
    """Any flags, any numbers."""
    ends = [(Peer('10.9.0.%d' % (i + 1), 1024 + i), Peer('10.9.1.1', 80)) for i in range(CONNECTIONS)]
    near = [r.randrange(1 << 32) for _ in ends]
    us = 0
    for _ in range(SEGMENTS):
        i = r.randrange(CONNECTIONS)
        src, dst = ends[i] if r.random() < 0.5 else ends[i][::-1]
        us += r.choice([0, 1, 50, 1000, r.randrange(5000000)])
        n = r.choice([0, 0, 0, 1, 1, 100, 1448, 30000])
        near[i] = (near[i] + (n if r.random() < 0.3 else 0)) & 0xffffffff
        tape.tcp(us, src, dst, r.choice(FLAGS + [r.randrange(256)]),
                 number(r, near[i]), number(r, near[i]), n, window=r.choice([0, 1, 65535, r.randrange(65536)]),
                 options=option(r, near[i]), ecn=r.randrange(4), cut=r.choice([None, None, None, 54, 60, 66, 80]))


def unlucky(r, tape):
    """Real data and ACKs, of which some are lost before the capture, repeated, swapped or late."""
    for i in range(CONNECTIONS):
        a, b = Peer('10.8.0.%d' % (i + 1), 1024 + i), Peer('10.8.1.1', 80)
        seq, back, us, got = r.choice(EDGES), r.choice(EDGES), r.randrange(1000000), 0
        rows = [(0, a, b, SYN, seq, 0, 0), (9000, b, a, SYN | ACK, back, seq + 1, 0), (9900, a, b, ACK, seq + 1, back + 1, 0)]
        for k in range(SEGMENTS // CONNECTIONS // 2):
            at = 10000 + k * 700 + r.randrange(2000)
            rows.append((at, a, b, ACK, seq + 1 + 500 * k, back + 1, 500))
            got = max(got, 500 * (k + 1) * (r.random() < 0.7))
            rows.append((at + 9000, b, a, ACK, back + 1, seq + 1 + got, 0))
        rows = [x for x in rows if r.random() < 0.95]
        rows += [(at + r.choice([1, 300, 30000, 400000]), *x) for at, *x in r.sample(rows, len(rows) // 12)]
        for at, src, dst, flags, s, k, n in rows:
            tape.tcp(us + at, src, dst, flags, s & 0xffffffff, k & 0xffffffff if flags & ACK else 0, n)


def impossible(record, span_us):
    """What cannot be, of one record."""
    n, get = record['packets'], record.get
    if get('retransmissions') is not None:
        for key in COUNTS:
            if not 0 <= get(key) <= n and key != 'rtt_samples':
                yield '%s is %d of %d packets' % (key, get(key), n)
        if get('retransmissions') != sum(get(k) for k in COUNTS[1:4]):
            yield 'retransmissions are not the sum of their kinds'
        if get('retransmissions') + get('out_of_order_pkts') + get('keep_alives') > n:
            yield 'more was sent again and overtaken than was sent'
    least, avg, most = get('min_rtt_us'), get('avg_rtt_us'), get('max_rtt_us')
    if (least is None, avg is None, most is None) not in ((True,) * 3, (False,) * 3):
        yield 'some of the RTT is null'
    if bool(get('rtt_samples')) != (least is not None):
        yield 'an RTT without samples'
    if least is not None and not 0 <= least <= avg <= most <= span_us:
        yield 'RTT %d %d %d' % (least, avg, most)
    yield from impossible_times(record, span_us)


def impossible_times(record, span_us):
    get = record.get
    for key in 'handshake_latency_us', 'handshake_server_us', 'handshake_client_us', 'max_jitter_us', 'avg_jitter_us':
        if get(key) is not None and not 0 <= get(key) <= span_us:
            yield '%s is %d' % (key, get(key))
    if get('avg_jitter_us') is not None and get('avg_jitter_us') > get('max_jitter_us'):
        yield 'jitter %d is above its greatest %d' % (get('avg_jitter_us'), get('max_jitter_us'))
    parts = get('handshake_server_us'), get('handshake_client_us')
    if get('handshake_latency_us') is not None and (None in parts or get('handshake_latency_us') != sum(parts)):
        yield 'the handshake is not the sum of its halves'
    windows = get('min_window_size'), get('max_window_size'), get('last_window_size')
    if None not in windows and not 0 <= windows[0] <= windows[2] <= windows[1] <= 65535 << 14:
        yield 'windows %d %d %d' % windows
    if get('max_bytes_in_flight') is not None and not 0 <= get('max_bytes_in_flight') < 1 << 31:
        yield 'in flight %d' % get('max_bytes_in_flight')


def judge(make, seed):
    tape, r = Tape(), random.Random(seed)
    make(r, tape)
    times_of = [row[0] for row in tape.rows]
    with tempfile.TemporaryDirectory(prefix='flowctl-fuzz-') as folder:
        path = os.path.join(folder, 'fuzz.pcap')
        tape.write(path)
        records = oracle.replay(path)
    check(sum(x['packets'] for x in records) == len(tape.rows), 'packets are missing')
    check(sum(x['retransmissions'] is not None for x in records) > CONNECTIONS, 'hardly any record has metrics')
    bad = ['seed %d: %s:%s > %s:%s: %s' % (seed, x['src_ip'], x['src_port'], x['dst_ip'], x['dst_port'], why)
           for x in records if x['proto'] == 'TCP' for why in impossible(x, max(times_of) - min(times_of))]
    check(not bad, '\n'.join(bad[:10]))


SEEDS = [1, 2, 3] + [int(s) for s in os.environ.get('FLOWCTL_SEED', '').split()]


@test
def no_number_is_impossible_whatever_the_segments_say():
    for seed in SEEDS:
        judge(hostile, seed)


@test
def no_number_is_impossible_when_segments_are_lost_repeated_and_late():
    for seed in SEEDS:
        judge(unlucky, seed)


if __name__ == '__main__':
    main()
