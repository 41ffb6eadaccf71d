/* SPDX-License-Identifier: Apache-2.0 */
/* When a flow's record leaves, and why (IANA flowEndReason). Pure decisions, no clock of its own. */
#ifndef FLOWCTL_FLOW_EXPIRE_H
#define FLOWCTL_FLOW_EXPIRE_H

#include <stdint.h>

#include "abi.h"
#include "flow/record.h"

/* All in ns. */
struct expire_policy {
	uint64_t idle_ns;
	uint64_t active_ns;
	uint64_t finished_ns;	/* quiet time after FIN or RST */
	uint64_t tick_ns;	/* resolution of last_ns: two of them are added to every quiet time */
};

enum expire_action {
	EXPIRE_KEEP,
	EXPIRE_ALL,	/* export all that is held of the flow */
	EXPIRE_CLOSED,	/* export only what no packet can add to any more */
	EXPIRE_ROTATE,	/* due, but still in an open slot: move the epoch, look again */
};

/*
 * What to do with a flow of which @all is held, @closed of it in closed generations.
 * @now_ns: CLOCK_BOOTTIME. *ret_reason is set for EXPIRE_ALL and EXPIRE_CLOSED.
 */
enum expire_action expire_decide(const struct expire_policy *policy, const struct flow_part *all,
				 const struct flow_part *closed, uint64_t now_ns,
				 enum flow_end_reason *ret_reason);

#endif
