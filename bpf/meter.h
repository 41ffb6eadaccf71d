/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One packet at one hook, from what its headers say to the ledger. Whatever becomes of
 * it, the very same packets and bytes are added to "seen" and to where they went: so the
 * ledger balances by construction.
 */
#ifndef FLOWCTL_METER_H
#define FLOWCTL_METER_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "account.h"
#include "frag.h"
#include "knobs.h"
#include "maps.h"
#include "packet.h"
#include "tcp_owner.h"
#include "tcp_straight.h"
#include "tunnel.h"

/* No reason of the kernel side is above it. */
#define LEDGER_MASK 7

static __always_inline void ledger_add(struct hook_ledger *l, enum ledger_reason reason,
				       const struct facts *f)
{
	l->by[reason].packets += f->packets;
	l->by[reason].bytes += f->bytes;
}

/* For CPUs without a part, which share the entry behind the last. */
static __always_inline void ledger_add_shared(struct hook_ledger *l, enum ledger_reason reason,
					      const struct facts *f)
{
	__sync_fetch_and_add(&l->by[reason].packets, f->packets);
	__sync_fetch_and_add(&l->by[reason].bytes, f->bytes);
}

/* What looked like a tunnel's packet, by what became of it. All results are below the mask. */
static __always_inline void ledger_decap(struct hook_ledger *l, const struct facts *f)
{
	if (f->decap)
		l->decap[(f->decap - 1) & 15] += f->packets;
}

/* No part of a datagram shows what was inside the whole. */
static __always_inline void decap_fragment(struct facts *f)
{
	if (!f->tunnel && is_fragment(f) &&
	    tunnel_of(f, knob_decap, knob_geneve_port, knob_vxlan_port))
		f->decap = 1 + DECAP_FRAGMENT;
}

static __always_inline void meter_unserved(const struct facts *f)
{
	__u32 last = knob_parts;
	union hook_entry *e = bpf_map_lookup_elem(&hook, &last);

	if (!e)
		return;
	ledger_add_shared(&e->cpu, LEDGER_SEEN, f);
	ledger_add_shared(&e->cpu, LEDGER_FULL, f);
	if (knob_decap && f->decap)
		__sync_fetch_and_add(&e->cpu.decap[(f->decap - 1) & 15], f->packets);
}

/* Of tcp_quick.h and tcp_meter.h. */
static __always_inline bool tcp_quick(CONTEXT *ctx, const struct facts *f, __u64 now_ns,
				      __u32 slot);
__noinline int tcp_meter(CONTEXT *ctx, struct facts *f, __u64 now_ns, __u32 slot);
__noinline int tcp_meter_read(void);

static __always_inline bool is_segment(const struct facts *f)
{
	return f->proto == IPPROTO_TCP && !is_fragment(f);
}

/* In place of a time; a replay's has 60 bits. */
#define NOT_ASKED   0	     /* which may still be */
#define NOT_COUNTED (~0ull) /* another hook does that */

/* For what may go straight, if it is for this hook. The clock waits for all that was read before, and
 * should not for the flow. */
static __always_inline __u64 straight_clock(CONTEXT *ctx, const struct facts *f)
{
	if (!is_segment(f) || !straight_packet(f))
		return NOT_ASKED;
	return hook_counts(ctx) ? context_clock(ctx) : NOT_COUNTED;
}

/* @slot: that had the packet's flow before, or NO_SLOT; @now_ns: straight_clock(). */
static __always_inline void meter_tcp(CONTEXT *ctx, struct facts *f, __u64 now_ns, __u32 slot)
{
	if (now_ns == NOT_COUNTED)
		return;
	if (now_ns != NOT_ASKED && slot != NO_SLOT && tcp_quick(ctx, f, now_ns, slot))
		return;
	if (!is_segment(f) || (now_ns == NOT_ASKED && !hook_counts(ctx)))
		return;
	/* What no packet but a fragment has. The function is given all of it, and what was never
	 * written is not to be given away. */
	f->frag_id = 0;
	/* A record's first packet is not to be later than its connection's. Two calls, one behind
	 * the other, because all frames of a call within a call have 512 octets. */
	if (tcp_meter(ctx, f, slot == NO_SLOT ? NOT_ASKED : now_ns, slot))
		tcp_meter_read();
}

/* Of forward.h. */
__noinline int forward_at(CONTEXT *ctx, __u64 hash, __u32 ip_off, __u32 l4_off, __u32 len);
static __always_inline void forward(CONTEXT *ctx, const struct facts *f);

static __always_inline bool sampled_out(void)
{
	if (knob_sample <= 1)
		return false;
	return ((__u64)bpf_get_prandom_u32() * knob_sample) >> 32;
}

static __always_inline enum ledger_reason meter_flow(CONTEXT *ctx, struct facts *f, __u32 cpu)
{
	enum ledger_reason reason;
	__u64 now_ns = NOT_ASKED;
	__u32 slot;

	if (f->fragment != FRAGMENT_NONE) {
		frag_resolve(f, context_now(ctx));
		if (knob_decap)
			decap_fragment(f);
	}
	if (knob_tcp)
		now_ns = straight_clock(ctx, f);
	reason = account(ctx, f, cpu, &slot);
	if (knob_forward)
		forward(ctx, f);
	if (knob_tcp)
		meter_tcp(ctx, f, now_ns, slot);
	return reason;
}

/* @reason: what parse() returned for @f. */
static __always_inline void meter(CONTEXT *ctx, struct facts *f, enum ledger_reason reason)
{
	__u32 cpu = part_here();
	union hook_entry *e;

	if (cpu >= knob_parts) {
		meter_unserved(f);
		return;
	}
	e = bpf_map_lookup_elem(&hook, &cpu);
	if (!e)
		return;
	ledger_add(&e->cpu, LEDGER_SEEN, f);
	if (reason == LEDGER_SEEN && sampled_out())
		reason = LEDGER_SAMPLED_OUT;
	if (reason == LEDGER_SEEN)
		reason = meter_flow(ctx, f, cpu);
	if (knob_decap)
		ledger_decap(&e->cpu, f);
	if (reason != LEDGER_SEEN)
		ledger_add(&e->cpu, reason, f);
}

#endif
