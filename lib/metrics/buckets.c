// SPDX-License-Identifier: Apache-2.0
/* Bounds in steps of 1, 2.5 and 5, which is what dashboards of such times are used to. */
#include "metrics/buckets.h"

#include "abi_forward.h"
#include "base/clock.h"

#define US(n_) ((n_) * NSEC_PER_USEC)
#define MS(n_) ((n_) * NSEC_PER_MSEC)

const struct buckets_bounds buckets_network = {
	.n = 16,
	.le_ns = { US(100), US(250), US(500), MS(1), US(2500), MS(5), MS(10), MS(25), MS(50), MS(100),
		   MS(250), MS(500), MS(1000), MS(2500), MS(5000), MS(10000) },
};

const struct buckets_bounds buckets_loop = {
	.n = 9,
	.le_ns = { MS(1), MS(5), MS(10), MS(50), MS(100), MS(500), MS(1000), MS(5000), MS(10000) },
};

/* The program's own. */
#define BIT(n_) (UINT64_C(1) << (FORWARD_FIRST_BIT + (n_)))
const struct buckets_bounds buckets_forward = {
	.n = FORWARD_BUCKETS - 1,
	.le_ns = { BIT(0), BIT(1), BIT(2), BIT(3), BIT(4), BIT(5), BIT(6), BIT(7), BIT(8),
		   BIT(9), BIT(10), BIT(11), BIT(12), BIT(13), BIT(14), BIT(15), BIT(16),
		   BIT(17), BIT(18), BIT(19), BIT(20), BIT(21), BIT(22), BIT(23), BIT(24) },
};

void buckets_add(struct buckets *b, const struct buckets_bounds *bounds, uint64_t ns)
{
	size_t i = 0;

	while (i < bounds->n && ns > bounds->le_ns[i])
		i++;
	b->count[i]++;
	b->sum_ns += ns;
}
