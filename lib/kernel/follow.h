/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flows of some interfaces have counted since somebody began to look, reading after
 * reading. It takes differences of what the program itself counts, slot by slot, and reads the
 * rings at a position of its own: so it neither needs nor disturbs the agent, and what the agent
 * exports, or a flush drops, is no less in it. As exact as the ledger, but for what is in
 * `overruns` and for flows that gave way in silence (table_ctl.reclaim_ticks) between two readings.
 */
#ifndef FLOWCTL_KERNEL_FOLLOW_H
#define FLOWCTL_KERNEL_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/key_index.h"
#include "kernel/table.h"

#define FOLLOW_NONE UINT32_MAX

/* A flow; of TCP one connection: another one by the same key is another flow. */
struct follow_flow {
	struct flow_key key;
	uint64_t packets, bytes;		/* since follow_open() */
	uint64_t first_ns, last_ns;		/* CLOCK_BOOTTIME; first: as far as it is known */
	uint64_t new_packets, new_bytes;	/* with the reading of this number: */
	uint32_t reading;
	uint32_t owner[2];			/* the caller's, FOLLOW_NONE at first */
	uint8_t tcp_flags;
	bool syn_ack;				/* a SYN-ACK was among its packets */
	bool closed;				/* another connection of its key has begun */
};

struct follow_iface {
	uint32_t ifindex;
	bool whole;			/* all it has counted, not only what comes from now on */
};

struct follow {
	struct follow_flow *flows;
	uint32_t n;
	uint32_t *changed;		/* numbers of the flows that the last reading changed */
	uint32_t n_changed;
	uint32_t reading;		/* its number */
	uint32_t layout;		/* raised where flows got other numbers, and lost their owners */
	struct ledger_count others;	/* of flows that were forgotten, for there are too many */
	uint64_t overruns;		/* times that the agent emptied a ring faster than we looked */
	/* private to follow.c and follow_flows.c */
	const struct table *t;
	struct follow_iface *ifaces;
	size_t n_ifaces;
	uint32_t cap, limit;
	bool complete;
	struct key_index by_key;
	struct journal_entry *seen;	/* by slot: what is known; store_idx: its flow + 1 */
	uint64_t *ring_pos;		/* by part */
	uint64_t most_bytes;		/* that a ring had for us at the last look */
	uint64_t patience_ns;
	uint32_t *ahead;		/* slots whose past is still to come out of a ring */
	uint32_t n_ahead;
};

/* Follow the flows of @t, which must live as long, metered at @ifaces (copied). 0 or fail(). */
int follow_open(const struct table *t, const struct follow_iface *ifaces, size_t n,
		struct follow *ret);
/* All zero is fine. */
void follow_close(struct follow *f);
/*
 * Read everything: every packet that was counted before the call is in it. What an earlier
 * reading found is all in `flows`, too; `changed` is of this one alone. 0 or fail(-ENOMEM).
 */
int follow_read(struct follow *f);
/* The same, but the reading goes on: the next follow_read() ends it. */
int follow_gather(struct follow *f);
/* Only what the rings hold, before an agent takes it, for the next reading. 0 or fail(). */
int follow_drain(struct follow *f);
/* So long until follow_drain() is needed again; UINT64_MAX: nobody takes from the rings now. */
uint64_t follow_patience_ns(struct follow *f);

#endif
