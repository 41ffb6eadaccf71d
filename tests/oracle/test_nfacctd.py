#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nfacctd: any element by number, TTL and inner VLAN included; it counts sequences as we do."""
import json, signal
from common import *

need('nfacctd')
PRIMITIVES = {'min_ttl': (52, 1), 'max_ttl': (53, 1), 'reason': (136, 1), 'flow_dir': (61, 1),
              'ip_version': (60, 1), 'outer_vlan': (243, 2), 'inner_vlan': (245, 2), 'icmp4': (32, 2),
              'icmp6': (139, 2), 'dscp': (195, 1)}
PROTOCOLS = {1: 'icmp', 2: 'igmp', 6: 'tcp', 17: 'udp', 47: 'gre', 58: 'ipv6-icmp', 89: 'ospf', 132: 'sctp'}
BUFFERED = 4
CONF = '''\
daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: %d
nfacctd_disable_checks: false
aggregate_primitives: primitives
aggregate: src_host,dst_host,src_port,dst_port,proto,tcpflags,tos,in_iface,out_iface,vlan,\
timestamp_start,timestamp_end,export_proto_sysid,%s
plugins: print
print_output: json
print_output_file: out.json
print_output_file_append: true
print_refresh_time: 2
plugin_buffer_size: 1024
plugin_pipe_size: 1024000
timestamps_since_epoch: true
'''


def start(c):
    with open(c.dir + '/primitives', 'w') as f:
        for name, (field, length) in PRIMITIVES.items():
            f.write('name=%s field_type=%d len=%d semantics=u_int\n' % (name, field, length))
    with open(c.dir + '/conf', 'w') as f:
        f.write(CONF % (c.port, ','.join(PRIMITIVES)))
    return [shutil.which('nfacctd', path=os.environ.get('PATH', '') + ':/usr/sbin'), '-f', c.dir + '/conf']


def seconds(ns):
    return '%d.%03d000' % (ns // 10**9, ns // 10**6 % 1000)


def truth(r):
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


def collect(send_all, n):
    with Collector(start, signal.SIGINT) as c:
        wait_for(lambda: 'object handlers' in open(c.log).read(), 'the plugin ready')
        send_all(c.port)
        # What is in an unfilled buffer of the plugin comes when it ends.
        wait_for(lambda: len(rows(c)) >= n - BUFFERED, '%d records' % n, timeout=30)
        log = c.stop()
        return rows(c), log


def rows(c):
    """What the plugin has written so far."""
    path = c.dir + '/out.json'
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(l) for l in f if l.endswith('}\n')]


@test
def nfacctd_shows_every_field_of_every_record():
    seen, log = collect(lambda port: send(port, RECORDS), len(RECORDS))
    wanted = {r['packets']: truth(r) for r in RECORDS}
    agree({r['packets']: r for r in seen}, wanted, truth(RECORDS[0]))
    check('expecting flow' not in log, log)


main()
