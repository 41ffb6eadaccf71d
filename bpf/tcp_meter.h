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
#include "tcp_hint.h"
#include "tcp_owner.h"
#include "tcp_read.h"
#include "tcp_table.h"

#define CLOCK_SLACK_NS 100000  /* no interrupt came between */
#define CLOCK_OFF_NS   1000000 /* no sleep is shorter */

/* Count the segment in that way, which is its connection's, if it is for this hook to do: then 1
 * and the number of the interface by which the other end's packets come (0: none came), else 0. */
static __always_inline __u32 tcp_count(struct tcp_bucket *b, __u32 way, struct tcp_conn *c,
				       struct tcp_work *w)
{
	const struct tcp_segment *s = &w->s;
	__u32 flags;

	if (!owner_is_here(tcp_side_of(c, s->side), s)) {
		/* Nor will it be for the next ones: they need not lock it twice. */
		if (w->slot != NO_SLOT)
			hint_forget(w->slot);
		return 0;
	}
	tcp_advance_at(c, s, &w->told);
	flags = *way_flags(b, way);
	if (flags & TCP_WAY_PROBATION && c->side[0].ifindex && c->side[1].ifindex)
		*way_flags(b, way) = flags &= ~TCP_WAY_PROBATION;
	if (s->flags & (TCP_FIN | TCP_RST) && tcp_is_over(c))
		*way_flags(b, way) = flags | TCP_WAY_OVER;
	if (w->slot != NO_SLOT && !flags)
		hint_put(w->slot, c, s->side);
	return 1 + tcp_side_of(c, ~s->side)->ifindex;
}

__noinline __u32 tcp_count_at(__u32 bucket, __u32 way, struct tcp_work *w)
{
	struct tcp_bucket *b = tcp_at(bucket);
	struct tcp_conn *c = tcp_conn_at(bucket, way);

	return b && c && w ? tcp_count(b, way, c, w) : 0;
}

/*
 * The clock that is read costs less than CLOCK_BOOTTIME, and stands while the machine sleeps: how
 * far they are apart is looked at when a connection begins. An interrupt between two
 * readings is no sleep.
 */
static __always_inline void tcp_clock_follow(struct tcp_segment *s)
{
	__u64 before, boot, apart;
	__s64 off;

	if (knob_replay)
		return;
	before = bpf_ktime_get_ns();
	boot = bpf_ktime_get_boot_ns();
	if (bpf_ktime_get_ns() - before > CLOCK_SLACK_NS)
		return;
	apart = *(volatile __u64 *)&ctl.boot_ns;
	off = boot - before - apart;
	if (off <= CLOCK_OFF_NS && off >= -CLOCK_OFF_NS)
		return;
	*(volatile __u64 *)&ctl.boot_ns = boot - before;
	s->now_ns += off;
}

/* The way is that connection's from its first segment on. */
__noinline int tcp_start(__u32 bucket, __u32 way, __u32 hash, struct tcp_work *w)
{
	struct tcp_bucket *b = tcp_at(bucket);
	struct tcp_conn *c = tcp_conn_at(bucket, way);

	if (!b || !c || !w)
		return 0;
	way &= TCP_WAYS - 1;
	tcp_clock_follow(&w->s);
	tcp_clear(c, &w->key, bucket * TCP_WAYS + way);
	tcp_begin(c, &w->s);
	*way_tag(b, way) = hash;
	*way_flags(b, way) = TCP_WAY_PROBATION;
	return 0;
}

/* The way that is to be another's: free, or what was there has gone to the ring. */
__noinline int tcp_give_up(__u32 bucket, __u32 way, __u32 rank)
{
	struct tcp_bucket *b = tcp_at(bucket);
	struct tcp_conn *c = tcp_conn_at(bucket, way);

	if (!b || !c || rank == RANK_FREE)
		return 0;
	tcp_end(c, *way_flags(b, way) & TCP_WAY_PROBATION);
	if (rank != RANK_OVER)
		TCP_STAT(replaced);
	return 0;
}

static __always_inline __u32 victim_bucket(__u64 victim, __u32 first, __u32 hash)
{
	if (!(victim & VICTIM_SECOND))
		return first;
	return tcp_key_second(hash, knob_tcp_buckets, knob_tcp_more_buckets);
}

/* In the midst of a connection of which nothing is known; @first and the second are locked. The
 * number of its entry, and 1; 0: there is no room. */
