/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet of a router is seen twice, of a bridge up to four times, and may count in its
 * connection once. Which hook does that:
 *
 * - Ingress always, but for the rule below. Egress leaves to it whatever came in by an interface
 *   that counts at ingress (the set `tcp_ingress`); what goes out by lo comes in there.
 * - Each side of a connection has an owner, the hook that counts it. Where several see the same
 *   packets (a bridge and its port, an interface and its VRF, a VLAN and its parent), the others
 *   leave it alone for as long as the owner has counted something within the last second; then
 *   the way has changed, and the side is theirs.
 * - Where an owner is known to count no more, another hook need not wait: an ingress hook takes
 *   over from egress (whose interface's packets now come in by one that counts), any from an
 *   ingress whose meter was taken off. It does so with a segment that says something new: one
 *   that the old owner has counted in the same moment says nothing new, so not even the packet
 *   at which they change is counted twice; nor are those that went out here, through a process
 *   or another device, and come in again.
 */
#ifndef FLOWCTL_TCP_OWNER_H
#define FLOWCTL_TCP_OWNER_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "knobs.h"
#include "maps.h"
#include "tcp_state.h"

#define TCP_OWNER_NS 1000000000ll
#define TCP_LOOPBACK 1 /* in every namespace */

static __always_inline bool ingress_counts(__u32 ifindex)
{
	return bpf_map_lookup_elem(&tcp_ingress, &ifindex) != NULL;
}

/* Does this hook count the packet, as far as can be told without its connection? */
static __always_inline bool hook_counts(CONTEXT *ctx)
{
	__u32 before;

	if (knob_direction == FLOW_INGRESS)
		return true;
	before = context_came_by(ctx);
	if (!before && context_here(ctx) == TCP_LOOPBACK)
		before = TCP_LOOPBACK;
	return !before || !ingress_counts(before);
}

/* Sequence numbers that were not counted yet, or an acknowledgement. */
static __always_inline bool owner_news(const struct tcp_side *w, const struct tcp_segment *s)
{
	__u32 end = s->seq + s->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);

	return !(w->flags & TCP_SIDE_KNOWN) || tcp_before(w->next, end) ||
	       (s->flags & TCP_ACK && tcp_before(w->acked, s->ack));
}

static __always_inline bool owner_is_active(const struct tcp_side *w, __u64 now_ns)
{
	return w->ifindex && (__s64)(now_ns - w->last_ns) < TCP_OWNER_NS;
}

/* Not inlined: seldom is it asked. */
static __noinline bool owner_changes(struct tcp_side *w, const struct tcp_segment *s)
{
	__u32 owner = w->ifindex;

	if (owner_is_active(w, s->now_ns)) {
		if (w->direction == FLOW_EGRESS && s->direction == FLOW_EGRESS)
			return false;
		if (w->direction == FLOW_INGRESS && ingress_counts(owner))
			return false;
		if (!owner_news(w, s))
			return false;
	}
	w->ifindex = s->ifindex;
	w->direction = s->direction;
	w->place = s->place;
	return true;
}

/* Is it this hook that counts the side? Makes it so where it becomes its own. */
static __always_inline bool owner_is_here(struct tcp_side *w, const struct tcp_segment *s)
{
	return (w->ifindex == s->ifindex && w->direction == s->direction) || owner_changes(w, s);
}

#endif
