/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How durations are spread: a histogram of 32-bit microseconds, each octave of which is divided
 * into 256 equal buckets. Up to 511 us a bucket is one microsecond; above, no wider than 1/256
 * of what it holds. Fixed size, nothing is ever dropped.
 */
#ifndef FLOWCTL_FLOW_HIST_H
#define FLOWCTL_FLOW_HIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define HIST_BITS    8
#define HIST_BUCKETS ((32 - HIST_BITS + 1) << HIST_BITS)

/* Zeroed: empty. 50 KiB. */
struct hist {
	uint64_t count;
	uint64_t sum_us;
	uint32_t min_us, max_us;	/* exact; meaningless while count is 0 */
	uint64_t bucket[HIST_BUCKETS];
};

/* One duration, in us. */
void hist_add(struct hist *h, uint32_t us);
/* Nearest to the exact sum / count; 0 when empty. */
uint32_t hist_mean(const struct hist *h);
/* The quantile @permille (1..1000) by nearest rank: exact up to 511 us, else within 0.2 % of that
 * sample. 0 when empty. */
uint32_t hist_quantile(const struct hist *h, unsigned permille);

/* The histogram in coarser rows, from the smallest sample to the biggest: as fine as 16 rows
 * allow, else octaves. Returns how many. */
#define HIST_ROWS_MAX 33
struct hist_row {
	uint32_t from_us, to_us;	/* both inclusive */
	uint64_t count;
};
size_t hist_rows(const struct hist *h, struct hist_row ret[HIST_ROWS_MAX]);
/* Those as lines of text with bars, at most 80 columns; milliseconds. Nothing when empty. */
void hist_text(const struct hist *h, struct strbuf *out);

#endif
