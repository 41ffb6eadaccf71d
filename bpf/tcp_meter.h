/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One packet of TCP: its connection is found or made, and what it says of its health is counted
 * there. Functions that are not static are verified by themselves, and once.
 *
 * A connection that begins is half-open until its handshake is complete or data flows; it waits
 * in a table of its own, where a flood of SYNs finds nothing but its like.
 */
#ifndef FLOWCTL_TCP_METER_H
#define FLOWCTL_TCP_METER_H

#include "tcp_event.h"
#include "tcp_owner.h"
#include "tcp_read.h"
#include "tcp_table.h"

/* Count the segment in that way, which is its connection's, if it is for this hook to do: then 1
 * and the number of the interface by which the other end's packets come (0: none came), else 0. */
static __always_inline __u32 tcp_count(struct tcp_bucket *b, __u32 way, struct tcp_work *w)
{
	const struct tcp_segment *s = &w->s;
	struct tcp_conn *c = tcp_way(b, way);
	__u32 flags;

	OPAQUE(way); /* or what it was compared with before would stand for the mask */
	flags = b->flags[way & (TCP_WAYS - 1)];
	if (!owner_is_here(tcp_side_of(c, s->side), s))
		return 0;
	tcp_advance_at(c, s, &w->told);
	if (flags & TCP_WAY_PROBATION && c->side[0].ifindex && c->side[1].ifindex)
		b->flags[way & (TCP_WAYS - 1)] = flags &= ~TCP_WAY_PROBATION;
	if (s->flags & (TCP_FIN | TCP_RST) && tcp_is_over(c))
		b->flags[way & (TCP_WAYS - 1)] = flags | TCP_WAY_OVER;
	b->tick[way & (TCP_WAYS - 1)] = tcp_tick(s);
	return 1 + tcp_side_of(c, ~s->side)->ifindex;
}

/* The way is @key's from its first segment @s on. */
static __always_inline void tcp_start(struct tcp_bucket *b, __u32 way, __u32 hash, __u32 buckets,
				      const struct tcp_key *key, const struct tcp_segment *s)
{
	struct tcp_conn *c = tcp_way(b, way);

	tcp_clear(c, key, tcp_key_bucket(hash, buckets) * TCP_WAYS + way);
	tcp_begin(c, s);
	b->tag[way & (TCP_WAYS - 1)] = hash;
	b->flags[way & (TCP_WAYS - 1)] = TCP_WAY_PROBATION;
}

/* The way that is to be another's: free, or what was there has gone to the ring. */
static __always_inline void tcp_give_up(struct tcp_bucket *b, __u64 victim)
{
	__u32 way = victim_way(victim);

	if (victim_is_free(victim))
		return;
	tcp_end(tcp_way(b, way), b->flags[way] & TCP_WAY_PROBATION);
	if (!victim_is_over(victim))
		TCP_STAT(replaced);
}

/* In the table's bucket; TCP_UNKNOWN when there is no room. */
static __always_inline __u32 tcp_start_midway(struct tcp_bucket *b, __u32 hash,
					      const struct tcp_key *key,
					      const struct tcp_segment *s)
{
	__u64 victim = tcp_victim(b, tcp_tick(s));

	/* It may be nothing: what is alive does not give way to it. */
	if (victim_is_alive(victim, PROBATION_TICKS)) {
		TCP_STAT(no_room);
		return TCP_UNKNOWN;
	}
	tcp_give_up(b, victim);
	tcp_start(b, victim_way(victim), hash, knob_tcp_buckets, key, s);
	return victim_way(victim);
}

static __always_inline __u32 tcp_start_half(struct tcp_bucket *half, __u32 hash,
					    const struct tcp_key *key, const struct tcp_segment *s)
{
	__u64 victim = tcp_victim(half, tcp_tick(s));

	if (!victim_is_free(victim) && !victim_is_over(victim))
		TCP_STAT(half_open_lost);
	tcp_start(half, victim_way(victim), hash, knob_tcp_half_buckets, key, s);
	return victim_way(victim);
}

/*
 * Half-open no longer. Both buckets are locked. What user space wrote goes along: it belongs to
 * the connection.
 */
__noinline int tcp_move(struct tcp_bucket *half, __u32 from, struct tcp_bucket *b, __u32 hash,
			const struct tcp_segment *s)
{
	struct tcp_conn *old, *c;
	__u64 victim;
	__u32 way, gen;

	if (!half || !b || !s)
		return 0;
	victim = tcp_victim(b, tcp_tick(s));
	tcp_give_up(b, victim);
	way = victim_way(victim);
	from &= TCP_WAYS - 1;
	old = tcp_way(half, from);
	c = tcp_way(b, way);
	gen = tcp_gen_next(c->gen);
	tcp_copy(c, old);
	if (c->side[0].taken_gen == old->gen)
		c->side[0].taken_gen = gen;
	if (c->side[1].taken_gen == old->gen)
		c->side[1].taken_gen = gen;
	c->gen = gen;
	c->idx = tcp_key_bucket(hash, knob_tcp_buckets) * TCP_WAYS + way;
	b->tag[way] = hash;
	b->flags[way] = half->flags[from];
	b->tick[way] = half->tick[from];
	half->tag[from] = 0;
	return 0;
}

