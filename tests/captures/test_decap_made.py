#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`flowctl replay --decap` over tunnels that the captures lack, as scapy makes them: what is found
inside is what was put there, and what tshark finds. And TCP inside of a tunnel is as healthy as it
is without.
"""
import re, shutil, tempfile

import pcap
from layers import inner_packet, layers_of
from replay_flows import *  # noqa: F403
from talk import MS, Talk

try:
    import logging
    logging.getLogger('scapy').setLevel(logging.ERROR)
    from scapy.all import (Dot1Q, Ether, GRE, ICMP as Icmp, IP, IPOption_Router_Alert, IPv6, IPv6ExtHdrDestOpt,
                           IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, Raw, TCP, UDP, fragment, raw)
    from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific
    from scapy.contrib.geneve import GENEVE, GeneveOptions
    from scapy.layers.vxlan import VXLAN
except ImportError as e:
    skip(str(e))

OUT4, OUT6 = ('192.0.2.1', '192.0.2.2'), ('2001:db8:aa::1', '2001:db8:aa::2')
TEB, ERSPAN12, ERSPAN3 = 0x6558, 0x88be, 0x22eb
folder = tempfile.TemporaryDirectory(prefix='flowctl-decap-')
ports = iter(range(1000, 60000))


def ether(*vlans):
    e = Ether(src='02:00:00:00:00:01', dst='02:00:00:00:00:02')
    for v in vlans:
        e = e / Dot1Q(vlan=v)
    return e


def out(family=4):
    """The outer packet, up to IP."""
    if family == 4:
        return ether() / IP(src=OUT4[0], dst=OUT4[1], tos=0xb8)
    return ether() / IPv6(src=OUT6[0], dst=OUT6[1], tc=0xb8)


def gwlb(kind, data, class_=0x0108):
    return GeneveOptions(classid=class_, type=kind, length=len(data) // 4, data=data)


def geneve(proto=TEB, vni=0, options=(), **kw):
    """scapy's own length loses a bit of it."""
    words = sum(len(raw(o)) for o in options) // 4
    return UDP(sport=50000, dport=kw.pop('port', 6081)) / GENEVE(proto=proto, vni=vni, options=list(options), optionlen=words, **kw)


def vxlan(vni=77, port=4789, **kw):
    return UDP(sport=50001, dport=port) / VXLAN(vni=vni, flags=kw.pop('flags', 'Instance'), **kw)


def udp4(*options, size=100):
    return IP(src='10.0.0.1', dst='10.0.0.2', options=list(options)) / UDP(sport=next(ports), dport=2000) / Raw(bytes(size))


def udp6(*headers, size=100):
    p = IPv6(src='fd00::1', dst='fd00::2')
    for h in headers:
        p = p / h
    return p / UDP(sport=next(ports), dport=2000) / Raw(bytes(size))


class Scene:
    """@packet inside of @around; what is to be said of it besides."""
    def __init__(self, tunnel, vni, around, packet, vlans=(), between=None, outer=OUT4, **more):
        self.frame = raw(around / between / packet if between is not None else around / packet)
        self.packet, self.outer, self.more = packet, outer, more
        self.bytes, self.tos = len(raw(packet)), around[IP].tos if outer is OUT4 else around[IPv6].tc
        ip, udp = packet, packet[UDP]
        self.flow = Flow(ip.src, ip.dst, 17, udp.sport, udp.dport, None, (tunnel, vni, *vlans))


