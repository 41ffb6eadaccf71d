#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TCP's health of connections with every ailment, as `dump` says it and as it leaves: each
element, each key of a log, of either direction, is what dump has."""
from collect import Collect
from elements import ELEMENTS
from fixbuf import *
from live import *
from truth import from_octets, plain

box = Box('health')
FIN, SYN, PSH, ACK, ECE, CWR = 1, 2, 8, 16, 64, 128
ECT1, ECT0, CE = 1, 2, 3

# The element of each key of a record.
KEYS = {
    'handshake_latency_us': 'tcpHandshakeLatencyMicroseconds', 'handshake_server_us': 'tcpHandshakeServerMicroseconds',
    'handshake_client_us': 'tcpHandshakeClientMicroseconds', 'retransmissions': 'tcpRetransmissionDeltaCount',
    'fast_retransmits': 'tcpFastRetransmissionDeltaCount', 'timeout_retransmits': 'tcpTimeoutRetransmissionDeltaCount',
    'spurious_retransmits': 'tcpSpuriousRetransmissionDeltaCount', 'avg_jitter_us': 'tcpJitterMeanMicroseconds',
    'max_jitter_us': 'tcpJitterMaximumMicroseconds', 'min_window_size': 'tcpWindowMinimum',
    'max_window_size': 'tcpWindowMaximum', 'last_window_size': 'tcpWindowLast', 'zero_windows': 'tcpZeroWindowDeltaCount',
    'out_of_order_pkts': 'tcpOutOfOrderDeltaCount', 'duplicate_acks': 'tcpDuplicateAckDeltaCount',
    'min_rtt_us': 'tcpRttMinimumMicroseconds', 'max_rtt_us': 'tcpRttMaximumMicroseconds',
    'avg_rtt_us': 'tcpRttMeanMicroseconds', 'rtt_samples': 'tcpRttSampleDeltaCount',
    'ecn_ect0_pkts': 'tcpEcnEct0DeltaCount', 'ecn_ect1_pkts': 'tcpEcnEct1DeltaCount', 'ecn_ce_pkts': 'tcpEcnCeDeltaCount',
    'ecn_ece_pkts': 'tcpEcnEceDeltaCount', 'ecn_cwr_pkts': 'tcpEcnCwrDeltaCount',
    'max_bytes_in_flight': 'tcpBytesInFlightMaximum', 'keep_alives': 'tcpKeepAliveDeltaCount',
}
# Bits of tcpHealthObserved, and a key that is null without it.
BITS = {1: 'retransmissions', 2: 'handshake_server_us', 4: 'handshake_client_us', 8: 'min_rtt_us', 16: 'min_window_size',
        32: 'avg_jitter_us', 64: 'max_bytes_in_flight'}
OWN = sorted(n for n in ELEMENTS if n.startswith('tcp') and ELEMENTS[n]['pen'] == 32473)


class Talk:
    """A connection of scripted segments: c() is the client's, metered where it comes in, s() the
    server's, metered where it goes out. They take (sequence number - ISN, octets)."""
    def __init__(self, client, server, port):
        self.ends = client, server
        self.port, self.acks = port, [0, 0]

    def segment(self, way, at, size=0, flags=ACK, window=1000, ecn=0):
        src, dst = self.ends[way], self.ends[1 - way]
        ports = (self.port, 443) if way == 0 else (443, self.port)
        isn = 0xfffffff0, 7000
        ack = isn[1 - way] + self.acks[way] if flags & ACK else 0
        body = tcp(*ports, flags, bytes(size), (isn[way] + at) % 2**32, ack % 2**32, window)
        packet, kind = (ipv6(src, dst, 6, body, tclass=ecn), 0x86dd) if ':' in src else (ipv4(src, dst, 6, body, tos=ecn), 0x800)
        (box.wire if way == 0 else box.back).send(eth(*((MAC_B, MAC_A) if way == 0 else (MAC_A, MAC_B)), kind, packet))

    def c(self, *a, **k):
        self.segment(0, *a, **k)

    def s(self, *a, ack=None, **k):
        if ack is not None:
            self.acks[1] = ack
        self.segment(1, *a, **k)

    def open(self):
        self.c(0, flags=SYN | ECE | CWR)
        time.sleep(0.004)
        self.s(0, flags=SYN | ACK | ECE, ack=1)
        time.sleep(0.002)
        self.acks[0] = 1
        self.c(1)

    def ail(self):
        """From 1 on the client sends what gets lost, is overtaken and sent again."""
        for i in range(5):
            self.c(1 + 100 * i, 100, ecn=ECT0 if i % 2 else ECT1)
            time.sleep(0.001 * i)
            self.s(1, ack=101 + 100 * i)
        self.c(601, 100, ecn=CE)                    # 501 is missing
        for _ in range(4):
            self.s(1)
        self.c(501, 100, flags=ACK | CWR)           # as they asked
        self.s(1, ack=701)
        self.c(801, 100)
        self.c(701, 100)                            # overtaken
        self.c(901, 100)
        time.sleep(0.25)
        self.c(901, 100)                            # nobody asked
        self.s(1, ack=1001)
        self.c(901, 100)                            # it had arrived
        self.s(1, window=0)
        self.s(1, window=900, flags=ACK | ECE)
        self.c(1000)                                # are you there?
        self.s(1)
        self.s(1, 500)
        self.acks[0] = 501
        self.c(1001)


