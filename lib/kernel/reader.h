/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at the flows that a table holds: those of slots, rings and store, less what the
 * journal knows as credited or gone, merged by key. The read protocol is that of reference
 * "flow-table": what one CPU writes without locks is read without stopping it, and nothing
 * is changed or consumed.
 */
#ifndef FLOWCTL_KERNEL_READER_H
#define FLOWCTL_KERNEL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/key_index.h"
#include "kernel/table.h"

/* One flow as held now. */
struct flow {
	struct flow_key key;
	struct flow_part part;
};

struct snapshot {
	struct flow *flows;
	size_t n;
	uint64_t taken_ns;	/* CLOCK_BOOTTIME */
	/* private to reader.c */
	size_t cap;
	struct key_index by_key;
	uint32_t *gens;		/* by slot: the generation that was read */
	bool halves;		/* some flow may have packets without bytes, or bytes without packets */
	bool careful;		/* note what was read of it: */
	struct journal_entry *seen;
};

void snapshot_init(struct snapshot *s);
void snapshot_deinit(struct snapshot *s);
/*
 * Read everything @t holds into @s (emptied first; of one table always). Exact when no packet moves; under
 * traffic every packet counted before the call is in it once. Without an agent the
 * folder is locked for a moment to finish what a killed writer left half done.
 */
int snapshot_read(struct table *t, struct snapshot *s);
/* The same in a folder that the caller has locked. */
int snapshot_count(struct table *t, struct snapshot *s);

#endif
