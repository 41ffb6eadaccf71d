/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a packet's TCP header to the segment that the state machine takes. Parsing has passed
 * over it already; it is read again here, by what the facts say of its place, so that a packet
 * of which nothing is to be told pays nothing.
 *
 * The options of nearly all packets lie where they always lie: time stamps behind two that do
 * nothing, and SACK blocks behind another two. Any other row of them is walked through.
 */
#ifndef FLOWCTL_TCP_READ_H
#define FLOWCTL_TCP_READ_H

#include "knobs.h"
#include "packet.h"
#include "parse_l4.h"
#include "tcp_state.h"

#define TCP_SACK_OPTIONS 0x01010500 /* nothing, nothing, SACK; the last byte is its length */
#define TCP_OPTION_SCALE 3
#define TCP_OPTION_SACK	 5

struct tcp_header {
	__be32 ports;
	__be32 seq;
	__be32 ack;
	__u8 offset;
	__u8 flags;
	__be16 window;
	__be32 unread;
} WIRE;

struct tcp_times {
	__be32 kinds;
	__be32 val, ecr;
} WIRE;

struct tcp_block {
	__be32 left, right;
} WIRE;

struct tcp_sacks {
	__be32 kinds;
	struct tcp_block block[2];
} WIRE;

static __always_inline void read_numbers(const struct tcp_header *tcp, struct tcp_segment *s)
{
	s->seq = bpf_ntohl(tcp->seq);
	s->ack = bpf_ntohl(tcp->ack);
	s->window = bpf_ntohs(tcp->window);
}

static __always_inline void read_block(struct tcp_range *to, const struct tcp_block *b)
{
	to->left = bpf_ntohl(b->left);
	to->right = bpf_ntohl(b->right);
}

/* An option of @size octets behind its two, at the cursor; the cursor stays. */
static __always_inline void read_option(struct packet *p, __u8 kind, __u8 size,
					struct tcp_segment *s)
{
	const struct tcp_block *block;
	const __u8 *scale;

	if (kind == TCP_OPTION_SCALE && size == 1) {
		if (packet_glance(p, 0, &scale))
			s->scale = *scale;
	} else if (kind == TCP_OPTION_TIMES && size == 8) {
		if (!packet_glance(p, 0, &block))
			return;
		s->tsval = bpf_ntohl(block->left);
		s->tsecr = bpf_ntohl(block->right);
		s->shown |= TCP_SHOWS_TIMES;
	} else if (kind == TCP_OPTION_SACK && size >= 8) {
		if (!packet_glance(p, 0, &block))
			return;
		read_block(&s->sack[0], block);
		s->shown |= TCP_SHOWS_SACK;
		if (size < 16 || !packet_glance(p, 8, &block))
			return;
		read_block(&s->sack[1], block);
		s->shown |= TCP_SHOWS_SACK2;
	}
}

/* False at the last one. `left` is in memory, of which the verifier knows nothing. */
static __always_inline bool read_any_option(struct packet *p, __u32 *left, struct tcp_segment *s)
{
	const __u8 *kind, *size;

	p->left = *left;
	if (!packet_settle(p) || !packet_take(p, &kind) || *kind == TCP_OPTION_END)
		return false;
	if (*kind == TCP_OPTION_NOP) {
		*left = p->left;
		return true;
	}
	if (!packet_take(p, &size) || *size < 2 || p->left < *size - 2u)
		return false;
	*left = p->left - (*size - 2);
	read_option(p, *kind, *size - 2, s);
	return true;
}

/* Verified by itself, as are those of walk.h. */
__noinline int tcp_options_at(CONTEXT *ctx, __u32 off, __u32 stop, struct tcp_segment *s)
{
	struct facts f;
	struct packet p;
	__u32 left;

	if (!s || !packet_at(&p, &f, ctx, off, stop))
		return 0;
	left = p.left;
	IN_MEMORY(&left);
	NO_UNROLL
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		if (!read_any_option(&p, &left, s))
			break;
		FORGET();
	}
	return 0;
}

static __always_inline bool read_times(const struct tcp_header *tcp, const void *end,
				       struct tcp_segment *s)
{
	const struct tcp_times *times = (const void *)(tcp + 1);

	if ((const void *)(times + 1) > end || times->kinds != bpf_htonl(TCP_USUAL_OPTIONS))
		return false;
	s->tsval = bpf_ntohl(times->val);
	s->tsecr = bpf_ntohl(times->ecr);
	s->shown = TCP_SHOWS_TIMES;
	return true;
}

/* @words: of the header, as many as one or two blocks at least make. */
static __always_inline bool read_sacks(const struct tcp_header *tcp, const void *end, __u32 words,
				       struct tcp_segment *s)
{
	const struct tcp_sacks *sacks = (const void *)(tcp + 1) + sizeof(struct tcp_times);

	if ((const void *)&sacks->block[1] > end ||
	    sacks->kinds != bpf_htonl(TCP_SACK_OPTIONS | (words - TCP_USUAL_WORDS - 1) * 4 | 2))
		return false;
	read_block(&s->sack[0], &sacks->block[0]);
	s->shown |= TCP_SHOWS_SACK;
	if (words < TCP_USUAL_WORDS + 5 || (const void *)(sacks + 1) > end)
		return true;
	read_block(&s->sack[1], &sacks->block[1]);
	s->shown |= TCP_SHOWS_SACK2;
	return true;
}

static __always_inline void read_options(CONTEXT *ctx, const struct facts *f,
					 const struct tcp_header *tcp, const void *end,
					 __u32 words, struct tcp_segment *s)
{
	__u32 off;

	if (read_times(tcp, end, s) &&
	    (words == TCP_USUAL_WORDS ||
	     (words > TCP_USUAL_WORDS + 2 && read_sacks(tcp, end, words, s))))
		return;
	s->shown = 0;
	off = f->l4_off + TCP_HEADER_LEN;
	tcp_options_at(ctx, off, f->l4_off + words * 4, s);
}

/* Octets of payload, of all segments: gso_count() has added the headers of all but one. */
static __always_inline void read_len(const struct facts *f, __u32 words, struct tcp_segment *s)
{
	__u32 header_len = f->l4_off + words * 4 - f->ip_off, len;

	s->segments = f->packets;
	if (s->segments == 1) {
		s->size = 0;
		len = f->bytes - header_len;
	} else {
		len = f->bytes - s->segments * (header_len - f->jumbo_len);
		s->size = f->gso_size;
		if (!s->size && s->segments)
			s->size = (len + s->segments - 1) / s->segments;
	}
	s->len = (__s32)len < 0 ? 0 : len;
}

/* False where the header is not to be had. The time, and whose side it is, others say. */
static __always_inline bool tcp_read(CONTEXT *ctx, const struct facts *f, struct tcp_segment *s)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct tcp_header *tcp;
	__u64 off = f->l4_off;
	__u32 words;

	BOUND(off);
	tcp = data + off;
	if ((const void *)(tcp + 1) > end)
		return false;
	words = tcp->offset >> 4;
	if (words < TCP_HEADER_LEN / 4)
		return false;
	read_numbers(tcp, s);
	s->flags = tcp->flags;
	s->scale = TCP_NO_SCALE;
	s->shown = 0;
	s->ecn = f->tos & 3;
	s->place = TCP_PLACE(f->vlan_outer, f->vlan_inner);
	s->ifindex = context_here(ctx);
	s->direction = knob_direction;
	read_len(f, words, s);
	if (words > TCP_HEADER_LEN / 4)
		read_options(ctx, f, tcp, end, words, s);
	return true;
}

#endif