__noinline __u32 tcp_midway(__u32 first, __u32 hash, struct tcp_work *w)
{
	__u64 victim;
	__u32 bucket, way;

	if (!w)
		return 0;
	victim = tcp_victim_of_two(first, hash, tcp_tick(w->s.now_ns));
	/* It may be nothing: what is alive does not give way to it. */
	if (victim_is_alive(victim, TCP_PROBATION_TICKS)) {
		TCP_STAT(no_room);
		return 0;
	}
	bucket = victim_bucket(victim, first, hash);
	way = victim_way(victim, hash);
	tcp_give_up(bucket, way, victim_rank(victim));
	tcp_start(bucket, way, hash, w);
	return 1 + bucket * TCP_WAYS + way;
}

static __always_inline __u32 tcp_start_half(__u32 half, struct tcp_work *w)
{
	__u64 victim = tcp_victim(half, w->hash, tcp_tick(w->s.now_ns));
	__u32 way = victim_way(victim, w->hash);

	if (victim_rank(victim) < RANK_OVER)
		TCP_STAT(half_open_lost);
	tcp_start(half, way, w->hash, w);
	return way;
}

/*
 * Half-open no longer. All three buckets are locked. What user space wrote goes along: it belongs
 * to the connection.
 */
__noinline int tcp_move(__u32 half, __u32 from, __u32 first, __u32 hash, const struct tcp_work *w)
{
	struct tcp_bucket *b, *h = tcp_at(half);
	struct tcp_conn *c, *old = tcp_conn_at(half, from);
	__u32 bucket, way, gen;
	__u64 victim;

	if (!w || !h || !old)
		return 0;
	victim = tcp_victim_of_two(first, hash, tcp_tick(w->s.now_ns));
	bucket = victim_bucket(victim, first, hash);
	way = victim_way(victim, hash);
	tcp_give_up(bucket, way, victim_rank(victim));
	b = tcp_at(bucket);
	c = tcp_conn_at(bucket, way);
	if (!b || !c)
		return 0;
	gen = tcp_gen_next(c->gen);
	tcp_copy(c, old);
	if (c->side[0].taken_gen == old->gen)
		c->side[0].taken_gen = gen;
	if (c->side[1].taken_gen == old->gen)
		c->side[1].taken_gen = gen;
	c->gen = gen;
	c->idx = bucket * TCP_WAYS + way;
	*way_flags(b, way) = *way_flags(h, from);
	*way_tag(b, way) = hash;
	/* No hint leads there any more. */
	old->gen = tcp_gen_next(old->gen);
	/* A reader who looks among the half-open ones first misses none that moves. */
	__atomic_exchange_n(way_tag(h, from), 0, __ATOMIC_SEQ_CST);
	return 0;
}

/* A SYN with which another connection of the same ends begins: in the same place. */
__noinline int tcp_renew(__u32 bucket, __u32 way, __u32 minor, const struct tcp_work *w)
{
	struct tcp_bucket *b = tcp_at(bucket);
	struct tcp_conn *c = tcp_conn_at(bucket, way);

	if (!b || !c || !w || !(w->s.flags & TCP_SYN) || !tcp_is_next(c, &w->s))
		return 0;
	tcp_end(c, minor);
	tcp_clear(c, &w->key, c->idx);
	tcp_begin(c, &w->s);
	*way_flags(b, way) = TCP_WAY_PROBATION;
	return 0;
}

static __always_inline bool tcp_goes_on(const struct tcp_work *w)
{
	return w->told.what & TCP_TELLS_OPEN || (w->s.len && !(w->s.flags & (TCP_SYN | TCP_RST)));
}

/* Not within tcp_midway(): all frames of a call have 512 octets. */
static __always_inline __u32 tcp_count_midway(__u32 first, struct tcp_work *w)
{
	__u32 place = tcp_midway(first, w->hash, w);

	return place ? tcp_count_at((place - 1) / TCP_WAYS, place - 1, w) : 0;
}

/* Half-open, or new. All three buckets are locked. */
static __always_inline __u32 tcp_count_half(__u32 half, __u32 first, struct tcp_work *w)
{
	__u32 way = tcp_find_place(half, w->hash, w), counted;

	if (way < TCP_UNKNOWN)
		tcp_renew(half, way, 1, w);
	else if (way == TCP_ANOTHERS)
		return 0;
	else if (w->s.flags & TCP_SYN)
		way = tcp_start_half(half, w);
	else
		return tcp_count_midway(first, w);
	counted = tcp_count_at(half, way, w);
	if (counted && tcp_goes_on(w))
		tcp_move(half, way, first, w->hash, w);
	return counted;
}

