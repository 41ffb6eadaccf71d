/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP's health of a flow, out of the connections of a table (abi_tcp.h): what the entry of its
 * connection says of this direction, less what was exported before. An entry that became another
 * connection's left its content in the ring `tcp_ends`; dump looks at those, and the agent keeps
 * what it took out of there until the record leaves.
 *
 * The counts are differences to tcp_side.taken, in pinned memory: a restarted agent goes on from
 * there. Extremes are of a window of time that health_ask() ends.
 */
#ifndef FLOWCTL_KERNEL_HEALTH_H
#define FLOWCTL_KERNEL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/record.h"
#include "kernel/table.h"

struct health;

/* For @t, which must live as long. A table without TCP metrics gives one that knows nothing. 0 or fail(-ENOMEM). */
int health_open(struct table *t, struct health **ret);
void health_close(struct health *h);

/* Look at `tcp_ends` anew without consuming it (for dump, once a reading). */
int health_look(struct health *h);
/* Agent: consume `tcp_ends`, and keep what it says until it is taken, or its flow is long gone.
 * The folder is locked. *ret_n: how many. */
int health_drain(struct health *h, size_t *ret_n);

/* What there is of one flow: as read, to be taken when its record leaves. */
struct health_reading {
	struct tcp_conn *entry;		/* live entry, or NULL */
	uint8_t side;
	uint32_t gen;
	struct tcp_counts counts;	/* as read */
	uint32_t kept;			/* of those that health_drain() keeps: a number, or 0 = none */
};
/*
 * The health of flow @key, whose packets are of @first_ns .. @last_ns (CLOCK_BOOTTIME), into
 * *ret; known = 0 where nothing was observed by that flow's hook. @reading NULL: only look. Else
 * the window of the extremes is ended (asked for) before it is read, and *reading is for
 * health_take(). @t is writable then.
 */
void health_read(struct health *h, const struct flow_key *key, uint64_t first_ns,
		 uint64_t last_ns, struct record_tcp *ret, struct health_reading *reading);
/* What was read leaves with a record. May be done twice; does nothing if the entry has become
 * another's. */
void health_take(struct health *h, const struct health_reading *reading);

/* Sum over the CPUs of what the program could not tell. */
void health_stats(const struct table *t, struct tcp_stats *ret);

#endif
