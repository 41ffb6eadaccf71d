/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One level into a tunnel: whether a packet looks like one's, the tunnel's header, and then the
 * packet inside, which the same parsers read that read the one outside. What they find goes into
 * facts of its own, so that of the outer packet nothing is lost where there is no way in.
 *
 * A row of reasons leads out of it, each to be counted (enum decap_result).
 */
#ifndef FLOWCTL_TUNNEL_H
#define FLOWCTL_TUNNEL_H

#include "gso.h"
#include "packet.h"
#include "parse.h"

#define UDP_HEADER_LEN 8

#define GENEVE_OPTIONS	  63 /* as many as have no content fill all room */
#define GENEVE_LEN_MASK	  0x3f
#define GENEVE_CONTROL	  0x80
#define GWLB_CLASS	  0x0108 /* Amazon's, with which its Gateway Load Balancer marks */
#define GWLB_ENDPOINT	  1
#define GWLB_ATTACHMENT	  2
#define GWLB_FLOW	  3

#define GPE_VERSION   0x30
#define GPE_HAS_PROTO 0x04
#define GPE_CONTROL   0x01
#define GPE_IP	      1
#define GPE_IPV6      2
#define GPE_ETHERNET  3

#define GRE_ROUTING	0x4000
#define PROTO_ERSPAN	0x88be /* types I and II */
#define PROTO_ERSPAN3	0x22eb
#define ERSPAN_SESSION	0x03ff
#define ERSPAN2_VERSION 1
#define ERSPAN3_VERSION 2
#define ERSPAN3_MORE	0x0001 /* O: 8 bytes follow that belong to the device */
#define ERSPAN3_FRAME	0x7c00
#define ERSPAN3_IP	0x0800 /* of that */
#define ERSPAN_MORE_LEN 8

/* What a packet that looks like a tunnel's is looked into with. In a map: the stack has no room. */
struct tunnel_work {
	struct facts inner;
	struct outer outer;
	__u32 off;  /* of what lies behind the outer IP header and its extension headers */
	__u32 stop; /* where the outer IP packet ends */
	__u32 options; /* where GENEVE's begin, up to what is inside; 0: none */
	__u32 left;    /* of the walk over them, from the cursor on */
	__u32 inside;  /* where that begins */
	__u32 vlans; /* of the outer frame */
	__u32 vni;
	__u8 tunnel; /* what it looks like; then, what it is */
	__u8 super;  /* it is more than one packet on the wire */
	__u8 gpe;
	__u8 reserved;
	__be16 proto; /* of what is inside: its Ethernet type, ETH_P_TEB for an Ethernet frame */
	__u16 reserved1;
};

struct gpe_header {
	__u8 flags;
	__u8 reserved[2];
	__u8 next;
	__be32 vni;
} WIRE;

struct geneve_option {
	__be16 class;
	__u8 type;
	__u8 len; /* words of 4 behind this, in the lower 5 bits */
} WIRE;

struct erspan2_header {
	__be16 version_vlan;
	__be16 flags_session;
	__be32 index;
} WIRE;

struct erspan3_header {
	__be16 version_vlan;
	__be16 flags_session;
	__be32 time;
	__be16 group;
	__be16 flags;
} WIRE;

struct wire_word {
	__be32 word;
} WIRE;

struct wire_words {
	__be32 word[2];
} WIRE;

static __always_inline __u64 wire_u64(const struct wire_words *w)
{
	return (__u64)bpf_ntohl(w->word[0]) << 32 | bpf_ntohl(w->word[1]);
}

/* What the packet of @f looks like, TUNNEL_NONE if the meter does not look into such ones: @decap
 * has DECAP_*, the ports are in host order. Of a later fragment the port may not be known. */
