/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A segment that goes straight (tcp_straight.h) to the connection of its flow's hint, without a
 * call: where the kernel guards its returns, one costs as much as many lines of this. Whatever is
 * not so, or is watched, is left as it was for tcp_meter().
 */
#ifndef FLOWCTL_TCP_QUICK_H
#define FLOWCTL_TCP_QUICK_H

#include "tcp_event.h"
#include "tcp_hint.h"
#include "tcp_read.h"
#include "tcp_straight.h"
#include "tcp_table.h"

/* The header, where its options lie as they nearly always do. */
static __always_inline bool quick_read(CONTEXT *ctx, const struct facts *f, struct tcp_segment *s)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 words = f->l4_words >> 4;
	const struct tcp_header *tcp;
	__u64 off = f->l4_off;

	BOUND(off);
	tcp = data + off;
	s->shown = 0;
	if (words == TCP_USUAL_WORDS ? !read_times(tcp, end, s) :
				       words != TCP_HEADER_LEN / 4 || (const void *)(tcp + 1) > end)
		return false;
	read_numbers(tcp, s);
	s->len = f->bytes - (f->l4_off + words * 4 - f->ip_off);
	return (__s32)s->len >= 0;
}

/* Its sides, without a jump. */
static __always_inline void quick_look(struct tcp_look *l, struct tcp_conn *c, __u64 side,
				       const struct tcp_segment *s)
{
	__u64 off = (side & 1) * sizeof(struct tcp_side);

	OPAQUE(off);
	l->s = s;
	l->c = c;
	l->mine = (void *)c->side + off;
	off ^= sizeof(struct tcp_side);
	l->other = (void *)c->side + off;
	l->end = s->seq + s->len;
}

static __always_inline bool quick_is_owner(const struct tcp_side *mine, CONTEXT *ctx)
{
	return mine->ifindex == context_here(ctx) && mine->direction == knob_direction;
}

/* @c is locked. */
static __always_inline bool quick_count(CONTEXT *ctx, struct tcp_conn *c, const struct tcp_hint *h,
					const struct tcp_segment *s)
{
	struct tcp_told told = { 0 };
	struct tcp_look l;

	quick_look(&l, c, h->conn, s);
	if (c->gen != h->gen || !quick_is_owner(l.mine, ctx) || !straight_segment(&l))
		return false;
	l.now_us = s->now_ns / 1000;
	straight_advance(&l, &told);
	return true;
}

/* Is it counted? Of a packet in @slot, at @now_ns of context_clock(). */
static __always_inline bool tcp_quick(CONTEXT *ctx, const struct facts *f, __u64 now_ns, __u32 slot)
{
	struct tcp_segment s = { .now_ns = now_ns, .segments = 1 };
	const struct tcp_hint *h;
	struct tcp_bucket *b;
	struct tcp_conn *c;
	bool counted;
	__u32 idx;

	if (tcp_is_watched(now_ns, TCP_WATCH_RTT))
		return false;
	h = hint_at(slot);
	if (!h || !h->gen || !quick_read(ctx, f, &s))
		return false;
	idx = h->conn >> 1;
	b = tcp_at(idx / TCP_WAYS);
	c = bpf_map_lookup_elem(&tcp_conns, &idx);
	if (!b || !c || !tcp_try_lock(b, tcp_lock_read(b)))
		return false;
	counted = quick_count(ctx, c, h, &s);
	b->straight += counted;
	tcp_unlock(b);
	return counted;
}

#endif
