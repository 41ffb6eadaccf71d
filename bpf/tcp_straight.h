/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The straight way: what most segments are, and what they need of tcp_advance(). One packet of a
 * connection that is open and healthy, begins where the last one ended or acknowledges more, and
 * shows no options but time stamps. Pure, as tcp_state.h, and counted as there: every segment of
 * tests/host goes both ways, and both must come to the same.
 */
#ifndef FLOWCTL_TCP_STRAIGHT_H
#define FLOWCTL_TCP_STRAIGHT_H

#include "tcp_gauge.h"
#include "tcp_rtt.h"

#define STRAIGHT_SEGMENT (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_ECE | TCP_CWR)
#define STRAIGHT_KNOWN	 (TCP_SIDE_KNOWN | TCP_SIDE_ACKED)
#define STRAIGHT_SIDE                                                                              \
	(STRAIGHT_KNOWN | TCP_SIDE_KEEP_ALIVE | TCP_SIDE_PROBED | TCP_SIDE_SACKS | TCP_SIDE_LOSS)

/* May a segment be one, as far as its packet's headers tell? */
static __always_inline bool straight_packet(const struct facts *f)
{
	return (f->tcp_flags & STRAIGHT_SEGMENT) == TCP_ACK && f->packets == 1 && !(f->tos & 3);
}

/* Nothing that is seldom goes on with @w, and its last window was noted. */
static __always_inline bool straight_side(const struct tcp_side *w, const struct tcp_side *other)
{
	return (w->flags & STRAIGHT_SIDE) == STRAIGHT_KNOWN && w->window &&
	       w->now.max_window != TCP_NONE &&
	       w->last_window == tcp_window_scaled(w, other, w->window);
}

/* Of the segments that follow some may be: TCP_CONN_STRAIGHT. */
static __always_inline bool straight_conn(const struct tcp_conn *c)
{
	return c->flags & TCP_CONN_OPEN && straight_side(&c->side[0], &c->side[1]) &&
	       straight_side(&c->side[1], &c->side[0]);
}

/* Is the segment of a straight_packet() one? Where nothing of the other side's is to be written,
 * the turn that user space asks of it (tcp_turn()) may wait for what is. */
static __always_inline bool straight_segment(const struct tcp_look *l)
{
	const struct tcp_side *mine = l->mine, *other = l->other;
	const struct tcp_segment *s = l->s;
	__s32 step = s->ack - mine->acked;

	if (!(l->c->flags & TCP_CONN_STRAIGHT) || mine->asked != mine->done ||
	    s->seq != mine->next || !s->window || step < 0)
		return false;
	if (step && other->asked != other->done)
		return false;
	return s->len ? tcp_before(other->acked, l->end) : step;
}

/* Count it. */
static __always_inline void straight_advance(struct tcp_look *l, struct tcp_told *ret)
{
	const struct tcp_segment *s = l->s;
	struct tcp_side *mine = l->mine, *other = l->other;

	if (s->window != mine->window) {
		mine->window = s->window;
		tcp_window_note(mine, tcp_window_scaled(mine, other, s->window));
	}
	if (s->ack != mine->acked) {
		mine->acked = s->ack;
		mine->dup_acks = 0;
		rtt_ack(other, s, l->now_us, ret);
	}
	if (s->len) {
		sent_new(mine, s, s->seq, l->end, l->now_us);
		mine->next = l->end;
		tcp_jitter(mine, l->now_us);
		if (!(mine->flags & TCP_SIDE_MATCHED))
			rtt_wait(mine, s, l->now_us);
		tcp_in_flight(mine, l->end - other->acked);
	}
	if (s->shown & TCP_SHOWS_TIMES && tcp_before(mine->tsval, s->tsval))
		mine->tsval = s->tsval;
	if (s->now_ns > mine->last_ns)
		mine->last_ns = s->now_ns;
}

#endif
