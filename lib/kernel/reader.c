// SPDX-License-Identifier: Apache-2.0
/*
 * A record wanders from slot to ring to store. They are read in that order, so none is
 * missed; one that wandered meanwhile is met twice, and the later, final copy replaces the
 * earlier one (the ring's record of the same slot and generation). Between ring and store
 * a writer moves it: a looker starts again when the writer's commit sequence moved.
 */
#include "kernel/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "kernel/ring.h"
#include "kernel/slot.h"
#include "kernel/store.h"

#define LOOK_TRIES 3
#define COPY_TRIES 4

void snapshot_init(struct snapshot *s)
{
	*s = (struct snapshot) { 0 };
}

void snapshot_deinit(struct snapshot *s)
{
	free(s->flows);
	free(s->refs);
	free(s->index);
	free(s->slot_ref);
	*s = (struct snapshot) { 0 };
}

static int grow(void *array, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 1024;
	void *p = reallocarray(*(void **)array, more, size);

	if (!p)
		return fail(-ENOMEM, "cannot hold the flows that were read");
	*(void **)array = p;
	*cap = more;
	return 0;
}

static int grow_index(struct snapshot *s)
{
	uint32_t places = s->index_mask ? (s->index_mask + 1) * 2 : 4096;
	uint32_t *index = calloc(places, sizeof(*index));

	if (!index)
		return fail(-ENOMEM, "cannot hold the flows that were read");
	free(s->index);
	s->index = index;
	s->index_mask = places - 1;
	for (size_t i = 0; i < s->n; i++) {
		uint32_t at = store_hash(&s->flows[i].key) & s->index_mask;

		while (index[at])
			at = (at + 1) & s->index_mask;
		index[at] = i + 1;
	}
	return 0;
}

static int reset(struct table *t, struct snapshot *s)
{
	s->n = s->n_refs = 0;
	s->taken_ns = clock_boot_ns();
	s->epoch = __atomic_load_n(&t->ctl->epoch, __ATOMIC_ACQUIRE);
	if (s->index)
		memset(s->index, 0, (s->index_mask + 1) * sizeof(*s->index));
	if (s->n_slots != t->n_slots) {
		free(s->slot_ref);
		s->slot_ref = calloc(t->n_slots, sizeof(*s->slot_ref));
		s->n_slots = s->slot_ref ? t->n_slots : 0;
		return s->slot_ref ? 0 : fail(-ENOMEM, "cannot hold the flows that were read");
	}
	memset(s->slot_ref, 0, s->n_slots * sizeof(*s->slot_ref));
	return 0;
}

/* The number of the flow of @key, new or known. */
static int flow_of(struct snapshot *s, const struct flow_key *key, uint32_t *ret)
{
	uint32_t at;
	int r = 0;

	if (2 * s->n >= s->index_mask)
		r = grow_index(s);
	if (r == 0 && s->n == s->cap)
		r = grow(&s->flows, &s->cap, sizeof(*s->flows));
	if (r < 0)
		return r;
	for (at = store_hash(key) & s->index_mask; s->index[at]; at = (at + 1) & s->index_mask) {
		*ret = s->index[at] - 1;
		if (memcmp(&s->flows[*ret].key, key, sizeof(*key)) == 0)
			return 0;
	}
	*ret = s->n++;
	s->flows[*ret] = (struct flow) { .key = *key };
	s->index[at] = *ret + 1;
	return 0;
}

static int add_ref(struct snapshot *s, const struct flow_key *key, const struct flow_part *part,
		   struct snapshot_ref ref)
{
	uint32_t flow;
	int r;

	r = flow_of(s, key, &flow);
	if (r == 0 && s->n_refs == s->cap_refs)
		r = grow(&s->refs, &s->cap_refs, sizeof(*s->refs));
	if (r < 0)
		return r;
	ref.next = s->flows[flow].refs;
	ref.flow = flow;
	ref.part = *part;
	s->refs[s->n_refs++] = ref;
	s->flows[flow].refs = s->n_refs;
	return 0;
}

static int add_slot(struct table *t, struct snapshot *s, const struct flow_slot *slot, bool closed)
{
	struct snapshot_ref ref = {
		.idx = slot->idx,
		.gen = slot->gen,
		.last_tick = slot->c.w.last_tick,
		.closed = closed,
		.packets = slot->c.packets,
		.bytes = slot->c.bytes,
	};
	struct flow_part part;
	int r;

	part_from_slot(&part, slot, &t->journal[slot->idx]);
	/* packets and bytes may be read one packet apart: half a packet waits for its other half. */
	if (!part.packets || !part.bytes)
		return 0;
	r = add_ref(s, &slot->key, &part, ref);
	if (r == 0)
		s->slot_ref[slot->idx] = s->n_refs;
	return r;
}

/* Nothing held there that the journal does not know: no need to copy it. */
static bool slot_is_gone(const struct table *t, const struct flow_slot *slot, uint32_t idx)
{
	const struct journal_entry *j = &t->journal[idx];

	return j->gen == slot_gen(slot) && j->packets == slot->c.packets && j->bytes == slot->c.bytes;
}

static bool slot_copy_patiently(const struct flow_slot *slot, struct flow_slot *ret)
{
	for (int i = 0; i < COPY_TRIES; i++) {
		if (slot_copy(slot, ret))
			return true;
	}
	return false;
}

