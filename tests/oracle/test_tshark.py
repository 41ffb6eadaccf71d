#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tshark's cflow dissector: the structure of messages, and every kind of time."""
from datetime import datetime, timezone
from common import *
from elements import for_group, groups, layout
from truth import LOOSE, truth as element
from tshark import at, datagrams, dissect, elements_at, pcap, value_of

need('tshark')


def truth(r):
    v6, icmp, (sport, dport) = ':' in r['src'], icmp_of(r), ports_of(r)
    w = {'domain': r['domain'], 'cflow.packets': r['packets'], 'cflow.octets': r['bytes'],
         'cflow.inputint': r['in'], 'cflow.outputint': r['out'], 'cflow.ip_version': 6 if v6 else 4,
         'cflow.protocol': r['proto'], 'cflow.tos': '0x%02x' % r['tos'], 'cflow.ip_dscp': r['tos'] >> 2,
         'cflow.ttl_min': r['min_ttl'], 'cflow.ttl_max': r['max_ttl'], 'cflow.direction': r['direction'],
         'cflow.flow_end_reason': r['reason'], 'cflow.vlanid': r['vlan'],
         'cflow.dot1q_vlan_id': r['vlan'], 'cflow.dot1q_customer_vlan_id': r['inner'],
         'cflow.abstimestart': at(r['first'], 10**6), 'cflow.abstimeend': at(r['last'], 10**6),
         'cflow.srcaddrv6' if v6 else 'cflow.srcaddr': r['src'],
         'cflow.dstaddrv6' if v6 else 'cflow.dstaddr': r['dst']}
    if icmp and v6:
        w['cflow.icmp_ipv6_type'], w['cflow.icmp_ipv6_code'] = icmp
    elif icmp:
        w['cflow.icmp_type_code_ipv4'] = '0x%04x' % r['dport']
    if r['proto'] in (6, 17, 132):
        w['cflow.srcport'], w['cflow.dstport'] = sport, dport
    if r['proto'] == 6:
        w['cflow.tcpflags'] = '0x%02x' % r['flags']
    return {k: str(v) for k, v in w.items()}


def tshark_shows_all(batches):
    flows, complaints = dissect(datagrams(lambda port: send(port, RECORDS, batches=batches)))
    equal(complaints, [], 'what it complains of')
    by_packets = {int(f['cflow.packets']): f for f in flows}
    for r in RECORDS:
        agree({r['packets']: by_packets.get(r['packets'], {})}, {r['packets']: truth(r)}, truth(r))
    equal(len(flows), len(RECORDS), 'the number of flows')


@test
def tshark_shows_every_field_of_every_record_and_complains_of_nothing():
    tshark_shows_all(False)


def knows_all_but_the_enterprise(records, *options):
    flows, complaints = dissect(datagrams(lambda port: send(port, records, options=options)))
    equal([c for c in complaints if 'Unknown' not in c], [], 'what it complains of')
    equal(len(flows), len(records), 'the number of flows')
    return flows


@test
def the_health_of_tcp_changes_nothing_beside_it():
    """In the built-in templates; tshark shows elements of an enterprise as octets."""
    for profile, flags in ('default', '0x%02x'), ('strict', '0x%04x'):
        flows = {int(f['cflow.packets']): f for f in knows_all_but_the_enterprise(HEALTHY, '-p', profile)}
        wanted = {r['packets']: dict(truth(r), **{'cflow.tcpflags': flags % r['flags']}) for r in HEALTHY}
        for packets, w in wanted.items():
            agree({packets: flows.get(packets, {})}, {packets: w}, w)
        # Of both directions it shows the other's numbers under the same names.
        knows_all_but_the_enterprise([both_healthy(r) for r in HEALTHY], '-p', profile, '-B')


@test
def messages_that_leave_in_batches_are_as_good():
    tshark_shows_all(True)


@test
def templates_that_come_again_change_nothing():
    got = datagrams(lambda port: send(port, list(with_templates_again(RECORDS, 50))))
    templates = [d for d in got if d[16:18] == b'\0\2']
    # Twelve times; the second domain comes with the hundredth record.
    at_once = next(i for i, d in enumerate(got) if d not in templates)
    equal(len(templates), at_once * (2 + 12 + 10), 'messages of templates')
    flows, complaints = dissect(got)
    equal(complaints, [], 'what it complains of')
    equal(len(flows), len(RECORDS), 'the number of flows')