SCENES_MADE = [
    Scene('geneve', 0xabcdef, out() / geneve(vni=0xabcdef), udp4(), between=ether()),
    Scene('geneve', 0, out() / geneve(0x0800, options=[gwlb(1, bytes.fromhex('0123456789abcdef')),
                                                       gwlb(2, bytes.fromhex('fedcba9876543210')),
                                                       gwlb(3, bytes.fromhex('00c0ffee'))]), udp4(),
          gwlb_endpoint='0123456789abcdef', gwlb_attachment='fedcba9876543210', gwlb_flow_cookie='00c0ffee'),
    # of another class, of other lengths; the last of them counts
    Scene('geneve', 1, out() / geneve(0x0800, 1, [gwlb(1, bytes(8), 0x0109), gwlb(3, bytes(8)), gwlb(1, bytes(4)),
                                                  gwlb(2, bytes(7) + b'\x01')]), udp4(),
          gwlb_endpoint=None, gwlb_attachment='0000000000000001', gwlb_flow_cookie=None),
    Scene('geneve', 2, out(6) / geneve(0x86dd, 2), udp6(), outer=OUT6),
    # as many options as there can be: 252 octets of two, then 63 without content
    Scene('geneve', 3, out() / geneve(TEB, 3, [gwlb(0x80, bytes(120), 0xffff), gwlb(0x80, bytes(124), 0xffff)], critical=1),
          udp4(), between=ether()),
    Scene('geneve', 4, out() / geneve(TEB, 4, [gwlb(5, b'')] * 63), udp6(), between=ether()),
    Scene('vxlan', 77, out() / vxlan(), udp4(), between=ether()),
    Scene('vxlan', 0xffffff, out(6) / vxlan(0xffffff), udp6(), between=ether(), outer=OUT6),
    Scene('vxlan', 5, out() / vxlan(5), udp4(), (7,), ether(7)),
    Scene('vxlan', 6, out() / vxlan(6), udp4(), (8, 9), ether(8, 9)),
    Scene('vxlan', 8, out() / vxlan(8), udp4(IPOption_Router_Alert()), between=ether()),
    Scene('vxlan', 9, out() / vxlan(9), udp6(IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt()), between=ether()),
    Scene('vxlan', 10, out() / vxlan(10, 4790, flags=0x0c, NextProtocol=1), udp4()),
    Scene('vxlan', 11, out() / vxlan(11, 4790, flags=0x0c, NextProtocol=2), udp6()),
    Scene('vxlan', 12, out() / vxlan(12, 4790, flags=0x0c, NextProtocol=3), udp4(), between=ether()),
    Scene('gre', None, out() / GRE(proto=0x0800), udp4()),
    Scene('gre', None, out() / GRE(proto=0x86dd), udp6()),
    Scene('gre', 0xdeadbeef, out() / GRE(proto=0x0800, key_present=1, key=0xdeadbeef), udp4()),
    Scene('gre', None, out() / GRE(proto=0x0800, chksum_present=1), udp4()),
    Scene('gre', None, out() / GRE(proto=0x86dd, seqnum_present=1, sequence_number=99), udp6()),
    Scene('gre', 0x12345678, out(6) / GRE(proto=0x0800, chksum_present=1, key_present=1, key=0x12345678, seqnum_present=1),
          udp4(), outer=OUT6),
    Scene('gre', 0x7b00, out() / GRE(proto=TEB, key_present=1, key=0x7b00), udp4(), (11,), ether(11)),
    # of a frame outside only, its tags
    Scene('gre', None, ether(12, 13) / IP(src=OUT4[0], dst=OUT4[1]) / GRE(proto=0x0800), udp4(), (12, 13)),
    Scene('vxlan', 13, ether(14) / IP(src=OUT4[0], dst=OUT4[1]) / vxlan(13), udp4(), (), ether()),
    Scene('erspan', 0, out() / GRE(proto=ERSPAN12), udp4(), between=ether()),
    Scene('erspan', 0x3ff, out() / GRE(proto=ERSPAN12, seqnum_present=1) / ERSPAN_II(ver=1, session_id=0x3ff), udp4(),
          between=ether()),
    Scene('erspan', 5, out() / GRE(proto=ERSPAN3, seqnum_present=1) / ERSPAN_III(session_id=5), udp6(), between=ether()),
    Scene('erspan', 6, out() / GRE(proto=ERSPAN3, seqnum_present=1) / ERSPAN_III(session_id=6, o=1) /
          ERSPAN_PlatformSpecific(platf_id=1), udp4(), (15,), ether(15)),
    Scene('ipip', None, out(), udp4()),
    Scene('6in4', None, out(), udp6()),
    Scene('4in6', None, out(6), udp4(), outer=OUT6),
    Scene('6in6', None, out(6), udp6(), outer=OUT6),
    # RFC 2473's encapsulation limit is a destination option; options outside, and extension headers inside
    Scene('6in6', None, out(6) / IPv6ExtHdrDestOpt(), udp6(IPv6ExtHdrDestOpt()), outer=OUT6),
    Scene('ipip', None, ether() / IP(src=OUT4[0], dst=OUT4[1], options=[IPOption_Router_Alert()]),
          udp4(IPOption_Router_Alert(), size=0)),
]