static __always_inline __u32 tcp_segment_half(__u32 first, struct tcp_work *w)
{
	__u32 half = tcp_key_half(w->hash, knob_tcp_buckets, knob_tcp_more_buckets,
				  knob_tcp_half_buckets), counted;
	struct tcp_bucket *h = tcp_at(half);

	if (!h || !tcp_lock(h, ~w->hash))
		return 0;
	counted = tcp_count_half(half, first, w);
	tcp_unlock(h);
	return counted;
}

/* In that bucket, if it is there: true, and what tcp_count() says in @ret. */
static __always_inline bool tcp_count_there(__u32 bucket, struct tcp_work *w, __u32 *ret)
{
	__u32 way = tcp_find_place(bucket, w->hash, w);

	if (way == TCP_UNKNOWN)
		return false;
	*ret = 0;
	if (way < TCP_UNKNOWN) {
		tcp_renew(bucket, way, 0, w);
		*ret = tcp_count_at(bucket, way, w);
	}
	return true;
}

/* Not what a connection mostly does. @first is locked, and stays so. As tcp_count(). */
__noinline __u32 tcp_segment_seldom(__u32 first, struct tcp_work *w)
{
	struct tcp_bucket *b;
	__u32 bucket, counted;

	if (!w)
		return 0;
	if (tcp_count_there(first, w, &counted))
		return counted;
	if (!knob_tcp_more_buckets)
		return tcp_segment_half(first, w);
	bucket = tcp_key_second(w->hash, knob_tcp_buckets, knob_tcp_more_buckets);
	b = tcp_at(bucket);
	if (!b || !tcp_lock(b, w->hash + 1))
		return 0;
	if (!tcp_count_there(bucket, w, &counted))
		counted = tcp_segment_half(first, w);
	tcp_unlock(b);
	return counted;
}

/* It is in its first bucket, at its place, and begins none. */
static __always_inline bool tcp_is_usual(const struct tcp_conn *c, const struct tcp_work *w)
{
	return tcp_side_of(c, w->s.side)->place == w->s.place && !(w->s.flags & TCP_SYN) &&
	       tcp_key_equal(&c->key, &w->key);
}

/* Count the segment, and tell of it who watches. */
static __always_inline void tcp_segment(struct tcp_work *w)
{
	__u32 hash = tcp_key_hash(&w->key), bucket = tcp_key_bucket(hash, knob_tcp_buckets), way;
	struct tcp_bucket *b = tcp_at(bucket);
	struct tcp_conn *c = NULL;
	__u32 counted;

	w->hash = hash;
	if (!b || !tcp_lock(b, hash))
		return;
	way = tcp_find_tag(b, hash);
	if (way < TCP_UNKNOWN)
		c = tcp_conn_at(bucket, way);
	if (c && tcp_is_usual(c, w))
		counted = tcp_count(b, way, c, w);
	else
		counted = tcp_segment_seldom(bucket, w);
	tcp_unlock(b);
	if (!counted)
		return;
	tcp_stats_of(w)->segments++;
	tcp_event_tell(&w->key, &w->s, &w->told, counted - 1);
}

__noinline int tcp_meter(CONTEXT *ctx, struct facts *f, __u64 now_ns, __u32 slot)
{
	struct tcp_cpu *here;
	struct tcp_work *w;

	if (!f)
		return 0;
	here = tcp_here();
	if (!here)
		return 0;
	w = tcp_work_of(here);
	if (!tcp_read(ctx, f, &w->s))
		return 0;
	w->s.side = tcp_key_make(&w->key, f->w, f->sport, f->dport, f->family, f->tunnel,
				 f->key.vni);
	w->s.now_ns = now_ns ? now_ns : context_clock(ctx);
	w->slot = slot;
	return 1;
}

/* Count what tcp_meter() read: it is all there still, for packets are one at a time on a CPU. */
__noinline int tcp_meter_read(void)
{
	struct tcp_cpu *here = tcp_here();

	if (here)
		tcp_segment(tcp_work_of(here));
	return 0;
}

#endif
