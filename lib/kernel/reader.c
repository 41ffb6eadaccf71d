// SPDX-License-Identifier: Apache-2.0
/*
 * A record wanders from slot to ring to store. They are read in that order, so none is
 * missed; one that wandered meanwhile is met twice, and of the later, final copy only what
 * the earlier did not show is added. Between ring and store a writer moves it: a looker
 * starts again when the writer's commit sequence moved.
 *
 * Parts are merged in batches, so that the places of their keys are fetched side by side.
 */
#include "kernel/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/error.h"
#include "kernel/journal.h"
#include "kernel/ring.h"
#include "kernel/slot.h"
#include "kernel/store.h"

#define LOOK_TRIES 3
#define COPY_TRIES 4
#define BATCH 32
/* One slot of so many is looked at to guess how many flows there are. */
#define GUESS_STEP 61
#define HUGE_PAGE (2ul << 20)

void snapshot_init(struct snapshot *s)
{
	*s = (struct snapshot) { 0 };
}

void snapshot_deinit(struct snapshot *s)
{
	free(s->flows);
	free(s->seen);
	key_index_deinit(&s->by_key);
	*s = (struct snapshot) { 0 };
}

static int no_memory(void)
{
	return fail(-ENOMEM, "cannot hold the flows that were read");
}

/* Room for @want elements of @size. Large arrays ask for large pages: they are filled at once. */
static int reserve(void *array, size_t *cap, size_t want, size_t size)
{
	size_t bytes = (want * size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	void *old = *(void **)array, *p;

	if (want <= *cap)
		return 0;
	if (want * size < HUGE_PAGE)
		p = realloc(old, want * size);
	else
		p = aligned_alloc(HUGE_PAGE, bytes);
	if (!p)
		return no_memory();
	if (want * size >= HUGE_PAGE) {
		madvise(p, bytes, MADV_HUGEPAGE);
		if (old)
			memcpy(p, old, *cap * size);
		free(old);
	}
	*(void **)array = p;
	*cap = want;
	return 0;
}

static size_t guess_flows(const struct table *t)
{
	const struct flow_slot *slots = t->slots[0].way;
	size_t used = 0;

	for (uint32_t i = 0; i < t->n_slots; i += GUESS_STEP)
		used += slots[i].gen != 0;
	return 1024 + used * GUESS_STEP * 9 / 8;
}

static int reset(const struct table *t, struct snapshot *s)
{
	size_t flows = guess_flows(t);
	int r = 0;

	s->n = s->n_seen = 0;
	s->taken_ns = clock_boot_ns();
	if (s->by_key.places)
		key_index_clear(&s->by_key);
	else
		r = key_index_init(&s->by_key, flows);
	if (r < 0)
		return no_memory();
	r = reserve(&s->flows, &s->cap, flows, sizeof(*s->flows));
	return r < 0 ? r : reserve(&s->seen, &s->cap_seen, flows, sizeof(*s->seen));
}

/* Parts of flows on their way into the snapshot. */
struct batch {
	struct snapshot *s;
	size_t n;
	struct {
		struct flow_key key;
		struct flow_part part;
		uint32_t hash;
	} v[BATCH];
};

static int merge_one(struct snapshot *s, const struct flow_key *key, const struct flow_part *part,
		     uint32_t hash)
{
	uint32_t at = hash, i;
	int r = 0;

	do
		i = key_index_next(&s->by_key, hash, &at);
	while (i != KEY_INDEX_NONE && !key_is(&s->flows[i].key, key));
	if (i != KEY_INDEX_NONE) {
		part_add(&s->flows[i].part, part);
		return 0;
	}
	if (s->n == s->cap)
		r = reserve(&s->flows, &s->cap, 2 * s->cap, sizeof(*s->flows));
	if (r < 0)
		return r;
	if (key_index_add(&s->by_key, hash, s->n) < 0)
		return no_memory();
	s->flows[s->n++] = (struct flow) { .key = *key, .part = *part };
	return 0;
}

static int merge(struct batch *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->n; i++)
		r = merge_one(b->s, &b->v[i].key, &b->v[i].part, b->v[i].hash);
	b->n = 0;
	return r;
}

/* The next place of the batch, which is filled in by the caller before he calls batch_added(). */
static int batch_added(struct batch *b)
{
	b->v[b->n].hash = key_index_hash(&b->v[b->n].key);
	key_index_prefetch(&b->s->by_key, b->v[b->n].hash);
	return ++b->n == BATCH ? merge(b) : 0;
}

