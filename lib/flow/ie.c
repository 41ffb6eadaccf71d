// SPDX-License-Identifier: Apache-2.0
/*
 * One row an element: number, name, type and length as the IANA registry has them, when it
 * says something, and how its value is written.
 */
#include "flow/ie.h"

#include <ctype.h>
#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

static void be16(uint8_t *out, uint16_t v)
{
	v = htobe16(v);
	memcpy(out, &v, sizeof(v));
}

static void be32(uint8_t *out, uint32_t v)
{
	v = htobe32(v);
	memcpy(out, &v, sizeof(v));
}

static void be64(uint8_t *out, uint64_t v)
{
	v = htobe64(v);
	memcpy(out, &v, sizeof(v));
}

#define PUT(name_, body_)                                              \
	static void put_##name_(const struct record *r, uint8_t *out)  \
	{                                                              \
		body_;                                                 \
	}

PUT(octets, be64(out, r->bytes))
PUT(packets, be64(out, r->packets))
PUT(proto, out[0] = r->key.proto)
PUT(tos, out[0] = r->tos)
PUT(dscp, out[0] = r->tos >> 2)
PUT(tcp_flags, out[0] = r->key.proto == IPPROTO_TCP ? r->tcp_flags : 0)
PUT(src4, memcpy(out, r->key.src, 4))
PUT(dst4, memcpy(out, r->key.dst, 4))
PUT(src6, memcpy(out, r->key.src, 16))
PUT(dst6, memcpy(out, r->key.dst, 16))
PUT(ingress, be32(out, r->key.ingress_ifindex))
PUT(egress, be32(out, r->key.egress_ifindex))
PUT(min_ttl, out[0] = r->min_ttl)
PUT(max_ttl, out[0] = r->max_ttl)
PUT(src_mac, memcpy(out, r->src_mac, 6))
PUT(dst_mac, memcpy(out, r->dst_mac, 6))
PUT(version, out[0] = r->key.family)
PUT(direction, out[0] = r->key.direction)
PUT(end_reason, out[0] = r->end_reason)
PUT(vlan, be16(out, r->key.vlan_outer & ~VLAN_PRESENT))
PUT(inner_vlan, be16(out, r->key.vlan_inner & ~VLAN_PRESENT))
PUT(start_s, be32(out, r->first_ns / NSEC_PER_SEC))
PUT(end_s, be32(out, r->last_ns / NSEC_PER_SEC))
PUT(start_ms, be64(out, r->first_ns / NSEC_PER_MSEC))
PUT(end_ms, be64(out, r->last_ns / NSEC_PER_MSEC))
PUT(duration_ms, be32(out, (r->last_ns - r->first_ns) / NSEC_PER_MSEC))

/* Ports and ICMP share their place in the key: each says 0 where it does not apply. */
static uint16_t port_of(const struct record *r, __be16 port)
{
	return proto_has_ports(r->key.proto) ? be16toh(port) : 0;
}

static uint16_t icmp_of(const struct record *r)
{
	return proto_is_icmp(&r->key) ? be16toh(r->key.dport) : 0;
}

PUT(src_port, be16(out, port_of(r, r->key.sport)))
PUT(dst_port, be16(out, port_of(r, r->key.dport)))
PUT(icmp, be16(out, icmp_of(r)))
PUT(icmp_type, out[0] = icmp_of(r) >> 8)
PUT(icmp_code, out[0] = icmp_of(r) & 0xff)

/*
 * RFC 7011 6.1.9, 6.1.10: NTP time, 32 bits of seconds since 1900 (era 0; it wraps in 2036
 * as the RFC says) and a 32-bit fraction. Of microseconds the low 11 bits are 0.
 */
#define NTP_UNIX_S UINT64_C(2208988800)

static void put_ntp(uint8_t *out, uint64_t ns, uint32_t mask)
{
	uint64_t fraction = ((ns % NSEC_PER_SEC) << 32) / NSEC_PER_SEC;

	be32(out, ns / NSEC_PER_SEC + NTP_UNIX_S);
	be32(out + 4, fraction & mask);
}

