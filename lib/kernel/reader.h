/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at the flows that a table holds, merged by key: those of the store, and what slots
 * and rings show beyond what the journal says was credited to it. What a CPU writes without
 * locks is read without stopping it (slot.h), and nothing is changed or consumed.
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
	/* private to reader.c */
	size_t cap;
	struct key_index by_key;
	uint32_t *gens;		/* by slot: the generation that was read */
	bool halves;		/* some flow may have packets without bytes, or bytes without packets */
	uint64_t commit_seq;	/* of which it is true */
	bool careful;		/* note what was read of it: */
	struct journal_entry *seen;
};

/* All zero is empty: before, and after. */
void snapshot_deinit(struct snapshot *s);
/*
 * Read everything @t holds into @s (emptied first; of one table always). Exact when no packet
 * moves; under traffic every packet counted before the call is in it once. The folder is locked
 * where writers get in between again and again, and to finish what a killed one left half done.
 * 0 or fail().
 */
int snapshot_read(struct table *t, struct snapshot *s);
/* The same in a folder that the caller has locked; @t is writable. */
int snapshot_count(struct table *t, struct snapshot *s);
/* Has no writer got in between since the reading? */
bool snapshot_is_valid(const struct table *t, const struct snapshot *s);

#endif