static __always_inline __u8 tunnel_of(const struct facts *f, __u32 decap, __u32 geneve_port,
				      __u32 vxlan_port)
{
	switch (f->proto) {
	case IPPROTO_UDP:
		if (decap & DECAP_GENEVE && bpf_ntohs(f->dport) == geneve_port)
			return TUNNEL_GENEVE;
		if (decap & DECAP_VXLAN && (bpf_ntohs(f->dport) == vxlan_port ||
					    bpf_ntohs(f->dport) == DECAP_VXLAN_GPE_PORT))
			return TUNNEL_VXLAN;
		return TUNNEL_NONE;
	case IPPROTO_GRE:
		return decap & DECAP_GRE ? TUNNEL_GRE : TUNNEL_NONE;
	case IPPROTO_IPIP:
		if (!(decap & DECAP_IPIP))
			return TUNNEL_NONE;
		return f->family == 4 ? TUNNEL_IPIP : TUNNEL_4IN6;
	case IPPROTO_IPV6:
		if (!(decap & DECAP_IPIP))
			return TUNNEL_NONE;
		return f->family == 4 ? TUNNEL_6IN4 : TUNNEL_6IN6;
	default:
		return TUNNEL_NONE;
	}
}

/* Everything that is to be known of the outer packet to look into it. */
static __always_inline void tunnel_work_init(struct tunnel_work *w, const struct facts *f,
					     __u8 tunnel, bool super)
{
	__u64 *src = (__u64 *)w->outer.src, *dst = (__u64 *)w->outer.dst;

	w->off = f->l4_off;
	w->stop = f->ip_off + (__u32)f->bytes;
	w->vlans = f->vlans;
	w->vni = 0;
	w->tunnel = tunnel;
	w->super = super;
	w->options = 0;
	w->gpe = tunnel == TUNNEL_VXLAN && f->dport == bpf_htons(DECAP_VXLAN_GPE_PORT);
	src[0] = f->src[0];
	src[1] = f->src[1];
	dst[0] = f->dst[0];
	dst[1] = f->dst[1];
	w->outer.family = f->family;
	w->outer.tos = f->tos;
	w->outer.has = 0;
	w->outer.gwlb_endpoint = w->outer.gwlb_attachment = 0;
	w->outer.gwlb_flow = 0;
}

/* One of @size bytes, at the cursor. */
static __always_inline void note_option(struct packet *p, struct outer *o, __u8 type, __u32 size)
{
	const struct wire_words *words;
	const struct wire_word *word;

	if (type == GWLB_FLOW && size == sizeof(*word) && packet_glance(p, 0, &word)) {
		o->gwlb_flow = bpf_ntohl(word->word);
		o->has |= OUTER_GWLB_FLOW;
	}
	if (size != sizeof(*words) || !packet_glance(p, 0, &words))
		return;
	if (type == GWLB_ENDPOINT) {
		o->gwlb_endpoint = wire_u64(words);
		o->has |= OUTER_GWLB_ENDPOINT;
	} else if (type == GWLB_ATTACHMENT) {
		o->gwlb_attachment = wire_u64(words);
		o->has |= OUTER_GWLB_ATTACHMENT;
	}
}

/* False at the last one. `left` is in memory, of which the verifier knows nothing: so it looks at
 * one option and not at all rows of them. */
static __always_inline bool geneve_option(struct packet *p, struct tunnel_work *w)
{
	const struct geneve_option *o;
	__u32 size;

	p->left = w->left;
	if (!packet_settle(p) || !packet_take(p, &o))
		return false;
	size = (o->len & 0x1f) * 4;
	if (p->left < size)
		return false;
	if (o->class == bpf_htons(GWLB_CLASS))
		note_option(p, &w->outer, o->type, size);
	w->left = p->left - size;
	return true;
}

/* @p: from w->options to w->inside. What is wrong with them is no matter. */
static __always_inline void walk_geneve(struct packet *p, struct tunnel_work *w)
{
	w->left = p->left;
	NO_UNROLL
	for (int i = 0; i < GENEVE_OPTIONS; i++) {
		if (!geneve_option(p, w))
			break;
		FORGET();
	}
}

/* Those below go behind the tunnel's header, and say in w->proto what follows: DECAP_DONE. */

static __always_inline enum decap_result leads_to(struct tunnel_work *w, __be16 proto)
{
	w->proto = proto;
	return DECAP_DONE;
}

