/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table, as its one writer sees it: this CPU's part, four slots a bucket, and a
 * second bucket for what finds no room in its first.
 *
 * A hit is plain stores of whole words. To give a slot to another flow (or to begin the
 * same flow's next generation) its content goes to this CPU's ring first, then `gen` turns
 * odd, the slot is written, and `gen` turns even: the xchg of both are full barriers, and
 * readers go by them (lib/kernel/slot.h). The order of these steps is the protocol.
 *
 * Nothing here may transmit a packet, or the program could run inside itself and there
 * would be two writers.
 *
 * The program says what its context is: CONTEXT, with data and data_end, and context_here(),
 * context_came_by(), context_mark(), context_now(), context_clock(), context_tick(): the hook's
 * interface, where the packet came in, its mark, the time in ns, twice, and in ticks.
 */
#ifndef FLOWCTL_ACCOUNT_H
#define FLOWCTL_ACCOUNT_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "knobs.h"
#include "maps.h"
#include "outer.h"
#include "packet.h"
#include "parse_ip.h"
#include "tcp_hint.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10

/* Some seconds, whatever HZ is. */
#define PROBATION_TICKS 2500

/* What becomes of a packet that is no plain hit. */
struct miss {
	const struct facts *f;
	struct flow_bucket *b;
	__u32 cpu;
	__u32 bucket; /* number of b in the table */
	__u32 way;    /* where the flow is, or FLOW_WAYS */
	__u32 tick;
	__u32 home;   /* the way at which the flow is looked for first */
};

#define HOME_WAY(home_, way_) ((home_) << 8 | (way_)) /* in one register */

/* The last half word of the key. */
static __always_inline __u32 key_kind(__u16 kind, __u8 direction, __u8 tunnel)
{
	union {
		struct {
			__u16 kind;
			__u8 direction;
			__u8 tunnel;
		};
		__u32 half;
	} k = { .kind = kind, .direction = direction, .tunnel = tunnel };

	return k.half;
}

/* The words of the key behind the addresses. */
static __always_inline void key_make(struct facts *f, CONTEXT *ctx)
{
	__u32 vni = 0, here = context_here(ctx);
	__u8 tunnel = TUNNEL_NONE;

	OPAQUE(here);
	if (knob_decap) {
		vni = f->key.vni;
		tunnel = f->tunnel;
	}
	if (knob_direction == FLOW_EGRESS) {
		f->w[4] = word_of(f->ports, context_came_by(ctx));
		f->w[5] = word_of(here, f->vlans);
		f->w[6] = word_of(vni, key_kind(f->kind, FLOW_EGRESS, tunnel));
	} else {
		f->w[4] = word_of(f->ports, here);
		f->w[5] = word_of(0, f->vlans);
		f->w[6] = word_of(vni, key_kind(f->kind, FLOW_INGRESS, tunnel));
	}
}

/* Multiply-add over all words, which run side by side, then fold and stir: all bits of the
 * key reach the bits that are returned. */
static __always_inline __u32 key_hash(const struct facts *k)
{
	__u64 h = k->w[0] * 0x9e3779b97f4a7c15 + k->w[1] * 0xc2b2ae3d27d4eb4f +
		  k->w[2] * 0xff51afd7ed558ccd + k->w[3] * 0xc4ceb9fe1a85ec53 +
		  k->w[4] * 0xbf58476d1ce4e5b9 + k->w[5] * 0x94d049bb133111eb +
		  k->w[6] * 0xd6e8feb86659fd93;

	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15;
	return h >> 32;
}

/* Does the slot hold the flow of @f? Ports and source first: they tell most flows apart. */
static __always_inline bool slot_holds(const struct flow_slot *s, const struct facts *f)
{
	const __u64 *w = (const __u64 *)&s->key;

	return w[4] == f->w[4] && w[0] == f->w[0] && w[2] == f->w[2] && w[1] == f->w[1] &&
	       w[3] == f->w[3] && w[5] == f->w[5] && w[6] == f->w[6];
}

/*
 * The slot that holds the flow of @f, or NULL; *way is its number, or FLOW_WAYS. Every flow has a
 * way of its own choice to begin at, and takes the first from there that was never used: so
 * most are found at once, and behind an unused one there is nothing to wait for the memory of.
 */
static __always_inline struct flow_slot *bucket_find(struct flow_bucket *b, const struct facts *f,
						     __u32 home, __u32 *way)
{
	UNROLL
	for (__u32 i = 0; i < FLOW_WAYS; i++) {
		struct flow_slot *s = &b->way[(home ^ i) & (FLOW_WAYS - 1)];

		/* One register holds it, or the compiler derives it anew for every word. */
		OPAQUE(s);
		*way = home ^ i;
		if (slot_holds(s, f))
			return s;
		if (!s->gen)
			break;
	}
	*way = FLOW_WAYS;
	return NULL;
}

/*
 * How long the slot was silent, for the choice of a victim. One that saw a single packet is
 * on probation and counts as silent for longer: in a flood of them they give way to one
 * another, and not the flows that carry traffic.
 */
static __always_inline __s32 slot_silence(const struct flow_slot *s, __u32 tick)
{
	__s32 silence = tick - s->c.w.last_tick;

	return s->c.packets == 1 ? silence + PROBATION_TICKS : silence;
}

/* The first from @home on that was never used, else the one that was silent for longest. */
static __always_inline __u32 bucket_victim(const struct flow_bucket *b, __u32 tick, __u32 home)
{
	__s32 longest = -1, silence;
	__u32 victim = home;

#pragma unroll
	for (__u32 i = 0; i < FLOW_WAYS; i++) {
		const struct flow_slot *s = &b->way[(home ^ i) & (FLOW_WAYS - 1)];

		if (!s->gen)
			return home ^ i;
		silence = slot_silence(s, tick);
		if (silence > longest) {
			longest = silence;
			victim = home ^ i;
		}
	}
	return victim;
}

/* The second half of a flow_word. */
union flow_rest {
	__u32 half;
	struct {
		__u8 tcp_flags;
		__u8 tos;
		__u8 min_ttl;
		__u8 max_ttl;
	};
};

/* Ticks wrap: differences are signed. A limit of 0 is none. */
static __always_inline bool longer_than(__u32 tick, __u32 since, __u32 limit)
{
	return limit && (__s32)(tick - since) > (__s32)limit;
}

/*
 * Does a SYN, or SYN-ACK, begin another connection than the one whose flags the slot has? Those of
 * one CPU do not tell for certain: the one before may have ended on another. So wherever it
 * repeats nothing; user space, which sees all CPUs, joins what belongs together.
 */
static __always_inline bool syn_begins(__u32 half, __u8 tcp_flags)
{
	const union flow_rest had = { .half = half };

	return !(had.tcp_flags & TCP_SYN) ||
	       had.tcp_flags & ~tcp_flags & (TCP_FIN | TCP_RST | TCP_PSH | TCP_ACK);
}

/* Is the slot's record complete, so that this packet of the same flow begins a new one? */
static __always_inline bool slot_is_due(const struct flow_slot *s, const struct facts *f,
					__u32 tick)
{
	const union flow_rest ends = { .tcp_flags = TCP_FIN | TCP_RST };
	__u64 word = s->c.w.word;
	__u32 limit = ctl.idle_ticks;

	if (s->c.epoch != ctl.epoch)
		return true;
	if (f->tcp_flags & TCP_SYN && syn_begins(word_second(word), f->tcp_flags))
		return true;
	if (word_second(word) & ends.half)
		limit = ctl.finished_ticks;
	return longer_than(tick, word_first(word), limit);
}

static __always_inline __u32 rest_widen(__u32 half, __u8 ttl)
{
	union flow_rest r = { .half = half };

	r.min_ttl = ttl < r.min_ttl ? ttl : r.min_ttl;
	r.max_ttl = ttl > r.max_ttl ? ttl : r.max_ttl;
	return r.half;
}

/*
 * Something the flow did not show before: a bit, or the id of another fragment, which is no
 * matter. The xchg puts it before the counters: a reader that knows this packet
 * (slot_is_known() compares those) knows this of it.
 */
static __always_inline void slot_widen(struct flow_slot *s, __u64 seen)
{
	if (s->key.proto != IPPROTO_TCP)
		seen &= word_of(~0u, 0);
	__atomic_exchange_n(&s->c.extra.word, s->c.extra.word | seen, __ATOMIC_SEQ_CST);
}

/* Seldom is there another TTL: then nothing but a flag is to be set. */
static __always_inline void slot_hit(struct flow_slot *s, const struct facts *f, __u32 tick)
{
	const union flow_rest ttls = { .min_ttl = 0xff, .max_ttl = 0xff };
	union flow_rest seen = { .min_ttl = f->ttl, .max_ttl = f->ttl };
	union flow_rest flags = { .tcp_flags = f->tcp_flags };
	__u32 half = word_second(s->c.w.word);

	if ((half ^ seen.half) & ttls.half)
		half = rest_widen(half, f->ttl);
	OPAQUE(half);
	if (f->seen & ~s->c.extra.word)
		slot_widen(s, f->seen);
	s->c.packets += f->packets;
	s->c.bytes += f->bytes;
	*(volatile __u64 *)&s->c.w.word = word_of(tick, half | flags.half);
}

/* The slot, whole, to this CPU's ring. False when that is full. */
static __always_inline bool slot_evict(const struct flow_slot *s, const __u32 *cpu)
{
	const __u64 *from = (const __u64 *)s;
	__u64 *to;
	void *ring;

	ring = bpf_map_lookup_elem(&rings, cpu);
	if (!ring)
		return false;
	to = bpf_ringbuf_reserve(ring, sizeof(*s), 0);
	if (!to)
		return false;
#pragma unroll
	for (__u32 i = 0; i < sizeof(*s) / sizeof(*to); i++)
		to[i] = from[i];
	bpf_ringbuf_submit(to, BPF_RB_NO_WAKEUP);
	return true;
}

/* What of the slot is lost with it: not what was credited to the store before. No agent writes
 * the journal now, slot_reclaim() looked. */
static __always_inline struct ledger_count slot_left(const struct flow_slot *s)
{
	struct ledger_count left = { .packets = s->c.packets, .bytes = s->c.bytes };
	const struct journal_entry *j;
	__u32 idx = s->idx;

	j = bpf_map_lookup_elem(&journal, &idx);
	if (j && j->gen == s->gen) {
		left.packets -= j->packets;
		left.bytes -= j->bytes;
	}
	return left;
}

static __always_inline bool aged_add(const struct flow_slot *s)
{
	struct aged_key key = {
		.ifindex = s->key.direction == FLOW_EGRESS ? s->key.egress_ifindex
							   : s->key.ingress_ifindex,
		.direction = s->key.direction,
	};
	struct ledger_count left = slot_left(s), none = {}, *count;

	count = bpf_map_lookup_elem(&aged, &key);
	if (!count) {
		bpf_map_update_elem(&aged, &key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&aged, &key);
	}
	if (!count)
		return false;
	__sync_fetch_and_add(&count->packets, left.packets);
	__sync_fetch_and_add(&count->bytes, left.bytes);
	return true;
}

/* Nobody empties the ring: may the victim go without a record, as counted in `aged`? */
static __always_inline bool slot_reclaim(const struct flow_slot *s, const struct miss *m)
{
	if (!longer_than(m->tick, s->c.w.last_tick, ctl.reclaim_ticks))
		return false;
	if (ctl.lease_ns >= bpf_ktime_get_boot_ns())
		return false;
	return aged_add(s);
}

/* Where the device has an Ethernet header. */
static __always_inline void put_macs(struct flow_counters *c, CONTEXT *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	__builtin_memset(c->src_mac, 0, sizeof(c->src_mac));
	__builtin_memset(c->dst_mac, 0, sizeof(c->dst_mac));
	if (!knob_ethernet || data + 12 > end)
		return;
	__builtin_memcpy(c->dst_mac, data, 6);
	__builtin_memcpy(c->src_mac, data + 6, 6);
}

/*
 * What only the flow's first packet is asked for, and what its headers showed. The key is
 * there.
 */
static __always_inline __u64 first_extra(const struct flow_slot *s, const struct facts *f,
					 CONTEXT *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct ip_ids *ip = data + (f->ip_off & PACKET_HEADERS_MASK);
	__u32 first;

	if ((void *)(ip + 1) > end)
		return f->seen;
	if (s->key.family == 4)
		first = bpf_ntohs(ip->ip4_id);
	else
		first = bpf_ntohl(ip->ip6_label) & FLOW_LABEL_MASK;
	return f->seen | word_of(first, 0);
}

/* The slot's next generation, with this packet as its first. */
static __always_inline void slot_begin(struct flow_slot *s, __u32 idx, const struct miss *m,
				       CONTEXT *ctx)
{
	const struct facts *f = m->f;
	union flow_word w = {
		.last_tick = m->tick,
		.tcp_flags = f->tcp_flags,
		.tos = f->tos,
		.min_ttl = f->ttl,
		.max_ttl = f->ttl,
	};
	__u32 gen = s->gen;

	__atomic_exchange_n(&s->gen, gen | 1, __ATOMIC_SEQ_CST);
#pragma unroll
	for (__u32 i = 0; i < KEY_WORDS; i++)
		((volatile __u64 *)&s->key)[i] = f->w[i];
	if (knob_decap && f->tunnel)
		outer_note(&s->key);
	s->idx = idx;
	/* With or without TCP metrics: those who have them may come back. */
	hint_forget(idx);
	s->c.packets = f->packets;
	s->c.bytes = f->bytes;
	s->c.w.word = w.word;
	s->c.first_ns = context_now(ctx);
	s->c.first_tick = m->tick;
	s->c.epoch = ctl.epoch;
	s->c.mark = context_mark(ctx);
	put_macs(&s->c, ctx);
	s->c.extra.word = first_extra(s, f, ctx);
	/* 0 says "never used": the count of generations passes over it. */
	gen = gen + 2 ? gen + 2 : 2;
	__atomic_exchange_n(&s->gen, gen, __ATOMIC_SEQ_CST);
}

/* The other bucket of the same part where a flow may be when its first one is full. */
static __always_inline __u32 second_bucket(const struct miss *m)
{
	__u32 h = key_hash(m->f) * 0x85ebca6b >> 7;

	return m->bucket ^ ((h | 1) & knob_bucket_mask);
}

/*
 * The flow is not in its first bucket, and that is full. Look into the second: for the flow
 * itself, else for a free or longer silent slot. Four busy flows in one bucket would drive a
 * fifth out with every packet, in a table that has room. A slot that was used once is never
 * free again, so a flow that went to its second bucket is always looked for there.
 */
static __always_inline __u32 try_second(struct miss *m, __u32 way)
{
	__u32 bucket = second_bucket(m), found, oldest;
	struct flow_bucket *b = bpf_map_lookup_elem(&slots, &bucket);
	const struct flow_slot *here = &m->b->way[way & (FLOW_WAYS - 1)], *there;

	if (!b)
		return way;
	bucket_find(b, m->f, m->home, &found);
	oldest = found < FLOW_WAYS ? found : bucket_victim(b, m->tick, m->home);
	there = &b->way[oldest & (FLOW_WAYS - 1)];
	if (found == FLOW_WAYS && there->gen &&
	    slot_silence(there, m->tick) <= slot_silence(here, m->tick))
		return way;
	m->way = found;
	m->b = b;
	m->bucket = bucket;
	return oldest;
}

/*
 * Begin a generation: of the flow's own slot, whose record is complete, or of a victim's.
 * LEDGER_FULL when what is there has nowhere to go. Not inlined: a hit shall not pay for
 * the registers and the stack that this needs.
 */
static __noinline int account_miss(CONTEXT *ctx, const struct facts *f, __u32 tick, __u32 bucket,
				   __u32 home_way)
{
	struct miss miss = {
		.f = f,
		.b = bpf_map_lookup_elem(&slots, &bucket),
		.cpu = part_here(),
		.bucket = bucket,
		.way = home_way & 0xff,
		.tick = tick,
		.home = home_way >> 8,
	}, *m = &miss;
	__u32 way = m->way;
	struct flow_slot *s;

	if (!m->b)
		return LEDGER_FULL;
	if (way == FLOW_WAYS) {
		way = bucket_victim(m->b, m->tick, m->home);
		if (m->b->way[way & (FLOW_WAYS - 1)].gen)
			way = try_second(m, way);
	}
	s = &m->b->way[way & (FLOW_WAYS - 1)];
	if (m->way < FLOW_WAYS && !slot_is_due(s, m->f, m->tick)) {
		slot_hit(s, m->f, m->tick);
		return LEDGER_SEEN;
	}
	if (s->gen && !slot_evict(s, &m->cpu)) {
		if (m->way < FLOW_WAYS) {
			/* A record that is complete can wait for room in the ring. */
			slot_hit(s, m->f, m->tick);
			return LEDGER_SEEN;
		}
		if (!slot_reclaim(s, m))
			return LEDGER_FULL;
	}
	slot_begin(s, m->bucket * FLOW_WAYS + way, m, ctx);
	return LEDGER_SEEN;
}

/* Count the packet of @f in its flow. LEDGER_SEEN, or LEDGER_FULL when there was no room.
 * *ret_slot: the slot that had it already in the first place where it is looked for, or NO_SLOT. */
static __always_inline enum ledger_reason account(CONTEXT *ctx, struct facts *f, __u32 cpu,
						  __u32 *ret_slot)
{
	__u32 tick = context_tick(ctx), bucket, way, hash, home;
	struct flow_bucket *b;
	struct flow_slot *s;

	*ret_slot = NO_SLOT;
	key_make(f, ctx);
	hash = key_hash(f);
	home = hash >> 30;
	bucket = cpu * (knob_bucket_mask + 1) + (hash & knob_bucket_mask);
	b = bpf_map_lookup_elem(&slots, &bucket);
	if (!b)
		return LEDGER_FULL;
	s = bucket_find(b, f, home, &way);
	if (s && !slot_is_due(s, f, tick)) {
		slot_hit(s, f, tick);
		*ret_slot = bucket * FLOW_WAYS + (way & (FLOW_WAYS - 1));
		return LEDGER_SEEN;
	}
	return account_miss(ctx, f, tick, bucket, HOME_WAY(home, way));
}

#endif
