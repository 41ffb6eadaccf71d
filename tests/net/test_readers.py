#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever looks at a table, or drops flows from it, may die at any moment or look at any
moment: what is held and what was exported is together what was sent."""
import random
from collections import Counter

from lib import *
from export import *
from traffic import *

net = Net('readers')
seed = int.from_bytes(os.urandom(4), 'big')
dice = random.Random(seed)


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.eth0.disable_ipv6', 1)


def attach(*args):
    detach()    # what a test that failed has left
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress', *args)


def detach():
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0', ok=False)


def traffic(**kw):
    return Traffic(a, 'eth0', net.mac(b, 'eth0'), net.mac(a, 'eth0'), **kw)


def ledger():
    l, = ledgers(net, '--netns', b).values()
    balanced(l, 'seed %d' % seed)
    return l


def identities():
    """Which pins there are, and which maps are behind them. (Others may use the same machine.)"""
    folder, = os.listdir(net.bpffs + '/flowctl')
    path = '%s/flowctl/%s/' % (net.bpffs, folder)
    # `outputs` is an agent's, made with its first batch.
    return status_ids(), [(pin, obj_id(path + pin)) for pin in sorted(os.listdir(path)) if pin != 'outputs']


def status_ids():
    return [(m['ifindex'], m['prog_id'], m['attached_at']) for m in net.json('meter', 'status')]


def kill_at_random(*argv, times, longest):
    for _ in range(times):
        p = net.spawn(find_flowctl(), '--bpffs', net.bpffs, *argv, stdout=subprocess.DEVNULL)
        time.sleep(dice.uniform(0, longest))
        p.kill()
        p.wait()


def flows_of(records):
    flows = Counter()
    for r in records:
        flows[r['src_ip'], r['src_port']] += r['packets']
    return flows


def killed_under_traffic(argv, table, flows):
    attach('-l', table)
    before = identities()
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(count='all', idle=1, active=1)
        c.start_agent(conf)
        t = traffic(flows=flows, pace=16000).start(seconds=4)
        kill_at_random(*argv, times=60, longest=0.06)
        sent = t.wait()
        equal(identities(), before, 'pins and kernel objects')
        l = ledger()
        held = net.json('dump', '--netns', b)
        equal(l['seen'], sent, 'seen')
        c.end_agent()
        l = ledger()
        equal((l['held'], l['seen']), ((0, 0), sent), 'held and seen at the end')
        r = c.stop()
    equal(sum_of(r.log), l['exported'], 'exported (seed %d)' % seed)
    equal(r.tshark_totals(), l['exported'], 'tshark (seed %d)' % seed)
    equal(r.tshark_complaints(), [], 'complaints')
    detach()
    return sent, l, r


@test
def a_dump_killed_at_any_moment_leaves_everything_as_it_was():
    sent, l, r = killed_under_traffic(['dump', '-o', 'json'], 131072, 2000)
    equal(l['exported'], sent, 'exported')


@test
def a_flush_killed_at_any_moment_leaves_the_ledger_in_balance():
    sent, l, r = killed_under_traffic(['flush', '--netns', b, '--all'], 512, 700)
    check(l['flushed'][0] > 0 and l['exported'][0] > 0, 'nothing to see: %s' % l)


@test
def held_and_exported_is_what_was_sent_at_every_pause():
    attach()
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all', idle=1, active=1))
        sent = Counter(packets=0, bytes=0)
        for pause in range(6):
            # Looked at under traffic too: it must not disturb.
            t = traffic(flows=1000, pace=20000, net16='10.%d' % (90 + pause)).start(seconds=0.7)
            net.json('dump', '--netns', b)
            net.json('meter', 'status', '--netns', b)
            packets, octets = t.wait()
            sent.update(packets=packets, bytes=octets)
            want = sent['packets'], sent['bytes']
            looks, right, end = 0, 0, time.monotonic() + 30
            # A batch is in neither for the moment between being noted and being written.
            while looks < 10 or not right:
                log = sum_of(c.log_records())
                held = sum_of(net.json('dump', '--netns', b))
                if log == sum_of(c.log_records()):
                    both = log[0] + held[0], log[1] + held[1]
                    check(both[0] <= want[0] and both[1] <= want[1], 'sent %s, found %s' % (want, both))
                    right += both == want
                    looks += 1
                check(time.monotonic() < end, 'sent %s, never found' % (want,))
        c.end_agent()
        equal(sum_of(c.stop().log), want, 'exported')
    detach()


@test
def a_table_that_goes_while_it_is_read_is_no_error():
    stop = time.monotonic() + 3
    errors = []
    while time.monotonic() < stop:
        attach()
        procs = [net.spawn(find_flowctl(), '--bpffs', net.bpffs, *what, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True)
                 for what in (['dump'], ['meter', 'status'], ['dump', '-o', 'json'], ['flush', '--all'])]
        time.sleep(dice.uniform(0, 0.02))
        detach()
        for p in procs:
            err = p.communicate()[1]
            if p.returncode:
                errors.append(err)
    equal(errors, [], 'errors')


main(net, setup)
