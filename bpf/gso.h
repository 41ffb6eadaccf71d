/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A super-packet stands for many on the wire: each repeats the headers, and the interface
 * promises the wire's IP bytes. So for these the headers are measured, up to those of the
 * inner packet where a tunnel carries the super-packet. Where that is not possible (a
 * header cut short, a transport that is not segmented) the packets still count as
 * segments, and the bytes are those of the one IP packet.
 */
#ifndef FLOWCTL_GSO_H
#define FLOWCTL_GSO_H

#include "packet.h"
#include "parse_ip.h"
#include "parse_l4.h"
#include "parse_link.h"

#define PORT_GENEVE	 6081
#define PORT_VXLAN	 4789
#define PORT_VXLAN_LINUX 8472 /* of the kernel's driver, from before there was a number */

#define GRE_VERSION  0x0007
#define GRE_SEQUENCE 0x1000
#define GRE_KEY	     0x2000
#define GRE_CHECKSUM 0x8000

#define VXLAN_HAS_VNI 0x08

struct geneve_header {
	__u8 version_len; /* 2 bits of version, length of the options in words of 4 */
	__u8 flags;
	__be16 proto;
	__be32 vni;
} WIRE;

struct vxlan_header {
	__u8 flags;
	__u8 reserved[3];
	__be32 vni;
} WIRE;

struct gre_header {
	__be16 flags;
	__be16 proto;
} WIRE;

static __always_inline bool is_gso(const struct packet *p)
{
	return p->gso_size || p->gso_segs > 1;
}

/* The three below go to what the tunnel carries and return its Ethernet type, 0 = no tunnel. */

static __always_inline __be16 enter_udp(struct packet *p, __be16 port)
{
	const struct geneve_header *geneve;
	const struct vxlan_header *vxlan;

	if (!packet_skip(p, 4))
		return 0;
	if (port == bpf_htons(PORT_VXLAN) || port == bpf_htons(PORT_VXLAN_LINUX)) {
		if (!packet_take(p, &vxlan) || !(vxlan->flags & VXLAN_HAS_VNI))
			return 0;
		return bpf_htons(ETH_P_TEB);
	}
	if (port != bpf_htons(PORT_GENEVE))
		return 0;
	if (!packet_take(p, &geneve) || geneve->version_len >> 6)
		return 0;
	return packet_skip(p, (geneve->version_len & 0x3f) * 4) ? geneve->proto : 0;
}

static __always_inline __be16 enter_gre(struct packet *p)
{
	const struct gre_header *gre;
	__u32 options = 0;
	__u16 flags;

	if (!packet_take(p, &gre))
		return 0;
	flags = bpf_ntohs(gre->flags);
	if (flags & GRE_VERSION)
		return 0;
	options += flags & GRE_CHECKSUM ? 4 : 0;
	options += flags & GRE_KEY ? 4 : 0;
	options += flags & GRE_SEQUENCE ? 4 : 0;
	return packet_skip(p, options) ? gre->proto : 0;
}

/* The cursor of UDP is behind the ports, that of the others at the transport header. */
static __always_inline __be16 enter_tunnel(struct packet *p, __u8 proto, __be16 port)
{
	switch (proto) {
	case IPPROTO_UDP:
		return enter_udp(p, port);
	case IPPROTO_GRE:
		return enter_gre(p);
	case IPPROTO_IPIP:
		return bpf_htons(ETH_P_IP);
	case IPPROTO_IPV6:
		return bpf_htons(ETH_P_IPV6);
	default:
		return 0;
	}
}

/* What a segment may repeat within: whether it does, gso_inner() has to see. */
static __always_inline bool is_tunnel(__u8 proto, __be16 port)
{
	switch (proto) {
	case IPPROTO_UDP:
		return port == bpf_htons(PORT_VXLAN) || port == bpf_htons(PORT_VXLAN_LINUX) ||
		       port == bpf_htons(PORT_GENEVE);
	case IPPROTO_GRE:
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		return true;
	default:
		return false;
	}
}

/* Where the transport header ends, 0 = cannot be told. */
static __always_inline __u32 l4_end(const struct facts *f)
{
	__u32 least = f->proto == IPPROTO_TCP ? 20 : 8;

	__u32 len = (f->l4_words >> 4) * 4;

	return len >= least ? f->l4_off + len : 0;
}

/*
 * The offset at which the inner transport header ends. 0: this is no tunnel, or it was
 * the tunnel's own packets that were joined; the inner IP packet is then shorter than
 * what is left of the outer one. @p: as parse() left it, with facts of its own.
 */
static __always_inline __u32 gso_inner(struct packet *p, __u8 outer_proto, __be16 port)
{
	__be16 proto = enter_tunnel(p, outer_proto, port);
	bool ok = false;
	__u32 left;

	if (proto == bpf_htons(ETH_P_TEB))
		proto = parse_ethernet(p, true, 0);
	left = p->left;
	if (proto == bpf_htons(ETH_P_IP))
		ok = parse_ip4(p);
	else if (proto == bpf_htons(ETH_P_IPV6))
		ok = parse_ip6(p);
	if (!ok || p->f->bytes != left || is_fragment(p->f))
		return 0;
	parse_l4(p, false);
	return l4_end(p->f);
}

/* The option by which Linux tells a long packet's length is on no wire, and it is alone there. */
static __always_inline void gso_forget_jumbo(struct facts *f)
{
	if (f->jumbo_len)
		f->seen &= ~word_of(EXT6_HOP, 0);
}

/* @end: of the last header that every segment repeats; 0 = unknown. */
static __always_inline void gso_header(const struct packet *p, __u32 end)
{
	p->f->header_len = end ? end - p->f->ip_off : 0;
}

/* Packets and IP bytes on the wire of a super-packet. */
static __always_inline void gso_count(const struct packet *p)
{
	struct facts *f = p->f;
	__u32 payload = (__u32)f->bytes - f->header_len;

	f->gso_size = p->gso_size;
	f->packets = p->gso_segs;
	if (!f->packets)
		f->packets = (payload + p->gso_size - 1) / p->gso_size;
	if (!f->packets)
		f->packets = 1;
	if (!f->header_len)
		return;
	f->bytes += (f->packets - 1) * f->header_len;
	f->bytes -= f->packets * f->jumbo_len;
}

#endif
