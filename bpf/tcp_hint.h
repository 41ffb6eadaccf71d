/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the connection of a flow's slot is, so that it need not be looked for: no key, no hash. A
 * hint is believed as long as the connection there is of the same generation; every other one
 * has another, whether it came to that place, or this one went to another.
 */
#ifndef FLOWCTL_TCP_HINT_H
#define FLOWCTL_TCP_HINT_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "maps.h"
#include "packet.h"

#define NO_SLOT 0xffffffff

static __always_inline struct tcp_hint *hint_at(__u32 slot)
{
	return bpf_map_lookup_elem(&tcp_hints, &slot);
}

/* The slot is to be another flow's. */
static __always_inline void hint_forget(__u32 slot)
{
	struct tcp_hint *h = hint_at(slot);

	if (h)
		h->gen = 0;
}

/* @side: of @c, that sends what the flow counts. */
static __always_inline void hint_put(__u32 slot, const struct tcp_conn *c, __u32 side)
{
	struct tcp_hint *h = hint_at(slot);

	if (!h)
		return;
	h->gen = c->gen;
	h->conn = c->idx << 1 | (side & 1);
}

#endif
