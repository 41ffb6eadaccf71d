/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of forwarding latency (abi_forward.h): made with the first meter that wants it, pinned
 * with the table. */
#ifndef FLOWCTL_KERNEL_FORWARD_H
#define FLOWCTL_KERNEL_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "kernel/table.h"

enum forward_map { FORWARD_MAP_NOTES, FORWARD_MAP_PAIRS, FORWARD_MAP_STATS, FORWARD_MAPS };

/* The program's name of it. */
const char *forward_map_name(enum forward_map map);
/*
 * The descriptor of @map of @t, which the caller closes; @make: make and pin it where there is
 * none, the folder is locked. -ENOENT without a sentence when there is none, or fail().
 */
int forward_map_open(const struct table *t, enum forward_map map, bool make, int *ret_fd);

struct forward_way {
	struct forward_pair pair;
	struct forward_latency latency;
};
/*
 * What was measured, as of now: *ret (free() it) of *ret_n pairs of interfaces, and what became
 * of the packets chosen. -ENOENT without a sentence when it was never measured; or fail().
 */
int forward_read(const struct table *t, struct forward_way **ret, size_t *ret_n,
		 struct forward_stats *ret_stats);

#endif