PUT(start_us, put_ntp(out, r->first_ns, ~0x7ffu))
PUT(end_us, put_ntp(out, r->last_ns, ~0x7ffu))
PUT(start_ns, put_ntp(out, r->first_ns, ~0u))
PUT(end_ns, put_ntp(out, r->last_ns, ~0u))

/* When this system began (CLOCK_BOOTTIME 0), and times relative to it, mod 2^32 ms. */
static uint64_t init_ns(void)
{
	return clock_real_offset_ns();
}

PUT(init_ms, be64(out, init_ns() / NSEC_PER_MSEC))
PUT(start_up, be32(out, (r->first_ns - init_ns()) / NSEC_PER_MSEC))
PUT(end_up, be32(out, (r->last_ns - init_ns()) / NSEC_PER_MSEC))

/* A number that stays with the flow over all its records. */
static void put_flow_id(const struct record *r, uint8_t *out)
{
	const uint8_t *p = (const uint8_t *)&r->key;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(r->key); i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	be64(out, h);
}

static const struct ie elements[] = {
	{ 0, 1, "octetDeltaCount", IE_U64, 8, IE_ANY, put_octets, "bytes of the IP layer" },
	{ 0, 2, "packetDeltaCount", IE_U64, 8, IE_ANY, put_packets, "wire packets, GSO counted as segments" },
	{ 0, 4, "protocolIdentifier", IE_U8, 1, IE_ANY, put_proto, "IP protocol" },
	{ 0, 5, "ipClassOfService", IE_U8, 1, IE_ANY, put_tos, "ToS or traffic class of the first packet" },
	/* One octet, as RFC 9565 allows by reduced size: nfacctd 1.7.7 reads two octets as 0. */
	{ 0, 6, "tcpControlBits", IE_U8, 1, IE_TCP, put_tcp_flags, "OR of all TCP flags" },
	{ 0, 7, "sourceTransportPort", IE_BE16, 2, IE_PORTS, put_src_port, "source port" },
	{ 0, 8, "sourceIPv4Address", IE_IPV4, 4, IE_V4, put_src4, "source address" },
	{ 0, 10, "ingressInterface", IE_U32, 4, IE_ANY, put_ingress, "ifindex the packets came in by, 0 = local" },
	{ 0, 11, "destinationTransportPort", IE_BE16, 2, IE_PORTS, put_dst_port, "destination port" },
	{ 0, 12, "destinationIPv4Address", IE_IPV4, 4, IE_V4, put_dst4, "destination address" },
	{ 0, 14, "egressInterface", IE_U32, 4, IE_ANY, put_egress, "ifindex the packets left by, 0 = local or unknown" },
	{ 0, 21, "flowEndSysUpTime", IE_U32, 4, IE_ANY, put_end_up, "last packet, ms since systemInitTimeMilliseconds" },
	{ 0, 22, "flowStartSysUpTime", IE_U32, 4, IE_ANY, put_start_up, "first packet, ms since systemInitTimeMilliseconds" },
	{ 0, 27, "sourceIPv6Address", IE_IPV6, 16, IE_V6, put_src6, "source address" },
	{ 0, 28, "destinationIPv6Address", IE_IPV6, 16, IE_V6, put_dst6, "destination address" },
	{ 0, 32, "icmpTypeCodeIPv4", IE_U16, 2, IE_V4 | IE_ICMP, put_icmp, "ICMP type * 256 + code" },
	{ 0, 52, "minimumTTL", IE_U8, 1, IE_ANY, put_min_ttl, "lowest TTL or hop limit" },
	{ 0, 53, "maximumTTL", IE_U8, 1, IE_ANY, put_max_ttl, "highest TTL or hop limit" },
	{ 0, 56, "sourceMacAddress", IE_MAC, 6, IE_ANY, put_src_mac, "of the first packet" },
	{ 0, 58, "vlanId", IE_U16, 2, IE_VLAN, put_vlan, "id of the outermost tag" },
	{ 0, 60, "ipVersion", IE_U8, 1, IE_ANY, put_version, "4 or 6" },
	{ 0, 61, "flowDirection", IE_U8, 1, IE_ANY, put_direction, "0 metered at ingress, 1 at egress" },
	{ 0, 80, "destinationMacAddress", IE_MAC, 6, IE_ANY, put_dst_mac, "of the first packet" },
	{ 0, 136, "flowEndReason", IE_U8, 1, IE_ANY, put_end_reason, "1 idle, 2 active, 3 end, 4 forced, 5 lack of resources" },
	{ 0, 139, "icmpTypeCodeIPv6", IE_U16, 2, IE_V6 | IE_ICMP, put_icmp, "ICMPv6 type * 256 + code" },
	{ 0, 148, "flowId", IE_U64, 8, IE_ANY, put_flow_id, "hash of the flow's key" },
	{ 0, 150, "flowStartSeconds", IE_U32, 4, IE_ANY, put_start_s, "first packet" },
	{ 0, 151, "flowEndSeconds", IE_U32, 4, IE_ANY, put_end_s, "last packet" },
	{ 0, 152, "flowStartMilliseconds", IE_MSEC, 8, IE_ANY, put_start_ms, "first packet" },
	{ 0, 153, "flowEndMilliseconds", IE_MSEC, 8, IE_ANY, put_end_ms, "last packet" },
	{ 0, 154, "flowStartMicroseconds", IE_NTP, 8, IE_ANY, put_start_us, "first packet, NTP format" },
	{ 0, 155, "flowEndMicroseconds", IE_NTP, 8, IE_ANY, put_end_us, "last packet, NTP format" },
	{ 0, 156, "flowStartNanoseconds", IE_NTP, 8, IE_ANY, put_start_ns, "first packet, NTP format" },
	{ 0, 157, "flowEndNanoseconds", IE_NTP, 8, IE_ANY, put_end_ns, "last packet, NTP format" },
	{ 0, 160, "systemInitTimeMilliseconds", IE_MSEC, 8, IE_ANY, put_init_ms, "when the system booted" },
	{ 0, 161, "flowDurationMilliseconds", IE_U32, 4, IE_ANY, put_duration_ms, "first to last packet" },
	{ 0, 176, "icmpTypeIPv4", IE_U8, 1, IE_V4 | IE_ICMP, put_icmp_type, "ICMP type" },
	{ 0, 177, "icmpCodeIPv4", IE_U8, 1, IE_V4 | IE_ICMP, put_icmp_code, "ICMP code" },
	{ 0, 178, "icmpTypeIPv6", IE_U8, 1, IE_V6 | IE_ICMP, put_icmp_type, "ICMPv6 type" },
	{ 0, 179, "icmpCodeIPv6", IE_U8, 1, IE_V6 | IE_ICMP, put_icmp_code, "ICMPv6 code" },
	{ 0, 180, "udpSourcePort", IE_BE16, 2, IE_UDP, put_src_port, "source port" },
	{ 0, 181, "udpDestinationPort", IE_BE16, 2, IE_UDP, put_dst_port, "destination port" },
	{ 0, 182, "tcpSourcePort", IE_BE16, 2, IE_TCP, put_src_port, "source port" },
	{ 0, 183, "tcpDestinationPort", IE_BE16, 2, IE_TCP, put_dst_port, "destination port" },
	{ 0, 195, "ipDiffServCodePoint", IE_U8, 1, IE_ANY, put_dscp, "upper six bits of ipClassOfService" },
	{ 0, 243, "dot1qVlanId", IE_U16, 2, IE_VLAN, put_vlan, "id of the outermost tag" },
	{ 0, 245, "dot1qCustomerVlanId", IE_U16, 2, IE_QINQ, put_inner_vlan, "id of the inner tag" },
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

		if (name[0] && tolower((unsigned char)name[0]) == own[0] && strcmp(name + 1, own + 1) == 0)
			return &elements[i];
	}
	return NULL;
}

unsigned ie_record_applies(const struct record *r)
{
	const struct flow_key *k = &r->key;

	return (k->family == 4 ? IE_V4 : IE_V6) |
	       (proto_has_ports(k->proto) ? IE_PORTS : 0) |
	       (k->proto == IPPROTO_TCP ? IE_TCP : 0) |
	       (k->proto == IPPROTO_UDP ? IE_UDP : 0) |
	       (proto_is_icmp(k) ? IE_ICMP : 0) |
	       (k->vlan_outer & VLAN_PRESENT ? IE_VLAN : 0) |
	       (k->vlan_inner & VLAN_PRESENT ? IE_QINQ : 0);
}
