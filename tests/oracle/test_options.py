#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Options data as others read it, and that an hour of it, at one round a minute, leaves no gap
in anybody's sequence: with the profile made for them, and with none."""
from collectors import *
from tshark import datagrams, dissect

need('nfcapd', 'nfdump', 'nfacctd', 'tshark')
SAMPLED = '-i', '3:100:eth0:to übersee', '-i', '9:100:eth1'
WHOLE = '-i', '3:1:eth0', '-i', '9:1:eth1'
MIXED = '-i', '3:100:eth0', '-i', '9:1:eth1'
PROFILES = 'default', 'nfdump', 'pmacct', 'ntop', 'strict'
N = 60


def an_hour(port, profile, interfaces, how=send_slowly):
    how(port, list(hour(flows(N))), options=('-p', profile, '-t', '60', *interfaces))


def scaled(seen, factor, packets='in_packets', octets='in_bytes'):
    equal(sorted(seen), list(range(1, N + 1)), 'the flows that came')
    for i, r in seen.items():
        equal((r[packets], r[octets]), ((1000 + i) * factor, 100 * i * factor), 'flow %d' % i)


@test
def nfcapd_knows_the_sampling_and_sees_no_gap_in_an_hour_of_its_profile():
    for interfaces, factor in (SAMPLED, 100), (WHOLE, 1), (MIXED, 1):
        seen, log = nfcapd(lambda port: an_hour(port, 'nfdump', interfaces))
        scaled(seen, factor)
        check('Sequence Errors: 0,' in log and 'rror:' not in log, log)


@test
def nfcapd_sees_no_gap_when_nobody_named_a_profile_and_the_session_is_short():
    for interfaces, factor in (WHOLE, 1), (SAMPLED, 100):
        seen, log = nfcapd(lambda port: send(port, flows(N), options=('-t', '60', *interfaces)))
        scaled(seen, factor)
        check('Sequence Errors: 0,' in log, log)


@test
def nfacctd_knows_the_sampling_and_sees_no_gap_in_an_hour():
    for profile in 'pmacct', 'default':
        seen, log = nfacctd(lambda port: an_hour(port, profile, SAMPLED), N)
        scaled(seen, 100, 'packets', 'bytes')
        check('expecting flow' not in log, log)


@test
def tshark_complains_of_nothing_in_an_hour_of_any_profile():
    for profile in PROFILES:
        read, complaints = dissect(datagrams(lambda port: an_hour(port, profile, MIXED, send)))
        equal(complaints, [], profile)
        equal(sum('cflow.srcport' in f for f in read), N, 'flows of ' + profile)


def told(profile, *template):
    """What options data says before the first flow."""
    read, complaints = dissect(datagrams(lambda port: send(
        port, flows(1), *template, options=('-p', profile, '-t', '60', *MIXED))))
    equal(complaints, [], profile)
    first = next(i for i, f in enumerate(read) if 'cflow.srcport' in f)
    return read[:first]


AT = 'Nov 21, 2026 03:55:58.000000000 UTC'


@test
def tshark_reads_the_numbers_of_the_processes():
    # of its own a template takes one message, as do those of options
    counts, meter, exporter = told('strict', 300, 'sourceTransportPort', 'packetDeltaCount')[:3]
    equal((counts['cflow.packetsexp'], counts['cflow.flowsexp'], counts['cflow.od_id']), ('2', '0', '1'), 'counts')
    equal((meter['cflow.ignore_packets'], meter['cflow.ignore_octets'], meter['cflow.od_id']),
          ('1001', '1002', '1'), 'the metering process')
    equal((exporter['cflow.notsent_flows'], exporter['cflow.notsent_packets'], exporter['cflow.notsent_octets']),
          ('1003', '1004', '1005'), 'the exporting process')
    for r in meter, exporter:
        equal(r['cflow.observation_time_milliseconds'], AT, 'the last loss')


@test
def tshark_reads_interfaces_and_sampling_in_every_shape():
    for profile, wanted in {
            'strict': [('cflow.if_name', 'eth0', 'cflow.inputint', '3'),
                       ('cflow.selection_sequence_id', '9', 'cflow.selector_id', '1'),
                       ('cflow.selector_id', '100', 'cflow.sampling_probability', '0.01')],
            'ntop': [('cflow.if_name', 'eth1', 'cflow.inputint', '9'),
                     ('cflow.sampling_packet_interval', '1', 'cflow.sampling_packet_space', '99')],
            'pmacct': [('cflow.sampling_interval', '100', 'cflow.sampling_algorithm', '2'),
                       ('cflow.sampling_interval', '1', 'cflow.inputint', '9')],
            'default': [('cflow.sampling_packet_space', '99', 'cflow.inputint', '3')]}.items():
        records = told(profile)
        for a, x, b, y in wanted:
            check(any(r.get(a) == x and r.get(b) == y for r in records),
                  '%s: no record with %s %s and %s %s in %s' % (profile, a, x, b, y, records))


@test
def tshark_reads_what_elements_of_our_own_are():
    seen = {r['cflow.information_element_name']: (
        r['cflow.private_enterprise_number'], r['cflow.information_element_id'],
        r['cflow.information_element_data_type'], r['cflow.information_element_semantics'])
        for r in told('strict', 300, 'sourceTransportPort', 'packetMark', 'networkNamespaceName',
                      'tcpRttMeanMicroseconds', 'reverseTcpRetransmissionDeltaCount')
        if 'cflow.information_element_name' in r}
    # RFC 5610: unsigned32 is 3, string 13; identifier 4, quantity 1, delta 3. 32473 is for examples.
    equal(seen, {'packetMark': ('32473', '1', '3', '4'), 'networkNamespaceName': ('32473', '2', '13', '0'),
                 'tcpRttMeanMicroseconds': ('32473', '17', '3', '1'),
                 'reverseTcpRetransmissionDeltaCount': ('32473', str(0x4007), '3', '3')}, 'elements')


@test
def a_collector_that_was_away_knows_the_sampling_again():
    port, all_ = free_port(), flows(N)
    sender = Teller(port, '-p', 'nfdump', *SAMPLED)
    try:
        first, log = nfcapd(lambda port: sender.say(*all_[:20], 'flush'), port)
        equal({i: r['in_packets'] for i, r in first.items()}, {i: (1000 + i) * 100 for i in range(1, 21)}, 'before')
        sender.say(all_[20], 'flush')     # nobody listens
        second, log = nfcapd(lambda port: sender.say(*all_[30:], 'flush'), port)
        equal({i: r['in_packets'] for i, r in second.items()}, {i: (1000 + i) * 100 for i in range(31, N + 1)}, 'after')
        check('Sequence Errors: 0,' in log, log)
    finally:
        sender.end()


main()
