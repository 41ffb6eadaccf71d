/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a writer changes journal, store, ledger and ring positions so that it may be killed
 * between any two instructions: in steps. What a step changes is written down whole first,
 * as it is to be afterwards (ctl->step), and whoever comes next does an unfinished step again.
 *
 * All stores go to memory that outlives the process, in program order; compiler barriers
 * are enough, because nobody reads half-done work but after the writer's death.
 */
#ifndef FLOWCTL_KERNEL_STEP_H
#define FLOWCTL_KERNEL_STEP_H

#include "kernel/table.h"

#define barrier() __asm__ volatile("" ::: "memory")

/* Around all steps of one call; lookers start again that have met it. Folder locked. */
void commit_begin(struct table *t);
void commit_end(struct table *t);
/* A step to be filled in, that changes nothing yet. Until step_do() it says nothing. */
struct ctl_step *step_begin(struct table *t);
void step_do(struct table *t);

/* What a killed writer was sending, see journal_send(). The step it was at is done. */
void journal_finish_batch(struct table *t);

/* The generation of slot @idx that the journal waits for: those before are closed or never were. */
static inline uint32_t journal_gen(const struct table *t, uint32_t idx)
{
	uint32_t gen = t->journal[idx].gen;

	return gen ? gen : 2;
}

#endif
