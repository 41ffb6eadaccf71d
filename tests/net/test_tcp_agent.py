#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TCP's health from the connections' table into records: dump and the agent's log agree, the
records of a connection add up to its numbers over cuts and kills, extremes are of the record's
own time, and the next connection of the same ends has a record of its own.

The segments are made by hand, both directions arriving at one interface; every one carries
CE, so that of each flow the packets with CE are its packets: what the connections' table
tells and what the flow table tells must be the same number, record by record or in sum."""
import random
from collections import Counter, defaultdict

import ipfix
from lib import *
from export import *
from traffic import *

net = Net('tcpagent')
seed = int.from_bytes(os.urandom(4), 'big')
dice = random.Random(seed)
SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
CE = (ipfix.FLOWCTL, 26)
WIN = 20000


def setup():
    global a, b, wire
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.eth0.disable_ipv6', 1)
    wire = Wire(a, 'eth0')
    # One CPU, one slot a flow.
    os.sched_setaffinity(0, {0})


def attach(*args):
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress', *args)


def detach():
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')


class Conn:
    """Both ends of a connection; what they send arrives at b's eth0."""
    def __init__(self, client, port, server='10.83.0.2'):
        self.ends = [(client, port), (server, 80)]
        self.seq = [dice.getrandbits(32), dice.getrandbits(32)]
        self.sent = Counter()   # by flow

    def flow(self, side):
        return self.ends[side] + self.ends[not side]

    def send(self, side, flags, data=b'', window=WIN):
        (src, sport), (dst, dport) = self.ends[side], self.ends[not side]
        seg = tcp(sport, dport, flags, data, self.seq[side], self.seq[not side] if flags & ACK else 0, window)
        wire.send(eth(net.mac_b, net.mac_a, 0x800, ipv4(src, dst, 6, seg, tos=3)))
        self.seq[side] = (self.seq[side] + len(data) + bool(flags & (SYN | FIN))) % 2**32
        self.sent[self.flow(side)] += 1

    def open(self):
        self.send(0, SYN)
        self.send(1, SYN | ACK)
        self.send(0, ACK)
        return self

    def talk(self, window=WIN):
        self.send(0, ACK | PSH, b'ask', window)
        self.send(1, ACK | PSH, b'answer', window)

    def close(self):
        self.send(0, FIN | ACK)
        self.send(1, FIN | ACK)
        self.send(0, ACK)


def sent_by(conns):
    return sum((c.sent for c in conns), Counter())


def flow_of(r):
    return r['src_ip'], r['src_port'], r['dst_ip'], r['dst_port']


def dump():
    return net.json('dump', '--netns', b)


def by_flow(records):
    flows = defaultdict(list)
    for r in records:
        flows[flow_of(r)].append(r)
    return flows


def told(records):
    """Packets with CE by flow; each record of one is observed."""
    for r in records:
        check(r['ecn_ce_pkts'] is not None, 'not observed: %s (seed %d)' % (r, seed))
    sums = Counter()
    for r in records:
        sums[flow_of(r)] += r['ecn_ce_pkts']
    return sums


def counted(records):
    sums = Counter()
    for r in records:
        sums[flow_of(r)] += r['packets']
    return sums


# Each reading measures anew how far the two clocks are apart: times may differ by a microsecond or two.
NOT_HEALTH = ('timestamp', 'end_reason', 'first_seen', 'last_seen', 'duration_ms')


@test
def dump_and_the_log_of_the_agent_agree():
    attach()
    conns = [Conn('10.82.0.%d' % (1 + i), 1000 + i).open() for i in range(30)]
    for i, c in enumerate(conns):
        for _ in range(i):
            c.talk(1000 + 10 * i)
        if i % 3:
            c.close()
    wanted = sent_by(conns)
    before = dump()
    equal((told(before), counted(before)), (wanted, wanted), 'dump without an agent')
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(count='all', idle=60)
        c.start_agent(conf)
        # The agent has those that are open for a minute still, and dump shows them.
        equal(told([r for r in dump() if r['src_port'] == 1027]), {conns[27].flow(0): wanted[conns[27].flow(0)]},
              'dump beside an agent')
        c.end_agent()
        log = c.log_records()
    key = lambda r: flow_of(r)
    for x, y in zip(sorted(before, key=key), sorted(log, key=key)):
        for k in x:
            if k not in NOT_HEALTH:
                equal(y[k], x[k], '%s of %s in the log' % (k, flow_of(x)))
    equal(len(log), len(before), 'records')
    r, = [r for r in log if r['src_port'] == 1005]
    equal((r['min_window_size'], r['max_window_size'], r['last_window_size']), (1050, WIN, WIN), 'windows')
    check(r['handshake_server_us'] >= 0 and r['rtt_samples'] > 0, 'handshake and RTT: %s' % r)
    equal(dump(), [], 'held at the end')