def replay_of(frames, *options):
    """What is printed of frames 1 ms apart, and what is told; and the file."""
    path = os.path.join(folder.name, 'made.pcap')
    pcap.write(path, 1, [(1795233357000000 + 1000 * i, len(f), f) for i, f in enumerate(frames)])
    r = run(FLOWCTL, '-v', 'replay', *options, '-o', 'json', path)
    return json.loads(r.stdout), r.stderr, path


def by_flow(records):
    return {inside(r): r for r in records}


def inside(r):
    flow = flow_of_record({**r, 'src_ip': r['pkt_src_ip'], 'dst_ip': r['pkt_dst_ip']})
    return flow._replace(vlans=(r['tunnel'], r['vni'], *flow.vlans)) if r['encapsulated'] else flow


@test
def what_is_found_inside_is_what_was_put_there():
    records, said, _ = replay_of([s.frame for s in SCENES_MADE], '--decap', 'all')
    found = by_flow(records)
    equal(len(found), len(SCENES_MADE), 'flows')
    for s in SCENES_MADE:
        r = found.get(s.flow)
        check(r, 'no %s in %s' % (s.flow, [f for f in found if f.sport == s.flow.sport]))
        equal((r['src_ip'], r['dst_ip']), s.outer, str(s.flow))
        check(r['outer_tos'] == s.tos, str(s.flow))
        equal((r['packets'], r['bytes'], r['encapsulated']), (1, s.bytes, True), str(s.flow))
        for key, value in s.more.items():
            equal(r[key], value, key)
    check('%d decapsulated' % len(SCENES_MADE) in said, said)


@test
def tshark_finds_the_same():
    if not shutil.which('tshark'):
        skip('needs tshark')
    records, _, path = replay_of([s.frame for s in SCENES_MADE], '--decap', 'all')
    frames = frames_of_tshark(path)
    by = [inner_packet(x, f.number('frame.len'), f.time_us) for x, f in zip(layers_of(path), frames)]
    for packet, s in zip(by, SCENES_MADE):
        check(packet, 'tshark finds nothing in %s' % (s.flow,))
    ours = {inside(r): [r['packets'], r['bytes']] for r in records}
    equal({k: v[:2] for k, v in flows_of(by).items()}, ours)


@test
def without_decap_all_are_the_outer_flows():
    records, _, _ = replay_of([s.frame for s in SCENES_MADE])
    equal(sum(r['packets'] for r in records), len(SCENES_MADE))
    equal([r for r in records if r['encapsulated'] or r['tunnel'] or r['src_ip'] != r['pkt_src_ip']], [])
    # two tags outside, one, none
    equal(sum(r['bytes'] for r in records), sum(len(s.frame) - 14 - 4 * s.frame.count(b'\x81\x00', 12, 20) for s in SCENES_MADE))


@test
def only_what_was_asked_for_is_looked_into():
    frames = [s.frame for s in SCENES_MADE]
    for word, kinds in ('geneve', {'geneve'}), ('vxlan', {'vxlan'}), ('gre', {'gre', 'erspan'}), \
            ('ipip', {'ipip', '6in4', '4in6', '6in6'}), ('vxlan,gre', {'vxlan', 'gre', 'erspan'}):
        records, _, _ = replay_of(frames, '--decap', word)
        equal({r['tunnel'] for r in records if r['encapsulated']}, kinds, word)
        equal(sum(r['packets'] for r in records if r['encapsulated']),
              sum(s.flow.vlans[0] in kinds for s in SCENES_MADE), word)


