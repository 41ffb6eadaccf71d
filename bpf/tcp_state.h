/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one more segment says about the health of its connection. Pure: a connection and a
 * segment in, the connection changed. No helpers, no maps, no clock of its own: it compiles for
 * the host as well, and runs inside the bucket's lock (tcp_table.h).
 *
 * Most segments either begin where the last one ended or acknowledge; what they cost is what
 * counts. Whatever begins elsewhere is judged in tcp_again.h, times are taken in tcp_rtt.h.
 */
#ifndef FLOWCTL_TCP_STATE_H
#define FLOWCTL_TCP_STATE_H

#include "tcp_again.h"
#include "tcp_gauge.h"
#include "tcp_handshake.h"
#include "tcp_straight.h"

#define TCP_SEQ_FAR 0x40000000 /* no window is as wide: what is so far off begins anew */

static __always_inline void tcp_side_begin(struct tcp_side *w)
{
	w->scale = TCP_NO_SCALE;
	w->jitter_x16_us = w->last_window = TCP_NONE;
	tcp_extremes_none(&w->now);
	tcp_extremes_none(&w->before);
}

/* Make @c, of which key, gen and idx are set and all else is 0, fit for its first segment. */
static __always_inline void tcp_begin(struct tcp_conn *c, const struct tcp_segment *s)
{
	c->client = TCP_NO_CLIENT;
	tcp_side_begin(&c->side[0]);
	tcp_side_begin(&c->side[1]);
}

/* Is it over: FIN from both ends, or RST? */
static __always_inline bool tcp_is_over(const struct tcp_conn *c)
{
	return c->flags & TCP_CONN_RST || c->side[0].flags & c->side[1].flags & TCP_SIDE_FIN;
}

/*
 * Does @s begin another connection than @c, between the same ends? A SYN behind FIN or RST, or
 * one of another ISN where the old one cannot be alive. A repeated SYN does not.
 */
static __always_inline bool tcp_is_next(const struct tcp_conn *c, const struct tcp_segment *s)
{
	const struct tcp_side *mine = tcp_side_of(c, s->side), *other = tcp_side_of(c, ~s->side);
	bool known = mine->flags & TCP_SIDE_KNOWN, acked = other->flags & TCP_SIDE_ACKED;
	__u32 into;

	if (!(s->flags & TCP_SYN) || s->flags & TCP_RST || !(known || acked))
		return false;
	if (mine->flags & TCP_SIDE_SYN && mine->isn == s->seq)
		return false;
	into = s->seq - (acked ? other->acked : mine->next);
	if (!known && into == -1u)
		return false; /* its SYN-ACK was seen first */
	if ((mine->flags | other->flags) & TCP_SIDE_FIN || tcp_is_over(c))
		return true;
	if (s->flags & TCP_ACK && other->flags & TCP_SIDE_SYN && s->ack == other->isn + 1)
		return false; /* the server chose anew: SYN cookies */
	if (known && !(c->flags & TCP_CONN_OPEN))
		return true;
	return into >= (__u32)other->window << TCP_SCALE_MAX;
}

/* It repeats the last ACK and nothing else: no data, no other window; and is no answer to a
 * keep-alive. */
static __always_inline bool tcp_is_dup_ack(const struct tcp_look *l)
{
	const struct tcp_segment *s = l->s;

	return !s->len && s->window && s->window == l->mine->window && s->seq == l->mine->next &&
	       l->mine->flags & TCP_SIDE_KNOWN && !(s->flags & (TCP_SYN | TCP_FIN)) &&
	       !(l->other->flags & TCP_SIDE_KEEP_ALIVE);
}

static __always_inline void tcp_acks(struct tcp_look *l, struct tcp_told *ret)
{
	const struct tcp_segment *s = l->s;
	struct tcp_side *mine = l->mine, *other = l->other;
	__s32 step = s->ack - mine->acked;

	if (!(mine->flags & TCP_SIDE_ACKED) || step > 0 || step < -TCP_SEQ_FAR) {
		mine->flags |= TCP_SIDE_ACKED;
		mine->acked = s->ack;
		mine->dup_acks = 0;
		if (other->flags & (TCP_SIDE_PROBED | TCP_SIDE_LOSS)) {
			if (other->flags & TCP_SIDE_PROBED && s->ack == other->next + 1) {
				other->next++;
				other->n_sent = 0;
			}
			if (!tcp_before(s->ack, other->loss_end))
				other->flags &= ~TCP_SIDE_LOSS;
			other->flags &= ~TCP_SIDE_PROBED;
		}
		rtt_ack(other, s, l->now_us, ret);
	} else if (!step && tcp_is_dup_ack(l)) {
		mine->counts.duplicate_acks++;
		mine->dup_acks += mine->dup_acks < 0xffff;
	}
	if (s->shown & TCP_SHOWS_SACK) {
		mine->flags |= TCP_SIDE_SACKS;
		mine->sack_high = s->sack[0].right;
		if (s->shown & TCP_SHOWS_SACK2 && tcp_before(mine->sack_high, s->sack[1].right))
			mine->sack_high = s->sack[1].right;
		if (other->again_kind)
			again_dsack(l);
	} else if (mine->flags & TCP_SIDE_SACKS) {
		mine->flags &= ~TCP_SIDE_SACKS;
	}
}

