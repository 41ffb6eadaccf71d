#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent over time: its configured meters in any namespace, its own stream over a restart,
reloads under traffic, a collector that dies in the middle, and other agents."""
from contextlib import contextmanager

import ipfix
from lib import *
from export import *

net = Net('life')


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', '10.94.0.1/24', '10.94.0.2/24')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.all.disable_ipv6', 1)
    net.exec(a, 'ping', '-c', '1', '10.94.0.2')


@contextmanager
def metered(ns=None, name='eth0', direction='ingress'):
    net.flowctl('meter', 'attach', '--netns', ns or b, '-n', name, '--direction', direction)
    yield
    net.flowctl('meter', 'detach', '--all')


def send_udp(n, dport, pause=0, size=100, sport=None):
    with inside(a):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if sport:
        s.bind(('0.0.0.0', sport))
    for _ in range(n):
        s.sendto(bytes(size), ('10.94.0.2', dport))
        time.sleep(pause)
    s.close()


def of_port(records, port):
    return [x for x in records if x['dst_port'] == port]


def packets(records):
    return sum(x['packets'] for x in records)


def hooks():
    return sorted((m['netns'], m['iface'], m['direction']) for m in net.json('meter', 'status'))


def nf_packets(result, port):
    return sum(f['in_packets'] for f in result.nfdump() if f.get('dst_port') == port)


class AgentIn:
    """An agent whose process lives in a namespace; its words in self.says()."""
    def __init__(self, ns, conf, dir, *words):
        self.path = '%s/%d.err' % (dir, time.monotonic_ns())
        with open(self.path, 'w') as err:
            self.proc = net.spawn('nsenter', '--net=/run/netns/' + ns, find_flowctl(), '--bpffs', net.bpffs,
                                  'agent', '-c', conf, *words, stderr=err)
        wait_for(lambda: 'exporting' in self.says() or self.proc.poll() is not None, 'the agent')
        check(self.proc.poll() is None, self.says())

    def says(self):
        with open(self.path) as f:
            return f.read()

    def end(self, sig=signal.SIGTERM):
        self.proc.send_signal(sig)
        self.proc.wait(60)


@test
def meters_are_named_by_path_as_well():
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(more="meters:\n- {netns: '/run/netns/%s', name: eth0, direction: egress}" % a))
        equal(hooks(), [(a, 'eth0', 'egress')])
        c.end_agent()
    net.flowctl('meter', 'detach', '--all')


@test
def meters_are_named_by_a_path_that_nothing_else_leads_to():
    """A namespace kept by a bind mount elsewhere, with no process inside."""
    path = tempfile.mkstemp(prefix='flowctl-netns-')[1]
    name = net.ns('moved')
    run('mount', '--bind', '/run/netns/' + name, path)
    net.cleanups.append(lambda: (run('umount', '-l', path, ok=False), os.unlink(path)))
    net.ip(name, 'link', 'add', 'veth7', 'type', 'veth', 'peer', 'name', 'other7')
    net.del_ns(name)
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(more="meters:\n- {netns: '%s', name: 'veth*', direction: egress}" % path))
        at = net.json('meter', 'status', '--netns', path)
        equal([(m['iface'], m['direction']) for m in at], [('veth7', 'egress')])
        time.sleep(4.5)     # the agent clears what it sees gone in three looks
        equal(len(net.json('meter', 'status', '--netns', path)), 1, 'after some looks')
        c.end_agent()
    net.flowctl('meter', 'detach', '--netns', path, '-n', 'veth7')


@test
def meters_are_attached_in_a_namespace_that_appears_later():
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(more="meters:\n- {netns: '%s-new*', name: 'eth*', direction: ingress}" % net.prefix))
        equal(hooks(), [])
        late = net.ns('new1')
        net.veth(late, 'eth7', b, 'eth7')
        wait_for(lambda: hooks() == [(late, 'eth7', 'ingress')], 'the meter')
        net.ip(late, 'link', 'del', 'eth7')
        net.veth(late, 'eth7', b, 'eth7')
        wait_for(lambda: [h for h in hooks() if h[0] == late], 'the meter on the next link of that name')
        c.end_agent()
    net.flowctl('meter', 'detach', '--all')
    net.ip(late, 'link', 'del', 'eth7')


@test
def the_command_line_narrows_the_configured_meters():
    with Collectors(net, nfacctd=False) as c:
        conf = c.config(more="meters:\n- {netns: '%s-[ab]', name: eth0, direction: ingress}" % net.prefix)
        agent = AgentIn(a, conf, c.dir, '--netns', b)
        equal(hooks(), [(b, 'eth0', 'ingress')])
        agent.end()
    net.flowctl('meter', 'detach', '--all')


def own_stream_config(c):
    conf = c.dir + '/own.yaml'
    with open(conf, 'w') as f:
        f.write('idleTimeoutSeconds: 1\noutputs:\n- collector: {remoteAddress: "10.94.0.2:4739"}\n'
                '- log: {file: %s/flow.log}\n' % c.dir)
    with inside(b):
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sink.bind(('10.94.0.2', 4739))
    return conf, sink


def two_streams(how, ports=range(2, 99)):
    """Another port comes in the middle; what is held of the stream from the first is no traffic."""
    with metered(), Collectors(net, nfacctd=False) as c:
        conf, sink = own_stream_config(c)
        agent = AgentIn(a, conf, c.dir)
        send_udp(2, 31)
        wait_for(lambda: of_port(c.log_records(), 31), 'the first record')
        send_udp(1, 33)
        agent = how(agent, conf, c.dir)
        send_udp(2, 32)
        wait_for(lambda: of_port(c.log_records(), 32), 'the second record')
        time.sleep(2.5)
        agent.end()
        sources = set()
        sink.setblocking(False)
        try:
            while True:
                sources.add(sink.recvfrom(2000)[1][1])
        except BlockingIOError:
            sink.close()
        check(len(sources) in ports, 'ports: %s' % sources)
        equal([(x['src_port'], x['packets']) for x in of_port(c.log_records(), 4739)], [], 'the export stream')


@test
def its_earlier_stream_is_not_exported_after_a_reload():
    def reload(agent, conf, dir):
        with open(conf, 'a') as f:
            f.write('timerTemplateFlushSeconds: 61\n')
        agent.proc.send_signal(signal.SIGHUP)
        wait_for(lambda: 'read again' in agent.says(), 'the reload')
        return agent
    two_streams(reload)


@test
def a_session_goes_on_over_a_reload_that_says_the_same_of_it():
    def reload(agent, conf, dir):
        with open(conf, 'a') as f:
            f.write('timerForceDrainSeconds: 50\n')
        agent.proc.send_signal(signal.SIGHUP)
        wait_for(lambda: 'read again' in agent.says(), 'the reload')
        return agent
    two_streams(reload, ports=[1])


@test
def nor_after_a_clean_restart():
    def restart(agent, conf, dir):
        agent.end()
        return AgentIn(a, conf, dir)
    two_streams(restart)


@test
def nor_after_it_was_killed():
    def restart(agent, conf, dir):
        agent.end(signal.SIGKILL)
        return AgentIn(a, conf, dir)
    two_streams(restart)


def send_for(seconds, ports):
    """Packets to each of these ports over and over, in a process of its own; how many, by port."""
    code = 'import socket, sys, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nn = 0\n' \
           'end = time.monotonic() + %g\nwhile time.monotonic() < end:\n' \
           '    for p in range(%d, %d): s.sendto(bytes(100), ("10.94.0.2", p))\n    n += 1\n' \
           '    time.sleep(0.002)\nprint(n)' % (seconds, ports.start, ports.stop)
    return net.spawn('nsenter', '--net=/run/netns/' + a, '/usr/bin/python3', '-c', code, stdout=subprocess.PIPE, text=True)


@test
def reloads_under_traffic_lose_and_double_nothing():
    ports = range(5000, 5040)
    with metered(), Collectors(net, nfacctd=False) as c:
        conf = c.config(idle=1, active=1)
        with open(conf) as f:
            good = f.read()
        c.start_agent(conf)
        sender = send_for(5, ports)
        for n in range(12):
            with open(conf, 'w') as f:
                f.write(good + ('idleTimeoutSeconds: none\n' if n % 3 == 2 else ''))
            c.agent.send_signal(signal.SIGHUP)
            time.sleep(0.4)
        sent = int(sender.communicate(timeout=60)[0])
        text = c.agent_says()
        c.end_agent()
        result = c.stop()
    check(text.count('read again') >= 6 and text.count('stays') >= 3, text)
    for port in ports:
        equal(packets(of_port(result.log, port)), sent, 'the log, port %d' % port)
        equal(nf_packets(result, port), sent, 'nfdump, port %d' % port)
    equal(result.tshark_totals()[0], packets(result.log), 'tshark')
    equal(result.tshark_complaints(), [])


@test
def a_collector_that_is_killed_in_the_middle_costs_only_what_it_did_not_hear():
    ports = range(5100, 5103)
    with metered(), Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(idle=1, active=1))
        send_udp(4, 5100)
        # The recorder is sent it after nfcapd.
        wait_for(lambda: any(r.get(ipfix.DPORT) == 5100 for x in ipfix.streams(c.recorder.datagrams).values()
                             for r in x.records()), 'the first record')
        wait_for(lambda: of_port(c.log_records(), 5100), 'the first record in the log')
        c.end_nfcapd()              # the agent cannot tell from a kill
        send_udp(5, 5101)
        wait_for(lambda: of_port(c.log_records(), 5101), 'the second record')
        c.start_nfcapd()
        time.sleep(1.5)             # the refusal is known, templates are ahead of what comes
        send_udp(6, 5102)
        wait_for(lambda: of_port(c.log_records(), 5102), 'the third record')
        c.end_agent()
        text, result = c.agent_says(), c.stop()
    equal([packets(of_port(result.log, p)) for p in ports], [4, 5, 6], 'the log')
    equal([nf_packets(result, p) for p in (5100, 5102)], [4, 6], 'nfdump')
    equal(result.tshark_totals()[0], packets(result.log), 'the other collector')
    equal(result.tshark_complaints(), [])
    check('refuse' in text and 'works again' in text, text)


@test
def agents_below_different_folders_do_not_meet():
    other = Net('other')
    other.start()
    try:
        with metered(), Collectors(net, nfacctd=False) as c, Collectors(other, nfacctd=False) as d:
            other.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0', '--direction', 'egress')
            c.start_agent(c.config())
            d.start_agent(d.config())
            send_udp(8, 5200)
            c.end_agent()
            d.end_agent()
            for log, ns, direction in (c.log_records(), b, 0), (d.log_records(), a, 1):
                equal([(x['netns'], x['direction'], x['packets']) for x in of_port(log, 5200)], [(ns, direction, 8)])
    finally:
        other.cleanup()


@test
def once_exports_what_is_held_and_takes_nothing_out():
    with metered(), Collectors(net, nfacctd=False) as c:
        send_udp(3, 5300)
        conf = c.config()
        for n in 1, 2:
            net.flowctl('agent', '--once', '-c', conf)
            equal([x['packets'] for x in of_port(c.log_records(), 5300)], [3] * n)
        equal([x['end_reason'] for x in of_port(c.log_records(), 5300)], [None, None], 'it goes on')
        m, = net.json('meter', 'status')
        equal((m['ledger']['held']['packets'], m['ledger']['exported']['packets']), (3, 0), 'the ledger')
        c.run_agent(conf, until=lambda: True)
        result = c.stop()
    equal([x['packets'] for x in of_port(result.log, 5300)], [3, 3, 3])
    equal(nf_packets(result, 5300), 9, 'nfdump')
    equal(result.tshark_complaints(), [])


@test
def an_agent_that_cannot_begin_leaves_nothing_attached():
    with tempfile.TemporaryDirectory() as dir:
        for output, why in (('collector: {remoteAddress: "127.0.0.1:4739", localAddress: "192.0.2.77:0"}', '192.0.2.77'),
                            ('collector: {remoteAddress: "127.0.0.1:4739", transport: tls, tls: {ca: /none}}', '/none'),
                            ('log: {file: /proc/none/flow.log}', '/proc/none')):
            with open(dir + '/c', 'w') as f:
                f.write('meters: [{netns: %s, name: eth0}]\noutputs: [{%s}]\n' % (b, output))
            r = net.flowctl('agent', '-c', dir + '/c', ok=False, timeout=20)
            check(r.returncode == 1 and why in r.stderr, '%s: exit %d: %s' % (output, r.returncode, r.stderr))
            equal(hooks(), [], 'what is attached after ' + output)


main(net, setup)
