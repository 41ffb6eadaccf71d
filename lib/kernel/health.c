// SPDX-License-Identifier: Apache-2.0
/*
 * See health.h. What a record says is read, and later, when the record leaves for good, written
 * down as taken: by the journal, in the step that takes the record's packets too (health_apply()
 * does it, and may do it again). In between no lock is held, and the entry may have become
 * another's: then nothing is written, or to the copy that was left in the ring.
 */
#include "kernel/health.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "kernel/health_ends.h"
#include "kernel/health_find.h"
#include "kernel/step.h"
#include "tcp_key.h"

#define KEEP_NS (600 * NSEC_PER_SEC)

struct health {
	struct table *t;
	struct ends ends;
	uint32_t batch;		/* its number, never 0: tcp_side.leaving */
};

int health_open(struct table *t, struct health **ret)
{
	struct health *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return fail(-ENOMEM, "cannot look at connections");
	h->t = t;
	/* Another one than any process before had. */
	h->batch = (uint32_t)(clock_boot_ns() >> 10) | 1;
	r = ends_init(&h->ends, t);
	if (r < 0) {
		free(h);
		return r;
	}
	*ret = h;
	return 0;
}

void health_close(struct health *h)
{
	if (!h)
		return;
	ends_deinit(&h->ends);
	free(h);
}

int health_look(struct health *h)
{
	ends_reset(&h->ends);
	return ends_look(&h->ends);
}

int health_drain(struct health *h, size_t *ret_n)
{
	uint64_t now = clock_boot_ns();
	int r;

	r = ends_look(&h->ends);
	if (r == 0)
		ends_consume(&h->ends, now > KEEP_NS ? now - KEEP_NS : 0);
	*ret_n = h->ends.next - h->ends.first;
	return r;
}

uint32_t health_place(const struct health *h, const struct flow_key *key)
{
	struct health_search q;

	return health_search_begin(h->t, &q, key) ? q.hash : 0;
}

void health_prefetch(const struct health *h, const struct flow_key *key)
{
	const struct table_ctl *ctl = h->t->ctl;
	struct health_search q;

	if (!health_search_begin(h->t, &q, key))
		return;
	__builtin_prefetch(&h->t->tcp[tcp_key_bucket(q.hash, ctl->tcp_buckets)]);
	__builtin_prefetch(&h->t->tcp[tcp_key_half(q.hash, ctl->tcp_buckets, ctl->tcp_more_buckets,
						   ctl->tcp_half_buckets)]);
}

static void prefetch_lines(const void *p, size_t from, size_t to)
{
	for (size_t i = from / 64 * 64; i < to; i += 64)
		__builtin_prefetch((const char *)p + i);
}

void health_prefetch_entry(const struct health *h, const struct flow_key *key)
{
	struct health_search q;
	uint32_t bucket;

	if (!health_search_begin(h->t, &q, key))
		return;
	bucket = tcp_key_bucket(q.hash, h->t->ctl->tcp_buckets);
	for (unsigned i = 0; i < TCP_WAYS; i++) {
		const struct tcp_conn *c = &h->t->conns[bucket * TCP_WAYS + i];
		const struct tcp_side *s = &c->side[q.side];

		if (h->t->tcp[bucket].tag[i] != q.hash)
			continue;
		prefetch_lines(c, 0, offsetof(struct tcp_conn, side));
		prefetch_lines(c, offsetof(struct tcp_conn, syn_ns), offsetof(struct tcp_conn, hole_us));
		prefetch_lines(s, 0, offsetof(struct tcp_side, sent));
		prefetch_lines(s, offsetof(struct tcp_side, before),
			       offsetof(struct tcp_side, reserved));
	}
}

/* Their windows end here, unless an end was asked for that has not left yet. True: some did. */
static bool ask(const struct health_search *q)
{
	bool raised = false;

	for (size_t i = 0; i < q->n; i++) {
		const struct found *f = &q->v[i];

		if (f->table == HEALTH_END || f->s.asked != f->s.told)
			continue;
		__atomic_store_n(&f->live->asked, f->s.asked + 1, __ATOMIC_SEQ_CST);
		raised = true;
	}
	return raised;
}

void health_ask(struct health *h, const struct flow_key *key, const struct flow_part *part)
{
	struct health_search q;

	if (!health_search_begin(h->t, &q, key))
		return;
	health_find(h->t, &h->ends, &q, part);
	ask(&q);
}

static void note_reading(const struct health *h, const struct health_search *q,
			 struct health_reading *reading)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct found *f = &q->v[i];
		struct tcp_counts taken = health_taken(f, h->batch);

		if (f->s.leaving == h->batch)
			continue;
		reading->part[reading->n++] = (struct ctl_health) {
			.idx = f->idx, .gen = f->gen, .told = f->s.asked, .side = q->side,
			.table = f->table, .counts = health_take_with(&f->s.counts, &taken),
		};
	}
}

