# SPDX-License-Identifier: Apache-2.0
"""The flows of a capture as tshark's fields have them, and as `flowctl replay` prints them.

Both are {Flow: [packets, bytes, first, last]}; times in us since 1970. What a flow is follows
from flowctl-dump(1): the outermost IP header's addresses, the protocol behind IPv6's extension
headers, ports or ICMP's type and code, the outer two VLAN tags. Later fragments are in the flow
of the first one, where that was seen in the 30 s before.
"""
import collections, csv, io, json, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'net'))
from files import CAPTURES, captures, need_captures  # noqa: E402,F401
from lib import ROOT, check, equal, find_flowctl, main, run, skip, test  # noqa: E402,F401

FLOWCTL = find_flowctl()
FRAGMENTS_S = 30
ICMP = {4: 1, 6: 58}
NAMES = {'ICMP': 1, 'IGMP': 2, 'IPIP': 4, 'TCP': 6, 'UDP': 17, 'IPV6': 41, 'GRE': 47, 'ESP': 50, 'AH': 51,
         'ICMPv6': 58, 'SCTP': 132}
PORTS = {6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udp'}
# IPv6: the protocol of an extension header, and tshark's field for what follows.
CHAIN = {0: 'ipv6.hopopts.nxt', 43: 'ipv6.routing.nxt', 44: 'ipv6.fraghdr.nxt', 51: 'ah.next_header',
         60: 'ipv6.dstopts.nxt', 135: 'mip6.proto'}
LINK_SIZES = {'eth': 14, 'ethertype': 0, 'vlan': 4, 'ieee8021ad': 4, 'mpls': 4, 'raw': 0}
FIELDS = ['frame.number', 'frame.time_epoch', 'frame.len', 'frame.cap_len', 'frame.protocols', 'vlan.id', 'ieee8021ad.id',
          'ip.src', 'ip.dst', 'ip.len', 'ip.proto', 'ip.id', 'ip.flags.mf', 'ip.frag_offset',
          'ipv6.src', 'ipv6.dst', 'ipv6.plen', 'ipv6.nxt', 'ipv6.fraghdr.offset', 'ipv6.fraghdr.more',
          'ipv6.fraghdr.ident', 'tcp.len', 'icmp.type', 'icmp.code', 'icmpv6.type', 'icmpv6.code',
          *CHAIN.values(), *('%s.%sport' % (p, s) for p in ('tcp', 'udp', 'dccp', 'sctp') for s in ('src', 'dst'))]
# Each frame by itself, as a meter sees it.
OPTIONS = ['-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', '-o', 'ip.tso_support:FALSE']

# Link headers that tshark knows and the meter does not: the packets behind them are not IP there.
NOT_METERED = {'cfp': 'Cisco FabricPath', 'ieee8021ah': 'provider backbone bridge', 'vntag': 'VN-Tag'}

Flow = collections.namedtuple('Flow', 'src dst proto sport dport icmp vlans')


def microseconds(text):
    seconds, _, fraction = text.partition('.')
    return int(seconds) * 1000000 + int(fraction[:6].ljust(6, '0'))


def tshark(path, *args):
    return run('tshark', '-n', *OPTIONS, '-r', path, *args, timeout=120, ok=False).stdout


class Frame:
    """What tshark's fields say of one: each is a list, outermost first."""
    def __init__(self, row):
        self.f = {k: v.split('|') if v else [] for k, v in row.items()}
        self.time_us = microseconds(row['frame.time_epoch'])
        self.link = row['frame.protocols'].split('|')[0].split(':')
        ip = next((p for p in self.link if p in ('ip', 'ipv6')), None)
        self.link = self.link[:self.link.index(ip)] if ip else self.link
        self.family = {'ip': 4, 'ipv6': 6}.get(ip)
        self.fragment = None            # (id, protocol, is it the first)
        if self.family == 4 and not self.first('ip.dst') or self.family == 6 and not self.first('ipv6.dst'):
            self.family = None          # the header is not whole
        if self.family:
            (self.read_ip4 if self.family == 4 else self.read_ip6)()
            self.bytes = min(self.bytes, self.room())

    def room(self):
        """Octets behind the link header."""
        sizes = [LINK_SIZES.get(p) for p in self.link]
        return self.number('frame.len') - sum(sizes) if None not in sizes else 1 << 32

    def first(self, key, default=None):
        return self.f[key][0] if self.f[key] else default

    def number(self, key, default=0):
        return int(self.first(key, str(default)), 0)

    def read_ip4(self):
        self.src, self.dst, self.proto = self.first('ip.src'), self.first('ip.dst'), self.number('ip.proto')
        self.bytes = self.number('ip.len')
        if self.number('ip.frag_offset') or self.first('ip.flags.mf') in ('1', 'True'):
            self.fragment = (self.first('ip.id'), self.proto, not self.number('ip.frag_offset'))

    def read_ip6(self):
        self.src, self.dst, self.proto = self.first('ipv6.src'), self.first('ipv6.dst'), self.number('ipv6.nxt')
        # 0 is BIG TCP's, unless nothing follows.
        self.bytes = self.number('ipv6.plen') + 40 if self.number('ipv6.plen') or self.proto == 59 else 1 << 32
        chains = {k: list(self.f[field]) for k, field in CHAIN.items()}
        while chains.get(self.proto):
            kind, self.proto = self.proto, int(chains[self.proto].pop(0), 0)
            if kind == 44 and (self.number('ipv6.fraghdr.offset') or self.first('ipv6.fraghdr.more') in ('1', 'True')):
                self.fragment = (self.first('ipv6.fraghdr.ident'), self.proto, not self.number('ipv6.fraghdr.offset'))
                if self.number('ipv6.fraghdr.offset'):
                    break

    def transport(self):
        """(sport, dport, (type, code)) where the frame shows them."""
        if self.proto == ICMP[self.family]:
            name = 'icmp' if self.family == 4 else 'icmpv6'
            return None, None, (self.number(name + '.type'), self.number(name + '.code'))
        if self.proto not in PORTS:
            return None, None, None
        return (*(self.number('%s.%sport' % (PORTS[self.proto], s)) for s in ('src', 'dst')), None)

    def vlans(self):
        tags = {'vlan': list(self.f['vlan.id']), 'ieee8021ad': list(self.f['ieee8021ad.id'])}
        return tuple(int(tags[p].pop(0)) for p in self.link if p in tags)[:2]


def concatenate(paths, into):
    """One capture of them all; returns how many frames each has."""
    run('mergecap', '-a', '-I', 'none', '-w', into, *paths)
    rows = csv.DictReader(io.StringIO(run('capinfos', '-T', '-M', '-c', *paths).stdout), delimiter='\t')
    return [int(row['Number of packets']) for row in rows]


def frames_of_tshark(path):
    text = tshark(path, '-T', 'fields', '-E', 'header=y', '-E', 'separator=/t', '-E', 'occurrence=a',
                  '-E', 'aggregator=|', *(a for f in FIELDS for a in ('-e', f)))
    return [Frame(row) for row in csv.DictReader(io.StringIO(text), delimiter='\t', quoting=csv.QUOTE_NONE)]


def add(flows, flow, packets, size, first, last):
    now = flows.setdefault(flow, [0, 0, first, last])
    flows[flow] = [now[0] + packets, now[1] + size, min(now[2], first), max(now[3], last)]


def nothing_of(frame):
    """What a later fragment has whose first one was not seen."""
    if frame.proto == ICMP[frame.family]:
        return None, None, (0, 0)
    return (0, 0, None) if frame.proto in PORTS else (None, None, None)


def is_metered(frame):
    return frame.family and not set(frame.link) & set(NOT_METERED)


def place(frames):
    """Each frame's (Flow, bytes), None where it is in none."""
    fragments = {}
    for f in frames:
        if not is_metered(f):
            yield None
            continue
        proto, ports = f.proto, f.transport()
        if f.fragment:
            ident, _, is_first = f.fragment
            key = (f.src, f.dst, f.vlans(), *f.fragment[:2])
            if is_first:
                fragments[key] = (f.time_us, proto, ports)
            else:
                seen, proto, ports = fragments.get(key, (None, proto, nothing_of(f)))
                if seen is not None and abs(f.time_us - seen) > FRAGMENTS_S * 1000000:
                    ports = nothing_of(f)
        yield Flow(f.src, f.dst, proto, *ports, f.vlans()), f.bytes


def flows_of(frames, places=None):
    """@places: as of place(frames)."""
    flows = {}
    for f, there in zip(frames, places or place(frames)):
        if there:
            add(flows, there[0], 1, there[1], f.time_us, f.time_us)
    return flows


def replay(path, *options, ok=True):
    """The records as JSON has them."""
    return json.loads(run(FLOWCTL, 'replay', '-o', 'json', *options, path, ok=ok, timeout=120).stdout)


def epoch_us(text):
    import datetime
    at = datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=datetime.timezone.utc)
    return (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


def flow_of_record(r):
    proto = NAMES.get(r['proto']) or int(r['proto'])
    icmp = None if r['icmp_type'] is None else (r['icmp_type'], r['icmp_code'])
    vlans = tuple(r[k] for k in ('vlan_id', 'inner_vlan_id') if r[k] is not None)
    return Flow(r['src_ip'], r['dst_ip'], proto, r['src_port'], r['dst_port'], icmp, vlans)


def flows_of_records(records):
    flows = {}
    for r in records:
        add(flows, flow_of_record(r), r['packets'], r['bytes'], epoch_us(r['first_seen']), epoch_us(r['last_seen']))
    return flows


def differences(theirs, ours):
    """[(flow, theirs, ours)], None where there is no such flow."""
    return [(k, theirs.get(k), ours.get(k)) for k in {**theirs, **ours} if theirs.get(k) != ours.get(k)]
