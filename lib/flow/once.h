/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `count: once` (flowctl-agent(1)): every packet of the box in one record. Kept are the
 * records of ingress, with the egress interface filled in from the matching egress record,
 * and those of egress with no ingress interface or one that is not metered; lo by ingress only.
 */
#ifndef FLOWCTL_FLOW_ONCE_H
#define FLOWCTL_FLOW_ONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"

enum once_verdict { ONCE_KEEP, ONCE_DUPLICATE };

struct once;	/* of one namespace */

/* What was learnt of an egress record says nothing of packets later than @keep_ns behind it. */
int once_new(uint64_t keep_ns, struct once **ret);
void once_free(struct once *o);
/* Which hooks are metered (copied), and lo's ifindex (0 = none). */
int once_set_hooks(struct once *o, const struct hook_id *hooks, size_t n, uint32_t loopback);
/* Tell an egress record: where its flow left the box. Of several,
 * the one with most packets counts. */
void once_learn(struct once *o, const struct record *r);
/*
 * Ways are forgotten in rounds only, for a record may wait for long until it leaves. True where
 * there are so many that a round is due, which begins here: then tell all egress records that
 * are held, and once_end() forgets those ways that were not told and not used for @keep_ns.
 */
bool once_begin(struct once *o);
void once_end(struct once *o);
/* Keep @r or not; for a kept ingress record *ret_egress gets the egress interface, if known. */
enum once_verdict once_classify(struct once *o, const struct record *r, uint32_t *ret_egress);
/* For dump: drop the duplicates of @v in place, fill in the rest. Returns how many are left. */
size_t once_filter(struct once *o, struct record *v, size_t n);

#endif
