// SPDX-License-Identifier: Apache-2.0
/* Expected bytes are worked out by hand from RFC 7011 6.1, RFC 7012 and the IANA registry. */
#include "flow/ie.h"

#include <errno.h>

#include "base/error.h"
#include "flow/ie_registry.h"
#include "hex.h"
#include "ie_tunnels.h"
#include "test.h"

/* 2026-11-21 03:55:57.123456789 UTC: 1795233357 s after 1970, 4004222157 (eeab94cd) after 1900 */
#define FIRST_NS UINT64_C(1795233357123456789)
/* 1.876543211 s later: 2026-11-21 03:55:59 exactly */
#define LAST_NS UINT64_C(1795233359000000000)

static const struct record tcp4 = {
	.key = {
		.src = { 192, 0, 2, 12 }, .dst = { 198, 51, 100, 254 },
		.sport = __builtin_bswap16(49375), .dport = __builtin_bswap16(443),
		.ingress_ifindex = 0x01020304, .egress_ifindex = 7,
		.vlan_outer = VLAN_PRESENT | 0x123, .vlan_inner = VLAN_PRESENT | 0xffe,
		.proto = 6, .family = 4, .direction = FLOW_INGRESS,
	},
	.packets = 0x0102030405060708, .bytes = UINT64_C(0xfffefdfcfbfaf9f8),
	.first_ns = FIRST_NS, .last_ns = LAST_NS,
	.tcp_flags = 0xdb, .tos = 0xb9, .min_ttl = 1, .max_ttl = 255, .end_reason = 3,
	.src_mac = { 2, 0, 0, 0, 0, 1 }, .dst_mac = { 2, 0, 0, 0, 0, 2 },
	.total_packets = 0x1112131415161718, .total_bytes = UINT64_C(0xefeeedecebeae9e8),
	.fragment_id = 0xbeef, .mark = 0xcafe0001, .ifindex = 0x01020304, .domain = 0x0a0b0c0d,
	/* MSS, window scale, SACK permitted, timestamps; kinds 63 and 0 */
	.tcp_options = UINT64_C(0x800000000000011d), .biflow_direction = 2,
	.route = {
		.next_hop = { 203, 0, 113, 1 }, .bgp_next_hop = { 203, 0, 113, 9 },
		.src_prefix_len = 24, .dst_prefix_len = 32, .forwarding_status = 64,
		.src_as = 64496, .dst_as = 4200000000,
	},
	.tcp = {
		.known = 0x7f, .handshake_server_us = 40001, .handshake_client_us = 963,
		.rtt_sum_us = 3 * UINT64_C(0x30303031) + 2, .retransmissions = 0x84142434,
		.fast_retransmits = 0x85152535, .timeout_retransmits = 0x86162636,
		.spurious_retransmits = 0x87172737, .out_of_order = 0x88182838,
		.duplicate_acks = 0x89192939, .zero_windows = 0x8a1a2a3a,
		.keep_alives = 0x8b1b2b3b, .min_rtt_us = 0x8c1c2c3c, .max_rtt_us = 0x8d1d2d3d,
		.rtt_samples = 0x00000003, .avg_jitter_us = 0x90203040,
		.max_jitter_us = 0x91213141, .min_window = 0x92223242, .max_window = 0x93233343,
		.last_window = 0x94243444, .ect0 = 0x95253545, .ect1 = 0x96263646,
		.ce = 0x97273747, .ece = 0x98283848, .cwr = 0x99293949,
		.max_in_flight = 0x9a2a3a4a,
	},
	.iface = "eth0", .description = "uplink \xc3\xa4", .netns = "blue",
};

/* echo request, type 8 code 0, and ICMPv6 "administratively prohibited", type 1 code 1 */
static const struct record icmp4 = {
	.key = { .family = 4, .proto = 1, .dport = __builtin_bswap16(0x0800) },
};
static const struct record icmp6 = {
	.key = {
		.src = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .dst = { 0x20, 1, 0xd, 0xb8, [15] = 2 },
		.family = 6, .proto = 58, .dport = __builtin_bswap16(0x0101),
	},
	.flow_label = 0xfedcb, .fragment_id = 0xdeadbeef,
	/* DST (0), HOP (1), NoNxt (2), RH (5), FRA1 (6), MOB (12), AH (14), PAY (15), shim6 (17) */
	.ip6_headers = 0x2d067,
	.route = {
		.next_hop = { 0xfe, 0x80, [15] = 1 },
		.bgp_next_hop = { 0x20, 1, 0xd, 0xb8, [15] = 9 },
		.src_prefix_len = 64, .dst_prefix_len = 128, .forwarding_status = 192,
	},
};

