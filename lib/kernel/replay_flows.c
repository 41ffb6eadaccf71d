// SPDX-License-Identifier: Apache-2.0
/*
 * See replay_flows.h. Parts are made and added as those of the store are. What the store's
 * journal would know of a slot is nothing here: a generation comes once, when it is complete.
 */
#include "kernel/replay_flows.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "kernel/store.h"

#define FLOWS_MIN 1024

static int no_memory(const struct replay_flows *f)
{
	return fail(-ENOMEM, "no memory for more than %zu flows", f->n);
}

int replay_flows_init(struct replay_flows *f)
{
	*f = (struct replay_flows) { 0 };
	return key_index_init(&f->by_key, FLOWS_MIN) < 0 ? no_memory(f) : 0;
}

void replay_flows_deinit(struct replay_flows *f)
{
	free(f->v);
	key_index_deinit(&f->by_key);
	*f = (struct replay_flows) { 0 };
}

static struct replay_flow *find(const struct replay_flows *f, const struct flow_key *key,
				uint32_t hash)
{
	uint32_t at = hash, i;

	do
		i = key_index_next(&f->by_key, hash, &at);
	while (i != KEY_INDEX_NONE && !key_is(&f->v[i].key, key));
	return i != KEY_INDEX_NONE ? &f->v[i] : NULL;
}

static int reserve(struct replay_flows *f)
{
	size_t cap = f->cap ? 2 * f->cap : FLOWS_MIN;
	struct replay_flow *grown;

	if (f->n < f->cap)
		return 0;
	grown = reallocarray(f->v, cap, sizeof(*grown));
	if (!grown)
		return no_memory(f);
	f->v = grown;
	f->cap = cap;
	return 0;
}

static int append(struct replay_flows *f, const struct flow_slot *s, uint32_t hash, uint32_t before)
{
	const struct journal_entry nothing = { 0 };
	struct replay_flow *flow;

	if (reserve(f) < 0)
		return -ENOMEM;
	if (key_index_add(&f->by_key, hash, f->n) < 0)
		return no_memory(f);
	flow = &f->v[f->n++];
	flow->key = s->key;
	flow->frame = s->c.mark;
	flow->before = before;
	part_from_slot(&flow->part, s, &nothing);
	return 0;
}

int replay_flows_add(struct replay_flows *f, const struct flow_slot *s)
{
	const struct journal_entry nothing = { 0 };
	uint32_t hash = key_index_hash(&s->key);
	struct replay_flow *flow = find(f, &s->key, hash);
	struct flow_part part;

	if (!flow)
		return append(f, s, hash, KEY_INDEX_NONE);
	part_from_slot(&part, s, &nothing);
	if (part_is_apart(&flow->part, &part)) {
		key_index_remove(&f->by_key, hash, flow - f->v);
		return append(f, s, hash, flow - f->v);
	}
	part_add(&flow->part, &part, &s->key);
	return 0;
}

void replay_flows_join(struct replay_flows *f, struct health *h)
{
	size_t n = 0;

	for (size_t i = f->n; i-- > 0;) {
		struct replay_flow *flow = &f->v[i];

		if (flow->before == KEY_INDEX_NONE || !health_goes_on(h, &flow->key, &flow->part))
			continue;
		part_add(&f->v[flow->before].part, &flow->part, &flow->key);
		flow->part.first_ns = 0;
	}
	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].part.first_ns)
			f->v[n++] = f->v[i];
	}
	f->n = n;
}

static int by_frame(const void *a, const void *b)
{
	const struct replay_flow *x = a, *y = b;

	return (x->frame > y->frame) - (x->frame < y->frame);
}

void replay_flows_sort(struct replay_flows *f)
{
	if (f->n)
		qsort(f->v, f->n, sizeof(*f->v), by_frame);
}
