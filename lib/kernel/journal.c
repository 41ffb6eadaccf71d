// SPDX-License-Identifier: Apache-2.0
/*
 * What writers do to a table: move records from the rings into the store, and note what is
 * gone. The writer may be killed between any two instructions, so all is done in steps: what
 * one changes, in journal, store, ledger and ring position, is written down whole first, as
 * it is to be afterwards (ctl->step), and whoever comes next does an unfinished step again.
 * A record whose generation the journal is already past was moved before: it is skipped.
 *
 * All stores go to memory that outlives the process, in program order; compiler barriers
 * are enough, because nobody reads half-done work but after the writer's death.
 */
#include "kernel/reader.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "kernel/ring.h"
#include "kernel/slot.h"
#include "kernel/store.h"

#define barrier() __asm__ volatile("" ::: "memory")

/* table_ctl.gaps */
enum { GAPS_NONE, GAPS_GROW, GAPS_END };

/* Somebody else has written since: what this process knows of the store is old. */
static void commit_begin(struct table *t)
{
	if (t->commit_seen != t->ctl->commit_seq)
		store_close(t);
	__atomic_store_n(&t->ctl->commit_seq, t->ctl->commit_seq | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void commit_end(struct table *t)
{
	t->commit_seen = (t->ctl->commit_seq | 1) + 1;
	__atomic_store_n(&t->ctl->commit_seq, t->commit_seen, __ATOMIC_RELEASE);
}

/* The generation the journal waits for: what lies before it was closed or never was. */
static uint32_t journal_gen(const struct table *t, uint32_t idx)
{
	uint32_t gen = t->journal[idx].gen;

	return gen ? gen : 2;
}

/* All values are those of afterwards, so it does no harm to do it twice. */
static void step_apply(struct table *t, const struct ctl_step *step)
{
	struct ledger_count *count;

	if (step->slot_idx != CTL_NONE)
		t->journal[step->slot_idx] = step->journal;
	if (step->store_idx != CTL_NONE)
		t->store[step->store_idx] = step->store;
	if (step->part != CTL_NONE)
		ring_consume(&t->rings[step->part], step->ring_pos);
	if (step->ifindex) {
		count = table_hook_own(t, step->ifindex, step->direction, step->reason);
		if (count)
			*count = step->count;
	}
}

#define STEP_NULL { .slot_idx = CTL_NONE, .store_idx = CTL_NONE, .part = CTL_NONE }

static void step_do(struct table *t, struct ctl_step *step)
{
	step->valid = 0;
	t->ctl->step = *step;
	barrier();
	t->ctl->step.valid = 1;
	barrier();
	step_apply(t, step);
	barrier();
	t->ctl->step.valid = 0;
	barrier();
}

void journal_recover(struct table *t)
{
	if (!t->ctl->step.valid && !(t->ctl->commit_seq & 1))
		return;
	commit_begin(t);
	if (t->ctl->step.valid) {
		step_apply(t, &t->ctl->step);
		barrier();
		t->ctl->step.valid = 0;
	}
	store_close(t);
	commit_end(t);
}

/* Add @held of @key to the store as part of @step. -ENOSPC: it is full. */
static int step_store(struct table *t, struct ctl_step *step, const struct flow_key *key,
		      const struct flow_part *held, bool *ret_fresh)
{
	uint32_t idx;
	int r;

	r = store_find(t, key, &idx);
	if (r < 0)
		return r;
	*ret_fresh = !t->store[idx].used;
	step->store_idx = idx;
	if (*ret_fresh)
		step->store = (struct store_entry) { .key = *key, .used = 1 };
	else
		step->store = t->store[idx];
	part_add(&step->store.part, held);
	return 0;
}

static int move_record(struct table *t, uint32_t part, const struct flow_slot *rec, uint64_t next)
{
	struct ctl_step step = STEP_NULL;
	const struct journal_entry *j = &t->journal[rec->idx];
	struct flow_part held;
	bool fresh = false;
	int r = 0;

	step.part = part;
	step.ring_pos = next;
	if (!gen_after(j->gen, rec->gen)) {
		step.slot_idx = rec->idx;
		step.journal.gen = rec->gen + 2;
		part_from_slot(&held, rec, j);
		if (held.packets || held.bytes)
			r = step_store(t, &step, &rec->key, &held, &fresh);
	}
	if (r < 0)
		return r;
	step_do(t, &step);
	if (fresh)
		store_added(t, step.store_idx);
	return 0;
}

static int drain_ring(struct table *t, uint32_t part, size_t *n)
{
	struct table_ring *ring = &t->rings[part];
	uint64_t pos = ring_consumer(ring), end = ring_producer(ring), next;

	for (; pos < end; pos = next) {
		const struct flow_slot *rec = ring_at(ring, pos, &next);
		int r;

		if (!rec && next == pos)
			break;
		if (!rec || rec->idx >= t->n_slots) {
			ring_consume(ring, next);
			continue;
		}
		r = move_record(t, part, rec, next);
		if (r < 0)
			return r;
		(*n)++;
	}
	return 0;
}

static bool rings_are_empty(const struct table *t)
{
	for (uint32_t part = 0; part < t->ctl->parts; part++) {
		if (ring_consumer(&t->rings[part]) != ring_producer(&t->rings[part]))
			return false;
	}
	return true;
}

int journal_drain(struct table *t, size_t *ret_n)
{
	size_t n = 0;
	int r;

	*ret_n = 0;
	if (rings_are_empty(t))
		return 0;
	commit_begin(t);
	r = store_open(t);
	for (uint32_t part = 0; r == 0 && part < t->ctl->parts; part++)
		r = drain_ring(t, part, &n);
	commit_end(t);
	*ret_n = n;
	return r;
}

/*
 * Wait until no program runs that started before: replacing a map in a map of maps makes
 * the kernel wait for them (maybe_wait_bpf_programs(), kernel/bpf/syscall.c). The ring is
 * replaced by itself.
 */
int journal_wait_for_programs(struct table *t)
{
	_cleanup_(closep) int fd = -1;
	uint32_t part = 0;
	char path[512];

	fd = bpf_obj_get(pin_path(&t->dir, "ring_0", path));
	if (fd < 0)
		return fail(-errno, "cannot open '%s'", path);
	if (bpf_map_update_elem(t->rings_fd, &part, &fd, 0) < 0)
		return fail(-errno, "cannot write '%s'", path);
	return 0;
}

struct ahead {
	uint32_t idx, gen;
};

static size_t find_ahead(const struct table *t, struct ahead *ret)
{
	const struct flow_slot *slots = t->slots[0].way;
	size_t n = 0;

	for (uint32_t i = 0; i < t->n_slots; i++) {
		uint32_t gen = slot_gen(&slots[i]) & ~1u;

		if (gen && gen_after(gen, journal_gen(t, i)))
			ret[n++] = (struct ahead) { .idx = i, .gen = gen };
	}
	return n;
}

/*
 * While no agent ran, the program may have rewritten idle slots without a record. Now that
 * the lease stands, every rewritten slot leaves one. A slot that is still ahead when all
 * records written before it was looked at are drained has lost its past, and the program
 * has counted that as aged. -ENOSPC: not all could be drained, nothing can be told yet.
 */
static int close_gaps(struct table *t)
{
	_cleanup_(freep) struct ahead *ahead = NULL;
	size_t n, drained;
	int r;

	ahead = malloc(t->n_slots * sizeof(*ahead));
	if (!ahead)
		return fail(-ENOMEM, "cannot look for gaps");
	n = find_ahead(t, ahead);
	r = journal_drain(t, &drained);
	if (r < 0)
		return r;
	commit_begin(t);
	for (size_t i = 0; i < n; i++) {
		struct ctl_step step = STEP_NULL;

		if (!gen_after(ahead[i].gen, journal_gen(t, ahead[i].idx)))
			continue;
		step.slot_idx = ahead[i].idx;
		step.journal.gen = ahead[i].gen;
		step_do(t, &step);
	}
	t->ctl->gaps = GAPS_NONE;
	commit_end(t);
	return 0;
}

int journal_begin(struct table *t, uint64_t lease_ns)
{
	uint64_t now = clock_boot_ns();
	int r = 0;

	if (t->ctl->lease_ns < now)
		t->ctl->gaps = GAPS_GROW;
	barrier();
	__atomic_store_n(&t->ctl->lease_ns, now + lease_ns, __ATOMIC_RELEASE);
	if (t->ctl->gaps == GAPS_GROW) {
		r = journal_wait_for_programs(t);
		if (r < 0)
			return r;
		t->ctl->gaps = GAPS_END;
	}
	journal_recover(t);
	if (t->ctl->gaps == GAPS_END)
		r = close_gaps(t);
	return r == -ENOSPC ? 0 : r;
}

/* One slot's, or store entry's, part of a flow goes, and is counted, in one step. */
static void take_ref(struct table *t, const struct flow_key *key, const struct snapshot_ref *ref,
		     enum ledger_reason reason)
{
	uint32_t ifindex = key->direction == FLOW_EGRESS ? key->egress_ifindex : key->ingress_ifindex;
	const struct ledger_count *count = table_hook_own(t, ifindex, key->direction, reason);
	struct ctl_step step = STEP_NULL;

	if (ref->in_store) {
		store_forget(t, ref->idx);
		step.store_idx = ref->idx;
	} else {
		step.slot_idx = ref->idx;
		step.journal = (struct journal_entry) {
			.gen = ref->gen,
			.last_tick = ref->last_tick,
			.packets = ref->packets,
			.bytes = ref->bytes,
		};
	}
	if (count) {
		step.ifindex = ifindex;
		step.direction = key->direction;
		step.reason = reason;
		step.count.packets = count->packets + ref->part.packets;
		step.count.bytes = count->bytes + ref->part.bytes;
	}
	step_do(t, &step);
}

int journal_take(struct table *t, struct snapshot *s, struct flow *f, bool closed_only,
		 enum ledger_reason reason)
{
	int r;

	commit_begin(t);
	r = store_open(t);
	for (uint32_t i = f->refs; r == 0 && i; i = s->refs[i - 1].next) {
		if (!closed_only || s->refs[i - 1].closed)
			take_ref(t, &f->key, &s->refs[i - 1], reason);
	}
	commit_end(t);
	return r;
}

void journal_bump_epoch(struct table *t)
{
	__atomic_add_fetch(&t->ctl->epoch, 1, __ATOMIC_RELEASE);
}
