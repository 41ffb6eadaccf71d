/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a packet is looked into (tunnel.h), the facts become those of the packet inside, and what
 * was outside goes to the map `outers` when the flow's record begins. The parsers run in a
 * function that is not static: the verifier checks them by themselves and once.
 */
#ifndef FLOWCTL_DECAP_H
#define FLOWCTL_DECAP_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "knobs.h"
#include "outer.h"
#include "tunnel.h"
#include "walk.h"

/* Each begins anew with what the last has left in memory: so no way through one is gone once more
 * for every way through the other. Verifiers of before Linux 6.8 look at them where nobody calls
 * them, too. */

__noinline int enter_at(CONTEXT *ctx, struct tunnel_work *w)
{
	struct packet p;

	if (!knob_decap || !w || !packet_at(&p, &w->inner, ctx, w->off, w->stop))
		return DECAP_SHORT;
	return enter(&p, w);
}

__noinline int geneve_options_at(CONTEXT *ctx, struct tunnel_work *w)
{
	struct packet p;

	if (knob_decap && w && packet_at(&p, &w->inner, ctx, w->options, w->inside))
		walk_geneve(&p, w);
	return 0;
}

__noinline int inside_at(CONTEXT *ctx, struct tunnel_work *w)
{
	struct packet p;

	if (!knob_decap || !w || !packet_at(&p, &w->inner, ctx, w->inside, w->stop))
		return DECAP_SHORT;
	return look_inside(&p, w);
}

/* enum decap_result. */
__noinline int decap_at(CONTEXT *ctx, struct tunnel_work *w)
{
	int result;

	if (!knob_decap || !w)
		return DECAP_SHORT;
	result = enter_at(ctx, w);
	if (result != DECAP_DONE)
		return result;
	if (w->options)
		geneve_options_at(ctx, w);
	return inside_at(ctx, w);
}

/* The same, with the headers made linear where they are not. */
static __always_inline int decap_whole(CONTEXT *ctx, struct tunnel_work *w, __u8 tunnel)
{
	int result = decap_at(ctx, w);

	if (w->inner.beyond && pull(ctx)) {
		w->tunnel = tunnel;
		result = decap_at(ctx, w);
	}
	/* Of a frame that was captured in part the IP header is enough. */
	if (result == DECAP_DONE && w->inner.beyond == BEYOND_HEADER && !knob_replay)
		return DECAP_SHORT;
	return result;
}

static __always_inline void facts_become_inner(struct facts *f, const struct tunnel_work *w)
{
	const __u64 *from = (const __u64 *)&w->inner;
	__u64 *to = (__u64 *)f;

	UNROLL
	for (__u32 i = 0; i < sizeof(*f) / sizeof(*to); i++)
		to[i] = from[i];
	f->key.vni = w->vni;
	f->tunnel = w->tunnel;
}

/* @f: of a packet that is parsed; @super: it is more than one on the wire, not counted yet. */
static __always_inline void decap(CONTEXT *ctx, struct facts *f, bool super)
{
	__u8 tunnel = tunnel_of(f, knob_decap, knob_geneve_port, knob_vxlan_port);
	struct tunnel_work *w;
	int result;

	/* Whether a fragment is one is known when its ports are: see decap_fragment(). */
	if (tunnel == TUNNEL_NONE || is_fragment(f))
		return;
	w = tunnel_work_here();
	if (!w)
		return;
	tunnel_work_init(w, f, tunnel, super);
	result = decap_whole(ctx, w, tunnel);
	if (result == DECAP_DONE)
		facts_become_inner(f, w);
	f->decap = 1 + result;
}

#endif