# Of the client's direction and the server's, what the script above makes for certain.
SCRIPTED = (dict(spurious_retransmits=1, duplicate_acks=0, zero_windows=0, keep_alives=1, min_window_size=1000,
                 ecn_ect0_pkts=2, ecn_ect1_pkts=3, ecn_ce_pkts=1, ecn_ece_pkts=1, ecn_cwr_pkts=2, ecn_flags=31),
            dict(retransmissions=0, duplicate_acks=4, zero_windows=1, keep_alives=0, min_window_size=0,
                 max_window_size=1000, last_window_size=1000, ecn_ect0_pkts=0, ecn_ece_pkts=2, ecn_cwr_pkts=0,
                 ecn_flags=8, max_bytes_in_flight=500, avg_jitter_us=None))


def ailing():
    """New meters; what they saw of three connections, by key(), the last without its handshake."""
    box.detach()
    box.attach(direction='both')
    for talk, shake in ((Talk('192.0.2.1', '198.51.100.1', 40000), True), (Talk('2001:db8::1', '2001:db8:1::1', 40000), True),
                        (Talk('192.0.2.1', '198.51.100.1', 40001), False)):
        if shake:
            talk.open()
        talk.ail() if shake else talk.c(1)
    box.send(flow('192.0.2.2', '198.51.100.1', 17, 53, 53, 5))
    d = box.dump()
    equal(len(d), 6, 'flows')
    return d


def setup():
    box.setup()


def back_of(d, h):
    return next(o for o in d.values() if (o['src_ip'], o['src_port'], o['dst_port']) == (h['dst_ip'], h['dst_port'], h['src_port']))


def reverse(name):
    return 'reverseT' + name[1:]


def wanted_of(h):
    """Elements to numbers: what is null is 0, and a bit less."""
    w = {e: h[k] or 0 for k, e in KEYS.items()}
    w['tcpHealthObserved'] = sum(bit for bit, k in BITS.items() if h[k] is not None)
    return w


@test
def every_key_has_its_element():
    equal(sorted(OWN), sorted([*KEYS.values(), 'tcpHealthObserved']), 'elements')


@test
def the_connections_have_what_is_to_be_told():
    d = ailing()
    for src, dst in ('192.0.2.1', '198.51.100.1'), ('2001:db8::1', '2001:db8:1::1'):
        c, s = d[src, dst, 6, 40000, 443], d[dst, src, 6, 443, 40000]
        for h, wanted in (c, SCRIPTED[0]), (s, SCRIPTED[1]):
            equal({k: h[k] for k in wanted}, wanted, 'what was scripted')
            check(h['handshake_server_us'] >= 4000 and h['handshake_client_us'] >= 2000 and h['min_rtt_us'] is not None, h)
        # Whether it is late enough for the one or the other, a busy machine decides.
        equal(c['fast_retransmits'] + c['timeout_retransmits'] + c['out_of_order_pkts'], 3, 'what filled a gap, or came again')
        check(c['max_jitter_us'] > 200000 and c['max_bytes_in_flight'] >= 200, c)
    for h in d.values():
        equal([k for k in KEYS if h[k] is not None] if h['proto'] == 'UDP' else [], [], 'health of UDP')
    one = d['192.0.2.1', '198.51.100.1', 6, 40001, 443]
    equal([one[k] for k in ('handshake_server_us', 'retransmissions', 'min_rtt_us')], [None, 0, None], 'a lonely ACK')


def key_of(v):
    """Of a record with these values by name."""
    v6 = 'sourceIPv6Address' in v
    src, dst = ('sourceIPv6Address', 'destinationIPv6Address') if v6 else ('sourceIPv4Address', 'destinationIPv4Address')
    return (v[src], v[dst], int(v['protocolIdentifier']), int(v['sourceTransportPort']), int(v['destinationTransportPort']))


