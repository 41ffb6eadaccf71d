#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""NetFlow v9 as nfcapd, nfacctd and tshark read it: the same packets, octets and times, and
an hour of resends without a gap."""
import xml.etree.ElementTree as ET
from collectors import *
from tshark import datagrams, pcap

need('nfcapd', 'nfdump', 'nfacctd', 'tshark')
INTERFACES = '-i', '3:1:eth0:to übersee', '-i', '9:1:eth1'
FLOWS = flows(55) + [
    flow(56, src='2001:db8::1', dst='2001:db8::2', proto=6, sport=49375, dport=443, flags=0xdb, tos=0xb9, vlan=5,
         direction=1, bytes=1 << 40, min_ttl=61),
    flow(57, proto=6, sport=443, dport=49375, flags=0x12),
    flow(58, proto=1, sport=0, dport=0x0301),
    flow(59, src='2001:db8::1', dst='2001:db8::2', proto=58, sport=0, dport=0x8001),
    flow(60, proto=47, sport=0, dport=0)]
BY_NUMBER = {f['in'] - 100: f for f in FLOWS}


def an_hour(port, *options):
    send(port, list(hour(FLOWS)), options=('-9', '-t', '60', *INTERFACES, *options))


def ms(text):
    return round(datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%f').replace(tzinfo=timezone.utc).timestamp() * 1000)


@test
def nfcapd_reads_them_to_the_millisecond():
    for profile in 'default', 'nfdump':
        seen, log = nfcapd(lambda port: an_hour(port, '-p', profile))
        check('Sequence Errors: 0,' in log and 'rror:' not in log, log)
        equal(sorted(seen), sorted(BY_NUMBER), 'the flows that came')
        for i, f in BY_NUMBER.items():
            r, icmp = seen[i], icmp_of(f)
            equal((r['in_packets'], r['in_bytes'], r['proto'], r['src_tos'], r['direction'], r['src_vlan']),
                  (f['packets'], f['bytes'], f['proto'], f['tos'], f['direction'], f['vlan']), 'flow %d' % i)
            equal((ms(r['first']), ms(r['last'])), (f['first'] // 10**6, f['last'] // 10**6), 'times of %d' % i)
            equal((r.get('icmp_type'), r.get('icmp_code')), icmp or (None, None), 'ICMP of %d' % i)
            if not icmp:
                equal((r.get('src_port', 0), r.get('dst_port', 0)), ports_of(f), 'ports of %d' % i)


@test
def batches_of_messages_are_as_good():
    seen, log = nfcapd(lambda port: send(port, FLOWS * 10, options=('-9', '-b')))
    check('Flows: %d,' % (10 * len(FLOWS)) in log and 'Sequence Errors: 0,' in log, log)


@test
def nfacctd_reads_them_to_the_second():
    seen, log = nfacctd(lambda port: an_hour(port), len(FLOWS))
    check('expecting flow' not in log and 'WARN' not in log, log)
    equal(sorted(seen), sorted(BY_NUMBER), 'the flows that came')
    for i, f in BY_NUMBER.items():
        r = seen[i]
        equal((r['packets'], r['bytes'], r['ip_src'], r['ip_dst'], r['tos'], r['iface_out']),
              (f['packets'], f['bytes'], f['src'], f['dst'], f['tos'], f['out']), 'flow %d' % i)
        for at, ns in (r['timestamp_start'], f['first']), (r['timestamp_end'], f['last']):
            check(0 <= float(at) - ns / 1e9 < 1, '%s is not %d ns, rounded up' % (at, ns))


@test
def nfacctd_knows_the_sampling():
    seen, log = nfacctd(lambda port: send(port, FLOWS, options=('-9', '-i', '3:100:eth0')), len(FLOWS))
    equal({i: r['packets'] for i, r in seen.items()}, {i: f['packets'] * 100 for i, f in BY_NUMBER.items()}, 'packets')


@test
def nfcapd_knows_the_sampling_by_its_profile():
    seen, log = nfcapd(lambda port: send(port, FLOWS, options=('-9', '-p', 'nfdump', '-i', '3:100:eth0')))
    equal({i: r['in_packets'] for i, r in seen.items()}, {i: f['packets'] * 100 for i, f in BY_NUMBER.items()}, 'packets')


def dissect(payloads):
    with tempfile.TemporaryDirectory(prefix='flowctl-oracle-') as d:
        pcap(d + '/x.pcap', payloads)
        return ET.fromstring(run('tshark', '-r', d + '/x.pcap', '-d', 'udp.port==4739,cflow', '-T', 'pdml',
                                 env=dict(os.environ, TZ='UTC')).stdout)


def shown(element):
    return {f.get('name'): f.get('show') for f in element.iter('field')}


@test
def tshark_reads_all_and_complains_of_nothing():
    root, seen, names = dissect(datagrams(an_hour)), {}, set()
    complaints = [f.get('showname') for f in root.iter('field')
                  if f.get('name') in ('_ws.expert', '_ws.malformed', 'cflow.no_template_found')
                  or 'Unknown' in (f.get('showname') or '')]
    equal(complaints, [], 'what it complains of')
    for k, p in enumerate(root.iter('packet')):
        head = shown(p)
        equal((head['cflow.version'], head['cflow.sequence'], head['cflow.source_id']), ('9', str(k), '1'), 'header')
        for f in p.iter('field'):
            if f.get('name') == '' and f.get('show', '').startswith('Flow '):
                f = shown(f)
                names.add((f.get('cflow.scope_interface'), f.get('cflow.if_name'), f.get('cflow.if_descr')))
                if 'cflow.timestart' in f:
                    start = int(head['cflow.unix_secs']) * 1000 - round(float(head['cflow.sysuptime']) * 1000)
                    seen[int(f['cflow.inputint']) - 100] = f, start
    check({('3', 'eth0', 'to übersee'), ('9', 'eth1', '')} <= names, 'the interfaces are %s' % names)
    equal(sorted(seen), sorted(BY_NUMBER), 'the flows that came')
    for i, w in BY_NUMBER.items():
        f, start = seen[i]
        equal((f['cflow.packets'], f['cflow.octets']), (str(w['packets']), str(w['bytes'])), 'flow %d' % i)
        for name, ns in ('cflow.timestart', w['first']), ('cflow.timeend', w['last']):
            equal(start + round(float(f[name]) * 1000), ns // 10**6, '%s of flow %d' % (name, i))


main()
