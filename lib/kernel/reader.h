/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the flows that a table holds: those of slots, rings and store, less what the
 * journal knows as gone, merged by key. The read protocol is that of reference
 * "flow-table": what one CPU writes without locks is read without stopping it.
 *
 * A reader only looks. A taker (agent, flush; folder locked) also drains the rings into
 * the store and marks flows as gone in the journal.
 */
#ifndef FLOWCTL_KERNEL_READER_H
#define FLOWCTL_KERNEL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/table.h"

/* One flow as held now. `closed` is the part of it that no packet can add to any more
 * (generations of an earlier epoch, evicted ones); `all` includes the open slots. */
struct flow {
	struct flow_key key;
	struct flow_part all;
	struct flow_part closed;
	uint32_t refs;		/* head of its list in snapshot.refs, index + 1 */
};

struct snapshot_ref {
	uint32_t next;		/* index + 1, 0 = end */
	uint32_t idx;		/* slot, or store entry */
	uint32_t gen;		/* slot: as read */
	uint32_t last_tick;
	bool in_store;
	bool closed;
	uint64_t packets, bytes;	/* slot: total of the generation as read */
	uint32_t flow;		/* index into snapshot.flows */
	struct flow_part part;	/* what is held there */
};

struct snapshot {
	struct flow *flows;
	size_t n;
	struct snapshot_ref *refs;
	size_t n_refs;
	uint64_t taken_ns;	/* CLOCK_BOOTTIME */
	uint32_t epoch;
	/* private to reader.c */
	size_t cap, cap_refs;
	uint32_t *index;
	uint32_t index_mask;
	uint32_t *slot_ref;	/* by slot: index + 1 into refs */
	uint32_t n_slots;
};

void snapshot_init(struct snapshot *s);
void snapshot_deinit(struct snapshot *s);
/*
 * Read everything @t holds into @s (emptied first). Exact when no packet moves; under
 * traffic every packet counted before the call is in it once. Without an agent the
 * folder is locked for a moment to finish what a killed writer left half done.
 */
int snapshot_read(struct table *t, struct snapshot *s);

/* As a looker, in a folder that the caller has locked: what the rings hold is in it. */
int snapshot_count(struct table *t, struct snapshot *s);

/* Writers. The folder is locked by the caller (pin_dir_lock(&t->dir)) around all of these. */

/* Take over: finish a killed writer's operation, claim the lease for @lease_ns, find gaps. */
int journal_begin(struct table *t, uint64_t lease_ns);
/* Move what the rings hold into the store. *ret_n: records. -ENOSPC: the store is full, the rest stays. */
int journal_drain(struct table *t, size_t *ret_n);
/* Finish what a killed writer began. */
void journal_recover(struct table *t);
/* Mark as gone: the whole flow, or only its closed part. Counted as @reason in its hook's ledger. */
int journal_take(struct table *t, struct snapshot *s, struct flow *f, bool closed_only,
		 enum ledger_reason reason);
/* Wait until no program runs that began before this call. */
int journal_wait_for_programs(struct table *t);
/* Let every slot rotate at its next packet. */
void journal_bump_epoch(struct table *t);

#endif