/* @taker: a slot ahead of the journal is left until its past was drained from the ring. */
static int read_slots(struct table *t, struct snapshot *s, bool taker)
{
	const struct flow_slot *slots = t->slots[0].way;

	for (uint32_t i = 0; i < t->n_slots; i++) {
		struct flow_slot copy;
		uint32_t known = t->journal[i].gen ? t->journal[i].gen : 2;
		int r;

		if (!slot_gen(&slots[i]) || slot_is_gone(t, &slots[i], i))
			continue;
		if (!slot_copy_patiently(&slots[i], &copy) || copy.idx != i)
			continue;
		if (taker && copy.gen != known)
			continue;
		r = add_slot(t, s, &copy, copy.c.epoch != s->epoch);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_ring_record(struct table *t, struct snapshot *s, const struct flow_slot *rec)
{
	const struct journal_entry *j;
	uint32_t ref;

	if (rec->idx >= t->n_slots)
		return 0;
	j = &t->journal[rec->idx];
	if (gen_after(j->gen, rec->gen))
		return 0;
	ref = s->slot_ref[rec->idx];
	if (ref && s->refs[ref - 1].gen == rec->gen) {
		struct flow_part part;

		part_from_slot(&part, rec, j);
		s->refs[ref - 1].part = part;
		return 0;
	}
	ref = s->slot_ref[rec->idx];
	if (add_slot(t, s, rec, true) < 0)
		return -ENOMEM;
	s->slot_ref[rec->idx] = ref;
	return 0;
}

static int read_rings(struct table *t, struct snapshot *s)
{
	for (uint32_t part = 0; part < t->ctl->parts; part++) {
		const struct table_ring *ring = &t->rings[part];
		uint64_t pos = ring_consumer(ring), end = ring_producer(ring), next;

		for (; pos < end; pos = next) {
			const struct flow_slot *rec = ring_at(ring, pos, &next);
			int r = rec ? read_ring_record(t, s, rec) : 0;

			if (r < 0)
				return r;
			if (next == pos)
				break;
		}
	}
	return 0;
}

static int read_store(struct table *t, struct snapshot *s)
{
	for (uint32_t i = 0; i < t->ctl->store_entries; i++) {
		const struct store_entry *e = &t->store[i];
		struct snapshot_ref ref = { .idx = i, .in_store = true, .closed = true };
		int r;

		if (!e->used)
			continue;
		r = add_ref(s, &e->key, &e->part, ref);
		if (r < 0)
			return r;
	}
	return 0;
}

static void sum_up(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_refs; i++) {
		const struct snapshot_ref *ref = &s->refs[i];
		struct flow *f = &s->flows[ref->flow];

		part_add(&f->all, &ref->part);
		if (ref->closed)
			part_add(&f->closed, &ref->part);
	}
}

static int read_all(struct table *t, struct snapshot *s, bool taker)
{
	int r;

	r = reset(t, s);
	if (r == 0)
		r = read_slots(t, s, taker);
	if (r == 0 && !taker)
		r = read_rings(t, s);
	if (r == 0)
		r = read_store(t, s);
	if (r == 0)
		sum_up(s);
	return r;
}

/* A writer was killed half way: the next one to hold the lock finishes for it. */
static int repair(struct table *t)
{
	struct table *w;
	int r;

	r = table_open(t->dir.cookie, true, &w);
	if (r < 0)
		return r;
	r = pin_dir_lock(&w->dir);
	if (r == 0)
		journal_recover(w);
	table_close(w);
	return r;
}

static bool commit_is_open(const struct table *t)
{
	return __atomic_load_n(&t->ctl->commit_seq, __ATOMIC_ACQUIRE) & 1;
}

/* Without locking anybody out. -EAGAIN: a writer got in between. */
static int look_freely(struct table *t, struct snapshot *s)
{
	uint64_t seq = __atomic_load_n(&t->ctl->commit_seq, __ATOMIC_ACQUIRE);
	int r;

	if (seq & 1)
		return -EAGAIN;
	r = read_all(t, s, false);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (r < 0)
		return r;
	return __atomic_load_n(&t->ctl->commit_seq, __ATOMIC_RELAXED) == seq ? 0 : -EAGAIN;
}

/* With the lock there is no writer, unless one that was killed. */
static int look_locked(struct table *t, struct snapshot *s)
{
	int r;

	r = pin_dir_lock(&t->dir);
	if (r < 0)
		return r;
	r = commit_is_open(t) ? -EAGAIN : read_all(t, s, false);
	pin_dir_unlock(&t->dir);
	return r;
}

static int look(struct table *t, struct snapshot *s)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < LOOK_TRIES; i++)
		r = look_freely(t, s);
	while (r == -EAGAIN) {
		r = look_locked(t, s);
		if (r == -EAGAIN && commit_is_open(t)) {
			r = repair(t);
			r = r < 0 ? r : -EAGAIN;
		}
	}
	return r;
}

int snapshot_count(struct table *t, struct snapshot *s)
{
	journal_recover(t);
	return read_all(t, s, false);
}

int snapshot_read(struct table *t, struct snapshot *s)
{
	return t->writable && t->dir.locked ? read_all(t, s, true) : look(t, s);
}
