#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nfacctd: any element by number, TTL and inner VLAN included; it counts sequences as we do."""
from concurrent.futures import ThreadPoolExecutor

from nfacctd import *
from elements import VARIABLE, for_group, groups, layout
from truth import LOOSE, plain, truth

PRIMITIVES = {'min_ttl': (52, 1), 'max_ttl': (53, 1), 'reason': (136, 1), 'flow_dir': (61, 1),
              'ip_version': (60, 1), 'outer_vlan': (243, 2), 'inner_vlan': (245, 2), 'icmp4': (32, 2),
              'icmp6': (139, 2), 'dscp': (195, 1)}
KNOWN = ['src_host', 'dst_host', 'src_port', 'dst_port', 'proto', 'tcpflags', 'tos', 'in_iface', 'out_iface',
         'vlan', 'timestamp_start', 'timestamp_end', 'export_proto_sysid']
PROTOCOLS = {1: 'icmp', 2: 'igmp', 6: 'tcp', 17: 'udp', 47: 'gre', 58: 'ipv6-icmp', 89: 'ospf', 132: 'sctp'}


def seconds(ns):
    return '%d.%03d000' % (ns // 10**9, ns // 10**6 % 1000)


def shown(r):
    v6, (sport, dport) = ':' in r['src'], ports_of(r)
    icmp = r['dport'] if icmp_of(r) else 0
    return {'packets': r['packets'], 'bytes': r['bytes'], 'ip_src': r['src'], 'ip_dst': r['dst'],
            'port_src': sport, 'port_dst': dport, 'ip_proto': PROTOCOLS[r['proto']],
            'tcp_flags': str(r['flags']), 'tos': r['tos'], 'iface_in': r['in'], 'iface_out': r['out'],
            # at egress it wants postVlanId (59)
            'vlan': 0 if r['direction'] else r['vlan'], 'timestamp_start': seconds(r['first']),
            'timestamp_end': seconds(r['last']), 'export_proto_sysid': r['domain'],
            'min_ttl': str(r['min_ttl']), 'max_ttl': str(r['max_ttl']), 'reason': str(r['reason']),
            'flow_dir': str(r['direction']), 'ip_version': '6' if v6 else '4',
            'outer_vlan': str(r['vlan']), 'inner_vlan': str(r['inner']), 'dscp': str(r['tos'] >> 2),
            'icmp4': '0' if v6 else str(icmp), 'icmp6': str(icmp) if v6 else '0'}


@test
def nfacctd_shows_every_field_of_every_record():
    rows, log = collect(lambda port: send(port, RECORDS), len(RECORDS),
                        {k: (0, n, l, 'u_int') for k, (n, l) in PRIMITIVES.items()}, KNOWN)
    agree({r['packets']: r for r in rows}, {r['packets']: shown(r) for r in RECORDS}, shown(RECORDS[0]))
    check('expecting flow' not in log, log)


@test
def elements_of_an_enterprise_are_read_or_passed_over():
    """TCP's health in the built-in templates: what stands beside it stays right."""
    own = {'rtt': (32473, 17, 4, 'u_int'), 'again': (32473, 7, 4, 'u_int'), 'known': (32473, 3, 4, 'u_int')}
    primitives = {k: (0, n, l, 'u_int') for k, (n, l) in PRIMITIVES.items()}
    rows, log = collect(lambda port: send(port, HEALTHY), len(HEALTHY), dict(primitives, **own), KNOWN)
    wanted = {r['packets']: dict(shown(r), rtt=str(truth('tcpRttMeanMicroseconds', r)), again=str(r['tcp_again']),
                                 known='127') for r in HEALTHY}
    agree({r['packets']: r for r in rows}, wanted, wanted[HEALTHY[0]['packets']])
    check('expecting flow' not in log, log)


def semantics(value, length):
    if isinstance(value, int):
        return 'u_int' if length in (1, 2, 4, 8) else 'hex'
    if length == VARIABLE:
        return 'raw'
    return 'mac' if value.count(':') == 5 else 'ip' if ':' in value or value.count('.') == 3 else 'str'


def text_of(name, value, length):
    """As truth() has it."""
    if length == VARIABLE:
        return bytes.fromhex(value.replace('-', '')).decode()
    return plain(name, value)


def by_number(names, records):
    """In the shapes of its profile."""
    at = layout(names, '-p', 'pmacct')
    e = {n: 'e%d' % i for i, n in enumerate(names)}
    primitives = {e[n]: (*at[i], semantics(truth(n, records[0]), at[i][2])) for i, n in enumerate(names)}
    rows, log = collect(lambda port: send(port, records, 300, *names, options=['-p', 'pmacct']), len(records), primitives)
    by_packets = {int(r['e0']): r for r in rows}
    equal(len(by_packets), len(records), 'the number of records')
    check('expecting flow' not in log, log)
    for r in records:
        for i, n in enumerate(names):
            if n not in LOOSE:
                equal(text_of(n, by_packets[r['packets']][e[n]], at[i][2]), truth(n, r),
                      'record of %d packets: %s' % (r['packets'], n))


def all_by_number(names_of_groups, records):
    """An nfacctd each, at once: each waits for its own timers."""
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(by_number, names, for_group(names, records)) for names in names_of_groups]:
            done.result()


@test
def any_element_is_right_by_its_number():
    all_by_number(groups(60, lambda n: not n.startswith('reverse')), RECORDS[:40])


@test
def any_reverse_element_is_right_by_its_number():
    """Of which it knows no more than some 25 a template."""
    all_by_number(groups(20, lambda n: n.startswith('reverse')), BIFLOWS[:20] + RECORDS[20:40])


main()
