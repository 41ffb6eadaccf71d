/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long packets are in this box, by a note beside them (abi_forward.h): nothing is written into
 * a packet, and no hook waits for another.
 *
 * Which packets: a hash of what forwarding leaves alone, over addresses, protocol, length, IPv4's
 * identification and the first octets of the transport header, which have its checksum in them;
 * not over TTL, IPv4's checksum, tags and marks. A packet that is rewritten on its way finds no
 * note. One that has the same hash as one before it, which has not left, spoils its note: what is
 * measured is right, or it is not measured.
 */
#ifndef FLOWCTL_FORWARD_H
#define FLOWCTL_FORWARD_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "knobs.h"
#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct forward_note);
} forward_notes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct forward_pair);
	__type(value, struct forward_latency);
} forward_pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct forward_stats);
} forward_stats SEC(".maps");

/* What a pair of interfaces begins with. */
const volatile struct forward_latency forward_none = {};

#define FORWARD_K1 0x9e3779b97f4a7c15ull
#define FORWARD_K2 0xc2b2ae3d27d4eb4full

static __always_inline __u64 forward_mix(__u64 h, __u64 word)
{
	h = (h ^ word) * FORWARD_K1;
	return h ^ h >> 32;
}

/* In their order: the other direction is another packet. */
static __always_inline __u64 forward_hash(const struct facts *f)
{
	__u64 src = f->src[0] * FORWARD_K1 + f->src[1];
	__u64 dst = f->dst[0] * FORWARD_K2 + f->dst[1];

	return forward_mix(src ^ src >> 29, (dst ^ dst >> 31) + ((__u64)f->kind << 48) + f->bytes);
}

static __always_inline void forward_count(enum forward_result result)
{
	__u32 zero = 0;
	struct forward_stats *s = bpf_map_lookup_elem(&forward_stats, &zero);

	if (s)
		__sync_fetch_and_add(&s->by[result], 1);
}

/* @len octets of transport header and payload are there, of this packet. False: too few. */
static __always_inline bool forward_read(CONTEXT *ctx, __u32 ip_off, __u32 l4_off, __u32 len,
					 __u64 *hash)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const void *ip, *l4;
	__u64 h = *hash;

	BOUND(ip_off);
	BOUND(l4_off);
	ip = data + ip_off;
	if (ip + 8 > end)
		return false;
	/* IPv6 has its length and next header there, and the hop limit in the last octet. */
	h = forward_mix(h, *(const __u32 WIRE *)(ip + 4) & bpf_htonl(0xffffff00));
	l4 = data + l4_off;
	if (len < 8 || l4 + 8 > end)
		return false;
	h = forward_mix(h, *(const __u64 WIRE *)l4);
	if (len >= 20 && l4 + 20 <= end) {
		h = forward_mix(h, *(const __u64 WIRE *)(l4 + 8));
		h = forward_mix(h, *(const __u32 WIRE *)(l4 + 16));
	}
	*hash = h * FORWARD_K2 | 1; /* 0 is no packet's */
	return true;
}

static __always_inline bool forward_lock(struct forward_note *n)
{
	if (__sync_val_compare_and_swap(&n->lock, 0, 1) == 0)
		return true;
	forward_count(FORWARD_BUSY);
	return false;
}

static __always_inline void forward_unlock(struct forward_note *n)
{
	__sync_val_compare_and_swap(&n->lock, 1, 0);
}

/* It came in. The note is locked. */
static __always_inline void forward_note(struct forward_note *n, __u64 hash, __u64 now_ns,
					 __u32 ifindex)
{
	bool fresh = n->hash && (__s64)(now_ns - n->time_ns) < (__s64)FORWARD_LATE_NS;

	n->twice = fresh && n->hash == hash && n->ifindex == ifindex;
	if (fresh && n->hash != hash)
		forward_count(FORWARD_REPLACED);
	n->hash = hash;
	n->time_ns = now_ns;
	n->ifindex = ifindex;
	forward_count(FORWARD_NOTED);
}

