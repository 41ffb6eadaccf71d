#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`flowctl audit`: known packets in every count, what each output was handed, a ledger that was
made wrong on purpose, packets that do not rest, and what is left when meters go."""
import mmap
import threading

from lib import *
from traffic import balanced, sum_of

net = Net('audit')
LOSSES = 'full unparsed non_ip sampled_out aged'.split()
METERED = 'held exported flushed duplicate self undelivered aged'.split()


def setup():
    global a, b, wires, macs
    a, b, other = net.ns('a'), net.ns('b'), net.ns('other')
    wires = {}
    for ns in b, other:
        net.sysctl(ns, 'net.ipv6.conf.default.disable_ipv6', 1)
    net.sysctl(a, 'net.ipv6.conf.default.disable_ipv6', 1)
    for i in range(2):
        net.veth(a, 'to%d' % i, b, 'eth%d' % i)
        net.ip(a, 'link', 'set', 'to%d' % i, 'arp', 'off')
        wires['eth%d' % i] = Wire(a, 'to%d' % i)
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth*', '--direction', 'ingress')
    net.flowctl('meter', 'attach', '--netns', other, '-n', 'lo')


def frame(dev, payload):
    return eth(net.mac(b, dev), net.mac(a, 'to' + dev[-1]), 0x800, payload)


def send(dev, n, sport=1):
    """@n packets of UDP of 31 bytes, all of one flow."""
    f = frame(dev, ipv4('10.1.0.1', '10.1.0.2', 17, udp(sport, 9, b'abc')))
    for _ in range(n):
        wires[dev].send(f)


def audit(*args, status=0):
    r = net.flowctl('audit', '--netns', b, '-o', 'json', *args, ok=False)
    equal(r.returncode, status, 'exit status; %s' % r.stderr)
    return json.loads(r.stdout), r.stderr


def hooks(doc):
    return {h['iface']: h for h in doc['hooks']}


def pair(count):
    return count['packets'], count['bytes']


@test
def every_packet_is_in_one_count_of_its_hook():
    send('eth0', 5)
    send('eth0', 2, sport=2)
    send('eth1', 3)
    wires['eth0'].send(frame('eth0', b'')[:12] + b'\x08\x06' + bytes(46))
    wires['eth0'].send(frame('eth0', b'\x4f' + bytes(45)))
    doc, _ = audit()
    h = hooks(doc)
    equal(doc['balanced'], True)
    equal((pair(h['eth0']['seen'])[0], pair(h['eth0']['held'])), (9, (7, 7 * 31)), 'eth0: seen and held')
    equal((h['eth0']['non_ip']['packets'], h['eth0']['unparsed']['packets']), (1, 1), 'eth0: the losses')
    equal((pair(h['eth1']['seen']), pair(h['eth1']['held'])), ((3, 93), (3, 93)), 'eth1: seen and held')
    for row in doc['hooks'] + doc['sums']:
        for unit in 'packets', 'bytes':
            metered = sum(row[k][unit] for k in METERED)
            equal(row['metered'][unit], metered, 'metered ' + unit)
            equal(row['seen'][unit], metered + sum(row[k][unit] for k in LOSSES if k != 'aged'), 'seen ' + unit)
            equal(row['missing'][unit], 0, 'missing ' + unit)
        equal(row['verdict'], 'balanced')


@test
def a_namespace_has_the_sum_of_its_hooks():
    doc, _ = audit()
    total, = doc['sums']
    equal(total['netns'], b)
    for k in 'seen', 'held', 'non_ip', 'unparsed':
        equal(total[k], {u: sum(h[k][u] for h in doc['hooks']) for u in ('packets', 'bytes')}, k)


@test
def the_table_says_the_same_and_takes_columns():
    lines = [l.split() for l in net.flowctl('audit', '--netns', b).stdout.splitlines()]
    equal([l[1] for l in lines], ['IFACE', 'eth0', 'eth1', '*'])
    text = net.flowctl('audit', '--netns', b, '--columns', 'iface,held_bytes,verdict').stdout
    equal([l.split() for l in text.splitlines()][1], ['eth0', '217', 'balanced'])
    text = net.flowctl('audit', '--netns', b, '--columns', 'iface,held_bytes', '-H', '--watch=50ms', '--times', '2')
    equal(text.stdout.count('IFACE'), 2, 'reports')


@test
def what_an_agent_exports_is_told_by_output_and_at_its_end():
    log, conf = net.bpffs.replace('/sys/fs/bpf/', '/tmp/'), net.bpffs.replace('/sys/fs/bpf/', '/tmp/') + '.yaml'
    net.cleanups.append(lambda: [os.path.exists(p) and os.unlink(p) for p in (log, conf)])
    with open(conf, 'w') as f:
        f.write('count: all\noutputs:\n- log: {file: %s}\n- collector: {remoteAddress: "127.0.0.1:9"}\n' % log)
    agent = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', conf, stderr=subprocess.PIPE, text=True)
    for line in agent.stderr:
        if 'exporting' in line:
            break
    send('eth1', 4, sport=5)
    wait_for(lambda: hooks(audit()[0])['eth1']['seen']['packets'] == 7, 'the packets')
    agent.terminate()
    words = agent.communicate(timeout=60)[1]
    equal(agent.returncode, 0, "the agent's exit status")
    h = hooks(audit()[0])
    with open(log) as f:
        records = [json.loads(line) for line in f]
    for dev, wanted in ('eth0', 7), ('eth1', 7):
        mine = [r for r in records if r['netns'] == b and r['iface'] == dev]
        equal((pair(h[dev]['exported']), h[dev]['held']['packets']), (sum_of(mine), 0), dev + ': exported and held')
        equal(h[dev]['exported']['packets'], wanted, dev)
        outputs = {o['output']: (o['records'], (o['packets'], o['bytes'])) for o in h[dev]['outputs']}
        equal(outputs, {o: (len(mine), sum_of(mine)) for o in ('log:' + log, 'udp://127.0.0.1:9')}, 'outputs')
    check('ledger of %s:eth0:ingress in packets: seen 9, unparsed 1, non_ip 1, exported 7\n' % b in words, words)
    check('ledger of %s:eth1:ingress in packets: seen 7, exported 7\n' % b in words, words)
    text = net.flowctl('audit', '--netns', b).stdout
    check('\nNETNS' in text and 'OUTPUT' in text and 'udp://127.0.0.1:9' in text, text)


@test
def a_meter_taken_off_leaves_its_ledger_for_as_long_as_flows_are_held():
    send('eth1', 2, sport=8)
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth1')
    h = hooks(audit()[0])
    equal((h['eth1']['taken_off'], h['eth0']['taken_off']), (True, False), 'taken off')
    equal((h['eth1']['held']['packets'], h['eth1']['seen']['packets']), (2, 9), 'held and seen')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth1', '--direction', 'ingress')
    equal(hooks(audit()[0])['eth1']['seen']['packets'], 9, 'seen by what came back')


class Ledger:
    """The pinned ledger of a hook, opened as the program's own: see struct hook_entry."""
    ENTRY, EXPORTED = 384, 5

    def __init__(self, ns, dev):
        with inside(ns):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            cookie, = struct.unpack('Q', s.getsockopt(socket.SOL_SOCKET, 71, 8))    # SO_NETNS_COOKIE
            s.close()
        fd = obj_get('%s/flowctl/%d/hook_%d_0' % (net.bpffs, cookie, net.ifindex(ns, dev)))
        with open('/proc/self/fdinfo/%d' % fd) as f:
            info = dict(line.split(':', 1) for line in f)
        equal(int(info['value_size']), self.ENTRY, 'the size of an entry')
        n = int(info['max_entries'])
        self.map = mmap.mmap(fd, -(-self.ENTRY * n // mmap.PAGESIZE) * mmap.PAGESIZE)
        self.at = (n - 1) * self.ENTRY + self.EXPORTED * 16
        os.close(fd)

    def add(self, packets, octets):
        was = struct.unpack_from('qq', self.map, self.at)
        struct.pack_into('qq', self.map, self.at, was[0] + packets, was[1] + octets)


@test
def a_ledger_that_does_not_balance_is_told_with_exit_status_1():
    ledger = Ledger(b, 'eth0')
    for packets, octets in (-3, -93), (0, 1), (2, 0):
        ledger.add(packets, octets)
        doc, words = audit(status=1)
        h = hooks(doc)
        equal((doc['balanced'], h['eth0']['verdict'], h['eth1']['verdict']), (False, 'unbalanced', 'balanced'))
        equal(pair(h['eth0']['missing']), (-packets, -octets), 'missing')
        equal(doc['sums'][0]['verdict'], 'unbalanced', 'the sum')
        check('the ledger of %s:eth0:ingress does not balance: %d packets of %d bytes are missing' %
              (b, -packets, -octets) in words, words)
        equal(len(words.splitlines()), 1, words)
        # Another namespace's is none of its business; and --live judges nothing.
        net.flowctl('audit', '--netns', net.names[2])
        doc, _ = audit('--live')
        equal((doc['balanced'], hooks(doc)['eth0']['verdict']), (None, None), 'judged')
        ledger.add(-packets, -octets)
        equal(audit()[0]['balanced'], True, 'put right')


@test
def the_harness_sees_it_too():
    ledger = Ledger(b, 'eth0')
    ledger.add(1, 0)
    net.audit('now')
    ledger.add(-1, 0)
    equal((len(net.unbalanced), 'does not balance' in net.unbalanced[0]), (1, True), 'what it found')
    net.unbalanced.clear()


class Sender(threading.Thread):
    """Packets all the time, until it is told to stop."""
    def __init__(self):
        super().__init__()
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            send('eth0', 50)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


@test
def what_does_not_rest_is_not_judged_and_not_waited_for_for_ever():
    ledger = Ledger(b, 'eth0')
    ledger.add(5, 0)
    try:
        with Sender():
            begin = time.monotonic()
            doc, words = audit('--wait', '400ms', status=1)
            took = time.monotonic() - begin
            equal(hooks(doc)['eth0']['verdict'], 'moving')
            check('eth0:ingress does not come to rest' in words and '--live' in words, words)
            check(0.4 <= took < 10, 'it took %.1f s' % took)
            doc, _ = audit('--live')
            equal(doc['balanced'], None)
    finally:
        ledger.add(-5, 0)


@test
def after_the_last_meter_nothing_is_left_to_be_told():
    net.flowctl('meter', 'detach', '--all')
    equal(net.json('audit'), {'balanced': True, 'hooks': [], 'sums': []})
    equal(len(net.flowctl('audit').stdout.splitlines()), 1, 'lines')


main(net, setup)
