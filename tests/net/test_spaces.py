#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Namespaces: equal names and numbers inside stay apart, a deleted one's flows are exported
and its folder goes, one made again under the same name begins anew; and what becomes of the
flows when the last meter is taken off."""
import ipfix
from lib import *
from export import *
from traffic import *

net = Net('spaces')
INDEX = 2       # the first after lo, in every new namespace


def setup():
    global a
    a = net.ns('a')


def metered(short, *args, together=False):
    """A namespace with eth0 metered at ingress; and what sends to it."""
    b = net.ns(short)
    if folders() and not together:
        net.flowctl('meter', 'detach', '--all')     # of a test that failed
    dev = 'to-' + short
    net.ip(a, 'link', 'add', dev, 'type', 'veth', 'peer', 'name', 'eth0', 'index', INDEX, 'netns', b)
    for ns, d in (a, dev), (b, 'eth0'):
        net.ip(ns, 'link', 'set', d, 'up')
        net.sysctl(ns, 'net.ipv6.conf.%s.disable_ipv6' % d, 1)
    wait_for(lambda: 'LOWER_UP' in net.ip(b, 'link', 'show', 'eth0').stdout, 'eth0 up')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress', *args)
    return b, lambda **kw: Traffic(a, dev, net.mac(b, 'eth0'), net.mac(a, dev), **kw)


def folders():
    try:
        return os.listdir(net.bpffs + '/flowctl')
    except FileNotFoundError:
        return []


def ledger(b):
    l, = ledgers(net, '--netns', b).values()
    balanced(l, b)
    return l


def detach(b):
    return net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')


def of_domain(streams, domain):
    return ipfix.totals(r for s in streams.values() for m in s.messages if m.domain == domain for r in m.records)


@test
def equal_names_and_numbers_stay_apart():
    (n1, to1), (n2, to2) = metered('n1'), metered('n2', together=True)
    sent = {n1: to1(flows=100, net16='10.101').start(packets=1000).wait(),
            n2: to2(flows=100, net16='10.102').start(packets=3000).wait()}
    for ns, net16 in (n1, '10.101.'), (n2, '10.102.'):
        flows = net.json('dump', '--netns', ns)
        equal({(f['netns'], f['iface'], f['ifindex']) for f in flows}, {(ns, 'eth0', INDEX)}, 'where')
        check(all(f['src_ip'].startswith(net16) for f in flows), 'a flow of the other namespace')
        equal(sum_of(flows), sent[ns], ns)
    domains = {m['netns']: m['observation_domain_id'] for m in net.json('meter', 'status')}
    check(domains[n1] != domains[n2], 'one domain for both')
    # The very same filter matches in both; only one is meant.
    net.flowctl('flush', '--netns', n1, '-i', INDEX)
    equal(ledger(n1)['flushed'], sent[n1], 'flushed')
    equal(sum_of(net.json('dump', '--netns', n2)), sent[n2], 'of the other')
    sent[n1] = to1(flows=100, net16='10.101').start(packets=500).wait()
    with Collectors(net, nfacctd=False) as c:
        c.run_agent(c.config(count='all'), until=lambda: True)
        r = c.stop()
        streams = ipfix.streams(c.recorder.datagrams)
    for ns in n1, n2:
        equal(sum_of(f for f in r.log if f['netns'] == ns), sent[ns], 'log of ' + ns)
        equal(of_domain(streams, domains[ns]), sent[ns], 'domain of ' + ns)
    for ns in n1, n2:
        detach(ns)


@test
def a_deleted_namespace_is_exported_and_its_folder_goes_and_the_next_of_that_name_begins_anew():
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(count='all', fixed_ports=True)
        b, to = metered('old')
        domain = net.json('meter', 'status', '--netns', b)[0]['observation_domain_id']
        c.start_agent(conf)
        old = to(flows=300, net16='10.103').start(packets=3000).wait()
        folder, = folders()
        net.del_ns(b)
        wait_for(lambda: 'to-old' not in net.ip(a, 'link').stdout, "the end of the old one's wire")
        b, to = metered('old', together=True)
        equal(net.json('dump', '--netns', b), [], 'flows of a fresh namespace')
        new = to(flows=100, net16='10.104').start(packets=1000).wait()
        check(all(f['src_ip'].startswith('10.104.') for f in net.json('dump', '--netns', b)), 'old flows in the new')
        # Well before they would be idle.
        wait_for(lambda: folder not in folders(), "the end of the old one's folder", 12)
        equal(sum_of(f for f in c.log_records() if f['src_ip'].startswith('10.103.')), old, 'exported of the old')
        equal(sum_of(net.json('dump', '--netns', b)), new, 'held in the new')
        c.end_agent()
        equal(ledger(b)['exported'], new, 'exported of the new')
        # The sequence of the name's domain goes on, also in an agent that knows only the new table.
        more = to(flows=100, net16='10.105').start(packets=100).wait()
        c.start_agent(conf)
        c.end_agent()
        r = c.stop()
        streams = ipfix.streams(c.recorder.datagrams)
    sent = tuple(map(sum, zip(old, new, more)))
    equal((sum_of(r.log), r.nfdump_totals(), of_domain(streams, domain)), (sent,) * 3, 'log, nfdump, recorder')
    equal({f['netns'] for f in r.log}, {b}, 'names')
    equal([s.gaps(domain) for s in streams.values()], [[]], 'gaps')
    equal(r.tshark_complaints(), [], 'complaints')
    detach(b)


@test
def an_interface_that_vanishes_is_exported_and_its_meter_goes():
    with Collectors(net, nfacctd=False) as c:
        b, to = metered('dev')
        c.start_agent(c.config(count='all'))
        sent = to(flows=300).start(packets=3000).wait()
        net.ip(b, 'link', 'del', 'eth0')
        wait_for(lambda: folders() == [], 'the end of the folder')
        c.end_agent()
        r = c.stop()
    equal((sum_of(r.log), r.nfdump_totals()), (sent, sent), 'log and nfdump')
    equal({f['iface'] for f in r.log}, {'eth0'}, 'names')


@test
def a_namespace_held_by_an_open_file_only_stays_metered():
    b, to = metered('held')
    if net.json('meter', 'status', '--netns', b)[0]['hook'] != 'tcx':
        detach(b)
        skip('only a link of tcx tells from outside that it is attached')
    fd = os.open('/run/netns/' + b, os.O_RDONLY)
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all'))
        net.del_ns(b)
        time.sleep(6)
        # Nobody can name it any more, but its device is there, and so is the meter.
        equal(len(folders()), 1, 'folders')
        wire = Wire(a, 'to-held')
        wire.send(eth(b'\xff' * 6, net.mac(a, 'to-held'), 0x800, ipv4('10.106.0.1', '10.83.0.2', 17, udp(1, 2, b'x'))))
        wire.close()
        c.end_agent()
        r = c.stop()
    equal([f['packets'] for f in r.log if f['src_ip'] == '10.106.0.1'], [1], 'packets seen')
    os.close(fd)
    wait_for(lambda: net.flowctl('meter', 'status') and folders() == [], 'the end of it')


@test
def the_last_meter_goes_after_a_running_agent_has_exported_all():
    for size, flows in ('131072', 1000), ('64', 10000):
        with Collectors(net, nfacctd=False) as c:
            b, to = metered('last' + size, '-l', size)
            # With nothing due and nothing drained for long.
            c.start_agent(c.config(count='all'))
            sent = to(flows=flows, pace=20000).start(packets=5000).wait()
            lost = ledger(b)['full']
            r = detach(b)
            equal((r.stderr, folders()), ('', []), 'what it said, and folders')
            c.end_agent()
            r = c.stop()
        want = sent[0] - lost[0], sent[1] - lost[1]
        equal((sum_of(r.log), r.nfdump_totals(), r.tshark_totals()), (want,) * 3, 'log, nfdump, tshark')


@test
def without_an_agent_what_is_dropped_is_said():
    for size, flows in ('131072', 1000), ('64', 10000):
        b, to = metered('none' + size, '-l', size)
        to(flows=flows, pace=20000).start(packets=5000).wait()
        held = len(net.json('dump', '--netns', b))
        r = detach(b)
        equal(r.stderr, 'flowctl meter detach: %d flows dropped\n' % held, 'what it said')
        equal(folders(), [], 'folders')


@test
def behind_a_killed_agent_what_is_dropped_is_said():
    b, to = metered('dead', '-l', '64')
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all'))
        time.sleep(0.3)
        c.agent.kill()
        c.agent.wait()
        to(flows=10000, pace=20000).start(packets=3000).wait()
        held = len(net.json('dump', '--netns', b))
        start = time.monotonic()
        equal(detach(b).stderr, 'flowctl meter detach: %d flows dropped\n' % held, 'what it said')
        check(time.monotonic() - start < 2, 'it waited for a dead agent')


main(net, setup)
