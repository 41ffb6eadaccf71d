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
 * Flows lie anywhere: those of a batch of slots are all asked for before the first is needed.
 */
#include "kernel/follow.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/large.h"
#include "kernel/ring.h"
#include "kernel/slot.h"
#include "kernel/store.h"

enum {
	BATCH = 32,
	COPY_TRIES = 64,
	FIRST_FLOWS = 4096,
	LEAST_LIMIT = 131072,
	PATIENCE_NS_PER_BYTE = 100,	/* 100 ms a MiB */
	PATIENCE_MOST_NS = 100000000,
	PATIENCE_LEAST_NS = 1000000,
};

static int no_memory(void)
{
	return fail(-ENOMEM, "cannot hold the flows that are followed");
}

static const struct follow_iface *iface_of(const struct follow *f, const struct flow_key *key)
{
	uint32_t ifindex = key->direction == FLOW_EGRESS ? key->egress_ifindex : key->ingress_ifindex;

	for (size_t i = 0; i < f->n_ifaces; i++) {
		if (f->ifaces[i].ifindex == ifindex)
			return &f->ifaces[i];
	}
	return NULL;
}

static struct flow_part part_of(const struct follow_flow *flow)
{
	return (struct flow_part) {
		.first_ns = flow->first_ns,
		.last_ns = flow->last_ns,
		.tcp_flags = flow->tcp_flags,
	};
}

/* Of one key's connections the one that @part is of, or NULL. */
static struct follow_flow *find_flow(const struct follow *f, const struct flow_key *key,
				     uint32_t hash, const struct flow_part *part)
{
	struct follow_flow *best = NULL;
	struct flow_part best_part;
	uint32_t at = hash, i;

	while ((i = key_index_next(&f->by_key, hash, &at)) != KEY_INDEX_NONE) {
		struct flow_part its;

		if (!key_is(&f->flows[i].key, key))
			continue;
		its = part_of(&f->flows[i]);
		if (part_is_apart(&its, part) ||
		    (best && !part_is_nearer(&its, &best_part, part->first_ns)))
			continue;
		best = &f->flows[i];
		best_part = its;
	}
	return best;
}

static void close_earlier(struct follow *f, struct follow_flow *new, uint32_t hash)
{
	uint32_t at = hash, i;

	while ((i = key_index_next(&f->by_key, hash, &at)) != KEY_INDEX_NONE) {
		struct follow_flow *other = &f->flows[i];

		if (other == new || !key_is(&other->key, &new->key))
			continue;
		if (other->first_ns < new->first_ns)
			other->closed = true;
		else
			new->closed = true;
	}
}

static int reserve(struct follow *f, uint32_t cap)
{
	struct follow_flow *flows = reallocarray(f->flows, cap, sizeof(*flows));
	uint32_t *changed;

	if (!flows)
		return no_memory();
	f->flows = flows;
	changed = reallocarray(f->changed, cap, sizeof(*changed));
	if (!changed)
		return no_memory();
	f->changed = changed;
	f->cap = cap;
	return 0;
}

static struct follow_flow *add_flow(struct follow *f, const struct flow_key *key, uint32_t hash,
				    const struct flow_part *part)
{
	struct follow_flow *flow;

	if (f->n == f->cap && reserve(f, 2 * f->cap) < 0)
		return NULL;
	if (key_index_add(&f->by_key, hash, f->n) < 0) {
		no_memory();
		return NULL;
	}
	flow = &f->flows[f->n++];
	*flow = (struct follow_flow) {
		.key = *key, .first_ns = part->first_ns, .last_ns = part->last_ns,
		.reading = f->reading - 1, .owner = { FOLLOW_NONE, FOLLOW_NONE },
	};
	if (part->tcp_flags)
		close_earlier(f, flow, hash);
	return flow;
}

/* The flow that this very generation was credited to before needs no search. */
static struct follow_flow *flow_of(struct follow *f, const struct flow_slot *slot,
				   const struct journal_entry *seen, const struct flow_part *part)
{
	struct follow_flow *flow;
	uint32_t hash;

	if (seen->gen == slot->gen && seen->packets && seen->store_idx && seen->store_idx <= f->n &&
	    key_is(&f->flows[seen->store_idx - 1].key, &slot->key))
		return &f->flows[seen->store_idx - 1];
	hash = key_index_hash(&slot->key);
	flow = find_flow(f, &slot->key, hash, part);
	return flow ? flow : add_flow(f, &slot->key, hash, part);
}

