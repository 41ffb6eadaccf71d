// SPDX-License-Identifier: Apache-2.0
/*
 * The flows that a follower keeps. By a key lie its connections, one behind the other: a part of a
 * slot belongs to the one that its times and flags fit, else it begins another, and those before
 * it are closed. When there are too many, the quarter that is silent longest goes into one sum.
 */
#include "kernel/follow_parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/slot.h"
#include "kernel/store.h"

int follow_no_memory(void)
{
	return fail(-ENOMEM, "cannot hold the flows that are followed");
}

const struct follow_iface *follow_iface_of(const struct follow *f, const struct flow_key *key)
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

int follow_reserve(struct follow *f, uint32_t cap)
{
	struct follow_flow *flows = reallocarray(f->flows, cap, sizeof(*flows));
	uint32_t *changed;

	if (!flows)
		return follow_no_memory();
	f->flows = flows;
	changed = reallocarray(f->changed, cap, sizeof(*changed));
	if (!changed)
		return follow_no_memory();
	f->changed = changed;
	f->cap = cap;
	return 0;
}

static struct follow_flow *add_flow(struct follow *f, const struct flow_key *key, uint32_t hash,
				    const struct flow_part *part)
{
	struct follow_flow *flow;

	if (f->n == f->cap && follow_reserve(f, 2 * f->cap) < 0)
		return NULL;
	if (key_index_add(&f->by_key, hash, f->n) < 0) {
		follow_no_memory();
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

int follow_credit(struct follow *f, const struct flow_slot *slot, struct journal_entry *seen)
{
	struct follow_flow *flow = NULL;
	struct flow_part part;

	if (follow_iface_of(f, &slot->key)) {
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

static int compare_u64(const void *a_, const void *b_)
{
	const uint64_t *a = a_, *b = b_;

	return (*a > *b) - (*a < *b);
}

int follow_forget_some(struct follow *f)
{
	_cleanup_(freep) uint64_t *last = malloc(f->n * sizeof(*last));
	uint32_t kept = 0;

	if (!last)
		return follow_no_memory();
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
