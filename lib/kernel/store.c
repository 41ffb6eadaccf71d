// SPDX-License-Identifier: Apache-2.0
/*
 * The free entries are a stack whose top is the lowest of a fresh store, so that entries in
 * use lie together and a look at all flows is a look at few pages.
 */
#include "kernel/store.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "kernel/extra.h"

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
	v->n_free = v->n_closed = v->top = 0;
	for (uint32_t i = n; i-- > 0;) {
		if (!t->store[i].part.used)
			v->free[v->n_free++] = i;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!t->store[i].part.used)
			continue;
		key_index_add(&v->by_key, key_index_hash(&t->store[i].key), i);
		v->n_closed += t->store[i].part.closed;
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
	while (idx != STORE_NONE &&
	       (t->store[idx].part.closed || !key_is(&t->store[idx].key, key)));
	return idx;
}

uint32_t store_find_closed(const struct table *t, const struct flow_key *key, uint32_t hash,
			   uint64_t first_ns)
{
	uint32_t at = hash, idx, best = STORE_NONE;

	if (!t->view.n_closed)
		return STORE_NONE;
	while ((idx = key_index_next(&t->view.by_key, hash, &at)) != STORE_NONE) {
		const struct flow_part *p = &t->store[idx].part;

		if (p->closed && p->first_ns && key_is(&t->store[idx].key, key) &&
		    (best == STORE_NONE || part_is_nearer(p, &t->store[best].part, first_ns)))
			best = idx;
	}
	return best;
}

void store_shut(struct table *t, uint32_t idx)
{
	t->view.n_closed += !t->store[idx].part.closed;
	t->store[idx].part.closed = 1;
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
	v->n_closed += t->store[idx].part.closed;
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
	v->n_closed -= t->store[idx].part.closed;
}

void store_prefetch(const struct table *t, uint32_t idx)
{
	if (t->view.free)
		key_index_prefetch(&t->view.by_key, key_index_hash(&t->store[idx].key));
}

void part_add_total(struct flow_part *to, const struct flow_part *from)
{
	struct ledger_count total = part_total(to), more = part_total(from);

	total.packets += more.packets;
	total.bytes += more.bytes;
	to->total_packets_low = total.packets;
	to->total_packets_high = total.packets >> 48;
	to->total_bytes_low = total.bytes;
	to->total_bytes_high = total.bytes >> 56;
}

void part_empty(struct flow_part *p)
{
	p->packets = 0;
	p->bytes = 0;
	p->first_ns = 0;
	p->cut = 0;
}

bool part_is_nearer(const struct flow_part *p, const struct flow_part *than, uint64_t first_ns)
{
	bool before = p->first_ns <= first_ns;

	if (before != (than->first_ns <= first_ns))
		return before;
	return before ? p->first_ns > than->first_ns : p->first_ns < than->first_ns;
}

bool part_is_apart(const struct flow_part *a, const struct flow_part *b)
{
	const struct flow_part *later = a->first_ns > b->first_ns ? a : b;
	const struct flow_part *earlier = later == a ? b : a;

	if (!(later->tcp_flags & TH_SYN) || later->first_ns <= earlier->first_ns)
		return false;
	/* Before a SYN that is sent again there is nothing but that SYN, and perhaps an ACK. */
	if (earlier->tcp_flags & TH_SYN && !(earlier->tcp_flags & (TH_FIN | TH_RST | TH_PUSH)))
		return false;
	/* last_ns is known to a tick. */
	return later->first_ns + clock_tick_ns() > earlier->last_ns;
}

/* All of @from; the entry stays what it is. */
static void part_begin(struct flow_part *to, const struct flow_part *from)
{
	struct flow_part sum = *from;

	part_add_total(&sum, to);
	sum.used = to->used;
	sum.closed = to->closed;
	sum.cut = to->cut;
	*to = sum;
}

void part_add(struct flow_part *to, const struct flow_part *from, const struct flow_key *key)
{
	if (!to->first_ns) {
		part_begin(to, from);
		return;
	}
	part_add_total(to, from);
	to->packets += from->packets;
	to->bytes += from->bytes;
	to->last_ns = to->last_ns > from->last_ns ? to->last_ns : from->last_ns;
	to->tcp_flags |= from->tcp_flags;
	to->min_ttl = to->min_ttl < from->min_ttl ? to->min_ttl : from->min_ttl;
	to->max_ttl = to->max_ttl > from->max_ttl ? to->max_ttl : from->max_ttl;
	if (to->first_ns <= from->first_ns) {
		to->extra = extra_merge(to->extra, from->extra, key);
		return;
	}
	to->extra = extra_merge(from->extra, to->extra, key);
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
	uint64_t packets = c->packets, bytes = c->bytes;

	*ret = (struct flow_part) {
		.first_ns = c->first_ns,
		.last_ns = tick_to_ns(c, c->w.last_tick),
		.tcp_flags = c->w.tcp_flags,
		.tos = c->w.tos,
		.min_ttl = c->w.min_ttl,
		.max_ttl = c->w.max_ttl,
		.extra = c->extra,
		.mark = c->mark,
	};
	memcpy(ret->src_mac, c->src_mac, sizeof(ret->src_mac));
	memcpy(ret->dst_mac, c->dst_mac, sizeof(ret->dst_mac));
	if (j->gen == s->gen && j->packets) {
		packets -= j->packets;
		bytes -= j->bytes;
		ret->first_ns = tick_to_ns(c, j->w.last_tick);
		/* Its first packet showed that, and is known. */
		ret->tcp_flags &= ~TH_SYN;
	}
	ret->packets = ret->total_packets_low = packets;
	ret->bytes = ret->total_bytes_low = bytes;
}
