// SPDX-License-Identifier: Apache-2.0
/*
 * A record wanders from slot to ring to store. They are read in that order, so none is
 * missed. One that wandered meanwhile is met twice: then all is read again, with notes of
 * what each slot showed, and of the later, final copy only what is beyond them is added.
 * Between ring and store a writer moves it: a looker starts again when the writer's commit
 * sequence moved.
 *
 * Parts are merged in batches, so that the places of their keys are fetched side by side.
 */
#include "kernel/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

void snapshot_deinit(struct snapshot *s)
{
	free(s->flows);
	free(s->gens);
	free(s->seen);
	key_index_deinit(&s->by_key);
	*s = (struct snapshot) { 0 };
}

static int no_memory(void)
{
	return fail(-ENOMEM, "cannot hold the flows that were read");
}

static int reserve(void *array, size_t *cap, size_t want, size_t size)
{
	void *p = reallocarray(*(void **)array, want, size);

	if (!p)
		return no_memory();
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

/* An array of zeroes, one element a slot, again and again. */
static int zeroed(void *array, const struct table *t, size_t size)
{
	if (*(void **)array)
		memset(*(void **)array, 0, t->n_slots * size);
	else
		*(void **)array = calloc(t->n_slots, size);
	return *(void **)array ? 0 : no_memory();
}

/* The first time as much room as it seems to need, later what it has. */
static int make_room(const struct table *t, struct snapshot *s)
{
	size_t flows = guess_flows(t);

	if (s->flows) {
		key_index_clear(&s->by_key);
		return 0;
	}
	if (key_index_init(&s->by_key, flows) < 0)
		return no_memory();
	return reserve(&s->flows, &s->cap, flows, sizeof(*s->flows));
}

static int reset(const struct table *t, struct snapshot *s)
{
	int r;

	s->n = 0;
	s->halves = false;
	s->commit_seq = __atomic_load_n(&t->ctl->commit_seq, __ATOMIC_ACQUIRE);
	r = make_room(t, s);
	if (r == 0)
		r = zeroed(&s->gens, t, sizeof(*s->gens));
	if (r == 0 && s->careful)
		r = zeroed(&s->seen, t, sizeof(*s->seen));
	return r;
}

/* The flow of @key that was read after *@at (begin with @hash), or NULL. */
static struct flow *next_flow(const struct snapshot *s, const struct flow_key *key, uint32_t hash,
			      uint32_t *at)
{
	uint32_t i;

	do
		i = key_index_next(&s->by_key, hash, at);
	while (i != KEY_INDEX_NONE && !key_is(&s->flows[i].key, key));
	return i != KEY_INDEX_NONE ? &s->flows[i] : NULL;
}

/* The flow of @key that @part is of, or NULL: of several connections each is one. */
static struct flow *find_flow(const struct snapshot *s, const struct flow_key *key, uint32_t hash,
			      const struct flow_part *part)
{
	struct flow *f, *best = NULL;
	uint32_t at = hash;

	while ((f = next_flow(s, key, hash, &at))) {
		if (!part_is_apart(&f->part, part) &&
		    (!best || part_is_nearer(&f->part, &best->part, part->first_ns)))
			best = f;
	}
	return best;
}

/* Of connections of one key, all but the last one are closed. */
static void close_earlier(struct snapshot *s, struct flow *new, uint32_t hash,
			  const struct flow_part *part)
{
	uint32_t at = hash;
	struct flow *f;

	while ((f = next_flow(s, &new->key, hash, &at))) {
		if (f != new && f->part.first_ns < part->first_ns)
			f->part.closed = 1;
		else if (f != new)
			new->part.closed = 1;
	}
}

/* The flow of @key that @part is to be added to; a new one is empty. NULL: no memory. */
static struct flow *flow_of(struct snapshot *s, const struct flow_key *key, uint32_t hash,
			    const struct flow_part *part)
{
	struct flow *f = find_flow(s, key, hash, part);

	if (f)
		return f;
	if (s->n == s->cap && reserve(&s->flows, &s->cap, 2 * s->cap, sizeof(*s->flows)) < 0)
		return NULL;
	if (key_index_add(&s->by_key, hash, s->n) < 0) {
		no_memory();
		return NULL;
	}
	f = &s->flows[s->n++];
	*f = (struct flow) { .key = *key };
	if (part->tcp_flags)
		close_earlier(s, f, hash, part);
	return f;
}

/* Slots and records on their way into the snapshot. */
struct batch {
	const struct table *t;
	struct snapshot *s;
	size_t n;
	struct {
		struct flow_slot slot;
		uint32_t hash;
	} v[BATCH];
};

/* What of a slot's generation is known already: in the snapshot, or credited before. */
static const struct journal_entry *known_of(const struct batch *b, const struct flow_slot *slot)
{
	const struct snapshot *s = b->s;
	const struct journal_entry *seen = s->careful ? &s->seen[slot->idx] : NULL;

	return seen && seen->gen == slot->gen ? seen : &b->t->journal[slot->idx];
}

static int merge(struct batch *b)
{
	size_t n = b->n;

	b->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct flow_slot *slot = &b->v[i].slot;
		struct flow_part part;
		struct flow *f;

		part_from_slot(&part, slot, known_of(b, slot));
		f = flow_of(b->s, &slot->key, b->v[i].hash, &part);
		if (!f)
			return -ENOMEM;
		part_add(&f->part, &part, &slot->key);
		b->s->halves |= !f->part.packets || !f->part.bytes;
		b->s->gens[slot->idx] = slot->gen;
		if (b->s->careful)
			b->s->seen[slot->idx] = slot_note(slot);
	}
	return 0;
}