@test
def geneve_and_vxlan_can_have_other_ports():
    frames = [raw(out() / geneve(0x0800, 1, port=16081) / udp4()), raw(out() / vxlan(2, 8472) / ether() / udp4()),
              raw(out() / geneve(0x0800, 3) / udp4()), raw(out() / vxlan(4) / ether() / udp4())]
    records, _, _ = replay_of(frames, '--decap', 'geneve:16081,vxlan:8472')
    equal([(r['tunnel'], r['vni']) for r in records], [('geneve', 1), ('vxlan', 2), (None, None), (None, None)])


@test
def fragments_inside_are_one_flow():
    """The ports of the first are the later ones'; not those of the same id in another network."""
    whole = [IP(src='10.0.0.1', dst='10.0.0.2', id=7) / UDP(sport=500 + vni, dport=9) / Raw(bytes(3000)) for vni in (1, 2)]
    frames = [raw(out() / vxlan(vni) / ether() / f) for vni, p in zip((1, 2), whole) for f in fragment(p, 1400)]
    v6 = IPv6(src='fd00::1', dst='fd00::2')
    first, later = (IPv6ExtHdrFragment(id=9, m=m, offset=o, nh=17) for m, o in ((1, 0), (0, 3)))
    frames += [raw(out() / geneve(0x86dd, 3) / p) for p in (v6 / first / UDP(sport=503, dport=9, len=40) / Raw(bytes(16)),
                                                           v6 / later / Raw(bytes(16)))]
    records, _, _ = replay_of(frames, '--decap', 'all')
    equal([(r['vni'], r['src_port'], r['packets'], r['bytes']) for r in records],
          [(1, 501, 3, 3008 + 3 * 20), (2, 502, 3, 3008 + 3 * 20), (3, 503, 2, 2 * 48 + 40)])


@test
def what_there_is_no_way_into_is_the_outer_flow():
    gre1 = GRE(proto=0x880b, version=1, key_present=1, key=5)
    wrong = IP(src='10.0.0.1', dst='10.0.0.2', ihl=4) / UDP() / Raw(bytes(50))
    for frame, reason in (
            (out() / geneve(0x0800, oam=1) / udp4(), 'control'), (out() / geneve(0x0800, version=1) / udp4(), 'version'),
            (out() / geneve(0x8847 + 2) / udp4(), 'protocol'), (out() / vxlan(flags=0) / ether() / udp4(), 'version'),
            (out() / vxlan(1, 4790, flags=0x0d, NextProtocol=1) / udp4(), 'control'),
            (out() / vxlan(1, 4790, flags=0x0c, NextProtocol=4) / udp4(), 'protocol'),
            (out() / gre1 / udp4(), 'version'), (out() / GRE(proto=0x0806) / Raw(bytes(28)), 'protocol'),
            (out() / vxlan() / Ether(type=0x0806) / Raw(bytes(28)), 'non_ip'), (out() / wrong, 'inner'),
            (out() / vxlan() / Raw(bytes(5)), 'short'), (out() / geneve(0x0800), 'short'),
            (out() / GRE(proto=0x0800) / Raw(bytes.fromhex('45000014')), 'short'),
            (ether() / IP(src=OUT4[0], dst=OUT4[1], flags='MF') / vxlan() / ether() / udp4(), 'fragment')):
        frame = raw(frame)
        (r,), said, _ = replay_of([frame], '--decap', 'all')
        check('1 not decapsulated (%s)' % reason in said, '%s: %s' % (reason, said))
        equal((r['encapsulated'], r['src_ip'], r['packets'], r['bytes']), (False, OUT4[0], 1, len(frame) - 14), reason)


