// SPDX-License-Identifier: Apache-2.0
/*
 * Crediting what slots and ring records show to the flows of the store. A record whose
 * generation the journal is already past was credited before.
 *
 * What costs is waiting for memory: a flow's entry lies anywhere. So slots and records are
 * taken in batches, whose entries are all asked for before the first is needed.
 */
#include "kernel/journal.h"

#include <errno.h>

#include "kernel/ring.h"
#include "kernel/slot.h"
#include "kernel/step.h"
#include "kernel/store.h"

#define BATCH 32

/* A slot, or its record in a ring, on its way to an entry. */
struct credit {
	const struct flow_slot *slot;
	uint32_t hash;		/* of its key, unless the guess was right */
	uint32_t entry;		/* a guess, or STORE_NONE */
	uint64_t next;		/* record: the ring's position behind it */
};

struct batch {
	struct table *t;
	uint32_t part;		/* whose ring the records are of, or CTL_NONE: slots */
	struct credit v[BATCH];
	size_t n;
};

static void prefetch_entry(const struct table *t, uint32_t entry)
{
	__builtin_prefetch(&t->store[entry], 1);
	__builtin_prefetch((const char *)&t->store[entry] + 64, 1);
}

/* The entry noted with the slot, if it may be its flow's still; else by key. */
static void batch_prefetch(struct batch *b)
{
	struct table *t = b->t;

	for (size_t i = 0; i < b->n; i++) {
		struct credit *c = &b->v[i];
		uint32_t noted = t->journal[c->slot->idx].store_idx;

		c->entry = noted && noted <= t->ctl->store_entries ? noted - 1 : STORE_NONE;
		if (c->entry != STORE_NONE) {
			prefetch_entry(t, c->entry);
			continue;
		}
		c->hash = key_index_hash(&c->slot->key);
		key_index_prefetch(&t->view.by_key, c->hash);
	}
	for (size_t i = 0; i < b->n; i++) {
		uint32_t at = b->v[i].hash, entry;

		if (b->v[i].entry != STORE_NONE)
			continue;
		entry = key_index_next(&t->view.by_key, b->v[i].hash, &at);
		if (entry != STORE_NONE)
			prefetch_entry(t, entry);
	}
}

static uint32_t entry_of(const struct table *t, struct credit *c)
{
	const struct store_entry *e = &t->store[c->entry];

	if (c->entry != STORE_NONE) {
		if (e->part.used && !e->part.closed && key_is(&e->key, &c->slot->key))
			return c->entry;
		c->hash = key_index_hash(&c->slot->key);
	}
	return store_find(t, &c->slot->key, c->hash);
}

/* What the slot has counted belongs behind a cut: it waits until what is before it has left. */
static bool is_behind_cut(const struct table *t, const struct store_entry *e,
			  const struct flow_slot *s)
{
	return e->part.cut && (int32_t)(s->c.epoch - journal_cut_epoch(t, e)) >= 0;
}

/* In a ring: only behind a cut of all flows, and not for long. */
static bool is_to_wait(const struct table *t, const struct store_entry *e, const struct flow_slot *s)
{
	return t->cut_waits && is_behind_cut(t, e, s) && journal_cut_epoch(t, e) == t->cut_all;
}

/* Where an entry that @s is counted into is cut: where it was, or where all flows were. */
static uint16_t cut_with(const struct table *t, uint16_t cut, const struct flow_slot *s)
{
	if (cut || !t->cut_all || (int32_t)(s->c.epoch - t->cut_all) >= 0)
		return cut;
	return t->cut_all & ((1u << CUT_BITS) - 1);
}

static struct journal_entry note_of(const struct flow_slot *s, uint32_t entry)
{
	struct journal_entry note = slot_note(s);

	note.store_idx = entry + 1;
	return note;
}

/* The journal now waits for the slot's next generation: the same flow's, if it only rotated. */
static struct journal_entry note_behind(const struct table *t, const struct flow_slot *s, uint32_t entry)
{
	bool rotated = s->c.epoch != t->ctl->epoch;

	return (struct journal_entry) { .gen = s->gen + 2, .store_idx = rotated ? entry + 1 : 0 };
}

static bool is_nothing(const struct flow_part *p)
{
	return !p->packets && !p->bytes;
}

/*
 * Of which connection of the key is @held? The entry of an older one, of which packets were
 * counted elsewhere; or @open is shut, since @held begins the next.
 */
static uint32_t entry_among(struct table *t, struct credit *c, uint32_t open,
			    struct flow_part *held)
{
	const struct flow_part *part = &t->store[open].part;
	bool apart = part_is_apart(part, held);
	uint32_t closed;

	if (!part->first_ns || (!apart && !t->view.n_closed))
		return open;
	c->hash = key_index_hash(&c->slot->key);
	if (held->first_ns >= part->first_ns) {
		if (apart)
			store_shut(t, open);
		return apart ? STORE_NONE : open;
	}
	closed = store_find_closed(t, &c->slot->key, c->hash, held->first_ns);
	if (closed != STORE_NONE || !apart)
		return closed != STORE_NONE ? closed : open;
	held->closed = 1;
	return STORE_NONE;
}

/* What the entry then holds. The totals of another connection begin anew. */
static struct flow_part entry_with(const struct store_entry *e, const struct flow_part *held)
{
	struct flow_part sum = e->part;

	if (!sum.first_ns && part_is_apart(&sum, held)) {
		sum = *held;
		sum.used = 1;
	} else {
		part_add(&sum, held, &e->key);
	}
	return sum;
}

