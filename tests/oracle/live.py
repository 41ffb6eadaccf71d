# SPDX-License-Identifier: Apache-2.0
"""Known packets through a meter, what `dump` says of them, and the agent that exports them.

    box = Box('live')
    box.send(FLOWS)
    held = box.dump()           # by key(): what every collector must agree with
    with box.agent(outputs): ...
"""
import json, signal, struct, subprocess, tempfile, time
from common import *
from lib import Net, Wire, eth, icmp, ipv4, ipv6, tcp, udp, vlan

MAC_A, MAC_B = bytes.fromhex('02000000aa01'), bytes.fromhex('02000000bb01')
REASONS = {'idle': 1, 'active': 2, 'end': 3, 'forced': 4, 'lack': 5, None: 0}
FLAG_BITS = {'FIN': 1, 'SYN': 2, 'RST': 4, 'PSH': 8, 'ACK': 16, 'URG': 32, 'ECE': 64, 'CWR': 128}
PROTOS = {'TCP': 6, 'UDP': 17, 'SCTP': 132, 'ICMP': 1, 'ICMPv6': 58, 'GRE': 47, 'IGMP': 2, 'ESP': 50, 'AH': 51,
          'IPIP': 4, 'IPV6': 41}


def flow(src, dst, proto, sport=0, dport=0, n=1, size=10, flags=0x18, tos=0, ttls=(64,), tag=None):
    """@n packets of one flow; of ICMP @dport is type and code."""
    for i in range(n):
        body = bytes(size)
        inner = {6: lambda: tcp(sport, dport, flags if isinstance(flags, int) else flags[i % len(flags)], body),
                 17: lambda: udp(sport, dport, body),
                 132: lambda: struct.pack('!HHII', sport, dport, 0, 0) + body,
                 1: lambda: icmp(dport >> 8, dport & 255, body),
                 58: lambda: icmp(dport >> 8, dport & 255, body)}.get(proto, lambda: body)()
        ttl = ttls[i % len(ttls)]
        packet = ipv6(src, dst, proto, inner, ttl, tos) if ':' in src else ipv4(src, dst, proto, inner, ttl, tos)
        kind = 0x86dd if ':' in src else 0x800
        yield eth(MAC_B, MAC_A, 0x8100, vlan(tag, kind, packet)) if tag is not None else \
            eth(MAC_B, MAC_A, kind, packet)


def all_kinds():
    """Frames of every kind that a built-in template is for, and some more."""
    yield from flow('192.0.2.1', '198.51.100.1', 6, 40000, 443, 7, 1000, flags=(2, 16, 24, 24, 24, 24, 17),
                    tos=0xb8, ttls=(64, 61))
    yield from flow('192.0.2.1', '198.51.100.1', 6, 40001, 443, 3, 0, flags=(0xc2, 0x52, 4))
    yield from flow('192.0.2.2', '198.51.100.1', 17, 53, 53, 5, 300, tos=4, ttls=(1, 255))
    yield from flow('192.0.2.2', '198.51.100.1', 17, 68, 67, 2, 200, tag=123)
    yield from flow('192.0.2.3', '198.51.100.1', 1, 0, 0x0800, 4, 56)
    yield from flow('192.0.2.3', '198.51.100.1', 1, 0, 0x0301, 1, 28)
    yield from flow('192.0.2.4', '198.51.100.1', 132, 2905, 2906, 2, 40)
    yield from flow('192.0.2.4', '198.51.100.1', 47, n=6, size=100)
    yield from flow('2001:db8::1', '2001:db8:1::1', 6, 50000, 80, 9, 1200, flags=(2, 16) + (24,) * 7, tos=0x20)
    yield from flow('2001:db8::1', '2001:db8:1::1', 17, 5353, 5353, 3, 77, ttls=(255, 1))
    yield from flow('2001:db8::2', '2001:db8:1::1', 58, 0, 0x8000, 2, 56)
    yield from flow('2001:db8::2', '2001:db8:1::1', 89, n=2, size=44, tag=4000)


def many_flows(n, first_port=1024):
    """Of one packet each, every one of another length."""
    for i in range(n):
        yield from flow('192.0.2.%d' % (i % 250 + 1), '198.51.100.9', 17, first_port + i % 50000, 9, 1, i % 300)


