/* SPDX-License-Identifier: Apache-2.0 */
/* What went in and out of the interfaces, now, in all, and in the last minutes as a sparkline. */
#ifndef FLOWCTL_TOP_GAUGE_H
#define FLOWCTL_TOP_GAUGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define TOP_HISTORY 512
/* Index 0: in, 1: out. All zero: nothing was seen yet. */
struct top_gauge {
	struct ledger_count total[2];		/* since the beginning */
	double bits[2], packets[2];		/* a second, in the last interval */
	double history[2][TOP_HISTORY];		/* bits of the n-th interval at n % TOP_HISTORY */
	uint64_t n;
};

/* The totals are @now, @interval_ns after those of before (0: there were none). */
void top_gauge_add(struct top_gauge *g, const struct ledger_count now[2], uint64_t interval_ns);
/* The most bits a second of the last @intervals. */
double top_gauge_most(const struct top_gauge *g, int way, size_t intervals);
/*
 * The last @width intervals, the newest at the right, in blocks of eight heights (or characters
 * of plain text) up to the most of them. @buf: 3 * @width + 1 octets.
 */
void top_gauge_spark(const struct top_gauge *g, int way, size_t width, bool utf8, char *buf);

#endif
