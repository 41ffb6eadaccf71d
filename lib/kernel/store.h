/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: records that were evicted and read, and are not exported yet, one entry a
 * flow, in a pinned map. Its index by key is this process's own, made on first use.
 */
#ifndef FLOWCTL_KERNEL_STORE_H
#define FLOWCTL_KERNEL_STORE_H

#include <stdint.h>

#include "kernel/table.h"

/* 64 well-mixed bits of a key, for tables of user space's own. */
uint64_t store_hash(const struct flow_key *key);
/* Build the index if there is none. 0 or fail(-ENOMEM). */
int store_open(struct table *t);
/* The entry of @key, or a free one (used == 0, its key not set); -ENOSPC when full. */
int store_find(struct table *t, const struct flow_key *key, uint32_t *ret_idx);
/* Tell the index of the entry @idx that was just written. */
void store_added(struct table *t, uint32_t idx);
/* Take entry @idx out of the index, before it is freed. */
void store_forget(struct table *t, uint32_t idx);
/* Drop the index: somebody else wrote. */
void store_close(struct table *t);

/* Add @from to @to (packets == 0: copy): sums, extremes, flags; first-packet values of the earlier. */
void part_add(struct flow_part *to, const struct flow_part *from);
/* What slot @s holds beyond @j (same generation; NULL or another one: all of it). */
void part_from_slot(struct flow_part *ret, const struct flow_slot *s, const struct journal_entry *j);

#endif
