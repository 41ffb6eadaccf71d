#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent's metrics: promtool and a real Prometheus read them, the numbers are the sender's;
over restarts, kills, reloads and hostile clients.

a -- router -- b, the router's interfaces metered. The agent and Prometheus are in the
namespace of this process, or, where it says so, in one of their own.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import lib
from export import free_port
from lib import Failed, Net, Wire, check, equal, find_flowctl, inside, main, run, skip, test, wait_for

net = Net('prom')
work = tempfile.mkdtemp(prefix='metrics')
net.cleanups.append(lambda: shutil.rmtree(work, ignore_errors=True))
OPEN = 'application/openmetrics-text; version=1.0.0'
a = r = b = None


def setup():
    global a, r, b
    a, r, b = net.ns('a'), net.ns('r'), net.ns('b')
    net.veth(a, 'eth0', r, 'eth0', ['10.7.1.2/24', 'fd07:1::2/64'], ['10.7.1.1/24', 'fd07:1::1/64'])
    net.veth(b, 'eth0', r, 'eth1', ['10.7.2.2/24', 'fd07:2::2/64'], ['10.7.2.1/24', 'fd07:2::1/64'])
    for ns, n in (a, 1), (b, 2):
        net.ip(ns, 'route', 'add', 'default', 'via', '10.7.%d.1' % n)
        net.ip(ns, 'route', 'add', 'default', 'via', 'fd07:%d::1' % n)
    net.sysctl(r, 'net.ipv4.ip_forward', 1)
    net.sysctl(r, 'net.ipv6.conf.all.forwarding', 1)


class Agent:
    last = None     # of a test that failed, perhaps

    def __init__(self, metrics='', outputs=None, port=None, host='127.0.0.1', ok=True):
        if Agent.last and Agent.last.poll() is None:
            Agent.last.kill()
            Agent.last.wait()
        self.port, self.host = port or free_port(), host
        self.config = os.path.join(work, 'agent.yaml')
        self.log = open(os.path.join(work, 'agent.log'), 'w+')
        self.write(metrics, outputs)
        self.p = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', self.config,
                           stderr=self.log, stdout=subprocess.DEVNULL)
        Agent.last = self.p
        if ok:
            wait_for(self.answers, 'the agent to answer: ' + self.said())

    def write(self, metrics='', outputs=None, listen=None):
        with open(self.config, 'w') as f:
            f.write('outputs:\n%s\nmetrics:\n  listen: "%s"\n%s' % (
                outputs or '- log: {file: %s/flow.log}' % work,
                listen or '%s:%d' % ('[%s]' % self.host if ':' in self.host else self.host, self.port),
                metrics))

    def said(self):
        with open(self.log.name) as f:
            return f.read()

    def answers(self):
        check(self.p.poll() is None, 'the agent is gone: ' + self.said())
        try:
            return self.get('/healthz')[0] == 200
        except OSError:
            return False

    def get(self, path='/metrics', accept=None, method='GET', port=None, timeout=20):
        host = '[%s]' % self.host if ':' in self.host else self.host
        q = urllib.request.Request('http://%s:%d%s' % (host, port or self.port, path), method=method,
                                   headers={'Accept': accept} if accept else {})
        try:
            with urllib.request.urlopen(q, timeout=timeout) as f:
                return f.status, f.headers, f.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read().decode()

    def samples(self):
        """{'name{labels}': value}, after the tenth of a second for which a page is kept."""
        time.sleep(0.11)
        page = self.get()[2]
        return {line.rsplit(' ', 1)[0]: float(line.rsplit(' ', 1)[1])
                for line in page.splitlines() if not line.startswith('#')}

    def end(self, how=signal.SIGTERM):
        self.p.send_signal(how)
        self.p.wait(60)


def named(iface, direction):
    return '{netns="%s",iface="%s",direction="%s"}' % (r, iface, direction)


def send(n, size=100, sport=4000, dport=9):
    """UDP from a to b: n datagrams of so many octets at the IP layer."""
    with inside(a):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('10.7.1.2', sport))
    for _ in range(n):
        s.sendto(b'x' * (size - 28), ('10.7.2.2', dport))
    s.close()


