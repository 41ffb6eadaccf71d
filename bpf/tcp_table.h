/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where connections are kept: buckets of eight, which any CPU may write, one at a time. A bucket's
 * lock is odd while it is written, so that it is a sequence lock for readers, who take none.
 *
 * Whoever finds it taken tries again for a while and then lets the packet go, counted. While it
 * is held nothing is called that may wait, and there is no way out but over the unlocking; only
 * an interrupt, or a hypervisor that runs something else, makes it last. Programs do not nest on
 * one CPU (flow table: account.h), so no CPU waits for itself; and who holds one bucket takes
 * only such as have a higher number.
 *
 * What gives way first, when a place is needed: what is over, then what was seen from one side
 * only (a flood of packets of no connection is that), then what was silent for longest. It goes
 * whole to the ring `tcp_ends` before. What finds no more than that in its first bucket is
 * offered a place in its second: where buckets are three quarters full on average, one in
 * twenty connections finds its first one full, and none the second.
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
	__u32 hash;		/* of the key */
	__u32 slot;		/* that the packet hit, or NO_SLOT */
	__u64 waited;		/* the lock for which this CPU waited in vain, as it was then */
};
_Static_assert(sizeof(struct tcp_work) <= sizeof(((struct tcp_cpu *)0)->work), "tcp_cpu.work");

/* What tcp_find_place() says besides a way. */
#define TCP_UNKNOWN TCP_WAYS
#define TCP_ANOTHERS (TCP_WAYS + 1) /* not this hook's to count */

/* 4 ms, for the choice of what gives way; the count wraps, and goes on while the machine sleeps. */
#define TCP_PROBATION_TICKS 2500 /* ten seconds */

static __always_inline __u32 tcp_tick(__u64 now_ns)
{
	return now_ns >> 22;
}

/* Of its last packet. */
static __always_inline __u32 conn_tick(const struct tcp_conn *c)
{
	__u64 a = c->side[0].last_ns, b = c->side[1].last_ns;

	return tcp_tick(a > b ? a : b);
}

static __always_inline struct tcp_cpu *tcp_here(void)
{
	__u32 cpu = part_here();

	return bpf_map_lookup_elem(&tcp_stats, &cpu);
}

static __always_inline struct tcp_work *tcp_work_of(struct tcp_cpu *here)
{
	struct tcp_work *w = (struct tcp_work *)here->work;

	OPAQUE(w); /* one pointer is kept, not both */
	return w;
}

static __always_inline struct tcp_stats *tcp_stats_of(struct tcp_work *w)
{
	return (void *)w - offsetof(struct tcp_cpu, work);
}

#define TCP_STAT(member_)                                                                          \
	do {                                                                                       \
		struct tcp_cpu *here_ = tcp_here();                                                \
		if (here_)                                                                         \
			here_->stats.member_++;                                                    \
	} while (0)

static __always_inline struct tcp_bucket *tcp_at(__u32 bucket)
{
	return bpf_map_lookup_elem(&tcp, &bucket);
}

static __always_inline struct tcp_conn *tcp_conn_at(__u32 bucket, __u32 way)
{
	__u32 idx = bucket * TCP_WAYS + (way & (TCP_WAYS - 1));

	return bpf_map_lookup_elem(&tcp_conns, &idx);
}

