// SPDX-License-Identifier: Apache-2.0
/*
 * The program rotates a slot that was quiet for longer than the same limits, so what is
 * exported here as idle or finished never grows again; two ticks make sure that the
 * program has seen the limit pass too.
 *
 * The active time-out wants a clean cut: flags, times and extremes of a record are of its
 * own time. So the epoch is moved, each slot rotates at its next packet, and at the next
 * look what is held is all from before the cut.
 */
#include "flow/expire.h"

#include <netinet/tcp.h>

bool expire_is_quiet(const struct expire_policy *p, const struct flow_part *held, uint64_t now_ns,
		     uint64_t limit_ns)
{
	return now_ns >= held->last_ns + limit_ns + 2 * p->tick_ns;
}

enum expire_action expire_decide(const struct expire_policy *policy, const struct flow_part *held,
				 bool is_cut, uint64_t now_ns, enum flow_end_reason *ret_reason)
{
	bool finished = held->tcp_flags & (TH_FIN | TH_RST);

	/* The next connection of the same ends has begun: nothing more comes. */
	if (held->closed ||
	    (finished && expire_is_quiet(policy, held, now_ns, policy->finished_ns))) {
		*ret_reason = FLOW_END_DETECTED;
		return EXPIRE_EXPORT;
	}
	if (expire_is_quiet(policy, held, now_ns, policy->idle_ns)) {
		*ret_reason = FLOW_END_IDLE;
		return EXPIRE_EXPORT;
	}
	if (now_ns < held->first_ns + policy->active_ns)
		return EXPIRE_KEEP;
	if (!is_cut)
		return EXPIRE_CUT;
	*ret_reason = FLOW_END_ACTIVE;
	return EXPIRE_EXPORT;
}
