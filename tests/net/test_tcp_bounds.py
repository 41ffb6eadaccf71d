#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is remembered of connections is bounded, and what does not fit is counted and never mixed
with another: floods of handshakes and of segments from nowhere, more connections than there is
room for, thousands at a time."""
import shutil
from collections import Counter

from tcplive import *

net = Net('tcpb')
FLOOD = 100000


def setup():
    global path
    path = Path(net)


def status(ns):
    """One row of a namespace's meters: all have the same table."""
    return net.json('meter', 'status', '--netns', ns)[0]


class Raw:
    """TCP frames on the cable between client and near, which near's stack throws away: to nobody's MAC."""
    def __init__(self):
        os.sched_setaffinity(0, {0})    # from two CPUs frames may overtake each other
        self.wire = Wire(path.client, 'eth0')
        self.seed, self.macs = random.Random(5), (bytes.fromhex('020000000001'), net.mac(path.client, 'eth0'))

    def send(self, src, dst, *segment, **more):
        v6 = ':' in src
        ip = (ipv6 if v6 else ipv4)(src, dst, 6, tcp(*segment, **more))
        self.wire.send(eth(*self.macs, 0x86dd if v6 else 0x800, ip))

    def flood(self, n, flags, payload=b''):
        """From @n random addresses, each one segment."""
        head = eth(*self.macs, 0x800)
        for _ in range(n):
            a = self.seed.getrandbits(64)
            self.wire.send(head + ipv4('100.%d.%d.%d' % (a >> 8 & 255, a >> 16 & 255, a & 255), '10.92.0.2', 6,
                                       tcp(1024 + (a >> 24) % 60000, 5001, flags, payload, seq=a >> 32)))

    def close(self):
        os.sched_setaffinity(0, range(os.cpu_count()))
        self.wire.close()


def figures(seen, conns):
    """What is known of connections that rest. Not the time of day: every reading asks the clocks anew how far they
    are apart, to a microsecond or two."""
    keep = [k for k in seen.records[0] if k not in ('timestamp', 'end_reason', 'first_seen', 'last_seen')]
    return {(c.port, 'up' if up else 'down', k): seen.of(c, up)[k] for c in conns for up in (True, False) for k in keep}