static const struct record udp6 = {
	.key = {
		.family = 6, .proto = 17,
		.sport = __builtin_bswap16(53), .dport = __builtin_bswap16(65534),
	},
};
static const struct record biflow = {
	.key = { .family = 4, .proto = 6 }, .biflow_direction = 2, .reverse = &tcp4,
	.tcp = { .known = RECORD_TCP_SERVER, .handshake_server_us = 7 },
};

/* @len: its length where none is said, or the length that is asked for. */
struct row {
	const char *name;
	unsigned id, len;
	const struct record *record;
	const char *hex;
};

static const struct row rows[] = {
	{ "octetDeltaCount", 1, 8, &tcp4, "fffefdfcfbfaf9f8" },
	{ "packetDeltaCount", 2, 8, &tcp4, "0102030405060708" },
	{ "protocolIdentifier", 4, 1, &tcp4, "06" },
	{ "ipClassOfService", 5, 1, &tcp4, "b9" },
	{ "tcpControlBits", 6, 2, &tcp4, "00db" },
	{ "sourceTransportPort", 7, 2, &tcp4, "c0df" },
	{ "sourceTransportPort", 7, 2, &icmp4, "0000" },
	{ "sourceIPv4Address", 8, 4, &tcp4, "c000020c" },
	{ "ingressInterface", 10, 4, &tcp4, "01020304" },
	{ "destinationTransportPort", 11, 2, &tcp4, "01bb" },
	{ "destinationTransportPort", 11, 2, &icmp4, "0000" },
	{ "destinationIPv4Address", 12, 4, &tcp4, "c63364fe" },
	{ "egressInterface", 14, 4, &tcp4, "00000007" },
	{ "sourceIPv4PrefixLength", 9, 1, &tcp4, "18" },
	{ "destinationIPv4PrefixLength", 13, 1, &tcp4, "20" },
	{ "ipNextHopIPv4Address", 15, 4, &tcp4, "cb007101" },
	{ "bgpSourceAsNumber", 16, 4, &tcp4, "0000fbf0" },
	{ "bgpDestinationAsNumber", 17, 4, &tcp4, "fa56ea00" },
	{ "bgpNextHopIPv4Address", 18, 4, &tcp4, "cb007109" },
	{ "sourceIPv6Address", 27, 16, &icmp6, "20010db8000000000000000000000001" },
	{ "destinationIPv6Address", 28, 16, &icmp6, "20010db8000000000000000000000002" },
	{ "sourceIPv6PrefixLength", 29, 1, &icmp6, "40" },
	{ "sourceIPv6PrefixLength", 29, 1, &tcp4, "00" },
	{ "sourceIPv4PrefixLength", 9, 1, &icmp6, "00" },
	{ "destinationIPv6PrefixLength", 30, 1, &icmp6, "80" },
	{ "flowLabelIPv6", 31, 4, &icmp6, "000fedcb" },
	{ "icmpTypeCodeIPv4", 32, 2, &icmp4, "0800" },
	{ "icmpTypeCodeIPv4", 32, 2, &tcp4, "0000" },
	{ "minimumTTL", 52, 1, &tcp4, "01" },
	{ "maximumTTL", 53, 1, &tcp4, "ff" },
	{ "fragmentIdentification", 54, 4, &tcp4, "0000beef" },
	{ "fragmentIdentification", 54, 4, &icmp6, "deadbeef" },
	{ "sourceMacAddress", 56, 6, &tcp4, "020000000001" },
	{ "vlanId", 58, 2, &tcp4, "0123" },
	{ "vlanId", 58, 2, &icmp4, "0000" },
	{ "ipVersion", 60, 1, &icmp6, "06" },
	{ "flowDirection", 61, 1, &tcp4, "00" },
	{ "ipNextHopIPv6Address", 62, 16, &icmp6, "fe800000000000000000000000000001" },
	{ "bgpNextHopIPv6Address", 63, 16, &icmp6, "20010db8000000000000000000000009" },
	{ "ipv6ExtensionHeaders", 64, 4, &icmp6, "0000d063" },
	{ "destinationMacAddress", 80, 6, &tcp4, "020000000002" },
	/* RFC 7011 7: the length in an octet, or 255 and the length in two */
	{ "interfaceName", 82, IE_VARLEN, &tcp4, "0465746830" },
	{ "interfaceName", 82, IE_VARLEN, &icmp4, "00" },
	{ "interfaceDescription", 83, IE_VARLEN, &tcp4, "0975706c696e6b20c3a4" },
	{ "octetTotalCount", 85, 8, &tcp4, "efeeedecebeae9e8" },
	{ "packetTotalCount", 86, 8, &tcp4, "1112131415161718" },
	{ "forwardingStatus", 89, 1, &tcp4, "40" },
	{ "forwardingStatus", 89, 1, &icmp6, "c0" },
	{ "flowEndReason", 136, 1, &tcp4, "03" },
	{ "observationPointId", 138, 8, &tcp4, "0000000001020304" },
	{ "icmpTypeCodeIPv6", 139, 2, &icmp6, "0101" },
	/* FNV-1a of the key without the way out; a number that means nothing */
	{ "flowId", 148, 8, &tcp4, "5cbb91b036ea3e76" },
	{ "observationDomainId", 149, 4, &tcp4, "0a0b0c0d" },
	{ "flowStartSeconds", 150, 4, &tcp4, "6b01164d" },
	{ "flowEndSeconds", 151, 4, &tcp4, "6b01164f" },
	{ "flowStartMilliseconds", 152, 8, &tcp4, "000001a1fc3f1d43" },
	{ "flowEndMilliseconds", 153, 8, &tcp4, "000001a1fc3f2498" },
	/* 0.123456 s and 0.123456789 s of 2^-32 s, rounded up, the former to a multiple of 2048 */
	{ "flowStartMicroseconds", 154, 8, &tcp4, "eeab94cd1f9ad000" },
	{ "flowEndMicroseconds", 155, 8, &tcp4, "eeab94cf00000000" },
	{ "flowStartNanoseconds", 156, 8, &tcp4, "eeab94cd1f9add38" },
	{ "flowEndNanoseconds", 157, 8, &tcp4, "eeab94cf00000000" },
	{ "flowDurationMilliseconds", 161, 4, &tcp4, "00000754" },
	{ "flowDurationMicroseconds", 162, 4, &tcp4, "001ca23f" },
	{ "icmpTypeIPv4", 176, 1, &icmp4, "08" },
	{ "icmpCodeIPv4", 177, 1, &icmp4, "00" },
	{ "icmpTypeIPv4", 176, 1, &icmp6, "00" },
	{ "icmpTypeIPv6", 178, 1, &icmp6, "01" },
	{ "icmpCodeIPv6", 179, 1, &icmp6, "01" },
	{ "udpSourcePort", 180, 2, &udp6, "0035" },
	{ "udpSourcePort", 180, 2, &tcp4, "0000" },
	{ "udpDestinationPort", 181, 2, &udp6, "fffe" },
	{ "udpDestinationPort", 181, 2, &icmp4, "0000" },
	{ "tcpSourcePort", 182, 2, &tcp4, "c0df" },
	{ "tcpDestinationPort", 183, 2, &tcp4, "01bb" },
	{ "tcpSourcePort", 182, 2, &udp6, "0000" },
	{ "tcpDestinationPort", 183, 2, &udp6, "0000" },
	{ "ipDiffServCodePoint", 195, 1, &tcp4, "2e" },
	{ "ipPrecedence", 196, 1, &tcp4, "05" },
	{ "tcpOptions", 209, 8, &tcp4, "800000000000011d" },
	{ "biflowDirection", 239, 1, &biflow, "02" },
	{ "biflowDirection", 239, 1, &tcp4, "00" },
	{ "dot1qVlanId", 243, 2, &tcp4, "0123" },
	{ "dot1qCustomerVlanId", 245, 2, &tcp4, "0ffe" },
	{ "ipv6ExtensionHeadersFull", 515, 4, &icmp6, "00025067" },
	{ "tcpOptionsFull", 520, 8, &tcp4, "800000000000011d" },
	{ "packetMark", 1, 4, &tcp4, "cafe0001" },
	{ "networkNamespaceName", 2, IE_VARLEN, &tcp4, "04626c7565" },
	{ "networkNamespaceName", 2, IE_VARLEN, &icmp4, "00" },
	{ "observationDomainName", 300, IE_VARLEN, &tcp4, "04626c7565" },
	{ "observationDomainName", 300, IE_VARLEN, &icmp4, "00" },
	{ "tcpHealthObserved", 3, 4, &tcp4, "0000007f" },
	{ "tcpHandshakeLatencyMicroseconds", 4, 4, &tcp4, "0000a004" },
	{ "tcpHandshakeServerMicroseconds", 5, 4, &tcp4, "00009c41" },
	{ "tcpHandshakeClientMicroseconds", 6, 4, &tcp4, "000003c3" },
	{ "tcpRetransmissionDeltaCount", 7, 4, &tcp4, "84142434" },
	{ "tcpFastRetransmissionDeltaCount", 8, 4, &tcp4, "85152535" },
	{ "tcpTimeoutRetransmissionDeltaCount", 9, 4, &tcp4, "86162636" },
	{ "tcpSpuriousRetransmissionDeltaCount", 10, 4, &tcp4, "87172737" },
	{ "tcpOutOfOrderDeltaCount", 11, 4, &tcp4, "88182838" },
	{ "tcpDuplicateAckDeltaCount", 12, 4, &tcp4, "89192939" },
	{ "tcpZeroWindowDeltaCount", 13, 4, &tcp4, "8a1a2a3a" },
	{ "tcpKeepAliveDeltaCount", 14, 4, &tcp4, "8b1b2b3b" },
	{ "tcpRttMinimumMicroseconds", 15, 4, &tcp4, "8c1c2c3c" },
	{ "tcpRttMaximumMicroseconds", 16, 4, &tcp4, "8d1d2d3d" },
	{ "tcpRttMeanMicroseconds", 17, 4, &tcp4, "30303031" },
	{ "tcpRttSampleDeltaCount", 18, 4, &tcp4, "00000003" },
	{ "tcpJitterMeanMicroseconds", 19, 4, &tcp4, "90203040" },
	{ "tcpJitterMaximumMicroseconds", 20, 4, &tcp4, "91213141" },
	{ "tcpWindowMinimum", 21, 4, &tcp4, "92223242" },
	{ "tcpWindowMaximum", 22, 4, &tcp4, "93233343" },
	{ "tcpWindowLast", 23, 4, &tcp4, "94243444" },
	{ "tcpEcnEct0DeltaCount", 24, 4, &tcp4, "95253545" },
	{ "tcpEcnEct1DeltaCount", 25, 4, &tcp4, "96263646" },
	{ "tcpEcnCeDeltaCount", 26, 4, &tcp4, "97273747" },
	{ "tcpEcnEceDeltaCount", 27, 4, &tcp4, "98283848" },
	{ "tcpEcnCwrDeltaCount", 28, 4, &tcp4, "99293949" },
	{ "tcpBytesInFlightMaximum", 29, 4, &tcp4, "9a2a3a4a" },
	{ "layer2SegmentId", 351, 8, &vxlan, "0100000000123456" },
	{ "layer2SegmentId", 351, 8, &geneve, "0000000000000000" },
	{ "tunnelType", 30, 1, &vxlan, "02" },
	{ "tunnelType", 30, 1, &geneve, "01" },
	{ "tunnelType", 30, 1, &tcp4, "00" },
	{ "tunnelIdentifier", 31, 4, &geneve, "00ffffff" },
	{ "outerSourceIPv4Address", 32, 4, &vxlan, "c0000201" },
	{ "outerDestinationIPv4Address", 33, 4, &vxlan, "c0000202" },
	{ "outerSourceIPv6Address", 34, 16, &geneve, "20010db8000000000000000000000001" },
	{ "outerDestinationIPv6Address", 35, 16, &geneve, "20010db8000000000000000000000002" },
	/* never those of the other family */
	{ "outerSourceIPv4Address", 32, 4, &geneve, "00000000" },
	{ "outerDestinationIPv4Address", 33, 4, &geneve, "00000000" },
	{ "outerSourceIPv6Address", 34, 16, &vxlan, "00000000000000000000000000000000" },
	{ "outerDestinationIPv6Address", 35, 16, &vxlan, "00000000000000000000000000000000" },
	{ "outerSourceIPv4Address", 32, 4, &tcp4, "00000000" },
	{ "outerIpClassOfService", 36, 1, &vxlan, "2e" },
	{ "gwlbEndpointId", 37, 8, &geneve, "0102030405060708" },
	{ "gwlbAttachmentId", 38, 8, &geneve, "f1f2f3f4f5f6f7f8" },
	{ "gwlbFlowCookie", 39, 4, &geneve, "a1a2a3a4" },
	{ "awsAccountId", 40, IE_VARLEN, &vxlan, "0c313233343536373839303132" },
	{ "awsAccountId", 40, IE_VARLEN, &geneve, "00" },
	{ "awsAccountId", 40, IE_VARLEN, &tcp4, "00" },
	{ "awsVpcId", 41, IE_VARLEN, &vxlan, "067670632d3031" },
	{ "awsSubnetId", 42, IE_VARLEN, &vxlan, "097375626e65742d3032" },
	{ "awsInterfaceId", 43, IE_VARLEN, &vxlan, "06656e692d3033" },
	{ "awsInstanceId", 44, IE_VARLEN, &vxlan, "04692d3034" },
	{ "awsAvailabilityZone", 45, IE_VARLEN, &vxlan, "0a65752d776573742d3161" },
	{ "awsAvailabilityZoneId", 46, IE_VARLEN, &vxlan, "08657577312d617a32" },
	{ "awsRegion", 47, IE_VARLEN, &vxlan, "0965752d776573742d31" },
	{ "tcpHealthObserved", 3, 4, &udp6, "00000000" },
	{ "tcpRetransmissionDeltaCount", 7, 4, &udp6, "00000000" },
	/* half a handshake has no latency; none was measured, so there is no mean */
	{ "tcpHandshakeLatencyMicroseconds", 4, 4, &biflow, "00000000" },
	{ "tcpHandshakeServerMicroseconds", 5, 4, &biflow, "00000007" },
	{ "tcpRttMeanMicroseconds", 17, 4, &biflow, "00000000" },
};

