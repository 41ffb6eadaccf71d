# SPDX-License-Identifier: Apache-2.0
"""What the value of an element is for a record of common.py, as RFC 7012, RFC 5103 and the
IANA registry define it; nothing of it comes from the program under test.

    TRUTH['octetDeltaCount'](r)     a number, an address or MAC as text, or a text

A record of another kind has 0 for what does not apply to it.
"""
import ipaddress, re

from common import icmp_of, ports_of

NTP = 2208988800


def v6(r):
    return ':' in r['src']


def address(r, name, is_v6):
    """Of that family, or the unspecified one."""
    text = r.get(name)
    return text if text and (':' in text) == is_v6 else '::' if is_v6 else '0.0.0.0'


def port(index, proto=None):
    return lambda r: ports_of(r)[index] if proto in (None, r['proto']) else 0


def icmp(is_v6, part):
    def value(r):
        type_code = icmp_of(r) if v6(r) == is_v6 else None
        both = type_code[0] << 8 | type_code[1] if type_code else 0
        return {'both': both, 'type': both >> 8, 'code': both & 255}[part]
    return value


def of(name):
    return lambda r: r.get(name, 0)


def text(name):
    return lambda r: r.get(name, '')


def time(name, unit_ns):
    return lambda r: r[name] // unit_ns


