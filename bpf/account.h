/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table, as its one writer sees it: this CPU's part, four slots a bucket.
 *
 * A hit is plain stores of whole words. To give a slot to another flow (or to begin the
 * same flow's next generation) its content goes to this CPU's ring first, then `gen` turns
 * odd, the slot is written, and `gen` turns even: the xchg of both are full barriers, and
 * readers go by them (lib/kernel/slot.h). The order of these steps is the protocol.
 *
 * Nothing here may transmit a packet, or the program could run inside itself and there
 * would be two writers.
 */
#ifndef FLOWCTL_ACCOUNT_H
#define FLOWCTL_ACCOUNT_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "knobs.h"
#include "maps.h"
#include "packet.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define KEY_WORDS (sizeof(struct flow_key) / sizeof(__u64))

/* The key in the words by which it is hashed and compared. */
union key_words {
	struct flow_key key;
	__u64 w[KEY_WORDS];
};

/* What account() was given, and found. */
struct account {
	const struct facts *f;
	const union key_words *k;
	struct table_ctl *ctl;
	struct flow_slot *slot;
	__u32 cpu;
	__u32 idx;	/* of the slot in the table */
	__u32 tick;
};

static __always_inline void key_make(union key_words *k, const struct facts *f,
				     struct __sk_buff *skb)
{
	__u32 here = skb->ifindex, came_by = skb->ingress_ifindex;
	bool egress = knob_direction == FLOW_EGRESS;

	/* Both are read for good: a choice between two places in the context is refused. */
	OPAQUE(here);
	OPAQUE(came_by);
	k->w[0] = f->src[0];
	k->w[1] = f->src[1];
	k->w[2] = f->dst[0];
	k->w[3] = f->dst[1];
	k->key.sport = f->sport;
	k->key.dport = f->dport;
	k->key.ingress_ifindex = egress ? came_by : here;
	k->key.egress_ifindex = egress ? here : 0;
	k->key.vlan_outer = f->vlan_outer;
	k->key.vlan_inner = f->vlan_inner;
	k->key.vni = 0;
	k->key.proto = f->proto;
	k->key.family = f->family;
	k->key.direction = knob_direction;
	k->key.tunnel = TUNNEL_NONE;
}

/* Multiply-add over all words, which run side by side, then fold and stir: all bits of the
 * key reach the bits that are returned. */
static __always_inline __u32 key_hash(const union key_words *k)
{
	__u64 h = k->w[0] * 0x9e3779b97f4a7c15 + k->w[1] * 0xc2b2ae3d27d4eb4f +
		  k->w[2] * 0xff51afd7ed558ccd + k->w[3] * 0xc4ceb9fe1a85ec53 +
		  k->w[4] * 0xbf58476d1ce4e5b9 + k->w[5] * 0x94d049bb133111eb +
		  k->w[6] * 0xd6e8feb86659fd93;

	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15;
	return h >> 32;
}

static __always_inline bool key_equal(const struct flow_slot *s, const union key_words *k)
{
	const __u64 *w = (const __u64 *)&s->key;

	/* Ports and source first: they tell most flows apart. */
	if ((w[4] ^ k->w[4]) | (w[0] ^ k->w[0]))
		return false;
	return !((w[1] ^ k->w[1]) | (w[2] ^ k->w[2]) | (w[3] ^ k->w[3]) | (w[5] ^ k->w[5]) |
		 (w[6] ^ k->w[6]));
}

/* The way that holds @k, or FLOW_WAYS. */
static __always_inline __u32 bucket_find(const struct flow_bucket *b, const union key_words *k)
{
#pragma unroll
	for (__u32 i = 0; i < FLOW_WAYS; i++) {
		if (key_equal(&b->way[i], k))
			return i;
	}
	return FLOW_WAYS;
}

/* One that was never used, else the one whose last packet is the longest ago. */
static __always_inline __u32 bucket_victim(const struct flow_bucket *b)
{
	__u32 oldest = 0, tick = b->way[0].c.w.last_tick;

	if (!b->way[0].gen)
		return 0;
#pragma unroll
	for (__u32 i = 1; i < FLOW_WAYS; i++) {
		if (!b->way[i].gen)
			return i;
		if ((__s32)(b->way[i].c.w.last_tick - tick) < 0) {
			tick = b->way[i].c.w.last_tick;
			oldest = i;
		}
	}
	return oldest;
}

/* Ticks wrap: differences are signed. A limit of 0 is none. */
static __always_inline bool longer_than(__u32 tick, __u32 since, __u32 limit)
{
	return limit && (__s32)(tick - since) > (__s32)limit;
}

/* Is the slot's record complete, so that this packet of the same flow begins a new one? */
static __always_inline bool slot_is_due(const struct account *a, union flow_word w)
{
	bool finished = w.tcp_flags & (TCP_FIN | TCP_RST);
	__u32 limit = finished ? a->ctl->finished_ticks : a->ctl->idle_ticks;

	if (a->slot->c.epoch != a->ctl->epoch)
		return true;
	if (finished && (a->f->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return true;
	return longer_than(a->tick, w.last_tick, limit);
}

static __always_inline void slot_hit(const struct account *a, union flow_word w)
{
	struct flow_counters *c = &a->slot->c;
	__u8 ttl = a->f->ttl;

	w.last_tick = a->tick;
	w.tcp_flags |= a->f->tcp_flags;
	w.min_ttl = ttl < w.min_ttl ? ttl : w.min_ttl;
	w.max_ttl = ttl > w.max_ttl ? ttl : w.max_ttl;
	c->packets += a->f->packets;
	c->bytes += a->f->bytes;
	*(volatile __u64 *)&c->w.word = w.word;
}

/* The slot, whole, to this CPU's ring. False when that is full. */
static __always_inline bool slot_evict(const struct account *a)
{
	const __u64 *from = (const __u64 *)a->slot;
	__u32 cpu = a->cpu;	/* a helper takes its address: not that of *a, which stays in registers */
	__u64 *to;
	void *ring;

	ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!ring)
		return false;
	to = bpf_ringbuf_reserve(ring, sizeof(*a->slot), 0);
	if (!to)
		return false;
#pragma unroll
	for (__u32 i = 0; i < sizeof(*a->slot) / sizeof(*to); i++)
		to[i] = from[i];
	bpf_ringbuf_submit(to, BPF_RB_NO_WAKEUP);
	return true;
}

static __always_inline bool aged_add(const struct flow_slot *s)
{
	struct aged_key key = {
		.ifindex = s->key.direction == FLOW_EGRESS ? s->key.egress_ifindex :
							     s->key.ingress_ifindex,
		.direction = s->key.direction,
	};
	struct ledger_count none = {}, *count;

	count = bpf_map_lookup_elem(&aged, &key);
	if (!count) {
		bpf_map_update_elem(&aged, &key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&aged, &key);
	}
	if (!count)
		return false;
	__sync_fetch_and_add(&count->packets, s->c.packets);
	__sync_fetch_and_add(&count->bytes, s->c.bytes);
	return true;
}

/* Nobody empties the ring: may the victim go without a record, as counted in `aged`? */
static __always_inline bool slot_reclaim(const struct account *a)
{
	if (!longer_than(a->tick, a->slot->c.w.last_tick, a->ctl->reclaim_ticks))
		return false;
	if (a->ctl->lease_ns >= bpf_ktime_get_boot_ns())
		return false;
	return aged_add(a->slot);
}

/* Where the device has an Ethernet header. */
static __always_inline void put_macs(struct flow_counters *c, struct __sk_buff *skb)
{
	const void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	__builtin_memset(c->src_mac, 0, sizeof(c->src_mac));
	__builtin_memset(c->dst_mac, 0, sizeof(c->dst_mac));
	if (!knob_ethernet || data + 12 > end)
		return;
	__builtin_memcpy(c->dst_mac, data, 6);
	__builtin_memcpy(c->src_mac, data + 6, 6);
}

/* The slot's next generation, with this packet as its first. */
static __always_inline void slot_begin(const struct account *a, struct __sk_buff *skb)
{
	const struct facts *f = a->f;
	struct flow_slot *s = a->slot;
	union flow_word w = {
		.last_tick = a->tick,
		.tcp_flags = f->tcp_flags,
		.tos = f->tos,
		.min_ttl = f->ttl,
		.max_ttl = f->ttl,
	};
	__u32 gen = s->gen;

	__atomic_exchange_n(&s->gen, gen | 1, __ATOMIC_SEQ_CST);
#pragma unroll
	for (__u32 i = 0; i < KEY_WORDS; i++)
		((volatile __u64 *)&s->key)[i] = a->k->w[i];
	s->idx = a->idx;
	s->c.packets = f->packets;
	s->c.bytes = f->bytes;
	s->c.w.word = w.word;
	s->c.first_ns = bpf_ktime_get_boot_ns();
	s->c.first_tick = a->tick;
	s->c.epoch = a->ctl->epoch;
	s->c.mark = skb->mark;
	put_macs(&s->c, skb);
	__builtin_memset(s->c.reserved, 0, sizeof(s->c.reserved));
	/* 0 says "never used": the count of generations passes over it. */
	gen = gen + 2 ? gen + 2 : 2;
	__atomic_exchange_n(&s->gen, gen, __ATOMIC_SEQ_CST);
}

/* Count the packet of @f in its flow. LEDGER_SEEN, or LEDGER_FULL when there was no room. */
static __always_inline enum ledger_reason account(struct __sk_buff *skb, const struct facts *f,
						  __u32 cpu)
{
	struct account a = { .f = f, .cpu = cpu, .tick = bpf_jiffies64() };
	struct flow_bucket *b;
	union key_words k;
	union flow_word w;
	__u32 bucket, way, zero = 0;
	bool hit;

	a.k = &k;
	key_make(&k, f, skb);
	bucket = cpu * (knob_bucket_mask + 1) + (key_hash(&k) & knob_bucket_mask);
	a.ctl = bpf_map_lookup_elem(&ctl, &zero);
	b = bpf_map_lookup_elem(&slots, &bucket);
	if (!a.ctl || !b || cpu >= knob_parts)
		return LEDGER_FULL;
	way = bucket_find(b, &k);
	hit = way < FLOW_WAYS;
	if (!hit)
		way = bucket_victim(b);
	a.slot = &b->way[way & (FLOW_WAYS - 1)];
	a.idx = bucket * FLOW_WAYS + way;
	w.word = a.slot->c.w.word;
	if (hit && !slot_is_due(&a, w)) {
		slot_hit(&a, w);
		return LEDGER_SEEN;
	}
	if (a.slot->gen && !slot_evict(&a)) {
		/* A record that is complete can wait; one that must give way cannot. */
		if (hit) {
			slot_hit(&a, w);
			return LEDGER_SEEN;
		}
		if (!slot_reclaim(&a))
			return LEDGER_FULL;
	}
	slot_begin(&a, skb);
	return LEDGER_SEEN;
}

#endif
