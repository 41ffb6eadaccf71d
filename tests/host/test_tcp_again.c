// SPDX-License-Identifier: Apache-2.0
/*
 * What the state machine of TCP takes for a retransmission of which kind, for out of order, for a
 * keep-alive, a probe and a duplicate ACK. By RFC 5681, 2018, 2883, 7323 and 9293.
 */
#include "tcp.h"

TEST(a_segment_sent_twice_without_dup_acks_is_a_timeout_and_gives_no_rtt)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(0, 300, A, 100, 1000, 500);
	seg(1, 320, A, 500, 0, 1100);
	CHECK(told.what == 0);
	CHECK(classes(0, 0, 1, 0) && rtt(0, 1, 10000, 10000));
}

/* Four segments of 1000, the first lost on the way; three duplicate ACKs. */
static void lose_the_first(void)
{
	handshake();
	for (int i = 0; i < 4; i++)
		seg(0, 20, A, 100 + 1000 * i, 1000, 500);
	for (int i = 0; i < 3; i++)
		seg(1, 30 + i, A, 500, 0, 100);
}

TEST(a_retransmission_behind_three_dup_acks_is_fast)
{
	lose_the_first();
	CHECK(counts(1)->duplicate_acks == 3);
	seg(0, 33, A, 100, 1000, 500);
	CHECK(classes(0, 1, 0, 0));
	seg(1, 43, A, 500, 0, 4100);
	CHECK(told.what == 0 && rtt(0, 1, 10000, 10000));
}

TEST(a_retransmission_long_behind_the_dup_acks_is_a_timeout)
{
	lose_the_first();
	seg(0, 300, A, 100, 1000, 500);
	CHECK(classes(0, 0, 1, 0));
}

TEST(an_ack_moves_on_and_its_duplicates_begin_anew)
{
	lose_the_first();
	seg(1, 33, A, 500, 0, 1100);
	CHECK(conn.side[1].dup_acks == 0 && counts(1)->duplicate_acks == 3);
	seg(0, 34, A, 100, 1000, 500);
	CHECK(classes(0, 0, 0, 1)); /* acknowledged in the meantime */
}

static void seg_sack(int side, double ms, uint32_t seq, uint32_t ack, uint32_t left, uint32_t right)
{
	struct tcp_segment s = segment(side, ms, A, seq, 0, ack);

	s.shown = TCP_SHOWS_SACK;
	s.sack[0] = (struct tcp_range){ left, right };
	put(s);
}

TEST(sack_is_evidence_for_what_lies_before_its_blocks)
{
	handshake();
	for (int i = 0; i < 6; i++)
		seg(0, 20, A, 100 + 1000 * i, 1000, 500);
	seg_sack(1, 30, 500, 100, 2100, 3100);
	seg_sack(1, 31, 500, 100, 2100, 5100);
	seg(0, 32, A, 1100, 1000, 500); /* the second lost one; no dup ACK says its number */
	CHECK(classes(0, 1, 0, 0));
	seg(0, 33, A, 5100, 1000, 500); /* behind the blocks */
	CHECK(classes(0, 1, 1, 0));
}

TEST(a_dsack_makes_a_retransmission_spurious)
{
	lose_the_first();
	seg(0, 33, A, 100, 1000, 500);
	CHECK(classes(0, 1, 0, 0));
	seg_sack(1, 43, 500, 4100, 100, 1100);
	CHECK(classes(0, 0, 0, 1));
	seg_sack(1, 44, 500, 4100, 100, 1100);
	CHECK(classes(0, 0, 0, 1));

	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(0, 300, A, 100, 1000, 500);
	seg_sack(1, 310, 500, 1100, 100, 1100);
	CHECK(classes(0, 0, 0, 1));
}

