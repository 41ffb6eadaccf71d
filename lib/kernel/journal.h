/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers of a table: agent, flush. What slots and rings show is credited to the flows of
 * the store (credit.c), and the journal says what was; from the store it leaves (journal.c).
 * All in steps that survive a kill (step.c). The namespace's folder is locked by the caller
 * (pin_dir_lock(&t->dir)) around all of these.
 */
#ifndef FLOWCTL_KERNEL_JOURNAL_H
#define FLOWCTL_KERNEL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sending.h"
#include "kernel/table.h"

/* Take over: finish a killed writer's operation, claim the lease for @lease_ns, find gaps. */
int journal_begin(struct table *t, uint64_t lease_ns);
/* Finish what a killed writer began. */
void journal_recover(struct table *t);
/* Credit what the rings hold. *ret_n: records. -ENOSPC: the store is full, the rest stays. */
int journal_drain(struct table *t, size_t *ret_n);
/*
 * Credit what the slots show and is not known yet, but what belongs behind a cut of its
 * flow. *ret_n: slots that had changed. -ENOSPC: the store has no room for some of the
 * flows; they stay where they are.
 */
int journal_scan(struct table *t, size_t *ret_n);

/* Has anybody else written? Then learn the store anew, which has taken what is known of it away. */
int journal_refresh(struct table *t);
/* The entry of @key, or CTL_NONE; not one that another connection has followed. */
uint32_t journal_find(const struct table *t, const struct flow_key *key);
/* One that another has followed, the last that had begun at @first_ns. */
uint32_t journal_find_closed(const struct table *t, const struct flow_key *key, uint64_t first_ns);

/* Entries that may be in use are 0 .. journal_top() - 1, after
 * journal_refresh() or _scan(), as is all below. */
uint32_t journal_top(const struct table *t);
/* How many entries are of connections that another one of the same key followed. */
uint32_t journal_closed(const struct table *t);
/* How many entries are free. */
uint32_t journal_room(const struct table *t);
/* The flow of entry @idx, or NULL. It may hold nothing. Valid until the next call here. */
const struct store_entry *journal_flow(const struct table *t, uint32_t idx);

/*
 * Ask for a clean cut of that flow's record: what comes after the next journal_bump_epoch()
 * belongs to another one.
 */
void journal_cut(struct table *t, uint32_t idx);
/* When it is asked for: that epoch of the last, or next, 8,192 whose lowest bits the entry has. */
uint32_t journal_cut_epoch(const struct table *t, const struct store_entry *e);
/* The cut was made: all packets before it are, or will be at the next scan, in the entry. */
bool journal_is_cut(const struct table *t, const struct store_entry *e);
/*
 * Ask for a clean cut of every flow that is held, at the next journal_bump_epoch(), of which this
 * is the first half: no other call here may come between. What turns up later of before the cut
 * is cut there as well. @t->cut_waits says whether rings wait for it: while it does, what leaves
 * should leave soon, for they have little room.
 */
void journal_cut_all(struct table *t);
/* Let every slot rotate at its next packet. */
void journal_bump_epoch(struct table *t);

/* What leaves an entry. */
struct journal_taken {
	uint32_t entry;
	uint8_t reason;		/* enum ledger_reason it is counted as in its hook's ledger */
	bool keep;		/* the entry: its flow will be back */
	uint8_t message;	/* of the batch, < SENDING_MESSAGES_MAX; or JOURNAL_NO_MESSAGE */
};
#define JOURNAL_NO_MESSAGE CTL_NO_MESSAGE
#define JOURNAL_BATCH_MAX CTL_BATCH_MAX
/* What leaves together: entries, and what of TCP's health their records say (kernel/health.h). */
struct journal_leaving {
	const struct journal_taken *v;
	size_t n;			/* at most JOURNAL_BATCH_MAX */
	const struct ctl_health *health;	/* by `of`, ascending */
	size_t n_health;		/* at most CTL_HEALTH_MAX */
};
/*
 * These are about to be sent by a call that notes in what is
 * returned, which says nothing yet, what it took; journal_take() of the same follows. Killed
 * in between, journal_recover() takes those whose messages had left, sets the sequence
 * behind them, and the others stay held.
 */
struct sending *journal_send(struct table *t, const struct journal_leaving *leaving);
/* All that the entries hold is gone from the table. After journal_drain() or _scan(). */
void journal_take(struct table *t, const struct journal_leaving *leaving);

/* Wait until no program runs that began before this call. */
int journal_wait_for_programs(struct table *t);

#endif
