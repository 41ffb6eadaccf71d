// SPDX-License-Identifier: Apache-2.0
/* Sequence numbers: gaps, wraps, overtaken and doubled messages, exporters that begin anew. */
#include "collect/sequence.h"

#include "test.h"

static struct sequence s;
static uint32_t n;

static enum sequence_verdict message(uint32_t sequence, uint32_t export_s, uint32_t records)
{
	enum sequence_verdict v = sequence_check(&s, sequence, export_s, 100, &n);

	sequence_advance(&s, records, 0);
	return v;
}

static void begin(void)
{
	memset(&s, 0, sizeof(s));
}

TEST(a_whole_stream_is_in_order_whatever_it_begins_with)
{
	begin();
	CHECK(message(1000, 1, 10) == SEQUENCE_FIRST);
	CHECK(message(1010, 2, 0) == SEQUENCE_OK);
	CHECK(message(1010, 3, 5) == SEQUENCE_OK);
	CHECK(message(1015, 4, 1) == SEQUENCE_OK);
	CHECK(s.lost == 0);
}

TEST(the_number_wraps_at_32_bits)
{
	begin();
	CHECK(message(0xfffffffe, 1, 3) == SEQUENCE_FIRST);
	CHECK(message(1, 2, 1) == SEQUENCE_OK);
	CHECK(message(0xffffffff, 3, 1) == SEQUENCE_BACK);
}

TEST(a_gap_across_the_wrap_is_as_wide_as_it_is)
{
	begin();
	message(0xfffffffe, 1, 1);
	CHECK(message(4, 2, 1) == SEQUENCE_GAP);
	CHECK(n == 5 && s.lost == 5);
}

TEST(a_late_message_fills_its_gap)
{
	begin();
	message(0, 1, 10);
	CHECK(message(20, 3, 10) == SEQUENCE_GAP && n == 10);
	CHECK(message(10, 2, 10) == SEQUENCE_LATE);
	CHECK(s.lost == 0);
	CHECK(message(30, 4, 1) == SEQUENCE_OK);
}

TEST(a_message_that_comes_twice_is_no_restart)
{
	begin();
	message(0, 1, 10);
	CHECK(message(0, 1, 10) == SEQUENCE_AGAIN);
	CHECK(message(10, 2, 1) == SEQUENCE_OK);
}

TEST(an_exporter_that_begins_again_at_0_is_recognised)
{
	begin();
	message(0, 1, 10);
	message(10, 2, 10);
	CHECK(message(0, 9, 4) == SEQUENCE_RESTART);
	CHECK(message(4, 10, 1) == SEQUENCE_OK);
	CHECK(message(2, 11, 1) == SEQUENCE_BACK && n == 3);
}

TEST(records_that_could_not_be_read_leave_room)
{
	begin();
	sequence_check(&s, 0, 1, 100, &n);
	sequence_advance(&s, 2, 30);
	CHECK(message(17, 2, 1) == SEQUENCE_OK);
	CHECK(message(18, 3, 1) == SEQUENCE_OK);
	sequence_check(&s, 19, 4, 100, &n);
	sequence_advance(&s, 0, 5);
	CHECK(message(30, 5, 1) == SEQUENCE_GAP && n == 6);
}
