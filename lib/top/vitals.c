// SPDX-License-Identifier: Apache-2.0
/*
 * The time from a segment to its ACK is, seen in the middle, that of the way behind: so the two
 * directions' times together are the whole round trip. At one end of the connection the half on
 * this machine is next to nothing.
 */
#include "top/vitals.h"

#include <netinet/in.h>

#include "kernel/health.h"

/* So many lines before one is read, its connection is asked for; its place twice as many. */
#define AHEAD 8
/* 400 ns a line: with more of them top would be a load of its own. */
#define AT_ONCE 32768

static struct flow_part part_of(const struct follow_flow *f)
{
	return (struct flow_part) {
		.first_ns = f->first_ns, .last_ns = f->last_ns, .tcp_flags = f->tcp_flags,
		.closed = f->closed,
	};
}

static void first_look(const struct top_rows *r, struct top_health *h,
		       const struct health_whole whole[2], uint32_t sum)
{
	uint64_t first_ns = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		if (whole[i].known && whole[i].first_ns < first_ns)
			first_ns = whole[i].first_ns;
	}
	h->known = true;
	h->before = first_ns < r->began_ns ? sum : 0;
}

/* Not yet looked at with this reading, and something has changed. */
static bool is_due(const struct top_rows *r, const struct top_row *row)
{
	const struct top_health *h = &row->health;

	return r->places[row->place].health && row->key.proto == IPPROTO_TCP && h->reading != r->reading &&
	       !(h->known && row->reading != r->reading);
}

void top_vitals_read(const struct top_rows *r, struct top_row *row)
{
	struct health_whole whole[2] = { { 0 } };
	struct health *health = r->places[row->place].health;
	struct top_health *h = &row->health;
	uint64_t rtt_us = 0;
	uint32_t sum;

	if (!is_due(r, row))
		return;
	h->reading = r->reading;
	for (int i = 0; i < 2; i++) {
		const struct follow_flow *f = top_row_flow(r, row, i);
		struct flow_part part;

		if (!f)
			continue;
		part = part_of(f);
		health_whole(health, &f->key, &part, &whole[i]);
		if (whole[i].rtt_samples)
			rtt_us += whole[i].rtt_sum_us / whole[i].rtt_samples;
	}
	if (!whole[0].known && !whole[1].known)
		return;
	sum = whole[0].retransmissions + whole[1].retransmissions;
	if (!h->known)
		first_look(r, h, whole, sum);
	if (whole[0].rtt_samples || whole[1].rtt_samples) {
		h->rtt_known = true;
		h->rtt_us = rtt_us > UINT32_MAX ? UINT32_MAX : rtt_us;
	}
	h->retransmissions = sum > h->before ? sum - h->before : 0;
}

typedef void (*prefetch_fn)(const struct health *h, const struct flow_key *key);

static void prefetch(const struct top_rows *r, uint32_t i, prefetch_fn fn)
{
	if (i >= r->n || !is_due(r, &r->v[i]))
		return;
	for (int way = 0; way < 2; way++) {
		const struct follow_flow *f = top_row_flow(r, &r->v[i], way);

		if (f)
			fn(r->places[r->v[i].place].health, &f->key);
	}
}

void top_vitals_read_all(struct top_rows *r)
{
	uint32_t i = r->vitals_next < r->n ? r->vitals_next : 0, n = r->n < AT_ONCE ? r->n : AT_ONCE;

	for (; n > 0; n--, i = i + 1 < r->n ? i + 1 : 0) {
		prefetch(r, i + 2 * AHEAD, health_prefetch);
		prefetch(r, i + AHEAD, health_prefetch_entry);
		top_vitals_read(r, &r->v[i]);
	}
	r->vitals_next = i;
}
