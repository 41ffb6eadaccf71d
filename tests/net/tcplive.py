# SPDX-License-Identifier: Apache-2.0
"""TCP over a wire of our own (forwarder.c), many connections at once, and what is true of them.

    path = Path(net)                        # client - near - wire - far - server, IPv4 and IPv6
    path.open('--loss', 20)                 # the wire; what it does to packets
    crowd = Crowd(path)
    crowd.add(up=1 << 20, down=5000)        # octets each way; returns the connection
    crowd.run()                             # until all are over at both ends
    log = path.close()                      # what the wire saw: a Log

    log.handshake(conn, 'wire0')            # microseconds, as they passed that device
    conn.client['total_retrans']            # TCP_INFO of an end that is over
"""
import errno
import itertools
import random
import selectors
import tempfile
from collections import namedtuple

from lib import *

FORWARDER = os.environ.get('FORWARDER', os.path.join(ROOT, 'build', 'tests', 'net', 'forwarder'))
TCP_INFO, TCP_CLOSED = 11, 7
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

# struct tcp_info of linux/tcp.h, behind its first eight octets but the state.
INFO_32 = ('rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv '
           'last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space '
           'total_retrans').split()
INFO_MORE = ('Q pacing_rate Q max_pacing_rate Q bytes_acked Q bytes_received I segs_out I segs_in I notsent_bytes '
             'I min_rtt I data_segs_in I data_segs_out Q delivery_rate Q busy_time Q rwnd_limited Q sndbuf_limited '
             'I delivered I delivered_ce Q bytes_sent Q bytes_retrans I dsack_dups I reord_seen I rcv_ooopack '
             'I snd_wnd').split()
INFO = struct.Struct('=B7x%dI%s' % (len(INFO_32), ''.join(INFO_MORE[::2])))
INFO_NAMES = ['state', *INFO_32, *INFO_MORE[1::2]]


TOLERANCE_US = 200
ODD_MOST, ODD_US = 3, 50000
odd = []


def near_to(is_, wanted, what, slack=0):
    """Both in us. Of the hundreds of times of a file a few may be off: when the machine below takes the CPU
    away between the program and the stamp of the tap beside it. Each of those is told of."""
    check(is_ is not None, '%s is null, wanted %.0f' % (what, wanted))
    off, text = abs(is_ - wanted), '%s is %.0f us, the wire says %.0f' % (what, is_, wanted)
    if TOLERANCE_US + slack < off <= ODD_US and len(odd) < ODD_MOST:
        odd.append(text)
        print('# odd: ' + text)
        return
    check(off <= TOLERANCE_US + slack, '; '.join([text] + odd))


def tcp_info(sock):
    return dict(zip(INFO_NAMES, INFO.unpack(sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, INFO.size))))


