# SPDX-License-Identifier: Apache-2.0
"""What is inside of a frame's first tunnel, by the layers that tshark shows.

Whether a packet is in a tunnel that `--decap` looks into follows from flowctl-meter(1): GENEVE and
VXLAN by the destination port, GRE and IP in IP by the protocol, one level. What tshark finds behind
the tunnel's header is then the packet: its layer `ip` or `ipv6`.
"""
import subprocess
import xml.etree.ElementTree as ET

from replay_flows import ICMP, OPTIONS, PORTS

KEPT = 'eth vlan ieee8021ad ip ipv6 udp udplite tcp sctp dccp geneve vxlan gre erspan mpls icmp icmpv6 ipv6.hopopts ' \
       'ipv6.fraghdr ipv6.routing ipv6.dstopts ah mipv6'
LINK = ('eth', 'vlan', 'ieee8021ad', 'mpls')
GENEVE, VXLAN, GPE = 6081, 4789, 4790
# tshark's layer of an extension header: its protocol, and its field of what follows.
EXTENSIONS = {'ipv6.hopopts': (0, 'ipv6.hopopts.nxt'), 'ipv6.routing': (43, 'ipv6.routing.nxt'),
              'ipv6.fraghdr': (44, 'ipv6.fraghdr.nxt'), 'ah': (51, 'ah.next_header'),
              'ipv6.dstopts': (60, 'ipv6.dstopts.nxt'), 'mipv6': (135, 'mip6.proto')}
IN_IP = {('ip', 'ip'): 'ipip', ('ip', 'ipv6'): '6in4', ('ipv6', 'ip'): '4in6', ('ipv6', 'ipv6'): '6in6'}


class Layer:
    """A protocol's name, where it begins in the frame, and its fields: of those of one name the first."""
    def __init__(self, proto):
        self.name, self.pos = proto.get('name'), int(proto.get('pos') or 0)
        self.size, self.fields = int(proto.get('size') or 0), {}
        for f in proto.iter('field'):
            self.fields.setdefault(f.get('name'), f.get('show'))

    def number(self, field, default=0):
        text = self.fields.get(field)
        return int(text, 0) if text else {'True': 1, 'False': 0}.get(text, default)


