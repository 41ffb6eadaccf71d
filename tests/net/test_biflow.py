#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Both directions of a conversation in one record (RFC 5103), on a router between two hosts."""
from lib import *
from export import *

net = Net('bi')


def setup():
    global r, a, b
    r, a, b = net.ns('r'), net.ns('a'), net.ns('b')
    net.veth(r, 'eth1', a, 'eth0', '10.81.0.1/24', '10.81.0.2/24')
    net.veth(r, 'eth2', b, 'eth0', '10.82.0.1/24', '10.82.0.2/24')
    net.ip(a, 'route', 'add', 'default', 'via', '10.81.0.1')
    net.ip(b, 'route', 'add', 'default', 'via', '10.82.0.1')
    net.sysctl(r, 'net.ipv4.ip_forward', 1)
    net.exec(a, 'ping', '-c', '1', '10.82.0.2')     # neighbours are known
    net.flowctl('meter', 'attach', '--netns', r, '-n', 'eth*')



def udp_socket(ns, port):
    with inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('0.0.0.0', port))
    s.settimeout(20)
    return s


def talk(client, server, asks, answers, port=53, cport=5353):
    """asks packets of 100 bytes there, answers of 300 back; the client begins."""
    c, s = udp_socket(client[0], cport), udp_socket(server[0], port)
    for n in range(max(asks, answers)):
        if n < asks:
            c.sendto(bytes(72), (server[1], port))
            s.recvfrom(1000)
        if n < answers:
            s.sendto(bytes(272), (client[1], cport))
            c.recvfrom(1000)
    c.close()
    s.close()


A, B = lambda: (a, '10.81.0.2'), lambda: (b, '10.82.0.2')


def nfdump_of(result, port):
    return [(f['src4_addr'], f.get('src_port'), f['in_packets'], f['in_bytes'], f.get('out_packets', 0), f.get('out_bytes', 0))
            for f in result.nfdump() if port in (f.get('src_port'), f.get('dst_port'))]


@test
def a_forwarded_conversation_is_one_record_of_who_began_it():
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(idle=1, more='biflow: true'))
        talk(A(), B(), 7, 4, port=53)
        wait_for(lambda: len([x for x in c.log_records() if 53 in (x['src_port'], x['dst_port'])]) >= 2, 'the records')
        c.end_agent()
        result = c.stop()
    equal(nfdump_of(result, 53), [('10.81.0.2', 5353, 7, 700, 4, 1200)], 'nfdump')
    # A log has a line a direction.
    equal(sorted((x['src_ip'], x['packets'], x['bytes']) for x in result.log if 53 in (x['src_port'], x['dst_port'])),
          [('10.81.0.2', 7, 700), ('10.82.0.2', 4, 1200)], 'the log')
    equal(result.tshark_complaints(), [])
    equal(result.nfcapd_sequence_errors, 0)


@test
def who_answered_later_stays_the_responder():
    """The higher port is the server's: it is not the ports that tell."""
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(active=2, idle=30, more='biflow: true'))
        client, server = udp_socket(a, 100), udp_socket(b, 60000)
        for n in range(60):
            client.sendto(bytes(72), ('10.82.0.2', 60000))
            server.recvfrom(1000)
            server.sendto(bytes(272), ('10.81.0.2', 100))
            client.recvfrom(1000)
            time.sleep(0.1)
        c.end_agent()
        result = c.stop()
    records = nfdump_of(result, 60000)
    check(len(records) >= 2, 'one record of 6 seconds: %r' % records)
    equal({r[:2] for r in records}, {('10.81.0.2', 100)}, 'who began')
    equal([sum(r[i] for r in records) for i in (2, 3, 4, 5)], [60, 6000, 60, 18000])


@test
def what_has_no_other_direction_leaves_alone():
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(idle=1, more='biflow: true'))
        talk(A(), B(), 5, 0, port=99)
        wait_for(lambda: [x for x in c.log_records() if x['dst_port'] == 99], 'the record')
        c.end_agent()
        result = c.stop()
    equal(nfdump_of(result, 99), [('10.81.0.2', 5353, 5, 500, 0, 0)], 'nfdump')


@test
def the_router_talks_itself_and_pings():
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(idle=1, more='biflow: true'))
        talk((r, '10.81.0.1'), A(), 6, 3, port=54)
        net.exec(a, 'ping', '-c', '4', '-i', '0.2', '10.82.0.2')
        wait_for(lambda: len([x for x in c.log_records() if 54 in (x['src_port'], x['dst_port'])]) >= 2 and
                 len([x for x in c.log_records() if x['proto'] == 'ICMP']) >= 2, 'the records')
        c.end_agent()
        result = c.stop()
    equal(nfdump_of(result, 54), [('10.81.0.1', 5353, 6, 600, 3, 900)], 'nfdump')
    pings = [(f['src4_addr'], f['in_packets'], f.get('out_packets', 0)) for f in result.nfdump() if f['proto'] == 1]
    equal(pings, [('10.81.0.2', 4, 4)], 'echo')


@test
def every_packet_is_in_one_record_and_the_ledger_balances():
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(idle=1, more='biflow: true'))
        for port in range(1000, 1200):
            talk(A(), B(), 2, 1, port=port, cport=port)
        c.end_agent()
        result = c.stop()
    seen = [f for f in result.nfdump() if 1000 <= f.get('src_port', 0) < 1200]
    equal((sum(f['in_packets'] for f in seen), sum(f.get('out_packets', 0) for f in seen)), (400, 200), 'nfdump')
    equal(sum(x['packets'] for x in result.log if 1000 <= (x['src_port'] or 0) < 1200), 600, 'the log')
    for row in net.json('meter', 'status'):
        l = row['ledger']
        check(l['seen']['packets'] == sum(v['packets'] for k, v in l.items() if k != 'seen'), l)


main(net, setup)
