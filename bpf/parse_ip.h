/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IPv4 with its options and IPv6 with its extension headers: addresses, the protocol that
 * follows, the true length, and whether this is a fragment. Afterwards the cursor stands
 * at the transport header and ends where the IP packet ends.
 */
#ifndef FLOWCTL_PARSE_IP_H
#define FLOWCTL_PARSE_IP_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>

#include "packet.h"

#define IP4_MORE_FRAGMENTS 0x2000
#define IP4_OFFSET_MASK	   0x1fff
#define IP6_MORE_FRAGMENTS 0x0001
#define IP6_OFFSET_MASK	   0xfff8
#define IP6_EXTENSIONS	   8
#define IP6_JUMBO_OPTION   0xc2 /* RFC 2675 */
#define IP6_JUMBO_LEN	   8

/* Extension headers that linux/in6.h does not name. */
#define PROTO_HIP   139
#define PROTO_SHIM6 140

/* A word of memory whose first four bytes are those of @x_, and the rest 0. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FIRST_FOUR(x_) ((__u64)(x_))
#else
#define FIRST_FOUR(x_) ((__u64)(x_) << 32)
#endif

struct ip4_header {
	__u8 version_ihl;
	__u8 tos;
	__be16 total_len;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 proto;
	__be16 checksum;
	__be32 src;
	__be32 dst;
} WIRE;

struct ip6_header {
	__be16 version_class; /* version 4, class 8, four bits of the flow label */
	__be16 flow_label;
	__be16 payload_len;
	__u8 next;
	__u8 hop_limit;
	__u64 src[2];
	__u64 dst[2];
} WIRE;

/* Where both have what only a flow's first packet is asked for. */
struct ip_ids {
	__be32 ip6_label; /* the lower 20 bits */
	__be16 ip4_id;
} WIRE;

/* What extension headers begin with; `len` counts words of 8 (AH: of 4) behind these 8 bytes. */
struct ip6_extension {
	__u8 next;
	__u8 len;
	union {
		__be16 fragment; /* of the fragment header */
		__u8 option;	 /* of hop-by-hop options: the first one's type */
	};
	__be32 id; /* of the fragment header */
} WIRE;

static __always_inline __u8 fragment_kind(bool offset, bool more)
{
	return offset ? FRAGMENT_LATER : more ? FRAGMENT_FIRST : FRAGMENT_NONE;
}

/* @claimed: what the length field says, 0 = nothing (BIG TCP). The frame has the last word. */
static __always_inline void set_ip_len(struct packet *p, __u32 claimed, __u32 header_len)
{
	__u32 frame = p->left + header_len;

	/* 0 is more than any frame has. */
	if (claimed - 1 < frame)
		frame = claimed;
	p->f->bytes = frame;
	packet_cut(p, frame - header_len);
}

/* Anything but a plain header of version 4 without options. */
static __always_inline bool parse_ip4_options(struct packet *p, __u8 version_ihl, __u32 *header_len)
{
	*header_len = (version_ihl & 0xf) * 4;
	return version_ihl >> 4 == 4 && *header_len >= sizeof(struct ip4_header) &&
	       packet_skip(p, *header_len - sizeof(struct ip4_header));
}

static __always_inline void parse_ip4_fragment(struct facts *f, const struct ip4_header *ip)
{
	__u16 fragment;

	if (!(ip->fragment & bpf_htons(IP4_OFFSET_MASK | IP4_MORE_FRAGMENTS)))
		return;
	fragment = bpf_ntohs(ip->fragment);
	f->fragment = fragment_kind(fragment & IP4_OFFSET_MASK, fragment & IP4_MORE_FRAGMENTS);
	f->frag_id = bpf_ntohs(ip->id);
	f->frag_proto = ip->proto;
}

static __always_inline bool parse_ip4(struct packet *p)
{
	__u32 header_len = sizeof(struct ip4_header), total_len;
	const struct ip4_header *ip;
	struct facts *f = p->f;

	if (!packet_take(p, &ip))
		return false;
	if (ip->version_ihl != 0x45 && !parse_ip4_options(p, ip->version_ihl, &header_len))
		return false;
	total_len = bpf_ntohs(ip->total_len);
	if (total_len && total_len < header_len)
		return false;
	set_ip_len(p, total_len, header_len);
	f->src[0] = FIRST_FOUR(ip->src);
	f->src[1] = 0;
	f->dst[0] = FIRST_FOUR(ip->dst);
	f->dst[1] = 0;
	set_kind(f, 4, ip->proto);
	f->tos = ip->tos;
	f->ttl = ip->ttl;
	parse_ip4_fragment(f, ip);
	return true;
}

/*
 * The bit of an extension header, 0 = it is none. Those lie between the IPv6 header and the
 * transport's. ESP is a transport here.
 */
static __always_inline __u32 extension_bit(__u8 proto)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
		return EXT6_HOP;
	case IPPROTO_ROUTING:
		return EXT6_ROUTING;
	case IPPROTO_FRAGMENT:
		return EXT6_FRAG_FIRST;
	case IPPROTO_DSTOPTS:
		return EXT6_DST;
	case IPPROTO_AH:
		return EXT6_AH;
	case IPPROTO_MH:
		return EXT6_MOBILITY;
	case PROTO_HIP:
		return EXT6_HIP;
	case PROTO_SHIM6:
		return EXT6_SHIM6;
	default:
		return 0;
	}
}

