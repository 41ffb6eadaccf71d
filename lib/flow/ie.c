// SPDX-License-Identifier: Apache-2.0
/*
 * One row an element, with number and name as the IANA registry has them. A FIELD is the
 * value of a member of struct record, in the type that is named: a member of another type
 * does not compile. PORT, ICMP, BITS and VLAN are parts of members, or say 0 for other
 * traffic. A DERIVED value has a function of its own. The type gives the length.
 */
#include "flow/ie.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"

/*
 * NTP time: 32 bits of seconds since 1900 (era 0; they wrap in 2036, as the RFC says) and
 * 32 of a binary fraction. The fraction is rounded up to @step, a power of two: a reader
 * who cuts to decimal digits then gets back the very @unit the value was made of.
 */
#define NTP_UNIX_S UINT64_C(2208988800)

static void put_ntp(uint8_t *out, uint64_t ns, uint64_t unit_ns, uint64_t step)
{
	uint64_t units = ns % NSEC_PER_SEC / unit_ns, per_s = NSEC_PER_SEC / unit_ns;
	uint64_t fraction = ((units << 32) + per_s - 1) / per_s;

	put_be32(out, ns / NSEC_PER_SEC + NTP_UNIX_S);
	put_be32(out + 4, (fraction + step - 1) & ~(step - 1));
}

void ie_put(const struct ie *e, const struct record *r, uint8_t *out)
{
	const uint8_t *at = (const uint8_t *)r + e->offset;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64 = 0;

	if (e->gate & ~ie_record_applies(r)) {
		memset(out, 0, e->len_bytes);
		return;
	}
	if (e->put) {
		e->put(r, out);
		return;
	}
	if (e->type == IE_U64 || e->type >= IE_SEC)
		memcpy(&u64, at, sizeof(u64));
	switch (e->type) {
	case IE_U8:
		out[0] = at[0] >> e->shift;
		break;
	case IE_BE16:
	case IE_IPV4:
	case IE_IPV6:
	case IE_MAC:
		memcpy(out, at, e->len_bytes);
		break;
	case IE_U16:
		memcpy(&u16, at, sizeof(u16));
		put_be16(out, u16 & ~e->without);
		break;
	case IE_U32:
		memcpy(&u32, at, sizeof(u32));
		put_be32(out, u32);
		break;
	case IE_U64:
		put_be64(out, u64);
		break;
	case IE_SEC:
		put_be32(out, u64 / NSEC_PER_SEC);
		break;
	case IE_MSEC:
		put_be64(out, u64 / NSEC_PER_MSEC);
		break;
	case IE_NTP_US:		/* the 11 low bits are 0 */
		put_ntp(out, u64, NSEC_PER_USEC, 1 << 11);
		break;
	case IE_NTP_NS:
		put_ntp(out, u64, 1, 1);
		break;
	}
}

static void put_duration(const struct record *r, uint8_t *out)
{
	put_be32(out, (r->last_ns - r->first_ns) / NSEC_PER_MSEC);
}

/*
 * When this system began, taken once: the three elements below then agree in every record
 * to the millisecond (start = 160 + 22), also when the clock is stepped in between.
 */
static uint64_t init_ms(void)
{
	static uint64_t ms;

	if (!ms)
		ms = (uint64_t)clock_real_offset_ns() / NSEC_PER_MSEC;
	return ms;
}

static void put_init(const struct record *r, uint8_t *out)
{
	put_be64(out, init_ms());
}

/* Milliseconds since then, mod 2^32: it wraps every 49.7 days, as SNMP's sysUpTime. */
static void put_start_up(const struct record *r, uint8_t *out)
{
	put_be32(out, r->first_ns / NSEC_PER_MSEC - init_ms());
}

static void put_end_up(const struct record *r, uint8_t *out)
{
	put_be32(out, r->last_ns / NSEC_PER_MSEC - init_ms());
}

/*
 * A number that stays with a flow over all its records. The egress interface of an
 * ingress record is left out: `count: once` fills it in when it becomes known.
 */
