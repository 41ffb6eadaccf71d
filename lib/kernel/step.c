// SPDX-License-Identifier: Apache-2.0
/* See step.h. */
#include "kernel/step.h"

#include "kernel/journal.h"
#include "kernel/ring.h"
#include "kernel/store.h"

/* Somebody else has written since: what this process knows of the store is old. */
void commit_begin(struct table *t)
{
	if (t->commit_seen != t->ctl->commit_seq)
		store_close(t);
	__atomic_store_n(&t->ctl->commit_seq, t->ctl->commit_seq | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void commit_end(struct table *t)
{
	t->commit_seen = (t->ctl->commit_seq | 1) + 1;
	__atomic_store_n(&t->ctl->commit_seq, t->commit_seen, __ATOMIC_RELEASE);
}

static void change_entry(struct store_entry *e, const struct ctl_step *step)
{
	switch (step->change) {
	case STORE_WHOLE:
		*e = step->store;
		break;
	case STORE_PART:
		e->part = step->store.part;
		break;
	case STORE_EMPTY:
		part_empty(&e->part);
		break;
	case STORE_FREE:
		e->part = (struct flow_part) { 0 };
		break;
	}
}

/* All values are those of afterwards, so it does no harm to do it twice. */
static void step_apply(struct table *t)
{
	const struct ctl_step *step = &t->ctl->step;
	struct ledger_count *count;

	if (step->slot_idx != CTL_NONE)
		t->journal[step->slot_idx] = step->journal;
	if (step->store_idx != CTL_NONE)
		change_entry(&t->store[step->store_idx], step);
	if (step->part != CTL_NONE)
		ring_consume(&t->rings[step->part], step->ring_pos);
	if (step->ifindex) {
		count = table_hook_own(t, step->ifindex, step->direction, step->reason);
		if (count)
			*count = step->count;
	}
}

struct ctl_step *step_begin(struct table *t)
{
	struct ctl_step *step = &t->ctl->step;

	step->slot_idx = step->store_idx = step->part = CTL_NONE;
	step->ifindex = 0;
	return step;
}

void step_do(struct table *t)
{
	barrier();
	t->ctl->step.valid = 1;
	barrier();
	step_apply(t);
	barrier();
	t->ctl->step.valid = 0;
	barrier();
}

void journal_recover(struct table *t)
{
	if (!t->ctl->step.valid && !(t->ctl->commit_seq & 1))
		return;
	commit_begin(t);
	if (t->ctl->step.valid)
		step_do(t);
	if (t->ctl->batch.n)
		journal_finish_batch(t);
	store_close(t);
	commit_end(t);
}
