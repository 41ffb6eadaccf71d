/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP's health of a flow, out of the connections of a table (abi_tcp.h): what the entry of its
 * connection says of this direction, less what was exported before. An entry that became another
 * connection's left its content in the ring `tcp_ends`; it stays there, for dump to see and for
 * the next agent, until it was told or is long gone.
 *
 * The counts are differences to tcp_side.taken, in pinned memory: a restarted agent goes on from
 * there. They leave in the same batch as the record they are in (journal.h), so that a kill
 * neither repeats nor loses them. Extremes are of a window of time that health_ask() ends.
 */
#ifndef FLOWCTL_KERNEL_HEALTH_H
#define FLOWCTL_KERNEL_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"
#include "kernel/table.h"

struct health;

/* For @t, which must live as long. A table without TCP metrics gives one that knows nothing. 0 or
 * fail(). */
int health_open(struct table *t, struct health **ret);
/* NULL is fine. */
void health_close(struct health *h);

/* Look at `tcp_ends` anew without consuming it (for dump, once a reading). 0 or fail(-ENOMEM). */
int health_look(struct health *h);
/*
 * Agent, each tick: look, and consume of `tcp_ends` what was told, or is long gone. What runs out
 * of room there is kept by this process alone. The folder is locked. *ret_n: how many are kept.
 */
int health_drain(struct health *h, size_t *ret_n);

/* What a record takes of its connections (there may be several, one after the other). */
#define HEALTH_PARTS 4
struct health_reading {
	size_t n;
	struct ctl_health part[HEALTH_PARTS];
};
/*
 * The health of flow @key, of which @part is held, into *ret; known = 0 where nothing was
 * observed by that flow's hook, or the entry is being written for too long. @reading NULL: only
 * look. Else the window of the extremes is ended before it is read (unless that was asked for
 * before), and *reading is what leaves with the record; @t is writable then.
 */
void health_read(struct health *h, const struct flow_key *key, const struct flow_part *part,
		 struct record_tcp *ret, struct health_reading *reading);
/* Of the connection's whole life, exported or not, what this direction's end sent. */
struct health_whole {
	bool known;
	uint32_t retransmissions, rtt_samples;
	uint64_t rtt_sum_us;
	uint64_t first_ns;	/* CLOCK_BOOTTIME, of its first packet that was seen */
};
/* That of flow @key, of which @part is looked at. As health_look() found things. */
void health_whole(struct health *h, const struct flow_key *key, const struct flow_part *part,
		  struct health_whole *ret);
/* Has a connection that @part of flow @key has packets of begun before it? */
bool health_goes_on(struct health *h, const struct flow_key *key, const struct flow_part *part);
/* A cut of the flow's record was asked for: let its window end here as well. @t is writable. */
void health_ask(struct health *h, const struct flow_key *key, const struct flow_part *part);
/* By this number connections lie in order; 0: the flow has none. */
uint32_t health_place(const struct health *h, const struct flow_key *key);
/* Fetch what health_read() of that flow will look at first; and, when that has come, what next. */
void health_prefetch(const struct health *h, const struct flow_key *key);
void health_prefetch_entry(const struct health *h, const struct flow_key *key);

/* What was read is in the open batch of records: no other record of it gets it as well. */
void health_leaves(struct health *h, const struct health_reading *reading);
/* The batch with these is committed, or given up (@n 0). */
void health_left(struct health *h, const struct ctl_health *v, size_t n);
/* Write down that @left has left (journal.c, in a step). May be done twice; does nothing if the
 * entry has become another's. */
void health_apply(struct table *t, const struct ctl_health *left);

#endif