static void add_part(struct follow *f, struct follow_flow *flow, const struct flow_slot *slot,
		     const struct flow_part *part)
{
	if (flow->reading != f->reading) {
		flow->reading = f->reading;
		flow->new_packets = flow->new_bytes = 0;
		f->changed[f->n_changed++] = flow - f->flows;
	}
	flow->packets += part->packets;
	flow->bytes += part->bytes;
	flow->new_packets += part->packets;
	flow->new_bytes += part->bytes;
	flow->tcp_flags |= slot->c.w.tcp_flags;
	flow->syn_ack |= slot->key.proto == IPPROTO_TCP && slot->c.extra.l4 & TCP_OPTION(TCP_OPTION_SYN_ACK);
	if (slot->c.first_ns < flow->first_ns)
		flow->first_ns = slot->c.first_ns;
	if (part->last_ns > flow->last_ns)
		flow->last_ns = part->last_ns;
}

/* What @slot, a copy, shows beyond what was seen. *seen is brought up to it. */
static int credit(struct follow *f, const struct flow_slot *slot, struct journal_entry *seen)
{
	struct follow_flow *flow = NULL;
	struct flow_part part;

	if (iface_of(f, &slot->key)) {
		part_from_slot(&part, slot, seen);
		if (part.packets || part.bytes) {
			flow = flow_of(f, slot, seen, &part);
			if (!flow)
				return -ENOMEM;
			add_part(f, flow, slot, &part);
		}
	}
	if (flow || seen->gen != slot->gen) {
		*seen = slot_note(slot);
		seen->store_idx = flow ? flow - f->flows + 1 : 0;
	} else {
		seen->w = slot->c.w;
	}
	return 0;
}

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
		r = credit(f, &copy, &f->seen[copy.idx]);
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
		r = credit(f, &b->slot[i], &f->seen[b->slot[i].idx]);
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
			r = credit(f, &copy, seen);
	}
	return r;
}

static int compare_u64(const void *a_, const void *b_)
{
	const uint64_t *a = a_, *b = b_;

	return (*a > *b) - (*a < *b);
}

/* Those of the quarter that is silent longest go into `others`. */
static int forget_some(struct follow *f)
{
	_cleanup_(freep) uint64_t *last = malloc(f->n * sizeof(*last));
	uint32_t kept = 0;

	if (!last)
		return no_memory();
	for (uint32_t i = 0; i < f->n; i++)
		last[i] = f->flows[i].last_ns;
	qsort(last, f->n, sizeof(*last), compare_u64);
	key_index_clear(&f->by_key);
	for (uint32_t i = 0; i < f->n; i++) {
		struct follow_flow *flow = &f->flows[i];

		if (flow->last_ns <= last[f->n / 4]) {
			f->others.packets += flow->packets;
			f->others.bytes += flow->bytes;
			continue;
		}
		flow->owner[0] = flow->owner[1] = FOLLOW_NONE;
		f->flows[kept] = *flow;
		key_index_add(&f->by_key, key_index_hash(&flow->key), kept++);
	}
	f->n = kept;
	f->layout++;
	/* A slot's flow has another number now: let it be searched for. */
	for (uint32_t i = 0; i < f->t->n_slots; i++)
		f->seen[i].store_idx = 0;
	return 0;
}

static int begin_reading(struct follow *f)
{
	if (!f->complete)
		return 0;
	f->complete = false;
	f->reading++;
	f->n_changed = 0;
	return f->n > f->limit ? forget_some(f) : 0;
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
		iface = iface_of(f, &copy.key);
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
	if (!f.ifaces || !f.seen || !f.ahead || !f.ring_pos || reserve(&f, FIRST_FLOWS) < 0 ||
	    key_index_init(&f.by_key, FIRST_FLOWS) < 0) {
		follow_close(&f);
		return no_memory();
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