void health_read(struct health *h, const struct flow_key *key, const struct flow_part *part,
		 struct record_tcp *ret, struct health_reading *reading)
{
	struct health_search q;

	*ret = (struct record_tcp) { 0 };
	if (reading)
		reading->n = 0;
	if (!health_search_begin(h->t, &q, key))
		return;
	health_find(h->t, &h->ends, &q, part);
	if (reading && ask(&q))
		health_find(h->t, &h->ends, &q, part);
	if (!q.n)
		return;
	health_sum(&q, h->batch, !reading, ret);
	if (reading)
		note_reading(h, &q, reading);
}

void health_whole(struct health *h, const struct flow_key *key, const struct flow_part *part,
		  struct health_whole *ret)
{
	struct health_search q;

	*ret = (struct health_whole) { 0 };
	if (!health_search_begin(h->t, &q, key))
		return;
	health_find(h->t, &h->ends, &q, part);
	for (size_t i = 0; i < q.n; i++) {
		const struct tcp_side *s = &q.v[i].s;

		if (!ret->known || s->first_ns < ret->first_ns)
			ret->first_ns = s->first_ns;
		ret->known = true;
		ret->retransmissions += s->counts.retransmissions;
		ret->rtt_samples += s->counts.rtt_samples;
		ret->rtt_sum_us += s->counts.rtt_sum_us;
	}
}

bool health_goes_on(struct health *h, const struct flow_key *key, const struct flow_part *part)
{
	struct health_search q;

	if (!health_search_begin(h->t, &q, key))
		return false;
	health_find(h->t, &h->ends, &q, part);
	for (size_t i = 0; i < q.n; i++) {
		if (q.v[i].s.first_ns + NSEC_PER_USEC < part->first_ns)
			return true;
	}
	return false;
}

static struct tcp_conn *conn_of(const struct table *t, const struct ctl_health *v)
{
	if (!t->conns || v->idx / TCP_WAYS >= table_tcp_buckets(t->ctl))
		return NULL;
	return &t->conns[v->idx];
}

static bool is_still(const struct tcp_conn *c, const struct ctl_health *v)
{
	return c && __atomic_load_n(&c->gen, __ATOMIC_RELAXED) == v->gen;
}

static void take(struct tcp_side *s, const struct ctl_health *v, uint32_t gen)
{
	s->taken = v->counts;
	barrier();
	s->taken_gen = gen;
	s->told = v->told;
}

void health_apply(struct table *t, const struct ctl_health *left)
{
	struct tcp_conn *c;

	if (left->table == HEALTH_END) {
		ends_mark(t, left->gen, left->side);
		return;
	}
	c = conn_of(t, left);
	if (is_still(c, left))
		take(&c->side[left->side & 1], left, left->gen);
}

static struct end *end_of(struct health *h, const struct ctl_health *v)
{
	struct ends *e = &h->ends;

	for (uint64_t i = e->next; i-- > e->first;) {
		struct end *end = &e->v[i & (e->cap - 1)];

		if (end->number != i)
			continue;
		if (v->table == HEALTH_END ? (uint32_t)i == v->gen
					   : end->c.idx == v->idx && end->c.gen == v->gen)
			return end;
	}
	return NULL;
}

void health_leaves(struct health *h, const struct health_reading *reading)
{
	for (size_t i = 0; i < reading->n; i++) {
		const struct ctl_health *v = &reading->part[i];
		struct end *end = v->table == HEALTH_END ? end_of(h, v) : NULL;
		struct tcp_conn *c = end ? &end->c : NULL;

		if (v->table != HEALTH_END)
			c = conn_of(h->t, v);

		if (end || is_still(c, v))
			__atomic_store_n(&c->side[v->side & 1].leaving, h->batch, __ATOMIC_RELAXED);
	}
}

/* What moved into the ring between reading and leaving took along what was told before. */
void health_left(struct health *h, const struct ctl_health *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct end *end;

		if (v[i].table != HEALTH_END && is_still(conn_of(h->t, &v[i]), &v[i]))
			continue;
		if (ends_grew(&h->ends) && ends_look(&h->ends) < 0)
			error_clear();
		end = end_of(h, &v[i]);
		if (end && v[i].table == HEALTH_END)
			side_take_all(&end->c.side[v[i].side & 1], end->c.gen);
		else if (end)
			take(&end->c.side[v[i].side & 1], &v[i], end->c.gen);
	}
	h->batch += 2;
}
