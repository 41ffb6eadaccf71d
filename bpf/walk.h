/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Functions that are not static, which the verifier checks by themselves and once: they are
 * given the program's context and numbers, and begin anew. Whoever includes this file says
 * what the context is (CONTEXT), what packet_init() makes of it, and how pull() makes its
 * linear part longer, if there is a way.
 */
#ifndef FLOWCTL_WALK_H
#define FLOWCTL_WALK_H

#include "gso.h"
#include "packet.h"
#include "parse_ip.h"
#include "parse_l4.h"

/* The cursor at @off, reading stops at @stop. */
static __always_inline bool packet_at(struct packet *p, struct facts *f, CONTEXT *ctx,
				      __u32 off, __u32 stop)
{
	packet_init(p, f, ctx);
	if (off > stop || stop > p->stop)
		return false;
	p->left = stop - off;
	p->stop = stop;
	return packet_settle(p);
}

__noinline int walk_at(CONTEXT *ctx, __u32 off, __u32 stop, struct ip6_chain *c)
{
	struct facts f;
	struct packet p;

	if (!c || !packet_at(&p, &f, ctx, off, stop))
		return false;
	return walk_extensions(&p, c);
}

static __always_inline bool call_walk_extensions(struct packet *p, struct ip6_chain *c)
{
	return walk_at(p->ctx, p->off, p->stop, c);
}

__noinline int options_at(CONTEXT *ctx, __u32 off, __u32 stop, struct tcp_found *ret)
{
	struct facts f;
	struct packet p;

	if (ret && packet_at(&p, &f, ctx, off, stop))
		walk_options(&p, ret);
	return 0;
}

static __always_inline void call_walk_options(struct packet *p, __u32 off, __u32 stop,
					      struct tcp_found *ret)
{
	options_at(p->ctx, off, stop, ret);
}

#define INNER_BEYOND (1ull << 40)

/* gso_inner(); above it, from bit 32 on, the length of a jumbo option, and INNER_BEYOND. */
__noinline __u64 inner_at(CONTEXT *ctx, __u32 off, __u32 stop, __u32 proto, __u32 port)
{
	struct facts facts, *f = &facts;
	struct packet p;
	__u32 end;

	IN_MEMORY(f);
	if (!packet_at(&p, f, ctx, off, stop))
		return 0;
	end = gso_inner(&p, proto, port);
	if (f->beyond)
		return INNER_BEYOND;
	return end ? (__u64)f->jumbo_len << 32 | end : 0;
}

/* Where the last header ends that every segment repeats; 0 = cannot be told. */
static __always_inline __u32 segment_header_end(CONTEXT *ctx, struct packet *p)
{
	struct facts *f = p->f;
	__u32 off, stop;
	__u64 inner;

	if (is_fragment(f))
		return 0;
	if (!is_tunnel(f->proto, f->dport))
		return l4_end(f);
	/* Where parse() left the cursor; it is not kept in registers until here for this. */
	off = f->l4_off + (f->proto == IPPROTO_UDP ? sizeof(struct l4_ports) : 0);
	stop = f->ip_off + (__u32)f->bytes;
	inner = inner_at(ctx, off, stop, f->proto, f->dport);
	if (inner & INNER_BEYOND && pull(ctx))
		inner = inner_at(ctx, off, stop, f->proto, f->dport);
	if (!(__u32)inner)
		return l4_end(f);
	f->jumbo_len += (__u8)(inner >> 32);
	return (__u32)inner;
}

#endif
