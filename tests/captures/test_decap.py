#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`flowctl replay --decap` over captures of tunnels that nobody of this project made: the flows are
those of the packets that tshark finds one level inside, with packets, bytes and times; and where it
finds none, those of the frame. No frame is judged otherwise.
"""
import tempfile

from layers import inner_packet, layers_of
from replay_flows import *  # noqa: F403

TUNNELS = re.compile('zeek/tunnels/|.*erspan')
# Those without a tunnel, in which nothing may change.
OTHERS = re.compile('zeek/(l2|tcp|ipv4|ipv6|icmp|trunc)/')
seen = {}


class Seen:
    """Of a capture: each frame as it goes by (that of tshark, or the packet inside), what we say."""
    def __init__(self, frames, layers, path):
        self.frames, self.layers = frames, layers
        self.inside = [inner_packet(x, f.number('frame.len'), f.time_us) for x, f in zip(layers, frames)]
        self.by = [i or f for i, f in zip(self.inside, frames)]
        r = run(FLOWCTL, '-v', 'replay', '--decap', 'all', '-l', 1000, '-o', 'json', path)
        self.records, self.told = json.loads(r.stdout), r.stderr
        self.not_read = 'were not read' in self.told

    def refused(self):
        """{reason: packets}"""
        return {word: int(n) for n, word in re.findall(r'(\d+) not decapsulated \((\w+)\)', self.told)}


def told(text, pattern):
    m = re.search(pattern, text)
    return int(m.group(1)) if m else 0


def prepare():
    need_captures()
    if not seen:
        look_at_all()


def paths_of(pattern):
    return {name: os.path.join(CAPTURES, name) for name in captures() if pattern.match(name)}


def look_at_all():
    paths = paths_of(TUNNELS)
    with tempfile.TemporaryDirectory() as folder:
        merged = os.path.join(folder, 'all.pcapng')
        counts = concatenate(paths.values(), merged)
        frames, layers = frames_of_tshark(merged), list(layers_of(merged))
    equal((len(frames), len(layers)), (sum(counts),) * 2, 'the frames of all captures')
    for (name, path), n in zip(paths.items(), counts):
        seen[name] = Seen(frames[:n], layers[:n], path)
        del frames[:n], layers[:n]


def flow_inside(r):
    """That of a record of --decap."""
    flow = flow_of_record({**r, 'src_ip': r['pkt_src_ip'], 'dst_ip': r['pkt_dst_ip']})
    return flow._replace(vlans=(r['tunnel'], r['vni'], *flow.vlans)) if r['encapsulated'] else flow


def flows_inside(records):
    flows = {}
    for r in records:
        add(flows, flow_inside(r), r['packets'], r['bytes'], epoch_us(r['first_seen']), epoch_us(r['last_seen']))
    return flows


@test
def flows_are_those_of_the_packets_that_tshark_finds_inside():
    prepare()
    wrong, flows, tunnels = [], 0, 0
    for name, s in seen.items():
        if s.not_read:
            continue
        theirs = flows_of(s.by)
        wrong += ['%s: %s: tshark %s, ours %s' % (name, *d) for d in differences(theirs, flows_inside(s.records))]
        flows, tunnels = flows + len(theirs), tunnels + sum(x is not None for x in s.inside)
    print('# %d captures, %d flows, %d frames in tunnels' % (len(seen), flows, tunnels))
    check(not wrong, '\n# '.join(wrong[:20]))
    check(tunnels > 900, 'tunnels that tshark finds')


@test
def every_frame_is_in_a_flow_or_counted():
    prepare()
    for name, s in seen.items():
        if s.not_read:
            continue
        n, in_flows, not_ip, not_parsed = (told(s.told, r'(\d+) ' + word) for word in (
            'frames', 'in flows', 'not IP', 'not parsed'))
        equal((n, in_flows), (len(s.frames), sum(r['packets'] for r in s.records)), name)
        equal(in_flows + not_ip + not_parsed, n, name)
        # What is inside decides nothing of that.
        equal(in_flows, sum(there is not None for there in place(s.frames)), name)
        equal(told(s.told, r'(\d+) decapsulated'), sum(r['packets'] for r in s.records if r['encapsulated']), name)


@test
def the_outer_addresses_are_those_of_the_first_packet():
    prepare()
    n = 0
    for name, s in seen.items():
        first = {}
        for by, there in zip(s.by, place(s.by)):
            if there:
                first.setdefault(there[0], by)
        for r in s.records:
            by = first[flow_inside(r)]
            outer = getattr(by, 'outer', by)
            equal((r['src_ip'], r['dst_ip']), (outer.src, outer.dst), name)
            n += r['encapsulated']
    check(n > 50, '%d flows in tunnels' % n)


# What there is no way into, by what tshark shows of the frame. All others are none of these tunnels.
REFUSED = {
    'zeek/l2/erspan.pcap': {'fragment': 55, 'non_ip': 10},
    'zeek/tunnels/geneve-arp.pcap': {'protocol': 1},
    'zeek/tunnels/geneve-truncated.pcapng': {'short': 1},
    'zeek/tunnels/gre-aruba-amsdu.pcap': {'protocol': 1},
    'zeek/tunnels/gre-aruba-ccmp.pcap': {'protocol': 2},
    'zeek/tunnels/gre-aruba.pcap': {'protocol': 2407},
    'zeek/tunnels/mpls-6in6-6in6-invalid-version-6.pcap': {'inner': 1},
    'zeek/tunnels/vxlan.pcap': {'non_ip': 2},
}


@test
def what_there_is_no_way_into_is_counted_by_its_reason():
    prepare()
    for name, s in seen.items():
        equal(s.refused(), REFUSED.get(name, {}), name)
    # tshark, of two of them: fragments of GRE, and ARP.
    erspan = seen['zeek/l2/erspan.pcap']
    equal(sum(f.family is not None and f.proto == 47 and f.fragment is not None for f in erspan.frames), 55)
    for name, n in ('zeek/l2/erspan.pcap', 10), ('zeek/tunnels/vxlan.pcap', 2):
        equal(sum(any(x.name == 'arp' for x in layers) for layers in seen[name].layers), n)


def without_time(records):
    return [{**r, 'timestamp': None} for r in records]


@test
def where_there_is_no_tunnel_nothing_changes():
    prepare()
    paths = {n: p for n, p in paths_of(OTHERS).items() if n not in seen}
    kinds = csv.DictReader(io.StringIO(run('capinfos', '-T', '-M', '-E', *paths.values()).stdout), delimiter='\t')
    by_kind = {}
    for path, row in zip(paths.values(), kinds):
        by_kind.setdefault(row['File encapsulation'], []).append(path)
    with tempfile.TemporaryDirectory() as folder:
        for some in by_kind.values():
            merged = os.path.join(folder, 'some.pcap')
            run('mergecap', '-a', '-F', 'pcap', '-w', merged, *some)
            plain, other = (without_time(replay(merged, *options)) for options in ((), ('--decap', 'all')))
            equal(len(plain), len(other))
            changed = [o for p, o in zip(plain, other) if p != o]
            equal([r for r in changed if not r['encapsulated']], [], 'flows that changed')
            equal(sum(r['packets'] for r in plain), sum(r['packets'] for r in other))
    print('# %d captures' % len(paths))


main()