static __always_inline enum decap_result enter_geneve(struct packet *p, struct tunnel_work *w)
{
	const struct geneve_header *geneve;
	__u32 len;

	if (!packet_take(p, &geneve))
		return DECAP_SHORT;
	if (geneve->version_len >> 6)
		return DECAP_VERSION;
	if (geneve->flags & GENEVE_CONTROL)
		return DECAP_CONTROL;
	w->vni = bpf_ntohl(geneve->vni) >> 8;
	w->proto = geneve->proto;
	len = (geneve->version_len & GENEVE_LEN_MASK) * 4;
	if (len)
		w->options = p->off;
	return packet_skip(p, len) ? DECAP_DONE : DECAP_SHORT;
}

static __always_inline enum decap_result enter_gpe(struct packet *p, struct tunnel_work *w)
{
	const struct gpe_header *gpe;

	if (!packet_take(p, &gpe))
		return DECAP_SHORT;
	if (!(gpe->flags & VXLAN_HAS_VNI) || gpe->flags & GPE_VERSION)
		return DECAP_VERSION;
	if (gpe->flags & GPE_CONTROL)
		return DECAP_CONTROL;
	w->vni = bpf_ntohl(gpe->vni) >> 8;
	if (!(gpe->flags & GPE_HAS_PROTO) || gpe->next == GPE_ETHERNET)
		return leads_to(w, bpf_htons(ETH_P_TEB));
	if (gpe->next == GPE_IP)
		return leads_to(w, bpf_htons(ETH_P_IP));
	if (gpe->next == GPE_IPV6)
		return leads_to(w, bpf_htons(ETH_P_IPV6));
	return DECAP_PROTOCOL;
}

static __always_inline enum decap_result enter_vxlan(struct packet *p, struct tunnel_work *w)
{
	const struct vxlan_header *vxlan;

	if (w->gpe)
		return enter_gpe(p, w);
	if (!packet_take(p, &vxlan))
		return DECAP_SHORT;
	if (!(vxlan->flags & VXLAN_HAS_VNI))
		return DECAP_VERSION;
	w->vni = bpf_ntohl(vxlan->vni) >> 8;
	return leads_to(w, bpf_htons(ETH_P_TEB));
}

/* Type I has no header, and in GRE no sequence number. */
static __always_inline enum decap_result enter_erspan(struct packet *p, struct tunnel_work *w,
						   bool sequence)
{
	const struct erspan2_header *e;

	w->tunnel = TUNNEL_ERSPAN;
	w->vni = 0;
	if (!sequence)
		return leads_to(w, bpf_htons(ETH_P_TEB));
	if (!packet_take(p, &e))
		return DECAP_SHORT;
	if (bpf_ntohs(e->version_vlan) >> 12 != ERSPAN2_VERSION)
		return DECAP_VERSION;
	w->vni = bpf_ntohs(e->flags_session) & ERSPAN_SESSION;
	return leads_to(w, bpf_htons(ETH_P_TEB));
}

static __always_inline enum decap_result enter_erspan3(struct packet *p, struct tunnel_work *w)
{
	const struct erspan3_header *e;
	__u16 flags;

	w->tunnel = TUNNEL_ERSPAN;
	w->vni = 0;
	if (!packet_take(p, &e))
		return DECAP_SHORT;
	if (bpf_ntohs(e->version_vlan) >> 12 != ERSPAN3_VERSION)
		return DECAP_VERSION;
	w->vni = bpf_ntohs(e->flags_session) & ERSPAN_SESSION;
	flags = bpf_ntohs(e->flags);
	if (flags & ERSPAN3_MORE && !packet_skip(p, ERSPAN_MORE_LEN))
		return DECAP_SHORT;
	if (flags & ERSPAN3_FRAME && (flags & ERSPAN3_FRAME) != ERSPAN3_IP)
		return DECAP_PROTOCOL;
	leads_to(w, flags & ERSPAN3_FRAME ? ip_proto(p) : bpf_htons(ETH_P_TEB));
	return p->f->beyond ? DECAP_SHORT : DECAP_DONE;
}