def sink_of(ns, port):
    """So that nobody answers with ICMP."""
    with inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('0.0.0.0', port))
    return s


def promtool(page):
    q = subprocess.run(['promtool', 'check', 'metrics'], input=page, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    equal((q.returncode, q.stdout), (0, ''), 'promtool')


@test
def promtool_accepts_the_page_and_the_numbers_are_the_senders():
    net.flowctl('meter', 'attach', '--netns', r, '--all')
    agent = Agent()
    with sink_of(b, 9):
        before = agent.samples()
        send(500, 200)
        name = 'flowctl_packets_total' + named('eth0', 'ingress')
        wait_for(lambda: agent.samples()[name] >= before[name] + 500, 'the packets')
        now = agent.samples()
    for iface, direction in ('eth0', 'ingress'), ('eth1', 'egress'):
        at = named(iface, direction)
        packets = now['flowctl_packets_total' + at] - before['flowctl_packets_total' + at]
        octets = now['flowctl_bytes_total' + at] - before['flowctl_bytes_total' + at]
        # ARP's, or what IPv6 says when a link is new.
        more = packets - 500
        check(0 <= more <= 20, '%s: %d packets' % (at, packets))
        check(28 * more <= octets - 500 * 200 <= 100 * more, '%d octets' % octets)
    status, headers, page = agent.get()
    equal(headers['Content-Type'], 'text/plain; version=0.0.4; charset=utf-8', 'the type')
    if shutil.which('promtool'):
        promtool(page)
    status, headers, page = agent.get(accept=OPEN)
    equal(headers['Content-Type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'the type')
    check(page.endswith('\n# EOF\n') and '# UNIT flowctl_bytes bytes\n' in page, page[-100:])
    agent.end()


@test
def rules_and_dashboard_know_what_the_page_has():
    folder = os.path.join(lib.ROOT, 'misc', 'prometheus')
    with open(os.path.join(lib.ROOT, 'lib', 'metrics', 'page.c')) as f:
        has = set(re.findall(r'"(flowctl_\w+)"', f.read()))
    for name in 'flowctl.rules.yml', 'flowctl.dashboard.json':
        with open(os.path.join(folder, name)) as f:
            text = f.read()
        used = {re.sub(r'_(total|info|bucket|count|sum)$', '', m) for m in re.findall(r'\bflowctl_\w+', text)}
        equal(used - has, set(), 'what %s asks for and is not there' % name)
        check(len(used) > 8, name)
    json.loads(text)
    if not shutil.which('promtool'):
        skip('promtool is not installed')
    run('promtool', 'check', 'rules', os.path.join(folder, 'flowctl.rules.yml'))


class Prometheus:
    def __init__(self, targets):
        self.port = free_port()
        folder = tempfile.mkdtemp(dir=work)
        with open(folder + '/prometheus.yml', 'w') as f:
            json.dump({'global': {'scrape_interval': '400ms', 'scrape_timeout': '400ms'},
                       'scrape_configs': [{'job_name': 'flowctl', 'static_configs': [{'targets': targets}]}]}, f)
        self.p = net.spawn('prometheus', '--config.file=%s/prometheus.yml' % folder, '--storage.tsdb.path=%s/data' % folder,
                           '--web.listen-address=127.0.0.1:%d' % self.port, '--log.level=error',
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def query(self, promql):
        """[(labels, value)]; [] also while it does not answer."""
        url = 'http://127.0.0.1:%d/api/v1/query?%s' % (self.port, urllib.parse.urlencode({'query': promql}))
        try:
            with urllib.request.urlopen(url, timeout=5) as f:
                return [(m['metric'], float(m['value'][1])) for m in json.load(f)['data']['result']]
        except OSError:
            return []

    def value(self, promql):
        v = self.query(promql)
        return v[0][1] if v else None


@test
def a_real_prometheus_has_the_senders_truth_over_a_restart():
    if not shutil.which('prometheus'):
        skip('prometheus is not installed')
    agent = Agent()
    prometheus = Prometheus(['127.0.0.1:%d' % agent.port])
    one = 'flowctl_packets_total{netns="%s",iface="eth0",direction="ingress"}' % r
    exported = 'sum(flowctl_ledger_packets_total{netns="%s",iface="eth0",direction="ingress",reason=~"exported|non_ip"})' % r
    # What a machine is too busy for to scrape in time has no value for a while.
    base = wait_for(lambda: prometheus.value(one), 'the first scrape')
    wait_for(lambda: prometheus.value('up') == 1, 'up')
    with sink_of(b, 9):
        send(300)
        wait_for(lambda: (prometheus.value(one) or 0) >= base + 300, 'the packets')
        agent.end(signal.SIGKILL)
        send(200)
        agent = Agent(port=agent.port)
        wait_for(lambda: (prometheus.value(one) or 0) >= base + 500, 'those of while no agent ran')
    now = wait_for(lambda: prometheus.value(one), 'one more scrape')
    check(base + 500 <= now <= base + 540, 'packets: %r' % now)
    equal(prometheus.value('resets(%s[1m])' % one), 0, 'resets of a pinned counter')
    agent.end()
    agent = Agent(port=agent.port)
    wait_for(lambda: (prometheus.value(exported) or 0) >= base + 500, 'what was exported')
    equal(wait_for(lambda: prometheus.query('flowctl_build_info'), 'what is running')[0][0]['version'],
          run(find_flowctl(), 'version').stdout.split()[1], 'the version')
    prometheus.p.terminate()
    agent.end()


def handshakes(n):
    with inside(b):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('10.7.2.2', 80))
        s.listen(64)
    for _ in range(n):
        with inside(a):
            c = socket.socket()
        c.connect(('10.7.2.2', 80))
        d, _ = s.accept()
        c.close()
        d.close()
    s.close()


@test
def every_segment_of_a_connection_counts_whichever_way_it_goes_in_the_program():
    agent = Agent()
    name = 'flowctl_tcp_segments_total{netns="%s"}' % r
    before = agent.samples()[name]
    with inside(b):
        listener = socket.create_server(('10.7.2.2', 80))
    with inside(a):
        c = socket.socket()
    c.connect(('10.7.2.2', 80))
    d, _ = listener.accept()
    for _ in range(100):
        c.send(b'x')
        d.recv(1)
        d.send(b'y')
        c.recv(1)
    for s in c, d, listener:
        s.close()
    wait_for(lambda: agent.samples()[name] >= before + 200, 'each octet in a segment of its own')
    agent.end()


@test
def each_handshake_counts_once_and_rtt_has_a_histogram_where_it_is_wanted():
    agent = Agent('  rtt: true\n')
    before = agent.samples()
    handshakes(7)
    wait_for(lambda: agent.samples()['flowctl_handshake_seconds_count'] >= 7, 'the handshakes')
    s = agent.samples()
    equal(s['flowctl_handshake_seconds_count'], 7, 'handshakes')
    equal(s['flowctl_handshake_seconds_bucket{le="+Inf"}'], 7, 'the last bucket')
    check(0 < s['flowctl_handshake_seconds_sum'] < 7, 'their sum')
    check(s['flowctl_rtt_seconds_count'] >= 7 + before['flowctl_rtt_seconds_count'], 'RTT samples')
    q = net.flowctl('latency', '--netns', r, '-n', 'eth0', '--count', '1', ok=False)
    check(q.returncode == 1 and 'watches' in q.stderr, q.stderr)
    agent.write()
    agent.p.send_signal(signal.SIGHUP)
    wait_for(lambda: 'flowctl_rtt_seconds_count' not in agent.samples(), 'no RTT any more')
    agent.end()


@test
def ready_is_who_exports():
    agent = Agent()
    equal(agent.get('/readyz')[0], 200, '/readyz')
    agent.write(outputs='- collector: {remoteAddress: "127.0.0.1:%d", transport: tcp}' % free_port())
    agent.p.send_signal(signal.SIGHUP)
    wait_for(lambda: agent.get('/readyz')[0] == 503, 'nobody listens there')
    check('no output works: tcp://' in agent.get('/readyz')[2], agent.get('/readyz')[2])
    for path, method, status in (('/healthz', 'GET', 200), ('/metrics', 'HEAD', 200), ('/', 'GET', 404),
                                 ('/metrics', 'POST', 405), ('/metrics', 'DELETE', 405)):
        equal(agent.get(path, method=method)[0], status, method + ' ' + path)
    agent.end()


@test
def a_reload_moves_the_listener_and_a_taken_port_is_told():
    agent = Agent()
    taken = socket.socket()
    taken.bind(('127.0.0.1', 0))
    taken.listen(1)
    agent.write(listen='127.0.0.1:%d' % taken.getsockname()[1])
    agent.p.send_signal(signal.SIGHUP)
    wait_for(lambda: 'Address already in use; the running configuration stays' in agent.said(), 'the refusal')
    equal(agent.samples()['flowctl_config_reload_ok'], 0, 'reload_ok')
    refused = len(agent.said())
    moves = ['0.0.0.0:%d' % agent.port, '[::]:%d' % agent.port, '127.0.0.1:%d' % agent.port]
    for n, listen in enumerate(moves, 1):
        agent.write(listen=listen)
        agent.p.send_signal(signal.SIGHUP)
        end = time.monotonic() + 30
        while agent.said().count('configuration read again') < n:
            equal(agent.get('/healthz')[0], 200, 'while it moves to ' + listen)
            check(time.monotonic() < end, 'it does not move: ' + agent.said())
        equal(agent.get('/healthz')[0], 200, 'at ' + listen)
    second = free_port()
    agent.write(listen='[::1]:%d' % second)
    agent.p.send_signal(signal.SIGHUP)
    agent.host, old, agent.port = '::1', agent.port, second
    wait_for(agent.answers, 'the other family')
    agent.host = '127.0.0.1'

    def is_closed():
        try:
            socket.create_connection(('127.0.0.1', old), 0.2).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            pass
    wait_for(is_closed, 'the old port to be free')
    # There and back, before those that were followed have gone.
    done = agent.said().count('configuration read again')
    for n in range(6):
        agent.port = (old, second)[n % 2]
        agent.write()
        agent.p.send_signal(signal.SIGHUP)
        wait_for(lambda: agent.said().count('configuration read again') > done + n or 'stays' in agent.said()[refused:], 'the reload')
        equal(agent.said()[refused:].count('stays'), 0, 'moves to %d that are refused' % agent.port)
    equal(agent.get('/healthz')[0], 200, 'where it came to rest')
    agent.end()
    agent = Agent(port=taken.getsockname()[1], ok=False)
    equal(agent.p.wait(60), 1, 'the exit status')
    check("cannot serve metrics at '127.0.0.1:%d': Address already in use" % agent.port in agent.said(), agent.said())
    taken.close()


@test
def hostile_clients_harm_nothing():
    agent = Agent()
    slow = []
    for i in range(200):
        s = socket.create_connection(('127.0.0.1', agent.port), 5)
        s.send([b'GET /metrics HTTP/1.1\r\nHost: x\r\nX-', b'\x16\x03\x01\x02\x00\x01\xff\xff\xff', b'', b'G'][i % 4])
        slow.append(s)
        if i % 40 == 39:
            began = time.monotonic()
            equal(agent.get()[0], 200, 'an honest client')
            check(time.monotonic() - began < 8, 'it waited')    # those who say nothing are let go after 15 s
    check(len(os.listdir('/proc/%d/fd' % agent.p.pid)) < 200, 'too many descriptors')
    garbage = (b'\0' * 4096, os.urandom(4096), b'GET ' + b'/' * 100000 + b' HTTP/1.1\r\n\r\n',
               b'GET /metrics HTTP/1.1\r\n' + b'A: b\r\n' * 20000 + b'\r\n',
               b'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n' + b'x' * 65536,
               b'GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n',
               b'GET /%00%ff%2e%2e/metrics HTTP/1.0\r\n\r\n', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    for data in garbage:
        s = socket.create_connection(('127.0.0.1', agent.port), 5)
        s.settimeout(0.3)
        try:
            s.sendall(data)
            check(not s.recv(65536).startswith(b'HTTP/1.1 200') or b'/metrics HTTP/1.1\r\nHost' in data[:40], repr(data[:40]))
        except OSError:
            pass
        s.close()
        equal(agent.get()[0], 200, 'after %r' % data[:40])
    for s in slow:
        s.close()
    memory = agent.samples()['process_resident_memory_bytes']
    for _ in range(300):
        agent.get('/healthz')
    check(agent.samples()['process_resident_memory_bytes'] < memory + (4 << 20), 'it grows')
    agent.end()


# -- forwarding latency

def pair(s, ingress, egress, what):
    return s.get('flowctl_forwarding_latency_seconds_%s{netns="%s",ingress="%s",egress="%s"}' % (what, r, ingress, egress), 0)


def results(s):
    return {k: s.get('flowctl_forwarding_samples_total{netns="%s",result="%s"}' % (r, k), 0)
            for k in ('noted', 'measured', 'unmatched', 'elsewhere', 'ambiguous', 'replaced', 'late')}


def told(direction, dev):
    """What meter status says of a hook: packets timed, and the sum of their times in seconds."""
    f = next(m for m in net.json('meter', 'status', '--netns', r) if (m['direction'], m['iface']) == (direction, dev))['forwarding']
    return f['samples'], (f['avg_ns'] or 0) * f['samples'] / 1e9


@test
def forwarding_latency_is_what_a_delay_in_the_router_makes_it():
    net.flowctl('meter', 'attach', '--netns', r, '--all', '--forwarding-latency', '1')
    agent = Agent()
    with sink_of(b, 9):
        send(1)             # who is where
        for _ in range(3):      # unless the machine was busy with something else just then
            before = agent.samples()
            send(200)
            wait_for(lambda: pair(agent.samples(), 'eth0', 'eth1', 'count') >= pair(before, 'eth0', 'eth1', 'count') + 200, 'the samples')
            s = agent.samples()
            fast = pair(s, 'eth0', 'eth1', 'sum') - pair(before, 'eth0', 'eth1', 'sum')
            if fast / 200 < 0.005:
                break
        check(0 < fast / 200 < 0.005, 'a mean of %g s' % (fast / 200))
        # A neighbour that does not answer yet holds its packets: for as long as we say.
        net.ip(b, 'link', 'set', 'eth0', 'arp', 'off')
        net.ip(r, 'neigh', 'flush', 'dev', 'eth1')
        net.sysctl(r, 'net.ipv4.neigh.eth1.mcast_solicit', 30)
        shown = {hook: told(*hook) for hook in (('ingress', 'eth0'), ('egress', 'eth1'))}
        before, began = agent.samples(), time.monotonic()
        send(3)
        sent = time.monotonic()
        time.sleep(0.6)
        left = time.monotonic()
        net.ip(r, 'neigh', 'replace', '10.7.2.2', 'lladdr', ':'.join('%02x' % x for x in net.mac(b, 'eth0')), 'dev', 'eth1')
        wait_for(lambda: pair(agent.samples(), 'eth0', 'eth1', 'count') >= pair(before, 'eth0', 'eth1', 'count') + 3, 'the held ones')
        ended = time.monotonic()
        s = agent.samples()
        mean = (pair(s, 'eth0', 'eth1', 'sum') - pair(before, 'eth0', 'eth1', 'sum')) / 3
        check(left - sent <= mean <= ended - began, 'a mean of %g s, held for %g' % (mean, left - began))
        for hook in shown:
            n, sum_ = (now - then for now, then in zip(told(*hook), shown[hook]))
            check(n >= 3 and 3 * (left - sent) <= sum_ <= 3 * (ended - began) + 0.01, '%r: %d took %g s' % (hook, n, sum_))
        heads, *rows = [line.split() for line in net.flowctl('meter', 'status', '--netns', r).stdout.splitlines()]
        equal(heads[-3:], ['FORWARDED', 'FORWARD-AVG-US', 'FORWARD-P99-US'], 'heads')
        row = next(x for x in rows if 'eth0' in x and 'ingress' in x)
        check(int(row[-3]) >= 203 and 0 < float(row[-2]) < float(row[-1]), 'the row %r' % row)
        net.ip(b, 'link', 'set', 'eth0', 'arp', 'on')
    agent.end()


@test
def what_is_not_forwarded_as_it_came_is_counted_and_not_measured():
    agent = Agent()
    before = agent.samples()
    # For the router itself: noted, and never seen again.
    with inside(a):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sink_of(r, 99):
        for _ in range(5):
            s.sendto(os.urandom(40), ('10.7.1.1', 99))
        wait_for(lambda: results(agent.samples())['noted'] >= results(before)['noted'] + 5, 'the notes')
    equal(pair(agent.samples(), 'eth0', 'eth1', 'count'), pair(before, 'eth0', 'eth1', 'count'), 'measured')
    # Rewritten on their way: other addresses, no note.
    net.exec(r, 'nft', 'add table ip t; add chain ip t p { type nat hook postrouting priority 100 ; }; '
             'add rule ip t p oifname eth1 masquerade')
    before = agent.samples()
    with sink_of(b, 9):
        send(10, sport=4100)
        wait_for(lambda: results(agent.samples())['unmatched'] >= results(before)['unmatched'] + 10, 'those')
    equal(pair(agent.samples(), 'eth0', 'eth1', 'count'), pair(before, 'eth0', 'eth1', 'count'), 'measured')
    net.exec(r, 'nft', 'delete table ip t')
    agent.end()


@test
def the_histogram_survives_the_agent_and_goes_with_the_meters():
    agent = Agent()
    before = agent.samples()
    agent.end(signal.SIGKILL)
    with sink_of(b, 9):
        send(20, sport=4200)
    agent = Agent()
    check(pair(agent.samples(), 'eth0', 'eth1', 'count') >= pair(before, 'eth0', 'eth1', 'count') + 20, 'samples')
    check(all(v >= before[k] for k, v in agent.samples().items() if 'forwarding_' in k and k in before), 'one went back')
    agent.end()
    net.flowctl('meter', 'attach', '--netns', r, '--all', '--forwarding-latency', '0')
    agent = Agent()
    before = results(agent.samples())
    with sink_of(b, 9):
        send(20, sport=4300)
    equal(results(agent.samples()), before, 'what is measured when it is off')
    agent.end()


@test
def labels_do_not_grow_with_traffic():
    agent = Agent()
    with sink_of(b, 9):
        send(5)
        before = agent.samples().keys()
        for port in range(5000, 5200):
            send(1, sport=port)
        equal(agent.samples().keys() - before, set(), 'new series')
    # An interface of the same name comes again: one series, from 0.
    net.ip(r, 'link', 'add', 'dum0', 'type', 'veth', 'peer', 'name', 'dum1')
    net.ip(r, 'link', 'set', 'dum0', 'up')
    net.flowctl('meter', 'attach', '--netns', r, '-n', 'dum0')
    wait_for(lambda: 'flowctl_packets_total' + named('dum0', 'egress') in agent.samples(), 'dum0')
    net.ip(r, 'link', 'del', 'dum0')
    net.ip(r, 'link', 'add', 'dum0', 'type', 'veth', 'peer', 'name', 'dum1')
    net.ip(r, 'link', 'set', 'dum0', 'up')
    net.flowctl('meter', 'attach', '--netns', r, '-n', 'dum0')
    for _ in range(10):
        names = [line.rsplit(' ', 1)[0] for line in agent.get()[2].splitlines() if line[0] != '#']
        equal(len(names), len(set(names)), 'series')
        time.sleep(0.1)
    agent.end()


main(net, setup)