/* Two halves that are together more than fits into 32 bits. */
static const struct record slow = {
	.key = { .family = 4, .proto = 6 },
	.tcp = {
		.known = RECORD_TCP_SERVER | RECORD_TCP_CLIENT,
		.handshake_server_us = UINT32_MAX, .handshake_client_us = UINT32_MAX,
	},
};

/* RFC 7011 6.2: leading zeroes are dropped, nothing else changes. */
static const struct row reduced[] = {
	{ "octetDeltaCount", 1, 4, &icmp6, "00000000" },
	{ "octetDeltaCount", 1, 4, &tcp4, "ffffffff" },		/* more than fits */
	{ "packetDeltaCount", 2, 7, &tcp4, "ffffffffffffff" },
	{ "packetTotalCount", 86, 8, &tcp4, "1112131415161718" },
	{ "tcpControlBits", 6, 1, &tcp4, "db" },
	{ "ingressInterface", 10, 3, &tcp4, "ffffff" },
	{ "egressInterface", 14, 2, &tcp4, "0007" },
	{ "egressInterface", 14, 1, &tcp4, "07" },
	{ "sourceTransportPort", 7, 1, &tcp4, "ff" },
	{ "vlanId", 58, 1, &tcp4, "ff" },
	{ "forwardingStatus", 89, 4, &tcp4, "00000040" },
	{ "observationPointId", 138, 4, &tcp4, "01020304" },
	{ "flowDurationMilliseconds", 161, 2, &tcp4, "0754" },
	{ "tcpOptions", 209, 1, &tcp4, "1d" },			/* flags are cut */
	/* the examples of RFC 9740: DST, HOP, RH are 0x23; here NoNxt and FRA1 are too */
	{ "ipv6ExtensionHeadersFull", 515, 1, &icmp6, "67" },
	{ "ipv6ExtensionHeadersFull", 515, 2, &icmp6, "5067" },
	{ "ipv6ExtensionHeadersFull", 515, 32, &icmp6,
	  "0000000000000000000000000000000000000000000000000000000000025067" },
	{ "tcpOptionsFull", 520, 9, &tcp4, "00800000000000011d" },
	/* texts of a fixed length: zeroes behind, no character cut in two */
	{ "interfaceName", 82, 6, &tcp4, "657468300000" },
	{ "interfaceName", 82, 2, &tcp4, "6574" },
	{ "interfaceName", 82, 3, &icmp4, "000000" },
	{ "interfaceDescription", 83, 9, &tcp4, "75706c696e6b20c3a4" },
	{ "interfaceDescription", 83, 8, &tcp4, "75706c696e6b2000" },
	{ "packetMark", 1, 2, &icmp4, "0000" },
	{ "tcpHealthObserved", 3, 1, &tcp4, "7f" },
	{ "tcpHandshakeServerMicroseconds", 5, 2, &tcp4, "9c41" },
	{ "tcpRetransmissionDeltaCount", 7, 2, &tcp4, "ffff" },
	{ "tcpHandshakeLatencyMicroseconds", 4, 4, &slow, "ffffffff" },
};