COMMON = ['protocolIdentifier', 'sourceTransportPort', 'destinationTransportPort', 'packetDeltaCount']


def own_templates(more=()):
    return [{'id': 1024 + v6, 'template': ['sourceIPv%dAddress' % v, 'destinationIPv%dAddress' % v, *COMMON, *OWN, *more]}
            for v6, v in ((0, 4), (1, 6))]


def agrees(v, h, back=None):
    """That the values @v of a record are those of @h: as many elements of health as were checked."""
    wanted = dict(wanted_of(h), **{reverse(n): x for n, x in wanted_of(back).items()} if back else {})
    told = [n for n in v if n in wanted]
    for n in told:
        equal(int(v[n]), wanted[n], '%s of %s' % (n, h.key))
    return len(told)


def exported(path, outputs, **keys):
    run(find_flowctl(), '--bpffs', box.net.bpffs, 'agent', '--once', '-c', path or box.config(outputs, **keys))


@test
def every_element_is_what_dump_says():
    d = ailing()
    with Collect() as c, Fixbuf() as f:
        exported(None, [{'collector': {'remoteAddress': '127.0.0.1:%d' % p}} for p in (c.port, f.port)], count='all',
                 templates=own_templates())
        f.wait(len(d))
        wait_for(lambda: len(c.data) >= len(d), 'all records')
        for v in c.data:
            equal(agrees(v, d[key_of(v)]), len(OWN), 'elements')
        equal(sorted(map(key_of, c.data)), sorted(d), 'records')
        equal(f.complaints, [], 'what libfixbuf complains of')
        ids = {(32473, ELEMENTS[n]['id']): n for n in OWN}
        for x in f.records:
            v = {ids.get((pen, number), called): from_octets(shown, 0) if pen else plain(called, shown)
                 for pen, number, called, _, shown in x.elements}
            equal(agrees(v, d[key_of(v)]), len(OWN), 'elements')


@test
def the_builtin_templates_tell_the_core_of_it():
    for profile in 'default', 'nfdump', 'pmacct', 'ntop', 'strict':
        d = ailing() if profile == 'default' else d
        with Collect('--strict') as c:
            exported(None, [{'collector': {'remoteAddress': '127.0.0.1:%d' % c.port, 'profile': profile}}], count='all')
            wait_for(lambda: len(c.data) >= len(d), 'all records')
            equal(c.findings(), [], profile)
            for v in c.data:
                h = d[key_of(v)]
                equal((v['packetDeltaCount'], v['octetDeltaCount']), h.counts, 'packets and octets')
                equal(agrees(v, h), 16 if h['proto'] == 'TCP' else 0, 'elements of protocol %d' % h.key[2])


@test
def both_directions_are_in_one_record():
    """Which a running agent alone makes."""
    back = [reverse(n) for n in OWN if 'Handshake' not in n]
    own = own_templates(['biflowDirection', 'reversePacketDeltaCount', *back])
    for more, n in ({}, 16 + 11), ({'templates': own}, len(OWN) + len(back)):
        d = ailing()
        with Collect('--strict') as c:
            with box.agent([{'collector': {'remoteAddress': '127.0.0.1:%d' % c.port}}], count='once', biflow=True, **more):
                wait_for(lambda: len(c.data) >= 4, 'all records')
            equal(c.findings(), [], 'what it says')
            pairs = [v for v in c.data if v.get('reversePacketDeltaCount')]
            equal(len(pairs), 2, 'records of both directions')
            for v in pairs:
                h = d[key_of(v)]
                equal(agrees(v, h, back_of(d, h)), n, 'elements')


@test
def a_log_is_what_dump_says():
    d = ailing()
    path = os.path.join(box.dir, 'health.log')
    exported(None, [{'log': {'file': path}}, {'log': {'file': path + '.text', 'format': 'text'}}], count='all')
    logged = {h.key: h for h in box.log('health.log')}
    for key, h in d.items():
        equal({k: logged[key][k] for k in KEYS}, {k: h[k] for k in KEYS}, 'health in the log')
        equal(logged[key]['ecn_flags'], h['ecn_flags'], 'ecn_flags')
    with open(path + '.text') as f:
        for l in f:
            v = dict(w.split('=', 1) for w in l.split())
            h = d[v['src'], v['dst'], PROTOS[v['proto']], int(v['src_port']), int(v['dst_port'])]
            equal({k: int(v[k]) for k in KEYS if k in v}, {k: h[k] for k in KEYS if h[k] is not None}, 'health in the text')


main(box.net, setup)
