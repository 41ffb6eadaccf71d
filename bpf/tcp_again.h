/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a segment is that does not begin at `next`: it leaves a hole (before it, something was
 * lost or overtaken), fills one, or was sent again.
 *
 * In a hole and never seen: overtaken, if its time stamp is older than one that was seen, or if
 * it came sooner after the hole was made than any retransmission can, and nobody asked for
 * it. Else it is sent again: spurious if it was acknowledged; fast if duplicate ACKs or SACK
 * asked for it a round trip ago at most; else by timeout.
 */
#ifndef FLOWCTL_TCP_AGAIN_H
#define FLOWCTL_TCP_AGAIN_H

#include "tcp_rtt.h"

#define AGAIN_SOON_NS	 3000000  /* a round trip, where no handshake was seen: as tshark */
#define AGAIN_CLOCKED_NS 20000000ll /* from an ACK to what it causes, beside the way: as tshark */

/* Round trip by the handshake; 0: not known. */
static __always_inline __s64 again_rtt_ns(const struct tcp_conn *c)
{
	if (!c->syn_ns || !c->ack_ns || c->flags & TCP_CONN_SYN_AGAIN)
		return 0;
	return c->ack_ns - c->syn_ns;
}

/* When the holes of the sender were made. Hidden from the compiler: see tcp_side_of(). */
static __always_inline __u32 *hole_times(const struct tcp_look *l)
{
	__u32 *ret = l->c->hole_us[0];
	__u64 side = l->s->side;

	OPAQUE(ret);
	OPAQUE(side);
	ret += (side & 1) * TCP_HOLES;
	OPAQUE(ret);
	return ret;
}

static __always_inline void hole_put(struct tcp_look *l, __u32 left, __u32 right, __u32 time_us)
{
	struct tcp_side *w = l->mine;
	__u32 at = w->hole_at++ & (TCP_HOLES - 1);

	w->holes[at].left = left;
	w->holes[at].right = right;
	hole_times(l)[at] = time_us;
}

/*
 * [@seq, @end) is here: take it out of the holes. Returns whether it lay in one wholly, and
 * when that was made.
 */
static __always_inline bool hole_fill(struct tcp_look *l, __u32 seq, __u32 end, __u32 *ret_us)
{
	struct tcp_range split = { 0, 0 };
	struct tcp_side *w = l->mine;
	bool found = false;
	__u32 made_us = 0;

	NO_UNROLL
	for (__u32 i = 0; i < TCP_HOLES; i++) {
		__u32 at = i & (TCP_HOLES - 1);
		struct tcp_range h = w->holes[at];

		if (!tcp_before(seq, h.right) || !tcp_before(h.left, end))
			continue;
		if (!tcp_before(seq, h.left) && !tcp_before(h.right, end)) {
			found = true;
			made_us = hole_times(l)[at];
			split.left = end;
			split.right = h.right;
		}
		if (tcp_before(h.left, seq))
			w->holes[at].right = seq;
		else if (tcp_before(end, h.right))
			w->holes[at].left = end;
		else
			w->holes[at].left = w->holes[at].right = 0;
		if (found && w->holes[at].left == end)
			split.left = split.right;
	}
	if (split.left != split.right)
		hole_put(l, split.left, split.right, made_us);
	*ret_us = made_us;
	return found;
}

/* Can it be what the last ACK of the other side caused? That has to go there and this to come
 * back; a timer of the sender waits for 200 ms more than that. */
static __always_inline bool again_is_clocked(const struct tcp_look *l)
{
	return (__s64)(l->s->now_ns - l->other->last_ns) < AGAIN_CLOCKED_NS + again_rtt_ns(l->c);
}

/* Did the other side ask for what begins here? Two duplicate ACKs: one may be lost. */
static __always_inline bool again_is_asked(const struct tcp_look *l)
{
	return l->other->dup_acks >= 2 && l->other->acked == l->s->seq && again_is_clocked(l);
}

/* Did it show that it has what lies behind? After a timeout everything is sent anyway. */
static __always_inline bool again_is_sacked(const struct tcp_look *l, __u32 end)
{
	return l->other->flags & TCP_SIDE_SACKS && tcp_before(end, l->other->sack_high) &&
	       !(l->mine->flags & TCP_SIDE_LOSS) && again_is_clocked(l);
}

static __always_inline bool again_is_acked(const struct tcp_look *l)
{
	return l->s->len && l->other->flags & TCP_SIDE_ACKED &&
	       !tcp_before(l->other->acked, l->end);
}

