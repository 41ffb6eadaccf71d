#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger of every hook balances to the packet and byte at rest: a table that is far too
small, with and without an agent; flush; sampling; reclaim; a meter that goes and comes back."""
import re
import signal

from lib import *
from export import *
from traffic import *

net = Net('ledger')


def setup():
    global a, src, dst
    a = net.ns('a')
    src, dst = {}, {}


def pair(short):
    """A fresh metered namespace behind a wire of its own; its name and the sender's device."""
    b = net.ns(short)
    dev = 'to-' + short
    net.veth(a, dev, b, 'eth0')
    net.sysctl(a, 'net.ipv6.conf.%s.disable_ipv6' % dev, 1)
    net.sysctl(b, 'net.ipv6.conf.eth0.disable_ipv6', 1)
    return b, dev


def attach(b, *args):
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress', *args)


def traffic(b, dev, **kw):
    return Traffic(a, dev, net.mac(b, 'eth0'), net.mac(a, dev), **kw)


def ledger(b):
    l, = ledgers(net, '--netns', b).values()
    balanced(l, b)
    return l


def status(b):
    m, = net.json('meter', 'status', '--netns', b)
    return m


def detach(b):
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')


@test
def a_table_of_64_flows_and_10000_flows_balance_without_an_agent():
    global full_b, full_dev
    b, dev = full_b, full_dev = pair('full')
    attach(b, '-l', '64')
    sent = traffic(b, dev, flows=10000, pace=60000).start(packets=40000).wait()
    l = ledger(b)
    equal(l['seen'], sent, 'seen')
    check(l['full'][0] > 30000, 'the table is not full: %s' % l)
    equal(l['held'], sum_of(net.json('dump', '--netns', b)), 'held')
    m = status(b)
    equal((m['unmetered_packets'], m['unmetered_bytes']), l['full'], 'unmetered')
    check(64 <= m['flows'], '%d flows held' % m['flows'])


@test
def the_same_with_an_agent_which_takes_what_was_held_before_it():
    b, dev = full_b, full_dev
    before = ledger(b)
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all', idle=1, active=2))
        sent = traffic(b, dev, flows=10000, pace=60000).start(packets=80000).wait()
        l = ledger(b)
        equal(l['seen'][0], before['seen'][0] + sent[0], 'seen')
        c.end_agent()
        l = ledger(b)
        equal(l['held'], (0, 0), 'held')
        check(l['exported'][0] > before['held'][0], 'the agent took nothing of the new: %s' % l)
        r = c.stop()
    equal(sum_of(r.log), l['exported'], 'exported and logged')
    equal(r.tshark_totals(), l['exported'], 'exported and collected')
    m = status(b)
    equal((m['unmetered_packets'], m['unmetered_bytes']), l['full'], 'unmetered')


@test
def without_an_agent_a_table_with_room_holds_busy_flows_whatever_their_buckets():
    """500 flows taking turns in a table of 1,000, all on one CPU: no flow drives another out."""
    b, dev = pair('busy')
    attach(b, '-l', '1000')
    traffic(b, dev, flows=500, senders=1, pace=100000).start(packets=25000).wait()
    l = ledger(b)
    equal((l['seen'][0], l['held'][0], l['full']), (25000, 25000, (0, 0)))
    detach(b)


@test
def flush_of_one_filter_and_of_all_moves_from_held_to_flushed():
    b, dev = pair('flush')
    attach(b, '-l', '512')
    sent = traffic(b, dev, flows=700, pace=30000).start(packets=7000).wait()
    before, held = ledger(b), net.json('dump', '--netns', b)
    equal(before['held'], sum_of(held), 'held')
    some = [f for f in held if f['src_port'] == 1030]
    equal(len(some), 2, 'flows of both senders from port 1030')
    equal(net.flowctl('flush', '--netns', b, '-S', '1030').stdout, '2 flows flushed\n', 'flush')
    l = ledger(b)
    equal(l['flushed'], sum_of(some), 'flushed')
    equal(net.json('dump', '--netns', b, '-S', '1030'), [], 'dump')
    equal(len(net.json('dump', '--netns', b)), len(held) - 2, 'the others')
    # What the first flush moved from rings to the store goes too.
    equal(net.flowctl('flush', '--netns', b, '--all').stdout, '%d flows flushed\n' % (len(held) - 2), 'flush')
    l = ledger(b)
    equal((l['flushed'], l['held']), (before['held'], (0, 0)), 'flushed and held')
    # And what comes after begins with a record of its own.
    traffic(b, dev, flows=100, pace=30000).start(packets=100).wait()
    equal(ledger(b)['held'][0], 100, 'held')
    for r in net.json('dump', '--netns', b):
        equal(r['packets'], 1, 'packets after the flush')
    detach(b)


