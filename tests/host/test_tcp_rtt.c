// SPDX-License-Identifier: Apache-2.0
/*
 * Round-trip times: the samples that tcptrace takes, those inside of a super-packet, and those of
 * the timestamps.
 */
#include "tcp.h"

TEST(numbers_wrap)
{
	fresh();
	seg(0, 0, S, 0xfffffffe, 0, 0);
	seg(1, 10, SA, 0xffffffff, 0, 0xffffffff);
	seg(0, 11, A, 0xffffffff, 0, 0);
	CHECK(conn.ack_ns && rtt(1, 1, 1000, 1000));
	seg(0, 20, A, 0xffffffff, 1000, 0);
	seg(0, 20, A, 999, 1000, 0);
	seg(1, 30, A, 0, 0, 999);
	CHECK(told.rtt_us == 10000);
	seg(1, 31, A, 0, 0, 1999);
	CHECK(told.rtt_us == 11000);
	seg(0, 32, A, 0xffffffff, 1000, 0);
	CHECK(classes(0, 0, 0, 1) && counts(0)->out_of_order == 0);
	CHECK(conn.side[0].next == 1999);
}

TEST(rtt_is_of_the_segment_whose_end_is_acknowledged)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(0, 25, A, 1100, 1000, 500);
	seg(1, 40, A, 500, 0, 2100); /* the first is covered: no sample */
	CHECK(told.what == TCP_TELLS_RTT && told.rtt_us == 15000);
	seg(0, 50, A, 2100, 1000, 500);
	seg(1, 60, A, 500, 0, 2600); /* inside: no sample, then or later */
	seg(1, 61, A, 500, 0, 3100);
	CHECK(told.what == 0 && rtt(0, 2, 10000, 15000));
	CHECK(counts(0)->rtt_sum_us == 25000);
}

TEST(data_may_acknowledge_and_so_may_rst_and_fin)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(1, 30, A, 500, 10, 1100);
	CHECK(told.rtt_us == 10000 && told.what);
	seg(0, 40, F | A, 1100, 0, 510);
	CHECK(told.rtt_us == 10000 && told.what);
	seg(1, 51, R | A, 510, 0, 1101);
	CHECK(told.rtt_us == 11000 && told.what);
	CHECK(tcp_is_over(&conn));
}

TEST(an_ack_that_waited_for_a_retransmission_is_no_sample)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(0, 21, A, 1100, 1000, 500);
	seg(0, 300, A, 100, 1000, 500);
	seg(0, 301, A, 2100, 1000, 500);
	seg(1, 310, A, 500, 0, 2100); /* of 1100, sent before 100 was sent again */
	CHECK(told.what == 0);
	seg(1, 311, A, 500, 0, 3100);
	CHECK(told.rtt_us == 10000 && told.what);
}

TEST(new_data_behind_a_repeated_part_tells_its_own_time)
{
	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(0, 300, A, 100, 1400, 500);
	CHECK(classes(0, 0, 1, 0) && conn.side[0].next == 1500);
	seg(1, 310, A, 500, 0, 1500);
	CHECK(told.rtt_us == 10000 && told.what);
}

TEST(more_in_flight_than_is_remembered_still_gives_right_samples)
{
	handshake();
	for (int i = 0; i < 100; i++)
		seg(0, 20 + i, A, 100 + 100 * i, 100, 500);
	seg(1, 200, A, 500, 0, 300);
	CHECK(told.rtt_us == 179000 && told.what);
	seg(1, 201, A, 500, 0, 6000); /* 58 of them; this one is not remembered */
	CHECK(told.what == 0);
	seg(1, 202, A, 500, 0, 10100);
	CHECK(told.rtt_us == 83000 && told.what);
	CHECK(counts(0)->retransmissions == 0);
}

TEST(time_stamps_tell_the_rtt_where_numbers_never_match)
{
	struct tcp_segment s;

	fresh();
	for (int i = 0; i < 20; i++) { /* always acknowledged in the middle */
		s = segment(0, 100 * i, A, 1000 * i, 1000, 500);
		s.shown = TCP_SHOWS_TIMES;
		s.tsval = 7000 + 100 * i;
		put(s);
		s = segment(1, 100 * i + 30, A, 500, 0, 1000 * i + 700);
		s.shown = TCP_SHOWS_TIMES;
		s.tsecr = 7000 + 100 * i;
		put(s);
	}
	CHECK(counts(0)->rtt_samples > 0 && counts(0)->rtt_samples <= 4);
	CHECK(conn.side[0].now.min_rtt_us == 30000 && conn.side[0].now.max_rtt_us == 30000);
}

static struct tcp_segment super(double ms, uint32_t seq, uint32_t segments, uint32_t len)
{
	struct tcp_segment s = segment(0, ms, A, seq, len, 500);

	s.segments = segments;
	s.size = 1000;
	return s;
}

TEST(a_super_packet_is_a_range_of_segments)
{
	handshake();
	put(super(20, 100, 4, 3500));
	CHECK(conn.side[0].next == 3600);
	seg(1, 30, A, 500, 0, 2100); /* the end of its second segment */
	CHECK(told.rtt_us == 10000 && told.what);
	seg(1, 31, A, 500, 0, 3600);
	CHECK(told.rtt_us == 11000 && told.what);

	handshake();
	put(super(20, 100, 4, 3500));
	seg(1, 30, A, 500, 0, 1600); /* inside of one */
	CHECK(told.what == 0);

	handshake();
	put(super(20, 100, 4, 3500));
	put(super(300, 100, 4, 3500));
	CHECK(classes(0, 0, 4, 0));
	put(super(400, 2100, 3, 3000)); /* two of its segments are old, and one new from its middle */
	CHECK(classes(0, 0, 6, 0) && conn.side[0].next == 5100);
	seg(1, 410, A, 500, 0, 3600);
	CHECK(told.what == 0);

	handshake();
	put(super(20, 4100, 2, 2000));
	put(super(20.1, 100, 4, 4000));
	CHECK(counts(0)->out_of_order == 4 && classes(0, 0, 0, 0));
}