static void put_flow_id(const struct record *r, uint8_t *out)
{
	struct flow_key key = r->key;
	const uint8_t *p = (const uint8_t *)&key;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	if (key.direction == FLOW_INGRESS)
		key.egress_ifindex = 0;
	for (size_t i = 0; i < sizeof(key); i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	put_be64(out, h);
}

/* Of each type: its C type in struct record, and its length on the wire. */
#define C_U8 uint8_t
#define C_U16 uint16_t
#define C_U32 uint32_t
#define C_U64 uint64_t
#define C_IPV4 uint8_t[16]
#define C_IPV6 uint8_t[16]
#define C_MAC uint8_t[6]
#define C_MSEC uint64_t
#define C_SEC uint64_t
#define C_NTP_US uint64_t
#define C_NTP_NS uint64_t

enum {
	LEN_U8 = 1, LEN_U16 = 2, LEN_U32 = 4, LEN_U64 = 8, LEN_BE16 = 2, LEN_IPV4 = 4,
	LEN_IPV6 = 16, LEN_MAC = 6, LEN_SEC = 4, LEN_MSEC = 8, LEN_NTP_US = 8, LEN_NTP_NS = 8,
};

#define HAS_TYPE(type_, member_)                                                          \
	__builtin_types_compatible_p(__typeof__(((struct record *)0)->member_), C_##type_)
#define OFFSET(type_, member_)                                                            \
	(offsetof(struct record, member_) + 0 * sizeof(struct {                           \
		int unused;                                                               \
		_Static_assert(HAS_TYPE(type_, member_), #member_ " is no " #type_);      \
	}))

#define FIELD(id_, name_, type_, member_, applies_, source_)                              \
	{ .id = id_, .name = #name_, .type = IE_##type_, .len_bytes = LEN_##type_,        \
	  .applies = applies_, .offset = OFFSET(type_, member_), .source = source_ }
/* Ports and ICMP share their place in the key: each says 0 where it does not apply. */
#define PORT(id_, name_, type_, member_, applies_, source_)                               \
	{ .id = id_, .name = #name_, .type = IE_##type_, .len_bytes = LEN_##type_,        \
	  .applies = applies_, .gate = IE_PORTS,                                          \
	  .offset = offsetof(struct record, member_), .source = source_ }
/* Type and code, in this order, @at_ the one or the other. */
#define ICMP(id_, name_, type_, at_, applies_, source_)                                   \
	{ .id = id_, .name = #name_, .type = IE_##type_, .len_bytes = LEN_##type_,        \
	  .applies = applies_, .gate = IE_ICMP,                                           \
	  .offset = offsetof(struct record, key.dport) + (at_), .source = source_ }
#define BITS(id_, name_, type_, member_, shift_, applies_, source_)                       \
	{ .id = id_, .name = #name_, .type = IE_##type_, .len_bytes = LEN_##type_,        \
	  .applies = applies_, .shift = shift_, .offset = OFFSET(type_, member_),         \
	  .source = source_ }
#define VLAN(id_, name_, type_, member_, applies_, source_)                               \
	{ .id = id_, .name = #name_, .type = IE_##type_, .len_bytes = LEN_##type_,        \
	  .applies = applies_, .without = VLAN_PRESENT, .offset = OFFSET(type_, member_), \
	  .source = source_ }
#define DERIVED(id_, name_, type_, put_, applies_, source_)                               \
	{ .id = id_, .name = #name_, .type = IE_##type_, .len_bytes = LEN_##type_,        \
	  .applies = applies_, .put = put_, .source = source_ }

static const struct ie elements[] = {
	FIELD(1, octetDeltaCount, U64, bytes, IE_ANY, "bytes of the IP layer"),
	FIELD(2, packetDeltaCount, U64, packets, IE_ANY,
	      "wire packets: a GSO packet is its segments"),
	FIELD(4, protocolIdentifier, U8, key.proto, IE_ANY, "IP protocol"),
	FIELD(5, ipClassOfService, U8, tos, IE_ANY, "ToS or traffic class of the first packet"),
	/*
	 * unsigned16 in one octet, the reduced size that RFC 9565 has for exporters that see
	 * the low eight flags only. nfacctd 1.7.7 reads two octets as 0.
	 */
	FIELD(6, tcpControlBits, U8, tcp_flags, IE_TCP, "all TCP flags that were seen"),
	PORT(7, sourceTransportPort, BE16, key.sport, IE_PORTS, "source port"),
	FIELD(8, sourceIPv4Address, IPV4, key.src, IE_V4, "source address"),
	FIELD(10, ingressInterface, U32, key.ingress_ifindex, IE_ANY,
	      "ifindex they came in by; 0 = sent from here"),
	PORT(11, destinationTransportPort, BE16, key.dport, IE_PORTS, "destination port"),
	FIELD(12, destinationIPv4Address, IPV4, key.dst, IE_V4, "destination address"),
	FIELD(14, egressInterface, U32, key.egress_ifindex, IE_ANY,
	      "ifindex they left by; 0 = unknown, or for here"),
	DERIVED(21, flowEndSysUpTime, U32, put_end_up, IE_ANY,
		"last packet, ms since systemInitTimeMilliseconds"),
	DERIVED(22, flowStartSysUpTime, U32, put_start_up, IE_ANY,
		"first packet, ms since systemInitTimeMilliseconds"),
	FIELD(27, sourceIPv6Address, IPV6, key.src, IE_V6, "source address"),
	FIELD(28, destinationIPv6Address, IPV6, key.dst, IE_V6, "destination address"),
	ICMP(32, icmpTypeCodeIPv4, BE16, 0, IE_V4 | IE_ICMP, "ICMP type * 256 + code"),
	FIELD(52, minimumTTL, U8, min_ttl, IE_ANY, "lowest TTL or hop limit"),
	FIELD(53, maximumTTL, U8, max_ttl, IE_ANY, "highest TTL or hop limit"),
	FIELD(56, sourceMacAddress, MAC, src_mac, IE_ANY, "of the first packet"),
	VLAN(58, vlanId, U16, key.vlan_outer, IE_VLAN, "id of the outermost VLAN tag"),
	FIELD(60, ipVersion, U8, key.family, IE_ANY, "4 or 6"),
	FIELD(61, flowDirection, U8, key.direction, IE_ANY, "0 metered at ingress, 1 at egress"),
	FIELD(80, destinationMacAddress, MAC, dst_mac, IE_ANY, "of the first packet"),
	FIELD(136, flowEndReason, U8, end_reason, IE_ANY,
	      "1 idle, 2 active, 3 end, 4 forced, 5 lack of resources"),
	ICMP(139, icmpTypeCodeIPv6, BE16, 0, IE_V6 | IE_ICMP, "ICMPv6 type * 256 + code"),
	DERIVED(148, flowId, U64, put_flow_id, IE_ANY, "hash of the flow's key"),
	FIELD(150, flowStartSeconds, SEC, first_ns, IE_ANY, "first packet"),
	FIELD(151, flowEndSeconds, SEC, last_ns, IE_ANY, "last packet"),
	FIELD(152, flowStartMilliseconds, MSEC, first_ns, IE_ANY, "first packet"),
	FIELD(153, flowEndMilliseconds, MSEC, last_ns, IE_ANY, "last packet"),
	FIELD(154, flowStartMicroseconds, NTP_US, first_ns, IE_ANY, "first packet, NTP format"),
	FIELD(155, flowEndMicroseconds, NTP_US, last_ns, IE_ANY, "last packet, NTP format"),
	FIELD(156, flowStartNanoseconds, NTP_NS, first_ns, IE_ANY, "first packet, NTP format"),
	FIELD(157, flowEndNanoseconds, NTP_NS, last_ns, IE_ANY, "last packet, NTP format"),
	DERIVED(160, systemInitTimeMilliseconds, MSEC, put_init, IE_ANY, "when the system started"),
	DERIVED(161, flowDurationMilliseconds, U32, put_duration, IE_ANY, "first to last packet"),
	ICMP(176, icmpTypeIPv4, U8, 0, IE_V4 | IE_ICMP, "ICMP type"),
	ICMP(177, icmpCodeIPv4, U8, 1, IE_V4 | IE_ICMP, "ICMP code"),
	ICMP(178, icmpTypeIPv6, U8, 0, IE_V6 | IE_ICMP, "ICMPv6 type"),
	ICMP(179, icmpCodeIPv6, U8, 1, IE_V6 | IE_ICMP, "ICMPv6 code"),
	PORT(180, udpSourcePort, BE16, key.sport, IE_UDP, "source port"),
	PORT(181, udpDestinationPort, BE16, key.dport, IE_UDP, "destination port"),
	PORT(182, tcpSourcePort, BE16, key.sport, IE_TCP, "source port"),
	PORT(183, tcpDestinationPort, BE16, key.dport, IE_TCP, "destination port"),
	BITS(195, ipDiffServCodePoint, U8, tos, 2, IE_ANY, "upper six bits of ipClassOfService"),
	VLAN(243, dot1qVlanId, U16, key.vlan_outer, IE_VLAN, "id of the outermost VLAN tag"),
	VLAN(245, dot1qCustomerVlanId, U16, key.vlan_inner, IE_QINQ, "id of the inner VLAN tag"),
};

const struct ie *ie_all(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(elements);
	return elements;
}

const struct ie *ie_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		const char *own = elements[i].name;

		if (tolower((unsigned char)name[0]) == own[0] && strcmp(name + 1, own + 1) == 0)
			return &elements[i];
	}
	return NULL;
}

int ie_require(const char *name, const struct ie **ret)
{
	const char *names[ARRAY_SIZE(elements) + 1] = { NULL }, *meant;
	const struct ie *e = ie_find(name);

	if (e) {
		*ret = e;
		return 0;
	}
	if (ie_is_registered(name))
		return fail_usage("the information element '%s' is not exported by this version",
				  name);
	for (size_t i = 0; i < ARRAY_SIZE(elements); i++)
		names[i] = elements[i].name;
	fail_usage("'%s' is no information element of the IANA registry", name);
	meant = parse_nearest(name, names);
	if (meant)
		error_hint("did you mean '%s'?", meant);
	return -EINVAL;
}

/* By family (not 4, 4) and protocol. */
static const uint8_t kinds[2][256] = {
	[0 ... 1] = {
		[IPPROTO_TCP] = IE_PORTS | IE_TCP, [IPPROTO_UDP] = IE_PORTS | IE_UDP,
		[IPPROTO_SCTP] = IE_PORTS, [IPPROTO_DCCP] = IE_PORTS, [IPPROTO_UDPLITE] = IE_PORTS,
	},
	[1][IPPROTO_ICMP] = IE_ICMP,
	[0][IPPROTO_ICMPV6] = IE_ICMP,
};

unsigned ie_record_applies(const struct record *r)
{
	const struct flow_key *k = &r->key;
	bool is_v4 = k->family == 4;

	return (is_v4 ? IE_V4 : IE_V6) | kinds[is_v4][k->proto] |
	       (k->vlan_outer & VLAN_PRESENT ? IE_VLAN : 0) |
	       (k->vlan_inner & VLAN_PRESENT ? IE_QINQ : 0);
}
