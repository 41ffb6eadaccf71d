/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where connections are kept: buckets of four, which any CPU may write, one at a time. A bucket's
 * lock is odd while it is written, so that it is a sequence lock for readers, who take none.
 *
 * Whoever finds it taken tries again for a while and then lets the packet go, counted. While it
 * is held nothing is called that may wait, and there is no way out but over the unlocking; only
 * an interrupt, or a hypervisor that runs something else, makes it last. Programs do not nest on
 * one CPU (flow table: account.h), so no CPU waits for itself.
 *
 * What gives way first, when a place is needed: what is over, then what was seen from one side
 * only (a flood of packets of no connection is that), then what was silent for longest. It goes
 * whole to the ring `tcp_ends` before.
 */
#ifndef FLOWCTL_TCP_TABLE_H
#define FLOWCTL_TCP_TABLE_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "account.h"
#include "knobs.h"
#include "maps.h"
#include "tcp_key.h"
#include "tcp_owner.h"
#include "tcp_state.h"

/* A CPU holds it for some hundred ns, or a microsecond where memory is slow, and an interrupt may
 * take ten; each try takes 100. */
#define TCP_LOCK_TRIES 250

/* What one packet needs, and the stack has no room for. By CPU, where programs do not nest. */
struct tcp_work {
	struct tcp_segment s;
	struct tcp_key key;
	struct tcp_told told;
	__u64 waited;		/* the lock for which this CPU waited in vain, as it was then */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tcp_work);
} tcp_work SEC(".maps");

/* What tcp_find() says besides a way. */
#define TCP_UNKNOWN TCP_WAYS
#define TCP_ANOTHERS (TCP_WAYS + 1) /* not this hook's to count */

/* A replay's clock is the capture's, and its CPU none. */
static __always_inline __u32 tcp_tick(const struct tcp_segment *s)
{
	return knob_replay ? s->now_ns / 1000 : bpf_jiffies64();
}

static __always_inline __u32 tcp_cpu(void)
{
	return knob_replay ? 0 : bpf_get_smp_processor_id();
}

static __always_inline struct tcp_stats *tcp_stats_here(void)
{
	__u32 cpu = tcp_cpu();

	return bpf_map_lookup_elem(&tcp_stats, &cpu);
}

#define TCP_STAT(member_)                                                                          \
	do {                                                                                       \
		struct tcp_stats *stats_ = tcp_stats_here();                                       \
		if (stats_)                                                                        \
			stats_->member_++;                                                         \
	} while (0)

static __always_inline bool tcp_try_lock(struct tcp_bucket *b, __u32 lock)
{
	return !(lock & 1) && __sync_val_compare_and_swap(&b->lock, lock, lock + 1) == lock;
}

static __always_inline __u32 tcp_lock_read(const struct tcp_bucket *b)
{
	return *(const volatile __u32 *)&b->lock;
}

/*
 * Who holds it was interrupted, or has much to do. Of one that does not run for milliseconds
 * only the first packet waits: the others would fill the queue behind them. @hash: the bucket's
 * that is meant, so that one is not taken for another.
 */
__noinline int tcp_lock_wait(struct tcp_bucket *b, __u32 hash)
{
	__u32 cpu = tcp_cpu();
	struct tcp_work *w = bpf_map_lookup_elem(&tcp_work, &cpu);
	__u64 id = (__u64)hash << 32;

	if (!b || !w)
		return 0;
	if (w->waited != (id | tcp_lock_read(b))) {
		NO_UNROLL
		for (int i = 0; i < TCP_LOCK_TRIES; i++) {
			if (tcp_try_lock(b, tcp_lock_read(b)))
				return 1;
			bpf_ktime_get_boot_ns(); /* takes time */
			bpf_ktime_get_boot_ns();
			bpf_ktime_get_boot_ns();
		}
	}
	w->waited = id | tcp_lock_read(b);
	TCP_STAT(busy);
	return 0;
}

static __always_inline bool tcp_lock(struct tcp_bucket *b, __u32 hash)
{
	return tcp_try_lock(b, tcp_lock_read(b)) || tcp_lock_wait(b, hash);
}

static __always_inline void tcp_unlock(struct tcp_bucket *b)
{
	__atomic_exchange_n(&b->lock, b->lock + 1, __ATOMIC_SEQ_CST);
}

static __always_inline bool tcp_key_equal(const struct tcp_key *a, const struct tcp_key *b)
{
	const __u64 *v = (const __u64 *)a, *w = (const __u64 *)b;

	return v[4] == w[4] && v[0] == w[0] && v[2] == w[2] && v[1] == w[1] && v[3] == w[3] &&
	       v[5] == w[5];
}

/* Hidden from the compiler, which would derive it anew for every access. */
static __always_inline struct tcp_conn *tcp_way(struct tcp_bucket *b, __u32 way)
{
	struct tcp_conn *c;

	OPAQUE(way);
	c = &b->way[way & (TCP_WAYS - 1)];
	OPAQUE(c);
	return c;
}

/*
 * A connection of these ends is there, but not with this side at this place. One whose side was
 * not seen yet may be it: better one whose other side is at our place, than one whose other side
 * is elsewhere, behind a router. A side that was seen elsewhere is another connection's, of the
 * same addresses in another VLAN; unless we are at egress, and ingress counts this very packet.
 */
