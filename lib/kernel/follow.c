// SPDX-License-Identifier: Apache-2.0
/*
 * A slot's counters only grow within a generation, and each generation but the last leaves a
 * record in the ring of its CPU before the next one begins. So per slot it is enough to know what
 * of which generation was seen: the same one's growth is new, and of those in between the records
 * tell. A slot that is ahead of what the rings told waits for a second look into them; where no
 * record came, its past was let go while no agent ran (account.h), in silence that was seen before.
 *
 * The consumer's position is the agent's. Ours may fall behind it: what lies there stays readable
 * until the program has gone round the ring, which is checked behind each copy.
 *
 * Flows (follow_flows.c) lie anywhere: those of a batch of slots are all asked for before the
 * first is needed.
 */
#include "kernel/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/large.h"
#include "kernel/follow_parts.h"
#include "kernel/ring.h"
#include "kernel/slot.h"

enum {
	BATCH = 32,
	COPY_TRIES = 64,
	FIRST_FLOWS = 4096,
	LEAST_LIMIT = 131072,
	PATIENCE_NS_PER_BYTE = 100,	/* 100 ms a MiB */
	PATIENCE_MOST_NS = 100000000,
	PATIENCE_LEAST_NS = 1000000,
};

/* 1: a writer is at it, what is behind waits. */
static int read_ring(struct follow *f, uint32_t part)
{
	const struct table_ring *ring = &f->t->rings[part];
	uint64_t end = ring_producer(ring), *pos = &f->ring_pos[part], next;

	if (end - *pos > f->most_bytes)
		f->most_bytes = end - *pos;
	while (*pos < end) {
		const struct flow_slot *rec;
		struct flow_slot copy;
		bool whole = false;
		int r;

		if (end - *pos > ring->mask + 1) {
			/* Only what the agent has not taken is certainly there. */
			*pos = ring_consumer(ring);
			f->overruns++;
			continue;
		}
		rec = ring_at(ring, *pos, &next);
		if (rec) {
			memcpy(&copy, rec, sizeof(copy));
			whole = copy.idx < f->t->n_slots;
		}
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		end = ring_producer(ring);
		if (end - *pos > ring->mask + 1)
			continue;
		if (next == *pos)
			return 1;
		*pos = next;
		if (!whole || gen_after(f->seen[copy.idx].gen, copy.gen))
			continue;
		r = follow_credit(f, &copy, &f->seen[copy.idx]);
		if (r < 0)
			return r;
		f->seen[copy.idx] = (struct journal_entry) {
			.gen = copy.gen + 2, .store_idx = f->seen[copy.idx].store_idx,
		};
	}
	return 0;
}

static int read_rings(struct follow *f, bool *ret_busy)
{
	*ret_busy = false;
	for (uint32_t part = 0; part < f->t->ctl->parts; part++) {
		int r = read_ring(f, part);

		if (r < 0)
			return r;
		*ret_busy |= r > 0;
	}
	return 0;
}

static bool slot_copy_patiently(const struct flow_slot *slot, struct flow_slot *ret)
{
	for (int i = 0; i < COPY_TRIES; i++) {
		if (slot_copy(slot, ret))
			return true;
	}
	return false;
}

struct batch {
	struct flow_slot slot[BATCH];
	size_t n;
};

static int credit_batch(struct follow *f, struct batch *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->n; i++)
		r = follow_credit(f, &b->slot[i], &f->seen[b->slot[i].idx]);
	b->n = 0;
	return r;
}

static void prefetch_flow(const struct follow *f, uint32_t number)
{
	if (!number || number > f->n)
		return;
	__builtin_prefetch(&f->flows[number - 1], 1);
	__builtin_prefetch((const char *)&f->flows[number - 1] + 64, 1);
}

static int read_slots(struct follow *f)
{
	const struct flow_slot *slots = f->t->slots[0].way;
	struct batch b = { .n = 0 };
	int r = 0;

	f->n_ahead = 0;
	for (uint32_t i = 0; r == 0 && i < f->t->n_slots; i++) {
		struct flow_slot *copy = &b.slot[b.n];
		struct journal_entry *seen = &f->seen[i];

		if (slot_is_known(&slots[i], seen) || !slot_gen(&slots[i]))
			continue;
		/* One whose record is out already, and that is about to begin anew, is known. */
		if (!slot_copy_patiently(&slots[i], copy) || copy->idx != i ||
		    gen_after(seen->gen, copy->gen))
			continue;
		if (copy->gen != seen->gen) {
			f->ahead[f->n_ahead++] = i;
			continue;
		}
		prefetch_flow(f, seen->store_idx);
		if (++b.n == BATCH)
			r = credit_batch(f, &b);
	}
	return r < 0 ? r : credit_batch(f, &b);
}

