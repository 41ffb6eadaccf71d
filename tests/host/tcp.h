/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection is a few lines, a segment each, as tcpdump would print them; what they must count
 * stands behind.
 */
#ifndef FLOWCTL_TEST_TCP_H
#define FLOWCTL_TEST_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp_state.h"
#include "test.h"

#define MS 1000000ull

enum { S = TCP_SYN, F = TCP_FIN, R = TCP_RST, A = TCP_ACK, SA = TCP_SYN | TCP_ACK };

static struct tcp_conn conn;
static struct tcp_told told;

/* Begin with nothing. */
static inline void fresh(void)
{
	struct tcp_segment s = { 0 };

	memset(&conn, 0, sizeof(conn));
	conn.gen = 1;
	tcp_begin(&conn, &s);
}

static inline struct tcp_segment segment(int side, double ms, uint8_t flags, uint32_t seq, uint32_t len,
				  uint32_t ack)
{
	return (struct tcp_segment){
		.side = side,
		.now_ns = 1000000 * MS + (uint64_t)(ms * MS),
		.flags = flags,
		.seq = seq,
		.len = len,
		.ack = ack,
		.segments = 1,
		.window = 1000,
		.scale = TCP_NO_SCALE,
	};
}

static unsigned went_straight;

/* The straight way of it, if it may go there. It leaves to others what user space asks of the other
 * side, as long as there is nothing to be written. */
static inline bool go_straight(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct facts f = { .tcp_flags = s->flags, .packets = s->segments, .tos = s->ecn };
	struct tcp_told nobody = { 0 };
	struct tcp_look l = {
		.s = s,
		.c = c,
		.mine = &c->side[s->side],
		.other = &c->side[!s->side],
		.now_us = s->now_ns / 1000,
		.end = s->seq + s->len,
	};

	if (!straight_packet(&f) || s->shown & ~TCP_SHOWS_TIMES || !straight_segment(&l))
		return false;
	straight_advance(&l, &nobody);
	if (l.other->asked != l.other->done) {
		tcp_turn(l.other);
		if (!straight_conn(c))
			c->flags &= ~TCP_CONN_STRAIGHT;
	}
	return true;
}

/* What both ways can count, they count alike. */
static inline void put(struct tcp_segment s)
{
	struct tcp_conn straight = conn;
	bool goes = go_straight(&straight, &s);

	tcp_advance(&conn, &s, &told);
	went_straight += goes;
	CHECK(!goes || memcmp(&straight, &conn, sizeof(conn)) == 0);
}

/* The usual segment. */
static inline void seg(int side, double ms, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack)
{
	put(segment(side, ms, flags, seq, len, ack));
}

/* Client is side 0, ISN 99; server ISN 499; 10 ms and 1 ms. */
static inline void handshake(void)
{
	fresh();
	seg(0, 0, S, 99, 0, 0);
	seg(1, 10, SA, 499, 0, 100);
	seg(0, 11, A, 100, 0, 500);
}

static inline const struct tcp_counts *counts(int side)
{
	return &conn.side[side].counts;
}

static inline bool classes(int side, uint32_t fast, uint32_t timeout, uint32_t spurious)
{
	const struct tcp_counts *n = counts(side);

	if (n->fast_retransmits == fast && n->timeout_retransmits == timeout &&
	    n->spurious_retransmits == spurious && n->retransmissions == fast + timeout + spurious)
		return true;
	printf("# %u retransmissions: fast %u, timeout %u, spurious %u\n", n->retransmissions,
	       n->fast_retransmits, n->timeout_retransmits, n->spurious_retransmits);
	return false;
}

static inline bool rtt(int side, uint32_t samples, uint32_t min_us, uint32_t max_us)
{
	const struct tcp_extremes *x = &conn.side[side].now;

	if (counts(side)->rtt_samples == samples && x->min_rtt_us == min_us &&
	    x->max_rtt_us == max_us)
		return true;
	printf("# rtt %u samples, %u to %u us\n", counts(side)->rtt_samples, x->min_rtt_us,
	       x->max_rtt_us);
	return false;
}

static inline void seg_window(int side, double ms, uint32_t seq, uint32_t len, uint32_t ack, uint16_t win)
{
	struct tcp_segment s = segment(side, ms, A, seq, len, ack);

	s.window = win;
	put(s);
}

#endif
