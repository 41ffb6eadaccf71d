/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: one pinned entry a flow, with all that was read of it and is not exported yet.
 * Which entries are free, and the index by key, are this process's own, made on first use.
 */
#ifndef FLOWCTL_KERNEL_STORE_H
#define FLOWCTL_KERNEL_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/key_index.h"
#include "kernel/table.h"

#define STORE_NONE KEY_INDEX_NONE

/* Build index and list of free entries, if they are not there. 0 or fail(-ENOMEM). */
int store_open(struct table *t);
/* Drop them: somebody else wrote. */
void store_close(struct table *t);
/* The entry of @key, whose hash is @hash, or STORE_NONE; not one that is closed. */
uint32_t store_find(const struct table *t, const struct flow_key *key, uint32_t hash);
/* One that is closed, of several the last that had begun at @first_ns, or STORE_NONE. */
uint32_t store_find_closed(const struct table *t, const struct flow_key *key, uint32_t hash,
			   uint64_t first_ns);
/* From now on the entry is an earlier connection's than what comes. May be done twice. */
void store_shut(struct table *t, uint32_t idx);
/* A free entry, or STORE_NONE: the store is full. It stays free until store_added(). */
uint32_t store_free(const struct table *t);
/* The entry that store_free() gave was written: key and used. */
void store_added(struct table *t, uint32_t idx, uint32_t hash);
/* Entry @idx is about to be freed; its key is still there. Nothing to do where nothing is known. */
void store_forget(struct table *t, uint32_t idx);

/* The same will soon be wanted of entry @idx: fetch what it needs. */
void store_prefetch(const struct table *t, uint32_t idx);

/* Since the flow's entry in the store is its own. */
static inline struct ledger_count part_total(const struct flow_part *p)
{
	return (struct ledger_count) {
		.packets = p->total_packets_low | (uint64_t)p->total_packets_high << 48,
		.bytes = p->total_bytes_low | (uint64_t)p->total_bytes_high << 56,
	};
}

/* Is @p rather what a part of the same key that began at @first_ns belongs to, than @than? */
bool part_is_nearer(const struct flow_part *p, const struct flow_part *than, uint64_t first_ns);
/*
 * Are these of one key two connections, one after the other? The one shows its end, or data, or
 * was met midway, and the other, that began behind it, a SYN: a slot begins anew at one that is
 * not sent again. So they are two records.
 */
bool part_is_apart(const struct flow_part *a, const struct flow_part *b);
/* Add @from, of the same flow @key, to @to (nothing held there yet: copy): sums, extremes,
 * flags; first-packet values of the earlier. used, closed and cut stay @to's. */
void part_add(struct flow_part *to, const struct flow_part *from, const struct flow_key *key);
/* Only the totals. */
void part_add_total(struct flow_part *to, const struct flow_part *from);
/* Nothing is held any more; used, last_ns and the totals stay. May be done twice. */
void part_empty(struct flow_part *p);
/* What slot @s holds beyond @j (same generation; another one: all of it). */
void part_from_slot(struct flow_part *ret, const struct flow_slot *s,
		    const struct journal_entry *j);

#endif
