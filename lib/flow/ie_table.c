// SPDX-License-Identifier: Apache-2.0
/*
 * One row an element: number, name, type, semantics, units and range as the IANA registry
 * has them. A FIELD is the value of a member of struct record, in the type that is named: a
 * member of another type does not compile. PORT, ICMP, BITS and VLAN are parts of members,
 * or say 0 for other traffic. A DERIVED value has a function of its own. The type gives the
 * abstract data type and the length; where IANA's is wider, the row is WIDER.
 *
 * Bits: 64 and 209 are drawn octet by octet in RFC 5102, so that one may read them from
 * either end; its erratum 1738 and RFC 9740 (bit 0 is the least significant one) settle it.
 * Both are deprecated by RFC 9740 in favour of 515 and 520, whose type unsigned256 is to be
 * sent in as few octets as hold its value.
 */
#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "flow/ie.h"
#include "flow/ie_registry.h"

/* Of ip6_headers: what 64 has, and the bit that 515 has no more, payload compression. */
#define IP6_HEADERS_OF_64 0xf07b
#define IP6_HEADER_PAY (1 << 15)
/* Octets of the longest text of AWS, "subnet-0123456789abcdef0" and the like. */
#define AWS_MAX 63

static uint64_t get_ip6_headers(const struct record *r)
{
	return r->ip6_headers & IP6_HEADERS_OF_64;
}

static uint64_t get_duration_ms(const struct record *r)
{
	return (r->last_ns - r->first_ns) / NSEC_PER_MSEC;
}

static uint64_t get_duration_us(const struct record *r)
{
	return (r->last_ns - r->first_ns) / NSEC_PER_USEC;
}

/*
 * When this system began, taken once: the three elements below then agree in every record
 * to the millisecond (start = 160 + 22), also when the clock is stepped in between.
 */
static uint64_t get_init_ms(const struct record *r)
{
	static uint64_t ms;

	if (!ms)
		ms = (uint64_t)clock_real_offset_ns() / NSEC_PER_MSEC;
	return ms;
}

/* Milliseconds since then, mod 2^32: it wraps every 49.7 days, as SNMP's sysUpTime. */
static uint64_t get_start_up(const struct record *r)
{
	return (uint32_t)(r->first_ns / NSEC_PER_MSEC - get_init_ms(r));
}

static uint64_t get_end_up(const struct record *r)
{
	return (uint32_t)(r->last_ns / NSEC_PER_MSEC - get_init_ms(r));
}

/*
 * A number that stays with a flow over all its records. The egress interface of an
 * ingress record is left out: `count: once` fills it in when it becomes known.
 */
static uint64_t get_flow_id(const struct record *r)
{
	struct flow_key key = r->key;

	if (key.direction == FLOW_INGRESS)
		key.egress_ifindex = 0;
	return fnv1a(FNV1A_BEGIN, &key, sizeof(key));
}

/* SYN to the final ACK, where both halves were seen. */
static uint64_t get_handshake(const struct record *r)
{
	const struct record_tcp *t = &r->tcp;

	if (!(t->known & RECORD_TCP_SERVER) || !(t->known & RECORD_TCP_CLIENT))
		return 0;
	return (uint64_t)t->handshake_server_us + t->handshake_client_us;
}

static uint64_t get_mean_rtt(const struct record *r)
{
	return r->tcp.rtt_samples ? r->tcp.rtt_sum_us / r->tcp.rtt_samples : 0;
}

/* IANA knows the overlay networks VXLAN (1) and NVGRE (2); the first octet says which. */
static uint64_t get_segment_id(const struct record *r)
{
	return r->key.tunnel == TUNNEL_VXLAN ? UINT64_C(1) << 56 | r->key.vni : 0;
}

#define CLOUD(name_)                                                                      \
	static const char *get_##name_(const struct record *r)                            \
	{                                                                                 \
		return r->cloud ? r->cloud->name_ : NULL;                                 \
	}

CLOUD(account)
CLOUD(vpc)
CLOUD(subnet)
CLOUD(interface)
CLOUD(instance)
CLOUD(az)
CLOUD(az_id)
CLOUD(region)

