/* SPDX-License-Identifier: Apache-2.0 */
/* health.c's own: the entries of a flow's connections, and what they say as a record says it. */
#ifndef FLOWCTL_KERNEL_HEALTH_FIND_H
#define FLOWCTL_KERNEL_HEALTH_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/health.h"
#include "kernel/health_ends.h"

/* What one entry says of a flow's direction. */
struct found {
	struct tcp_side *live;	/* of the table, or of an end's copy; only for writing */
	uint32_t idx, gen;	/* as in ctl_health */
	uint8_t table;
	uint32_t conn_gen;
	uint64_t syn_ns, syn_ack_ns, ack_ns;
	struct tcp_side s;	/* of it, up to `next`, and user space's */
};

struct health_search {
	const struct flow_key *flow;
	const struct flow_part *part;
	struct tcp_key key;
	uint32_t hash;
	uint8_t side;
	struct found v[HEALTH_PARTS];
	size_t n;
};

/* Where to look for @flow, which must live as long. False: it has no connection. */
bool health_search_begin(const struct table *t, struct health_search *q,
			 const struct flow_key *flow);
/* All that @part of it, which must live as long, has packets of. */
void health_find(struct table *t, struct ends *ends, struct health_search *q,
		 const struct flow_part *part);

/* Of @batch, the open one: what leaves with it is not told again. */
struct tcp_counts health_taken(const struct found *f, uint32_t batch);
/* @counts, nowhere less than @taken. */
struct tcp_counts health_take_with(const struct tcp_counts *counts, const struct tcp_counts *taken);
/* Sum up what is found (something is) and not told yet, into *ret, which is all 0. @looking: no
 * window of the extremes was ended for it. */
void health_sum(const struct health_search *q, uint32_t batch, bool looking,
		struct record_tcp *ret);

#endif
