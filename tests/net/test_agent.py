#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent on a router between three hosts: when records leave and why, templates, outputs in
trouble, every packet of the box once."""
import shutil
from collections import Counter

from lib import *
from export import *

net = Net('agent')
SMALL = '--tcp-metrics', 'off'      # a program that the verifier is done with in a third of the time


def setup():
    global r, hosts
    r, hosts = net.ns('r'), [net.ns('h%d' % n) for n in (1, 2, 3)]
    for n, h in enumerate(hosts, 1):
        net.veth(r, 'eth%d' % n, h, 'eth0', ['10.9%d.0.1/24' % n, 'fd9%d::1/64' % n],
                 ['10.9%d.0.2/24' % n, 'fd9%d::2/64' % n])
        net.ip(h, 'route', 'add', 'default', 'via', '10.9%d.0.1' % n)
        net.ip(h, '-6', 'route', 'add', 'default', 'via', 'fd9%d::1' % n)
    net.sysctl(r, 'net.ipv4.ip_forward', 1)
    net.sysctl(r, 'net.ipv6.conf.all.forwarding', 1)
    for n in 1, 2, 3:
        net.exec(hosts[n - 1], 'ping', '-c', '1', '10.9%d.0.2' % (n % 3 + 1))     # neighbours are known


class metered:
    def __init__(self, *words):
        self.words = words or ('-n', 'eth*', *SMALL)

    def __enter__(self):
        net.flowctl('meter', 'attach', '--netns', r, *self.words)

    def __exit__(self, *_):
        net.flowctl('meter', 'detach', '--all')


def send_udp(n, size=100, dport=9, src=0, dst=1, sport=None):
    with inside(hosts[src]):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if sport:
        s.bind(('0.0.0.0', sport))
    for _ in range(n):
        s.sendto(bytes(size), ('10.9%d.0.2' % (dst + 1), dport))
    s.close()


def of_port(records, port):
    return [x for x in records if x['dst_port'] == port]


def sum_of(records):
    return sum(x['packets'] for x in records), sum(x['bytes'] for x in records)


@test
def an_idle_flow_leaves_alone_and_says_so():
    with metered(), Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(idle=1))
        before = time.time()
        send_udp(5, dport=11)
        after = time.time()
        wait_for(lambda: of_port(c.log_records(), 11), 'the record', 12)
        x, = of_port(c.log_records(), 11)
        equal((x['packets'], x['bytes'], x['end_reason']), (5, 640, 'idle'))
        equal(of_port(net.json('dump', '--count', 'once'), 11), [], 'still held')
        c.end_agent()
        result = c.stop()
    f, = [f for f in result.nfdump() if f.get('dst_port') == 11]
    first = time.mktime(time.strptime(f['first'][:19], '%Y-%m-%dT%H:%M:%S')) + float(f['first'][19:])
    check(before - 0.05 <= first <= after + 0.05, 'start %r, sent at %r' % (first, before))
    equal((f['in_packets'], f['in_bytes']), (5, 640), 'nfdump')
    equal(result.tshark_complaints(), [])


@test
def a_long_flow_gives_several_records_of_their_own_time():
    with metered(), Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(active=1, idle=30))
        sent = 0
        while sent < 60 or len(of_port(c.log_records(), 12)) < 3:
            check(sent < 900, 'no third record')
            send_udp(3, dport=12, sport=1212)
            sent += 3
            time.sleep(0.1)
        c.end_agent()
        result = c.stop()
    records = of_port(result.log, 12)
    equal(sum_of(records), (sent, sent * 128))
    equal([x['end_reason'] for x in records[:-1]], ['active'] * (len(records) - 1))
    # On a busy machine the agent may end just when a record was due.
    check(records[-1]['end_reason'] in ('active', 'forced'), records[-1])
    for x, y in zip(records, records[1:]):
        check(x['first_seen'] <= x['last_seen'] <= y['first_seen'], 'times overlap: %s %s' % (x['last_seen'], y['first_seen']))
    equal(sum(f['in_packets'] for f in result.nfdump() if f.get('dst_port') == 12), sent, 'nfdump')


@test
def a_finished_connection_leaves_soon():
    with metered('-n', 'eth*'), Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(idle=30))
        with inside(hosts[1]):
            server = socket.socket()
            server.bind(('0.0.0.0', 8013))
            server.listen()
        with inside(hosts[0]):
            client = socket.socket()
        client.connect(('10.92.0.2', 8013))
        peer, _ = server.accept()
        client.sendall(b'x' * 100)
        check(peer.recv(1000) == b'x' * 100)
        for s in client, peer, server:
            s.close()
        wait_for(lambda: of_port(c.log_records(), 8013), 'the record', 20)
        x, = of_port(c.log_records(), 8013)
        equal((x['end_reason'], x['tcp_flags']), ('end', 'SYN|ACK|PSH|FIN'))
        c.end_agent()
        result = c.stop()
    codes = result._tshark('-T', 'fields', '-e', 'cflow.flow_end_reason')
    check('3' in codes, 'flowEndReason on the wire: %r' % codes)


@test
def sigint_too_exports_what_is_held():
    with metered(), Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config())
        send_udp(7, dport=14)
        c.end_agent(signal.SIGINT)
        result = c.stop()
    x, = of_port(result.log, 14)
    equal((x['packets'], x['end_reason']), (7, 'forced'))
    equal(result.nfcapd_sequence_errors, 0)


@test
def every_packet_of_the_box_is_in_one_record():
    """Forwarded ones once, with both interfaces; those to and from the router once."""
    with metered('-n', 'eth*'), Collectors(net) as c:
        c.start_agent(c.config())
        send_udp(50, dport=15, src=0, dst=1)
        send_udp(20, dport=16, src=2, dst=0)
        with inside(r):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(('0.0.0.0', 1717))
        for _ in range(30):
            s.sendto(bytes(10), ('10.93.0.2', 17))
        with inside(hosts[2]):
            h = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(10):
            h.sendto(bytes(10), ('10.93.0.1', 1717))
        net.exec(hosts[0], 'ping', '-6', '-c', '3', '-i', '0.1', 'fd92::2')
        dumped = net.json('dump', '--count', 'once')
        c.end_agent()
        result = c.stop()
    eth = {n: net.ifindex(r, 'eth%d' % n) for n in (1, 2, 3)}
    for records in result.log, dumped:
        for port, want in ((15, (50, eth[1], eth[2])), (16, (20, eth[3], eth[1])), (17, (30, 0, eth[3])),
                           (1717, (10, eth[3], 0))):
            equal([(x['packets'], x['ingress_ifindex'], x['egress_ifindex']) for x in of_port(records, port)], [want],
                  'port %d' % port)
        echo = [x for x in records if x['icmp_type'] == 128]
        equal([(x['packets'], x['ingress_ifindex'], x['egress_ifindex']) for x in echo], [(3, eth[1], eth[2])], 'echo')
    equal(sum_of([x for x in result.nfacctd or result.log]), sum_of(result.log), 'nfacctd')
    equal(result.nfdump_totals(), sum_of(result.log), 'nfdump')
    equal(result.tshark_totals(), sum_of(result.log), 'tshark')


@test
def count_all_exports_every_hook():
    with metered(), Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all'))
        send_udp(9, dport=18)
        c.end_agent()
        result = c.stop()
    equal(sorted((x['packets'], x['direction']) for x in of_port(result.log, 18)), [(9, 0), (9, 1)])


@test
def templates_come_first_and_again_and_no_message_is_too_long():
    with metered(), Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(idle=1, more='timerTemplateFlushSeconds: 1\nmaxIpfixMessageLen: 300'))
        for port in range(2000, 2060):
            send_udp(1, dport=port)
        wait_for(lambda: len(c.log_records()) >= 60, 'the records')
        templates = lambda: [when for when, d, _ in c.recorder.datagrams if d[16:18] == b'\0\2']
        wait_for(lambda: templates() and templates()[-1] - templates()[0] >= 2, 'templates once more')
        c.end_agent()
        result = c.stop()
        datagrams = [d for _, d, _ in c.recorder.datagrams]
    sets = [struct.unpack('!H', d[16:18])[0] for d in datagrams]
    equal(sets[0], 2, 'the first set')
    check(max(map(len, datagrams)) <= 300, 'a message of %d bytes' % max(map(len, datagrams)))
    equal(result.tshark_complaints(), [])
    equal(result.nfdump_totals(), sum_of(result.log))


@test
def the_users_templates_carry_the_data():
    more = '''templates:
- id: 1024
  template: [FlowEndMilliseconds, FlowStartMilliseconds, OctetDeltaCount, PacketDeltaCount, IpVersion,
             FlowDirection, SourceIPv4Address, DestinationIPv4Address]'''
    with metered(), Collectors(net, nfacctd=False) as c:
        conf = c.config(more=more)
        check('IPv6' in net.flowctl('agent', '--check', '-c', conf).stderr, 'what no template carries')
        c.start_agent(conf)
        send_udp(6, dport=19)
        net.exec(hosts[0], 'ping', '-6', '-c', '2', '-i', '0.1', 'fd92::2')
        c.end_agent()
        result = c.stop()
        ids = {struct.unpack('!H', d[16:18])[0] for _, d, _ in c.recorder.datagrams}
    equal({n for n in ids if n != 3 and n < 65500}, {2, 1024}, 'set ids, options apart')
    v4 = sum_of([x for x in result.log if '.' in x['src_ip']])
    equal(result.nfdump_totals(), v4, 'IPv4 at nfdump')


@test
def two_namespaces_are_two_domains_with_their_own_sequences():
    for ns in hosts[0], hosts[1]:
        net.flowctl('meter', 'attach', '--netns', ns, '-n', 'eth0')
    domains = {m['netns']: m['observation_domain_id'] for m in net.json('meter', 'status')}
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(count='all'))
        send_udp(4, dport=20)
        c.end_agent()
        result = c.stop()
        heads = [struct.unpack('!HHIII', d[:16]) + (d[16:18],) for _, d, _ in c.recorder.datagrams]
    net.flowctl('meter', 'detach', '--all')
    equal(len(set(domains.values())), 2, 'domains')
    equal({h[4] for h in heads}, set(domains.values()), 'domains on the wire')
    for domain in domains.values():
        equal([h[3] for h in heads if h[4] == domain and h[5] != b'\0\2'][0], 0, 'the first sequence')
    equal(Counter(x['netns'] for x in of_port(result.log, 20)), Counter({hosts[0]: 1, hosts[1]: 1}))
    equal(result.tshark_complaints(), [])


@test
def a_collector_that_dies_and_comes_back_costs_nobody_else_a_record():
    with metered(), Collectors(net, nfacctd=False) as c:
        conf = c.config(idle=1)
        c.nfcapd.terminate()
        c.nfcapd.wait(60)
        c.start_agent(conf)
        send_udp(5, dport=21)
        wait_for(lambda: of_port(c.log_records(), 21), 'the record while nobody listens')
        c.start_nfcapd()
        time.sleep(1.5)
        send_udp(6, dport=22)
        wait_for(lambda: of_port(c.log_records(), 22), 'the record afterwards')
        c.end_agent()
        text, result = c.agent_says(), c.stop()
    check('refuse' in text, 'the trouble is told: ' + text)
    equal([f['in_packets'] for f in result.nfdump() if f.get('dst_port') == 22], [6], 'after it came back')
    equal(result.tshark_complaints(), [], 'the other collector')
    equal(sum_of(of_port(result.log, 21)), (5, 640))


@test
def an_unknown_collector_and_a_full_disk_cost_the_others_nothing():
    with metered(), Collectors(net, nfacctd=False) as c:
        conf = c.config(idle=1)
        with open(conf, 'a') as f:
            f.write('- collector: {remoteAddress: "no-such-host.invalid:4739"}\n- log: {file: /dev/full}\n')
        c.start_agent(conf)
        send_udp(5, dport=23)
        wait_for(lambda: of_port(c.log_records(), 23), 'the record')
        c.end_agent()
        text, result = c.agent_says(), c.stop()
    check('no-such-host.invalid' in text and '/dev/full' in text, text)
    equal([f['in_packets'] for f in result.nfdump() if f.get('dst_port') == 23], [5])


@test
def its_own_export_stream_is_not_exported():
    """The agent lives in host 1 and exports over the metered router to host 3."""
    with metered(), Collectors(net, nfacctd=False) as c:
        with inside(hosts[2]):
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sink.bind(('10.93.0.2', 4739))
        conf = c.config(idle=1)
        with open(conf, 'w') as f:
            f.write('idleTimeoutSeconds: 1\noutputs:\n- collector: {remoteAddress: "10.93.0.2:4739"}\n'
                    '- log: {file: %s/flow.log}\n' % c.dir)
        agent = net.spawn('nsenter', '--net=/run/netns/' + hosts[0], find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', conf,
                          stderr=subprocess.DEVNULL)
        for _ in range(3):
            send_udp(2, dport=24)
            time.sleep(1.5)
        agent.terminate()
        equal(agent.wait(60), 0)
        sink.setblocking(False)
        check(sink.recv(2000), 'nothing was exported')
        equal(of_port(c.log_records(), 4739), [], 'the export stream')
        equal(sum_of(of_port(c.log_records(), 24))[0], 6)


@test
def configured_meters_are_attached_when_the_link_appears_and_stay():
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(more="meters:\n- {netns: '%s-*', name: 'late*'}\n- {netns: %s, name: eth1, direction: ingress}" %
                        (net.prefix, r))
        c.start_agent(conf)
        equal([(m['iface'], m['direction']) for m in net.json('meter', 'status')], [('eth1', 'ingress')])
        net.ip(r, 'link', 'add', 'late0', 'type', 'veth', 'peer', 'name', 'other0')
        wait_for(lambda: len(net.json('meter', 'status')) == 3, 'the meters of late0')
        c.end_agent()
    equal(len(net.json('meter', 'status')), 3, 'after its end')
    net.flowctl('meter', 'detach', '--all')
    net.ip(r, 'link', 'del', 'late0')


@test
def sighup_takes_a_good_file_and_refuses_a_bad_one():
    with metered(), Collectors(net, nfacctd=False) as c:
        conf = c.config(idle=30)
        c.start_agent(conf)
        send_udp(5, dport=25, sport=2525)
        with open(conf, 'a') as f:
            f.write('nonsense: 1\n')
        c.agent.send_signal(signal.SIGHUP)
        wait_for(lambda: 'nonsense' in c.agent_says() and 'stays' in c.agent_says(), 'the refusal')
        c.config(idle=1)
        c.agent.send_signal(signal.SIGHUP)
        wait_for(lambda: 'read again' in c.agent_says(), 'the reload')
        send_udp(4, dport=25, sport=2525)
        wait_for(lambda: sum_of(of_port(c.log_records(), 25))[0] == 9, 'the record by the new time-out', 20)
        c.end_agent()
        result = c.stop()
    equal(sum(f['in_packets'] for f in result.nfdump() if f.get('dst_port') == 25), 9)


@test
def a_reader_that_stopped_reading_stops_nobody():
    with metered(), Collectors(net, nfacctd=False) as c:
        conf = c.config(idle=1)
        with open(conf, 'a') as f:
            f.write('- log: {file: stdout}\n')
        agent = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', conf, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
        for port in range(3000, 3200):
            send_udp(1, dport=port)
        wait_for(lambda: sum(3000 <= (x['dst_port'] or 0) < 3200 for x in c.log_records()) == 200, 'the other log')
        agent.terminate()
        equal(agent.wait(60), 0)
        agent.stdout.close()


@test
def without_any_output_what_is_due_stays_held():
    """A reload that can open nothing, because the folder of the log is gone; then it is back."""
    with metered(), Collectors(net, nfacctd=False) as c:
        conf, logs = c.dir + '/log.yaml', c.dir + '/logs'
        os.mkdir(logs)
        with open(conf, 'w') as f:
            f.write('idleTimeoutSeconds: 1\noutputs:\n- log: {file: %s/flow.log}\n' % logs)
        c.start_agent(conf)
        shutil.rmtree(logs)
        c.agent.send_signal(signal.SIGHUP)
        wait_for(lambda: 'stays' in c.agent_says(), 'the trouble')
        send_udp(5, dport=26)
        time.sleep(3)
        equal(sum_of(of_port(net.json('dump', '--count', 'once'), 26)), (5, 640), 'held')
        os.mkdir(logs)
        wait_for(lambda: os.path.exists(logs + '/flow.log') and '"dst_port":26' in open(logs + '/flow.log').read(),
                 'the record')
        c.end_agent()


@test
def a_second_agent_is_refused():
    with Collectors(net, nfacctd=False) as c:
        conf = c.config()
        c.start_agent(conf)
        second = net.flowctl('agent', '-c', conf, ok=False)
        equal((second.returncode, len(second.stderr.splitlines())), (1, 1), second.stderr)
        c.end_agent()
        c.start_agent(conf)
        c.end_agent(signal.SIGKILL)
        c.start_agent(conf)         # the lock of a killed one is gone with it
        c.end_agent()


main(net, setup)
