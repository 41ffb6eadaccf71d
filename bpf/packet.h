/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The cursor that all parsers move, and what they find out. All arithmetic on bounds is
 * here. A packet has two ends: that of its linear data (`end`), which the verifier knows,
 * and that of what may be read at all (`left`): the frame's, from the IP header on the IP
 * packet's, so that padding is never taken for a header.
 *
 * The cursor lives in registers, the facts in memory: the many ways out of a parser then
 * are jumps and not copies of everything that is known so far.
 *
 * No helpers are called here or in the parsers: they compile for the host as well.
 */
#ifndef FLOWCTL_PACKET_H
#define FLOWCTL_PACKET_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>

#include "abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* Headers lie at any address. In BPF a plain load is right (the verifier sees to it); the
 * host's compiler has to be told. */
#ifdef __bpf__
#define WIRE
/* The compiler may know no more of it: one register holds it, and nothing is derived twice. */
#define OPAQUE(x_) asm volatile("" : "+r"(x_))
#define NO_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define WIRE __attribute__((packed, aligned(1)))
#define OPAQUE(x_)
#define NO_UNROLL
#endif

/* Where headers must end: eight extension headers of the longest kind, and what may surround them. */
#define PACKET_HEADERS_MAX 0x5fff

enum fragment {
	FRAGMENT_NONE,
	FRAGMENT_FIRST,
	FRAGMENT_LATER,
};

/* What the headers of one packet say. */
struct facts {
	__u64 src[2];		/* as in struct flow_key */
	__u64 dst[2];
	union {
		__u32 ports;
		struct {
			__be16 sport;
			__be16 dport;
		};
	};
	__u16 vlan_outer;
	__u16 vlan_inner;
	__u8 family;
	__u8 proto;
	__u8 tcp_flags;
	__u8 tos;
	__u8 ttl;
	__u8 fragment;		/* enum fragment */
	__u8 frag_proto;
	__u8 jumbo_len;		/* of options that only the super-packet has, not its segments */
	__u32 frag_id;
	__u32 ip_len;		/* of this one packet, cut to what the frame has */
	__u32 header_len;	/* from the IP header to the last header that every segment repeats; 0 = unknown */
	__u32 packets;		/* on the wire */
	__u64 bytes;		/* IP layer, all segments; without an IP header: behind the link header */
	__u8 beyond;		/* a header lies behind the linear data */
};

struct packet {
	struct facts *f;
	const void *data;
	const void *end;	/* of the linear data */
	__u32 off;		/* from data */
	__u32 left;		/* bytes from there to where reading must stop */
	__u32 stop;		/* off + left */
	__u32 gso_size;		/* 0: one packet on the wire */
	__u32 gso_segs;		/* 0: not known */
};

/* The next @size bytes (a constant), or NULL, and the cursor stays. */
static __always_inline const void *packet_peek(struct packet *p, __u32 size)
{
	const void *here = p->data + p->off;

	if (p->left < size)
		return NULL;
	OPAQUE(here);
	if (here + size > p->end) {
		p->f->beyond = 1;
		return NULL;
	}
	return here;
}

/* The next @size bytes (a constant), and the cursor goes behind them; else NULL. */
static __always_inline const void *packet_take(struct packet *p, __u32 size)
{
	const void *here = packet_peek(p, size);

	if (!here)
		return NULL;
	p->off += size;
	p->left -= size;
	return here;
}

/*
 * Make the verifier forget which way the cursor came: what follows is then checked once
 * and not for every number of tags, labels and extension headers. So `off` is derived
 * anew from what it does not know, and bounded.
 */
static __always_inline bool packet_settle(struct packet *p)
{
	__u32 left = p->left;

	OPAQUE(left);
	p->off = p->stop - left;
	return p->off <= PACKET_HEADERS_MAX;
}

/* Pass over @size bytes, linear or not, without looking. */
static __always_inline bool packet_skip(struct packet *p, __u32 size)
{
	if (p->left < size)
		return false;
	p->left -= size;
	return packet_settle(p);
}

/* Let reading stop @left bytes from here. */
static __always_inline void packet_cut(struct packet *p, __u32 left)
{
	p->left = left;
	p->stop = p->off + left;
}

#endif
