// SPDX-License-Identifier: Apache-2.0
/*
 * The program rotates a slot that was quiet for longer than the same limits, so what is
 * exported here as idle or finished never grows again; two ticks make sure that the
 * program has seen the limit pass too.
 *
 * The active time-out wants a clean cut: flags, times and extremes of a record are of its
 * own time. So the epoch is moved, each slot rotates at its next packet, and at the next
 * look all that is older than the cut is closed.
 */
#include "flow/expire.h"

#define TCP_FIN 0x01
#define TCP_RST 0x04

static bool quiet_for(const struct expire_policy *p, const struct flow_part *all, uint64_t now,
		      uint64_t limit)
{
	return now >= all->last_ns + limit + 2 * p->tick_ns;
}

enum expire_action expire_decide(const struct expire_policy *policy, const struct flow_part *all,
				 const struct flow_part *closed, uint64_t now_ns,
				 enum flow_end_reason *ret_reason)
{
	bool finished = all->tcp_flags & (TCP_FIN | TCP_RST);

	if (finished && quiet_for(policy, all, now_ns, policy->finished_ns)) {
		*ret_reason = FLOW_END_DETECTED;
		return EXPIRE_ALL;
	}
	if (quiet_for(policy, all, now_ns, policy->idle_ns)) {
		*ret_reason = FLOW_END_IDLE;
		return EXPIRE_ALL;
	}
	if (now_ns < all->first_ns + policy->active_ns)
		return EXPIRE_KEEP;
	if (!closed->packets || closed->first_ns != all->first_ns)
		return EXPIRE_ROTATE;
	*ret_reason = FLOW_END_ACTIVE;
	return EXPIRE_CLOSED;
}
