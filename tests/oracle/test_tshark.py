#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tshark's cflow dissector: the structure of messages, and every kind of time."""
import re, select, struct
import xml.etree.ElementTree as ET
from datetime import datetime, timezone
from common import *

need('tshark')


def datagrams(send_all):
    """What is sent to a socket of ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        send_all(s.getsockname()[1])
        got = []
        while select.select([s], [], [], 0)[0]:
            got.append(s.recv(65535))
        return got


def pcap(path, payloads):
    """As raw IPv4 packets from one port to 4739."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for p in payloads:
            packet = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28 + len(p), 0, 0, 64, 17, 0, b'\x7f\0\0\1',
                                 b'\x7f\0\0\1') + struct.pack('!HHHH', 40000, 4739, 8 + len(p), 0) + p
            f.write(struct.pack('<IIII', 1795233500, 0, len(packet), len(packet)) + packet)


def dissect(payloads):
    """The flows, each a dict of field to what is shown; and what tshark complains of."""
    with tempfile.TemporaryDirectory(prefix='flowctl-oracle-') as d:
        pcap(d + '/x.pcap', payloads)
        out = run('tshark', '-r', d + '/x.pcap', '-d', 'udp.port==4739,cflow', '-T', 'pdml',
                  env=dict(os.environ, TZ='UTC')).stdout
    root, flows = ET.fromstring(out), []
    complaints = [f.get('showname') for f in root.iter('field')
                  if f.get('name') in ('_ws.expert', '_ws.malformed', 'cflow.no_template_found')
                  or 'Unknown' in (f.get('showname') or '')]
    complaints += ['malformed' for p in root.iter('proto') if p.get('name') == '_ws.malformed']
    for p in root.iter('packet'):
        domain = next(f.get('show') for f in p.iter('field') if f.get('name') == 'cflow.od_id')
        for f in p.iter('field'):
            if f.get('name') == '' and f.get('show', '').startswith('Flow '):
                flows.append({'domain': domain, **{x.get('name'): x.get('show') for x in f.iter('field')}})
    return flows, complaints


def at(ns, step=1):
    """As tshark shows a time."""
    ns -= ns % step
    t = datetime.fromtimestamp(ns // 10**9, timezone.utc)
    return t.strftime('%b %e, %Y %H:%M:%S') + '.%09d UTC' % (ns % 10**9)


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


@test
def messages_that_leave_in_batches_are_as_good():
    tshark_shows_all(True)


@test
def templates_that_come_again_change_nothing():
    got = datagrams(lambda port: send(port, list(with_templates_again(RECORDS, 50))))
    templates = [d for d in got if d[16:18] == b'\0\2']
    # Twelve times; the second domain comes with the hundredth record.
    equal(len(templates), 2 + 12 + 10, 'messages of templates')
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


OTHERS = [('sourceMacAddress', 'cflow.srcmac', '02:00:00:00:01:00'),
          ('destinationMacAddress', 'cflow.dstmac', '02:00:00:00:02:00'),
          ('tcpSourcePort', 'cflow.srcport', '49375'),
          ('tcpDestinationPort', 'cflow.dstport', '443'),
          ('icmpTypeIPv6', 'cflow.icmp_ipv6_type', '0')]


@test
def elements_outside_the_builtin_templates_are_right():
    flows, complaints = dissect(datagrams(lambda port: send(
        port, RECORDS[:1], 300, *(name for name, _, _ in OTHERS))))
    equal(complaints, [], 'what it complains of')
    for name, field, shown in OTHERS:
        equal(flows[0].get(field), shown, '%s in %s' % (name, flows[0]))


@test
def all_elements_at_once_are_known_to_tshark():
    v4 = [l.split(',')[1].strip() for l in open(os.path.join(HERE, '../../lib/flow/ie.c'))
          if re.match(r'\t[A-Z]+\(\d+, ', l) and 'IPv6Address' not in l]
    check(len(v4) > 40, 'the table is read')
    flows, complaints = dissect(datagrams(lambda port: send(port, RECORDS[:8], 300, *v4)))
    equal(complaints, [], 'what it complains of')
    equal(len(flows), 8, 'flows')


main()
