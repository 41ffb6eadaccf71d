/* SPDX-License-Identifier: Apache-2.0 */
/* When a flow's record leaves, and why (IANA flowEndReason). Pure decisions,
 * no clock of its own. */
#ifndef FLOWCTL_FLOW_EXPIRE_H
#define FLOWCTL_FLOW_EXPIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "flow/record.h"

/* All in ns. */
struct expire_policy {
	uint64_t idle_ns;
	uint64_t active_ns;
	uint64_t finished_ns;	/* quiet time after FIN or RST */
	uint64_t tick_ns;	/* resolution of last_ns: two are added to every quiet time */
};

enum expire_action {
	EXPIRE_KEEP,
	EXPIRE_EXPORT,
	EXPIRE_CUT,	/* due, but not without a cut: ask for one, look again */
};

/*
 * What to do with a flow of which @held is there. @is_cut: what comes now belongs to its
 * next record. @now_ns: CLOCK_BOOTTIME. *ret_reason is set for EXPIRE_EXPORT.
 */
enum expire_action expire_decide(const struct expire_policy *policy, const struct flow_part *held,
				 bool is_cut, uint64_t now_ns, enum flow_end_reason *ret_reason);
/* Has it been quiet for @limit_ns, as far as ticks can tell? */
bool expire_is_quiet(const struct expire_policy *policy, const struct flow_part *held,
		     uint64_t now_ns, uint64_t limit_ns);

#endif
