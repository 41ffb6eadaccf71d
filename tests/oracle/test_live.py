#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Packets through a meter and the agent to every collector there is: each agrees with `dump`
to the packet and byte, and complains of nothing."""
from elements import ELEMENTS
from fixbuf import *
from live import *
from nfacctd import Nfacctd
from nfcapd import Nfcapd
from tls import Certificates, TlsFront
from tshark import Tap, dissect, dissect_file
from datetime import datetime, timezone
from export import Recorder

need('nfcapd', 'nfacctd', 'tshark')
box = Box('live')
NFACCTD_KNOWN = ['src_host', 'dst_host', 'src_port', 'dst_port', 'proto']
NFACCTD_OWN = {'icmp4': (0, 32, 2, 'u_int'), 'icmp6': (0, 139, 2, 'u_int')}


def setup():
    box.setup()


def proto_number(name):
    return {'tcp': 6, 'udp': 17, 'icmp': 1, 'ipv6-icmp': 58, 'sctp': 132, 'gre': 47, 'ospf': 89}.get(name) or int(name)


def of_fixbuf(x):
    v = x.by_name
    v6 = v['ipVersion'] == '6'
    src, dst = ('sourceIPv6Address', 'destinationIPv6Address') if v6 else ('sourceIPv4Address', 'destinationIPv4Address')
    sport, dport = v.get('sourceTransportPort', 0), v.get('destinationTransportPort', 0)
    icmp = v.get('icmpTypeCodeIPv6' if v6 else 'icmpTypeCodeIPv4', 0)
    return ((v[src], v[dst], int(v['protocolIdentifier']), int(sport), int(dport) or int(icmp)),
            (int(v['packetDeltaCount']), int(v['octetDeltaCount'])))


def of_nfdump(j):
    src, dst = (socket.inet_ntop(socket.AF_INET6 if j['v6'] else socket.AF_INET, a) for a in j['addrs'])
    icmp = j['icmp'][0] << 8 | j['icmp'][1] if j['icmp'] else 0
    ports = (0, icmp) if j['icmp'] else j['ports']
    return (src, dst, j['proto'], *ports), (j['in_packets'], j['in_bytes'])


def of_nfacctd(r):
    icmp = int(r['icmp6']) or int(r['icmp4'])
    return ((r['ip_src'], r['ip_dst'], proto_number(r['ip_proto']), r['port_src'], r['port_dst'] or icmp),
            (r['packets'], r['bytes']))


def of_tshark(f):
    v6 = 'cflow.srcaddrv6' in f
    icmp = int(f['cflow.icmp_ipv6_type']) << 8 | int(f['cflow.icmp_ipv6_code']) if 'cflow.icmp_ipv6_type' in f else \
        int(f.get('cflow.icmp_type_code_ipv4', '0'), 0)
    return ((f['cflow.srcaddrv6' if v6 else 'cflow.srcaddr'], f['cflow.dstaddrv6' if v6 else 'cflow.dstaddr'],
             int(f['cflow.protocol']), int(f.get('cflow.srcport', 0)), int(f.get('cflow.dstport', 0)) or icmp),
            (int(f['cflow.packets']), int(f['cflow.octets'])))


def of_flows(shown):
    """Without the records of options data."""
    return map(of_tshark, (f for f in shown if 'cflow.protocol' in f))


def held():
    """A new meter with flows of every kind, and what dump says of it."""
    box.detach()
    box.attach()
    box.send(all_kinds())
    d = box.dump()
    equal(sum(h['packets'] for h in d.values()), len(list(all_kinds())), 'packets that dump has')
    return d


def same(what, is_, d):
    equal(sums(is_), {k: h.counts for k, h in d.items()}, what)


@test
def every_collector_by_udp_agrees_with_dump():
    d = held()
    recorder = Recorder()
    with Nfcapd() as nf, Fixbuf() as fix, Nfacctd(NFACCTD_OWN, NFACCTD_KNOWN) as acct:
        wait_for(lambda: 'object handlers' in open(acct.log).read(), 'the plugin ready')
        with box.agent([{'collector': {'remoteAddress': '127.0.0.1:%d' % p}}
                        for p in (nf.port, fix.port, acct.port, recorder.port)]):
            fix.wait(len(d))
            wait_for(lambda: box.ledger()['flows'] == 0, 'all exported')
        flows = nf.flows()
        wait_for(lambda: len(acct.rows()) >= len(d) - 4, 'what nfacctd writes')
        acct.stop()
        rows = acct.rows()
    recorder.stop()
    shown, complaints = dissect([data for _, data, _ in recorder.datagrams])
    same('libfixbuf', map(of_fixbuf, fix.records), d)
    same('nfdump', map(of_nfdump, flows), d)
    same('nfacctd', map(of_nfacctd, rows), d)
    same('tshark', of_flows(shown), d)
    equal((fix.complaints, complaints), ([], []), 'complaints of libfixbuf and tshark')
    times_and_flags(fix.records, d)


def times_and_flags(records, d):
    """To the millisecond, and what else dump and an exported record both have."""
    for x in records:
        h, v = d[of_fixbuf(x)[0]], x.by_name
        for name, key in ('flowStartMilliseconds', 'first_seen'), ('flowEndMilliseconds', 'last_seen'):
            t = datetime.strptime(h[key], '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=timezone.utc)
            ms = int(t.timestamp()) * 1000 + t.microsecond // 1000
            equal(int(v[name]), ms, name)
        equal(int(v.get('tcpControlBits', 0)), h.flags, 'tcpControlBits')
        equal([int(v[n]) for n in ('ipClassOfService', 'minimumTTL', 'maximumTTL', 'ingressInterface')],
              [h[k] for k in ('tos', 'min_ttl', 'max_ttl', 'ingress_ifindex')], 'ToS, TTL, interface')
        equal(int(v['vlanId']), h['vlan_id'] or 0, 'vlanId')


def by_stream(collector, fix):
    d = held()
    with box.agent([{'collector': collector}]):
        fix.wait(len(d))
    same('libfixbuf', map(of_fixbuf, fix.records), d)
    equal(fix.complaints, [], 'what it complains of')
    return d


@test
def libfixbuf_and_tshark_by_tcp_agree_with_dump():
    with Fixbuf('tcp') as fix:
        tap = Tap(fix.port)
        d = by_stream({'remoteAddress': '127.0.0.1:%d' % fix.port, 'transport': 'tcp'}, fix)
        tap.stop(box.dir + '/tcp.pcap')
    shown, complaints = dissect_file(box.dir + '/tcp.pcap', 'tcp.port==%d,cflow' % fix.port)
    same('tshark', of_flows(shown), d)
    equal(complaints, [], 'what tshark complains of')


@test
def libfixbuf_behind_tls_agrees_with_dump():
    c = Certificates(box.dir)
    with Fixbuf('tcp') as fix, TlsFront(fix.port, c, verify=True) as front:
        by_stream({'remoteAddress': 'localhost:%d' % front.port, 'transport': 'tls', 'tls': {
            'ca': c.path('ca.pem'), 'certificate': c.path('client.pem'), 'key': c.path('client.key')}}, fix)


@test
def libfixbuf_and_tshark_read_the_file_as_dump_has_it():
    d, path = held(), box.dir + '/flow.ipfix'
    with box.agent([{'file': {'path': path}}]):
        wait_for(lambda: box.ledger()['flows'] == 0, 'all exported')
    records, _, complaints = read_file(path)
    same('libfixbuf', map(of_fixbuf, records), d)
    equal(complaints, [], 'what libfixbuf complains of')
    shown, complaints = dissect_file(path)
    same('tshark', of_flows(shown), d)
    equal(complaints, [], 'what tshark complains of')


@test
def nfdump_reads_netflow_v9_as_dump_has_it():
    d = held()
    with Nfcapd() as nf:
        with box.agent([{'collector': {'remoteAddress': '127.0.0.1:%d' % nf.port, 'version': 'netflow9',
                                       'profile': 'nfdump'}}]):
            wait_for(lambda: box.ledger()['flows'] == 0, 'all exported')
        flows = nf.flows()
    same('nfdump', map(of_nfdump, flows), d)
    equal(nf.sequence_errors(), 0, 'sequence errors')


@test
def templates_of_the_user_with_all_elements_agree_with_dump():
    """What the box knows of a packet, in every element of its own right."""
    d = held()
    names = [n for n in ELEMENTS if not n.startswith('reverse')]
    v4, v6 = ([n for n in names if other not in n][:64] for other in ('IPv6', 'IPv4'))
    with Fixbuf() as fix:
        with box.agent([{'collector': {'remoteAddress': '127.0.0.1:%d' % fix.port, 'profile': 'strict'}}],
                       templates=[{'id': 400, 'template': v4}, {'id': 401, 'template': v6}]):
            fix.wait(len(d))
    same('libfixbuf', map(of_fixbuf, fix.records), d)
    equal(fix.complaints, [], 'what it complains of')
    times_and_flags(fix.records, d)
    for x in fix.records:
        v = x.by_name
        equal((v['octetTotalCount'], v['packetTotalCount']), (v['octetDeltaCount'], v['packetDeltaCount']), 'totals')
        equal(v['interfaceName'], 'eth0', 'interfaceName')


@test
def both_directions_of_a_conversation_agree_with_dump():
    """nfdump with its profile: in and out; libfixbuf: forward and reverse elements."""
    box.detach()
    box.attach(direction='both')
    box.send(flow('192.0.2.1', '198.51.100.1', 6, 40000, 443, 3, 100, flags=(2, 16, 17)))
    box.reply(flow('198.51.100.1', '192.0.2.1', 6, 443, 40000, 2, 900, flags=(18, 17)))
    box.send(flow('2001:db8::1', '2001:db8:1::1', 17, 5000, 53, 1, 40))
    box.reply(flow('2001:db8:1::1', '2001:db8::1', 17, 53, 5000, 1, 400))
    box.send(flow('192.0.2.9', '198.51.100.1', 17, 9, 9, 4, 40))        # nobody answers
    d = box.dump()
    with Nfcapd() as nf, Fixbuf() as fix:
        with box.agent([{'collector': {'remoteAddress': '127.0.0.1:%d' % nf.port, 'profile': 'nfdump'}},
                        {'collector': {'remoteAddress': '127.0.0.1:%d' % fix.port}}], count='once', biflow='true'):
            fix.wait(3)
            gone(box)
        flows = nf.flows()
    equal((fix.complaints, nf.sequence_errors()), ([], 0), 'complaints')
    equal(sorted((j['in_packets'], j['in_bytes'], j.get('out_packets', 0), j.get('out_bytes', 0)) for j in flows),
          sorted((*d[a].counts, *(d[b].counts if b in d else (0, 0))) for a, b in CONVERSATIONS), 'nfdump')
    for x in fix.records:
        key, counts = of_fixbuf(x)
        back = dict(CONVERSATIONS)[key]
        equal(counts, d[key].counts, 'forward')
        equal((int(x.by_name.get('reversePacketDeltaCount', 0)), int(x.by_name.get('reverseOctetDeltaCount', 0))),
              d[back].counts if back in d else (0, 0), 'reverse')


CONVERSATIONS = [(a, (a[1], a[0], a[2], a[4], a[3])) for a in (
    ('192.0.2.1', '198.51.100.1', 6, 40000, 443), ('2001:db8::1', '2001:db8:1::1', 17, 5000, 53),
    ('192.0.2.9', '198.51.100.1', 17, 9, 9))]


def gone(box):
    wait_for(lambda: all(m['flows'] == 0 for m in box.net.json('meter', 'status')), 'nothing held')


main(box.net, setup)
