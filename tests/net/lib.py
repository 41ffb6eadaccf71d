# SPDX-License-Identifier: Apache-2.0
"""What the live tests share: namespaces and veth pairs of their own, a bpffs folder of
their own, frames sent and received by AF_PACKET, and TAP.

    from lib import *
    net = Net('harm')                      # names begin with harm<pid>
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', '10.9.0.1/24', '10.9.0.2/24')
    net.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0')

    @test
    def a_sentence():
        check(..., 'why')

    main(net)

A test fails by check() or any exception; skip(why) ends it. main() skips all (77) when not
root, runs what @test collected, and removes everything the Net made, whatever happened.
"""
import ctypes, fcntl, functools, itertools, json, os, select, signal, socket, struct, subprocess, sys, time, traceback

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
libc = ctypes.CDLL(None, use_errno=True)

# Below nohup, or in the background of a script, some signals are ignored, and by all that is started here.
for _signo in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:
    if signal.getsignal(_signo) == signal.SIG_IGN:
        signal.signal(_signo, lambda *_: None)

# Wherever the tests run: no agent of theirs asks the machine's own metadata service. test_aws.py
# asks one of its own.
os.environ.setdefault('AWS_EC2_METADATA_DISABLED', 'true')

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def find_flowctl():
    """$FLOWCTL, else the build directory below the sources."""
    return os.environ.get('FLOWCTL') or os.path.join(ROOT, 'build', 'cmd', 'flowctl')


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def check(cond, why='it is not so'):
    if not cond:
        raise Failed(why)


def equal(is_, wanted, what=''):
    check(is_ == wanted, '%s is %r, wanted %r' % (what, is_, wanted))


def skip(why):
    raise Skipped(why)


def run(*argv, ok=True, input=None, timeout=200, env=None):
    """Run a program; its CompletedProcess with text. With ok=True it must exit 0."""
    r = subprocess.run([str(a) for a in argv], input=input, timeout=timeout, env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ok and r.returncode != 0:
        raise Failed('%s: exit %d: %s' % (' '.join(str(a) for a in argv), r.returncode,
                                          (r.stderr or r.stdout).strip()))
    return r


def whole_lines(path, at=0):
    """The lines of a file that may be written while it is read, from octet @at on; none of no file. A
    line that has no end yet is left out: reading on, one may be handed its rest as a line."""
    try:
        with open(path, 'rb') as f:
            f.seek(at)
            read = f.read()
    except FileNotFoundError:
        return []
    return [line.decode() + '\n' for line in read.split(b'\n')[:-1]]


def json_lines(path):
    """The objects of a file of one in a line; other lines are passed over."""
    return [json.loads(line) for line in whole_lines(path) if line.endswith('}\n')]


def wait_for(cond, what='the condition', timeout=30):
    """Poll cond() until it is true; its value. Give a shorter time only where what comes later would be
    wrong: a busy machine takes its time."""
    end = time.monotonic() + timeout
    while True:
        v = cond()
        if v:
            return v
        if time.monotonic() > end:
            raise Failed('%s did not come true within %g s' % (what, timeout))
        time.sleep(0.02)


def becomes(f, wanted, what=''):
    """Wait until f() is what is wanted; when it does not get so, say what it is."""
    try:
        wait_for(lambda: f() == wanted)
    except Failed:
        equal(f(), wanted, what)


def sockets_at(kind, port):
    """The lines of /proc/net on them, as words."""
    with open('/proc/thread-self/net/' + kind) as f:
        return [w for w in map(str.split, f) if w[1].endswith(':%04X' % port)]


def is_bound(port):
    """By UDP, or listened on by TCP: what TCP still knows of a connection before is no sign of that."""
    return any(w[3] == state for kind, state in (('udp', '07'), ('tcp', '0A'), ('tcp6', '0A')) for w in sockets_at(kind, port))


def drained(port):
    """Nothing waits in the receive queue of UDP."""
    return any(w[4].endswith(':00000000') for w in sockets_at('udp', port))


def iperf_server(net, ns, address):
    """iperf3 -s -1, when it listens."""
    server = net.spawn('iperf3', '-s', '-1', '-B', address, ns=ns, stdout=subprocess.DEVNULL)

    def listens():
        with inside(ns):
            return is_bound(5201)
    wait_for(listens, 'the port of iperf3')
    return server


def ended(server):
    """iperf3 -s -1, whose client is done: on a busy machine it may miss that."""
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.terminate()
        server.wait(10)


_ports = itertools.count(10000 + os.getpid() * 64 % 20000)


def free_port():
    """Of UDP and TCP at once. Below those that the kernel gives away, and other ones in each process: nobody
    takes it before it is used."""
    for port in _ports:
        try:
            for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(('0.0.0.0', port))
            return port
        except OSError:
            pass


class inside:
    """with inside(ns): sockets made here belong to that namespace."""
    def __init__(self, ns):
        self.ns = ns

    def __enter__(self):
        self.old = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        with open('/run/netns/' + self.ns) as f:
            if libc.setns(f.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), 'setns')

    def __exit__(self, *_):
        libc.setns(self.old, CLONE_NEWNET)
        os.close(self.old)


