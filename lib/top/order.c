// SPDX-License-Identifier: Apache-2.0
/*
 * Of a hundred thousand lines a screen shows fifty. So not all are sorted: a heap keeps the best
 * so far with the worst of them on top, which most lines do not even pass. What is wanted whole
 * (the plain list) goes the same way, and is a heap sort.
 */
#include <endian.h>
#include <string.h>

#include "base/clock.h"
#include "top/column.h"

/* Whole addresses in their order, then ports. */
static int compare_end(const struct top_row *a, const struct top_row *b, bool second)
{
	bool da = second != a->swapped, db = second != b->swapped;
	int by = (int)a->key.family - b->key.family;

	if (!by)
		by = memcmp(da ? a->key.dst : a->key.src, db ? b->key.dst : b->key.src, 16);
	if (!by)
		by = (int)be16toh(da ? a->key.dport : a->key.sport) -
		     be16toh(db ? b->key.dport : b->key.sport);
	return by;
}

static int compare_text(enum top_column c, const struct top_rows *r, const struct top_row *a,
			const struct top_row *b)
{
	char x[TOP_CELL_MAX], y[TOP_CELL_MAX];

	switch (c) {
	case TOP_SOURCE:
	case TOP_HOST:
		return compare_end(a, b, false);
	case TOP_DESTINATION:
		return compare_end(a, b, true);
	case TOP_PROTO:
		return (int)a->key.proto - b->key.proto;
	case TOP_PORT:
		return (int)be16toh(a->key.dport) - be16toh(b->key.dport);
	default:
		top_columns[c].text(r, a, x);
		top_columns[c].text(r, b, y);
		return strcmp(x, y);
	}
}

/* Whether @a stands before @b. */
static bool is_before(const struct top_order *o, const struct top_rows *r, uint32_t a, uint32_t b)
{
	const struct top_column_ops *c = &top_columns[o->column];
	double by;

	if (c->number)
		by = c->number(r, &r->v[b]) - c->number(r, &r->v[a]);
	else
		by = compare_text(o->column, r, &r->v[a], &r->v[b]);
	if (by != 0)
		return o->reversed ? by > 0 : by < 0;
	/* When all is quiet, what was big stays at the top. */
	if (c->number && o->column != TOP_BYTES) {
		by = top_columns[TOP_BYTES].number(r, &r->v[b]) -
		     top_columns[TOP_BYTES].number(r, &r->v[a]);
		if (by != 0)
			return by < 0;
	}
	return a < b;
}

/* @v[at] may belong further down in the heap of @n, whose top is the last in order. */
static void sift_down(const struct top_order *o, const struct top_rows *r, uint32_t *v, uint32_t n,
		      uint32_t at)
{
	for (;;) {
		uint32_t child = 2 * at + 1, line = v[at];

		if (child >= n)
			return;
		if (child + 1 < n && is_before(o, r, v[child], v[child + 1]))
			child++;
		if (!is_before(o, r, line, v[child]))
			return;
		v[at] = v[child];
		v[child] = line;
		at = child;
	}
}

static bool is_shown(const struct top_rows *r, const struct top_row *row, uint64_t idle_ns)
{
	return !idle_ns || r->now_ns >= row->last_ns + idle_ns;
}

uint32_t top_order_first(const struct top_order *o, const struct top_rows *r, uint64_t idle_ns,
			 uint32_t want, uint32_t *ret, uint32_t *ret_all)
{
	uint32_t n = 0, all = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		if (!is_shown(r, &r->v[i], idle_ns))
			continue;
		all++;
		if (n < want) {
			ret[n++] = i;
			if (n == want) {
				for (uint32_t at = n / 2; at-- > 0;)
					sift_down(o, r, ret, n, at);
			}
		} else if (want && is_before(o, r, i, ret[0])) {
			ret[0] = i;
			sift_down(o, r, ret, n, 0);
		}
	}
	if (n < want) {
		for (uint32_t at = n / 2; at-- > 0;)
			sift_down(o, r, ret, n, at);
	}
	for (uint32_t left = n; left > 1; left--) {
		uint32_t last = ret[left - 1];

		ret[left - 1] = ret[0];
		ret[0] = last;
		sift_down(o, r, ret, left - 1, 0);
	}
	*ret_all = all;
	return n;
}