/* Remember the retransmissions of one kind until what they repeat is acknowledged. */
static __always_inline void again_note(struct tcp_look *l, __u32 end, enum tcp_again kind)
{
	struct tcp_side *mine = l->mine;
	bool more = mine->again_kind == kind && tcp_before(l->other->acked, mine->again.right);

	if (!more || tcp_before(l->s->seq, mine->again.left))
		mine->again.left = l->s->seq;
	if (!more || tcp_before(mine->again.right, end))
		mine->again.right = end;
	mine->again_kind = kind;
}

static __always_inline bool again_is_late(const struct tcp_look *l, __u32 hole_us)
{
	const struct tcp_side *mine = l->mine;
	const struct tcp_segment *s = l->s;
	__s64 rtt_ns = again_rtt_ns(l->c);

	if (s->shown & TCP_SHOWS_TIMES && mine->flags & TCP_SIDE_KNOWN) {
		if (tcp_before(s->tsval, mine->tsval))
			return false;
		if (tcp_before(mine->tsval, s->tsval))
			return true;
	}
	if (again_is_asked(l))
		return true;
	return ((__u32)l->now_us - hole_us) * 1000ll >= (rtt_ns ? rtt_ns : AGAIN_SOON_NS);
}

static __always_inline void again_count(struct tcp_look *l, __u32 end, __u32 n)
{
	struct tcp_side *mine = l->mine;

	mine->counts.retransmissions += n;
	if (again_is_acked(l)) {
		mine->counts.spurious_retransmits += n;
		/* The DSACK that comes is of this one, and of nothing that was sent before it. */
		if (tcp_before(l->s->seq, mine->again.right) && tcp_before(mine->again.left, end))
			mine->again_kind = TCP_AGAIN_NONE;
		return;
	}
	if (again_is_asked(l) || again_is_sacked(l, end)) {
		mine->counts.fast_retransmits += n;
		again_note(l, end, TCP_AGAIN_FAST);
		return;
	}
	mine->counts.timeout_retransmits += n;
	again_note(l, end, TCP_AGAIN_TIMEOUT);
	mine->flags |= TCP_SIDE_LOSS;
	mine->loss_end = mine->next;
}

/* A segment with data, SYN or FIN that begins before `next`. What of it is beyond is new. */
static __always_inline void again_judge(struct tcp_look *l)
{
	const struct tcp_segment *s = l->s;
	struct tcp_side *mine = l->mine;
	__u32 end = tcp_before(mine->next, l->end) ? mine->next : l->end;
	__u32 n = 1, made_us;
	bool fills;

	fills = hole_fill(l, s->seq, end, &made_us);
	if (s->segments > 1 && s->size) {
		n = (end - s->seq + s->size - 1) / s->size;
		if (n > s->segments)
			n = s->segments;
	}
	if (fills && !again_is_acked(l) && !again_is_late(l, made_us))
		mine->counts.out_of_order += n;
	else
		again_count(l, end, n);
	sent_again(mine, s->seq, end, fills, l->now_us);
}

/*
 * A DSACK (RFC 2883) of @l->mine: the first block lies below the ACK or in the second. What the
 * other side sent again had arrived before. As the counts only grow for who reads them,
 * what was read as fast or by timeout stays so.
 */
static __always_inline void again_dsack(struct tcp_look *l)
{
	const struct tcp_range *b = l->s->sack;
	struct tcp_side *w = l->other;
	__u8 kind = w->again_kind;
	bool taken = w->taken_gen == l->c->gen;

	if (tcp_before(l->s->ack, b[0].right) &&
	    (!(l->s->shown & TCP_SHOWS_SACK2) || tcp_before(b[0].left, b[1].left) ||
	     tcp_before(b[1].right, b[0].right)))
		return;
	if (kind == TCP_AGAIN_NONE || !tcp_before(w->again.left, b[0].right) ||
	    !tcp_before(b[0].left, w->again.right))
		return;
	if (kind == TCP_AGAIN_FAST) {
		if (w->counts.fast_retransmits == (taken ? w->taken.fast_retransmits : 0))
			return;
		w->counts.fast_retransmits--;
	} else {
		if (w->counts.timeout_retransmits == (taken ? w->taken.timeout_retransmits : 0))
			return;
		w->counts.timeout_retransmits--;
	}
	w->counts.spurious_retransmits++;
}

#endif
