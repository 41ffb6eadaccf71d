// SPDX-License-Identifier: Apache-2.0
#include "kernel/audit.h"
#include "test.h"

/* Every count is another power of two, so that a sum tells what is in it. */
static struct meter_ledger one_of_each(void)
{
	struct meter_ledger l = { 0 };

	l.held = (struct ledger_count) { 1 << 20, 3 << 20 };
	l.aged = (struct ledger_count) { 1 << 21, 3 << 21 };
	for (int reason = LEDGER_SEEN + 1; reason < LEDGER_REASONS; reason++)
		l.by[reason] = (struct ledger_count) { 1 << reason, 3 << reason };
	l.by[LEDGER_SEEN].packets = (1 << 20) + (1 << 21) + (1 << LEDGER_REASONS) - 2;
	l.by[LEDGER_SEEN].bytes = 3 * l.by[LEDGER_SEEN].packets;
	return l;
}

TEST(all_that_was_seen_is_in_one_other_count)
{
	struct meter_ledger l = one_of_each();
	int64_t packets, bytes;

	CHECK(meter_ledger_balances(&l, &packets, &bytes) && packets == 0 && bytes == 0);
	for (int reason = 0; reason < LEDGER_REASONS; reason++) {
		l = one_of_each();
		l.by[reason].packets += 7;
		CHECK(!meter_ledger_balances(&l, &packets, &bytes));
		CHECK(packets == (reason == LEDGER_SEEN ? 7 : -7) && bytes == 0);
	}
	l = one_of_each();
	l.held.bytes--;
	CHECK(!meter_ledger_balances(&l, &packets, &bytes) && packets == 0 && bytes == 1);
	l = one_of_each();
	l.aged.packets -= 2;
	CHECK(!meter_ledger_balances(&l, &packets, &bytes) && packets == 2 && bytes == 0);
}

/* Decapsulation's counters stand beside the sum. */
TEST(what_is_beside_the_sum_is_not_in_it)
{
	struct meter_ledger l = one_of_each();
	int64_t packets, bytes;

	memset(l.decap, 0xff, sizeof(l.decap));
	CHECK(meter_ledger_balances(&l, &packets, &bytes));
}

TEST(metered_is_what_came_into_records)
{
	struct meter_ledger l = one_of_each();
	struct ledger_count sum = meter_ledger_metered(&l);
	uint64_t lost = 0;

	for (int reason = LEDGER_FULL; reason <= LEDGER_SAMPLED_OUT; reason++)
		lost += l.by[reason].packets;
	CHECK(sum.packets + lost == l.by[LEDGER_SEEN].packets);
	CHECK(sum.bytes == 3 * sum.packets);
}

TEST(every_reason_has_a_name_of_its_own)
{
	for (int i = 0; i < LEDGER_REASONS; i++) {
		CHECK(meter_reason_name(i));
		for (int k = 0; k < i; k++)
			CHECK(strcmp(meter_reason_name(i), meter_reason_name(k)) != 0);
	}
}