@test
def flush_under_an_agent_leaves_the_store_in_order():
    b, dev = pair('both')
    attach(b, '-l', '64')
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all', idle=60, active=60))
        t = traffic(b, dev, flows=100, pace=4000, fresh=1).start(seconds=3)
        while os.waitid(os.P_PID, t.children[0][0], os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            # Between two of them the agent fills the store; flush empties it behind its back.
            time.sleep(0.15)
            net.flowctl('flush', '--netns', b, '--all')
        sent = t.wait()
        l = ledger(b)
        c.end_agent()
        l = ledger(b)
        equal((l['seen'], l['held']), (sent, (0, 0)), 'seen and held')
        equal(sum_of(r for r in c.stop().log if r['netns'] == b), l['exported'], 'exported')
    check(l['flushed'][0] > 0, 'nothing to see: %s' % l)
    detach(b)


@test
def what_the_sample_leaves_out_is_in_the_ledger():
    b, dev = pair('sample')
    attach(b, '--sample', '10')
    sent = traffic(b, dev, flows=100, pace=60000).start(packets=20000).wait()
    l = ledger(b)
    equal(l['seen'], sent, 'seen')
    # 2000 of 20000, the standard deviation is 42.
    check(abs(l['held'][0] - 2000) < 300, 'held: %s' % l)
    equal(l['sampled_out'][0], sent[0] - l['held'][0], 'sampled out')
    m = status(b)
    equal((m['unmetered_packets'], m['sample']), (0, 10), 'unmetered and the interval')
    detach(b)


@test
def what_is_no_ip_and_what_is_broken_has_its_own_reason():
    b, dev = pair('odd')
    attach(b)
    wire = Wire(a, dev)
    s, d = net.mac(a, dev), net.mac(b, 'eth0')
    wire.send(eth(d, s, 0x0806, bytes(46)))
    wire.send(eth(d, s, 0x88cc, bytes(100)))
    wire.send(eth(d, s, 0x0800, b'\x4f' + bytes(45)))
    wire.send(eth(d, s, 0x86dd, b'\x60' + bytes(20)))
    wire.send(eth(d, s, 0x0800, ipv4('10.82.0.1', '10.83.0.2', 17, udp(1, 2, b'abc'))))
    wire.close()
    l = ledger(b)
    equal(l['non_ip'], (2, 146), 'non_ip')
    equal(l['unparsed'][0], 2, 'unparsed')
    equal(l['held'], (1, 31), 'held')
    equal(status(b)['unmetered_packets'], 2, 'unmetered')
    detach(b)


@test
def a_meter_that_is_taken_off_and_put_back_goes_on_counting():
    b, dev = pair('back')
    net.veth(b, 'other', b, 'peer')
    attach(b)
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'other')
    sent = traffic(b, dev, flows=100, pace=20000).start(packets=1000).wait()
    detach(b)
    # While it is off, half of what it had goes; and some is left, so that its ledger is kept.
    net.flowctl('flush', '--netns', b, '-s', '10.82.0.0/24')
    attach(b)
    l = ledgers(net, '--netns', b)[(b, 'eth0', 'ingress')]
    balanced(l)
    equal((l['seen'], l['flushed'][0]), (sent, 500), 'seen and flushed')
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0', '-n', 'other')