KILLER = os.environ.get('FLOWCTL_KILLER', os.path.join(ROOT, 'build', 'tests', 'net', 'libkiller.so'))


def killed(net, at, *words):
    """True when flowctl came to its change of links and pins of that number, and no further."""
    env = dict(os.environ, LD_PRELOAD=KILLER, KILL_CALL='change', KILL_AT=str(at), KILL_WHEN='after',
               ASAN_OPTIONS='verify_asan_link_order=0')
    r = net.flowctl(*words, ok=False, env=env)
    check(r.returncode in (0, -signal.SIGKILL), 'change %d of %r: %s' % (at, words, r.stderr))
    return r.returncode != 0


class Net:
    def __init__(self, prefix):
        self.prefix = '%s%d' % (prefix, os.getpid())
        self.bpffs = '/sys/fs/bpf/' + self.prefix
        self.names, self.procs, self.cleanups = [], [], []
        self.audited, self.next_audit, self.unbalanced = True, 0, []

    # -- what it makes
    def start(self):
        if os.path.isdir('/sys/fs/bpf'):
            os.makedirs(self.bpffs, exist_ok=True)

    def ns(self, short):
        """A new namespace, lo up, IPv6 quiet; its name under /run/netns."""
        name = '%s-%s' % (self.prefix, short)
        run('ip', 'netns', 'add', name)
        if name not in self.names:
            self.names.append(name)
        self.ip(name, 'link', 'set', 'lo', 'up')
        self.sysctl(name, 'net.ipv6.conf.default.accept_dad', 0)
        self.sysctl(name, 'net.ipv6.conf.default.router_solicitations', 0)
        return name

    def del_ns(self, name):
        run('ip', 'netns', 'del', name)
        self.names.remove(name)

    def ip(self, ns, *args, ok=True):
        return run('ip', '-n', ns, *args, ok=ok)

    def exec(self, ns, *argv, **kw):
        return run('ip', 'netns', 'exec', ns, *argv, **kw)

    def sysctl(self, ns, key, value):
        path = '/proc/sys/' + key.replace('.', '/')
        with inside(ns):
            with open(path, 'w') as f:
                f.write(str(value))

    def veth(self, ns_a, dev_a, ns_b, dev_b, addr_a=None, addr_b=None):
        """A pair, both ends up; addresses are 'A/LEN' or a list of such."""
        run('ip', '-n', ns_a, 'link', 'add', dev_a, 'type', 'veth', 'peer', 'name', dev_b, 'netns', ns_b)
        for ns, dev, addr in (ns_a, dev_a, addr_a), (ns_b, dev_b, addr_b):
            self.ip(ns, 'link', 'set', dev, 'up')
            for a in [addr] if isinstance(addr, str) else addr or []:
                self.ip(ns, 'addr', 'add', a, 'dev', dev, *(['nodad'] if ':' in a else []))
        for ns, dev in (ns_a, dev_a), (ns_b, dev_b):
            wait_for(lambda: 'LOWER_UP' in self.ip(ns, 'link', 'show', dev).stdout, dev + ' up')

    def ifindex(self, ns, dev):
        with inside(ns):
            return socket.if_nametoindex(dev)

    def mac(self, ns, dev):
        return bytes.fromhex(json.loads(self.ip(ns, '-j', 'link', 'show', dev).stdout)[0]
                             ['address'].replace(':', ''))

    # -- the program under test
    def flowctl(self, *args, ok=True, ns=None, **kw):
        """flowctl --bpffs <own folder> ARGS; with ns= from a process in that namespace."""
        argv = [find_flowctl(), '--bpffs', self.bpffs, *args]
        if ns:
            argv = ['nsenter', '--net=/run/netns/' + ns, *argv]
        if args[:2] == ('meter', 'detach') and '--dry-run' not in args:
            self.audit('before flowctl ' + ' '.join(str(a) for a in args))
        return run(*argv, ok=ok, **kw)

    def audit(self, when='at the end'):
        """Every ledger balances, or cannot be judged because packets move. With a table goes what
        it could have told, so it is asked before detaches, and at the end; not before each of a
        hundred in a row, which takes its time."""
        if not self.audited or (when.startswith('before') and time.monotonic() < self.next_audit):
            return
        r = run(find_flowctl(), '--bpffs', self.bpffs, 'audit', '--wait', '300ms', ok=False)
        self.next_audit = time.monotonic() + 0.5
        if r.returncode == 1 and 'does not balance' in r.stderr:
            self.unbalanced.append('%s: %s%s' % (when, r.stderr, r.stdout))

    def json(self, *args, **kw):
        return json.loads(self.flowctl(*args, '-o', 'json', **kw).stdout)

    def spawn(self, *argv, ns=None, **kw):
        """A process that cleanup ends."""
        if ns:
            argv = ('ip', 'netns', 'exec', ns) + argv
        p = subprocess.Popen([str(a) for a in argv], **kw)
        self.procs.append(p)
        return p

    def cleanup(self):
        for p in self.procs:
            if p.poll() is None:
                p.terminate()
                try:
                    p.wait(5)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()
        if os.path.isdir(self.bpffs):
            self.flowctl('meter', 'detach', '--all', ok=False)
        for f in self.cleanups:
            f()
        for name in self.names:
            run('ip', 'netns', 'del', name, ok=False)
        remove_tree(self.bpffs)


