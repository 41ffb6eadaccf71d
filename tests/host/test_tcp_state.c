// SPDX-License-Identifier: Apache-2.0
/*
 * The state machine of TCP on the host, under the sanitizers: handshakes, windows, ECN, jitter, and
 * where a connection begins and ends.
 */
#include "tcp.h"

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


static bool is_next(int side, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct tcp_segment s = segment(side, 5000, flags, seq, 0, ack);

	return tcp_is_next(&conn, &s);
}

TEST(repeated_handshake_segments_move_no_time_and_are_timeouts)
{
	fresh();
	seg(0, 0, S, 99, 0, 0);
	seg(0, 1000, S, 99, 0, 0);
	seg(1, 1010, SA, 499, 0, 100);
	CHECK(told.handshake_us == 1010000);
	seg(1, 2010, SA, 499, 0, 100);
	seg(0, 2011, A, 100, 0, 500);
	seg(0, 2012, A, 100, 0, 500);
	CHECK(conn.syn_ack_ns - conn.syn_ns == 1010 * MS);
	CHECK(conn.ack_ns - conn.syn_ack_ns == 1001 * MS);
	CHECK(classes(0, 0, 1, 0) && classes(1, 0, 1, 0));
	CHECK(rtt(0, 0, TCP_NONE, TCP_NONE) && rtt(1, 0, TCP_NONE, TCP_NONE));
}

TEST(half_open_tells_nothing_and_is_never_open)
{
	fresh();
	seg(0, 0, S, 99, 0, 0);
	seg(0, 1000, S, 99, 0, 0);
	CHECK(!(conn.flags & TCP_CONN_OPEN) && !conn.syn_ack_ns && !conn.ack_ns);
	CHECK(conn.side[0].now.min_window == TCP_NONE && conn.side[0].last_window == TCP_NONE);
	CHECK(conn.side[0].jitter_x16_us == TCP_NONE);
	CHECK(conn.side[0].now.max_in_flight == TCP_NONE);
	CHECK(conn.side[1].first_ns == 0);
}

TEST(a_syn_ack_that_acknowledges_something_else_is_no_answer)
{
	fresh();
	seg(0, 0, S, 99, 0, 0);
	seg(1, 10, SA, 499, 0, 77);
	CHECK(!conn.syn_ack_ns && !(told.what & TCP_TELLS_HANDSHAKE));
	seg(1, 20, SA, 499, 0, 100);
	CHECK(told.handshake_us == 20000);
}

TEST(both_ends_may_open_at_once)
{
	fresh();
	seg(0, 0, S, 99, 0, 0);
	seg(1, 5, S, 499, 0, 0);
	seg(1, 15, SA, 499, 0, 100);
	CHECK(told.what & TCP_TELLS_HANDSHAKE);
	seg(0, 16, SA, 99, 0, 500);
	seg(0, 20, A, 100, 0, 500);
	CHECK(conn.client == 0 && conn.flags & TCP_CONN_OPEN);
	CHECK(conn.syn_ack_ns - conn.syn_ns == 15 * MS && conn.ack_ns - conn.syn_ack_ns == 5 * MS);
	CHECK(classes(0, 0, 0, 0) && classes(1, 0, 0, 0));
}

TEST(fast_open_data_in_the_syn_counts_and_its_ack_ends_the_handshake)
{
	struct tcp_segment s;

	fresh();
	seg(0, 0, S, 99, 300, 0);
	seg(1, 10, SA, 499, 0, 400);
	CHECK(told.handshake_us == 10000 && told.what & TCP_TELLS_RTT);
	seg(1, 10.5, A, 500, 1000, 400); /* the server need not wait */
	seg(0, 11, A, 400, 0, 500);
	CHECK(conn.ack_ns - conn.syn_ack_ns == MS);
	CHECK(conn.side[0].next == 400 && classes(0, 0, 0, 0) && classes(1, 0, 0, 0));

	fresh(); /* a server that takes the SYN alone; then the data is sent again */
	seg(0, 0, S, 99, 300, 0);
	seg(1, 10, SA, 499, 0, 100);
	CHECK(conn.syn_ack_ns && rtt(0, 0, TCP_NONE, TCP_NONE));
	s = segment(0, 11, A, 100, 300, 500);
	put(s);
	CHECK(conn.ack_ns && classes(0, 0, 1, 0));
}

TEST(a_connection_picked_up_in_the_middle_counts_from_there)
{
	fresh();
	seg(0, 0, A, 5000, 1000, 800);
	CHECK(classes(0, 0, 0, 0) && counts(0)->out_of_order == 0);
	seg(1, 10, A, 800, 0, 6000);
	CHECK(told.what == (TCP_TELLS_RTT | TCP_TELLS_OPEN) && told.rtt_us == 10000);
	CHECK(conn.client == TCP_NO_CLIENT && !conn.syn_ns && !conn.syn_ack_ns && !conn.ack_ns);
	CHECK(conn.side[0].last_window == 1000);
	seg(0, 300, A, 5000, 1000, 800);
	CHECK(classes(0, 0, 0, 1));
}