TEST(a_dsack_may_lie_in_the_second_block)
{
	struct tcp_segment s;

	handshake();
	for (int i = 0; i < 4; i++)
		seg(0, 20, A, 100 + 1000 * i, 1000, 500);
	seg(0, 300, A, 2100, 1000, 500);
	s = segment(1, 310, A, 500, 0, 100);
	s.shown = TCP_SHOWS_SACK | TCP_SHOWS_SACK2;
	s.sack[0] = (struct tcp_range){ 2100, 3100 };
	s.sack[1] = (struct tcp_range){ 1100, 4100 };
	put(s);
	CHECK(classes(0, 0, 0, 1));
	s.sack[1] = (struct tcp_range){ 3100, 4100 }; /* two blocks, and no duplicate */
	put(s);
	CHECK(classes(0, 0, 0, 1));
}

TEST(what_user_space_took_is_not_taken_back_by_a_dsack)
{
	lose_the_first();
	seg(0, 33, A, 100, 1000, 500);
	conn.side[0].taken = *counts(0);
	conn.side[0].taken_gen = conn.gen;
	seg_sack(1, 43, 500, 4100, 100, 1100);
	CHECK(classes(0, 1, 0, 0));
}

TEST(a_lost_segment_seen_for_the_first_time_is_a_retransmission_too)
{
	handshake();
	seg(0, 20, A, 1100, 1000, 500); /* 100 was lost before it came here */
	seg(1, 30, A, 500, 0, 100);
	seg(0, 260, A, 100, 1000, 500);
	CHECK(classes(0, 0, 1, 0) && counts(0)->out_of_order == 0);
}

TEST(an_overtaken_segment_fills_the_hole_and_is_out_of_order)
{
	handshake();
	seg(0, 20, A, 1100, 1000, 500);
	seg(0, 20.5, A, 100, 1000, 500);
	CHECK(counts(0)->out_of_order == 1 && classes(0, 0, 0, 0));
	seg(0, 21, A, 100, 1000, 500); /* the hole is no more */
	CHECK(counts(0)->out_of_order == 1 && classes(0, 0, 1, 0));
	seg(1, 30, A, 500, 0, 2100); /* tcptrace: it may have waited for what filled the hole */
	CHECK(told.what == 0);
}

TEST(small_segments_are_not_out_of_order_because_they_are_small)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(0, 21, A, 1100, 1, 500);
	seg(0, 22, A, 1101, 500, 500);
	CHECK(counts(0)->out_of_order == 0 && classes(0, 0, 0, 0));
}

static void seg_time(double ms, uint32_t seq, uint32_t len, uint32_t tsval)
{
	struct tcp_segment s = segment(0, ms, A, seq, len, 500);

	s.shown = TCP_SHOWS_TIMES;
	s.tsval = tsval;
	put(s);
}

TEST(time_stamps_tell_overtaken_from_sent_again)
{
	handshake();
	seg_time(20, 100, 1000, 0xfffffff0);
	seg_time(21, 2100, 1000, 5); /* wrapped */
	seg_time(200, 1100, 1000, 0xfffffff1); /* late, but sent before */
	CHECK(counts(0)->out_of_order == 1 && classes(0, 0, 0, 0));
	seg_time(201, 4100, 1000, 10);
	seg_time(202, 3100, 1000, 11); /* soon, but sent after */
	CHECK(counts(0)->out_of_order == 1 && classes(0, 0, 1, 0));
}

TEST(holes_are_split_by_what_fills_their_middle)
{
	handshake();
	seg(0, 20, A, 5100, 1000, 500);
	seg(0, 20.1, A, 2100, 1000, 500);
	seg(0, 20.2, A, 100, 2000, 500);
	seg(0, 20.3, A, 3100, 2000, 500);
	CHECK(counts(0)->out_of_order == 3 && classes(0, 0, 0, 0));
	seg(0, 20.4, A, 2100, 1000, 500);
	CHECK(counts(0)->out_of_order == 3 && classes(0, 0, 1, 0));
}

