// SPDX-License-Identifier: Apache-2.0
#include "flow/expire.h"
#include "test.h"

#define SEC UINT64_C(1000000000)

static const struct expire_policy policy = {
	.idle_ns = 15 * SEC, .active_ns = 60 * SEC, .finished_ns = SEC, .tick_ns = 4000000,
};

struct row {
	const char *what;
	uint64_t first, last, now;
	bool is_cut;
	uint8_t flags;
	enum expire_action action;
	enum flow_end_reason reason;
};

static const struct row rows[] = {
	{ "young and talking", 100 * SEC, 109 * SEC, 110 * SEC, false, 0, EXPIRE_KEEP, 0 },
	{ "quiet for just the limit, ticks missing", 100 * SEC, 100 * SEC, 115 * SEC, false, 0, EXPIRE_KEEP, 0 },
	{ "quiet for longer", 100 * SEC, 100 * SEC, 116 * SEC, false, 0, EXPIRE_EXPORT, FLOW_END_IDLE },
	{ "FIN just now", 100 * SEC, 110 * SEC, 110 * SEC, false, 0x11, EXPIRE_KEEP, 0 },
	{ "FIN and quiet", 100 * SEC, 110 * SEC, 112 * SEC, false, 0x11, EXPIRE_EXPORT, FLOW_END_DETECTED },
	{ "RST and quiet", 100 * SEC, 110 * SEC, 112 * SEC, false, 0x04, EXPIRE_EXPORT, FLOW_END_DETECTED },
	{ "old, and no cut made", 100 * SEC, 160 * SEC, 161 * SEC, false, 0, EXPIRE_CUT, 0 },
	{ "old, and cut", 100 * SEC, 160 * SEC, 161 * SEC, true, 0, EXPIRE_EXPORT, FLOW_END_ACTIVE },
};

TEST(every_row_of_the_policy_holds)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct flow_part held = { .packets = 2, .first_ns = r->first, .last_ns = r->last,
					 .tcp_flags = r->flags };
		enum flow_end_reason reason = 0;
		enum expire_action action = expire_decide(&policy, &held, r->is_cut, r->now, &reason);

		if (action != r->action || reason != r->reason)
			printf("# %s: action %d reason %d\n", r->what, action, reason);
		CHECK(action == r->action && reason == r->reason);
	}
}