__noinline __u32 tcp_find_place(struct tcp_bucket *b, __u32 hash, const struct tcp_key *key,
				const struct tcp_segment *s)
{
	__u32 found = TCP_UNKNOWN;

	if (!b || !key || !s)
		return found;
	UNROLL
	for (__u32 i = 0; i < TCP_WAYS; i++) {
		struct tcp_conn *c = tcp_way(b, i);
		const struct tcp_side *w = tcp_side_of(c, s->side), *other = tcp_side_of(c, ~s->side);

		if (b->tag[i] != hash || !tcp_key_equal(&c->key, key))
			continue;
		if (w->place == s->place)
			return i;
		if (s->direction == FLOW_EGRESS && w->direction == FLOW_INGRESS &&
		    owner_is_active(w, s->now_ns))
			return TCP_ANOTHERS;
		if (!w->place && (found == TCP_UNKNOWN || other->place == s->place))
			found = i;
	}
	return found;
}

static __always_inline __u32 tcp_find(struct tcp_bucket *b, __u32 hash, const struct tcp_key *key,
				      const struct tcp_segment *s)
{
	struct tcp_conn *c;
	__u32 way = 0;

	if (b->tag[0] != hash) {
		way = 1;
		if (b->tag[1] != hash) {
			way = 2;
			if (b->tag[2] != hash)
				way = 3;
		}
	}
	if (way == 3 && b->tag[3] != hash)
		return TCP_UNKNOWN;
	OPAQUE(way);
	c = tcp_way(b, way);
	if (tcp_side_of(c, s->side)->place == s->place && tcp_key_equal(&c->key, key))
		return way;
	return tcp_find_place(b, hash, key, s);
}

/* What gives way first has the highest number; 0: nothing else, and it is in use. */
static __always_inline __u64 tcp_worth(const struct tcp_bucket *b, __u32 way, __u32 tick)
{
	__s32 silence = tick - b->tick[way];
	__u64 rank = b->flags[way] & TCP_WAY_OVER ? 2 : b->flags[way] & TCP_WAY_PROBATION ? 1 : 0;

	if (!b->tag[way])
		return 3ull << 32;
	return rank << 32 | (silence < 0 ? 0 : silence);
}

/* A free way, the first of them, or the one to give way: tcp_worth() of it, and below that two
 * bits for victim_way(). */
__noinline __u64 tcp_victim(const struct tcp_bucket *b, __u32 tick)
{
	__u64 victim = 0;

	if (!b)
		return 0;
	UNROLL
	for (__u32 i = 0; i < TCP_WAYS; i++) {
		__u64 v = tcp_worth(b, i, tick) << 2 | (TCP_WAYS - 1 - i);

		if (v > victim)
			victim = v;
	}
	return victim;
}

static __always_inline __u32 victim_way(__u64 victim)
{
	return ~(__u32)victim & (TCP_WAYS - 1);
}

static __always_inline bool victim_is_free(__u64 victim)
{
	return victim >> 34 == 3;
}

static __always_inline bool victim_is_over(__u64 victim)
{
	return victim >> 34 == 2;
}

/* In the flow of connections, not waiting for a second look; and it was silent for no longer. */
static __always_inline bool victim_is_alive(__u64 victim, __u32 ticks)
{
	return victim >> 2 < ticks;
}

#define TCP_HALF_CONN (sizeof(struct tcp_conn) / 2)

/* In two: of more than 128 words the compiler would call a function for it. */
static __always_inline void tcp_copy(struct tcp_conn *to, const struct tcp_conn *from)
{
	__builtin_memcpy(to, from, TCP_HALF_CONN);
	FORGET();
	__builtin_memcpy((void *)to + TCP_HALF_CONN, (const void *)from + TCP_HALF_CONN, TCP_HALF_CONN);
}

/*
 * The whole of it to the ring, for user space may not have taken it all. @minor: it hardly says
 * anything, as of a flood: then half of the ring is kept for others.
 */
__noinline int tcp_end(const struct tcp_conn *c, __u32 minor)
{
	struct tcp_conn *to;

	if (!c)
		return 0;
	if (minor && bpf_ringbuf_query(&tcp_ends, BPF_RB_AVAIL_DATA) >
			     bpf_ringbuf_query(&tcp_ends, BPF_RB_RING_SIZE) / 2)
		to = NULL;
	else
		to = bpf_ringbuf_reserve(&tcp_ends, sizeof(*to), 0);
	if (!to) {
		TCP_STAT(ends_lost);
		return 0;
	}
	tcp_copy(to, c);
	bpf_ringbuf_submit(to, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline __u32 tcp_gen_next(__u32 gen)
{
	return gen + 1 ? gen + 1 : 1;
}

/* The entry @idx, number and all, becomes the one of @key: nothing was seen yet. */
__noinline int tcp_clear(struct tcp_conn *c, const struct tcp_key *key, __u32 idx)
{
	__u32 gen;

	if (!c || !key)
		return 0;
	gen = c->gen;
	__builtin_memset(c, 0, TCP_HALF_CONN);
	FORGET();
	__builtin_memset((void *)c + TCP_HALF_CONN, 0, TCP_HALF_CONN);
	c->key = *key;
	c->gen = tcp_gen_next(gen);
	c->idx = idx;
	return 0;
}

/* Verified once, however often it is called. */
__noinline int tcp_advance_at(struct tcp_conn *c, const struct tcp_segment *s, struct tcp_told *ret)
{
	if (c && s && ret)
		tcp_advance(c, s, ret);
	return 0;
}

#endif