TRUTH = {
    'octetDeltaCount': of('bytes'), 'packetDeltaCount': of('packets'),
    'octetTotalCount': of('total_bytes'), 'packetTotalCount': of('total_packets'),
    'protocolIdentifier': of('proto'), 'ipClassOfService': of('tos'),
    'ipDiffServCodePoint': lambda r: r['tos'] >> 2, 'tcpControlBits': of('flags'),
    'sourceTransportPort': port(0), 'destinationTransportPort': port(1),
    'udpSourcePort': port(0, 17), 'udpDestinationPort': port(1, 17),
    'tcpSourcePort': port(0, 6), 'tcpDestinationPort': port(1, 6),
    'sourceIPv4Address': lambda r: address(r, 'src', False),
    'destinationIPv4Address': lambda r: address(r, 'dst', False),
    'sourceIPv6Address': lambda r: address(r, 'src', True),
    'destinationIPv6Address': lambda r: address(r, 'dst', True),
    'ipNextHopIPv4Address': lambda r: address(r, 'next_hop', False),
    'ipNextHopIPv6Address': lambda r: address(r, 'next_hop', True),
    'bgpNextHopIPv4Address': lambda r: address(r, 'bgp_next_hop', False),
    'bgpNextHopIPv6Address': lambda r: address(r, 'bgp_next_hop', True),
    'sourceIPv4PrefixLength': lambda r: 0 if v6(r) else r.get('src_prefix_len', 0),
    'destinationIPv4PrefixLength': lambda r: 0 if v6(r) else r.get('dst_prefix_len', 0),
    'sourceIPv6PrefixLength': lambda r: r.get('src_prefix_len', 0) if v6(r) else 0,
    'destinationIPv6PrefixLength': lambda r: r.get('dst_prefix_len', 0) if v6(r) else 0,
    'bgpSourceAsNumber': of('src_as'), 'bgpDestinationAsNumber': of('dst_as'),
    'forwardingStatus': of('forwarding_status'),
    'ingressInterface': of('in'), 'egressInterface': of('out'),
    'flowDirection': of('direction'), 'biflowDirection': lambda r: r.get('biflow_direction', 0) if r.get('reverse') else 0,
    'ipVersion': lambda r: 6 if v6(r) else 4,
    'minimumTTL': of('min_ttl'), 'maximumTTL': of('max_ttl'),
    'icmpTypeCodeIPv4': icmp(False, 'both'), 'icmpTypeIPv4': icmp(False, 'type'),
    'icmpCodeIPv4': icmp(False, 'code'), 'icmpTypeCodeIPv6': icmp(True, 'both'),
    'icmpTypeIPv6': icmp(True, 'type'), 'icmpCodeIPv6': icmp(True, 'code'),
    'sourceMacAddress': of('src_mac'), 'destinationMacAddress': of('dst_mac'),
    'vlanId': of('vlan'), 'dot1qVlanId': of('vlan'), 'dot1qCustomerVlanId': of('inner'),
    'flowEndReason': of('reason'),
    'fragmentIdentification': of('fragment_id'), 'flowLabelIPv6': of('flow_label'),
    'ipv6ExtensionHeaders': of('ip6_headers'),
    'tcpOptions': of('tcp_options'),
    'observationPointId': of('ifindex'), 'interfaceName': text('iface'),
    'interfaceDescription': text('description'),
    'flowStartSeconds': time('first', 10**9), 'flowEndSeconds': time('last', 10**9),
    'flowStartMilliseconds': time('first', 10**6), 'flowEndMilliseconds': time('last', 10**6),
    'flowStartMicroseconds': time('first', 10**3), 'flowEndMicroseconds': time('last', 10**3),
    'flowStartNanoseconds': time('first', 1), 'flowEndNanoseconds': time('last', 1),
    'observationDomainId': of('domain'), 'ipPrecedence': lambda r: r['tos'] >> 5,
    'tcpOptionsFull': of('tcp_options'),
    # AH is bit 14 in both registries; PAY, bit 15 of element 64, is no extension header of RFC 9740
    'ipv6ExtensionHeadersFull': lambda r: r.get('ip6_headers', 0) & ~(1 << 15),
    'packetMark': of('mark'), 'networkNamespaceName': text('netns'), 'observationDomainName': text('netns'),
    'flowDurationMicroseconds': lambda r: min((r['last'] - r['first']) // 10**3, 0xffffffff),
    'flowDurationMilliseconds': lambda r: (r['last'] - r['first']) // 10**6,
}

# What a flow was taken out of, and the cloud.
TRUTH.update({
    # IANA: the first octet tells the kind, 0x01 VXLAN, 0x02 NVGRE; the last three the number
    'layer2SegmentId': lambda r: 1 << 56 | r['vni'] if r.get('tunnel') == 2 else 0,
    'tunnelType': of('tunnel'), 'tunnelIdentifier': of('vni'), 'outerIpClassOfService': of('outer_tos'),
    'outerSourceIPv4Address': lambda r: address(r, 'outer_src', False),
    'outerDestinationIPv4Address': lambda r: address(r, 'outer_dst', False),
    'outerSourceIPv6Address': lambda r: address(r, 'outer_src', True),
    'outerDestinationIPv6Address': lambda r: address(r, 'outer_dst', True),
    'gwlbEndpointId': of('gwlb_endpoint'), 'gwlbAttachmentId': of('gwlb_attachment'), 'gwlbFlowCookie': of('gwlb_flow'),
    'awsAccountId': text('aws_account'), 'awsVpcId': text('aws_vpc'), 'awsSubnetId': text('aws_subnet'),
    'awsInterfaceId': text('aws_interface'), 'awsInstanceId': text('aws_instance'),
    'awsAvailabilityZone': text('aws_az'), 'awsAvailabilityZoneId': text('aws_az_id'), 'awsRegion': text('aws_region'),
})

# TCP's health: what common.py calls it. All in microseconds, octets and packets.
TRUTH.update({n: of('tcp_' + name) for n, name in {
    'tcpHealthObserved': 'known', 'tcpHandshakeServerMicroseconds': 'server',
    'tcpHandshakeClientMicroseconds': 'client', 'tcpRetransmissionDeltaCount': 'again',
    'tcpFastRetransmissionDeltaCount': 'fast', 'tcpTimeoutRetransmissionDeltaCount': 'timeout',
    'tcpSpuriousRetransmissionDeltaCount': 'spurious', 'tcpOutOfOrderDeltaCount': 'disorder',
    'tcpDuplicateAckDeltaCount': 'dup_acks', 'tcpZeroWindowDeltaCount': 'closed',
    'tcpKeepAliveDeltaCount': 'alive', 'tcpEcnEct0DeltaCount': 'ect0', 'tcpEcnEct1DeltaCount': 'ect1',
    'tcpEcnCeDeltaCount': 'ce', 'tcpEcnEceDeltaCount': 'ece', 'tcpEcnCwrDeltaCount': 'cwr',
    'tcpRttMinimumMicroseconds': 'min_rtt', 'tcpRttMaximumMicroseconds': 'max_rtt',
    'tcpRttSampleDeltaCount': 'rtts', 'tcpWindowMinimum': 'min_window',
    'tcpWindowMaximum': 'max_window', 'tcpWindowLast': 'last_window',
    'tcpJitterMeanMicroseconds': 'jitter', 'tcpJitterMaximumMicroseconds': 'max_jitter',
    'tcpBytesInFlightMaximum': 'in_flight'}.items()})
TRUTH['tcpHandshakeLatencyMicroseconds'] = lambda r: \
    min(r.get('tcp_server', 0) + r.get('tcp_client', 0), 0xffffffff) if r.get('tcp_known', 0) & 6 == 6 else 0
TRUTH['tcpRttMeanMicroseconds'] = lambda r: r['tcp_rtt_sum'] // r['tcp_rtts'] if r.get('tcp_rtts') else 0


def reversed_record(r):
    """What the record of the other direction holds (RFC 5103)."""
    back = dict(r, src=r['dst'], dst=r['src'], sport=r['dport'], dport=r['sport'])
    back.update(r['reverse'])
    return back


def truth(name, r):
    """The value of an element, also of a reverse one; 0 or its like where there is no reverse."""
    if name in LOOSE:
        return 0
    if not name.startswith('reverse'):
        return TRUTH[name](r)
    of = TRUTH[name[7].lower() + name[8:]]
    if r.get('reverse'):
        return of(reversed_record(r))
    value = of(r)
    if isinstance(value, int):
        return 0
    return '' if ':' not in value and '.' not in value else re.sub('[0-9a-f]+', '00', value) \
        if value.count(':') == 5 else '::' if ':' in value else '0.0.0.0'


# Those that a record alone does not tell: what is left to be checked of them.
LOOSE = {'flowId', 'systemInitTimeMilliseconds', 'flowStartSysUpTime', 'flowEndSysUpTime'}
LOOSE |= {'reverse' + n[0].upper() + n[1:] for n in LOOSE}


def from_ntp(value, unit_ns):
    """0, or units since 1970 of 32 bits of seconds since 1900 and 32 of a fraction."""
    return value and ((value >> 32) - NTP) * (10**9 // unit_ns) + ((value & 0xffffffff) * (10**9 // unit_ns) >> 32)


def plain(name, shown):
    """What a collector shows of an element, as TRUTH has it."""
    if re.search('[fF]low(Start|End)Microseconds$', name):
        return from_ntp(int(shown), 1000)
    if re.search('[fF]low(Start|End)Nanoseconds$', name):
        return from_ntp(int(shown), 1)
    return int(shown) if shown.isdigit() else shown


def from_octets(hexadecimal, wanted):
    """Of what a collector does not know: a number, an address or a text, as @wanted is."""
    octets = bytes.fromhex(hexadecimal)
    try:
        if str(ipaddress.ip_address(wanted)) == wanted and not isinstance(wanted, int):
            return str(ipaddress.ip_address(octets))
    except ValueError:
        pass
    return int.from_bytes(octets, 'big') if isinstance(wanted, int) else octets.rstrip(b'\0').decode()


def check_loose(r, is_, start_ms):
    """@is_: names to values of one record; @start_ms: when the system started."""
    if 'systemInitTimeMilliseconds' not in is_:
        return
    init = is_['systemInitTimeMilliseconds']
    assert abs(init - start_ms) < 2000, 'the system started at %d, not %d' % (start_ms, init)
    for name, ns in ('flowStartSysUpTime', r['first']), ('flowEndSysUpTime', r['last']):
        assert (init + is_[name]) & 0xffffffff == ns // 10**6 & 0xffffffff, name