class Path:
    """client -(veth)- near -(wire0 ... wire1)- far -(veth)- server."""
    def __init__(self, net):
        self.net = net
        self.client, self.near, self.far, self.server = (net.ns(n) for n in ('client', 'near', 'far', 'server'))
        net.veth(self.client, 'eth0', self.near, 'eth0', ['10.91.0.2/24', 'fd91::2/64'], ['10.91.0.1/24', 'fd91::1/64'])
        net.veth(self.server, 'eth0', self.far, 'eth0', ['10.92.0.2/24', 'fd92::2/64'], ['10.92.0.1/24', 'fd92::1/64'])
        for ns, n in (self.client, 91), (self.server, 92):
            net.ip(ns, 'route', 'add', 'default', 'via', '10.%d.0.1' % n)
            net.ip(ns, '-6', 'route', 'add', 'default', 'via', 'fd%d::1' % n)
        for ns in self.near, self.far:
            net.sysctl(ns, 'net.ipv4.ip_forward', 1)
            net.sysctl(ns, 'net.ipv6.conf.all.forwarding', 1)
        for ns, dev, n in (self.near, 'wire0', 92), (self.far, 'wire1', 91):
            net.ip(ns, 'tuntap', 'add', 'dev', dev, 'mode', 'tun')
            net.sysctl(ns, 'net.ipv4.conf.%s.rp_filter' % dev, 0)
            net.ip(ns, 'link', 'set', dev, 'txqueuelen', 100000, 'up')
            net.ip(ns, 'route', 'add', '10.%d.0.0/24' % n, 'dev', dev)
            net.ip(ns, '-6', 'route', 'add', 'fd%d::/64' % n, 'dev', dev)
        self.wire = None

    def addresses(self, v6):
        return ('fd91::2', 'fd92::2') if v6 else ('10.91.0.2', '10.92.0.2')

    def offloads(self, on):
        """Of every veth; TSO, GSO and GRO."""
        for ns in self.client, self.near, self.far, self.server:
            self.net.exec(ns, 'ethtool', '-K', 'eth0',
                          *sum(([f, 'on' if on else 'off'] for f in ('tso', 'gso', 'gro')), []))

    def open(self, *options, taps=()):
        """The wire; also logged: what passes the veths of @taps, (namespace, device)."""
        self.end_wire()
        self.log_path = tempfile.mktemp(prefix='flowctl-wire')
        more = sum((['--tap', '%s/%s' % t] for t in taps), [])
        self.wire = self.net.spawn(FORWARDER, *options, *more, self.near + '/wire0', self.far + '/wire1',
                                   self.log_path, stdout=subprocess.PIPE, text=True)
        equal(self.wire.stdout.readline(), 'ready\n', 'the wire')

    def end_wire(self):
        if self.wire and self.wire.poll() is None:
            self.close()

    def clean(self):
        """No wire and no meter, whatever a test that failed has left."""
        self.end_wire()
        self.net.flowctl('meter', 'detach', '--all')

    def close(self):
        """Its log."""
        self.wire.terminate()
        equal(self.wire.wait(60), 0, 'the exit status of the wire')
        with open(self.log_path) as f:
            log = Log(f)
        os.unlink(self.log_path)
        return log


class Conn:
    """One connection: how much goes each way, and what was its ends' TCP_INFO in the end."""
    def __init__(self, up, down, v6):
        self.up, self.down, self.v6 = up, down, v6
        self.port = None            # of the client
        self.flow = None            # what it sends: its address and port, and the server's
        self.client = self.server = None


class Crowd:
    """Connections that run beside one another, in one thread, each at its own pace."""
    ports = itertools.count(5001)

    def __init__(self, path, seed=1, at_once=1000):
        self.path, self.port, self.at_once = path, next(self.ports), at_once
        self.random = random.Random(seed)
        self.conns, self.waiting = [], []
        self.selector = selectors.DefaultSelector()
        self.data = bytes(1 << 16)

    def add(self, up=0, down=0, v6=False, **options):
        """@options: chunk= octets a write; pause= seconds before the server reads; sockopts= {(level, name):
        value}; until= a function: the client goes on sending until it is true."""
        c = Conn(up, down, v6)
        c.options = options
        self.conns.append(c)
        return c

    def run(self, timeout=30, between=None):
        """@between() is called now and again while they run."""
        self.listen()
        self.open_n, self.over, self.accepted = 0, [], {}
        todo, end = list(self.conns), time.monotonic() + timeout
        while len(self.over) < 2 * len(self.conns):
            check(time.monotonic() < end, '%d of %d ends are over' % (len(self.over), 2 * len(self.conns)))
            while todo and self.open_n < self.at_once and self.random.random() < .5:
                self.connect(todo.pop(0))
            for key, _ in self.selector.select(0.001 if todo else 0.01):
                key.data()
            self.bury()
            if between:
                between()
        for l in self.listeners:
            self.selector.unregister(l)
            l.close()

    def listen(self):
        self.listeners, self.dying = [], []
        for v6 in False, True:
            with inside(self.path.server):
                l = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
            l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            l.bind((self.path.addresses(v6)[1], self.port))
            l.listen(4096)
            l.setblocking(False)
            self.listeners.append(l)
            self.selector.register(l, selectors.EVENT_READ, lambda l=l: self.accept(l))

    def connect(self, c):
        with inside(self.path.client):
            s = socket.socket(socket.AF_INET6 if c.v6 else socket.AF_INET)
        s.bind((self.path.addresses(c.v6)[0], 0))
        s.setblocking(False)
        check(s.connect_ex((self.path.addresses(c.v6)[1], self.port)) in (0, errno.EINPROGRESS), 'connect')
        c.port = s.getsockname()[1]
        client, server = self.path.addresses(c.v6)
        c.flow = client, c.port, server, self.port
        self.accepted[c.v6, c.port] = c
        self.open_n += 1
        Side(self, c, 'client', s, c.up)

    def accept(self, l):
        s, peer = l.accept()
        s.setblocking(False)
        c = self.accepted.pop((':' in peer[0], peer[1]))
        Side(self, c, 'server', s, c.down)

    def bury(self):
        """What is over for TCP too; its TCP_INFO stays as it was."""
        for side in list(self.dying):
            info = tcp_info(side.sock)
            if info['state'] == TCP_CLOSED:
                setattr(side.conn, side.name, info)
                side.sock.close()
                self.dying.remove(side)
                self.over.append(side)
                self.open_n -= side.name == 'client'


