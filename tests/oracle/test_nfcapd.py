#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nfcapd and nfdump. They know no TTL (52, 53) and of VLANs only 58."""
import glob, json, re, signal
from datetime import datetime, timezone
from common import *

need('nfcapd', 'nfdump')
FLAGS = 'CEUAPRSF'


def ms(ns):
    t = datetime.fromtimestamp(ns // 10**9, timezone.utc)
    return t.strftime('%Y-%m-%dT%H:%M:%S') + '.%03d' % (ns // 10**6 % 1000)


def truth(r):
    v6, icmp, ports = ':' in r['src'], icmp_of(r), ports_of(r)
    w = {'first': ms(r['first']), 'last': ms(r['last']), 'in_packets': r['packets'],
         'in_bytes': r['bytes'], 'proto': r['proto'], 'src_tos': r['tos'], 'input_snmp': r['in'],
         'output_snmp': r['out'], 'direction': r['direction'], 'src_vlan': r['vlan'],
         'addrs': (canonical(r['src']), canonical(r['dst'])), 'v6': v6, 'ports': ports,
         'icmp': icmp, 'reason': r['reason']}
    w['flags'] = ''.join(c if r['flags'] & 0x80 >> i else '.' for i, c in enumerate(FLAGS)) \
        if r['proto'] == 6 else '.' * 8
    return w


def canonical(addr):
    family = socket.AF_INET6 if ':' in addr else socket.AF_INET
    return socket.inet_pton(family, addr)


def seen(j, reason):
    k = 'src6_addr' if 'src6_addr' in j else 'src4_addr'
    j['v6'] = k == 'src6_addr'
    j['addrs'] = (canonical(j[k]), canonical(j[k.replace('src', 'dst')]))
    j['ports'] = (j.get('src_port', 0), j.get('dst_port', 0))
    j['icmp'] = (j['icmp_type'], j['icmp_code']) if 'icmp_type' in j else None
    j['flags'] = j.get('tcp_flags', '.' * 8)
    j['reason'] = reason
    return j


def collect(send_all):
    """Flows by packets, and what the daemon said at its end."""
    with Collector(lambda c: ['nfcapd', '-w', c.dir, '-p', str(c.port), '-b', '127.0.0.1', '-t', '3600'],
                   signal.SIGTERM) as c:
        send_all(c.port)
        wait_for(lambda: drained(c.port), 'the socket read empty')
        log = c.stop()
        files = glob.glob(c.dir + '/nfcapd.2*')
        equal(len(files), 1, 'nfcapd files')
        env = dict(os.environ, TZ='UTC')
        flows = json.loads('[' + re.sub(r'}\s*{', '},{', run(
            'nfdump', '-q', '-r', files[0], '-o', 'json', env=env).stdout.strip().strip('[]').strip(',')) + ']')
        raw = run('nfdump', '-q', '-r', files[0], '-o', 'raw', env=env).stdout.split('Flow Record:')[1:]
    reasons = [int(m.group(1), 16) if (m := re.search(r'end reason\s*=\s*(0x\w+)', r)) else 0 for r in raw]
    return {j['in_packets']: seen(j, reason) for j, reason in zip(flows, reasons)}, log


FIELDS = ('first', 'last', 'in_packets', 'in_bytes', 'proto', 'src_tos', 'input_snmp', 'output_snmp',
          'direction', 'src_vlan', 'addrs', 'v6', 'ports', 'icmp', 'reason', 'flags')


@test
def nfdump_shows_every_field_of_every_record():
    flows, log = collect(lambda port: send(port, RECORDS))
    agree(flows, {r['packets']: truth(r) for r in RECORDS}, FIELDS)
    check('Sequence Errors: 0,' in log, log)


@test
def batches_of_messages_carry_the_same():
    flows, log = collect(lambda port: send(port, RECORDS, batches=True))
    agree(flows, {r['packets']: truth(r) for r in RECORDS}, FIELDS)
    check('Sequence Errors: 0,' in log, log)


@test
def short_messages_carry_the_same():
    flows, log = collect(lambda port: send(port, RECORDS[:60], max_len=200))
    agree(flows, {r['packets']: truth(r) for r in RECORDS[:60]}, FIELDS)
    check('Sequence Errors: 0,' in log, log)


@test
def templates_that_come_again_change_nothing():
    flows, log = collect(lambda port: send(port, list(with_templates_again(RECORDS, 50))))
    agree(flows, {r['packets']: truth(r) for r in RECORDS}, FIELDS)
    check('Sequence Errors: 0,' in log, log)


@test
def a_user_template_is_used():
    names = ('SourceIPv4Address', 'DestinationIPv4Address', 'OctetDeltaCount', 'PacketDeltaCount',
             'FlowStartMilliseconds', 'FlowDurationMilliseconds')
    flows, log = collect(lambda port: send(port, [RECORDS[0]], 1024, *names))
    w = truth(RECORDS[0])
    # 161 is in whole milliseconds: 59877.54321 becomes 59877
    w['last'] = ms(RECORDS[0]['first'] // 10**6 * 10**6 + 59877 * 10**6)
    agree(flows, {1000: w}, ('first', 'last', 'in_packets', 'in_bytes', 'addrs'))


main()
