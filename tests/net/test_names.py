#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Names of hosts, by a DNS server of the test's own that is right, slow, away or lying; and names
of interfaces and namespaces, escape sequences among them, in every output."""
import csv, io, tempfile, threading

from lib import *

net = Net('names')
PEERS = ['10.53.0.%d' % i for i in range(10, 30)]


class Dns(threading.Thread):
    """Answers PTR questions in namespace @ns as it is told to."""
    def __init__(self, ns, addr):
        super().__init__(daemon=True)
        with inside(ns):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((addr, 53))
        self.mode, self.asked = 'right', []
        self.start()

    def name(self, question):
        if self.mode == 'lying':
            return [b'evil\x1b[31m', b'\nfl ow', b'example']
        return [b'host-' + question[0], b'example', b'test']

    def answer(self, data):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]])
            at += 1 + data[at]
        question = data[12:at + 5]
        self.asked.append('.'.join(x.decode() for x in labels[3::-1]))
        name = b''.join(bytes([len(x)]) + x for x in self.name(labels)) + b'\0'
        return (data[:2] + b'\x81\x80\0\1\0\1\0\0\0\0' + question + b'\xc0\x0c\0\x0c\0\1\0\0\0\x3c' +
                struct.pack('!H', len(name)) + name)

    def reply(self, data, who):
        if self.mode == 'slow':
            time.sleep(0.5)
        self.sock.sendto(self.answer(data), who)

    def run(self):
        while True:
            data, who = self.sock.recvfrom(1500)
            if self.mode != 'away':
                threading.Thread(target=self.reply, args=(data, who), daemon=True).start()


def setup():
    global a, b, dns, folder, wire
    a, b = net.ns('a'), net.ns('b')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.default.disable_ipv6', 1)
    net.veth(a, 'eth0', b, 'eth0', '10.53.0.1/24', '10.53.0.2/24')
    net.veth(a, 'dns', b, 'dns', '10.54.0.1/24', '10.54.0.2/24')
    net.ip(a, 'link', 'set', 'eth0', 'arp', 'off')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress')
    folder = tempfile.mkdtemp(prefix='flowctl-names-')
    net.cleanups.append(lambda: run('rm', '-r', folder))
    for name, text in (('resolv.conf', 'nameserver 10.54.0.1\n'), ('nsswitch.conf', 'hosts: files dns\n'),
                       ('hosts', '127.0.0.1 localhost\n10.53.0.9 a\x1b[31mb\x07.example\n')):
        with open('%s/%s' % (folder, name), 'w') as f:
            f.write(text)
    dns, wire = Dns(a, '10.54.0.1'), Wire(a, 'eth0')
    send(PEERS)


def send(sources, sport=1000):
    seen = net.json('meter', 'status')[0]['packets']
    for src in sources:
        wire.send(eth(net.mac(b, 'eth0'), net.mac(a, 'eth0'), 0x800, ipv4(src, '10.53.0.2', 17, udp(sport, 9, b'abc'))))
    wait_for(lambda: net.json('meter', 'status')[0]['packets'] == seen + len(sources), 'the packets')


def with_resolver(*words):
    """flowctl in namespace b, with the test's resolver files in a mount namespace of its own."""
    script = ''.join('mount --bind %s/%s /etc/%s && ' % (folder, f, f)
                     for f in ('resolv.conf', 'nsswitch.conf', 'hosts')) + 'exec "$@"'
    return ['unshare', '-m', 'sh', '-c', script, 'sh', 'nsenter', '--net=/run/netns/' + b, find_flowctl(), '--bpffs',
            net.bpffs, *words]


def dump(*words):
    begin = time.monotonic()
    r = run(*with_resolver('dump', *words))
    return r.stdout, time.monotonic() - begin


def name_of(addr):
    return 'host-%s.example.test' % addr.split('.')[3]


@test
def without_being_asked_nobody_is_asked():
    text, _ = dump('-o', 'json')
    check('hostname' not in text and '10.53.0.10' in text, text)
    equal(dns.asked, [], 'what was asked for')


@test
def names_stand_in_the_table_and_at_the_end_of_a_record():
    text, _ = dump('--resolve')
    for p in PEERS:
        check('%s:1000' % name_of(p) in text, text)
    equal(text.split()[:6], 'IFINDEX PROTO SRC DST PKTS BYTES'.split(), 'the head')
    for r in json.loads(dump('--resolve', '-o', 'json')[0]):
        equal(list(r)[-2:], ['src_hostname', 'dst_hostname'], 'the last keys')
        equal((r['src_hostname'], r['dst_hostname']), (name_of(r['src_ip']), 'host-2.example.test'))
    rows = list(csv.DictReader(io.StringIO(dump('-o', 'csv', '--columns', 'src_ip,src_hostname')[0])))
    equal({r['src_ip']: r['src_hostname'] for r in rows}, {p: name_of(p) for p in PEERS}, 'csv')


@test
def a_slow_resolver_is_asked_many_things_at_a_time():
    dns.mode = 'slow'
    text, took = dump('--resolve', '--columns', 'src_hostname')
    for p in PEERS:
        check(name_of(p) in text, '%s after %.1f s: %s' % (p, took, text))