/* The slot at v[n] was filled in. */
static int batch_added(struct batch *b)
{
	b->v[b->n].hash = key_index_hash(&b->v[b->n].slot.key);
	key_index_prefetch(&b->s->by_key, b->v[b->n].hash);
	return ++b->n == BATCH ? merge(b) : 0;
}

static bool slot_copy_patiently(const struct flow_slot *slot, struct flow_slot *ret)
{
	for (int i = 0; i < COPY_TRIES; i++) {
		if (slot_copy(slot, ret))
			return true;
	}
	return false;
}

static int read_slots(struct batch *b)
{
	const struct flow_slot *slots = b->t->slots[0].way;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < b->t->n_slots; i++) {
		struct flow_slot *copy = &b->v[b->n].slot;

		if (!slot_is_known(&slots[i], &b->t->journal[i]) && slot_copy_patiently(&slots[i], copy) &&
		    copy->idx == i)
			r = batch_added(b);
	}
	return r < 0 ? r : merge(b);
}

/* A record that is consumed and overwritten meanwhile is copied torn, and what was read of it
 * is thrown away later, for a writer got in between; until then only the copy is looked at. */
static bool copy_record(struct batch *b, const struct flow_slot *rec)
{
	const uint64_t *from = (const uint64_t *)rec;
	uint64_t *to = (uint64_t *)&b->v[b->n].slot;

	for (size_t i = 0; i < sizeof(*rec) / sizeof(uint64_t); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	return b->v[b->n].slot.idx < b->t->n_slots;
}

/* -EEXIST: a generation was met for the second time, and nobody noted what of it was seen. */
static int read_ring(const struct table_ring *ring, struct batch *b)
{
	uint64_t pos = ring_consumer(ring), end = ring_producer(ring), next;
	int r = 0;

	for (; r == 0 && pos < end; pos = next) {
		const struct flow_slot *rec = ring_at(ring, pos, &next);
		const struct flow_slot *copy = &b->v[b->n].slot;

		if (next == pos)
			break;
		if (!rec || !copy_record(b, rec) || gen_after(b->t->journal[copy->idx].gen, copy->gen))
			continue;
		if (b->s->gens[copy->idx] == copy->gen && !b->s->careful)
			return -EEXIST;
		r = batch_added(b);
	}
	return r;
}

static int read_rings(struct batch *b)
{
	int r = 0;

	for (uint32_t part = 0; r == 0 && part < b->t->ctl->parts; part++)
		r = read_ring(&b->t->rings[part], b);
	return r < 0 ? r : merge(b);
}

/* An entry that holds nothing says what of its flow was exported, if there is more of it. */
static int add_entry(struct snapshot *s, const struct store_entry *e, uint32_t hash)
{
	bool holds = e->part.first_ns;
	struct flow *f = holds ? flow_of(s, &e->key, hash, &e->part) :
				 find_flow(s, &e->key, hash, &e->part);

	if (!f)
		return holds ? -ENOMEM : 0;
	if (!holds) {
		part_add_total(&f->part, &e->part);
		return 0;
	}
	part_add(&f->part, &e->part, &e->key);
	f->part.closed |= e->part.closed;
	s->halves |= !f->part.packets || !f->part.bytes;
	return 0;
}

static int read_store(const struct table *t, struct snapshot *s)
{
	uint32_t hashes[BATCH], n = t->ctl->store_entries;

	for (uint32_t from = 0; from < n; from += BATCH) {
		uint32_t end = from + BATCH < n ? from + BATCH : n;

		for (uint32_t i = from; i < end; i++) {
			if (!t->store[i].part.used)
				continue;
			hashes[i - from] = key_index_hash(&t->store[i].key);
			key_index_prefetch(&s->by_key, hashes[i - from]);
		}
		for (uint32_t i = from; i < end; i++) {
			if (t->store[i].part.used && add_entry(s, &t->store[i], hashes[i - from]) < 0)
				return -ENOMEM;
		}
	}
	return 0;
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

static int read_once(const struct table *t, struct snapshot *s)
{
	struct batch b = { .t = t, .s = s };
	int r;

	r = reset(t, s);
	if (r == 0)
		r = read_slots(&b);
	if (r == 0)
		r = read_rings(&b);
	if (r == 0)
		r = read_store(t, s);
	return r;
}

static int read_all(const struct table *t, struct snapshot *s)
{
	int r = read_once(t, s);

	if (r == -EEXIST) {
		s->careful = true;
		r = read_once(t, s);
	}
	if (r == 0 && s->halves)
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

bool snapshot_is_valid(const struct table *t, const struct snapshot *s)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&t->ctl->commit_seq, __ATOMIC_RELAXED) == s->commit_seq;
}