/* What the walk over the extension headers is given, and finds. */
struct ip6_chain {
	union {
		__u64 w[3];
		struct {
			__u32 off; /* of the transport header, in the end */
			__u32 frag_id;
			__u8 proto;
			__u8 frag_proto;
			__u8 fragment;
			__u8 jumbo_len;
			__u8 beyond;
			__u32 headers; /* EXT6_* */
			__u32 bit;     /* of the next header */
		};
	};
};

static __always_inline void note_fragment(struct ip6_chain *c, const struct ip6_extension *e)
{
	__u16 fragment = bpf_ntohs(e->fragment);

	c->fragment = fragment_kind(fragment & IP6_OFFSET_MASK, fragment & IP6_MORE_FRAGMENTS);
	if (c->fragment == FRAGMENT_NONE)
		c->fragment = FRAGMENT_ATOMIC;
	c->frag_id = e->id;
	c->frag_proto = e->next;
}

/* One header; the cursor goes to the next. */
static __always_inline bool walk_extension(struct packet *p, struct ip6_chain *c)
{
	const struct ip6_extension *e;
	__u8 proto = c->proto;

	if (!packet_take(p, &e))
		return false;
	c->proto = e->next;
	if (proto == IPPROTO_FRAGMENT) {
		note_fragment(c, e);
		c->bit = c->fragment == FRAGMENT_LATER ? EXT6_FRAG_LATER : EXT6_FRAG_FIRST;
	}
	c->headers |= c->bit;
	if (proto == IPPROTO_FRAGMENT)
		return true;
	if (proto == IPPROTO_HOPOPTS && e->len == 0 && e->option == IP6_JUMBO_OPTION)
		c->jumbo_len = IP6_JUMBO_LEN;
	return packet_skip(p, e->len << (proto == IPPROTO_AH ? 2 : 3));
}

/* False when the chain is cut short or too long. */
static __always_inline bool walk_extensions(struct packet *p, struct ip6_chain *c)
{
	bool ok = true;

	/* Unrolled: the verifiers of before Linux 6.3 refuse the loop that clang makes of it,
	 * whose last instruction falls through to its head ("back-edge"). */
	UNROLL
	for (int i = 0; i < IP6_EXTENSIONS; i++) {
		c->bit = extension_bit(c->proto);
		/* Read again, both are any value to the verifier: it follows one way, not eight. */
		FORGET();
		if (!c->bit || c->fragment == FRAGMENT_LATER)
			break;
		ok = walk_extension(p, c);
		if (!ok)
			break;
	}
	c->off = p->off;
	c->beyond = p->f->beyond;
	return ok && (!extension_bit(c->proto) || c->fragment == FRAGMENT_LATER);
}

/*
 * Whoever includes this file says how the walk is called: a BPF program through a
 * function that is not static, which the verifier checks by itself and once, and not
 * again on each of the many ways there. It does no more than walk_extensions().
 */
static bool call_walk_extensions(struct packet *p, struct ip6_chain *c);

static __always_inline bool parse_extensions(struct packet *p)
{
	struct facts *f = p->f;
	struct ip6_chain c;
	bool ok;

	/* Word by word, for the compiler would keep an address of single bytes in a register. */
	c.w[0] = c.w[1] = c.w[2] = 0;
	c.proto = f->proto;
	ok = call_walk_extensions(p, &c);

	f->beyond = c.beyond;
	set_kind(f, 6, c.proto);
	f->fragment = c.fragment;
	f->frag_proto = c.frag_proto;
	f->frag_id = c.frag_id;
	f->jumbo_len = c.jumbo_len;
	f->seen = word_of(c.headers, 0);
	if (!ok || c.off > p->stop)
		return false;
	p->left = p->stop - c.off;
	return packet_settle(p);
}

/*
 * A payload length of 0 stands for BIG TCP (the frame knows the length), but for what
 * says itself that nothing follows.
 */
static __always_inline __u32 ip6_claimed(const struct ip6_header *ip)
{
	__u32 payload_len = bpf_ntohs(ip->payload_len);

	return payload_len || ip->next == IPPROTO_NONE ? payload_len + sizeof(*ip) : 0;
}

static __always_inline bool parse_ip6(struct packet *p)
{
	struct facts *f = p->f;
	const struct ip6_header *ip;

	__u32 behind_link = p->left;

	if (!packet_take(p, &ip) || bpf_ntohs(ip->version_class) >> 12 != 6)
		return false;
	f->src[0] = ip->src[0];
	f->src[1] = ip->src[1];
	f->dst[0] = ip->dst[0];
	f->dst[1] = ip->dst[1];
	set_kind(f, 6, ip->next);
	f->tos = bpf_ntohs(ip->version_class) >> 4;
	f->ttl = ip->hop_limit;
	set_ip_len(p, ip6_claimed(ip), sizeof(*ip));
	if (!extension_bit(f->proto) || parse_extensions(p))
		return true;
	f->bytes = behind_link;
	return false;
}

#endif