@test
def a_resolver_that_is_away_costs_two_seconds_and_no_flow():
    dns.mode = 'away'
    text, took = dump('--resolve')
    for p in PEERS:
        check('\n' in text and p + ':1000' in text, text)
    check(2 <= took < 6, 'it took %.1f s' % took)


@test
def what_a_liar_says_moves_no_cursor():
    dns.mode = 'lying'
    send(['10.53.0.9'])
    for words in ([], ['-o', 'wide'], ['-o', 'json'], ['-o', 'csv']):
        text, _ = dump('--resolve', *words)
        check('\x1b' not in text and '\x07' not in text, repr(text))
    text, _ = dump('--resolve', '-s', '10.53.0.9')
    check('a?[31mb?.example:1000' in text, repr(text))


def log_of(names, mode, sport):
    """What an agent that begins anew writes of flows from @sport, and how long it took."""
    dns.mode = mode
    log, conf = '%s/log-%d' % (folder, sport), folder + '/conf.yaml'
    with open(conf, 'w') as f:
        f.write('count: all\nidleTimeoutSeconds: 2\noutputs:\n- log: {file: %s, resolve: true}\n'
                '- log: {file: %s-text, format: text, resolve: true}\n- log: {file: %s-plain}\n' % (log, log, log))
    with open(folder + '/words', 'w') as words:
        agent = subprocess.Popen(with_resolver('agent', '-c', conf), stderr=words)
    net.procs.append(agent)
    wait_for(lambda: 'exporting' in open(folder + '/words').read(), 'the agent')
    begin = time.monotonic()
    send(names, sport)
    mine = lambda: [r for r in json_lines(log) if r['src_port'] == sport]
    wait_for(lambda: len(mine()) == len(names), 'the records')
    took = time.monotonic() - begin
    agent.terminate()
    equal(agent.wait(60), 0, "the agent's exit status")
    with open(log + '-plain') as f:
        check('hostname' not in f.read(), 'names where nobody asked for them')
    with open(log + '-text') as f:
        return mine(), f.read(), took


@test
def a_log_has_names_where_it_is_to_have_them():
    records, text, _ = log_of(PEERS[:5], 'right', 2000)
    for r in records:
        equal(list(r)[-2:], ['src_hostname', 'dst_hostname'], 'the last keys')
        equal(r['src_hostname'], name_of(r['src_ip']))
        check(' src_hostname=%s dst_hostname=host-2.example.test\n' % r['src_hostname'] in text, text)


@test
def an_agent_does_not_wait_for_a_resolver_that_is_away():
    records, text, took = log_of(PEERS, 'away', 3000)
    equal({(r['src_hostname'], r['dst_hostname']) for r in records}, {(None, None)})
    check('hostname' not in text, text)
    check(took < 9, 'records of 2 s of silence took %.1f s' % took)


@test
def top_has_names_as_they_become_known():
    dns.mode = 'right'
    top = net.spawn(*with_resolver('top', '-n', 'eth0', '-b', '--interval', '300ms', '--count', '100', '--resolve', '--filter', 'dport 9'),
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    check('PROTOCOL' in top.stdout.readline(), 'a list')
    send(PEERS, sport=2000)
    wanted, seen = {name_of(p) + ':2000' for p in PEERS}, set()
    for line in top.stdout:
        seen |= {w for w in line.split() if w.endswith(':2000')}
        if wanted <= seen:
            break
    top.terminate()
    equal(wanted - seen, set(), 'names that never came')
    top.stdout.close()
    top.wait(60)


@test
def names_of_interfaces_and_namespaces_are_in_every_output():
    odd = 'e\x1b[1mx'
    net.ip(b, 'link', 'add', odd, 'type', 'veth', 'peer', 'name', 'peer')
    net.ip(b, 'link', 'set', 'peer', 'up')
    net.ip(b, 'addr', 'add', '10.55.0.1/24', 'dev', odd)
    net.ip(b, 'link', 'set', odd, 'up')
    net.flowctl('meter', 'attach', '--netns', b, '-n', odd, '--direction', 'egress')
    with inside(b):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(b'abc', ('10.55.0.255', 7))
    wide = net.flowctl('dump', '-n', odd, '-o', 'wide').stdout
    check(b in wide and 'e?[1mx' in wide and '\x1b' not in wide, repr(wide))
    for words in ['-o', 'json'], ['-o', 'ndjson']:
        text = net.flowctl('dump', '-n', odd, *words).stdout
        r = json.loads(text.splitlines()[0].strip('[],') if words[1] == 'ndjson' else text)
        r = r[0] if isinstance(r, list) else r
        equal((r['netns'], r['iface']), (b, odd), 'names in ' + words[1])
        check('\x1b' not in text, repr(text))
    text = net.flowctl('dump', '-n', odd, '-o', 'csv').stdout
    check('\x1b' not in text and b in text, repr(text))
    for words in ['meter', 'status'], ['audit'], ['meter', 'attach', '--netns', b, '-n', odd]:
        text = net.flowctl(*words).stdout
        check(b in text and '\x1b' not in text and 'e?[1mx' in text, repr(text))


main(net, setup)
