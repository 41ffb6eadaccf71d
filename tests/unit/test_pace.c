// SPDX-License-Identifier: Apache-2.0
/* A bucket by a clock that the test winds. Truesizes are those that `ss -m` shows on Linux. */
#include "ipfix/pace.h"

#include "base/clock.h"
#include "test.h"

#define T0 (1000 * NSEC_PER_SEC)
/* 1400 bytes take 2304: as much per second leave as 1400 of every 2304 */
#define RATE(bytes_) ((bytes_) * UINT64_C(2304) / 1400)

TEST(a_datagram_takes_what_the_kernel_allocates_for_it)
{
	static const struct {
		size_t len, cost;
	} rows[] = { { 20, 768 }, { 100, 768 }, { 150, 768 }, { 600, 1280 }, { 1400, 2304 },
		     { 1472, 2304 }, { 65507, 131328 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(pace_cost(rows[i].len) == rows[i].cost);
	/* 92 fill a default receive buffer */
	CHECK(92 * pace_cost(1400) <= 212992 && 93 * pace_cost(1400) > 212992);
	CHECK(PACE_BURST == 212992 / 4);
}

TEST(without_a_limit_nobody_waits)
{
	struct pace p;

	pace_init(&p, 0);
	for (int i = 0; i < 1000; i++) {
		CHECK(pace_wait_ns(&p, PACE_BURST, T0) == 0 && pace_budget(&p) == PACE_NO_LIMIT);
		pace_spend(&p, 65507);
	}
}

/* Send all that may be sent until @end; what was sent, in buffer bytes. */
static uint64_t send_until(struct pace *p, size_t batch_messages, uint64_t *now, uint64_t end)
{
	size_t cost = pace_cost(1400);
	uint64_t sent = 0, wait;

	while (*now < end) {
		wait = pace_wait_ns(p, batch_messages * cost, *now);
		*now += wait;
		if (wait)
			continue;
		for (size_t i = 0; i < batch_messages && (i + 1) * cost <= pace_budget(p); i++)
			sent += cost;
		for (size_t i = 0, n = pace_budget(p) / cost; i < n && i < batch_messages; i++)
			pace_spend(p, 1400);
		*now += 1000;
	}
	return sent;
}

TEST(a_rate_is_kept_over_any_time_whatever_the_batches)
{
	static const size_t batches[] = { 1, 7, 23, 46 };
	static const uint64_t rates[] = { 1000000, 16000000, 300000000 };

	for (size_t i = 0; i < 12; i++) {
		uint64_t rate = rates[i / 4], now = T0, sent;
		struct pace p;

		pace_init(&p, rate);
		sent = send_until(&p, batches[i % 4], &now, T0 + 20 * NSEC_PER_SEC);
		if (sent > RATE(rate) * 20 + PACE_BURST * 2 || sent < RATE(rate) * 19)
			printf("# %zu at %zu: %zu, not %zu\n", batches[i % 4], (size_t)rate,
			       (size_t)sent, (size_t)(RATE(rate) * 20));
		CHECK(sent <= RATE(rate) * 20 + PACE_BURST * 2 && sent >= RATE(rate) * 19);
	}
}

TEST(no_more_than_a_burst_leaves_at_any_moment)
{
	struct pace p;
	uint64_t at_once = 0;

	pace_init(&p, 16000000);
	while (pace_wait_ns(&p, pace_cost(1400), T0) == 0) {
		pace_spend(&p, 1400);
		at_once += pace_cost(1400);
	}
	CHECK(at_once <= PACE_BURST && at_once > PACE_BURST - 2304);
	/* and again a while later */
	for (at_once = 0; pace_wait_ns(&p, pace_cost(1400), T0 + NSEC_PER_SEC) == 0;) {
		pace_spend(&p, 1400);
		at_once += pace_cost(1400);
	}
	CHECK(at_once <= PACE_BURST && at_once > PACE_BURST - 2304);
}

TEST(the_wait_is_as_long_as_it_says)
{
	struct pace p;
	uint64_t wait;

	pace_init(&p, 16000000);
	CHECK(pace_wait_ns(&p, PACE_BURST, T0) == 0);
	for (int i = 0; i < 23; i++)
		pace_spend(&p, 1400);
	wait = pace_wait_ns(&p, PACE_BURST, T0);
	/* 23 * 1400 bytes at 16 bytes a us */
	CHECK(wait > 2010000 && wait < 2015000);
	CHECK(pace_wait_ns(&p, PACE_BURST, T0 + wait - 2) > 0);
	CHECK(pace_wait_ns(&p, PACE_BURST, T0 + wait) == 0);
}

/* Asked a million times, and each time less than a byte came in. */
TEST(a_slow_rate_is_not_lost_in_the_rounding)
{
	uint64_t now = T0;
	struct pace p;

	pace_init(&p, 1000);
	CHECK(pace_wait_ns(&p, 2304, now) == 0);
	for (int i = 0; i < 23; i++)
		pace_spend(&p, 1400);
	for (; pace_wait_ns(&p, 2304, now) && now < T0 + 100 * NSEC_PER_SEC; now += 50000)
		;
	CHECK(now > T0 + 32 * NSEC_PER_SEC && now < T0 + 33 * NSEC_PER_SEC);
}

TEST(a_batch_before_its_time_is_paid_for)
{
	struct pace p;

	pace_init(&p, 16000000);
	CHECK(pace_wait_ns(&p, PACE_BURST, T0) == 0);
	for (int i = 0; i < 100000; i++)
		pace_spend(&p, 1400);
	CHECK(pace_budget(&p) == PACE_NO_LIMIT);
	CHECK(pace_wait_ns(&p, PACE_BURST, T0 + NSEC_PER_SEC) == 0);
}

TEST(the_usual_rate_rises_under_a_load_that_lasts_and_no_other_does)
{
	uint64_t now = T0, sent;
	struct pace p;

	pace_init(&p, PACE_AUTO);
	sent = send_until(&p, 46, &now, T0 + 15 * NSEC_PER_SEC);
	CHECK(sent <= RATE(5000000) * 15 + 2 * PACE_BURST);
	sent = send_until(&p, 46, &now, T0 + 16 * NSEC_PER_SEC);
	CHECK(sent > RATE(10000000) * 9 / 10 && sent < RATE(11000000));
	sent = send_until(&p, 46, &now, T0 + 17 * NSEC_PER_SEC);
	CHECK(sent > RATE(20000000) * 9 / 10 && sent < RATE(22000000));
	sent = send_until(&p, 46, &now, T0 + 60 * NSEC_PER_SEC);
	CHECK(sent > 50 * RATE(UINT64_C(1000000000)));
	/* a moment's rest, and it is the usual again */
	now += NSEC_PER_SEC / 5;
	CHECK(pace_wait_ns(&p, PACE_BURST, now) == 0);
	sent = send_until(&p, 46, &now, now + NSEC_PER_SEC);
	CHECK(sent <= RATE(5000000) + 2 * PACE_BURST);
	/* in need it rises at once */
	now += NSEC_PER_SEC / 5;
	CHECK(pace_wait_ns(&p, PACE_BURST, now) == 0);
	for (int i = 0; i < 10; i++)
		pace_hurry(&p, now + i);
	sent = send_until(&p, 46, &now, now + NSEC_PER_SEC);
	CHECK(sent > RATE(10000000) * 9 / 10 && sent < RATE(11000000));
	/* one that was asked for is kept */
	pace_init(&p, 16000000);
	now = T0;
	CHECK(pace_wait_ns(&p, PACE_BURST, now) == 0);
	pace_hurry(&p, now);
	sent = send_until(&p, 46, &now, T0 + 20 * NSEC_PER_SEC);
	CHECK(sent <= RATE(16000000) * 20 + 2 * PACE_BURST);
}