static int note_seen(struct snapshot *s, const struct flow_slot *copy)
{
	int r = 0;

	if (s->n_seen == s->cap_seen)
		r = reserve(&s->seen, &s->cap_seen, 2 * s->cap_seen, sizeof(*s->seen));
	if (r < 0)
		return r;
	s->seen[s->n_seen++] = (struct journal_entry) {
		.gen = copy->gen,
		.store_idx = copy->idx,
		.packets = copy->c.packets,
		.bytes = copy->c.bytes,
		.w = copy->c.w,
	};
	return 0;
}

/* Nothing held there that the journal does not know: no need to copy it. */
static bool slot_is_known(const struct flow_slot *s, const struct journal_entry *j)
{
	return j->gen == slot_gen(s) && j->packets == s->c.packets && j->bytes == s->c.bytes;
}

static bool slot_copy_patiently(const struct flow_slot *slot, struct flow_slot *ret)
{
	for (int i = 0; i < COPY_TRIES; i++) {
		if (slot_copy(slot, ret))
			return true;
	}
	return false;
}

static int read_slots(const struct table *t, struct snapshot *s)
{
	const struct flow_slot *slots = t->slots[0].way;
	struct batch b = { .s = s };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < t->n_slots; i++) {
		struct flow_slot copy;

		if (slot_is_known(&slots[i], &t->journal[i]) || !slot_copy_patiently(&slots[i], &copy) ||
		    copy.idx != i)
			continue;
		r = note_seen(s, &copy);
		if (r < 0)
			return r;
		b.v[b.n].key = copy.key;
		part_from_slot(&b.v[b.n].part, &copy, &t->journal[i]);
		r = batch_added(&b);
	}
	return r < 0 ? r : merge(&b);
}

static int by_slot(const void *a, const void *b)
{
	const struct journal_entry *x = a, *y = b;

	return (x->store_idx > y->store_idx) - (x->store_idx < y->store_idx);
}

/* What of the record is in the snapshot already, or was credited before. */
static const struct journal_entry *known_of(const struct table *t, const struct snapshot *s,
					    const struct flow_slot *rec)
{
	const struct journal_entry key = { .store_idx = rec->idx }, *seen;

	seen = bsearch(&key, s->seen, s->n_seen, sizeof(key), by_slot);
	return seen && seen->gen == rec->gen ? seen : &t->journal[rec->idx];
}

static int read_ring(const struct table *t, const struct table_ring *ring, struct batch *b)
{
	uint64_t pos = ring_consumer(ring), end = ring_producer(ring), next;
	int r = 0;

	for (; r == 0 && pos < end; pos = next) {
		const struct flow_slot *rec = ring_at(ring, pos, &next);

		if (next == pos)
			break;
		if (!rec || rec->idx >= t->n_slots || gen_after(t->journal[rec->idx].gen, rec->gen))
			continue;
		b->v[b->n].key = rec->key;
		part_from_slot(&b->v[b->n].part, rec, known_of(t, b->s, rec));
		r = batch_added(b);
	}
	return r;
}

static int read_rings(const struct table *t, struct snapshot *s)
{
	struct batch b = { .s = s };
	int r = 0;

	for (uint32_t part = 0; r == 0 && part < t->ctl->parts; part++)
		r = read_ring(t, &t->rings[part], &b);
	return r < 0 ? r : merge(&b);
}

static int read_store(const struct table *t, struct snapshot *s)
{
	struct batch b = { .s = s };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < t->ctl->store_entries; i++) {
		const struct store_entry *e = &t->store[i];

		if (!e->used || !e->part.first_ns)
			continue;
		b.v[b.n].key = e->key;
		b.v[b.n].part = e->part;
		r = batch_added(&b);
	}
	return r < 0 ? r : merge(&b);
}

/* packets and bytes may be read one packet apart: half a packet waits for its other half. */
static void drop_halves(struct snapshot *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!s->flows[i].part.packets || !s->flows[i].part.bytes)
			continue;
		if (kept != i)
			s->flows[kept] = s->flows[i];
		kept++;
	}
	s->n = kept;
}

static int read_all(const struct table *t, struct snapshot *s)
{
	int r;

	r = reset(t, s);
	if (r == 0)
		r = read_slots(t, s);
	if (r == 0)
		r = read_rings(t, s);
	if (r == 0)
		r = read_store(t, s);
	if (r == 0)
		drop_halves(s);
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
	r = read_all(t, s);
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
	r = commit_is_open(t) ? -EAGAIN : read_all(t, s);
	pin_dir_unlock(&t->dir);
	return r;
}

int snapshot_read(struct table *t, struct snapshot *s)
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
	return read_all(t, s);
}
