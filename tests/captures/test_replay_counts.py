#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`flowctl replay` over captures that nobody of this project made: its flows are tshark's, with
packets, bytes and times, no flow more or less.

Where a frame is judged otherwise, replay_differences.tsv has a row of it, with the reason.
"""
import tempfile

from replay_flows import *  # noqa: F403

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, 'replay_differences.tsv')
# tshark's name of a conversation table, and the protocol.
TABLES = {'tcp': 6, 'udp': 17}
# Less than the default, which takes longer to make; how healthy TCP was, others look at.
SMALL = '-l', 1000, '--tcp-metrics', 'off'
# One capture of so many is looked at twice.
AGAIN = 4
seen = {}


def prepare():
    need_captures()
    if not seen:
        look_at_all()


def look_at_all():
    """seen[name]: (tshark's frames, our records, what is told). tshark starts slowly: once for all."""
    paths = [os.path.join(CAPTURES, name) for name in captures()]
    with tempfile.TemporaryDirectory() as folder:
        merged = os.path.join(folder, 'all.pcapng')
        counts = concatenate(paths, merged)
        frames = frames_of_tshark(merged)
    equal(sum(counts), len(frames), 'the frames of all captures')
    for name, path, n in zip(captures(), paths, counts):
        r = run(FLOWCTL, '-v', 'replay', *SMALL, '-o', 'json', path)
        seen[name] = frames[:n], json.loads(r.stdout), r.stderr
        del frames[:n]


def rows():
    with open(TABLE, encoding='utf-8') as f:
        return list(csv.DictReader((line for line in f if not line.startswith('#')), delimiter='\t',
                                   quoting=csv.QUOTE_NONE))


def text_of(there):
    if not there:
        return '-'
    flow, size = there
    return ' '.join(str(v) for v in (flow.src, flow.dst, flow.proto, flow.sport, flow.dport, flow.icmp, size))


def judged(name, frames):
    """Where tshark has each frame, but for those of the table."""
    places = list(place(frames))
    for row in rows():
        if row['capture'] != name:
            continue
        n = int(row['frame']) - 1
        equal(text_of(places[n]), row['theirs'], '%s: frame %d for tshark' % (name, n + 1))
        places[n] = None
        if row['ours'] != '-':
            src, dst, proto, sport, dport, rest = row['ours'].split(' ', 5)
            icmp, size = rest.rsplit(' ', 1)
            places[n] = Flow(src, dst, int(proto), *(None if p == 'None' else int(p) for p in (sport, dport)),
                             None if icmp == 'None' else tuple(int(v) for v in re.findall(r'\d+', icmp)),
                             frames[n].vlans()), int(size)
    return places


@test
def flows_have_the_packets_the_bytes_and_the_times_that_tshark_sees():
    prepare()
    wrong, flows, differ = [], 0, 0
    for name in captures():
        frames, records, told = seen[name]
        if 'were not read' in told:
            continue
        theirs = flows_of(frames, judged(name, frames))
        found = differences(theirs, flows_of_records(records))
        wrong += ['%s: %s: tshark %s, ours %s' % (name, *d) for d in found]
        flows += len(theirs)
        differ += sum(row['capture'] == name for row in rows())
    print('# %d captures, %d flows, %d frames that the table explains' % (len(captures()), flows, differ))
    check(not wrong, '\n# '.join(wrong[:20]))


@test
def every_frame_is_in_a_flow_or_counted():
    prepare()
    for name in captures():
        frames, records, told = seen[name]
        if 'were not read' in told:
            told_of = int(re.search(r'(\d+) frames of link type', told).group(1))
            equal(told_of, len(frames), name)
            continue
        n, in_flows, not_ip, not_parsed = (int(v) for v in re.search(
            r'(\d+) frames: (\d+) in flows, (\d+) not IP, (\d+) not parsed', told).groups())
        equal(n, len(frames), name)
        equal(n, in_flows + not_ip + not_parsed, name)
        equal(in_flows, sum(r['packets'] for r in records), name)


@test
def conversations_have_the_packets_that_tsharks_own_tables_have():
    prepare()
    names = [name for name in captures() if is_plain(name)]
    with tempfile.TemporaryDirectory() as folder:
        merged = os.path.join(folder, 'plain.pcapng')
        concatenate([os.path.join(CAPTURES, name) for name in names], merged)
        theirs = {table: conversation_table(merged, table) for table in TABLES}
    for table, proto in TABLES.items():
        ours = collections.Counter()
        for flow, packets in ((flow_of_record(r), r['packets']) for name in names for r in seen[name][1]):
            if flow.proto == proto:
                ours[(flow.src, flow.sport, flow.dst, flow.dport)] += packets
        equal({k: (v, theirs[table][k]) for k, v in (ours | theirs[table]).items() if theirs[table][k] != ours[k]}, {},
              table)
        print('# %d captures, %d ways of %s' % (len(names), len(ours), table))
        check(len(ours) > 20)


def is_plain(name):
    """Where tshark's tables count every packet once, and by what its one IP header says: of a frame
    that was captured in part they leave out the TCP header whose options are not there."""
    frames, _, told = seen[name]
    return 'were not read' not in told and not any(row['capture'] == name for row in rows()) and all(
        is_metered(f) and not f.fragment and len(f.f['ip.src']) + len(f.f['ipv6.src']) == 1 and
        'ipv6.' not in f.f['frame.protocols'][0] and
        (f.proto != 6 or f.f['tcp.len']) and f.f['frame.cap_len'] == f.f['frame.len'] for f in frames)


def conversation_table(path, table):
    """{(src, sport, dst, dport): packets}"""
    ways = collections.Counter()
    number, size = r'(\d+)', r'\d+ (?:bytes|kB|MB)'
    line = re.compile(r'(\S+):(\d+)\s+<->\s+(\S+):(\d+)\s+%s %s\s+%s %s' % (number, size, number, size))
    for m in line.finditer(tshark(path, '-q', '-z', 'conv,' + table)):
        a, aport, b, bport, to_a, to_b = m.groups()
        ways[(a, int(aport), b, int(bport))] += int(to_b)
        ways[(b, int(bport), a, int(aport))] += int(to_a)
    return +ways


@test
def two_runs_print_the_same():
    prepare()
    for name in captures()[::AGAIN]:
        again = replay(os.path.join(CAPTURES, name), *SMALL)
        equal(*([{**r, 'timestamp': None} for r in records] for records in (seen[name][1], again)), name)


main()
