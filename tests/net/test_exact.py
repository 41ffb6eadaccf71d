#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A scripted sender of packets of known sizes: dump, the agent's log, nfdump, nfacctd and
tshark all agree with the script to the packet and byte."""
from lib import *
from export import *
from script import *

net = Net('exact')
def setup():
    global a, b, script
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.eth0.disable_ipv6', 1)
    script = Script(net.mac(a, 'eth0'), net.mac(b, 'eth0'))
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress')
    wire = Wire(a, 'eth0')
    script.send(wire)
    wire.close()
    sent = len(script.frames)
    wait_for(lambda: sum(m['packets'] for m in net.json('meter', 'status', '--netns', b)) >= sent,
             'the last packet')


@test
def dump_is_exact_to_the_packet_and_byte():
    same(flows_of(net.json('dump', '--netns', b)), script.flows)


@test
def every_format_of_dump_has_the_same_flows():
    n = len(net.json('dump', '--netns', b))
    for fmt, head in ('table', 1), ('wide', 1), ('ndjson', 0), ('csv', 1):
        equal(len(net.flowctl('dump', '--netns', b, '-o', fmt).stdout.splitlines()), n + head, fmt)


@test
def seen_is_held_and_nothing_is_unmetered():
    m, = net.json('meter', 'status', '--netns', b)
    equal((m['packets'], m['bytes']), script.totals(), 'seen')
    equal((m['unmetered_packets'], m['unmetered_bytes']), (0, 0), 'unmetered')


@test
def a_one_packet_flow_begins_and_ends_at_once():
    for r in net.json('dump', '--netns', b, '-D', '7'):
        equal(r['first_seen'], r['last_seen'], 'last_seen')


@test
def filters_find_what_they_name():
    equal(len(net.json('dump', '--netns', b, '-p', 'udp', '-s', V4A + '/32', '-S', '10007')), 1)
    equal(len(net.json('dump', '--netns', b, '-D', '7')), 200)
    equal(net.json('dump', '--netns', b, '-d', '192.0.2.0/24'), [])


@test
def nothing_is_exported_twice_and_nothing_is_lost_by_looking():
    with Collectors(net) as c:
        conf = c.config(count='all')
        net.flowctl('agent', '--once', '-c', conf)
        same(flows_of(net.json('dump', '--netns', b)), script.flows)


@test
def nfdump_nfacctd_and_tshark_agree_after_the_agent_ended():
    global result
    with Collectors(net) as c:
        c.run_agent(c.config(count='all'), until=lambda: True)
        result = c.stop()
    same(flows_of(result.log), script.flows)
    equal(result.nfdump_totals(), script.totals(), 'nfdump')
    equal(result.nfcapd_sequence_errors, 0, 'sequence errors of nfcapd')
    if result.nfacctd is None:
        raise Skipped('no nfacctd')
    equal((sum(r['packets'] for r in result.nfacctd), sum(r['bytes'] for r in result.nfacctd)), script.totals(),
          'nfacctd')


@test
def tshark_flags_no_message_and_no_gap():
    equal(result.tshark_complaints(), [], 'complaints')
    equal(result.tshark_totals(), script.totals(), 'tshark')


@test
def what_was_exported_is_held_no_more():
    equal(net.json('dump', '--netns', b), [])


main(net, setup)