static __always_inline enum decap_result enter_any_gre(struct packet *p, struct tunnel_work *w)
{
	const struct gre_header *gre;
	const struct wire_word *key;
	__u16 flags;
	__be16 proto;

	if (!packet_take(p, &gre))
		return DECAP_SHORT;
	flags = bpf_ntohs(gre->flags);
	proto = gre->proto;
	if (flags & (GRE_VERSION | GRE_ROUTING))
		return DECAP_VERSION;
	if (flags & GRE_CHECKSUM && !packet_skip(p, 4))
		return DECAP_SHORT;
	if (flags & GRE_KEY) {
		if (!packet_take(p, &key))
			return DECAP_SHORT;
		w->vni = bpf_ntohl(key->word);
	}
	if (flags & GRE_SEQUENCE && !packet_skip(p, 4))
		return DECAP_SHORT;
	if (!packet_settle(p))
		return DECAP_SHORT;
	if (proto == bpf_htons(PROTO_ERSPAN))
		return enter_erspan(p, w, flags & GRE_SEQUENCE);
	return proto == bpf_htons(PROTO_ERSPAN3) ? enter_erspan3(p, w) : leads_to(w, proto);
}

static __always_inline enum decap_result enter_any(struct packet *p, struct tunnel_work *w)
{
	switch (w->tunnel) {
	case TUNNEL_GENEVE:
	case TUNNEL_VXLAN:
		if (!packet_skip(p, UDP_HEADER_LEN))
			return DECAP_SHORT;
		return w->tunnel == TUNNEL_GENEVE ? enter_geneve(p, w) : enter_vxlan(p, w);
	case TUNNEL_GRE:
		return enter_any_gre(p, w);
	case TUNNEL_IPIP:
	case TUNNEL_4IN6:
		return leads_to(w, bpf_htons(ETH_P_IP));
	default:
		return leads_to(w, bpf_htons(ETH_P_IPV6));
	}
}

/* Pass the tunnel's header. @p: from w->off to w->stop. DECAP_DONE: w->inside is where there may be
 * something inside, of w->proto. */
static __always_inline enum decap_result enter(struct packet *p, struct tunnel_work *w)
{
	enum decap_result result = enter_any(p, w);

	w->inside = p->off;
	return result;
}

/* May the type be of what parse() finds IP in, where there is no Ethernet header? */
static __always_inline bool may_be_ip(__be16 proto)
{
	return is_ip(proto) || proto == bpf_htons(ETH_P_MPLS_UC) || proto == bpf_htons(ETH_P_MPLS_MC);
}

/* A header that is not there, whole, is no wrong one. @p: at IP's, which was refused. */
static __always_inline enum decap_result wrong_or_short(struct packet *p)
{
	const __u8 *first;
	__u32 len = sizeof(struct ip4_header);

	/* The header was right, the row of those behind it was not. */
	if (p->f->beyond || p->f->family == 6 || !packet_peek(p, &first))
		return DECAP_SHORT;
	if (*first >> 4 == 6)
		len = sizeof(struct ip6_header);
	else if (*first >> 4 == 4 && (*first & 0xf) * 4 > len)
		len = (*first & 0xf) * 4;
	return p->left < len ? DECAP_SHORT : DECAP_INNER;
}

/*
 * Look inside. @p: from w->inside to w->stop, with w->inner as its facts, which facts_init() has
 * cleared. DECAP_DONE: those are the inner packet's, counted as one; what is missing in the linear
 * data they say (`beyond`).
 */
static __always_inline enum decap_result look_inside(struct packet *p, struct tunnel_work *w)
{
	bool ethernet = w->proto == bpf_htons(ETH_P_TEB);
	enum ledger_reason reason;
	struct facts *f = p->f;

	if (!ethernet && !may_be_ip(w->proto))
		return DECAP_PROTOCOL;
	if (ethernet && p->left < sizeof(struct ethernet))
		return DECAP_SHORT;
	if (!ethernet)
		f->vlans = w->vlans;
	f->kind = 0;
	p->gso_size = w->super;
	reason = parse(p, ethernet, w->proto);
	if (reason == LEDGER_NON_IP)
		return f->beyond || p->left < sizeof(struct vlan_tag) ? DECAP_SHORT : DECAP_NON_IP;
	if (reason == LEDGER_SEEN) {
		/* Segments that are packets each, of which the first is seen. */
		if (w->super && f->ip_off + (__u32)f->bytes < w->stop)
			return DECAP_SEVERAL;
		return DECAP_DONE;
	}
	p->left = (__u32)f->bytes;
	return packet_settle(p) ? wrong_or_short(p) : DECAP_SHORT;
}

#endif