def obj_get(path):
    """A descriptor of what is pinned there: bpf(BPF_OBJ_GET), 321 on x86-64 and 280 on arm64."""
    attr = ctypes.create_string_buffer(120)
    name = ctypes.create_string_buffer(path.encode())
    struct.pack_into('Q', attr, 0, ctypes.addressof(name))
    fd = libc.syscall(280 if os.uname().machine == 'aarch64' else 321, 7, attr, 120)
    check(fd >= 0, 'cannot open ' + path)
    return fd


def obj_id(path):
    """What kind of object is pinned there, and its number: 'map_id: 7'."""
    fd = obj_get(path)
    try:
        with open('/proc/self/fdinfo/%d' % fd) as f:
            return sorted(' '.join(line.split()) for line in f if line.split(':')[0] in
                          ('map_id', 'prog_id', 'link_id'))
    finally:
        os.close(fd)


def remove_tree(path):
    """rm -r for a folder in bpffs."""
    if not os.path.isdir(path):
        return
    for name in os.listdir(path):
        p = os.path.join(path, name)
        remove_tree(p) if os.path.isdir(p) else os.unlink(p)
    os.rmdir(path)


# -- frames

class Wire:
    """A raw socket on one interface: send(frame), and received(frame) or drain()."""
    def __init__(self, ns, dev):
        with inside(ns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            self.sock.bind((dev, ETH_P_ALL))

    def send(self, frame):
        self.sock.send(frame)

    def drain(self, timeout=0.2):
        """All frames that came in (not those going out) until it is quiet for that long."""
        frames = []
        while select.select([self.sock], [], [], timeout)[0]:
            data, addr = self.sock.recvfrom(65535)
            if addr[2] != socket.PACKET_OUTGOING:
                frames.append(data)
        return frames

    def received(self, frame, timeout=10):
        """Wait for this very frame (padding behind it allowed)."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if select.select([self.sock], [], [], 0.1)[0]:
                data, addr = self.sock.recvfrom(65535)
                if addr[2] != socket.PACKET_OUTGOING and data[:len(frame)] == frame:
                    return True
        return False

    def close(self):
        self.sock.close()


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    s = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def eth(dst, src, proto, payload=b''):
    return dst + src + struct.pack('!H', proto) + payload


def vlan(tag, proto, payload=b''):
    """Behind eth(..., 0x8100 or 0x88a8, ...)."""
    return struct.pack('!HH', tag, proto) + payload


def ipv4(src, dst, proto, payload=b'', ttl=64, tos=0, ident=0, frag=0, options=b'', total=None):
    ihl = 5 + len(options) // 4
    head = struct.pack('!BBHHHBBH4s4s', 0x40 | ihl, tos, ihl * 4 + len(payload) if total is None
                       else total, ident, frag, ttl, proto, 0, socket.inet_aton(src),
                       socket.inet_aton(dst)) + options
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + payload


def ipv6(src, dst, proto, payload=b'', hops=64, tclass=0, length=None):
    return struct.pack('!IHBB', 6 << 28 | tclass << 20, len(payload) if length is None else length,
                       proto, hops) + socket.inet_pton(socket.AF_INET6, src) + \
        socket.inet_pton(socket.AF_INET6, dst) + payload


def udp(sport, dport, payload=b''):
    """Checksum 0: none (IPv4), and a receiver of raw frames does not look."""
    return struct.pack('!HHHH', sport, dport, 8 + len(payload), 0) + payload


def tcp(sport, dport, flags, payload=b'', seq=0, ack=0, window=65535):
    return struct.pack('!HHIIBBHHH', sport, dport, seq, ack, 0x50, flags, window, 0, 0) + payload


def icmp(type_, code=0, payload=b''):
    head = struct.pack('!BBH', type_, code, 0) + payload
    return head[:2] + struct.pack('!H', checksum(head)) + head[4:]


# -- TAP

def patiently(f):
    """A test of losing nothing, tried anew when something is missing: what a reader loses that gets no CPU for 20 ms
    is not the sender's fault, and what a wrong pace loses it loses each time."""
    @functools.wraps(f)
    def g():
        for left in 2, 1, 0:
            try:
                return f()
            except Failed as e:
                if not left:
                    raise
                print('# once more: %s' % e)
    return g


tests = []


def test(f):
    tests.append(f)
    return f


def tell_audit(net):
    """The last test of every file that has a Net."""
    for line in ''.join(net.unbalanced).splitlines():
        print('# ' + line)
    print('%sok %d - every ledger balanced whenever a meter was taken off' %
          ('not ' if net.unbalanced else '', len(tests) + 1), flush=True)
    return bool(net.unbalanced)


def main(net=None, setup=None):
    if os.geteuid() != 0:
        print('1..0 # SKIP needs root')
        sys.exit(77)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    failed = 0
    print('1..%d' % (len(tests) + bool(net)), flush=True)
    try:
        if net:
            net.start()
        if setup:
            setup()
        for n, f in enumerate(tests, 1):
            name = f.__name__.replace('_', ' ')
            try:
                f()
                print('ok %d - %s' % (n, name), flush=True)
            except Skipped as e:
                print('ok %d - %s # SKIP %s' % (n, name, e), flush=True)
            except Exception as e:
                failed += 1
                if not isinstance(e, Failed):
                    e = traceback.format_exc()
                for line in str(e).splitlines():
                    print('# ' + line)
                print('not ok %d - %s' % (n, name), flush=True)
    except Failed as e:
        print('Bail out! %s' % e)
        failed += 1
    finally:
        if net:
            net.cleanup()
            failed += tell_audit(net)
    sys.exit(1 if failed else 0)