/* A SYN with which another connection of the same ends begins: in the same place. */
static __always_inline void tcp_renew(struct tcp_bucket *b, __u32 way, __u32 minor,
				      const struct tcp_key *key, const struct tcp_segment *s)
{
	struct tcp_conn *c = tcp_way(b, way);

	if (!(s->flags & TCP_SYN) || !tcp_is_next(c, s))
		return;
	tcp_end(c, minor);
	tcp_clear(c, key, c->idx);
	tcp_begin(c, s);
	b->flags[way & (TCP_WAYS - 1)] = TCP_WAY_PROBATION;
}

#define TCP_IN_TABLE 8 /* and not among the half-open ones */

/*
 * Not in the table's bucket @b: the connection's way in @half, found or made, or one of @b that
 * was made, with TCP_IN_TABLE; or TCP_UNKNOWN or TCP_ANOTHERS. Both are locked.
 */
__noinline __u32 tcp_miss(struct tcp_bucket *b, struct tcp_bucket *half, __u32 hash,
			  const struct tcp_work *w)
{
	__u32 way;

	if (!b || !half || !w)
		return TCP_UNKNOWN;
	way = tcp_find(half, hash, &w->key, &w->s);
	if (way < TCP_UNKNOWN)
		tcp_renew(half, way, 1, &w->key, &w->s);
	if (way != TCP_UNKNOWN)
		return way;
	if (w->s.flags & TCP_SYN)
		return tcp_start_half(half, hash, &w->key, &w->s);
	way = tcp_start_midway(b, hash, &w->key, &w->s);
	return way == TCP_UNKNOWN ? way : way | TCP_IN_TABLE;
}

static __always_inline bool tcp_goes_on(const struct tcp_work *w)
{
	return w->told.what & TCP_TELLS_OPEN || (w->s.len && !(w->s.flags & (TCP_SYN | TCP_RST)));
}

/* Half-open, or new. @b, which is locked, stays so. */
static __always_inline __u32 tcp_count_half(struct tcp_bucket *b, struct tcp_bucket *half,
					    __u32 hash, struct tcp_work *w)
{
	__u32 way = tcp_miss(b, half, hash, w), counted;

	if (way & TCP_IN_TABLE)
		return tcp_count(b, way, w);
	if (way >= TCP_UNKNOWN)
		return 0;
	counted = tcp_count(half, way, w);
	if (counted && tcp_goes_on(w))
		tcp_move(half, way, b, hash, &w->s);
	return counted;
}

static __always_inline __u32 tcp_segment_half(struct tcp_bucket *b, __u32 hash, struct tcp_work *w)
{
	__u32 bucket = tcp_key_bucket(hash, knob_tcp_half_buckets), counted;
	struct tcp_bucket *half = bpf_map_lookup_elem(&tcp_half, &bucket);

	if (!half || !tcp_lock(half, ~hash)) {
		tcp_unlock(b);
		return 0;
	}
	counted = tcp_count_half(b, half, hash, w);
	/* A reader who looks among the half-open ones first misses none that moves. */
	tcp_unlock(b);
	tcp_unlock(half);
	return counted;
}

/* Count the segment of @w, and tell of it who watches. */
static __always_inline void tcp_segment(struct tcp_work *w)
{
	__u32 hash = tcp_key_hash(&w->key), bucket = tcp_key_bucket(hash, knob_tcp_buckets), way;
	struct tcp_bucket *b = bpf_map_lookup_elem(&tcp, &bucket);
	__u32 counted = 0;

	if (!b || !tcp_lock(b, hash))
		return;
	way = tcp_find(b, hash, &w->key, &w->s);
	if (way == TCP_UNKNOWN) {
		counted = tcp_segment_half(b, hash, w);
	} else {
		if (way < TCP_UNKNOWN) {
			tcp_renew(b, way, 0, &w->key, &w->s);
			counted = tcp_count(b, way, w);
		}
		tcp_unlock(b);
	}
	if (!counted)
		return;
	TCP_STAT(segments);
	tcp_event_tell(&w->key, &w->s, &w->told, counted - 1);
}

__noinline int tcp_meter(CONTEXT *ctx, struct facts *f)
{
	struct tcp_work *w;
	__u32 cpu = tcp_cpu();

	if (!f || !hook_counts(ctx))
		return 0;
	w = bpf_map_lookup_elem(&tcp_work, &cpu);
	if (!w || !tcp_read(ctx, f, &w->s))
		return 0;
	w->s.side = tcp_key_make(&w->key, f->w, f->sport, f->dport, f->family, f->tunnel,
				 f->key.vni);
	w->s.now_ns = context_now(ctx);
	tcp_segment(w);
	return 0;
}

#endif
