#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent and collectors over TCP, which it talks to over the very interface that it meters:
killed and started anew, away when the agent ends, in a group; a reload, and files."""
import re
import shutil
import tempfile
from collections import Counter

from lib import *
from ipfix import DPORT, PACKETS, Stream

sys.path.insert(0, os.path.join(ROOT, 'tests', 'oracle'))
from stream import Sender, Server, numbers  # noqa: E402

net = Net('streams')
COLLECTOR = '10.77.0.2'


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', '10.77.0.1/24', COLLECTOR + '/24')
    net.exec(a, 'ping', '-c', '1', COLLECTOR)       # they know each other
    net.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0')


def server(port=0):
    with inside(b):
        return Server(port=port, host=COLLECTOR)


class Agent:
    """In the metered namespace, with a configuration of @outputs."""
    def __init__(self, *outputs, more=''):
        self.dir = tempfile.mkdtemp(prefix='flowctl-streams-')
        self.config, self.log = self.dir + '/config.yaml', self.dir + '/log'
        self.configure(*outputs, more=more)
        self.process = None

    def configure(self, *outputs, more=''):
        with open(self.config, 'w') as f:
            f.write('idleTimeoutSeconds: 1\n%s\noutputs:\n' % more)
            f.writelines('- %s\n' % o.replace('DIR', self.dir) for o in outputs)

    def __enter__(self):
        self.start()
        return self

    def start(self):
        before = self.said().count('exporting to')
        with open(self.log, 'a') as log:
            self.process = subprocess.Popen(['nsenter', '--net=/run/netns/' + a, find_flowctl(), '--bpffs', net.bpffs,
                                             'agent', '-c', self.config], stderr=log)
        wait_for(lambda: self.said().count('exporting to') > before or self.process.poll() is not None, 'the agent')
        check(self.process.poll() is None, self.said())

    def said(self):
        try:
            with open(self.log) as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def end(self):
        self.process.terminate()
        equal(self.process.wait(60), 0, 'exit status of the agent')

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir)


def send(ports, packets=3):
    with inside(a):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in ports:
        for _ in range(packets):
            s.sendto(b'x' * 100, (COLLECTOR, port))
    s.close()


def messages(stream):
    """Whole ones."""
    at = 0
    while len(stream) - at >= 16:
        length = struct.unpack_from('!H', stream, at + 2)[0]
        if at + length > len(stream):
            return
        yield bytes(stream[at:at + length])
        at += length


def parsed(stream):
    s = Stream()
    for m in messages(stream):
        s.add(m)
    return s


def packets_to(streams, ports):
    """By port, of all records in all of these streams; no sequence has a gap."""
    found = Counter()
    for stream in streams:
        s = parsed(stream)
        for domain in {m.domain for m in s.messages}:
            equal(s.gaps(domain), [], 'gaps in the sequence')
        for m in s.messages:
            for r in m.records:
                if r.get(DPORT) in ports:
                    found[r[DPORT]] += r[PACKETS]
    return found


def all_ports(streams):
    return {r.get(DPORT) for s in streams for m in parsed(s).messages for r in m.records}


def tcp(server_, keys=''):
    return 'collector: {remoteAddress: "%s", transport: tcp%s}' % (server_.remote, keys)


@test
def a_collector_that_is_killed_and_started_anew_gets_every_packet_once():
    ports = range(1000, 1300)
    one = server()
    with Agent(tcp(one)) as agent:
        send(ports[:100])
        wait_for(lambda: len(packets_to(one.streams, ports)) == 100, 'the first hundred')
        one.stop()
        send(ports[100:200])
        wait_for(lambda: 'the collector closed the connection' in agent.said(), 'trouble told')
        time.sleep(1.5)
        with server(one.port) as two:
            send(ports[200:])
            wait_for(lambda: len(packets_to(two.streams, ports)) == 200, 'the rest')
            agent.end()
            equal(packets_to(one.streams + two.streams, ports), Counter({p: 3 for p in ports}), 'packets')
            check('works again' in agent.said(), 'the end of the trouble is not told')
            check(not {one.port} & all_ports(one.streams + two.streams), "the agent's own stream is among the flows")
            wait_for(lambda: two.ends, 'the end of the connection')
            equal(two.ends, ['closed'], 'how the agent left')


@test
def what_waits_when_the_agent_ends_is_sent_by_the_next_one():
    ports = range(2000, 2100)
    away = server()
    away.stop()
    with Agent(tcp(away, ', backlog: {file: DIR/backlog}')) as agent:
        send(ports)
        time.sleep(2.2)
        agent.end()
        with open(agent.dir + '/backlog', 'rb') as f:
            equal(packets_to([f.read()], ports), Counter({p: 3 for p in ports}), 'packets in the backlog')
        with server(away.port) as back:
            agent.start()
            wait_for(lambda: len(packets_to(back.streams, ports)) == 100, 'what waited')
            agent.end()
            equal(packets_to(back.streams, ports), Counter({p: 3 for p in ports}), 'packets')
            equal(os.path.getsize(agent.dir + '/backlog'), 0, 'size of the backlog')


@test
def what_is_lost_when_the_agent_ends_is_told():
    away = server()
    away.stop()
    with Agent(tcp(away)) as agent:
        send(range(2500, 2510))
        agent.end()
        check(re.search(r'1\d records did not reach it and are lost', agent.said()), agent.said())


@test
def what_may_have_arrived_is_not_sent_again():
    """Its acknowledgements are lost, then the collector resets the connection."""
    if not shutil.which('nft'):
        skip('nft is not installed')
    with server() as one, Sender('tcp', one.remote, ['ip', 'netns', 'exec', b]) as sender:
        sender.up()
        sender.say('put 1000')
        equal(sender.say('drain')['records'], 1000, 'records')
        net.exec(b, 'nft', 'add table inet t; add chain inet t i { type filter hook input priority 0; }; '
                 'add rule inet t i tcp sport %d tcp flags & rst == 0 counter drop' % one.port)
        sender.say('put 20000')
        wait_for(lambda: len(one.numbers()) > 2000, 'some that is not acknowledged')
        one.stop(reset=True)
        state = sender.until(lambda s: not s['up'], 'the break')
        net.exec(b, 'nft', 'delete table inet t')
        check('%d records may have arrived or not, and are not sent again' % state['lost'] in state['trouble'],
              state['trouble'])
        with server(one.port) as two:
            sender.up()
            state = sender.until(lambda s: s['records'] + s['lost'] == 21000, 'the rest', 'drain')
            wait_for(lambda: two.numbers()[-1:] == [20999], 'the last record')
            first, rest = one.numbers(), two.numbers()
            check(state['lost'] > 900, 'nothing was in doubt: %r' % state)
            check(not set(first) & set(rest), '%d records came twice' % len(set(first) & set(rest)))
            equal(rest, list(range(1000 + state['lost'], 21000)), 'what came on the second connection')


OTHER = 'templates: [{id: 1024, template: [%s]}]' % ', '.join(
    '{name: %s}' % n for n in ('destinationTransportPort', 'packetDeltaCount', 'protocolIdentifier'))


@test
def a_reload_withdraws_templates_and_keeps_the_connection():
    ports = range(3000, 3100)
    with server() as c, Agent(tcp(c)) as agent:
        send(ports[:50])
        wait_for(lambda: len(packets_to(c.streams, ports)) == 50, 'the first half')
        agent.configure(tcp(c), more=OTHER)
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'configuration read again' in agent.said(), 'the reload')
        send(ports[50:])
        wait_for(lambda: len(packets_to(c.streams, ports)) == 100, 'the second half')
        agent.end()
        equal(packets_to(c.streams, ports), Counter({p: 3 for p in ports}), 'packets')
        equal(len(c.streams), 1, 'connections')
        s = parsed(c.streams[0])
        withdrawn = {t for (_, t), fields in s.templates.items() if not fields}
        check(set(range(256, 264)) <= withdrawn and 1024 not in withdrawn, 'withdrawn: %s' % sorted(withdrawn))


@test
def one_of_a_group_is_used_and_the_other_when_it_is_gone():
    ports = range(4000, 4100)
    first = server()
    with server() as second, Agent(tcp(first, ', group: g'), tcp(second, ', group: g')) as agent:
        send(ports[:50])
        wait_for(lambda: len(packets_to(first.streams, ports)) == 50, 'the first half')
        equal(len(packets_to(second.streams, ports)), 0, 'records at the second')
        first.stop()
        wait_for(lambda: 'exporting to tcp://' + second.remote in agent.said(), 'the change')
        send(ports[50:])
        wait_for(lambda: len(packets_to(second.streams, ports)) == 50, 'the second half')
        agent.end()
        equal(packets_to(first.streams + second.streams, ports), Counter({p: 3 for p in ports}), 'packets')


@test
def a_file_is_written_rotated_and_read():
    ports = range(5000, 5100)
    with Agent('file: {path: DIR/out}') as agent:
        def content(name):
            with open(agent.dir + '/' + name, 'rb') as f:
                return f.read()
        send(ports[:50])
        wait_for(lambda: len(packets_to([content('out')], ports)) == 50, 'the first half')
        os.rename(agent.dir + '/out', agent.dir + '/old')
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda: os.path.exists(agent.dir + '/out'), 'another file')
        send(ports[50:])
        wait_for(lambda: len(packets_to([content('out')], ports)) == 50, 'the second half')
        agent.end()
        equal(packets_to([content('old'), content('out')], ports), Counter({p: 3 for p in ports}), 'packets')
        for name in 'old', 'out':
            run(find_flowctl(), 'collect', '--read', agent.dir + '/' + name, '--strict')


main(net, setup)
