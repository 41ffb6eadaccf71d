// SPDX-License-Identifier: Apache-2.0
/*
 * Open addressing over entry numbers, linear probing, with backward shift on removal, so
 * that it needs no rebuilding. Twice as many places as entries.
 */
#include "kernel/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

uint64_t store_hash(const struct flow_key *key)
{
	const uint64_t *w = (const uint64_t *)key;
	uint64_t h = 0;

	for (unsigned i = 0; i < sizeof(*key) / sizeof(*w); i++) {
		h = (h ^ w[i]) * UINT64_C(0x9E3779B97F4A7C15);
		h ^= h >> 32;
	}
	return h;
}

int store_open(struct table *t)
{
	uint32_t places = 2;

	if (t->store_index)
		return 0;
	while (places < 2 * t->ctl->store_entries)
		places <<= 1;
	t->store_index = calloc(places, sizeof(*t->store_index));
	if (!t->store_index)
		return fail(-ENOMEM, "cannot index the stored flows");
	t->store_index_mask = places - 1;
	for (uint32_t i = 0; i < t->ctl->store_entries; i++) {
		if (t->store[i].used)
			store_added(t, i);
	}
	return 0;
}

void store_close(struct table *t)
{
	free(t->store_index);
	t->store_index = NULL;
}

static uint32_t next_free(struct table *t)
{
	uint32_t n = t->ctl->store_entries;

	for (uint32_t tried = 0; tried < n; tried++) {
		uint32_t i = t->store_free;

		t->store_free = i + 1 < n ? i + 1 : 0;
		if (!t->store[i].used)
			return i;
	}
	return n;
}

int store_find(struct table *t, const struct flow_key *key, uint32_t *ret_idx)
{
	uint32_t at = store_hash(key) & t->store_index_mask;
	uint32_t idx;

	for (; t->store_index[at]; at = (at + 1) & t->store_index_mask) {
		idx = t->store_index[at] - 1;
		if (memcmp(&t->store[idx].key, key, sizeof(*key)) == 0) {
			*ret_idx = idx;
			return 0;
		}
	}
	idx = next_free(t);
	if (idx == t->ctl->store_entries)
		return -ENOSPC;
	*ret_idx = idx;
	return 0;
}

void store_added(struct table *t, uint32_t idx)
{
	uint32_t at = store_hash(&t->store[idx].key) & t->store_index_mask;

	while (t->store_index[at])
		at = (at + 1) & t->store_index_mask;
	t->store_index[at] = idx + 1;
}

static void index_remove(struct table *t, uint32_t at)
{
	uint32_t mask = t->store_index_mask;

	for (uint32_t next = (at + 1) & mask; t->store_index[next]; next = (next + 1) & mask) {
		uint32_t home = store_hash(&t->store[t->store_index[next] - 1].key) & mask;

		/* Leave an entry whose home lies behind the hole. */
		if (((next - home) & mask) < ((next - at) & mask))
			continue;
		t->store_index[at] = t->store_index[next];
		at = next;
	}
	t->store_index[at] = 0;
}

void store_forget(struct table *t, uint32_t idx)
{
	uint32_t at = store_hash(&t->store[idx].key) & t->store_index_mask;

	while (t->store_index[at] && t->store_index[at] != idx + 1)
		at = (at + 1) & t->store_index_mask;
	if (t->store_index[at])
		index_remove(t, at);
}

void part_add(struct flow_part *to, const struct flow_part *from)
{
	struct flow_part sum = to->first_ns && to->first_ns <= from->first_ns ? *to : *from;

	if (!to->first_ns) {
		*to = *from;
		return;
	}
	sum.packets = to->packets + from->packets;
	sum.bytes = to->bytes + from->bytes;
	sum.last_ns = to->last_ns > from->last_ns ? to->last_ns : from->last_ns;
	sum.tcp_flags = to->tcp_flags | from->tcp_flags;
	sum.min_ttl = to->min_ttl < from->min_ttl ? to->min_ttl : from->min_ttl;
	sum.max_ttl = to->max_ttl > from->max_ttl ? to->max_ttl : from->max_ttl;
	*to = sum;
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
	if (!j || j->gen != s->gen || !j->packets)
		return;
	ret->packets -= j->packets;
	ret->bytes -= j->bytes;
	ret->first_ns = tick_to_ns(c, j->last_tick);
}
