/* SPDX-License-Identifier: Apache-2.0 */
/* What top reads: the meters of some interfaces of one namespace, its own or others'. */
#ifndef FLOWCTL_CMD_TOP_SOURCE_H
#define FLOWCTL_CMD_TOP_SOURCE_H

#include "kernel/follow.h"
#include "kernel/health.h"
#include "kernel/visit.h"
#include "targets.h"
#include "top/rows.h"

struct top_source {
	struct visit *visit;
	struct follow follow;
	struct health *health;
	struct top_iface *ifaces;	/* as those of visit */
	struct table_hook *hooks;	/* of all of them */
	size_t n_hooks;
	struct ledger_count before[2], full_before;	/* seen by them before top began */
};

/* Take @ns over, and attach what is not metered. All zero before. 0 or fail(). */
int top_source_open(struct top_source *s, struct netns *ns, const struct target *target);
/* Take off what was attached, and free. All zero is fine. 0 or fail(). */
int top_source_close(struct top_source *s);
/* Read the flows and look at connections. 0 or fail(). */
int top_source_read(struct top_source *s);
/* Add what its hooks have seen since the beginning, by direction, and what found no room. */
void top_source_count(const struct top_source *s, struct ledger_count seen[2],
		      struct ledger_count *full);
struct top_place top_source_place(struct top_source *s);

#endif
