// SPDX-License-Identifier: Apache-2.0
/*
 * A protocol without ports has port 0 here, as in dump's table, so that a line always has the
 * same words. What people read is last: a size may have a blank in it.
 */
#include "top/list.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/format.h"
#include "base/text.h"

#define HEADS_MAX 8
static const char *const heads[][HEADS_MAX] = {
	[TOP_BY_CONNECTION] = { "PROTOCOL", "SOURCE", "DESTINATION", "PACKETS", "BYTES", NULL },
	[TOP_BY_HOST] = { "HOST", "PACKETS", "BYTES", NULL },
	[TOP_BY_PORT] = { "PROTOCOL", "PORT", "PACKETS", "BYTES", NULL },
	[TOP_BY_INTERFACE] = { "NETNS", "INTERFACE", "PACKETS", "BYTES", NULL },
	[TOP_BY_NETNS] = { "NETNS", "PACKETS", "BYTES", NULL },
	[TOP_BY_ENDS] = { "PROTOCOL", "SOURCE", "DESTINATION", "PACKETS", "BYTES", NULL },
	[TOP_BY_FLOW] = { "PROTOCOL", "SOURCE", "DESTINATION", "PACKETS", "BYTES", "CONNECTION", NULL },
};
/* How many of them name the line. */
static const int names[] = {
	[TOP_BY_CONNECTION] = 3, [TOP_BY_HOST] = 1, [TOP_BY_PORT] = 2, [TOP_BY_INTERFACE] = 2,
	[TOP_BY_NETNS] = 1, [TOP_BY_ENDS] = 3, [TOP_BY_FLOW] = 3,
};

void top_list_duration(uint64_t ns, char buf[TOP_CELL_MAX])
{
	if (ns < NSEC_PER_SEC)
		snprintf(buf, TOP_CELL_MAX, "%llu ms", (unsigned long long)(ns / NSEC_PER_MSEC));
	else if (ns < 60 * NSEC_PER_SEC)
		snprintf(buf, TOP_CELL_MAX, "%.1f s", ns / 1e8 / 10);
	else
		top_column_duration(ns, buf);
}

static void end_cell(struct text_table *t, const struct top_row *row, bool second)
{
	const struct flow_key *k = &row->key;
	bool dst = second != row->swapped;
	char buf[TOP_CELL_MAX];

	top_column_end(k->family, dst ? k->dst : k->src, be16toh(dst ? k->dport : k->sport), buf);
	text_table_cell(t, "%s", buf);
}

static void column_cell(struct text_table *t, const struct top_list *l, const struct top_row *row,
			enum top_column c)
{
	char buf[TOP_CELL_MAX];

	top_columns[c].text(l->rows, row, buf);
	text_table_cell(t, "%s", buf);
}

static void name_cells(struct text_table *t, const struct top_list *l, const struct top_row *row)
{
	switch (l->by) {
	case TOP_BY_HOST:
		column_cell(t, l, row, TOP_HOST);
		break;
	case TOP_BY_PORT:
		column_cell(t, l, row, TOP_PROTO);
		text_table_cell(t, "%u", be16toh(row->key.dport));
		break;
	case TOP_BY_INTERFACE:
	case TOP_BY_NETNS:
		column_cell(t, l, row, TOP_NETNS);
		if (l->by == TOP_BY_INTERFACE)
			column_cell(t, l, row, TOP_INTERFACE);
		break;
	default:
		column_cell(t, l, row, TOP_PROTO);
		end_cell(t, row, false);
		end_cell(t, row, true);
	}
}

static void count_cells(struct text_table *t, uint64_t packets, uint64_t bytes)
{
	char size[FORMAT_SIZE_MAX + 1];

	*format_size(size, bytes) = '\0';
	text_table_cell(t, "%llu", (unsigned long long)packets);
	text_table_cell(t, "%s", size);
}

static void connection_cell(struct text_table *t, const struct top_row *row, int64_t offset_ns)
{
	char when[CLOCK_RFC3339_LEN], lasted[TOP_CELL_MAX];

	clock_rfc3339(row->first_ns + offset_ns, when);
	top_list_duration(row->last_ns > row->first_ns ? row->last_ns - row->first_ns : 0, lasted);
	text_table_cell(t, "started %.23sZ duration %s", when, lasted);
}

static void others_cells(struct text_table *t, const struct top_list *l)
{
	const struct ledger_count *o = &l->rows->others;

	if (!o->packets)
		return;
	text_table_cell(t, "others");
	for (int i = 1; i < names[l->by]; i++)
		text_table_cell(t, "-");
	count_cells(t, o->packets, o->bytes);
	if (l->by == TOP_BY_FLOW)
		text_table_cell(t, "-");
}

int top_list_print(const struct top_list *l, struct strbuf *out)
{
	uint32_t n = l->limit && l->limit < l->rows->n ? l->limit : l->rows->n, all;
	_cleanup_(freep) uint32_t *line = malloc((n + 1) * sizeof(*line));
	int64_t offset_ns = clock_real_offset_ns();
	struct text_table *t;
	int r;

	if (!line)
		return fail(-ENOMEM, "cannot print the list");
	r = text_table_new(heads[l->by], NULL, &t);
	if (r < 0)
		return r;
	n = top_order_first(&l->order, l->rows, l->idle_ns, n, line, &all);
	for (uint32_t i = 0; i < n; i++) {
		const struct top_row *row = &l->rows->v[line[i]];

		name_cells(t, l, row);
		count_cells(t, row->total[0].packets + row->total[1].packets,
			    row->total[0].bytes + row->total[1].bytes);
		if (l->by == TOP_BY_FLOW)
			connection_cell(t, row, offset_ns);
	}
	others_cells(t, l);
	r = text_table_print(t, out);
	text_table_free(t);
	return r;
}
