/* SPDX-License-Identifier: Apache-2.0 */
/* The histograms of the metrics page: few buckets with fixed bounds, unlike flow/hist.h. */
#ifndef FLOWCTL_METRICS_BUCKETS_H
#define FLOWCTL_METRICS_BUCKETS_H

#include <stddef.h>
#include <stdint.h>

#define BUCKETS_MAX 32

struct buckets_bounds {
	size_t n;			/* < BUCKETS_MAX */
	uint64_t le_ns[BUCKETS_MAX];	/* ascending; inclusive */
};

/* Zeroed: empty. */
struct buckets {
	uint64_t count[BUCKETS_MAX + 1];	/* each for itself; [n of the bounds]: beyond all */
	uint64_t sum_ns;
};

/* Of times on a network, 100 us to 10 s; of delays within this process, 1 ms to 10 s; and those of
 * struct forward_latency. */
extern const struct buckets_bounds buckets_network, buckets_loop, buckets_forward;

/* One time, in ns. @bounds: always those that @b is of. */
void buckets_add(struct buckets *b, const struct buckets_bounds *bounds, uint64_t ns);

#endif