class Side:
    """An end of a connection: it sends what it has (left: octets; None: all, and it has shut
    down), and reads to the end."""
    def __init__(self, crowd, conn, name, sock, to_send):
        self.crowd, self.conn, self.name, self.sock, self.left = crowd, conn, name, sock, to_send
        self.reads_at = time.monotonic() + (conn.options.get('pause', 0) if name == 'server' else 0)
        self.got, self.ended, self.wanted = 0, False, selectors.EVENT_READ | selectors.EVENT_WRITE
        for (level, option), value in conn.options.get('sockopts', {}).items():
            sock.setsockopt(level, option, value)
        crowd.selector.register(sock, self.wanted, self.step)

    def step(self):
        if self.left is not None:
            self.write()
        if not self.ended and time.monotonic() >= self.reads_at:
            self.read()
        wanted = (not self.ended and selectors.EVENT_READ) | (self.left is not None and selectors.EVENT_WRITE)
        if not wanted:
            self.crowd.selector.unregister(self.sock)
            self.crowd.dying.append(self)
        elif wanted != self.wanted:
            self.crowd.selector.modify(self.sock, wanted, self.step)
            self.wanted = wanted

    def write(self):
        try:
            if self.left:
                chunk = self.conn.options.get('chunk') or self.crowd.random.randrange(1, 1 << 16)
                self.left -= self.sock.send(self.crowd.data[:min(self.left, chunk)])
            if not self.left and self.name == 'client' and not self.conn.options.get('until', lambda: True)():
                self.left = 10000
                self.conn.up += self.left
            if not self.left:
                self.sock.shutdown(socket.SHUT_WR)
                self.left = None
        except BlockingIOError:
            pass
        except OSError as e:
            if e.errno != errno.ENOTCONN:    # still connecting
                raise

    def read(self):
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        self.got += len(data)
        self.ended = not data
        if self.ended:
            equal(self.got, self.conn.down if self.name == 'client' else self.conn.up,
                  'octets that came to the %s' % self.name)


Row = namedtuple('Row', 'ns place what src sport dst dport seq ack flags len window ecn segment')


