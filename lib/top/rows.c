// SPDX-License-Identifier: Apache-2.0
/*
 * Each flow knows its lines by number (follow_flow.owner), so a reading costs a look at each flow
 * that changed and at its lines. Only a new flow's lines are searched for (rows_bind.c).
 */
#include "top/rows.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "top/rows_parts.h"

const char *const top_by_names[] = { "connection", "host", "port", "interface", "netns", NULL };

int top_rows_no_memory(void)
{
	return fail(-ENOMEM, "cannot hold the lines");
}

static void add_count(struct ledger_count *to, uint64_t packets, uint64_t bytes)
{
	to->packets += packets;
	to->bytes += bytes;
}

static void touch(struct top_rows *r, struct top_row *row, const struct follow_flow *f, int way,
		  bool fresh)
{
	if (f->first_ns < row->first_ns)
		row->first_ns = f->first_ns;
	if (f->last_ns > row->last_ns)
		row->last_ns = f->last_ns;
	if (!fresh)
		return;
	if (row->reading != r->reading) {
		row->reading = r->reading;
		memset(row->fresh, 0, sizeof(row->fresh));
	}
	add_count(&row->fresh[way], f->new_packets, f->new_bytes);
}

/* All that @f has counted, or only what is new. */
static int take_flow(struct top_rows *r, uint16_t place, struct follow_flow *f, bool all)
{
	bool fresh = f->reading == r->places[place].follow->reading;
	int err = 0;

	if (f->owner[0] == FOLLOW_NONE) {
		err = top_rows_bind(r, place, f);
		/* Bound late: what it counted before is in no line yet. */
		all = true;
	}
	for (int i = 0; err == 0 && i < 2; i++) {
		struct top_row *row;

		if (f->owner[i] >= TOP_FLOW_HIDDEN)
			continue;
		row = &r->v[f->owner[i] >> 1];
		add_count(&row->total[f->owner[i] & 1], all ? f->packets : f->new_packets,
			  all ? f->bytes : f->new_bytes);
		touch(r, row, f, f->owner[i] & 1, fresh);
	}
	return err;
}

static int take_all(struct top_rows *r)
{
	int err = 0;

	r->n = 0;
	key_index_clear(&r->by_key);
	for (size_t p = 0; err == 0 && p < r->n_places; p++) {
		struct follow *follow = r->places[p].follow;

		r->layouts[p] = follow->layout;
		for (uint32_t i = 0; err == 0 && i < follow->n; i++) {
			follow->flows[i].owner[0] = FOLLOW_NONE;
			err = take_flow(r, p, &follow->flows[i], true);
		}
	}
	return err;
}

static int take_changed(struct top_rows *r)
{
	int err = 0;

	for (size_t p = 0; err == 0 && p < r->n_places; p++) {
		struct follow *follow = r->places[p].follow;

		for (uint32_t i = 0; err == 0 && i < follow->n_changed; i++) {
			struct follow_flow *f = &follow->flows[follow->changed[i]];

			if (i + 16 < follow->n_changed)
				__builtin_prefetch(&follow->flows[follow->changed[i + 16]]);
			err = take_flow(r, p, f, false);
		}
	}
	return err;
}

static bool has_new_layout(const struct top_rows *r)
{
	for (size_t p = 0; p < r->n_places; p++) {
		if (r->places[p].follow->layout != r->layouts[p])
			return true;
	}
	return false;
}

int top_rows_init(struct top_rows *r, struct top_place *places, size_t n, enum top_by by)
{
	*r = (struct top_rows) {
		.places = places, .n_places = n, .by = by, .reading = 1,
		.began_ns = clock_boot_ns(),
	};
	r->layouts = calloc(n + 1, sizeof(*r->layouts));
	if (!r->layouts || key_index_init(&r->by_key, TOP_FIRST_ROWS) < 0) {
		top_rows_deinit(r);
		return top_rows_no_memory();
	}
	return 0;
}

void top_rows_deinit(struct top_rows *r)
{
	free(r->v);
	free(r->layouts);
	key_index_deinit(&r->by_key);
	*r = (struct top_rows) { 0 };
}

int top_rows_update(struct top_rows *r, uint64_t now_ns)
{
	r->reading++;
	r->interval_ns = r->now_ns ? now_ns - r->now_ns : 0;
	r->now_ns = now_ns;
	r->others = (struct ledger_count) { 0 };
	for (size_t p = 0; p < r->n_places; p++) {
		const struct ledger_count *o = &r->places[p].follow->others;

		add_count(&r->others, o->packets, o->bytes);
	}
	return has_new_layout(r) ? take_all(r) : take_changed(r);
}

int top_rows_choose(struct top_rows *r, enum top_by by, const struct top_words *words)
{
	r->by = by;
	r->words = words;
	return take_all(r);
}

struct ledger_count top_row_fresh(const struct top_rows *r, const struct top_row *row, int way)
{
	return row->reading == r->reading ? row->fresh[way] : (struct ledger_count) { 0 };
}

const struct follow_flow *top_row_flow(const struct top_rows *r, const struct top_row *row, int way)
{
	const struct follow *follow = r->places[row->place].follow;
	uint32_t number = row->flow[way];

	return number < follow->n ? &follow->flows[number] : NULL;
}

enum top_state top_row_state(const struct top_rows *r, const struct top_row *row)
{
	const struct follow_flow *f[2] = { top_row_flow(r, row, 0), top_row_flow(r, row, 1) };
	uint8_t flags[2] = { f[0] ? f[0]->tcp_flags : 0, f[1] ? f[1]->tcp_flags : 0 };
	bool both;

	if (row->key.proto != IPPROTO_TCP || (!f[0] && !f[1]))
		return TOP_NONE;
	both = flags[0] & TH_FIN && flags[1] & TH_FIN;
	if (both || (flags[0] | flags[1]) & TH_RST || (f[0] && f[0]->closed) || (f[1] && f[1]->closed))
		return TOP_CLOSED;
	if ((flags[0] | flags[1]) & TH_FIN)
		return TOP_CLOSING;
	/* The end that opens has sent nothing but its SYN. */
	if ((flags[0] ^ TH_SYN) == 0 || (flags[1] ^ TH_SYN) == 0)
		return TOP_OPENING;
	return TOP_OPEN;
}
