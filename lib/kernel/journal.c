// SPDX-License-Identifier: Apache-2.0
/*
 * What writers do to a table: move records from the rings into the store, and note what is
 * gone. The writer may be killed between any two instructions, so:
 *
 *  - moving a record touches store, journal and the ring's position. The finished values
 *    are written into ctl->intent first; whoever comes next does an unfinished one again.
 *    A record whose generation the journal is already past was moved before: it is skipped.
 *  - taking a flow is a store a slot. Killed in between, the flow is partly taken: that is
 *    the record in flight, and the only one.
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

static void commit_begin(struct table *t)
{
	__atomic_store_n(&t->ctl->commit_seq, t->ctl->commit_seq | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void commit_end(struct table *t)
{
	__atomic_store_n(&t->ctl->commit_seq, (t->ctl->commit_seq | 1) + 1, __ATOMIC_RELEASE);
}

/* The generation the journal waits for: what lies before it was closed or never was. */
static uint32_t journal_gen(const struct table *t, uint32_t idx)
{
	uint32_t gen = t->journal[idx].gen;

	return gen ? gen : 2;
}

static void journal_next_gen(struct table *t, uint32_t idx, uint32_t gen)
{
	t->journal[idx] = (struct journal_entry) { .gen = gen + 2 };
}

static void intent_finish(struct table *t)
{
	const struct store_entry *e = &t->ctl->intent.entry;
	uint32_t part = t->ctl->intent.part;
	const struct flow_slot *rec;
	uint64_t pos, next;

	t->store[t->ctl->intent.store_idx] = *e;
	journal_next_gen(t, t->ctl->intent.slot_idx, t->ctl->intent.gen);
	pos = ring_consumer(&t->rings[part]);
	if (pos == ring_producer(&t->rings[part]))
		return;
	rec = ring_at(&t->rings[part], pos, &next);
	if (rec && rec->idx == t->ctl->intent.slot_idx && rec->gen == t->ctl->intent.gen)
		ring_consume(&t->rings[part], next);
}

void journal_recover(struct table *t)
{
	commit_begin(t);
	if (t->ctl->intent.valid) {
		intent_finish(t);
		barrier();
		t->ctl->intent.valid = 0;
		free(t->store_index);
		t->store_index = NULL;
	}
	commit_end(t);
}

static int move_record(struct table *t, uint32_t part, const struct flow_slot *rec, uint64_t next)
{
	struct store_entry entry = { .key = rec->key, .used = 1 };
	const struct journal_entry *j = &t->journal[rec->idx];
	struct flow_part held;
	uint32_t idx;
	bool fresh;
	int r;

	part_from_slot(&held, rec, j);
	if (gen_after(j->gen, rec->gen) || (!held.packets && !held.bytes)) {
		if (!gen_after(j->gen, rec->gen))
			journal_next_gen(t, rec->idx, rec->gen);
		ring_consume(&t->rings[part], next);
		return 0;
	}
	r = store_find(t, &rec->key, &idx);
	if (r < 0)
		return r;
	fresh = !t->store[idx].used;
	if (!fresh)
		entry = t->store[idx];
	part_add(&entry.part, &held);

	t->ctl->intent.entry = entry;
	t->ctl->intent.store_idx = idx;
	t->ctl->intent.slot_idx = rec->idx;
	t->ctl->intent.gen = rec->gen;
	t->ctl->intent.part = part;
	barrier();
	t->ctl->intent.valid = 1;
	barrier();
	t->store[idx] = entry;
	journal_next_gen(t, rec->idx, rec->gen);
	barrier();
	ring_consume(&t->rings[part], next);
	barrier();
	t->ctl->intent.valid = 0;
	if (fresh)
		store_added(t, idx);
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

int journal_drain(struct table *t, size_t *ret_n)
{
	size_t n = 0;
	int r;

	r = store_open(t);
	if (r < 0)
		return r;
	commit_begin(t);
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
static int wait_for_programs(struct table *t)
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
 * records written before it was looked at are drained has lost its past. What of it had
 * been exported was counted as aged too: ctl->gap tells how much.
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
	if (!n)
		return 0;
	r = journal_drain(t, &drained);
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	commit_begin(t);
	for (size_t i = 0; i < n; i++) {
		struct journal_entry *j = &t->journal[ahead[i].idx];

		if (!gen_after(ahead[i].gen, journal_gen(t, ahead[i].idx)))
			continue;
		t->ctl->gap.packets += j->packets;
		t->ctl->gap.bytes += j->bytes;
		*j = (struct journal_entry) { .gen = ahead[i].gen };
	}
	commit_end(t);
	return 0;
}

int journal_begin(struct table *t, uint64_t lease_ns)
{
	uint64_t now = clock_boot_ns();
	bool lapsed = t->ctl->lease_ns < now;
	size_t n;
	int r;

	journal_recover(t);
	__atomic_store_n(&t->ctl->lease_ns, now + lease_ns, __ATOMIC_RELEASE);
	if (!lapsed)
		return 0;
	r = wait_for_programs(t);
	if (r == 0)
		r = journal_drain(t, &n);
	if (r == 0)
		r = close_gaps(t);
	return r == -ENOSPC ? 0 : r;
}

int journal_take(struct table *t, struct snapshot *s, struct flow *f, bool closed_only,
		 enum ledger_reason reason)
{
	const struct flow_part *part = closed_only ? &f->closed : &f->all;
	const struct flow_key *key = &f->key;
	int r;

	r = store_open(t);
	if (r < 0)
		return r;
	commit_begin(t);
	for (uint32_t i = f->refs; i; i = s->refs[i - 1].next) {
		const struct snapshot_ref *ref = &s->refs[i - 1];

		if (closed_only && !ref->closed)
			continue;
		if (ref->in_store) {
			store_drop(t, ref->idx);
			continue;
		}
		t->journal[ref->idx] = (struct journal_entry) {
			.gen = ref->gen,
			.last_tick = ref->last_tick,
			.packets = ref->packets,
			.bytes = ref->bytes,
		};
	}
	table_hook_count(t, key->direction == FLOW_EGRESS ? key->egress_ifindex : key->ingress_ifindex,
			 key->direction, reason, part->packets, part->bytes);
	commit_end(t);
	return 0;
}

void journal_bump_epoch(struct table *t)
{
	__atomic_add_fetch(&t->ctl->epoch, 1, __ATOMIC_RELEASE);
}
