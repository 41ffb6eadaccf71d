// SPDX-License-Identifier: Apache-2.0
/*
 * The free entries are a stack whose top is the lowest of a fresh store, so that entries in
 * use lie together and a look at all flows is a look at few pages.
 */
#include "kernel/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

int store_open(struct table *t)
{
	struct store_view *v = &t->view;
	uint32_t n = t->ctl->store_entries;

	if (v->free)
		return 0;
	v->free = malloc(n * sizeof(*v->free));
	if (!v->free || key_index_init(&v->by_key, n) < 0) {
		store_close(t);
		return fail(-ENOMEM, "cannot index the stored flows");
	}
	v->n_free = v->top = 0;
	for (uint32_t i = n; i-- > 0;) {
		if (!t->store[i].used)
			v->free[v->n_free++] = i;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!t->store[i].used)
			continue;
		key_index_add(&v->by_key, key_index_hash(&t->store[i].key), i);
		v->top = i + 1;
	}
	return 0;
}

void store_close(struct table *t)
{
	free(t->view.free);
	key_index_deinit(&t->view.by_key);
	t->view = (struct store_view) { 0 };
}

uint32_t store_find(const struct table *t, const struct flow_key *key, uint32_t hash)
{
	uint32_t at = hash, idx;

	do
		idx = key_index_next(&t->view.by_key, hash, &at);
	while (idx != STORE_NONE && !key_is(&t->store[idx].key, key));
	return idx;
}

uint32_t store_free(const struct table *t)
{
	return t->view.n_free ? t->view.free[t->view.n_free - 1] : STORE_NONE;
}

void store_added(struct table *t, uint32_t idx, uint32_t hash)
{
	struct store_view *v = &t->view;

	/* Room for all entries was made at once: it does not grow, and cannot fail. */
	key_index_add(&v->by_key, hash, idx);
	v->n_free--;
	if (idx >= v->top)
		v->top = idx + 1;
}

void store_forget(struct table *t, uint32_t idx)
{
	struct store_view *v = &t->view;

	if (!v->free)
		return;
	key_index_remove(&v->by_key, key_index_hash(&t->store[idx].key), idx);
	v->free[v->n_free++] = idx;
}

void store_prefetch(const struct table *t, uint32_t idx)
{
	if (t->view.free)
		key_index_prefetch(&t->view.by_key, key_index_hash(&t->store[idx].key));
}

void part_add(struct flow_part *to, const struct flow_part *from)
{
	if (!to->first_ns) {
		*to = *from;
		return;
	}
	to->packets += from->packets;
	to->bytes += from->bytes;
	to->last_ns = to->last_ns > from->last_ns ? to->last_ns : from->last_ns;
	to->tcp_flags |= from->tcp_flags;
	to->min_ttl = to->min_ttl < from->min_ttl ? to->min_ttl : from->min_ttl;
	to->max_ttl = to->max_ttl > from->max_ttl ? to->max_ttl : from->max_ttl;
	if (to->first_ns <= from->first_ns)
		return;
	to->first_ns = from->first_ns;
	to->tos = from->tos;
	to->mark = from->mark;
	memcpy(to->src_mac, from->src_mac, sizeof(to->src_mac));
	memcpy(to->dst_mac, from->dst_mac, sizeof(to->dst_mac));
}

static uint64_t tick_to_ns(const struct flow_counters *c, uint32_t tick)
{
	return c->first_ns + (uint64_t)(uint32_t)(tick - c->first_tick) * clock_tick_ns();
}

void part_from_slot(struct flow_part *ret, const struct flow_slot *s, const struct journal_entry *j)
{
	const struct flow_counters *c = &s->c;

	*ret = (struct flow_part) {
		.packets = c->packets,
		.bytes = c->bytes,
		.first_ns = c->first_ns,
		.last_ns = tick_to_ns(c, c->w.last_tick),
		.tcp_flags = c->w.tcp_flags,
		.tos = c->w.tos,
		.min_ttl = c->w.min_ttl,
		.max_ttl = c->w.max_ttl,
		.mark = c->mark,
	};
	memcpy(ret->src_mac, c->src_mac, sizeof(ret->src_mac));
	memcpy(ret->dst_mac, c->dst_mac, sizeof(ret->dst_mac));
	if (j->gen != s->gen || !j->packets)
		return;
	ret->packets -= j->packets;
	ret->bytes -= j->bytes;
	ret->first_ns = tick_to_ns(c, j->w.last_tick);
}