static uint64_t value(const char *name, const struct record *r)
{
	const struct ie_field f = { ie_find(name), ie_find(name)->len_bytes };
	uint8_t out[16] = { 0 };
	uint64_t v = 0;

	ie_put(&f, r, out);
	for (size_t i = 0; i < f.len_bytes; i++)
		v = v << 8 | out[i];
	return v;
}

static bool is_written(const struct ie_field *f, const struct record *r, const char *hex)
{
	uint8_t out[IE_STRING_MAX + 4];
	size_t n;

	memset(out, 0xa5, sizeof(out));
	n = ie_put(f, r, out);
	if (is_hex(out, n, hex) && out[n] == 0xa5 && n <= ie_field_max(f) &&
	    (f->len_bytes == IE_VARLEN || n == f->len_bytes))
		return true;
	printf("# %s in %u octets\n", f->ie->name, f->len_bytes);
	return false;
}

TEST(every_element_is_encoded_as_the_registry_says)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const struct ie *e = ie_find(row->name);
		struct ie_field f = { e, row->len };

		CHECK(e && is_written(&f, row->record, row->hex));
		CHECK(e->id == row->id && e->len_bytes == row->len);
		CHECK(ie_check_len(e, row->len) == 0);
	}
}

TEST(numbers_and_texts_go_in_as_many_octets_as_are_asked_for)
{
	for (size_t i = 0; i < sizeof(reduced) / sizeof(reduced[0]); i++) {
		const struct row *row = &reduced[i];
		struct ie_field f = { ie_find(row->name), row->len };

		CHECK(f.ie && f.ie->id == row->id && is_written(&f, row->record, row->hex));
		CHECK(ie_check_len(f.ie, row->len) == 0);
	}
}

