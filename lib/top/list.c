// SPDX-License-Identifier: Apache-2.0
/*
 * The lines that come first, as rows of a table whose columns are rows themselves
 * (list_columns.c). What people read is last by default: a size may have a blank in it.
 */
#include "top/list.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "top/vitals.h"

static const struct column *first_name(const struct columns *columns)
{
	for (size_t i = 0; i < columns->n; i++) {
		if (top_list_is_name(columns->v[i]))
			return columns->v[i];
	}
	return NULL;
}

/* @n lines at most, and that of the others. How many they are. */
static uint32_t fill(const struct top_list *l, uint32_t n, uint32_t *number,
		     struct top_list_line *lines)
{
	const struct top_list_line line = {
		.list = l, .first_name = first_name(&l->columns), .offset_ns = clock_real_offset_ns(),
	};
	bool vitals = top_list_wants_vitals(&l->columns);
	uint32_t all;

	n = top_order_first(&l->order, l->rows, l->idle_ns, n, number, &all);
	for (uint32_t i = 0; i < n; i++) {
		struct top_row *row = &l->rows->v[number[i]];

		if (vitals)
			top_vitals_read(l->rows, row);
		lines[i] = line;
		lines[i].row = row;
	}
	if (l->rows->others.packets)
		lines[n++] = line;
	return n;
}

int top_list_print(const struct top_list *l, struct strbuf *out)
{
	uint32_t n = l->limit && l->limit < l->rows->n ? l->limit : l->rows->n;
	_cleanup_(freep) uint32_t *number = malloc((n + 1) * sizeof(*number));
	_cleanup_(freep) struct top_list_line *lines = malloc((n + 1) * sizeof(*lines));
	struct columns_style style = l->style;

	if (!number || !lines)
		return fail(-ENOMEM, "cannot print the list");
	style.human = true;
	n = fill(l, n, number, lines);
	return columns_print(&l->columns, lines, n, sizeof(*lines), &style, out);
}
