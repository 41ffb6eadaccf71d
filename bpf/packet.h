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
/* The comparison before it may be of a copy in another register, which the verifiers of
 * before Linux 6.3 do not connect: a mask is of this very one. */
#define BOUND(x_) asm volatile("%0 &= 0x7fff" : "+r"(x_))
#define NO_UNROLL  _Pragma("clang loop unroll(disable)")
#define UNROLL	   _Pragma("clang loop unroll(full)")
#else
#define WIRE __attribute__((packed, aligned(1)))
#define OPAQUE(x_)
#define BOUND(x_)
#define NO_UNROLL
#define UNROLL
#endif

/* Where headers must end: eight extension headers of the longest kind, and what surrounds them. */
#define PACKET_HEADERS_MAX  0x5fff
#define PACKET_HEADERS_MASK 0x7fff

/* A header is not in the linear data: nothing is final; or but for TCP's options everything is. */
enum beyond {
	BEYOND_NOTHING,
	BEYOND_HEADER,
	BEYOND_OPTIONS,
};

enum fragment {
	FRAGMENT_NONE,
	FRAGMENT_ATOMIC, /* IPv6: the whole datagram, behind a fragment header (RFC 6946) */
	FRAGMENT_FIRST,
	FRAGMENT_LATER,
};

#define KEY_WORDS (sizeof(struct flow_key) / sizeof(__u64))

/* Two halves of a word as they lie in memory. */
static __always_inline __u64 word_of(__u32 first, __u32 second)
{
	union {
		__u32 half[2];
		__u64 word;
	} w = { .half = { first, second } };

	return w.word;
}

static __always_inline __u32 word_second(__u64 word)
{
	union {
		__u64 word;
		__u32 half[2];
	} w = { .word = word };

	return w.half[1];
}

static __always_inline __u32 word_first(__u64 word)
{
	union {
		__u64 word;
		__u32 half[2];
	} w = { .word = word };

	return w.half[0];
}

/*
 * What the headers of one packet say. facts_init() clears what a packet may not show, the
 * parsers set the rest before it is read. The key lies here as it is hashed, compared and
 * stored, in words: its first four are the addresses, the others are made of what follows
 * it when all is known (key_make()). Whatever is read as one word is written as one: the
 * processor hands a store on to a load of the same size at once, to a longer one it does not.
 */
struct facts {
	union {
		struct flow_key key;
		__u64 w[KEY_WORDS];
		struct {
			__u64 src[2];
			__u64 dst[2];
		};
	};
	union {
		__u32 ports;
		struct {
			__be16 sport;
			__be16 dport;
		};
	};
	union {
		__u32 vlans;
		struct {
			__u16 vlan_outer;
			__u16 vlan_inner;
		};
	};

	union {
		__u64 shown;
		struct {
			__u8 tcp_flags;
			__u8 fragment; /* enum fragment */
			__u8 frag_proto;
			__u8 jumbo_len; /* of options that the super-packet's segments have not */
			__u8 l4_words;	/* of the transport header, above 4 bits of no meaning */
			__u8 beyond;	/* enum beyond */
			__u8 tunnel;	/* that the packet was in, with key.vni */
			__u8 decap;	/* of what looks like a tunnel's: enum decap_result + 1 */
		};
	};
	__u64 seen; /* what adds to the flow's flow_extra.word; see slot_widen() */

	union {
		__u16 kind;
		struct {
			__u8 proto;
			__u8 family;
		};
	};
	__u8 tos;
	__u8 ttl;
	__u32 frag_id;

	__u32 ip_off;	  /* where the IP header begins */
	__u32 l4_off;	  /* where the transport header begins */
	__u32 header_len; /* from the IP header on, of what every segment repeats; 0 = ? */
	__u32 gso_size;	  /* payload of each segment; 0 = ?; of no meaning if it is one packet */
	__u64 packets;	  /* on the wire */
	__u64 bytes;	  /* IP layer: of this one packet, cut to what the frame has; with
			   * gso_count(), of all segments; if not IP: behind the link header */
};

/* The compiler keeps it in memory from here on, and reads it again behind FORGET(). */
#ifdef __bpf__
#define IN_MEMORY(p_) asm volatile("" : : "r"(p_) : "memory")
#define FORGET()      asm volatile("" : : : "memory")
#else
#define IN_MEMORY(p_)
#define FORGET()
#endif

static __always_inline void facts_init(struct facts *f)
{
	f->ports = 0;
	f->vlans = 0;
	/* As one run of zeros the compiler would keep its address in a register. */
	FORGET();
	f->shown = 0;
	f->seen = 0;
	f->packets = 1;
}

/* All of it, where it is given to a function that is verified by itself. */
static __always_inline void facts_clear(struct facts *f)
{
	__u64 *w = (__u64 *)f;

	UNROLL
	for (__u32 i = 0; i < sizeof(*f) / sizeof(*w); i++)
		((volatile __u64 *)w)[i] = 0;
}

static __always_inline bool is_fragment(const struct facts *f)
{
	return f->fragment > FRAGMENT_ATOMIC;
}

static __always_inline void set_kind(struct facts *f, __u8 family, __u8 proto)
{
	union {
		__u8 byte[2];
		__u16 kind;
	} k = { .byte = { proto, family } };

	f->kind = k.kind;
}

struct packet {
	struct facts *f;
	void *ctx; /* the program's */
	const void *data;
	const void *end; /* of the linear data */
	__u32 off;	 /* from data */
	__u32 left;	 /* bytes from there to where reading must stop */
	__u32 stop;	 /* off + left */
	__u32 gso_size;	 /* 0: one packet on the wire */
	__u32 gso_segs;	 /* 0: not known */
};

/* packet_peek(p, &header): point at the next header of that type; the cursor stays. */
#define packet_peek(p_, header_) packet_see((p_), sizeof(**(header_)), (const void **)(header_))

static __always_inline bool packet_see(struct packet *p, __u32 size, const void **ret)
{
	const void *here = p->data + p->off;

	if (p->left < size)
		return false;
	OPAQUE(here);
	if (here + size > p->end) {
		p->f->beyond = BEYOND_HEADER;
		return false;
	}
	*ret = here;
	return true;
}

/* packet_glance(p, skip, &header): the same, @skip bytes on, where it is no matter if it
 * cannot be seen. */
#define packet_glance(p_, skip_, header_)                                                          \
	packet_shows((p_), (skip_), sizeof(**(header_)), (const void **)(header_))

static __always_inline bool packet_shows(const struct packet *p, __u32 skip, __u32 size,
					 const void **ret)
{
	const void *here = p->data + p->off + skip;

	if (p->left < skip + size)
		return false;
	OPAQUE(here);
	*ret = here;
	return here + size <= p->end;
}

/* packet_take(p, &header): the same as packet_peek(), and the cursor goes behind it. */
#define packet_take(p_, header_) packet_pass((p_), sizeof(**(header_)), (const void **)(header_))

static __always_inline bool packet_pass(struct packet *p, __u32 size, const void **ret)
{
	if (!packet_see(p, size, ret))
		return false;
	p->off += size;
	p->left -= size;
	return true;
}

/*
 * Make the verifier forget which way the cursor came: what follows is then checked once
 * and not for every number of tags, labels and extension headers. So `off` is derived
 * anew from what it does not know, and bounded.
 */
static __always_inline bool packet_settle(struct packet *p)
{
	__u32 left = p->left;
	__u64 off;

	OPAQUE(left);
	off = p->stop - left;
	if (off > PACKET_HEADERS_MAX)
		return false;
	BOUND(off);
	p->off = off;
	return true;
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