/* What is of the flow as a whole, so that there is nothing to reverse. */
static bool is_whole(const struct ie *e)
{
	return (!e->pen && (e->id == 148 || e->id == 149 || e->id == 239)) ||
	       (e->pen && (e->id == 2 || (e->id >= 4 && e->id <= 6) || (e->id >= 30 && e->id <= 35)));
}

/* RFC 5103 6.1: the same number and the same value, of the other direction's record; 6.2: of
 * an enterprise's own it is the number with a bit more. */
TEST(every_reverse_element_is_its_forward_one_of_the_other_direction)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record both = { .key = rows[i].record->key, .reverse = rows[i].record };
		struct record single = { .key = both.key, .packets = 5, .iface = "eth1" };
		const struct ie *forward = ie_find(rows[i].name);
		static const char zero[33] = "00000000000000000000000000000000";
		char name[64] = "reverse";
		struct ie_field f = { NULL, rows[i].len };

		strcat(name, rows[i].name);
		name[7] ^= 'a' ^ 'A';
		f.ie = ie_find(name);
		if (is_whole(forward)) {
			CHECK(!f.ie);
			continue;
		}
		CHECK(f.ie && f.ie->reverse);
		CHECK(f.ie->pen == (forward->pen ? forward->pen : 29305));
		CHECK(f.ie->id == (rows[i].id | (forward->pen ? 0x4000 : 0)));
		CHECK(is_written(&f, &both, rows[i].hex));
		CHECK(is_written(&f, &single, f.len_bytes == IE_VARLEN ? "00" :
				 zero + 32 - 2 * rows[i].len));
		CHECK(ie_record_applies(&both) & IE_BIFLOW);
		CHECK(!(ie_record_applies(&single) & IE_BIFLOW));
	}
	CHECK_STR(ie_find("reverseOctetDeltaCount")->name, "reverseOctetDeltaCount");
	CHECK(ie_find("ReverseFlowStartMilliseconds")->id == 152);
}