class Log:
    """What the wire wrote down. A place is (namespace, device, 'ingress' or 'egress')."""
    def __init__(self, lines):
        self.rows = []
        for line in lines:
            w = line.split()
            place = (*w[1].split('/'), w[2])
            self.rows.append(Row(int(w[0]), place, w[2], w[3], int(w[4]), w[5], *map(int, w[6:])))
        self.rows.sort()
        self.of_flow = {}
        for r in self.rows:
            a, b = (r.src, r.sport), (r.dst, r.dport)
            self.of_flow.setdefault(min(a + b, b + a), []).append(r)

    def of(self, conn):
        a, b = conn.flow[:2], conn.flow[2:]
        return self.of_flow.get(min(a + b, b + a), ())

    def passed(self, conn, place, up):
        """The segments of one direction that passed @place, in order of time."""
        return [r for r in self.of(conn) if r.place == place and (r.sport == conn.port) == up]

    def done(self, conn, what):
        """How often the wire did that to the connection: drop, late, twice, mark."""
        return sum(r.what == what for r in self.of(conn))

    def handshake(self, conn, up, down):
        """Microseconds from the first SYN at @up to the first SYN-ACK at @down, and on to its ACK at @up."""
        ups, downs = self.passed(conn, up, True), self.passed(conn, down, False)
        syn = next(r for r in ups if r.flags & SYN)
        synack = next(r for r in downs if r.flags & SYN)
        ack = next(r for r in ups if r.ns > synack.ns and not r.flags & SYN and r.ack == after(synack))
        return (synack.ns - syn.ns) / 1000, (ack.ns - synack.ns) / 1000

    def rtt(self, conn, there, back, up):
        """Samples in microseconds, of what passed @there until its ACK passed @back, as tcptrace takes
        them: the ACK is of a segment's very end, and nothing up to that end was sent once more."""
        samples, waiting, next_, window, holes = [], {}, None, 1, []
        for r in sorted(self.passed(conn, there, up) + self.passed(conn, back, not up)):
            if (r.sport == conn.port) != up:
                window = r.window
                if r.flags & ACK:
                    if r.ack in waiting:
                        samples.append((r.ns - waiting[r.ack]) / 1000)
                    waiting = {e: t for e, t in waiting.items() if before(r.ack, e)}
                continue
            for seq, end in segments(r):
                if next_ is None or seq == next_:
                    if window:
                        waiting[end] = r.ns
                elif before(seq, next_):
                    waiting = {e: t for e, t in waiting.items() if not before(seq, e)}
                    for h in [h for h in holes if not before(seq, h[0]) and not before(h[1], end)]:
                        waiting[end] = r.ns     # not seen before
                        holes.remove(h)
                        holes += [(h[0], seq), (end, h[1])]
                else:
                    holes.append((next_, seq))
                    waiting[end] = r.ns
                if next_ is None or before(next_, end):
                    next_ = end
        return samples

    def ece(self, conn, place, up):
        """Packets with ECN-Echo, those of a super-packet one by one."""
        return sum(max(1, len(segments(r))) for r in self.passed(conn, place, up) if r.flags & 64)

    def zero_windows(self, conn, place, up):
        return sum(not r.window and not r.flags & (SYN | FIN | RST) for r in self.passed(conn, place, up))

    def overtaken(self, conn, place, up):
        """Segments of data, not seen before, before which others, sent later, had passed: a bare ACK is one too."""
        n, high, holes = 0, None, []
        for r in self.passed(conn, place, up):
            end = after(r)
            if high is not None and before(high, r.seq):
                holes.append((high, r.seq))
            for h in [h for h in holes if r.len and before(h[0], end) and before(r.seq, h[1])]:
                n += max(1, -(-(end - r.seq & 0xffffffff) // (r.segment or 1 << 20)))
                holes.remove(h)
                holes += [(a, b) for a, b in ((h[0], r.seq), (end, h[1])) if before(a, b)]
            if high is None or before(high, end):
                high = end
        return n


def after(r):
    """The sequence number behind a segment."""
    return r.seq + r.len + bool(r.flags & SYN) + bool(r.flags & FIN) & 0xffffffff


def segments(r):
    """Where each segment of a (super-)packet begins and ends; none of a bare ACK."""
    ends = list(range(r.seq + r.segment, r.seq + r.len, r.segment)) if r.segment else []
    return [(a & 0xffffffff, b & 0xffffffff) for a, b in zip([r.seq] + ends, ends + [after(r)]) if a != b]


def before(a, b):
    return (a - b & 0xffffffff) >= 1 << 31


class Health:
    """What a namespace's meters say of TCP now: of_flow has the records with figures, silent the others."""
    def __init__(self, net, ns, port=None):
        """@port: of the server of whose connections it is; None: of all."""
        self.records = [r for r in net.json('dump', '--netns', ns, '-p', 'tcp')
                        if port in (None, r['src_port'], r['dst_port'])]
        self.of_flow, self.silent = {}, []
        for r in self.records:
            if r['retransmissions'] is None:
                self.silent.append(r)
                continue
            k = r['src_ip'], r['src_port'], r['dst_ip'], r['dst_port']
            check(k not in self.of_flow, 'two hooks advanced %r: %s and %s' % (
                k, place_of(r), place_of(self.of_flow.get(k, r))))
            self.of_flow[k] = r

    def of(self, conn, up):
        """The record of one direction of a connection that has its figures."""
        k = conn.flow if up else conn.flow[2:] + conn.flow[:2]
        check(k in self.of_flow, 'no health of %r' % (k,))
        return self.of_flow[k]


def place_of(record):
    return '%s %s' % (record['iface'], 'egress' if record['direction'] else 'ingress')
