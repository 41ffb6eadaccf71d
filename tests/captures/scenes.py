# SPDX-License-Identifier: Apache-2.0
"""Conversations whose truth is known because a test wrote them, all in one capture.

    @scene
    def a_sentence(t, a, b):
        ...write segments between the peers a and b...
        return {a: dict(retransmissions=1), b: dict(duplicate_acks=3)}

Each has addresses of its own; as they begin at the same time, they are interleaved. A value may be
a list, of the records of that direction in their order; a pair (value, tolerance); or a function.
tshark judges the counts of COUNTS too; where it is wrong a scene says why by `unlike`: {metric: reason};
`blind` says why it cannot judge at all.
"""
import os, tempfile
import oracle, pcap
from lib import Failed, check, main, skip, test

COUNTS = ['retransmissions', 'fast_retransmits', 'spurious_retransmits', 'out_of_order_pkts', 'duplicate_acks',
          'zero_windows', 'keep_alives']
HEALTHY = dict.fromkeys(COUNTS + ['timeout_retransmits'], 0)
scenes = []


class Scene:
    def __init__(self, f, v6, unlike, blind):
        self.f, self.v6, self.unlike, self.blind = f, v6, unlike, blind
        self.n = len(scenes) + 1

    def peers(self):
        net = 'fd00:0:0:%x::' % self.n if self.v6 else '10.%d.%d.' % (self.n >> 8, self.n & 255)
        return pcap.Peer(net + '1', 40000 + self.n), pcap.Peer(net + '2', 80)

    def write(self, tape):
        self.ends = self.peers()
        self.want = self.f(tape, *self.ends)


def scene(f=None, v6=False, unlike=None, blind=None):
    def add(f):
        scenes.append(Scene(f, v6, unlike or {}, blind))
        return f
    return add(f) if f else add


def records_of(ways, src, dst, vlans=None):
    return [r for way, of_way in ways.items() for r in of_way
            if way[:4] == (src.addr, src.port, dst.addr, dst.port) and vlans in (None, way.vlans)]


def null_or(wanted):
    """Not observed, or right; never another value."""
    return lambda is_: is_ in (None, wanted)


def close_enough(is_, wanted):
    if callable(wanted):
        return wanted(is_)
    if isinstance(wanted, tuple):           # (value, tolerance)
        return is_ is not None and abs(is_ - wanted[0]) <= wanted[1]
    return is_ == wanted


def compare(records, wanted, who):
    wrong = []
    lists = [v for v in wanted.values() if isinstance(v, list)]
    n = len(lists[0]) if lists else 1
    if len(records) != n:
        return ['%s: %d records, wanted %d' % (who, len(records), n)]
    for i, record in enumerate(records):
        for key, value in wanted.items():
            value = value[i] if isinstance(value, list) else value
            if not close_enough(record[key], value):
                wrong.append('%s: record %d: %s is %r, wanted %r' % (who, i, key, record[key], value))
    return wrong


def by_definition(s, records):
    wrong = []
    for who, other in s.ends, s.ends[::-1]:
        if s.want.get(who) is None:
            continue
        is_ = records_of(records, who, other)
        wrong += compare(is_, s.want[who], 'ab'[who is s.ends[1]] + ' to ' + 'ab'[who is s.ends[0]])
    return wrong


def by_tshark(s, records, judged):
    """Sums over a direction's records; the numbers of its packets tell where it differs."""
    wrong = []
    for metric in COUNTS:
        found = []
        for who, other in s.ends, s.ends[::-1]:
            numbers = [n for c in records_of(judged, who, other) for n in c.numbers(metric)]
            is_ = sum(r[metric] or 0 for r in records_of(records, who, other))
            if len(numbers) != is_:
                found.append('%s of %s: tshark %d %r, ours %d' % (
                    metric, 'ab'[who is s.ends[1]], len(numbers), numbers, is_))
        if metric not in s.unlike:
            wrong += found
        elif not found:
            wrong.append('%s: tshark agrees, although there is a reason why not' % metric)
    return wrong


def add_test(s, find):
    def f():
        records, judged = find()
        wrong = by_definition(s, records) + ([] if s.blind else by_tshark(s, records, judged))
        check(not wrong, '\n'.join(wrong))
    f.__name__ = s.f.__name__
    test(f)


def run_scenes():
    """Write, replay and judge all scenes; a test each."""
    folder = tempfile.mkdtemp(prefix='flowctl-script-')
    path = os.path.join(folder, 'scenes.pcap')
    tape = pcap.Tape()
    for s in scenes:
        s.write(tape)
    tape.write(path)
    found = []

    def find():
        if not found:
            found.extend([oracle.ours(path), oracle.by_way(oracle.segments(path))])
        return found
    for s in scenes:
        add_test(s, find)

    @test
    def two_runs_say_the_same():
        first, second = oracle.replay(path), oracle.replay(path)
        for r in first + second:
            r.pop('timestamp')
        check(first and first == second, 'they differ')
    return path