TEST(one_way_of_a_connection_opens_it_too)
{
	fresh();
	seg(0, 0, A, 5000, 1000, 800);
	CHECK(!(conn.flags & TCP_CONN_OPEN));
	seg(0, 1, A, 6000, 1000, 800);
	CHECK(conn.flags & TCP_CONN_OPEN && told.what & TCP_TELLS_OPEN);
}

/* Both SYNs, of these scales. */
static void scaled_handshake(uint8_t client, uint8_t server)
{
	struct tcp_segment s;

	fresh();
	s = segment(0, 0, S, 99, 0, 0);
	s.scale = client;
	put(s);
	s = segment(1, 10, SA, 499, 0, 100);
	s.scale = server;
	put(s);
	seg(0, 11, A, 100, 0, 500);
}

TEST(windows_are_scaled_where_both_ends_said_so)
{
	scaled_handshake(7, 0);
	CHECK(conn.side[0].last_window == 128000 && conn.side[1].last_window == TCP_NONE);
	seg_window(0, 12, 100, 10, 500, 2000);
	seg_window(0, 13, 110, 10, 500, 500);
	CHECK(conn.side[0].now.min_window == 64000 && conn.side[0].now.max_window == 256000);
	CHECK(conn.side[0].last_window == 64000);
	scaled_handshake(7, TCP_NO_SCALE);
	CHECK(conn.side[0].last_window == 1000);
	scaled_handshake(200, 0); /* RFC 7323: 14 at most */
	CHECK(conn.side[0].last_window == 1000 << 14);
}

TEST(windows_of_syn_and_rst_are_not_windows)
{
	struct tcp_segment s;

	fresh();
	s = segment(0, 0, S, 99, 0, 0);
	s.window = 0;
	put(s);
	s = segment(1, 10, R | A, 0, 0, 100);
	s.window = 0;
	put(s);
	CHECK(counts(0)->zero_windows == 0 && counts(1)->zero_windows == 0);
	CHECK(conn.side[0].now.max_window == TCP_NONE && conn.side[1].last_window == TCP_NONE);
}

TEST(ecn_is_counted_apart_and_by_packets_on_the_wire)
{
	static const uint8_t ecn[] = { 0, 1, 2, 2, 3, 3, 3 };
	struct tcp_segment s;

	handshake();
	for (unsigned i = 0; i < sizeof(ecn); i++) {
		s = segment(0, 20, A, 100 + 10 * i, 10, 500);
		s.ecn = ecn[i];
		put(s);
	}
	CHECK(counts(0)->ect1 == 1 && counts(0)->ect0 == 2 && counts(0)->ce == 3);
	s = segment(0, 21, A | TCP_ECE | TCP_CWR, 170, 30, 500);
	s.segments = 3;
	s.size = 10;
	s.ecn = 2;
	put(s);
	CHECK(counts(0)->ect0 == 5 && counts(0)->ece == 3 && counts(0)->cwr == 1);
	CHECK(counts(1)->ect0 == 0 && counts(1)->ece == 0);
}

TEST(jitter_is_the_estimator_of_rfc_3550)
{
	static const double at[] = { 20, 30, 41, 50, 50.016 }; /* gaps 10, 11, 9, 0.016 ms */
	uint32_t expected = 0;
	static const uint32_t d_us[] = { 1000, 2000, 8984 };

	handshake();
	for (int i = 0; i < 5; i++) {
		seg(0, at[i], A, 100 + 10 * i, 10, 500);
		CHECK(i > 1 || conn.side[0].jitter_x16_us == TCP_NONE);
	}
	for (int i = 0; i < 3; i++) /* A.8, in integers */
		expected += d_us[i] - ((expected + 8) >> 4);
	CHECK(conn.side[0].jitter_x16_us == expected);
	CHECK(conn.side[0].now.max_jitter_us == 8984);
	CHECK(conn.side[1].jitter_x16_us == TCP_NONE);
	CHECK(conn.side[1].now.max_jitter_us == TCP_NONE);
}

TEST(bytes_in_flight_are_what_is_not_acknowledged)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(0, 20, A, 1100, 1000, 500);
	seg(1, 30, A, 500, 0, 2100);
	seg(0, 31, A, 2100, 500, 500);
	CHECK(conn.side[0].now.max_in_flight == 2000);
	CHECK(conn.side[1].now.max_in_flight == TCP_NONE);
}

TEST(a_reset_counts_for_nothing_and_ends)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(1, 30, R, 77, 10, 0);
	CHECK(classes(1, 0, 0, 0) && counts(1)->out_of_order == 0 && counts(1)->zero_windows == 0);
	CHECK(conn.side[1].next == 500 && tcp_is_over(&conn));
}