@test
def frames_cut_anywhere_are_counted_once():
    """Captured in part: what is there is inside, or it is the outer flow; nothing vanishes."""
    path = os.path.join(folder.name, 'cut.pcap')
    # of each, octets behind the IP header without which it looks like no tunnel: ports, or options of IPv6
    for s, blind in (SCENES_MADE[1], 4), (SCENES_MADE[4], 4), (SCENES_MADE[26], 0), (SCENES_MADE[32], 8):
        n = len(s.frame)
        pcap.write(path, 1, [(1795233357000000 + i, n, s.frame[:i]) for i in range(34 if s.outer is OUT4 else 54, n + 1)])
        r = run(FLOWCTL, '-v', 'replay', '--decap', 'all', '-o', 'json', path)
        records, frames = json.loads(r.stdout), n + 1 - (34 if s.outer is OUT4 else 54)
        not_parsed = int(re.search(r'(\d+) not parsed', r.stderr).group(1))
        equal(sum(x['packets'] for x in records) + not_parsed, frames, str(s.flow))
        done = sum(x['packets'] for x in records if x['encapsulated'])
        short = re.search(r'(\d+) not decapsulated \(short\)', r.stderr)
        equal(done + int(short.group(1)), frames - blind, r.stderr)
        check(done > 100, 'payload is not needed: %d' % done)


# -- health

AROUND = 'encapsulated', 'tunnel', 'vni', 'src_ip', 'dst_ip', 'outer_tos', 'timestamp'
WRAPPED = {'geneve': lambda: out() / geneve(TEB, 5), 'vxlan': lambda: out(6) / vxlan(5),
           'gre': lambda: out() / GRE(proto=TEB, key_present=1, key=5)}


def conversation():
    """Losses, late segments and windows of a script, as the frames (time, octets on the wire, octets)."""
    tape, a, b = pcap.Tape(), pcap.Peer('10.1.0.1', 40000), pcap.Peer('10.1.0.2', 80)
    c = Talk(tape, a, b).open()
    for i in range(40):
        lost = c.send(a, 1000)
        c.wait(10 * MS)
        if i % 5 == 0:
            for _ in range(3):
                c.send(a, 1000)
                c.wait(MS).ack(b, lost)
            c.wait(10 * MS).send(a, 1000, seq=lost)
        c.wait(10 * MS).ack(b)
    return sorted(tape.rows, key=lambda row: row[0])


def real():
    """Those of captures with Ethernet, where there are any. Of what is not IP only a tunnel makes a flow."""
    for name in captures():
        if name.startswith(('zeek/tcp/', 'zeek/app/')):
            for link, us, wire, octets in pcap.frames(os.path.join(CAPTURES, name)):
                if link == 1 and wire < 9000 and octets[12:14] in (b'\x08\x00', b'\x86\xdd'):
                    yield us, wire, octets


def wrapped(rows, around):
    """Lengths are those of the wire, and no more is captured than was."""
    for us, wire, octets in rows:
        whole = raw(around() / Raw(octets + bytes(wire - len(octets))))
        yield us, len(whole), whole[:len(whole) - wire + len(octets)]


def without(r):
    return {k: v for k, v in r.items() if k not in AROUND}


@test
def tcp_inside_is_as_healthy_as_it_is_without():
    rows = conversation() + list(real())[:1500]
    path = os.path.join(folder.name, 'health.pcap')
    pcap.write(path, 1, rows)
    plain = replay(path)
    first = plain[0]
    equal((first['retransmissions'], first['fast_retransmits']), (8, 8), 'of the script')
    check(sum(r['avg_rtt_us'] is not None for r in plain) > 1)
    for kind, around in WRAPPED.items():
        pcap.write(path, 1, wrapped(rows, around))
        records = replay(path, '--decap', 'all')
        equal([without(r) for r in records if not r['encapsulated']], [], kind)
        equal(len(records), len(plain), kind)
        for r, p in zip(records, plain):
            equal((r['tunnel'], r['vni']), (kind, 5))
            equal(without(r), without(p), kind)


main()
