/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a namespace's hooks was handed to each output of the agent, in the pinned array
 * <cookie>/outputs, beside the table: it goes on over a restart and goes when the table goes.
 * The kernel program does not know it. It is told, and nothing depends on it: after a kill -9 the
 * batch that was under way may be missing.
 */
#ifndef FLOWCTL_KERNEL_OUTPUT_COUNTS_H
#define FLOWCTL_KERNEL_OUTPUT_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/table.h"

#define OUTPUT_COUNTS_MAX 256
#define OUTPUT_LABEL_MAX 96

struct output_count {
	char label[OUTPUT_LABEL_MAX];	/* "udp://127.0.0.1:4739"; "" = free. Cut to fit */
	uint32_t ifindex;
	uint32_t direction;
	uint64_t records, packets, bytes;
};

/* Mapped; v NULL: there is none. */
struct output_counts {
	struct output_count *v;
	size_t n;
};

/* What @t has; -ENOENT without a sentence when no agent was there. @t is writable: then it is made
 * where it is missing, and the folder is locked. 0 or fail(). */
int output_counts_open(const struct table *t, struct output_counts *ret);
void output_counts_close(struct output_counts *c);
/* The entry, taken if it is not there yet; NULL: no room. */
struct output_count *output_counts_of(const struct output_counts *c, const char *label,
				      uint32_t ifindex, uint8_t direction);

#endif