@test
def messages_of_any_bound_are_whole():
    for bound in 200, 576, 9000, 65535:
        got = datagrams(lambda port: send(port, RECORDS[:200], max_len=bound))
        check(max(map(len, got)) <= bound, 'a message is longer than %d' % bound)
        flows, complaints = dissect(got)
        equal(complaints, [], 'at %d, what it complains of' % bound)
        equal(len(flows), 200, 'at %d, flows' % bound)


@test
def a_message_that_is_missing_would_be_noticed():
    got = datagrams(lambda port: send(port, RECORDS))
    data = [i for i, d in enumerate(got) if d[16:18] != b'\0\2']
    del got[data[1]]
    flows, complaints = dissect(got)
    check(any('sequence' in (c or '') for c in complaints), 'a gap goes unnoticed: %s' % complaints)


TIMES = [('Seconds', 10**9), ('Milliseconds', 10**6), ('Microseconds', 10**3), ('Nanoseconds', 1)]


@test
def times_of_every_unit_are_those_of_the_packets():
    for unit, step in TIMES:
        flows, complaints = dissect(datagrams(lambda port: send(
            port, RECORDS[:20], 300, 'flowStart' + unit, 'flowEnd' + unit, 'packetDeltaCount')))
        equal(complaints, [], unit)
        for f, r in zip(flows, RECORDS):
            equal(f['cflow.packets'], str(r['packets']), unit)
            for field, ns in ('cflow.abstimestart', r['first']), ('cflow.abstimeend', r['last']):
                # The NTP fraction of a microsecond is a little more than that: 11 bits are 0.
                digits = len('Nov 21, 2026 03:55:57.123456') if unit == 'Microseconds' else None
                equal(f[field][:digits], at(ns, step)[:digits], field + ' in ' + unit)


@test
def times_since_the_system_started_come_with_that_start():
    flows, complaints = dissect(datagrams(lambda port: send(
        port, RECORDS[:1], 300, 'flowStartSysUpTime', 'flowEndSysUpTime', 'systemInitTimeMilliseconds')))
    equal(complaints, [], 'what it complains of')
    f, first = flows[0], RECORDS[0]['first']
    text = f['cflow.sys_init_time'].replace('000000 UTC', '')
    init = datetime.strptime(text, '%b %d, %Y %H:%M:%S.%f').replace(tzinfo=timezone.utc)
    boot = [int(l.split()[1]) for l in open('/proc/stat') if l.startswith('btime')][0]
    check(abs(init.timestamp() - boot) < 2, 'the system started at %s, not %s' % (boot, init))
    start_ms = round(init.timestamp() * 1000) + round(float(f['cflow.timestart']) * 1000)
    equal(start_ms, first // 10**6, 'system start and flow start together')


@test
def every_element_is_right_in_templates_of_the_user():
    for names in groups(60):
        records, at = for_group(names, BIFLOWS + HEALTHY[:20] + RECORDS[:40] + TUNNELS[::4]), layout(names)
        flows = elements_at(datagrams(lambda port: send(port, records, 300, *names)), at)
        equal(len(flows), len(records), 'flows')
        for flow, r in zip(flows, records):
            for n, shown in zip(names, flow):
                if n not in LOOSE:
                    w = element(n, r)
                    equal(value_of(n, shown, w), w, 'record of %d packets: %s, as %s' % (r['packets'], n, shown))


@test
def reverse_elements_are_labelled_so():
    with tempfile.TemporaryDirectory(prefix='flowctl-oracle-') as d:
        pcap(d + '/x.pcap', datagrams(lambda port: send(port, BIFLOWS[:1], options=['-B'])))
        out = run('tshark', '-r', d + '/x.pcap', '-d', 'udp.port==4739,cflow', '-V').stdout
    back = BIFLOWS[0]['reverse']
    for wanted in 'Packets: %d (Reverse ' % back['packets'], 'Octets: %d (Reverse ' % back['bytes']:
        check(wanted in out, 'no "%s" in %s' % (wanted, out[out.find('Flow 1'):]))


main()