TEST(more_holes_than_are_remembered_lose_the_oldest)
{
	handshake();
	for (int i = 0; i < TCP_HOLES + 1; i++)
		seg(0, 20, A, 1100 + 2000 * i, 1000, 500);
	for (int i = 0; i < TCP_HOLES + 1; i++)
		seg(0, 20.1, A, 100 + 2000 * i, 1000, 500);
	CHECK(counts(0)->out_of_order == TCP_HOLES && counts(0)->retransmissions == 1);
}

TEST(a_jump_out_of_any_window_begins_anew)
{
	handshake();
	seg(0, 20, A, 100 + 0x50000000, 1000, 500);
	seg(0, 21, A, 1100 + 0x50000000, 1000, 500);
	seg(0, 22, A, 100, 1000, 500);
	CHECK(classes(0, 0, 0, 0) && counts(0)->out_of_order == 0);
}

TEST(keep_alives_and_their_answers_are_nothing_else)
{
	handshake();
	seg(0, 5000, A, 99, 0, 500);
	seg(1, 5010, A, 500, 0, 100);
	seg(0, 10000, A, 99, 1, 500);
	seg(1, 10010, A, 500, 0, 100);
	CHECK(counts(0)->keep_alives == 2 && classes(0, 0, 0, 0));
	CHECK(counts(1)->duplicate_acks == 0 && counts(1)->keep_alives == 0);
	seg(1, 10011, A, 500, 0, 100);
	CHECK(counts(1)->duplicate_acks == 0);
	CHECK(rtt(0, 1, 10000, 10000));
}

TEST(an_octet_that_was_not_acknowledged_is_no_keep_alive)
{
	handshake();
	seg(0, 20, A, 100, 1, 500);
	seg(0, 300, A, 100, 1, 500);
	CHECK(counts(0)->keep_alives == 0 && classes(0, 0, 1, 0));
}

TEST(probes_of_a_closed_window_are_no_retransmissions)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg_window(1, 30, 500, 0, 1100, 0);
	seg(0, 300, A, 1100, 1, 500);
	seg_window(1, 310, 500, 0, 1100, 0);
	seg(0, 900, A, 1100, 1, 500);
	seg_window(1, 910, 500, 0, 1100, 0);
	CHECK(classes(0, 0, 0, 0) && counts(0)->keep_alives == 0);
	CHECK(counts(1)->zero_windows == 3 && counts(1)->duplicate_acks == 0);
	seg_window(1, 1000, 500, 0, 1101, 1000); /* it took the octet of the probe */
	seg(0, 1001, A, 1101, 1000, 500);
	seg(1, 1011, A, 500, 0, 2101);
	CHECK(told.rtt_us == 10000);
	CHECK(classes(0, 0, 0, 0) && counts(0)->out_of_order == 0);
	CHECK(counts(1)->zero_windows == 3 && conn.side[1].now.min_window == 0);
}

TEST(duplicate_acks_repeat_all_of_an_ack)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg_window(1, 30, 500, 0, 100, 1000); /* it repeats the SYN-ACK's */
	CHECK(counts(1)->duplicate_acks == 1);
	seg_window(1, 31, 500, 0, 100, 2000); /* a window update */
	seg_window(1, 32, 500, 10, 100, 2000); /* data */
	seg_window(1, 33, 500, 0, 100, 2000); /* not at its own next */
	CHECK(counts(1)->duplicate_acks == 1);
	seg(1, 34, F | A, 510, 0, 100);
	CHECK(counts(1)->duplicate_acks == 1);
}

TEST(a_fin_is_sent_again_by_timeout)
{
	handshake();
	seg(0, 20, F | A, 100, 0, 500);
	seg(0, 300, F | A, 100, 0, 500);
	CHECK(classes(0, 0, 1, 0) && !tcp_is_over(&conn));
	seg(1, 310, F | A, 500, 0, 101);
	CHECK(tcp_is_over(&conn) && conn.side[0].next == 101);
}