class Held(dict):
    """One flow, as `dump -o json` and the log have it."""
    @property
    def key(self):
        proto = PROTOS.get(self['proto']) or int(self['proto'])
        dport = self['icmp_type'] << 8 | self['icmp_code'] if self['icmp_type'] is not None else self['dst_port']
        return self['src_ip'], self['dst_ip'], proto, self['src_port'] or 0, dport or 0

    @property
    def flags(self):
        return sum(FLAG_BITS[f] for f in (self['tcp_flags'] or '').split('|') if f)

    @property
    def counts(self):
        return self['packets'], self['bytes']


def sums(pairs):
    """(key, (packets, bytes)) added up by key."""
    total = {}
    for key, (packets, octets) in pairs:
        p, o = total.get(key, (0, 0))
        total[key] = p + packets, o + octets
    return total


class Box:
    """Two namespaces, of which `b` is metered at its ingress; nothing else is on the wire."""
    def __init__(self, name):
        self.net = Net(name)
        self.dir = tempfile.mkdtemp(prefix='flowctl-oracle-')
        os.chmod(self.dir, 0o755)
        self.net.cleanups.append(lambda: shutil.rmtree(self.dir, ignore_errors=True))

    def setup(self):
        net = self.net
        self.a, self.b = net.ns('a'), net.ns('b')
        for ns in self.a, self.b:
            net.sysctl(ns, 'net.ipv6.conf.default.disable_ipv6', 1)
        net.veth(self.a, 'eth0', self.b, 'eth0')
        net.ip(self.a, 'link', 'set', 'eth0', 'arp', 'off')
        self.wire, self.back = Wire(self.a, 'eth0'), Wire(self.b, 'eth0')

    def attach(self, *more, direction='ingress'):
        self.net.flowctl('meter', 'attach', '--netns', self.b, '-n', 'eth0', '--direction', direction, *more)

    def detach(self):
        self.net.flowctl('meter', 'detach', '--all')

    def send(self, frames):
        before = self.ledger()['packets']
        n = 0
        for n, f in enumerate(frames, 1):
            self.wire.send(f)
        wait_for(lambda: self.ledger()['packets'] == before + n, 'the packets metered')
        return n

    def reply(self, frames):
        """From b, metered at its egress."""
        for f in frames:
            self.back.send(f)

    def ledger(self, direction='ingress'):
        """The hook's row of `meter status`."""
        return next(m for m in self.net.json('meter', 'status') if m['direction'] == direction)

    def dump(self):
        return {h.key: h for h in map(Held, self.net.json('dump'))}

    def log(self, name='flow.log'):
        return [Held(r) for r in json_lines(os.path.join(self.dir, name))]

    def config(self, outputs, **keys):
        """A file of it; @outputs are lines of YAML flow mappings."""
        keys = dict(dict(idleTimeoutSeconds=1, count='all'), **keys)
        path = os.path.join(self.dir, 'config-%d.yaml' % time.monotonic_ns())
        with open(path, 'w') as f:
            for k, v in keys.items():
                f.write('%s: %s\n' % (k, v if isinstance(v, (str, int)) else json.dumps(v)))
            f.write('outputs:\n' + ''.join('- %s\n' % json.dumps(o) for o in outputs))
        return path

    def agent(self, outputs, prefix=(), **keys):
        return Agent(self, self.config(outputs, **keys), prefix)


class Agent:
    """with box.agent(outputs) as a: ... ; at the end it is told to stop, and must."""
    def __init__(self, box, config, prefix=()):
        self.box, self.path = box, config
        self.words = config + '.says'
        with open(self.words, 'w') as err:
            self.proc = box.net.spawn(*prefix, find_flowctl(), '--bpffs', box.net.bpffs, 'agent', '-c', config,
                                      stderr=err, stdout=subprocess.DEVNULL)

    def says(self):
        with open(self.words) as f:
            return f.read()

    def __enter__(self):
        wait_for(lambda: 'exporting' in self.says() or self.proc.poll() is not None, 'the agent')
        check(self.proc.poll() is None, 'the agent ended: ' + self.says())
        return self

    def stop(self, sig=signal.SIGTERM, timeout=60):
        if self.proc.poll() is None:
            self.proc.send_signal(sig)
        return self.proc.wait(timeout)

    def __exit__(self, why, *_):
        status = self.stop()
        if not why:
            equal(status, 0, "the agent's exit status")