@test
def records_of_a_connection_add_up_and_have_extremes_of_their_own():
    attach()
    conns = [Conn('10.82.1.%d' % (1 + i), 2000 + i).open() for i in range(10)]
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all', active=1, idle=20))
        end, window = time.monotonic() + 5, 100
        while time.monotonic() < end:
            window += 1
            for conn in conns:
                conn.talk(window)
            time.sleep(0.01)
        c.end_agent()
        log = c.log_records()
    wanted = sent_by(conns)
    equal((told(log), counted(log)), (wanted, wanted), 'in all records (seed %d)' % seed)
    for flow, records in by_flow(log).items():
        records.sort(key=lambda r: r['first_seen'])
        check(len(records) >= 3, '%d records of %s' % (len(records), flow))
        # The window grew by one each time: each belongs to one record, and none is missing.
        spans = [(r['min_window_size'], r['max_window_size']) for r in records]
        spans[0] = 101, spans[0][1] if spans[0][1] < WIN else spans[0][1]
        for (_, high), (low, _) in zip(spans[1:], spans[2:]):
            equal(low, high + 1, 'first window behind %s of %s (seed %d)' % (spans, flow, seed))
        equal(spans[-1][1], window, 'the last window')
        for r, (low, high) in zip(records[1:], spans[1:]):
            check(abs(high - low + 1 - r['packets']) <= 3, 'windows %d-%d of %d packets' % (low, high, r['packets']))


@test
def the_next_connection_of_the_same_ends_has_a_record_of_its_own():
    attach()
    conns = []
    for i in range(20):
        old = Conn('10.82.2.%d' % (1 + i), 3000 + i).open()
        for _ in range(i):
            old.talk(1000)
        old.close() if i % 2 else (old.send(0, RST), old.send(1, RST))
        new = Conn('10.82.2.%d' % (1 + i), 3000 + i).open()
        new.talk(2000)
        conns.append((old, new))
    records = dump()
    with Collectors(net, nfacctd=False) as c:
        c.run_agent(c.config(count='all', idle=60), lambda: len(c.log_records()) >= 40)
        log = c.log_records()
    for what, found in ('dump', records), ('log', log):
        flows = by_flow(found)
        equal(len(flows), 40, 'flows in ' + what)
        for old, new in conns:
            for side in 0, 1:
                rs = sorted(flows[old.flow(side)], key=lambda r: r['first_seen'])
                wanted = [old.sent[old.flow(side)], new.sent[old.flow(side)]]
                equal([r['packets'] for r in rs], wanted, 'packets of %s in %s' % (old.flow(side), what))
                equal([r['ecn_ce_pkts'] for r in rs], wanted, 'CE of %s in %s' % (old.flow(side), what))
                if what == 'log':
                    equal([r['end_reason'] for r in rs], ['end', 'forced'], 'reasons')
                    first, second = [log.index(r) for r in rs]
                    check(first < second, 'the old one comes behind the new one')


@test
def killed_at_random_moments_the_numbers_are_told_once():
    attach()
    conns = [Conn('10.82.3.%d' % (1 + i % 200), 4000 + i).open() for i in range(400)]
    with Collectors(net, nfacctd=False) as c:
        conf = c.config_of_one(c.recorder.port, active=1, idle=1)
        for _ in range(12):
            c.spawn_agent(conf)
            end = time.monotonic() + dice.uniform(0.05, 1.2)
            while time.monotonic() < end:
                for conn in dice.sample(conns, 40):
                    conn.talk()
                time.sleep(0.01)
            c.agent.kill()
            c.agent.wait()
        c.start_agent(conf)
        c.end_agent()
        c.stop()
        records = [r for s in ipfix.streams(c.recorder.datagrams).values() for r in s.records()]
    check(len(records) > 800, '%d records' % len(records))
    wanted, packets, ce = sent_by(conns), Counter(), Counter()
    for r in records:
        packets[ipfix.flow_of(r)] += r[ipfix.PACKETS]
        ce[ipfix.flow_of(r)] += r.get(CE, 0)
    equal(packets, wanted, 'packets (seed %d)' % seed)
    wrong = [(f, ce[f], n) for f, n in wanted.items() if ce[f] != n]
    equal(wrong, [], 'CE (seed %d)' % seed)


@test
def connections_that_gave_way_are_told_from_the_ring():
    detach()
    # Four a bucket: of so many some find theirs full, and the ring has room for those.
    attach('--max-connections', '1024')
    conns = []
    for i in range(700):
        conn = Conn('10.82.4.%d' % (1 + i % 200), 5000 + i).open()
        conn.talk()
        conns.append(conn)
    wanted = sent_by(conns)
    records = dump()
    equal((counted(records), told(records)), (wanted, wanted), 'in dump')
    with Collectors(net, nfacctd=False) as c:
        conf = c.config_of_one(c.recorder.port, active=1, idle=1)
        for _ in range(5):
            c.spawn_agent(conf)
            time.sleep(dice.uniform(0.05, 0.6))
            c.agent.kill()
            c.agent.wait()
        c.start_agent(conf)
        c.end_agent()
        c.stop()
        records = [r for s in ipfix.streams(c.recorder.datagrams).values() for r in s.records()]
    ce = Counter()
    for r in records:
        ce[ipfix.flow_of(r)] += r.get(CE, 0)
    equal(ce, wanted, 'exported (seed %d)' % seed)


def start():
    setup()
    net.mac_a, net.mac_b = net.mac(a, 'eth0'), net.mac(b, 'eth0')


main(net, start)
