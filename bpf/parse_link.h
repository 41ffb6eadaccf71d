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
#define VLAN_TAGS 4	/* that are passed; the outer two are in the key */
#define MPLS_LABELS 8

struct ethernet {
	__u8 dst[6];
	__u8 src[6];
	__be16 proto;
} WIRE;

struct vlan_tag {
	__be16 tci;
	__be16 proto;
} WIRE;

static __always_inline bool is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD) ||
	       proto == bpf_htons(ETH_P_QINQ1);
}

static __always_inline void put_tag(struct facts *f, __u16 tag)
{
	if (!f->vlan_outer)
		f->vlan_outer = tag;
	else if (!f->vlan_inner)
		f->vlan_inner = tag;
}

static __always_inline bool parse_vlan(struct packet *p, __be16 *proto)
{
	const struct vlan_tag *tag;

	NO_UNROLL
	for (int i = 0; i < VLAN_TAGS && is_vlan(*proto); i++) {
		tag = packet_take(p, sizeof(*tag));
		if (!tag)
			return false;
		put_tag(p->f, VLAN_PRESENT | (bpf_ntohs(tag->tci) & VLAN_ID_MASK));
		*proto = tag->proto;
		if (!packet_settle(p))
			return false;
	}
	return true;
}

/* RFC 3032 does not say what follows the last label: its first four bits tell IP's versions. */
static __always_inline __be16 parse_mpls(struct packet *p)
{
	const __u8 *label, *version;
	bool bottom = false;

	NO_UNROLL
	for (int i = 0; i < MPLS_LABELS && !bottom; i++) {
		label = packet_take(p, 4);
		if (!label)
			return 0;
		bottom = label[2] & 1;
	}
	version = bottom && packet_settle(p) ? packet_peek(p, 1) : NULL;
	if (!version)
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

/*
 * To the network header. @proto: that of the frame where there is no Ethernet header, else
 * 0. Returns the network header's Ethernet type, or 0 when there is none.
 */
static __always_inline __be16 parse_link(struct packet *p, bool ethernet, __be16 proto)
{
	const struct ethernet *eth;

	if (ethernet) {
		eth = packet_take(p, sizeof(*eth));
		if (!eth)
			return 0;
		proto = eth->proto;
	}
	if (!parse_vlan(p, &proto))
		return 0;
	if (proto == bpf_htons(ETH_P_MPLS_UC) || proto == bpf_htons(ETH_P_MPLS_MC))
		return parse_mpls(p);
	return proto;
}

#endif