/* It goes out, and came by @ifindex: what became of its note, and for how long it was there. The
 * note is locked. */
static __always_inline enum forward_result forward_take(struct forward_note *n, __u64 hash,
							 __u64 now_ns, __u32 ifindex,
							 __u64 *ret_ns)
{
	enum forward_result result = FORWARD_MEASURED;

	if (n->hash != hash)
		return FORWARD_UNMATCHED;
	if (n->ifindex != ifindex)
		return FORWARD_ELSEWHERE;
	*ret_ns = now_ns - n->time_ns;
	if (n->twice)
		result = FORWARD_AMBIGUOUS;
	else if (*ret_ns > FORWARD_LATE_NS)
		result = FORWARD_LATE;
	n->hash = 0;
	return result;
}

/* How many bits of @v are to the right of its first zero from the left; of 25 bits. */
static __always_inline __u32 forward_bits(__u64 v)
{
	__u32 bits = 0;

	UNROLL
	for (int step = 16; step; step /= 2) {
		if (v >> step) {
			v >>= step;
			bits += step;
		}
	}
	return bits + !!v;
}

static __always_inline void forward_measured(__u32 ingress, __u32 egress, __u64 ns)
{
	struct forward_pair key = { .ingress = ingress, .egress = egress };
	struct forward_latency *l = bpf_map_lookup_elem(&forward_pairs, &key);
	__u32 bucket = ns ? forward_bits((ns - 1) >> FORWARD_FIRST_BIT) : 0;

	if (!l) {
		bpf_map_update_elem(&forward_pairs, &key, (const void *)&forward_none, BPF_NOEXIST);
		l = bpf_map_lookup_elem(&forward_pairs, &key);
	}
	if (!l) {
		forward_count(FORWARD_NO_ROOM);
		return;
	}
	if (bucket > FORWARD_BUCKETS - 1)
		bucket = FORWARD_BUCKETS - 1;
	OPAQUE(bucket);
	__sync_fetch_and_add(&l->count[bucket & 31], 1);
	__sync_fetch_and_add(&l->sum_ns, ns);
	forward_count(FORWARD_MEASURED);
}

/* Not static: verified once, and with knob_forward 0 for one comparison. */
__noinline int forward_at(CONTEXT *ctx, __u64 hash, __u32 ip_off, __u32 l4_off, __u32 len)
{
	__u32 place, ingress;
	struct forward_note *n;
	enum forward_result result;
	__u64 ns = 0, now_ns;

	if (!knob_forward || !forward_read(ctx, ip_off, l4_off, len, &hash))
		return 0;
	if ((__u32)(hash >> 32) > knob_forward)
		return 0;
	place = (__u32)hash >> 1 & (FORWARD_NOTES - 1);
	n = bpf_map_lookup_elem(&forward_notes, &place);
	if (!n || !forward_lock(n))
		return 0;
	now_ns = context_now(ctx);
	if (knob_direction == FLOW_INGRESS) {
		forward_note(n, hash, now_ns, context_here(ctx));
		forward_unlock(n);
		return 0;
	}
	ingress = context_came_by(ctx);
	result = forward_take(n, hash, now_ns, ingress, &ns);
	forward_unlock(n);
	if (result == FORWARD_MEASURED)
		forward_measured(ingress, context_here(ctx), ns);
	else
		forward_count(result);
	return 0;
}

static __always_inline void forward(CONTEXT *ctx, const struct facts *f)
{
	__u32 len = f->ip_off + (__u32)f->bytes - f->l4_off;

	/* Of this box's own packets there is no note. */
	if (knob_direction == FLOW_EGRESS && !context_came_by(ctx))
		return;
	forward_at(ctx, forward_hash(f), f->ip_off, f->l4_off, len);
}

#endif