/* Their past was in the rings when the slots were looked at, if it is anywhere. */
static int read_ahead(struct follow *f)
{
	const struct flow_slot *slots = f->t->slots[0].way;
	bool busy;
	int r;

	r = f->n_ahead ? read_rings(f, &busy) : 0;
	if (r < 0 || !f->n_ahead || busy)
		return r;
	for (uint32_t i = 0; r == 0 && i < f->n_ahead; i++) {
		struct journal_entry *seen = &f->seen[f->ahead[i]];
		struct flow_slot copy;

		if (slot_copy_patiently(&slots[f->ahead[i]], &copy) && !gen_after(seen->gen, copy.gen))
			r = follow_credit(f, &copy, seen);
	}
	return r;
}

static int begin_reading(struct follow *f)
{
	if (!f->complete)
		return 0;
	f->complete = false;
	f->reading++;
	f->n_changed = 0;
	return f->n > f->limit ? follow_forget_some(f) : 0;
}

int follow_drain(struct follow *f)
{
	bool busy;
	int r;

	f->most_bytes = 0;
	r = begin_reading(f);
	return r < 0 ? r : read_rings(f, &busy);
}

int follow_gather(struct follow *f)
{
	int r;

	r = follow_drain(f);
	if (r == 0)
		r = read_slots(f);
	return r < 0 ? r : read_ahead(f);
}

int follow_read(struct follow *f)
{
	int r = follow_gather(f);

	f->complete = r == 0;
	return r;
}

/*
 * An agent empties a ring every 25 ms, and more often when it is busy; what comes then goes round.
 * The smaller the ring the sooner, and sooner still when a good part of it was new.
 */
uint64_t follow_patience_ns(struct follow *f)
{
	uint64_t ring_bytes = f->t->ctl->ring_bytes, most;

	if (__atomic_load_n(&f->t->ctl->lease_ns, __ATOMIC_RELAXED) <= clock_boot_ns())
		return UINT64_MAX;
	most = ring_bytes * PATIENCE_NS_PER_BYTE;
	if (most > PATIENCE_MOST_NS)
		most = PATIENCE_MOST_NS;
	if (f->most_bytes > ring_bytes / 4)
		f->patience_ns /= 2;
	else if (f->most_bytes < ring_bytes / 16)
		f->patience_ns *= 2;
	if (f->patience_ns > most)
		f->patience_ns = most;
	if (f->patience_ns < PATIENCE_LEAST_NS)
		f->patience_ns = PATIENCE_LEAST_NS;
	return f->patience_ns;
}

/* What is there now is known, but of interfaces that are wanted whole. */
static void begin_slots(struct follow *f)
{
	const struct flow_slot *slots = f->t->slots[0].way;

	for (uint32_t i = 0; i < f->t->n_slots; i++) {
		const struct follow_iface *iface;
		struct flow_slot copy;

		f->seen[i].gen = 2;
		if (!slot_gen(&slots[i]) || !slot_copy_patiently(&slots[i], &copy))
			continue;
		iface = follow_iface_of(f, &copy.key);
		if (!iface || !iface->whole)
			f->seen[i] = slot_note(&copy);
	}
}

static bool all_whole(const struct follow *f)
{
	for (size_t i = 0; i < f->n_ifaces; i++) {
		if (!f->ifaces[i].whole)
			return false;
	}
	return true;
}

int follow_open(const struct table *t, const struct follow_iface *ifaces, size_t n,
		struct follow *ret)
{
	struct follow f = { .t = t, .n_ifaces = n, .complete = true };

	f.limit = 2 * t->ctl->max_flows > LEAST_LIMIT ? 2 * t->ctl->max_flows : LEAST_LIMIT;
	f.ifaces = calloc(n + 1, sizeof(*ifaces));
	f.seen = large_zalloc(t->n_slots * sizeof(*f.seen));
	f.ahead = malloc(t->n_slots * sizeof(*f.ahead));
	f.ring_pos = calloc(t->ctl->parts, sizeof(*f.ring_pos));
	if (!f.ifaces || !f.seen || !f.ahead || !f.ring_pos || follow_reserve(&f, FIRST_FLOWS) < 0 ||
	    key_index_init(&f.by_key, FIRST_FLOWS) < 0) {
		follow_close(&f);
		return follow_no_memory();
	}
	memcpy(f.ifaces, ifaces, n * sizeof(*ifaces));
	for (uint32_t part = 0; part < t->ctl->parts; part++) {
		f.ring_pos[part] = all_whole(&f) ? ring_consumer(&t->rings[part])
						 : ring_producer(&t->rings[part]);
	}
	begin_slots(&f);
	*ret = f;
	return 0;
}

void follow_close(struct follow *f)
{
	free(f->flows);
	free(f->changed);
	free(f->ifaces);
	free(f->seen);
	free(f->ahead);
	free(f->ring_pos);
	key_index_deinit(&f->by_key);
	*f = (struct follow) { 0 };
}
