#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""100,000 flows end at once, and the collector's socket buffer is the system's default: the
agent's pace lets it miss none, and no flow is lost for the waiting."""
from lib import *
from export import *
from traffic import *

net = Net('flood')
FLOWS = 100000


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.eth0.disable_ipv6', 1)
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress', '-l', '400000')


def flood(c, conf):
    """All flows of one packet each, held and then exported together; what the ledger says."""
    before, = ledgers(net, '--netns', b).values()
    t = Traffic(a, 'eth0', net.mac(b, 'eth0'), net.mac(a, 'eth0'), flows=FLOWS, pace=100000)
    sent = t.start(packets=FLOWS).wait()
    c.start_agent(conf)
    wait_for(lambda: list(ledgers(net, '--netns', b).values())[0]['exported'][0] - before['exported'][0] >= FLOWS,
             'the export of all flows', 60)
    c.end_agent()
    after, = ledgers(net, '--netns', b).values()
    equal([x - y for x, y in zip(after['exported'], before['exported'])], list(sent), 'exported')
    return sent


@test
@patiently
def one_collector_with_the_usual_buffer_misses_none():
    with Collectors(net, nfacctd=False, small_buffers=True) as c:
        sent = flood(c, c.config_of_one(c.nf_port))
        r = c.stop()
    equal(r.nfcapd_sequence_errors, 0, 'sequence errors of nfcapd')
    equal(r.nfdump_totals(), sent, 'packets and bytes at nfcapd')


@test
@patiently
def several_outputs_miss_none_either():
    with Collectors(net, nfacctd=False, small_buffers=True) as c:
        sent = flood(c, c.config(count='all', idle=1))
        r = c.stop()
    equal(r.nfcapd_sequence_errors, 0, 'sequence errors of nfcapd')
    equal(r.nfdump_totals(), sent, 'packets and bytes at nfcapd')
    equal(sum_of(r.log), sent, 'packets and bytes in the log')


@test
def a_rate_that_is_asked_for_is_kept():
    with Collectors(net, nfacctd=False) as c:
        flood(c, c.config_of_one(c.recorder.port, keys=', maxBytesPerSecond: 3000000'))
        c.stop()
        times = [(when, len(d)) for when, d, _ in c.recorder.datagrams]
    took, total = times[-1][0] - times[0][0], sum(n for _, n in times)
    check(took > 0.9 * total / 3e6, '%d bytes in %.1f s' % (total, took))


main(net, setup)