static __always_inline bool tcp_try_lock(struct tcp_bucket *b, __u32 lock)
{
	lock &= ~1u; /* without a jump: one that is taken is another one */
	return __sync_val_compare_and_swap(&b->lock, lock, lock | 1) == lock;
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
	struct tcp_cpu *here = tcp_here();
	__u64 id = (__u64)hash << 32;
	struct tcp_work *w;

	if (!b || !here)
		return 0;
	w = tcp_work_of(here);
	if (w->waited != (id | tcp_lock_read(b))) {
		NO_UNROLL
		for (int i = 0; i < TCP_LOCK_TRIES; i++) {
			/* A look leaves the line to whoever writes it. */
			if (!(tcp_lock_read(b) & 1) && tcp_try_lock(b, tcp_lock_read(b)))
				return 1;
			bpf_ktime_get_boot_ns(); /* takes time */
			bpf_ktime_get_boot_ns();
			bpf_ktime_get_boot_ns();
		}
	}
	w->waited = id | tcp_lock_read(b);
	here->stats.busy++;
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

/*
 * Of a way. The mask is of the very register that is the index: what was masked before and lay on
 * the stack meanwhile has no bounds for verifiers of before Linux 6.8.
 */
static __always_inline __u32 *way_tag(const struct tcp_bucket *b, __u64 way)
{
	OPAQUE(way);
	return (__u32 *)&b->tag[way & (TCP_WAYS - 1)];
}

static __always_inline __u8 *way_flags(const struct tcp_bucket *b, __u64 way)
{
	OPAQUE(way);
	return (__u8 *)&b->flags[way & (TCP_WAYS - 1)];
}

/* Each hash has a way of its own to begin at, and takes the first that is free from there. */
static __always_inline __u32 tcp_find_tag(const struct tcp_bucket *b, __u32 hash)
{
	UNROLL
	for (__u32 i = 0; i < TCP_WAYS; i++) {
		__u32 way = (hash ^ i) & (TCP_WAYS - 1);

		if (*way_tag(b, way) == hash)
			return way;
	}
	return TCP_UNKNOWN;
}

/*
 * In bucket number @bucket. A connection of these ends may be there, but not with this side at
 * this place. One whose side was not seen yet may be it: better one whose other side is at our
 * place, than one whose other side is elsewhere, behind a router. A side that was seen elsewhere
 * is another connection's, of the same addresses in another VLAN; unless we are at egress, and
 * ingress counts this very packet.
 */
__noinline __u32 tcp_find_place(__u32 bucket, __u32 hash, const struct tcp_work *w)
{
	const struct tcp_bucket *b = tcp_at(bucket);
	__u32 found = TCP_UNKNOWN;

	if (!b || !w)
		return found;
	NO_UNROLL
	for (__u32 i = 0; i < TCP_WAYS; i++) {
		__u32 way = (hash ^ i) & (TCP_WAYS - 1);
		const struct tcp_side *mine, *other;
		const struct tcp_conn *c;

		if (*way_tag(b, way) != hash)
			continue;
		c = tcp_conn_at(bucket, way);
		if (!c || !tcp_key_equal(&c->key, &w->key))
			continue;
		mine = tcp_side_of(c, w->s.side);
		other = tcp_side_of(c, ~w->s.side);
		if (mine->place == w->s.place)
			return way;
		if (w->s.direction == FLOW_EGRESS && mine->direction == FLOW_INGRESS &&
		    owner_is_active(mine, w->s.now_ns))
			return TCP_ANOTHERS;
		if (!mine->place && (found == TCP_UNKNOWN || other->place == w->s.place))
			found = way;
	}
	return found;
}

/* What gives way first has the highest rank, and of these the longest silence. */
enum tcp_rank {
	RANK_ALIVE,
	RANK_PROBATION,
	RANK_OVER,
	RANK_FREE,
};

/* A victim: from the top its rank, its silence in ticks, and three bits for victim_way(). */
#define VICTIM_RANK 35
#define VICTIM_SECOND (1ull << 40) /* not in the first bucket but in the second one */

/* Without a jump, of which the verifier would follow both ways, eight times. */
static __always_inline __u32 way_rank(__u32 flags)
{
	return (flags & TCP_WAY_OVER) | (flags & ~(flags >> 1) & TCP_WAY_PROBATION);
}
_Static_assert(RANK_OVER == TCP_WAY_OVER && RANK_PROBATION == TCP_WAY_PROBATION, "way_rank()");

static __always_inline __u32 victim_rank(__u64 victim)
{
	return victim >> VICTIM_RANK & 3;
}

static __always_inline __u32 victim_way(__u64 victim, __u32 hash)
{
	return (hash ^ ~(__u32)victim) & (TCP_WAYS - 1);
}

/* In the flow of connections, not waiting for a second look; and it was silent for no longer. */
static __always_inline bool victim_is_alive(__u64 victim, __u32 ticks)
{
	return (victim & (VICTIM_SECOND - 1)) >> 3 < ticks;
}

/* A free way, the first of them from that of @hash on, or the one to give way. */
__noinline __u64 tcp_victim(__u32 bucket, __u32 hash, __u32 tick)
{
	const struct tcp_bucket *b = tcp_at(bucket);
	__u64 victim = 0;

	if (!b)
		return 0;
	NO_UNROLL
	for (__u32 i = 0; i < TCP_WAYS; i++) {
		__u32 way = (hash ^ i) & (TCP_WAYS - 1), last = TCP_WAYS - 1 - i;
		const struct tcp_conn *c;
		__s32 silence;
		__u64 v;

		if (!*way_tag(b, way))
			return (__u64)RANK_FREE << VICTIM_RANK | last;
		v = way_rank(*way_flags(b, way));
		c = v < victim_rank(victim) ? NULL : tcp_conn_at(bucket, way);
		if (!c)
			continue;
		silence = tick - conn_tick(c);
		silence &= ~(silence >> 31);
		v = (v << 32 | silence) << 3 | last;
		if (v > victim)
			victim = v;
	}
	return victim;
}

/* Of both buckets of that hash, where a connection may be that is no more half-open. Inlined: the
 * frames of a call within a call have 512 octets in all. */
static __always_inline __u64 tcp_victim_of_two(__u32 first, __u32 hash, __u32 tick)
{
	__u64 victim = tcp_victim(first, hash, tick), other;

	if (!knob_tcp_more_buckets || victim_rank(victim) >= RANK_OVER)
		return victim;
	other = tcp_victim(tcp_key_second(hash, knob_tcp_buckets, knob_tcp_more_buckets), hash, tick);
	return other >> 3 > victim >> 3 ? other | VICTIM_SECOND : victim;
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
