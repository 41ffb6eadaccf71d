#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent tells of itself: options data and the ledger say the same, sampling reaches
the collectors, and NetFlow v9 carries what the log does."""
import re
import xml.etree.ElementTree as ET

from lib import *
from export import *

os.environ['TZ'] = 'UTC'      # of nfdump's times
net = Net('opts')


def pair(name):
    a, b = net.ns(name + 'a'), net.ns(name + 'b')
    net.veth(a, 'eth0', b, 'eth0', '10.9.0.1/24', '10.9.0.2/24')
    net.ip(b, 'link', 'set', 'eth0', 'alias', 'to the übersee')
    net.exec(a, 'ping', '-c', '1', '10.9.0.2')      # neighbours are known
    return a, b


def send_udp(ns, n, flows=20):
    with inside(ns):
        s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(flows)]
    for i in range(n):
        s[i % flows].sendto(bytes(100), ('10.9.0.2', 9))
    for x in s:
        x.close()


def config(c, *collectors):
    """The log first, then the collectors as (port, keys)."""
    path = c.dir + '/config.yaml'
    outputs = '- log: {file: %s/flow.log, format: json}\n' % c.dir
    outputs += ''.join('- collector: {remoteAddress: "127.0.0.1:%d", %s}\n' % x for x in collectors)
    with open(path, 'w') as f:
        f.write(CONFIG.format(count='all', active=60, idle=1, more='timerOptionsSeconds: 2', outputs=outputs))
    return path


def logged(c):
    r = c.log_records()
    return sum(x['packets'] for x in r), sum(x['bytes'] for x in r)


def ledger(b):
    """Of the one meter: name to packets and bytes."""
    m, = [m for m in net.json('meter', 'status', '--netns', b) if m['direction'] == 'ingress']
    return {k: (v['packets'], v['bytes']) for k, v in m['ledger'].items()}


def dissected(result):
    root = ET.fromstring(result._tshark('-T', 'pdml'))
    for f in root.iter('field'):
        if f.get('name') == '' and f.get('show', '').startswith('Flow '):
            yield {x.get('name'): x.get('show') for x in f.iter('field')}


@test
def what_options_data_says_is_what_the_ledger_has():
    a, b = pair('l')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress', '--sample', '4')
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(config(c, (c.recorder.port, 'profile: strict')))
        send_udp(a, 400)
        wait_for(lambda: logged(c)[0] and ledger(b)['held'] == (0, 0), 'all exported')
        c.end_agent()
        l, total, n = ledger(b), logged(c), len(c.log_records())
        result = c.stop()
    equal(result.tshark_complaints(), [], 'what tshark complains of')
    records = list(dissected(result))
    ignored = [r for r in records if 'cflow.ignore_packets' in r][-1]
    lost = [sum(x) for x in zip(*(l[k] for k in ('full', 'unparsed', 'non_ip', 'sampled_out')))]
    check(lost[0] > 100, 'nothing was sampled out: %s' % l)
    equal((int(ignored['cflow.ignore_packets']), int(ignored['cflow.ignore_octets'])), tuple(lost), 'ignored')
    sent = [r for r in records if 'cflow.flowsexp' in r][-1]
    equal(int(sent['cflow.flowsexp']), n, 'flow records sent')
    equal(int(sent['cflow.packetsexp']), len(c.recorder.datagrams) - 1, 'messages before the last')
    equal(int(sent['cflow.octetsexp']), sum(len(d) for _, d, _ in c.recorder.datagrams[:-1]), 'octets before it')
    lost = [r for r in records if 'cflow.notsent_flows' in r][-1]
    equal((lost['cflow.notsent_flows'], lost['cflow.notsent_packets']), ('0', '0'), 'not sent')
    check(any(r.get('cflow.if_name') == 'eth0' and r.get('cflow.if_descr') == 'to the übersee' for r in records),
          'the interface is not told')
    check(any(r.get('cflow.sampling_probability') == '0.25' for r in records), 'the sampling is not told')
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')


@test
def nfcapd_is_told_the_sampling_and_misses_nothing():
    a, b = pair('s')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress', '--sample', '4')
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(config(c, (c.nf_port, 'profile: nfdump')))
        send_udp(a, 400)
        wait_for(lambda: logged(c)[0] and ledger(b)['held'] == (0, 0), 'all exported')
        time.sleep(2.5)     # a round of options data would come by now
        send_udp(a, 400)
        wait_for(lambda: logged(c)[0] > 100 and ledger(b)['held'] == (0, 0), 'all exported')
        c.end_agent()
        total = logged(c)
        result = c.stop()
    equal(result.nfdump_totals(), (4 * total[0], 4 * total[1]), 'nfdump')
    equal(result.nfcapd_sequence_errors, 0, 'sequence errors of nfcapd')
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')


@test
def netflow_v9_carries_what_the_log_does():
    a, b = pair('n')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0')
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(config(c, (c.nf_port, 'version: netflow9, profile: nfdump'),
                             (c.recorder.port, 'version: netflow9')))
        send_udp(a, 400)
        net.exec(a, 'ping', '-c', '3', '-i', '0.2', '10.9.0.2')
        wait_for(lambda: logged(c)[0] >= 400 and ledger(b)['held'] == (0, 0), 'all exported')
        time.sleep(2.5)     # options data goes by time
        c.end_agent()
        total, log = logged(c), c.log_records()
        result = c.stop()
    equal(result.nfdump_totals(), total, 'nfdump')
    equal(result.nfcapd_sequence_errors, 0, 'sequence errors of nfcapd')
    equal(result.tshark_totals(), total, 'tshark')
    equal(result.tshark_complaints(), [], 'what tshark complains of')
    times = sorted(x['first_seen'][:23] for x in log)
    equal(sorted(f['first'] for f in result.nfdump()), times, 'when flows began, to the millisecond')


main(net)