@test
def without_an_agent_idle_flows_give_way_and_that_is_in_the_ledger():
    b, dev = pair('aged')
    attach(b, '-l', '64')
    # Partly exported before: what is exported is not lost again when the rest gives way.
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all'))
        traffic(b, dev, flows=40, pace=20000).start(packets=4000).wait()
        c.end_agent()
        equal(ledger(b)['held'], (0, 0), 'held')
    Ctl(net, b).set_reclaim_ticks(25)
    traffic(b, dev, flows=40, pace=20000).start(packets=400).wait()
    time.sleep(0.5)
    traffic(b, dev, flows=400, pace=20000, net16='10.84').start(packets=4000).wait()
    time.sleep(0.5)
    traffic(b, dev, flows=400, pace=20000, net16='10.85').start(packets=4000).wait()
    l = ledger(b)
    check(l['aged'][0] > 0, 'nothing gave way: %s' % l)
    m = status(b)
    equal(m['unmetered_packets'], l['full'][0] + l['aged'][0], 'unmetered')
    # The next agent finds the gaps, and exports exactly what is held.
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all'))
        ledger(b)
        c.end_agent()
        l2 = ledger(b)
        equal(l2['held'], (0, 0), 'held')
        equal(sum_of(r for r in c.stop().log if r['netns'] == b), l['held'], 'exported')
    detach(b)



FULL = re.compile(r"table of '([^']*)' was full: (\d+) packets of (\d+) bytes")


@test
def a_full_table_is_told_once_a_second_with_what_it_lost():
    b, dev = pair('told')
    attach(b, '-l', '64')
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all', idle=1, active=1))
        c.agent.send_signal(signal.SIGSTOP)
        traffic(b, dev, flows=4000, pace=40000).start(packets=8000).wait()
        begin = time.time()
        c.agent.send_signal(signal.SIGCONT)
        traffic(b, dev, flows=4000, pace=40000).start(seconds=2).wait()
        lost = ledger(b)['full']
        told = lambda: [m for m in FULL.findall(c.agent_says()) if m[0] == b]
        check(lost[0] > 1000, 'the table was not full: %s' % (lost,))
        becomes(lambda: tuple(sum(int(m[i]) for m in told()) for i in (1, 2)), lost, 'packets and bytes told')
        seconds = time.time() - begin
        # By a clock of a second: one of them may be late, and one is at either end.
        check(1 <= len(told()) <= seconds + 2, 'told %d times in %.1f s' % (len(told()), seconds))
        c.end_agent()
    detach(b)



@test
def a_flow_that_was_evicted_again_and_again_is_one_record():
    """900 flows taking turns where a CPU has 512 slots: every turn of a flow finds it driven out."""
    b, dev = pair('evict')
    attach(b, '-l', '1000', '--spread', '2')
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all', idle=2))
        traffic(b, dev, flows=900, pace=3000).start(packets=10800).wait()
        wait_for(lambda: ledger(b)['held'] == (0, 0), 'the end of all flows')
        c.end_agent()
        records = [r for r in c.stop().log if r['netns'] == b]
        equal(ledger(b)['full'], (0, 0), 'full')
        equal({r['packets'] for r in records}, {12}, 'packets of the records')
        equal(len(records), 900, 'records')
    detach(b)



@test
def a_flush_while_a_paced_export_waits_leaves_the_agent_alive():
    b, dev = pair('paced')
    attach(b)
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(count='all', idle=1)
        with open(conf) as f:
            text = f.read().replace('collector: {', 'collector: {maxBytesPerSecond: 20000, ')
        with open(conf, 'w') as f:
            f.write(text)
        c.start_agent(conf)
        sent = traffic(b, dev, flows=4000, pace=40000).start(packets=8000).wait()
        wait_for(lambda: ledger(b)['exported'][0] > 0, 'the first batch')
        for _ in range(3):
            net.flowctl('flush', '--netns', b, '--dport', '1', ok=False)
            time.sleep(0.3)
        net.flowctl('flush', '--netns', b, '--all')
        time.sleep(1)
        check(c.agent.poll() is None, 'the agent ended: ' + c.agent_says())
        l = ledger(b)
        equal((l['held'], l['seen']), ((0, 0), sent), 'held and seen')
        check(l['flushed'][0] > 0, 'nothing was flushed: %s' % l)
        c.end_agent()
    detach(b)


main(net, setup)