def layers_of(path, *options):
    """Of every frame of the capture."""
    p = subprocess.Popen(['tshark', '-n', *OPTIONS, *options, '-r', path, '-T', 'pdml', '-j', KEPT], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    for _, e in ET.iterparse(p.stdout):
        if e.tag == 'packet':
            yield [Layer(x) for x in flat(e) if x.get('name') not in ('geninfo', 'frame', 'fake-field-wrapper')]
            e.clear()
    p.stdout.close()
    p.wait()


def flat(packet):
    """The protocols one behind the other; IPv6's extension headers are in its own."""
    for proto in packet.findall('proto'):
        yield proto
        if proto.get('name') == 'ipv6':
            yield from (x for x in proto.iter('proto') if x.get('name') in EXTENSIONS)


class Packet:
    """An IP packet that begins at @layers[@i]; in a tunnel or not. As Frame of replay_flows.py."""
    def __init__(self, layers, i, end, time_us):
        ip = layers[i]
        self.layers, self.family, self.time_us, self.link = layers, 4 if ip.name == 'ip' else 6, time_us, []
        self.at, self.next, self.fragment, self.tags, self.tunnel = ip.pos, i + 1, None, (), ()
        self.src, self.dst = ip.fields[ip.name + '.src'], ip.fields[ip.name + '.dst']
        self.proto = ip.number('ip.proto' if self.family == 4 else 'ipv6.nxt')
        if self.family == 4:
            self.bytes = ip.number('ip.len') or 1 << 32
            if ip.number('ip.frag_offset') or ip.number('ip.flags') & 1:
                self.fragment = ip.fields['ip.id'], self.proto, not ip.number('ip.frag_offset')
        else:
            self.bytes = ip.number('ipv6.plen') + 40 if ip.number('ipv6.plen') or self.proto == 59 else 1 << 32
            self.read_extensions()
        self.bytes = min(self.bytes, end - self.at)

    def read_extensions(self):
        while self.next < len(self.layers) and EXTENSIONS.get(self.layers[self.next].name, (None,))[0] == self.proto:
            layer = self.layers[self.next]
            self.proto, self.next = layer.number(EXTENSIONS[layer.name][1]), self.next + 1
            offset = layer.number('ipv6.fraghdr.offset')
            if layer.name == 'ipv6.fraghdr' and (offset or layer.number('ipv6.fraghdr.more')):
                self.fragment = layer.fields['ipv6.fraghdr.ident'], self.proto, not offset
                if offset:
                    break

    def above(self):
        """The layer behind this header, or one without fields."""
        return self.layers[self.next] if self.next < len(self.layers) else Layer(ET.Element('proto', name='', pos='0'))

    def transport(self):
        above = self.above()
        if self.proto == ICMP[self.family]:
            name = 'icmp' if self.family == 4 else 'icmpv6'
            known = above if above.name == name else Layer(ET.Element('proto', name='', pos='0'))
            return None, None, (known.number(name + '.type'), known.number(name + '.code'))
        if self.proto not in PORTS:
            return None, None, None
        name = PORTS[self.proto]
        return above.number(name + '.srcport'), above.number(name + '.dstport'), None

    def vlans(self):
        return (*self.tunnel, *self.tags[:2])


def is_ip(layers, i):
    """A layer of IP whose header tshark has whole."""
    return i < len(layers) and layers[i].name in ('ip', 'ipv6') and layers[i].name + '.dst' in layers[i].fields


def tags(layers):
    return tuple(x.number('vlan.id' if x.name == 'vlan' else 'ieee8021ad.id') for x in layers if x.name in ('vlan', 'ieee8021ad'))


def tunnel_header(outer, ports):
    """(kind, number or None), and the layer behind; None where there is none."""
    layers, i = outer.layers, outer.next
    here = outer.above()
    if outer.fragment:
        return None
    if is_ip(layers, i) and outer.proto in (4, 41):
        return (IN_IP['ip' if outer.family == 4 else 'ipv6', here.name], None), i
    behind = layers[i + 1] if i + 1 < len(layers) else None
    if here.name == 'udp' and behind is not None:
        port = here.number('udp.dstport')
        if behind.name == 'geneve' and port == ports['geneve']:
            return ('geneve', behind.number('geneve.vni')), i + 2
        if behind.name == 'vxlan' and port in (ports['vxlan'], GPE):
            return ('vxlan', behind.number('vxlan.vni')), i + 2
    if here.name == 'gre' and not here.number('gre.flags_and_version') & 7:
        if behind is not None and behind.name == 'erspan':
            return ('erspan', behind.number('erspan.spanid')), i + 2
        return gre(here), i + 1
    return None


def gre(header):
    """Type I of ERSPAN has no header of its own, and tshark no layer."""
    if header.number('gre.proto') == 0x88be:
        return 'erspan', 0
    return 'gre', header.number('gre.key') or None


def inner_packet(layers, frame_len, time_us, ports=None):
    """The Packet inside the first tunnel of a frame, with .outer; None where there is no way in."""
    first = next((i for i in range(len(layers)) if is_ip(layers, i)), None)
    if first is None:
        return None
    outer = Packet(layers, first, frame_len, time_us)
    found = tunnel_header(outer, {'geneve': GENEVE, 'vxlan': VXLAN, **(ports or {})})
    if not found:
        return None
    tunnel, i = found
    begin = i
    while i < len(layers) and layers[i].name in LINK:
        i += 1
    if not is_ip(layers, i):
        return None
    inner = Packet(layers, i, outer.at + outer.bytes, time_us)
    inner.outer, inner.tunnel = outer, tunnel
    # the tags of the frame inside, where there is one
    inner.tags = tags(layers[begin:i] if any(x.name == 'eth' for x in layers[begin:i]) else layers[:first])
    return inner