TEST(a_new_syn_begins_another_connection_only_where_the_old_is_dead)
{
	handshake();
	CHECK(!is_next(0, S, 99, 0)); /* repeated */
	CHECK(!is_next(1, SA, 499, 100));
	CHECK(!is_next(0, S, 1100, 0)); /* in the window: it is answered by an ACK (RFC 5961) */
	CHECK(is_next(0, S, 0x80000000, 0)); /* the ports are used again, after silence */
	CHECK(!is_next(0, A, 0x80000000, 0) && !is_next(0, S | R, 0x80000000, 0));
	seg(0, 20, F | A, 100, 0, 500);
	CHECK(is_next(0, S, 1100, 0) && !is_next(0, S, 99, 0));
	handshake();
	seg(1, 20, R, 500, 0, 0);
	CHECK(is_next(0, S, 1100, 0) && is_next(1, S, 8000, 0) && !is_next(0, S, 99, 0));
	fresh();
	seg(0, 0, S, 99, 0, 0);
	CHECK(is_next(0, S, 100, 0) && !is_next(0, S, 99, 0));
	CHECK(!is_next(1, S, 7777, 0) && !is_next(1, SA, 7777, 100));
	seg(1, 10, SA, 499, 0, 100);
	CHECK(!is_next(1, SA, 777777, 100)); /* a SYN cookie of another second */
	fresh();
	seg(1, 0, SA, 499, 0, 100); /* before its SYN, in a capture */
	CHECK(!is_next(0, S, 99, 0));
	CHECK(conn.client == 0);
}

TEST(a_stray_syn_in_a_living_connection_changes_nothing)
{
	fresh();
	seg(0, 0, S, 99, 0, 0);
	seg(1, 10, SA, 499, 0, 100);
	seg(0, 11, A, 100, 0, 500);
	seg(0, 12, A, 100, 1000, 500);
	CHECK(!is_next(0, S, 4000, 0));
	seg(0, 13, S, 4000, 0, 0);
	seg(1, 14, SA, 9000, 0, 777);
	seg(0, 20, A, 1100, 1000, 500);
	seg(1, 21, A, 500, 300, 2100);
	CHECK(conn.side[0].isn == 99 && conn.side[1].isn == 499);
	CHECK(conn.side[0].next == 2100 && conn.side[1].next == 800);
	CHECK(classes(0, 0, 0, 0) && classes(1, 0, 0, 0));
}

TEST(a_window_of_time_ends_when_user_space_asks)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	conn.side[0].asked = 1;
	seg(1, 35, A, 500, 0, 1100); /* a packet of the other end does it too */
	CHECK(conn.side[0].done == 1 && conn.side[0].before.max_rtt_us == 10000);
	CHECK(conn.side[0].before.max_window == 1000 && conn.side[0].before.max_in_flight == 1000);
	CHECK(conn.side[0].now.min_rtt_us == 15000 && conn.side[0].now.max_rtt_us == 15000);
	CHECK(conn.side[0].now.max_window == TCP_NONE);
	CHECK(counts(0)->rtt_samples == 2);
}

TEST(a_clock_that_goes_back_makes_nothing_large)
{
	handshake();
	seg(0, 20, A, 100, 10, 500);
	seg(0, 30, A, 110, 10, 500);
	seg(0, 29.9, A, 120, 10, 500);
	seg(0, 40, A, 130, 10, 500);
	seg(1, 39, A, 500, 0, 140);
	CHECK(conn.side[0].now.max_jitter_us <= 10100 && told.what == 0);
	CHECK(conn.side[0].last_ns == 1000040 * MS);
}

/* Whatever comes: the classes add up, and the sanitizers are silent. */
TEST(nonsense_is_counted_somewhere_and_breaks_nothing)
{
	uint32_t r = 1;

	for (int round = 0; round < 200; round++) {
		fresh();
		for (int i = 0; i < 500; i++) {
			struct tcp_segment s;
			uint32_t x[6];

			for (int k = 0; k < 6; k++)
				x[k] = r = r * 1664525 + 1013904223;
			s = segment(x[0] >> 31, i + (x[0] >> 20) % 7, x[1] >> 24,
				    0xfffff000 + (x[2] >> 16) % 9000, (x[3] >> 16) % 3000,
				    0xfffff000 + (x[4] >> 16) % 9000);
			s.segments = 1 + (x[5] >> 28);
			s.size = (x[5] >> 12) % 1500;
			s.shown = x[5] >> 8 & 7;
			s.scale = x[5];
			s.ecn = x[5] >> 9;
			s.tsval = s.tsecr = x[4] >> 8;
			s.sack[0] = (struct tcp_range){ x[0], x[1] };
			s.sack[1] = (struct tcp_range){ s.ack, s.ack + 1000 };
			tcp_is_next(&conn, &s);
			put(s);
			CHECK(conn.side[0].n_sent <= TCP_SENT && conn.side[1].n_sent <= TCP_SENT);
		}
		for (int side = 0; side < 2; side++)
			CHECK(counts(side)->retransmissions ==
			      counts(side)->fast_retransmits + counts(side)->timeout_retransmits +
				      counts(side)->spurious_retransmits);
	}
}
