// SPDX-License-Identifier: Apache-2.0
#include "flow/forwarded.h"

#include <string.h>

#include "test.h"

/* As the program does: bucket n has what took up to 2^(FORWARD_FIRST_BIT + n) ns. */
static void took(struct forward_latency *l, uint64_t ns)
{
	int bucket = 0;

	while (bucket < FORWARD_BUCKETS - 1 && ns > UINT64_C(1) << (FORWARD_FIRST_BIT + bucket))
		bucket++;
	l->count[bucket]++;
	l->sum_ns += ns;
}

TEST(every_result_has_a_name_of_its_own)
{
	for (int i = 0; i < FORWARD_RESULTS; i++) {
		CHECK(forwarded_result_name(i) != NULL);
		for (int k = 0; k < i; k++)
			CHECK(strcmp(forwarded_result_name(i), forwarded_result_name(k)) != 0);
	}
	CHECK(forwarded_result_name(FORWARD_RESULTS) == NULL);
}

TEST(nothing_measured_has_no_mean)
{
	const struct forward_latency none = { 0 };

	CHECK(forwarded_count(&none) == 0);
	CHECK(forwarded_mean_ns(&none) == 0);
	CHECK(forwarded_quantile_ns(&none, 990) == 0);
}

TEST(a_quantile_is_a_bound_that_so_many_did_not_exceed)
{
	struct forward_latency l = { 0 }, sum = { 0 };

	for (int i = 0; i < 98; i++)
		took(&l, 3000);
	took(&l, 50000);
	took(&l, 9000000000);
	forwarded_add(&sum, &l);
	forwarded_add(&sum, &l);
	CHECK(forwarded_count(&sum) == 200);
	CHECK(forwarded_mean_ns(&sum) == (98 * UINT64_C(3000) + 50000 + 9000000000) / 100);
	CHECK(forwarded_quantile_ns(&sum, 500) == 4096);
	CHECK(forwarded_quantile_ns(&sum, 980) == 4096);
	CHECK(forwarded_quantile_ns(&sum, 990) == 65536);
	CHECK(forwarded_quantile_ns(&sum, 1000) == FORWARD_LATE_NS);
}

TEST(what_was_chosen_at_egress_is_measured_or_missed)
{
	const struct forward_stats s = { .by = { [FORWARD_NOTED] = 100, [FORWARD_MEASURED] = 60,
						 [FORWARD_UNMATCHED] = 1, [FORWARD_ELSEWHERE] = 2,
						 [FORWARD_AMBIGUOUS] = 3, [FORWARD_LATE] = 4,
						 [FORWARD_NO_ROOM] = 5, [FORWARD_REPLACED] = 50 } };

	CHECK(forwarded_missed(&s) == 15);
}
