/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The handshake: the times of the first SYN, of the first SYN-ACK that answers it and of the
 * first ACK of that. Whatever is repeated moves none of them. An ACK of the SYN may cover data
 * that came with it (fast open, RFC 7413), and both ends may have sent a SYN (RFC 9293 3.5).
 */
#ifndef FLOWCTL_TCP_HANDSHAKE_H
#define FLOWCTL_TCP_HANDSHAKE_H

#include "tcp_segment.h"

#define TCP_SCALE_MAX 14 /* RFC 7323 2.3 */

/* Does @ack cover the SYN of @w, and nothing that @w did not send? */
static __always_inline bool shake_acks(const struct tcp_side *w, __u32 ack)
{
	return w->flags & TCP_SIDE_SYN && ack - w->isn - 1 <= w->next - w->isn - 1;
}

static __always_inline void shake_open(struct tcp_conn *c, struct tcp_told *ret)
{
	c->flags |= TCP_CONN_OPEN;
	ret->what |= TCP_TELLS_OPEN;
}

static __always_inline void shake_syn(struct tcp_look *l, struct tcp_told *ret)
{
	const struct tcp_segment *s = l->s;
	struct tcp_conn *c = l->c;

	if (l->mine->flags & TCP_SIDE_SYN)
		c->flags |= TCP_CONN_SYN_AGAIN;
	if ((l->mine->flags & (TCP_SIDE_SYN | TCP_SIDE_SYN_ACK)) == TCP_SIDE_SYN &&
	    s->flags & TCP_ACK)
		l->crosses = true;
	l->mine->flags |= TCP_SIDE_SYN;
	l->mine->isn = s->seq;
	l->mine->scale = s->scale == TCP_NO_SCALE || s->scale <= TCP_SCALE_MAX ? s->scale :
										 TCP_SCALE_MAX;
	if (!(s->flags & TCP_ACK)) {
		if (c->client == TCP_NO_CLIENT && !(l->other->flags & TCP_SIDE_SPOKE)) {
			c->client = s->side & 1;
			c->syn_ns = s->now_ns;
		}
		return;
	}
	l->mine->flags |= TCP_SIDE_SYN_ACK;
	if (c->client == TCP_NO_CLIENT)
		c->client = ~s->side & 1;
	if (c->client == (s->side & 1) || c->syn_ack_ns)
		return;
	if (c->syn_ns && !shake_acks(l->other, s->ack))
		return;
	c->syn_ack_ns = s->now_ns;
	if (!c->syn_ns)
		return;
	ret->what |= TCP_TELLS_HANDSHAKE;
	ret->handshake_us = l->now_us - (__u32)(c->syn_ns / 1000);
}

/* An ACK while the connection is not known to be open. */
static __always_inline void shake_ack(struct tcp_look *l, struct tcp_told *ret)
{
	const struct tcp_segment *s = l->s;
	struct tcp_conn *c = l->c;
	bool spoke = l->mine->flags & TCP_SIDE_SPOKE;

	l->mine->flags |= TCP_SIDE_SPOKE;
	if (c->syn_ack_ns && !c->ack_ns && c->client == (s->side & 1) &&
	    shake_acks(l->other, s->ack)) {
		c->ack_ns = s->now_ns;
		shake_open(c, ret);
		return;
	}
	/* No handshake was seen, or not all of it: both ends speak, or one goes on. */
	if (l->other->flags & TCP_SIDE_SPOKE || (spoke && s->len && s->seq == l->mine->next))
		shake_open(c, ret);
}

static __always_inline void tcp_shake(struct tcp_look *l, struct tcp_told *ret)
{
	if (l->s->flags & TCP_SYN)
		shake_syn(l, ret);
	else if (l->s->flags & TCP_ACK && !(l->c->flags & TCP_CONN_OPEN))
		shake_ack(l, ret);
}

#endif