/* 21 and 22 are of this system's start, and so have a test of their own below. */
static bool has_golden(const char *name)
{
	static const char *const elsewhere[] = {
		"flowEndSysUpTime", "flowStartSysUpTime", "systemInitTimeMilliseconds",
	};

	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if (strcmp(name, elsewhere[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(name, rows[i].name) == 0)
			return true;
	}
	printf("# no bytes are known of %s\n", name);
	return false;
}

TEST(rows_are_in_order_and_of_the_registry_and_each_has_bytes_here)
{
	size_t n, own = 0, reverse = 0, whole = 0;
	const struct ie *all = ie_all(&n);

	for (size_t i = 0; i < n; i++) {
		const struct ie *e = &all[i];

		CHECK(!i || e->pen != all[i - 1].pen || all[i - 1].id < e->id);
		CHECK(e->source && e->len_bytes && ie_type_name(e));
		CHECK(e->pen || (ie_registered_by_id(e->id) &&
				 strcmp(ie_registered_by_id(e->id)->name, e->name) == 0 &&
				 ie_registered_by_id(e->id)->type == e->data_type));
		CHECK(e->reverse || has_golden(e->name));
		own += e->pen == IE_PEN_DOCUMENTATION && !e->reverse;
		reverse += e->reverse;
		whole += !e->reverse && is_whole(e);
	}
	CHECK(own == 47 && whole == 13 && n == 2 * reverse + whole);
}

TEST(the_enterprise_of_our_own_elements_can_be_chosen)
{
	ie_set_enterprise(4711);
	CHECK(ie_find("packetMark")->pen == 4711 && ie_find("octetDeltaCount")->pen == 0);
	CHECK(ie_find("reverseOctetDeltaCount")->pen == 29305);
	CHECK(ie_find("reverseTcpWindowLast")->pen == 4711);
	ie_set_enterprise(IE_PEN_DOCUMENTATION);
	CHECK(ie_find("packetMark")->pen == 32473);
}

TEST(lengths_that_an_element_cannot_have_are_refused)
{
	static const struct {
		const char *name;
		unsigned len;
		const char *says;
	} bad[] = {
		{ "octetDeltaCount", 9, "'octetDeltaCount' has 1 to 8 octets" },
		{ "octetDeltaCount", IE_VARLEN, "'octetDeltaCount' has 1 to 8 octets" },
		{ "tcpControlBits", 0, "'tcpControlBits' has 1 to 2 octets" },
		{ "flowStartMilliseconds", 4,
		  "'flowStartMilliseconds' has 8 octets, no more and no less" },
		{ "sourceIPv6Address", 4,
		  "'sourceIPv6Address' has 16 octets, no more and no less" },
		{ "interfaceName", 256,
		  "'interfaceName' has 1 to 255 octets, or 65535 for a variable length" },
		{ "tcpOptionsFull", 33, "'tcpOptionsFull' has 1 to 32 octets" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(ie_check_len(ie_find(bad[i].name), bad[i].len) == -EINVAL);
		CHECK_STR(error_message(), bad[i].says);
	}
}

/* Linux takes any bytes, IPFIX only UTF-8; from 255 on the length has two octets more. */
TEST(texts_are_utf8_and_as_long_as_they_may_be)
{
	static char text[300];
	struct record r = { .iface = "eth\xff\xc3", .description = text };
	struct ie_field name = { ie_find("interfaceName"), IE_VARLEN };
	struct ie_field description = { ie_find("interfaceDescription"), IE_VARLEN };
	uint8_t out[300];

	CHECK(is_written(&name, &r, "05 657468 3f3f"));
	r.iface = "a_name_that_is_too_long";
	CHECK(is_written(&name, &r, "0f 615f6e616d655f746861745f69735f"));
	memset(text, 'x', 254);
	CHECK(ie_put(&description, &r, out) == 255 && out[0] == 254 && out[254] == 'x');
	memset(text, 'x', 255);
	CHECK(ie_put(&description, &r, out) == 258 && out[0] == 255 && out[1] == 0);
	CHECK(out[2] == 255 && out[3] == 'x' && out[257] == 'x');
	memset(text, 'x', 299);
	CHECK(ie_put(&description, &r, out) == 258 && ie_field_max(&description) == 258);
}

/* RFC 7011 6.1.10: seconds since 1900, and a fraction of 2^-32 s. */
TEST(a_half_second_is_the_top_bit_of_an_ntp_fraction)
{
	struct record r = { .first_ns = 500000000 };

	CHECK(value("flowStartNanoseconds", &r) == UINT64_C(0x83aa7e8080000000));
	CHECK(value("flowStartMicroseconds", &r) == UINT64_C(0x83aa7e8080000000));
}

TEST(ntp_times_give_back_what_they_were_made_of)
{
	static const uint64_t parts[] = { 0, 1, 233, 999, 1000, 123456789, 499999999, 999999999 };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct record r = { .first_ns = 1795233357 * UINT64_C(1000000000) + parts[i] };
		uint64_t ns = value("flowStartNanoseconds", &r);
		uint64_t us = value("flowStartMicroseconds", &r);

		CHECK(ns >> 32 == 1795233357 + UINT64_C(2208988800));
		CHECK(((ns & 0xffffffff) * 1000000000) >> 32 == parts[i]);
		CHECK(((us & 0xffffffff) * 1000000) >> 32 == parts[i] / 1000);
		CHECK((us & 0x7ff) == 0);
	}
}

TEST(system_up_times_and_system_start_make_the_milliseconds)
{
	uint64_t init = value("systemInitTimeMilliseconds", &tcp4);

	CHECK(init > UINT64_C(1600000000000));
	CHECK((uint32_t)(init + value("flowStartSysUpTime", &tcp4)) ==
	      (uint32_t)value("flowStartMilliseconds", &tcp4));
	CHECK((uint32_t)(init + value("flowEndSysUpTime", &tcp4)) ==
	      (uint32_t)value("flowEndMilliseconds", &tcp4));
}

/* Made of when this system began; a flow then that began 0x01020304 ms after. */
TEST(system_up_times_count_from_the_start_of_the_system)
{
	uint64_t init = value("systemInitTimeMilliseconds", &tcp4);
	struct record r = {
		.first_ns = (init + 0x01020304) * 1000000 + 999999,
		.last_ns = (init + UINT64_C(0x1000000ff)) * 1000000,	/* 2^32 ms are 0 again */
	};

	CHECK(value("flowStartSysUpTime", &r) == 0x01020304);
	CHECK(value("flowEndSysUpTime", &r) == 0xff);
}

TEST(a_flow_id_stays_when_the_way_out_becomes_known)
{
	struct record r = tcp4;

	r.key.egress_ifindex = 0;
	CHECK(value("flowId", &r) == value("flowId", &tcp4));
	r.key.sport ^= 1;
	CHECK(value("flowId", &r) != value("flowId", &tcp4));
	r = tcp4;
	r.key.direction = FLOW_EGRESS;
	r.packets++;
	CHECK(value("flowId", &r) != value("flowId", &tcp4));
}

TEST(first_letters_come_in_either_case)
{
	CHECK(ie_find("FlowEndMilliseconds") == ie_find("flowEndMilliseconds"));
	CHECK(ie_find("FlowEndMilliseconds"));
	CHECK(!ie_find("flowendmilliseconds"));
	CHECK(!ie_find(""));
	CHECK(!ie_is_registered(""));
}

TEST(unknown_and_unexported_names_are_told_apart)
{
	const struct ie *e = NULL;

	CHECK(ie_require("MplsTopLabelType", &e) == -EINVAL && !e);
	CHECK_STR(error_message(),
		  "the information element 'MplsTopLabelType' is not exported by this version");
	CHECK(ie_require("vrfName", &e) == -EINVAL && !e);
	CHECK_STR(error_message(), "'vrfName' is no information element of the IANA registry");
	CHECK(ie_require("octetDeltaCont", &e) == -EINVAL && !e);
	CHECK_STR(error_message(),
		  "'octetDeltaCont' is no information element of the IANA registry");
	CHECK_STR(error_hint_text(), "did you mean 'octetDeltaCount'?");
	CHECK(error_exit_status() == ERROR_USAGE);
	CHECK(ie_require("OctetDeltaCount", &e) == 0 && e->id == 1);
}

TEST(a_record_says_what_applies_to_it)
{
	struct record sctp6 = { .key = { .family = 6, .proto = 132, .vlan_outer = VLAN_PRESENT } };
	struct record icmp_in_6 = { .key = { .family = 6, .proto = 1 } };

	CHECK(ie_record_applies(&tcp4) ==
	      (IE_V4 | IE_PORTS | IE_TCP | IE_VLAN | IE_QINQ | IE_HEALTH));
	CHECK(ie_record_applies(&icmp4) == (IE_V4 | IE_ICMP));
	CHECK(ie_record_applies(&icmp6) == (IE_V6 | IE_ICMP));
	CHECK(ie_record_applies(&sctp6) == (IE_V6 | IE_PORTS | IE_VLAN));
	CHECK(ie_record_applies(&icmp_in_6) == IE_V6);
	CHECK(ie_record_applies(&vxlan) == (IE_V6 | IE_PORTS | IE_UDP | IE_TUNNEL | IE_OUTER_V4));
	CHECK(ie_record_applies(&geneve) == (IE_V4 | IE_ICMP | IE_TUNNEL | IE_OUTER_V6));
	/* over what is not known: the address 0.0.0.0 says so */
	icmp_in_6.key.tunnel = TUNNEL_GRE;
	CHECK(ie_record_applies(&icmp_in_6) == (IE_V6 | IE_TUNNEL | IE_OUTER_V4));
	icmp_in_6.key.tunnel = TUNNEL_NONE;
	/* health of either direction is health */
	icmp_in_6.reverse = &tcp4;
	CHECK(ie_record_applies(&icmp_in_6) == (IE_V6 | IE_BIFLOW | IE_HEALTH));
}
