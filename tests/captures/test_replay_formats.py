#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`flowctl replay` over captures made here, octet by octet: every link type and format, frames cut
short or longer than a test run takes, times of all kinds, files that are damaged.
"""
import gzip, shutil, signal, struct, subprocess, tempfile, threading, time

from replay_flows import *  # noqa: F403

START_NS = 1795233600 * 10**9           # 2026-11-21T04:00:00Z
IP4, IP6, ETHERNET = 0x0800, 0x86dd, 1
MACS = bytes.fromhex('020000000002 020000000001')
SYN, ACK, FIN, PSH = 2, 16, 1, 8
folder = tempfile.TemporaryDirectory(prefix='flowctl-replay-')


# -- packets

def ip4(payload, proto=17, src=1, dst=2, ident=1):
    head = struct.pack('>BBHHHBBHII', 0x45, 0, 20 + len(payload), ident, 0, 64, proto, 0, 0x0a000000 + src,
                       0x0a000000 + dst)
    return head + payload


def ip6(payload, proto=17):
    address = bytes.fromhex('20010db8000000000000000000000001')
    return struct.pack('>IHBB', 6 << 28, len(payload), proto, 64) + address + address[:-1] + b'\2' + payload


def udp(size=8, sport=1000, dport=2000):
    return struct.pack('>HHHH', sport, dport, size, 0) + bytes(size - 8)


def tcp(flags, seq=1, ack=0, payload=b'', sport=1000, dport=80):
    return struct.pack('>HHIIBBHHH', sport, dport, seq, ack, 0x50, flags, 1000, 0, 0) + payload


def ethernet(packet, proto=IP4):
    return MACS + struct.pack('>H', proto) + packet


# -- files

def pcap(frames, link=ETHERNET, magic=0xa1b2c3d4, order='<', snap=262144):
    """@frames: (time in ns, octets) or (time, octets, octets on the wire)."""
    unit = 1 if magic == 0xa1b23c4d else 1000
    data = struct.pack(order + 'IHHiIII', magic, 2, 4, 0, 0, snap, link)
    for time_ns, octets, *wire in frames:
        wire = wire[0] if wire else len(octets)
        octets = octets[:snap]
        data += struct.pack(order + 'IIII', time_ns // 10**9, time_ns % 10**9 // unit, len(octets), wire) + octets
    return data


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack('<II', kind, len(body) + 12) + body + struct.pack('<I', len(body) + 12)


def pcapng(frames, link=ETHERNET):
    """Times in ns."""
    data = block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1))
    data += block(1, struct.pack('<HHI', link, 0, 0) + struct.pack('<HHB3xHH', 9, 1, 9, 0, 0))
    for time_ns, octets in frames:
        data += block(6, struct.pack('<IIIII', 0, time_ns >> 32, time_ns & 0xffffffff, len(octets), len(octets)) + octets)
    return data


def write(data, name='made.pcap'):
    path = os.path.join(folder.name, name)
    with open(path, 'wb') as f:
        f.write(data)
    return path


def flow(src='10.0.0.1', dst='10.0.0.2', proto=17, sport=1000, dport=2000, vlans=()):
    return Flow(src, dst, proto, sport, dport, None, vlans)


FLOW6 = flow('2001:db8::1', '2001:db8::2')


def records_of(data, *options):
    return replay(write(data), *(options or ('-l', '1000')))


def flows_in(data):
    return {k: v[:2] for k, v in flows_of_records(records_of(data)).items()}


# -- link types

P4, P6 = ip4(udp(20)), ip6(udp(30))
BOTH = {flow(): [1, 40], FLOW6: [1, 70]}
SNAP = bytes.fromhex('aaaa03000000')
LINKS = [       # what, number, the frame of an IPv4 and of an IPv6 packet
    ('Ethernet', 1, ethernet(P4), ethernet(P6, IP6)),
    ('Ethernet with LLC and SNAP', 1, ethernet(SNAP + b'\x08\x00' + P4, 48), ethernet(SNAP + b'\x86\xdd' + P6, 78)),
    ('Ethernet with PPPoE', 1, ethernet(bytes.fromhex('11000001002a0021') + P4, 0x8864),
     ethernet(bytes.fromhex('1100000100480057') + P6, 0x8864)),
    ('raw IP', 101, P4, P6), ('raw IP of old', 12, P4, P6), ('raw IP of OpenBSD', 14, P4, P6),
    ('raw IPv4, raw IPv6', (228, 229), P4, P6),
    ('loopback of a little-endian machine', 0, struct.pack('<I', 2) + P4, struct.pack('<I', 30) + P6),
    ('loopback of a big-endian machine', 0, struct.pack('>I', 2) + P4, struct.pack('>I', 24) + P6),
    ('loopback of OpenBSD', 108, struct.pack('>I', 2) + P4, struct.pack('>I', 24) + P6),
    ('Linux cooked', 113, struct.pack('>HHHQH', 0, 1, 6, 0, IP4) + P4, struct.pack('>HHHQH', 0, 1, 6, 0, IP6) + P6),
    ('Linux cooked, version 2', 276, struct.pack('>HHIHBBQ', IP4, 0, 2, 1, 0, 6, 0) + P4,
     struct.pack('>HHIHBBQ', IP6, 0, 2, 1, 0, 6, 0) + P6),
    ('PPP', 9, b'\x00\x21' + P4, b'\x00\x57' + P6),
    ('PPP, compressed', 9, b'\x21' + P4, b'\x57' + P6),
    ('PPP in HDLC', 50, b'\xff\x03\x00\x21' + P4, b'\xff\x03\x00\x57' + P6),
    ('HDLC of Cisco', 50, b'\x0f\x00\x08\x00' + P4, b'\x0f\x00\x86\xdd' + P6),
    ('PPPoE', 51, bytes.fromhex('1100000100000021') + P4, bytes.fromhex('1100000100000057') + P6),
    ('FDDI', 10, b'\x50' + MACS + SNAP + b'\x08\x00' + P4, b'\x50' + MACS + SNAP + b'\x86\xdd' + P6),
]
# tshark takes these for something else, or wants a length that is not made up.
NOT_TSHARK = {'raw IP of old', 'raw IP of OpenBSD', 'PPP, compressed', 'PPPoE', 'FDDI'}


@test
def every_link_type_gives_the_packets_that_are_in_it():
    for what, number, four, six in LINKS:
        numbers = number if isinstance(number, tuple) else (number, number)
        if numbers[0] == numbers[1]:
            equal(flows_in(pcap([(START_NS, four), (START_NS, six)], number)), BOTH, what)
        else:
            equal(flows_in(pcap([(START_NS, four)], numbers[0])), {flow(): [1, 40]}, what)
            equal(flows_in(pcap([(START_NS, six)], numbers[1])), {FLOW6: [1, 70]}, what)


@test
def tshark_sees_the_same_in_them():
    if not shutil.which('tshark'):
        skip('needs tshark')
    for what, number, four, six in LINKS:
        if what in NOT_TSHARK or isinstance(number, tuple):
            continue
        path = write(pcap([(START_NS, four), (START_NS, six)], number))
        equal(flows_of_records(replay(path)), flows_of(frames_of_tshark(path)), what)


@test
def tags_behind_a_cooked_header_are_seen():
    frame = struct.pack('>HHHQH', 0, 1, 6, 0, 0x8100) + struct.pack('>HH', 7, IP4) + P4
    equal(flows_in(pcap([(START_NS, frame)], 113)), {flow(vlans=(7,)): [1, 40]})


@test
def idle_goes_by_the_captures_own_time():
    frames = [(START_NS, ethernet(ip4(udp(sport=1)))), (START_NS + 90 * 10**9, ethernet(ip4(udp(sport=2))))]
    r = run(FLOWCTL, 'replay', '-o', 'json', '--idle', '1m', write(pcap(frames)))
    equal([f['src_port'] for f in json.loads(r.stdout)], [1])


@test
def frames_of_other_link_types_are_counted():
    r = run(FLOWCTL, 'replay', '-o', 'json', write(pcap([(START_NS, bytes(40))] * 2, 105)))
    equal(json.loads(r.stdout), [])
    equal(r.stderr, 'flowctl replay: 2 frames of link type IEEE802_11 were not read\n')


# -- lengths

def ledger(path):
    told = run(FLOWCTL, '-v', 'replay', path).stderr
    return tuple(int(v) for v in re.search(r'(\d+) frames: (\d+) in flows, (\d+) not IP, (\d+) not parsed', told).groups())


@test
def a_snapped_frame_counts_with_its_length_on_the_wire():
    frame = ethernet(ip4(tcp(ACK, payload=bytes(1400)), 6))
    whole, no_ports = flow(proto=6, dport=80), flow(proto=6, sport=0, dport=0)
    for snap, wanted in (60, whole), (54, whole), (38, whole), (37, no_ports), (34, no_ports):
        equal(flows_in(pcap([(START_NS, frame, 1454)], snap=snap)), {wanted: [1, 1440]}, 'snapped at %d' % snap)
    for snap in 33, 20, 15, 14, 13, 1, 0:
        path = write(pcap([(START_NS, frame, 1454)], snap=snap))
        equal(replay(path), [], 'snapped at %d' % snap)
        equal(ledger(path), (1, 0, 0, 1), 'snapped at %d' % snap)
    frame = ethernet(ip6(udp(1000)), IP6)
    equal(flows_in(pcap([(START_NS, frame, 1054)], snap=58)), {FLOW6: [1, 1040]})
    for snap in 53, 40:
        equal(ledger(write(pcap([(START_NS, frame, 1054)], snap=snap))), (1, 0, 0, 1))


@test
def padding_is_no_header():
    equal(flows_in(pcap([(START_NS, ethernet(ip4(b'\1' * 2)) + b'\xff' * 24)])), {flow(sport=0, dport=0): [1, 22]})


@test
def frames_that_no_test_run_takes_are_counted_whole():
    frames = [(START_NS + i, ethernet(ip4(udp(size)))) for i, size in enumerate((1480, 3000, 4000, 4100, 9000, 65515))]
    equal(flows_in(pcap(frames)), {flow(): [6, sum(20 + s for s in (1480, 3000, 4000, 4100, 9000, 65515))]})
    # BIG TCP: the length field is 0.
    big = ethernet(struct.pack('>BBH', 0x45, 0, 0) + ip4(tcp(ACK, payload=bytes(150000 - 40))[:65000], 6)[4:])
    equal(flows_in(pcap([(START_NS, big, 150014)])), {flow(proto=6, dport=80): [1, 150000]})


# -- formats

@test
def the_format_of_the_file_makes_no_difference():
    frames = [(START_NS + i * 1234567, ethernet(ip4(udp(20 + i)))) for i in range(50)]
    wanted = [{**r, 'timestamp': None} for r in records_of(pcap(frames))]
    equal(len(wanted), 1)
    for what, data in [('big-endian', pcap(frames, order='>')), ('nanoseconds', pcap(frames, magic=0xa1b23c4d)),
                       ('pcapng', pcapng(frames)), ('gzip', gzip.compress(pcap(frames))),
                       ('pcapng and gzip', gzip.compress(pcapng(frames)))]:
        equal([{**r, 'timestamp': None} for r in records_of(data)], wanted, what)
        with open(write(data), 'rb') as f:
            out = subprocess.run([FLOWCTL, 'replay', '-l', '1000', '-o', 'json', '-'], stdin=f, stdout=subprocess.PIPE, check=True)
        equal([{**r, 'timestamp': None} for r in json.loads(out.stdout)], wanted, what + ' by a pipe')


# -- times

def times_of(times_ns):
    """(packets, first, last) of the one record that a flow with packets at these times makes."""
    records = records_of(pcap([(t, ethernet(P4)) for t in times_ns], magic=0xa1b23c4d))
    equal(len(records), 1)
    return records[0]['packets'], epoch_us(records[0]['first_seen']), epoch_us(records[0]['last_seen'])


S, HOUR, DAY = 10**9, 3600 * 10**9, 24 * 3600 * 10**9
TIMES = [
    ('one packet', [0]),
    ('nanoseconds', [1, 999, 1001, 123456789, 123457001]),
    ('a little back', [10 * S, 10 * S - 1000, 10 * S + 5000, 10 * S + 4000, 10 * S + 1]),
    ('back and forth', [5 * S if i % 2 else i * 1000 for i in range(100)]),
    ('an hour back', [HOUR, HOUR + S, 0, S]),
    ('days back', [30 * DAY, 0, 29 * DAY]),
    ('half an hour', [0, HOUR // 2 - 1, HOUR // 2, HOUR // 2 + 1]),
    ('2^31 us', [0, 2147483647000, 2147483648000, 2147483649000]),
    ('2^32 us', [0, 4294967296000, 4294967297000]),
    ('hours', [0, 26 * HOUR, 26 * HOUR + 1000, 71 * HOUR]),
    ('a packet an hour', [i * HOUR for i in range(100)]),
    ('weeks', [0, 40 * DAY, 41 * DAY + 123456000]),
]


@test
def first_and_last_are_exact_whatever_the_clock_does():
    for what, offsets in TIMES:
        times = [START_NS + t for t in offsets]
        equal(times_of(times), (len(times), min(times) // 1000, max(times) // 1000), what)


@test
def the_epoch_of_the_clock_is_of_no_matter():
    for start in 0, S, 2**31 * S - S, 2**31 * S, 4294967000 * S:
        times = [start, start + 1000, start + 5 * S]
        equal(times_of(times), (3, start // 1000, start // 1000 + 5000000), str(start))


@test
def a_time_that_cannot_be_is_the_nearest_that_can():
    data = bytearray(pcap([(0, ethernet(P4)), (5000, ethernet(P4))]))
    data[28:32] = b'\xff' * 4
    far = pcapng([(2**64 - 1, ethernet(P4))])
    for what, capture, first, last in [('no fraction', bytes(data), '1970-01-01T00:00:00.000005Z',
                                        '1970-01-01T00:00:00.999999Z'),
                                       ('year 586524', far, '2262-04-11T23:47:15.709551Z',
                                        '2262-04-11T23:47:15.709551Z')]:
        r = records_of(capture)[0]
        equal((r['first_seen'], r['last_seen']), (first, last), what)


@test
def frames_too_far_from_the_first_one_are_told():
    frames = [(t * S, ethernet(P4)) for t in (0, 1700000000, 1700000001)]
    out = subprocess.run([FLOWCTL, 'replay', write(pcap(frames))], capture_output=True, text=True)
    equal(out.returncode, 0)
    equal(out.stderr, 'flowctl replay: 2 frames are more than 18 years from the first one: '
                      'the times of their flows are wrong\n')


@test
def nor_is_their_time_of_any_matter_to_the_health_of_tcp():
    def frames(first):
        conversation = [tcp(SYN), tcp(SYN | ACK, 100, 2, b'', 80, 1000), tcp(ACK, 2, 101)]
        for seq in range(2, 52, 10):
            conversation += [tcp(ACK, seq, 101, bytes(10))] * 2 + [tcp(ACK, 101, seq + 10, b'', 80, 1000)]
        yield first, ethernet(P4)
        for n, segment in enumerate(conversation):
            ends = (2, 1) if segment[:2] == struct.pack('>H', 80) else (1, 2)
            yield START_NS - 10**9 * (40 * 365 * 86400 if first == START_NS else 0) + n * 10**6, ethernet(
                ip4(segment, 6, *ends))

    for first in START_NS - 1, START_NS:
        r = [r for r in records_of(pcap(list(frames(first)))) if r['dst_port'] == 80]
        equal([(r['packets'], r['retransmissions'], r['max_bytes_in_flight']) for r in r], [(12, 5, 10)], first)


@test
def fragments_find_their_first_one_by_the_clock_of_the_capture():
    def fragment(offset, more, payload):
        packet = bytearray(ip4(payload, ident=77))
        packet[6:8] = struct.pack('>H', (more << 13) | offset // 8)
        return ethernet(bytes(packet))

    frames = [(START_NS, fragment(0, 1, udp(1008))), (START_NS + 29 * S, fragment(1008, 0, bytes(100)))]
    equal(flows_in(pcap(frames)), {flow(): [2, 1148]})
    frames[1] = (START_NS + 31 * S, frames[1][1])
    equal(flows_in(pcap(frames)), {flow(): [1, 1028], flow(sport=0, dport=0): [1, 120]})


# -- many flows

@test
def more_flows_than_the_table_holds_are_exact_and_in_order():
    frames, wanted = [], {}
    for n in range(3000):
        for turn in range(1 + n % 3):
            frames.append((n * 1000 + turn * 700, n))
    frames = [(START_NS + t * 1000, n) for t, n in sorted(frames)]
    for t, n in frames:
        add(wanted, flow(sport=1000 + n), 1, 48 + n % 50, t // 1000, t // 1000)
    data = pcap([(t, ethernet(ip4(udp(28 + n % 50, sport=1000 + n)))) for t, n in frames])
    for size in 1, 16, 1000, 100000:
        records = records_of(data, '-l', str(size))
        equal([flow_of_record(r) for r in records], list(wanted), 'flows with room for %d' % size)
        equal(flows_of_records(records), wanted, 'room for %d' % size)


@test
def a_port_that_is_used_again_gives_two_records_an_end():
    def side(t, packet, back=False):
        return START_NS + t * 1000, ethernet(ip4(packet, 6, *((2, 1) if back else (1, 2))))

    def connection(t, isn, payload):
        return [side(t, tcp(SYN, isn)), side(t + 10, tcp(SYN | ACK, 9 * isn, isn + 1, sport=80, dport=1000), True),
                side(t + 20, tcp(ACK, isn + 1, 9 * isn + 1)),
                side(t + 30, tcp(ACK | PSH, isn + 1, 9 * isn + 1, bytes(payload))),
                side(t + 40, tcp(ACK | FIN, isn + 1 + payload, 9 * isn + 1)),
                side(t + 50, tcp(ACK | FIN, 9 * isn + 1, isn + 2 + payload, sport=80, dport=1000), True),
                side(t + 60, tcp(ACK, isn + 2 + payload, 9 * isn + 2))]

    data = pcap(connection(0, 1000, 100) + connection(5000, 70000, 200))
    for options in (), ('-l', '1'):
        records = [(r['src_ip'], r['packets'], r['bytes']) for r in records_of(data, *options)]
        equal(records, [('10.0.0.1', 5, 300), ('10.0.0.2', 2, 80), ('10.0.0.1', 5, 400), ('10.0.0.2', 2, 80)])


# -- what goes wrong

@test
def of_a_damaged_file_the_flows_that_were_read_are_printed():
    frames = [(START_NS + i, ethernet(ip4(udp(20)))) for i in range(1000)]
    for what, data in ('pcap', pcap(frames)[:-10]), ('pcapng', pcapng(frames)[:-10]), \
            ('gzip', gzip.compress(pcap(frames))[:-30]):
        r = run(FLOWCTL, 'replay', '-o', 'json', write(data), ok=False)
        equal(r.returncode, 1, what)
        check(re.fullmatch(r"flowctl replay: cannot read '\S+' to its end: [^\n]+\n", r.stderr), r.stderr)
        records = json.loads(r.stdout)
        check(len(records) == 1 and 0 < records[0]['packets'] < 1000 or what == 'gzip', what)


@test
def what_is_no_capture_is_told_in_one_line():
    gone = os.path.join(folder.name, 'gone')
    for status, argv, words in [(1, [gone], 'No such file'), (1, [write(b'# no capture\n' * 9, 'text')], 'as a capture'),
                                (1, [write(b'', 'empty')], 'as a capture'), (1, [folder.name], folder.name),
                                (2, [], 'FILE'), (2, ['a', 'b'], 'FILE'), (2, ['--decap', 'genev', gone], '--decap'),
                                (2, ['--columns', 'no-such', gone], 'no-such')]:
        r = run(FLOWCTL, 'replay', *argv, ok=False)
        equal((r.returncode, r.stdout), (status, ''), str(argv))
        check(words in r.stderr and r.stderr.startswith('flowctl replay: '), r.stderr)


@test
def an_interrupt_prints_what_was_read():
    data = pcap([(START_NS, ethernet(ip4(udp(20, sport=n)))) for n in range(1, 20001)])
    p = subprocess.Popen([FLOWCTL, 'replay', '-o', 'json', '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=False)
    p.stdin.write(data)         # more than the pipe holds: it reads, and catches signals
    p.stdin.flush()
    # While it waits for a full buffer the first may not be noticed.
    reader = threading.Timer(0, lambda: told.append((p.stdout.read(), p.stderr.read())))
    told = []
    reader.start()
    while p.poll() is None:
        p.send_signal(signal.SIGINT)
        time.sleep(0.2)
    reader.join()
    (out, err), = told
    equal((p.returncode, err), (0, b''))
    check(len(json.loads(out)) > 1000)


main()