/* Where does it lie, a segment that occupies sequence space, or a bare ACK that is ahead of it? */
static __always_inline void tcp_place(struct tcp_look *l)
{
	const struct tcp_segment *s = l->s;
	struct tcp_side *mine = l->mine;
	__s32 off = s->seq - mine->next;
	__u32 sent_us = l->now_us, from = s->seq;

	/* What is sent into a closed window may be thrown away, and tells no time. */
	if (!l->other->window && l->other->flags & TCP_SIDE_KNOWN && !(s->flags & TCP_SYN))
		sent_us = 0;
	if (!(mine->flags & TCP_SIDE_KNOWN) || off < -TCP_SEQ_FAR || off > TCP_SEQ_FAR) {
		__builtin_memset(mine->holes, 0, sizeof(mine->holes));
		mine->n_sent = 0;
	} else if (off < 0) {
		if (l->end != s->seq)
			again_judge(l);
		if (!tcp_before(mine->next, l->end))
			return;
		from = mine->next;
	} else {
		if (off > 0) {
			hole_put(l, mine->next, s->seq, l->now_us);
			if (mine->n_sent)
				sent_put(mine, s->seq, 0, 0);
		}
		/* It went by another way, or before we looked. */
		if (again_is_acked(l)) {
			again_count(l, l->end, s->segments);
			sent_us = 0;
		}
	}
	if (l->end != from)
		sent_new(mine, s, from, l->end, sent_us);
	mine->next = l->end;
}

/* Segments that are no data although they look like it. */
static __always_inline bool tcp_is_probe(const struct tcp_look *l)
{
	const struct tcp_segment *s = l->s;
	struct tcp_side *mine = l->mine;

	if (s->len > 1 || s->flags & (TCP_SYN | TCP_FIN) || !(mine->flags & TCP_SIDE_KNOWN))
		return false;
	/* An octet that was not acknowledged yet is sent again, not sent to keep alive. */
	if (s->seq == mine->next - 1 &&
	    (!s->len || !(l->other->flags & TCP_SIDE_ACKED) || l->other->acked != s->seq)) {
		mine->counts.keep_alives++;
		mine->flags |= TCP_SIDE_KEEP_ALIVE;
		return true;
	}
	if (s->len && s->seq == mine->next && !l->other->window &&
	    l->other->flags & TCP_SIDE_KNOWN) {
		mine->flags |= TCP_SIDE_PROBED;
		return true;
	}
	return false;
}

static __always_inline void tcp_data(struct tcp_look *l)
{
	struct tcp_side *mine = l->mine;
	__s32 in_flight = mine->next - l->other->acked;

	tcp_jitter(mine, l->now_us);
	if (!(mine->flags & TCP_SIDE_MATCHED))
		rtt_wait(mine, l->s, l->now_us);
	if (l->other->flags & TCP_SIDE_ACKED && in_flight >= 0)
		tcp_in_flight(mine, in_flight);
}

static __always_inline void tcp_occupies(struct tcp_look *l)
{
	const struct tcp_segment *s = l->s;
	struct tcp_side *mine = l->mine;

	mine->flags &= ~TCP_SIDE_KEEP_ALIVE;
	if (tcp_is_probe(l))
		return;
	if (l->crosses && l->end == mine->next) {
		sent_spoil(mine, s->seq); /* which of the two was acknowledged? */
		return;
	}
	if (l->end != s->seq || s->seq != mine->next || !(mine->flags & TCP_SIDE_KNOWN))
		tcp_place(l);
	if (s->flags & TCP_FIN)
		mine->flags |= TCP_SIDE_FIN;
	if (s->len)
		tcp_data(l);
}

static __always_inline void tcp_remember(struct tcp_look *l)
{
	const struct tcp_segment *s = l->s;
	struct tcp_side *mine = l->mine;

	if (s->shown & TCP_SHOWS_TIMES &&
	    (!(mine->flags & TCP_SIDE_KNOWN) || tcp_before(mine->tsval, s->tsval)))
		mine->tsval = s->tsval;
	mine->window = s->window;
	mine->flags |= TCP_SIDE_KNOWN;
}

/*
 * A SYN that is not this connection's, which lives on: late, or a stranger's. The other end answers
 * with what it expects (RFC 9293 3.10.7.4), and nobody's sequence numbers change.
 */
static __always_inline bool tcp_is_stray(const struct tcp_look *l)
{
	return l->s->flags & TCP_SYN && l->c->flags & TCP_CONN_OPEN &&
	       l->mine->flags & TCP_SIDE_KNOWN &&
	       !(l->mine->flags & TCP_SIDE_SYN && l->mine->isn == l->s->seq);
}

/* Count @s, which the right hook saw, in @c. */
static __always_inline void tcp_advance(struct tcp_conn *c, const struct tcp_segment *s,
					struct tcp_told *ret)
{
	struct tcp_side *mine = tcp_side_of(c, s->side), *other = tcp_side_of(c, ~s->side);
	struct tcp_look l = {
		.s = s,
		.c = c,
		.mine = mine,
		.other = other,
		.now_us = s->now_ns / 1000,
		.end = s->seq + s->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN),
	};

	ret->what = 0;
	tcp_turn(mine);
	tcp_turn(other);
	tcp_ecn(&mine->counts, s);
	if (s->flags & TCP_RST) {
		c->flags |= TCP_CONN_RST;
		if (s->flags & TCP_ACK)
			rtt_ack(other, s, l.now_us, ret);
	} else if (!tcp_is_stray(&l)) {
		tcp_shake(&l, ret);
		if (!(s->flags & TCP_SYN))
			tcp_window(mine, other, s);
		if (s->flags & TCP_ACK)
			tcp_acks(&l, ret);
		tcp_occupies(&l);
		tcp_remember(&l);
	}
	if (!mine->first_ns)
		mine->first_ns = s->now_ns;
	if (s->now_ns > mine->last_ns)
		mine->last_ns = s->now_ns;
	c->flags &= ~TCP_CONN_STRAIGHT;
	if (straight_conn(c))
		c->flags |= TCP_CONN_STRAIGHT;
}

#endif
