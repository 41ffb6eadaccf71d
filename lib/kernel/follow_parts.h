/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of follow.h share; nobody else includes it. */
#ifndef FLOWCTL_KERNEL_FOLLOW_PARTS_H
#define FLOWCTL_KERNEL_FOLLOW_PARTS_H

#include "kernel/follow.h"

/* ---- follow_flows.c: the flows that are kept */

/* The sentence for want of memory; returns -ENOMEM. */
int follow_no_memory(void);
/* The interface that @key was metered at, if it is one of those that are followed, else NULL. */
const struct follow_iface *follow_iface_of(const struct follow *f, const struct flow_key *key);
/* Room for @cap flows. 0 or fail(-ENOMEM). */
int follow_reserve(struct follow *f, uint32_t cap);
/*
 * Add what @slot, a copy, shows beyond @seen to the flow that it is of. *seen is brought up to it.
 * 0 or fail(-ENOMEM).
 */
int follow_credit(struct follow *f, const struct flow_slot *slot, struct journal_entry *seen);
/* Those of the quarter that is silent longest go into `others`. 0 or fail(-ENOMEM). */
int follow_forget_some(struct follow *f);

#endif
