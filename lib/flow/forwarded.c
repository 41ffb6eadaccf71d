// SPDX-License-Identifier: Apache-2.0
/*
 * The program keeps counts in buckets of powers of two, and the sum: the mean is exact, a
 * quantile is known to a factor of two. It is told as the bound that it does not exceed, since a
 * figure between two bounds would be a guess.
 */
#include "flow/forwarded.h"

#include <stddef.h>

static const char *const names[FORWARD_RESULTS] = {
	[FORWARD_NOTED] = "noted",
	[FORWARD_MEASURED] = "measured",
	[FORWARD_UNMATCHED] = "unmatched",
	[FORWARD_ELSEWHERE] = "elsewhere",
	[FORWARD_AMBIGUOUS] = "ambiguous",
	[FORWARD_REPLACED] = "replaced",
	[FORWARD_LATE] = "late",
	[FORWARD_BUSY] = "busy",
	[FORWARD_NO_ROOM] = "no_room",
};

const char *forwarded_result_name(enum forward_result result)
{
	return (unsigned)result < FORWARD_RESULTS ? names[result] : NULL;
}

uint64_t forwarded_missed(const struct forward_stats *stats)
{
	return stats->by[FORWARD_UNMATCHED] + stats->by[FORWARD_ELSEWHERE] +
	       stats->by[FORWARD_AMBIGUOUS] + stats->by[FORWARD_LATE] + stats->by[FORWARD_NO_ROOM];
}

void forwarded_add(struct forward_latency *sum, const struct forward_latency *l)
{
	for (int i = 0; i < FORWARD_BUCKETS; i++)
		sum->count[i] += l->count[i];
	sum->sum_ns += l->sum_ns;
}

uint64_t forwarded_count(const struct forward_latency *l)
{
	uint64_t n = 0;

	for (int i = 0; i < FORWARD_BUCKETS; i++)
		n += l->count[i];
	return n;
}

uint64_t forwarded_mean_ns(const struct forward_latency *l)
{
	uint64_t n = forwarded_count(l);

	return n ? l->sum_ns / n : 0;
}

/* What took longer than FORWARD_LATE_NS is in no bucket. */
static uint64_t bound_ns(int bucket)
{
	return bucket < FORWARD_BUCKETS - 1 ? UINT64_C(1) << (FORWARD_FIRST_BIT + bucket) :
	       FORWARD_LATE_NS;
}

uint64_t forwarded_quantile_ns(const struct forward_latency *l, unsigned permille)
{
	uint64_t n = forwarded_count(l), seen = 0;

	for (int i = 0; n && i < FORWARD_BUCKETS; i++) {
		seen += l->count[i];
		if ((double)seen * 1000 >= (double)n * permille)
			return bound_ns(i);
	}
	return 0;
}
