/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of flows that are still counted up: one a flow, interface and interval. Bounded. */
#ifndef FLOWCTL_SINK_VPC_LINES_H
#define FLOWCTL_SINK_VPC_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/vpc_field.h"

/* What of which interface and of which interval is counted up. Without padding: it is compared
 * and hashed as bytes. */
struct vpc_piece {
	struct vpc_key key;
	uint32_t place;			/* number of its interface, the caller's */
	uint32_t interval;		/* when it begins: seconds since 1970 */
	uint64_t packets, bytes;
	uint64_t first_ns, last_ns;
	uint64_t tcp_flags;
};

struct vpc_lines {
	struct vpc_piece *v;		/* in the order they came */
	size_t n, max;
	uint32_t *index;		/* by hash: number + 1, 0 = free; twice as many as lines */
	size_t cap;			/* of v; the index is mask + 1 long */
	size_t mask;
};

/* Room for @max lines, which is taken as they come. */
void vpc_lines_init(struct vpc_lines *l, size_t max);
void vpc_lines_deinit(struct vpc_lines *l);
/* Count @p into its line. False: there is no room for a line more, nothing was done. */
bool vpc_lines_add(struct vpc_lines *l, const struct vpc_piece *p);
/* Let go of all lines of intervals before @interval; the others keep their order. */
void vpc_lines_drop(struct vpc_lines *l, uint32_t interval);
/* Every line's place becomes what @to has at its number. */
void vpc_lines_renumber(struct vpc_lines *l, const uint32_t *to);

#endif