def flooded(flood):
    """A few connections over a lossy wire, @flood() in the midst of each; their figures, before and after."""
    path.clean()
    path.open('--loss', '20', '--delay', '10ms')
    net.flowctl('meter', 'attach', '--netns', path.near, '--all')
    memory = status(path.near)['memory_bytes']
    resting = Crowd(path)
    for i in range(10):
        resting.add(up=50000 + i, down=1000, v6=i % 2 == 1)
    resting.run()
    before = figures(Health(net, path.near), resting.conns)

    raw, rounds = Raw(), [FLOOD // 10] * 10

    def between():
        if rounds and len(alive.conns) == alive.open_n and not alive.accepted:     # all are established
            flood(raw, rounds.pop())
    alive = Crowd(path)
    for i in range(10):
        alive.add(up=100000 + i, down=1000, v6=i % 2 == 1, until=lambda: not rounds)
    alive.run(between=between)
    raw.close()
    seen = Health(net, path.near)
    now, s = figures(seen, resting.conns), status(path.near)
    other = {k: (before[k], now[k]) for k in before if now[k] != before[k]}
    check(not other, 'of connections that rest, before and now: %s; %s' % (other, s['tcp']))
    for c in alive.conns:
        r = seen.of(c, True)
        lacks = c.client['total_retrans'] - r['retransmissions']
        check(0 <= lacks <= s['tcp']['busy'], '%d of %d retransmissions of port %d not seen under the flood; %s' % (
            lacks, c.client['total_retrans'], c.port, s['tcp']))
        check(r['handshake_latency_us'] is not None, 'no handshake of port %d' % c.port)
    equal(s['memory_bytes'], memory, 'memory')
    path.close()
    net.flowctl('meter', 'detach', '--all')
    return s


@test
def a_flood_of_syns_costs_established_connections_nothing():
    tcp = flooded(lambda raw, n: raw.flood(n, SYN))['tcp']
    check(tcp['half_open_lost'] > 0, 'no handshake gave way: %s' % tcp)
    equal(tcp['replaced'], 0, 'connections that gave way alive')


@test
def a_flood_of_segments_from_nowhere_costs_them_nothing():
    flooded(lambda raw, n: raw.flood(n, ACK, b'x'))


def talk(raw, i, steps):
    """Connection number @i, a step at a time: a handshake, so many segments of data and ACKs, so many of them
    sent once more after each ACK, no end. What differs: how many, and how long they are."""
    client, server, port = '10.96.%d.%d' % (i >> 8 & 255, i & 255), '10.92.0.2', 20000 + (i >> 16)
    up, size = i % 5, 100 + i % 1000
    raw.send(client, server, port, 80, SYN, seq=i)
    yield
    raw.send(server, client, 80, port, SYN | ACK, seq=7 * i, ack=i + 1, window=1000 + i % 5000)
    yield
    raw.send(client, server, port, 80, ACK, seq=i + 1, ack=7 * i + 1)
    for n in range(steps):
        seq = i + 1 + n * size
        yield
        raw.send(client, server, port, 80, ACK, bytes(size), seq=seq, ack=7 * i + 1)
        yield
        raw.send(server, client, 80, port, ACK, seq=7 * i + 1, ack=seq + size, window=1000 + i % 5000)
        if n < up:
            yield
            raw.send(client, server, port, 80, ACK, bytes(size), seq=seq, ack=7 * i + 1)


def mixed(n, at_once, *options):
    """@n scripted connections, @at_once of them open, a step of one taken at random. The records by address."""
    path.clean()
    net.flowctl('meter', 'attach', '--netns', path.near, '-n', 'eth0', '--direction', 'ingress', '--max-flows', 4 * n, *options)
    raw, rng, todo = Raw(), random.Random(3), iter(range(n))
    talks = [talk(raw, next(todo), 5) for _ in range(at_once)]
    while talks:
        k = rng.randrange(len(talks))
        try:
            next(talks[k])
        except StopIteration:
            talks[k] = talks[-1]
            i = next(todo, None)
            if i is None:
                talks.pop()
            else:
                talks[k] = talk(raw, i, 5)
    raw.close()
    records = net.json('dump', '--netns', path.near)
    s = status(path.near)
    net.flowctl('meter', 'detach', '--all')
    return {(r['src_ip'], r['src_port'], r['dst_ip'], r['dst_port']): r for r in records if r['proto'] == 'TCP'}, s


def judge(records, i):
    """What is known of connection number @i is its own: 'whole', 'part' or 'none'."""
    client, port, up, size = '10.96.%d.%d' % (i >> 8 & 255, i & 255), 20000 + (i >> 16), i % 5, 100 + i % 1000
    a, b = records[client, port, '10.92.0.2', 80], records['10.92.0.2', 80, client, port]
    equal((a['packets'], a['bytes']), (7 + up, (7 + up) * 40 + (5 + up) * size), 'packets and bytes of %d' % i)
    # its data segments and its SYN are samples
    got = [a[k] for k in ('retransmissions', 'spurious_retransmits', 'rtt_samples')] + [b['retransmissions']]
    alike = a['max_bytes_in_flight'], b['max_window_size']
    if got == [up, up, 6, 0] and alike == (size, 1000 + i % 5000):
        return 'whole'
    for is_, most in zip(got, (up, up, 6, 0)):
        check(is_ is None or is_ <= most, 'figures %s of connection %d: there were %s' % (got, i, (up, up, 6, 0)))
    # picked up with a segment that was acknowledged already, there is nothing in flight
    check(alike[0] in (None, 0, size), '%s octets in flight of connection %d, not %d' % (alike[0], i, size))
    check(alike[1] in (None, 1000 + i % 5000), 'a window of %s of connection %d' % (alike[1], i))
    return 'none' if a['retransmissions'] is None else 'part'


def judged(n, at_once, *options):
    """How many are whole; what is not so is told of."""
    records, s = mixed(n, at_once, *options)
    kinds = Counter(judge(records, i) for i in range(n))
    gone = s['tcp']['replaced'] + s['tcp']['half_open_lost']
    print('# %s, %s' % (dict(kinds), s['tcp']))
    check(n - kinds['whole'] <= gone, '%s, but only %d are said to have given way' % (dict(kinds), gone))
    return kinds


@test
def of_thousands_open_at_once_each_has_its_own_figures():
    kinds = judged(10000, 3000, '--max-connections', 40000)
    check(kinds['whole'] > 9500, 'only %d are whole' % kinds['whole'])


@test
def what_does_not_fit_is_counted_and_never_mixed():
    kinds = judged(10000, 5000, '--max-connections', 1000)
    check(kinds['none'] + kinds['part'] > 5000, 'nothing gave way')


@test
def two_thousand_real_connections_are_those_of_tcp():
    path.clean()
    path.open('--loss', '30', '--delay', '10ms')
    net.flowctl('meter', 'attach', '--netns', path.near, '--all')
    crowd, n = Crowd(path, at_once=600), 2000
    for i in range(n):
        crowd.add(up=1000 + 13 * i, down=i, v6=i % 2 == 1)
    crowd.run(timeout=60)
    seen = Health(net, path.near)
    path.close()
    s = status(path.near)
    net.flowctl('meter', 'detach', '--all')
    equal((s['tcp']['replaced'], s['tcp']['half_open_lost'], s['tcp']['busy']), (0, 0, 0), 'that gave way')
    for c in crowd.conns:
        r = seen.of(c, True)
        equal(r['retransmissions'], c.client['total_retrans'], 'retransmissions of port %d (%d octets)' % (c.port, c.up))
        head = 52 + 20 * c.v6       # with time stamps; SYN and SACK have more
        least = c.client['bytes_sent'] + r['packets'] * head
        check(least <= r['bytes'] <= least + 12 * r['packets'], 'octets of port %d' % c.port)


CONFIG = """
count: all
timerForceDrainSeconds: 1
idleTimeoutSeconds: 1
outputs:
- log: {file: %s/flow.log, format: json}
"""


class Agent:
    """An agent with one log."""
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='flowctl-test-')
        net.cleanups.append(lambda: shutil.rmtree(self.dir))
        self.config = self.dir + '/config.yaml'
        with open(self.config, 'w') as f:
            f.write(CONFIG % self.dir)
        self.start()

    def start(self):
        self.p = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', self.config, stderr=subprocess.DEVNULL)

    def kill(self):
        self.p.kill()
        self.p.wait()

    def end(self):
        """What was told by all of them: of every client's port, its retransmissions."""
        self.p.terminate()
        equal(self.p.wait(60), 0, "the agent's exit status")
        told = Counter()
        with open(self.dir + '/flow.log') as f:
            for r in map(json.loads, f):
                if r['proto'] == 'TCP' and r['dst_ip'] in path.addresses(True) + path.addresses(False):
                    told[r['src_port'], ':' in r['src_ip']] += r['retransmissions'] or 0
        return told


@test
def an_agent_that_is_killed_and_comes_back_tells_each_retransmission_once():
    path.clean()
    path.open('--loss', '30', '--delay', '10ms')
    net.flowctl('meter', 'attach', '--netns', path.near, '--all')
    agent, moments = Agent(), [time.monotonic() + t for t in (1, 2.3, 3.6)]

    def between():
        if moments and time.monotonic() > moments[0]:
            agent.kill()
            agent.start()
            moments.pop(0)
    crowd = Crowd(path)
    for i in range(20):
        crowd.add(up=100000 + 1000 * i, down=100, v6=i % 2 == 1, until=lambda: not moments)
    crowd.run(between=between)
    told = agent.end()
    path.close()
    busy = net.json('meter', 'status', '--netns', path.near)[0]['tcp']['busy']
    net.flowctl('meter', 'detach', '--all')
    for c in crowd.conns:
        # Beside those that were let go, one of 278 was missing in one run of five. What a kill repeats or
        # loses is a record: dozens of them.
        lacks = c.client['total_retrans'] - told[c.port, c.v6]
        check(0 <= lacks <= busy + 1, 'retransmissions of port %d: %d not told, %d busy' % (c.port, lacks, busy))


main(net, setup)
