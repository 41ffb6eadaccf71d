/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the frame's first byte to the IP header: Ethernet, VLAN tags (in the frame, or
 * taken off by the device), MPLS labels, LLC behind a length of IEEE 802.3, PPPoE.
 */
#ifndef FLOWCTL_PARSE_LINK_H
#define FLOWCTL_PARSE_LINK_H

#include <linux/if_ether.h>

#include "packet.h"

#define VLAN_ID_MASK 0x0fff
#define VLAN_TAGS    4 /* that are passed; the outer two are in the key */
#define MPLS_LABELS  8

#define LLC_SNAP     0xaa
#define LLC_IP	     0x06
#define LLC_UI	     0x03
#define SNAP_RFC1042 0x000000
#define SNAP_BRIDGE  0x0000f8 /* IEEE 802.1H */

#define PPP_IP	 0x21
#define PPP_IPV6 0x57

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

struct llc {
	__u8 dsap;
	__u8 ssap;
	__u8 control;
} WIRE;

struct snap {
	struct llc llc;
	__u8 oui[3];
	__be16 proto;
} WIRE;

#define PPPOE_HEADER_LEN 6 /* which its length leaves out; PPP's protocol is in it */

struct pppoe {
	__u8 version_type;
	__u8 code; /* 0: a session's packet */
	__be16 session;
	__be16 len;
	__u8 proto[2]; /* PPP's */
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

/* RFC 1042: what follows LLC says an Ethernet type; or LLC itself says that it is IP. */
static __always_inline __be16 parse_llc(struct packet *p)
{
	const struct llc *llc;
	const struct snap *snap;
	__u32 oui;

	if (!packet_peek(p, &llc) || llc->control != LLC_UI)
		return 0;
	if (llc->dsap == LLC_IP && llc->ssap == LLC_IP)
		return packet_skip(p, sizeof(*llc)) ? bpf_htons(ETH_P_IP) : 0;
	if (llc->dsap != LLC_SNAP || llc->ssap != LLC_SNAP || !packet_peek(p, &snap))
		return 0;
	oui = snap->oui[0] << 16 | snap->oui[1] << 8 | snap->oui[2];
	if ((oui != SNAP_RFC1042 && oui != SNAP_BRIDGE) || !packet_skip(p, sizeof(*snap)))
		return 0;
	return snap->proto;
}

/* RFC 2516. Of PPP's protocol (RFC 1661) a first byte of 0 may have been left out. */
static __always_inline __be16 parse_pppoe(struct packet *p)
{
	const struct pppoe *pppoe;
	__u32 size = sizeof(*pppoe), len;
	__be16 proto = 0;
	__u8 ppp;

	if (!packet_peek(p, &pppoe) || pppoe->version_type != 0x11 || pppoe->code)
		return 0;
	ppp = pppoe->proto[1];
	if (pppoe->proto[0]) {
		ppp = pppoe->proto[0];
		size--;
	}
	if (ppp == PPP_IP)
		proto = bpf_htons(ETH_P_IP);
	else if (ppp == PPP_IPV6)
		proto = bpf_htons(ETH_P_IPV6);
	len = bpf_ntohs(pppoe->len) + PPPOE_HEADER_LEN - size;
	if (!proto || !packet_skip(p, size))
		return 0;
	/* Behind it lies Ethernet's padding, which a wrong length of IP may claim. */
	if (!p->gso_size && len < p->left)
		packet_cut(p, len);
	return proto;
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

/* The same, and behind MPLS labels, LLC and PPPoE. */
static __always_inline __be16 parse_link(struct packet *p, bool ethernet, __be16 proto)
{
	proto = parse_ethernet(p, ethernet, proto);
	if (is_ip(proto))
		return proto;
	if (proto == bpf_htons(ETH_P_MPLS_UC) || proto == bpf_htons(ETH_P_MPLS_MC))
		return parse_mpls(p);
	if (proto == bpf_htons(ETH_P_PPP_SES))
		return parse_pppoe(p);
	if (ethernet && proto && bpf_ntohs(proto) <= ETH_DATA_LEN)
		return parse_llc(p);
	return proto;
}

#endif
