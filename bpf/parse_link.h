/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the frame's first byte to the IP header: Ethernet, VLAN tags (in the frame, or
 * taken off by the device), MPLS labels.
 */
#ifndef FLOWCTL_PARSE_LINK_H
#define FLOWCTL_PARSE_LINK_H

#include <linux/if_ether.h>

#include "packet.h"

#define VLAN_ID_MASK 0x0fff
#define VLAN_TAGS    4 /* that are passed; the outer two are in the key */
#define MPLS_LABELS  8

struct ethernet {
	__u8 dst[6];
	__u8 src[6];
	__be16 proto;
} WIRE;

struct vlan_tag {
	__be16 tci;
	__be16 proto;
} WIRE;

struct mpls_label {
	__u8 label[2];
	__u8 bottom; /* its lowest bit: this is the last one */
	__u8 ttl;
} WIRE;

static __always_inline bool is_ip(__be16 proto)
{
	return proto == bpf_htons(ETH_P_IP) || proto == bpf_htons(ETH_P_IPV6);
}

static __always_inline bool is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD) ||
	       proto == bpf_htons(ETH_P_QINQ1);
}

static __always_inline void put_tag(struct facts *f, __u16 tag)
{
	union {
		__u16 tag[2];
		__u32 vlans;
	} v = { .vlans = f->vlans };

	if (!v.tag[0])
		v.tag[0] = tag;
	else if (!v.tag[1])
		v.tag[1] = tag;
	f->vlans = v.vlans;
}

static __always_inline bool parse_vlan(struct packet *p, __be16 *proto)
{
	const struct vlan_tag *tag;

	NO_UNROLL
	for (int i = 0; i < VLAN_TAGS && is_vlan(*proto); i++) {
		if (!packet_take(p, &tag))
			return false;
		put_tag(p->f, VLAN_PRESENT | (bpf_ntohs(tag->tci) & VLAN_ID_MASK));
		*proto = tag->proto;
		if (!packet_settle(p))
			return false;
	}
	return true;
}

/* By the first four bits, where nothing else tells; 0 = neither of IP's versions. */
static __always_inline __be16 ip_proto(struct packet *p)
{
	const __u8 *version;

	if (!packet_peek(p, &version))
		return 0;
	switch (*version >> 4) {
	case 4:
		return bpf_htons(ETH_P_IP);
	case 6:
		return bpf_htons(ETH_P_IPV6);
	default:
		return 0;
	}
}

/* RFC 3032 does not say what follows the last label. */
static __always_inline __be16 parse_mpls(struct packet *p)
{
	const struct mpls_label *label;
	bool bottom = false;

	NO_UNROLL
	for (int i = 0; i < MPLS_LABELS && !bottom; i++) {
		if (!packet_take(p, &label))
			return 0;
		bottom = label->bottom & 1;
	}
	return bottom && packet_settle(p) ? ip_proto(p) : 0;
}

/*
 * To what lies behind Ethernet header and tags. @proto: that of the frame where there is
 * no Ethernet header. Returns the Ethernet type that follows, or 0 when there is none.
 */
static __always_inline __be16 parse_ethernet(struct packet *p, bool ethernet, __be16 proto)
{
	const struct ethernet *eth;

	if (ethernet) {
		if (!packet_take(p, &eth))
			return 0;
		proto = eth->proto;
	}
	return is_ip(proto) || parse_vlan(p, &proto) ? proto : 0;
}

/* The same, and behind MPLS labels. */
static __always_inline __be16 parse_link(struct packet *p, bool ethernet, __be16 proto)
{
	proto = parse_ethernet(p, ethernet, proto);
	if (is_ip(proto))
		return proto;
	if (proto == bpf_htons(ETH_P_MPLS_UC) || proto == bpf_htons(ETH_P_MPLS_MC))
		return parse_mpls(p);
	return proto;
}

#endif
