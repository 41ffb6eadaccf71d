#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent is killed and started again: nothing twice, nothing lost but what was in the one
message in flight, and then the sequence shows it. At random moments under traffic, and at
the very moments around a send and a write, by a library that kills the agent there."""
import random
from collections import Counter

import ipfix
from lib import *
from export import *
from traffic import *

net = Net('restart')
ROUNDS = 5      # packets of a flow
seed = int.from_bytes(os.urandom(4), 'big')
dice = random.Random(seed)
KILLER = os.environ.get('FLOWCTL_KILLER', os.path.join(ROOT, 'build', 'tests', 'net', 'libkiller.so'))


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.eth0.disable_ipv6', 1)


def attach(*args):
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress', *args)


def traffic(**kw):
    return Traffic(a, 'eth0', net.mac(b, 'eth0'), net.mac(a, 'eth0'), **kw)


def ledger():
    l, = ledgers(net, '--netns', b).values()
    balanced(l, 'seed %d' % seed)
    return l


def kill(c):
    c.agent.kill()
    c.agent.wait()


def kill_many(c, conf, times, longest):
    """Started and killed, at any moment of its life."""
    for _ in range(times):
        c.spawn_agent(conf)
        time.sleep(dice.uniform(0.01, longest))
        equal(c.agent.poll(), None, 'exit status before the kill (%s)' % c.agent_says())
        kill(c)


def clean_end(c, conf):
    c.start_agent(conf)
    c.end_agent()
    l = ledger()
    equal(l['held'], (0, 0), 'held at the end')
    return l


def received(c):
    """What the recorder got, by hand: all records, and the gaps of each session."""
    streams = ipfix.streams(c.recorder.datagrams)
    records = [r for s in streams.values() for r in s.records()]
    gaps = {port: [n for d in s.domains() for _, n in s.gaps(d)] for port, s in streams.items()}
    return streams, records, gaps


def nothing_twice(flows, at_most):
    for flow, packets in flows.items():
        if packets > at_most:
            raise Failed('%s: %d packets, %d were sent (seed %d)' % (flow, packets, at_most, seed))


def by_flow(records):
    flows = Counter()
    for r in records:
        flows[ipfix.flow_of(r)] += r[ipfix.PACKETS]
    return flows


def log_by_flow(records):
    flows = Counter()
    for r in records:
        flows[r['src_ip'], r['src_port'], r['dst_ip'], r['dst_port']] += r['packets']
    return flows


def gap_covers(what, exported, got, gap, kills):
    """No more is missing than the sequence says, and that is a message a kill at the most."""
    missing = exported[0] - got[0]
    check(missing >= 0 and exported[1] >= got[1], '%s got %s of %s: something twice' % (what, got, exported))
    check(missing <= ROUNDS * gap, '%s: %d packets missing, %d records in the gaps (seed %d)' %
          (what, missing, gap, seed))
    check(gap <= 60 * kills, '%s: %d records in the gaps of %d kills (seed %d)' % (what, gap, kills, seed))


def log_has_nearly(exported, got, kills):
    """It is written last and has no sequence: of the batch in flight it may miss all."""
    missing = exported[0] - got[0]
    check(0 <= missing <= ROUNDS * 60 * kills, 'the log misses %d packets (seed %d)' % (missing, seed))


@test
def killed_at_20_random_moments_nothing_is_lost_or_exported_twice():
    attach()
    kills = 20
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(count='all', idle=1, active=2, fixed_ports=True)
        t = traffic(flows=2000, pace=16000, fresh=ROUNDS).start(seconds=11)
        kill_many(c, conf, kills, 1.0)
        sent = t.wait()
        l = clean_end(c, conf)
        r = c.stop()
        streams, records, gaps = received(c)
    equal((l['seen'], l['exported']), (sent, sent), 'seen and exported')
    equal(len(streams), 1, 'sessions')
    gap = sum(sum(g) for g in gaps.values())
    check(all(n > 0 for g in gaps.values() for n in g), 'a sequence went back: %s' % gaps)
    gap_covers('the recorder', sent, ipfix.totals(records), gap, kills)
    gap_covers('tshark', sent, r.tshark_totals(), gap, kills)
    gap_covers('nfdump', sent, r.nfdump_totals(), gap, kills)
    log_has_nearly(sent, sum_of(r.log), kills)
    check(r.nfcapd_sequence_errors <= kills, 'sequence errors of nfcapd')
    nothing_twice(by_flow(records), ROUNDS)
    nothing_twice(log_by_flow(r.log), ROUNDS)
    equal(r.tshark_complaints() if not gap else [], [], 'complaints of tshark')


@test
def with_an_ephemeral_port_each_session_begins_at_0():
    attach()
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(count='all', idle=1, active=2)
        t = traffic(flows=500, pace=8000, fresh=ROUNDS).start(seconds=4)
        for _ in range(3):
            c.spawn_agent(conf)
            before = len(c.recorder.datagrams)
            wait_for(lambda: len(c.recorder.datagrams) > before + 5, 'datagrams')
            kill(c)
        sent = t.wait()
        clean_end(c, conf)
        r = c.stop()
        streams, records, gaps = received(c)
    equal(len(streams), 4, 'sessions')
    for port, s in streams.items():
        equal(s.messages[0].sequence, 0, 'first sequence from port %d' % port)
        equal(gaps[port], [], 'gaps from port %d' % port)
    got = ipfix.totals(records)
    check(0 <= sent[0] - got[0] <= 3 * 60 * ROUNDS, 'sent %s, got %s (seed %d)' % (sent, got, seed))
    nothing_twice(by_flow(records), ROUNDS)


def killed_at(call, at, when, packets):
    """One agent killed right there, and a next one; what is missing, and in how many records."""
    attach()
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(count='all', idle=1, active=60, fixed_ports=True)
        sent = traffic(flows=400, pace=20000).start(packets=packets).wait()
        before = ledger()
        equal(before['held'], sent, 'held')
        env = dict(os.environ, LD_PRELOAD=KILLER, KILL_CALL=call, KILL_AT=str(at), KILL_WHEN=when,
                   ASAN_OPTIONS='verify_asan_link_order=0')
        c.spawn_agent(conf, env)
        wait_for(lambda: c.agent.poll() is not None, 'the death of the agent')
        equal(c.agent.wait(), -signal.SIGKILL, 'exit status')
        dead = ledger()
        equal(dead['held'][0] + dead['exported'][0] - before['exported'][0], sent[0], 'held and exported')
        l = clean_end(c, conf)
        equal(l['exported'][0] - before['exported'][0], sent[0], 'exported')
        r = c.stop()
        streams, records, gaps = received(c)
    equal(len(streams), 1, 'sessions')
    gap, = gaps.values()
    nf = r.nfdump_totals()
    log = sum_of(r.log)
    flows = Counter(by_flow(records))
    nothing_twice(flows, packets // 400)
    nothing_twice(log_by_flow(r.log), packets // 400)
    return sent, ipfix.totals(records), nf, log, gap, r


@test
def killed_before_a_send_the_message_is_a_gap_of_just_its_records():
    # The first collector is nfcapd, so its third message and the recorder's are number 5 and 6.
    sent, got, nf, log, gap, r = killed_at('send', 6, 'before', 2000)
    equal(len(gap), 1, 'gaps')
    equal(sent[0] - got[0], 5 * gap[0], 'packets missing')
    equal(nf, sent, 'nfdump, whose message was sent already')
    equal(sent[0] - log[0], 5 * gap[0], 'packets missing in the log, which comes later')


@test
def killed_after_a_send_nothing_is_missing_and_nothing_repeated():
    sent, got, nf, log, gap, r = killed_at('send', 6, 'after', 2000)
    equal((got, nf, gap), (sent, sent, []), 'received, and the gaps')
    equal(r.tshark_complaints(), [], 'complaints')


@test
def killed_within_a_write_of_the_log_one_line_is_cut_and_no_other():
    sent, got, nf, log, gap, r = killed_at('write', 3, 'half', 2000)
    equal((got, nf, gap), (sent, sent, []), 'received, and the gaps')
    check(0 < sent[0] - log[0] <= 60 * 5, 'sent %s, in the log %s' % (sent, log))
    equal(r.cut_lines, 1, 'cut lines')


def one_killed_at(call, at, when, flows):
    """The same of an agent with one collector, which sends many messages by a call."""
    with Collectors(net, nfacctd=False) as c:
        conf = c.config_of_one(c.recorder.port)
        sent = traffic(flows=flows, pace=40000).start(packets=5 * flows).wait()
        before = ledger()
        env = dict(os.environ, LD_PRELOAD=KILLER, KILL_CALL=call, KILL_AT=str(at), KILL_WHEN=when,
                   ASAN_OPTIONS='verify_asan_link_order=0')
        c.spawn_agent(conf, env)
        wait_for(lambda: c.agent.poll() is not None, 'the death of the agent')
        equal(c.agent.wait(), -signal.SIGKILL, 'exit status')
        dead = ledger()
        exported = dead['exported'][0] - before['exported'][0]
        equal(dead['held'][0] + exported, sent[0], 'held and exported')
        wait_for(lambda: len(received(c)[1]) * 5 == exported, 'what the dead one is said to have sent')
        clean_end(c, conf)
        c.stop()
        streams, records, gaps = received(c)
    equal(len(streams), 1, 'sessions')
    equal(list(gaps.values()), [[]], 'gaps of the sequence')
    equal(ipfix.totals(records), sent, 'received')
    nothing_twice(by_flow(records), 5)
    return exported // 5


@test
def killed_around_a_call_that_sends_many_messages_none_is_in_doubt():
    attach()
    equal(one_killed_at('sendmmsg', 1, 'before', 3000), 0, 'records sent before the first call')
    check(one_killed_at('sendmmsg', 1, 'after', 3000) > 120, 'a call sends many messages')
    check(one_killed_at('sendmmsg', 2, 'before', 3000) > 120, 'so does the first of two')
    one_killed_at('sendmmsg', 3, 'after', 3000)


@test
def killed_at_20_random_moments_one_collector_alone_misses_nothing():
    attach()
    before = ledger()
    with Collectors(net, nfacctd=False) as c:
        conf = c.config_of_one(c.recorder.port, active=2)
        t = traffic(flows=3000, pace=24000, fresh=ROUNDS).start(seconds=11)
        kill_many(c, conf, 20, 1.0)
        sent = t.wait()
        l = clean_end(c, conf)
        c.stop()
        streams, records, gaps = received(c)
    for what in 'seen', 'exported':
        equal(tuple(x - y for x, y in zip(l[what], before[what])), sent, what)
    equal(list(gaps.values()), [[]], 'gaps (seed %d)' % seed)
    equal(ipfix.totals(records), sent, 'received (seed %d)' % seed)
    nothing_twice(by_flow(records), ROUNDS)


@test
def sequences_of_the_past_leave_room_for_those_of_now():
    Ctl(net, b).fill_streams()
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(count='all', fixed_ports=True)
        for _ in range(3):
            traffic(flows=100, pace=20000).start(packets=200).wait()
            clean_end(c, conf)
        r = c.stop()
        streams, records, gaps = received(c)
    equal(len(records), 300, 'records')
    equal(list(gaps.values()), [[]], 'gaps')
    equal(r.nfcapd_sequence_errors, 0, 'sequence errors of nfcapd')


@test
def killed_while_rings_and_store_are_busy():
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')
    attach('-l', '64')
    kills = 15
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(count='all', idle=1, active=1, fixed_ports=True)
        t = traffic(flows=10000, pace=20000).start(seconds=6)
        kill_many(c, conf, kills, 0.6)
        sent = t.wait()
        l = clean_end(c, conf)
        r = c.stop()
        streams, records, gaps = received(c)
    equal(l['seen'], sent, 'seen')
    gap = sum(sum(g) for g in gaps.values())
    check(all(n > 0 for g in gaps.values() for n in g), 'a sequence went back: %s' % gaps)
    check(l['exported'][0] > 1000, 'exported: %s' % l)
    gap_covers('the recorder', l['exported'], ipfix.totals(records), gap, kills)
    log_has_nearly(l['exported'], sum_of(r.log), kills)


main(net, setup)