/* -ENOSPC, or -EAGAIN: nothing done. */
static int credit_slot(struct batch *b, struct credit *c)
{
	struct table *t = b->t;
	uint32_t entry = entry_of(t, c);
	struct ctl_step *step;
	struct flow_part held;
	bool fresh;

	part_from_slot(&held, c->slot, &t->journal[c->slot->idx]);
	if (entry != STORE_NONE)
		entry = entry_among(t, c, entry, &held);
	fresh = entry == STORE_NONE;
	if (fresh)
		entry = store_free(t);
	if (entry == STORE_NONE)
		return -ENOSPC;
	if (b->part == CTL_NONE && !fresh && is_behind_cut(t, &t->store[entry], c->slot))
		return 0;
	if (b->part != CTL_NONE && !fresh && is_to_wait(t, &t->store[entry], c->slot))
		return -EAGAIN;
	step = step_begin(t);
	step->slot_idx = c->slot->idx;
	step->journal = b->part == CTL_NONE ? note_of(c->slot, entry) : note_behind(t, c->slot, entry);
	step->store_idx = entry;
	if (fresh) {
		step->change = STORE_WHOLE;
		step->store = (struct store_entry) { .key = c->slot->key, .part = held };
		step->store.part.used = 1;
	} else {
		step->change = STORE_PART;
		step->store.part = entry_with(&t->store[entry], &held);
	}
	step->store.part.cut = cut_with(t, step->store.part.cut, c->slot);
	step->part = b->part;
	step->ring_pos = c->next;
	step_do(t);
	if (fresh)
		store_added(t, entry, c->hash);
	return 0;
}

/* All of the record is known: on to the next. */
static void pass_record(struct batch *b, const struct credit *c, bool close)
{
	struct table *t = b->t;
	struct ctl_step *step = step_begin(t);

	if (close) {
		step->slot_idx = c->slot->idx;
		step->journal = note_behind(t, c->slot, t->journal[c->slot->idx].store_idx - 1);
	}
	step->part = b->part;
	step->ring_pos = c->next;
	step_do(t);
}

static int credit_record(struct batch *b, struct credit *c)
{
	const struct journal_entry *j = &b->t->journal[c->slot->idx];
	struct flow_part held;

	if (gen_after(j->gen, c->slot->gen)) {
		pass_record(b, c, false);
		return 0;
	}
	part_from_slot(&held, c->slot, j);
	if (is_nothing(&held)) {
		pass_record(b, c, true);
		return 0;
	}
	return credit_slot(b, c);
}

static int drain_batch(struct batch *b, size_t *n)
{
	int r = 0;

	batch_prefetch(b);
	for (size_t i = 0; r == 0 && i < b->n; i++) {
		r = credit_record(b, &b->v[i]);
		*n += r == 0;
	}
	b->n = 0;
	return r;
}

static int drain_ring(struct table *t, uint32_t part, size_t *n)
{
	struct table_ring *ring = &t->rings[part];
	uint64_t pos = ring_consumer(ring), end = ring_producer(ring), next;
	struct batch b = { .t = t, .part = part };
	int r = 0;

	for (; r == 0 && pos < end; pos = next) {
		const struct flow_slot *rec = ring_at(ring, pos, &next);

		if (!rec && next == pos)
			break;
		/* What is no record is passed with the next that is one. */
		if (!rec || rec->idx >= t->n_slots)
			continue;
		b.v[b.n++] = (struct credit) { .slot = rec, .next = next };
		if (b.n == BATCH)
			r = drain_batch(&b, n);
	}
	return r < 0 ? r : drain_batch(&b, n);
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
	for (uint32_t part = 0; r == 0 && part < t->ctl->parts; part++) {
		r = drain_ring(t, part, &n);
		r = r == -EAGAIN ? 0 : r;
	}
	commit_end(t);
	*ret_n = n;
	return r;
}

/* A slot that is ahead of the journal is left until its past was drained from the ring. */
static bool slot_is_fit(const struct table *t, const struct flow_slot *copy, uint32_t idx)
{
	return copy->idx == idx && copy->gen == journal_gen(t, idx);
}

static int scan_batch(struct batch *b, size_t *n)
{
	int full = 0;

	batch_prefetch(b);
	for (size_t i = 0; i < b->n; i++) {
		if (credit_slot(b, &b->v[i]) < 0)
			full = -ENOSPC;
		else
			(*n)++;
	}
	b->n = 0;
	return full;
}

static int scan_slots(struct table *t, size_t *n)
{
	const struct flow_slot *slots = t->slots[0].way;
	struct batch b = { .t = t, .part = CTL_NONE };
	struct flow_slot copies[BATCH];
	int full = 0;

	for (uint32_t i = 0; i < t->n_slots; i++) {
		if (slot_is_known(&slots[i], &t->journal[i]) || !slot_copy(&slots[i], &copies[b.n]) ||
		    !slot_is_fit(t, &copies[b.n], i))
			continue;
		b.v[b.n] = (struct credit) { .slot = &copies[b.n] };
		if (++b.n == BATCH && scan_batch(&b, n) < 0)
			full = -ENOSPC;
	}
	return scan_batch(&b, n) < 0 ? -ENOSPC : full;
}

int journal_scan(struct table *t, size_t *ret_n)
{
	int r;

	*ret_n = 0;
	commit_begin(t);
	r = store_open(t);
	if (r == 0)
		r = scan_slots(t, ret_n);
	commit_end(t);
	return r;
}
