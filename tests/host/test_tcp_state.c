// SPDX-License-Identifier: Apache-2.0
/*
 * The state machine of TCP on the host, under the sanitizers: a connection is a few lines, a
 * segment each, as tcpdump would print them; what they must count stands behind.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tcp_state.h"
#include "test.h"

#define MS 1000000ull

enum { S = TCP_SYN, F = TCP_FIN, R = TCP_RST, A = TCP_ACK, SA = TCP_SYN | TCP_ACK };

static struct tcp_conn conn;
static struct tcp_told told;

/* Begin with nothing. */
static void fresh(void)
{
	struct tcp_segment s = { 0 };

	memset(&conn, 0, sizeof(conn));
	conn.gen = 1;
	tcp_begin(&conn, &s);
}

static struct tcp_segment segment(int side, double ms, uint8_t flags, uint32_t seq, uint32_t len,
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

static void put(struct tcp_segment s)
{
	tcp_advance(&conn, &s, &told);
}

/* The usual segment. */
static void seg(int side, double ms, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack)
{
	put(segment(side, ms, flags, seq, len, ack));
}

/* Client is side 0, ISN 99; server ISN 499; 10 ms and 1 ms. */
static void handshake(void)
{
	fresh();
	seg(0, 0, S, 99, 0, 0);
	seg(1, 10, SA, 499, 0, 100);
	seg(0, 11, A, 100, 0, 500);
}

TEST(a_handshake_is_timed_and_told)
{
	fresh();
	seg(0, 0, S, 99, 0, 0);
	CHECK(told.what == 0);
	seg(1, 10, SA, 499, 0, 100);
	CHECK(told.what == (TCP_TELLS_HANDSHAKE | TCP_TELLS_RTT));
	CHECK(told.handshake_us == 10000 && told.rtt_us == 10000);
	seg(0, 11, A, 100, 0, 500);
	CHECK(told.what == (TCP_TELLS_OPEN | TCP_TELLS_RTT));
	CHECK(conn.client == 0 && conn.flags == TCP_CONN_OPEN);
	CHECK(conn.syn_ack_ns - conn.syn_ns == 10 * MS && conn.ack_ns - conn.syn_ack_ns == MS);
	CHECK(conn.side[0].counts.rtt_samples == 1 && conn.side[1].counts.rtt_samples == 1);
	CHECK(conn.side[0].counts.retransmissions == 0);
}

TEST(a_segment_sent_twice_without_dup_acks_is_a_timeout_and_gives_no_rtt)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(0, 300, A, 100, 1000, 500);
	seg(1, 320, A, 500, 0, 1100);
	CHECK(told.what == 0);
	CHECK(conn.side[0].counts.retransmissions == 1);
	CHECK(conn.side[0].counts.timeout_retransmits == 1);
	CHECK(conn.side[0].counts.rtt_samples == 1);
}