/* Of each type: its C type in struct record, its length on the wire, what RFC 7012 calls it. */
#define C_U8 uint8_t
#define C_U16 uint16_t
#define C_U32 uint32_t
#define C_U64 uint64_t
#define C_IPV4 uint8_t[16]
#define C_IPV6 uint8_t[16]
#define C_MAC uint8_t[6]
#define C_STRING const char *
#define C_MSEC uint64_t
#define C_SEC uint64_t
#define C_NTP_US uint64_t
#define C_NTP_NS uint64_t

enum {
	LEN_U8 = 1, LEN_U16 = 2, LEN_U32 = 4, LEN_U64 = 8, LEN_BE16 = 2, LEN_IPV4 = 4,
	LEN_IPV6 = 16, LEN_MAC = 6, LEN_SEC = 4, LEN_MSEC = 8, LEN_NTP_US = 8, LEN_NTP_NS = 8,
};

#define DATA_BE16 DATA_U16
#define DATA_NTP_US DATA_USEC
#define DATA_NTP_NS DATA_NSEC

#define HAS_TYPE(type_, member_)                                                          \
	__builtin_types_compatible_p(__typeof__(((struct record *)0)->member_), C_##type_)
#define OFFSET(type_, member_)                                                            \
	(offsetof(struct record, member_) + 0 * sizeof(struct {                           \
		int unused;                                                               \
		_Static_assert(HAS_TYPE(type_, member_), #member_ " is no " #type_);      \
	}))

#define ROW_AS(id_, name_, type_, semantics_, units_, data_type_, len_)                     \
	.id = id_, .name = #name_, .type = IE_##type_, .data_type = data_type_,           \
	.semantics = IE_##semantics_, .units = IE_UNITS_##units_, .len_bytes = len_,      \
	.max_bytes = len_
#define ROW(id_, name_, type_, semantics_, units_)                                        \
	ROW_AS(id_, name_, type_, semantics_, units_, DATA_##type_, LEN_##type_)
/* Behind the source may come a RANGE, or OWN. */
#define FIELD(id_, name_, type_, semantics_, units_, member_, applies_, ...)              \
	{ ROW(id_, name_, type_, semantics_, units_), .applies = applies_,                \
	  .offset = OFFSET(type_, member_), .source = __VA_ARGS__ }
/* A number of a wider abstract data type, and how long it is. */
#define WIDER(id_, name_, type_, data_type_, len_, semantics_, member_, applies_, source_)  \
	{ ROW_AS(id_, name_, type_, semantics_, NONE, DATA_##data_type_, len_),        \
	  .applies = applies_, .offset = OFFSET(type_, member_), .source = source_ }
#define DERIVED(id_, name_, type_, semantics_, units_, get_, applies_, source_)           \
	{ ROW(id_, name_, type_, semantics_, units_), .applies = applies_, .get = get_,   \
	  .source = source_ }
/* Ports and ICMP share their place in the key: each says 0 where it does not apply. */
#define PORT(id_, name_, type_, member_, applies_, source_)                               \
	{ ROW(id_, name_, type_, IDENTIFIER, NONE), .applies = applies_,                  \
	  .offset = offsetof(struct record, member_), .source = source_ }
/* Type and code, in this order, @at_ the one or the other. */
#define ICMP(id_, name_, type_, at_, applies_, source_)                                   \
	{ ROW(id_, name_, type_, IDENTIFIER, NONE), .applies = (applies_) | IE_ICMP,      \
	  .offset = offsetof(struct record, key.dport) + (at_), .source = source_ }
#define BITS(id_, name_, type_, member_, shift_, applies_, ...)                           \
	{ ROW(id_, name_, type_, IDENTIFIER, NONE), .applies = applies_,                  \
	  .shift = shift_, .offset = OFFSET(type_, member_), .source = __VA_ARGS__ }
#define VLAN(id_, name_, member_, applies_, source_)                                      \
	{ ROW(id_, name_, U16, IDENTIFIER, NONE), .applies = applies_,                    \
	  .without = VLAN_PRESENT, .offset = OFFSET(U16, member_), .source = source_ }
/* A text of at most @max_ bytes; below 255 its length takes one more, from there on three. */
#define TEXT(id_, name_, max_, member_, source_)                                          \
	{ .id = id_, .name = #name_, .type = IE_STRING, .data_type = DATA_STRING,      \
	  .semantics = IE_DEFAULT, .len_bytes = IE_VARLEN,                                \
	  .max_bytes = (max_) + ((max_) < 255 ? 1 : 3), .offset = OFFSET(STRING, member_), \
	  .source = source_ }
#define RANGE(end_) .range_end = end_

static const struct ie rows[] = {
	FIELD(1, octetDeltaCount, U64, DELTA_COUNTER, OCTETS, bytes, IE_ANY,
	      "bytes of the IP layer since the record before"),
	FIELD(2, packetDeltaCount, U64, DELTA_COUNTER, PACKETS, packets, IE_ANY,
	      "wire packets since then: a GSO packet is its segments"),
	FIELD(4, protocolIdentifier, U8, IDENTIFIER, NONE, key.proto, IE_ANY, "IP protocol"),
	FIELD(5, ipClassOfService, U8, IDENTIFIER, NONE, tos, IE_ANY,
	      "ToS or traffic class of the first packet"),
	/* unsigned16 (RFC 9565), of which we have the low eight. */
	WIDER(6, tcpControlBits, U8, U16, 2, FLAGS, tcp_flags, IE_TCP,
	      "all TCP flags that were seen"),
	PORT(7, sourceTransportPort, BE16, key.sport, IE_PORTS, "source port"),
	FIELD(8, sourceIPv4Address, IPV4, DEFAULT, NONE, key.src, IE_V4, "source address"),
	FIELD(9, sourceIPv4PrefixLength, U8, QUANTITY, BITS, route.src_prefix_len, IE_V4,
	      "of the route back to the source, 0 unknown", RANGE(32)),
	FIELD(10, ingressInterface, U32, IDENTIFIER, NONE, key.ingress_ifindex, IE_ANY,
	      "ifindex they came in by; 0 = sent from here"),
	PORT(11, destinationTransportPort, BE16, key.dport, IE_PORTS, "destination port"),
	FIELD(12, destinationIPv4Address, IPV4, DEFAULT, NONE, key.dst, IE_V4,
	      "destination address"),
	FIELD(13, destinationIPv4PrefixLength, U8, QUANTITY, BITS, route.dst_prefix_len, IE_V4,
	      "of the route to the destination, 0 unknown", RANGE(32)),
	FIELD(14, egressInterface, U32, IDENTIFIER, NONE, key.egress_ifindex, IE_ANY,
	      "ifindex they left by; 0 = unknown, or for here"),
	FIELD(15, ipNextHopIPv4Address, IPV4, DEFAULT, NONE, route.next_hop, IE_V4,
	      "gateway of the route; 0.0.0.0 = none or unknown"),
	FIELD(16, bgpSourceAsNumber, U32, IDENTIFIER, NONE, route.src_as, IE_ANY,
	      "by prefixFile; 0 unknown"),
	FIELD(17, bgpDestinationAsNumber, U32, IDENTIFIER, NONE, route.dst_as, IE_ANY,
	      "by prefixFile; 0 unknown"),
	FIELD(18, bgpNextHopIPv4Address, IPV4, DEFAULT, NONE, route.bgp_next_hop, IE_V4,
	      "gateway of a route that a BGP daemon made"),
	DERIVED(21, flowEndSysUpTime, U32, QUANTITY, MILLISECONDS, get_end_up, IE_ANY,
		"last packet, ms since systemInitTimeMilliseconds"),
	DERIVED(22, flowStartSysUpTime, U32, QUANTITY, MILLISECONDS, get_start_up, IE_ANY,
		"first packet, ms since systemInitTimeMilliseconds"),
	FIELD(27, sourceIPv6Address, IPV6, DEFAULT, NONE, key.src, IE_V6, "source address"),
	FIELD(28, destinationIPv6Address, IPV6, DEFAULT, NONE, key.dst, IE_V6,
	      "destination address"),
	FIELD(29, sourceIPv6PrefixLength, U8, QUANTITY, BITS, route.src_prefix_len, IE_V6,
	      "of the route back to the source, 0 unknown", RANGE(128)),
	FIELD(30, destinationIPv6PrefixLength, U8, QUANTITY, BITS, route.dst_prefix_len, IE_V6,
	      "of the route to the destination, 0 unknown", RANGE(128)),
	FIELD(31, flowLabelIPv6, U32, IDENTIFIER, NONE, flow_label, IE_V6,
	      "flow label of the first packet", RANGE(0xfffff)),
	ICMP(32, icmpTypeCodeIPv4, BE16, 0, IE_V4, "ICMP type * 256 + code"),
	FIELD(52, minimumTTL, U8, QUANTITY, HOPS, min_ttl, IE_ANY, "lowest TTL or hop limit"),
	FIELD(53, maximumTTL, U8, QUANTITY, HOPS, max_ttl, IE_ANY, "highest TTL or hop limit"),
	FIELD(54, fragmentIdentification, U32, IDENTIFIER, NONE, fragment_id, IE_ANY,
	      "of the first packet: IPv4's, or of a fragment header, but 0 of TCP over IPv6"),
	FIELD(56, sourceMacAddress, MAC, DEFAULT, NONE, src_mac, IE_ANY, "of the first packet"),
	VLAN(58, vlanId, key.vlan_outer, IE_VLAN,
	     "id of the outermost VLAN tag"),
	FIELD(60, ipVersion, U8, IDENTIFIER, NONE, key.family, IE_ANY, "4 or 6"),
	FIELD(61, flowDirection, U8, IDENTIFIER, NONE, key.direction, IE_ANY,
	      "0 metered at ingress, 1 at egress"),
	FIELD(62, ipNextHopIPv6Address, IPV6, DEFAULT, NONE, route.next_hop, IE_V6,
	      "gateway of the route; :: = none or unknown"),
	FIELD(63, bgpNextHopIPv6Address, IPV6, DEFAULT, NONE, route.bgp_next_hop, IE_V6,
	      "gateway of a route that a BGP daemon made"),
	DERIVED(64, ipv6ExtensionHeaders, U32, FLAGS, NONE, get_ip6_headers, IE_V6,
		"IPv6 extension headers that were seen; IANA prefers 515"),
	FIELD(80, destinationMacAddress, MAC, DEFAULT, NONE, dst_mac, IE_ANY,
	      "of the first packet"),
	TEXT(82, interfaceName, IFACE_NAME_MAX - 1, iface, "interface that metered it"),
	TEXT(83, interfaceDescription, IE_STRING_MAX, description, "its alias (ip link ... alias)"),
	FIELD(85, octetTotalCount, U64, TOTAL_COUNTER, OCTETS, total_bytes, IE_ANY,
	      "bytes of the IP layer since the flow began"),
	FIELD(86, packetTotalCount, U64, TOTAL_COUNTER, PACKETS, total_packets, IE_ANY,
	      "wire packets since the flow began"),
	/* unsigned32 by RFC 9710, which wants it sent as unsigned8. */
	WIDER(89, forwardingStatus, U8, U32, 1, IDENTIFIER, route.forwarding_status,
	      IE_ANY, "64 forwarded, 128.. dropped, 192 for this box; 0 unknown"),
	FIELD(136, flowEndReason, U8, IDENTIFIER, NONE, end_reason, IE_ANY,
	      "1 idle, 2 active, 3 end, 4 forced, 5 lack of resources"),
	WIDER(138, observationPointId, U32, U64, 8, IDENTIFIER, ifindex, IE_ANY,
	      "ifindex of the interface that metered it"),
	ICMP(139, icmpTypeCodeIPv6, BE16, 0, IE_V6, "ICMPv6 type * 256 + code"),
	DERIVED(148, flowId, U64, IDENTIFIER, NONE, get_flow_id, IE_ANY, "hash of the flow's key"),
	FIELD(149, observationDomainId, U32, IDENTIFIER, NONE, domain, IE_ANY,
	      "of its network namespace, as in the message's header"),
	FIELD(150, flowStartSeconds, SEC, DEFAULT, SECONDS, first_ns, IE_ANY, "first packet"),
	FIELD(151, flowEndSeconds, SEC, DEFAULT, SECONDS, last_ns, IE_ANY, "last packet"),
	FIELD(152, flowStartMilliseconds, MSEC, DEFAULT, MILLISECONDS, first_ns, IE_ANY,
	      "first packet"),
	FIELD(153, flowEndMilliseconds, MSEC, DEFAULT, MILLISECONDS, last_ns, IE_ANY,
	      "last packet"),
	FIELD(154, flowStartMicroseconds, NTP_US, DEFAULT, MICROSECONDS, first_ns, IE_ANY,
	      "first packet, NTP format"),
	FIELD(155, flowEndMicroseconds, NTP_US, DEFAULT, MICROSECONDS, last_ns, IE_ANY,
	      "last packet, NTP format"),
	FIELD(156, flowStartNanoseconds, NTP_NS, DEFAULT, NANOSECONDS, first_ns, IE_ANY,
	      "first packet, NTP format"),
	FIELD(157, flowEndNanoseconds, NTP_NS, DEFAULT, NANOSECONDS, last_ns, IE_ANY,
	      "last packet, NTP format"),
	DERIVED(160, systemInitTimeMilliseconds, MSEC, DEFAULT, MILLISECONDS, get_init_ms, IE_ANY,
		"when the system started"),
	DERIVED(161, flowDurationMilliseconds, U32, QUANTITY, MILLISECONDS, get_duration_ms,
		IE_ANY, "first to last packet"),
	DERIVED(162, flowDurationMicroseconds, U32, QUANTITY, MICROSECONDS, get_duration_us,
		IE_ANY, "first to last packet; 4294967295 = 71 minutes or more"),
	ICMP(176, icmpTypeIPv4, U8, 0, IE_V4, "ICMP type"),
	ICMP(177, icmpCodeIPv4, U8, 1, IE_V4, "ICMP code"),
	ICMP(178, icmpTypeIPv6, U8, 0, IE_V6, "ICMPv6 type"),
	ICMP(179, icmpCodeIPv6, U8, 1, IE_V6, "ICMPv6 code"),
	PORT(180, udpSourcePort, BE16, key.sport, IE_UDP, "source port"),
	PORT(181, udpDestinationPort, BE16, key.dport, IE_UDP, "destination port"),
	PORT(182, tcpSourcePort, BE16, key.sport, IE_TCP, "source port"),
	PORT(183, tcpDestinationPort, BE16, key.dport, IE_TCP, "destination port"),
	BITS(195, ipDiffServCodePoint, U8, tos, 2, IE_ANY, "upper six bits of ipClassOfService",
	     RANGE(63)),
	BITS(196, ipPrecedence, U8, tos, 5, IE_ANY, "upper three bits of ipClassOfService",
	     RANGE(7)),
	FIELD(209, tcpOptions, U64, FLAGS, NONE, tcp_options, IE_TCP,
	      "TCP options that were seen, of kinds 0 to 30 and 34; IANA prefers 520"),
	FIELD(239, biflowDirection, U8, IDENTIFIER, NONE, biflow_direction, IE_BIFLOW,
	      "1 the source began it, 2 the destination, 0 unknown"),
	VLAN(243, dot1qVlanId, key.vlan_outer, IE_VLAN,
	     "id of the outermost VLAN tag"),
	VLAN(245, dot1qCustomerVlanId, key.vlan_inner, IE_QINQ,
	     "id of the inner VLAN tag"),
	TEXT(300, observationDomainName, NETNS_NAME_MAX, netns,
	     "network namespace that metered it"),
	DERIVED(351, layer2SegmentId, U64, IDENTIFIER, NONE, get_segment_id, IE_TUNNEL,
		"2^56 + VNI of VXLAN; 0 of other tunnels, which IANA has no number for"),
	{ ROW_AS(515, ipv6ExtensionHeadersFull, U32, FLAGS, NONE, DATA_U256, 4),
	  .applies = IE_V6, .without = IP6_HEADER_PAY, .offset = OFFSET(U32, ip6_headers),
	  .source = "IPv6 extension headers that were seen" },
	WIDER(520, tcpOptionsFull, U64, U256, 8, FLAGS, tcp_options, IE_TCP,
	      "TCP options that were seen, of kinds 0 to 30 and 34"),
	/* The enterprise's own. A number that was given away keeps its meaning for ever. */
#define OWN .pen = IE_PEN_DOCUMENTATION
	FIELD(1, packetMark, U32, IDENTIFIER, NONE, mark, IE_ANY,
	      "mark (fwmark) of the first packet", OWN),
	{ .pen = IE_PEN_DOCUMENTATION, .id = 2, .name = "networkNamespaceName", .type = IE_STRING,
	  .data_type = DATA_STRING, .len_bytes = IE_VARLEN, .max_bytes = NETNS_NAME_MAX,
	  .offset = OFFSET(STRING, netns), .source = "network namespace that metered it" },
	/*
	 * TCP's health since the record before, by what lies in the record: 0 where it is not
	 * known, which 3 tells from a 0 that was observed.
	 */
#define HEALTH(id_, name_, semantics_, units_, member_, source_)                           \
	FIELD(id_, name_, U32, semantics_, units_, tcp.member_, IE_HEALTH, source_, OWN)
#define HEALTH_DERIVED(id_, name_, units_, get_, source_)                                  \
	{ ROW(id_, name_, U32, QUANTITY, units_), OWN, .applies = IE_HEALTH, .get = get_,  \
	  .source = source_ }
	HEALTH(3, tcpHealthObserved, FLAGS, NONE, known,
	       "known: 1 counts, 2 server's, 4 client's half of the handshake, 8 RTT, "
	       "16 window, 32 jitter, 64 in flight"),
	HEALTH_DERIVED(4, tcpHandshakeLatencyMicroseconds, MICROSECONDS, get_handshake,
		       "first SYN to the ACK that ends the handshake"),
	HEALTH(5, tcpHandshakeServerMicroseconds, QUANTITY, MICROSECONDS, handshake_server_us,
	       "first SYN to SYN-ACK"),
	HEALTH(6, tcpHandshakeClientMicroseconds, QUANTITY, MICROSECONDS, handshake_client_us,
	       "SYN-ACK to ACK"),
	HEALTH(7, tcpRetransmissionDeltaCount, DELTA_COUNTER, PACKETS, retransmissions,
	       "packets sent again; the sum of the three below"),
	HEALTH(8, tcpFastRetransmissionDeltaCount, DELTA_COUNTER, PACKETS, fast_retransmits,
	       "of them: asked for by duplicate ACKs or SACK"),
	HEALTH(9, tcpTimeoutRetransmissionDeltaCount, DELTA_COUNTER, PACKETS,
	       timeout_retransmits, "of them: neither asked for nor spurious"),
	HEALTH(10, tcpSpuriousRetransmissionDeltaCount, DELTA_COUNTER, PACKETS,
	       spurious_retransmits, "of them: acknowledged already, or answered by a DSACK"),
	HEALTH(11, tcpOutOfOrderDeltaCount, DELTA_COUNTER, PACKETS, out_of_order,
	       "packets that came behind later ones and were no retransmissions"),
	HEALTH(12, tcpDuplicateAckDeltaCount, DELTA_COUNTER, PACKETS, duplicate_acks,
	       "duplicate ACKs that the source sent"),
	HEALTH(13, tcpZeroWindowDeltaCount, DELTA_COUNTER, PACKETS, zero_windows,
	       "packets in which the source announced a window of 0"),
	HEALTH(14, tcpKeepAliveDeltaCount, DELTA_COUNTER, PACKETS, keep_alives,
	       "keep-alives that the source sent"),
	HEALTH(15, tcpRttMinimumMicroseconds, QUANTITY, MICROSECONDS, min_rtt_us,
	       "shortest time from a segment of the source to its ACK"),
	HEALTH(16, tcpRttMaximumMicroseconds, QUANTITY, MICROSECONDS, max_rtt_us,
	       "longest such time"),
	HEALTH_DERIVED(17, tcpRttMeanMicroseconds, MICROSECONDS, get_mean_rtt,
		       "mean of such times"),
	HEALTH(18, tcpRttSampleDeltaCount, DELTA_COUNTER, NONE, rtt_samples,
	       "segments whose RTT was measured; none that was sent twice"),
	HEALTH(19, tcpJitterMeanMicroseconds, QUANTITY, MICROSECONDS, avg_jitter_us,
	       "RFC 3550's estimator over the spacing of data segments, at the last of them"),
	HEALTH(20, tcpJitterMaximumMicroseconds, QUANTITY, MICROSECONDS, max_jitter_us,
	       "greatest difference of one spacing to the one before"),
	HEALTH(21, tcpWindowMinimum, QUANTITY, OCTETS, min_window,
	       "smallest window that the source announced, scaled if the handshake was seen"),
	HEALTH(22, tcpWindowMaximum, QUANTITY, OCTETS, max_window,
	       "greatest window that the source announced"),
	HEALTH(23, tcpWindowLast, QUANTITY, OCTETS, last_window,
	       "last window that the source announced"),
	HEALTH(24, tcpEcnEct0DeltaCount, DELTA_COUNTER, PACKETS, ect0, "packets with ECT(0)"),
	HEALTH(25, tcpEcnEct1DeltaCount, DELTA_COUNTER, PACKETS, ect1, "packets with ECT(1)"),
	HEALTH(26, tcpEcnCeDeltaCount, DELTA_COUNTER, PACKETS, ce,
	       "packets that a router had marked CE"),
	HEALTH(27, tcpEcnEceDeltaCount, DELTA_COUNTER, PACKETS, ece, "packets with ECE"),
	HEALTH(28, tcpEcnCwrDeltaCount, DELTA_COUNTER, PACKETS, cwr, "packets with CWR"),
	HEALTH(29, tcpBytesInFlightMaximum, QUANTITY, OCTETS, max_in_flight,
	       "most octets sent and not acknowledged"),
	/* What a flow was taken out of (meter attach --decap), where it was. */
	FIELD(30, tunnelType, U8, IDENTIFIER, NONE, key.tunnel, IE_TUNNEL,
	      "1 geneve 2 vxlan 3 gre 4 erspan 5 ipip 6 6in4 7 4in6 8 6in6; 0 none", OWN),
	FIELD(31, tunnelIdentifier, U32, IDENTIFIER, NONE, key.vni, IE_TUNNEL,
	      "VNI of geneve and vxlan, key of gre, session of erspan", OWN),
	FIELD(32, outerSourceIPv4Address, IPV4, DEFAULT, NONE, outer.src, IE_OUTER_V4,
	      "source of the flow's first outer packet; 0.0.0.0 = not known", OWN),
	FIELD(33, outerDestinationIPv4Address, IPV4, DEFAULT, NONE, outer.dst, IE_OUTER_V4,
	      "destination of it", OWN),
	FIELD(34, outerSourceIPv6Address, IPV6, DEFAULT, NONE, outer.src, IE_OUTER_V6,
	      "source of the flow's first outer packet", OWN),
	FIELD(35, outerDestinationIPv6Address, IPV6, DEFAULT, NONE, outer.dst, IE_OUTER_V6,
	      "destination of it", OWN),
	FIELD(36, outerIpClassOfService, U8, IDENTIFIER, NONE, outer.tos, IE_TUNNEL,
	      "ToS or traffic class of it", OWN),
	FIELD(37, gwlbEndpointId, U64, IDENTIFIER, NONE, outer.gwlb_endpoint, IE_TUNNEL,
	      "of an AWS Gateway Load Balancer, by its GENEVE option 1", OWN),
	FIELD(38, gwlbAttachmentId, U64, IDENTIFIER, NONE, outer.gwlb_attachment, IE_TUNNEL,
	      "of it, by option 2", OWN),
	FIELD(39, gwlbFlowCookie, U32, IDENTIFIER, NONE, outer.gwlb_flow, IE_TUNNEL,
	      "of it, by option 3", OWN),
	/* Of the machine, and of its network interface that the flow crossed; where it is in AWS. */
#define AWS(id_, name_, member_, source_)                                                 \
	{ .pen = IE_PEN_DOCUMENTATION, .id = id_, .name = #name_, .type = IE_STRING,      \
	  .data_type = DATA_STRING, .semantics = IE_DEFAULT, .len_bytes = IE_VARLEN,      \
	  .max_bytes = AWS_MAX + 1, .get_text = get_##member_, .source = source_ }
	AWS(40, awsAccountId, account, "owner of the network interface"),
	AWS(41, awsVpcId, vpc, "its VPC"),
	AWS(42, awsSubnetId, subnet, "its subnet"),
	AWS(43, awsInterfaceId, interface, "network interface that the flow crossed"),
	AWS(44, awsInstanceId, instance, "instance that metered it"),
	AWS(45, awsAvailabilityZone, az, "availability zone of the instance"),
	AWS(46, awsAvailabilityZoneId, az_id, "id of that zone, the same for all accounts"),
	AWS(47, awsRegion, region, "region of the instance"),
};

const struct ie *ie_rows(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(rows);
	return rows;
}
