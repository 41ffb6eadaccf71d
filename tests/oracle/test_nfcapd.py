#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nfcapd and nfdump. They know no TTL (52, 53) and of VLANs only 58."""
from datetime import datetime, timezone
from nfcapd import *

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


def collect(send_all):
    """Flows by packets, and what the daemon said at its end."""
    with Nfcapd() as c:
        send_all(c.port)
        flows = c.flows()
        return {j['in_packets']: j for j in flows}, c.log_text


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
def both_directions_are_shown_in_one_flow_with_its_profile():
    """Any reverse element but the two counts it would take for the forward one."""
    flows, log = collect(lambda port: send(port, BIFLOWS, options=['-B', '-p', 'nfdump']))
    wanted = {r['packets']: dict(truth(r), out_packets=r['reverse']['packets'], out_bytes=r['reverse']['bytes'])
              for r in BIFLOWS}
    agree(flows, wanted, FIELDS + ('out_packets', 'out_bytes'))
    check('Sequence Errors: 0,' in log, log)


@test
def elements_of_an_enterprise_are_passed_over():
    """TCP's health, of one direction and of both."""
    for profile in 'default', 'nfdump', 'strict':
        flows, log = collect(lambda port: send(port, HEALTHY, options=['-p', profile]))
        agree(flows, {r['packets']: truth(r) for r in HEALTHY}, FIELDS)
        check('Sequence Errors: 0,' in log, log)
        check(not re.search('(?i)error:|unknown|malformed|corrupt|skip', log), log)
    both = [both_healthy(r) for r in HEALTHY]
    flows, log = collect(lambda port: send(port, both, options=['-B', '-p', 'nfdump']))
    agree(flows, {r['packets']: dict(truth(r), out_packets=r['reverse']['packets'], out_bytes=r['reverse']['bytes'])
                  for r in both}, FIELDS + ('out_packets', 'out_bytes'))
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
