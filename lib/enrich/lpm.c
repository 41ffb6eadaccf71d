// SPDX-License-Identifier: Apache-2.0
/*
 * Prefixes lie one in another and never across each other. Laid out on a line they cut it
 * into intervals, in each of which one prefix is the longest: a match is a binary search for
 * the interval. A million prefixes make at most two million intervals, and a first table by
 * the upper 16 bits leaves few steps of the search in IPv4.
 */
#include "enrich/lpm.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

typedef unsigned __int128 u128;

#define NONE 255	/* the length where nothing matches */

struct entry {
	u128 from;		/* an IPv4 address is the upper 32 bits */
	uint32_t value;
	uint32_t order;		/* as added */
	uint8_t len;
};

/* Of one family. Interval i is from from[i] to from[i + 1]. */
struct line {
	struct entry *entries;	/* until it is built */
	size_t n_entries;
	union {
		uint32_t *v4;
		u128 *v6;
	} from;
	uint32_t *values;
	uint8_t *lens;
	size_t n;
	uint32_t *first;	/* IPv4: by the upper 16 bits, the last interval that begins no later */
};

struct lpm {
	struct line v4, v6;
};

struct lpm *lpm_new(void)
{
	return calloc(1, sizeof(struct lpm));
}

static void line_free(struct line *l)
{
	free(l->entries);
	free(l->from.v4);
	free(l->values);
	free(l->lens);
	free(l->first);
}

void lpm_free(struct lpm *l)
{
	if (!l)
		return;
	line_free(&l->v4);
	line_free(&l->v6);
	free(l);
}

static u128 address(uint8_t family, const uint8_t *addr)
{
	uint64_t high, low;
	uint32_t v4;

	if (family == 4) {
		memcpy(&v4, addr, sizeof(v4));
		return (u128)be32toh(v4) << 96;
	}
	memcpy(&high, addr, sizeof(high));
	memcpy(&low, addr + sizeof(high), sizeof(low));
	return (u128)be64toh(high) << 64 | be64toh(low);
}

/* The addresses that a prefix of @len bits has, less one. */
static u128 span(uint8_t len)
{
	return len == 0 ? ~(u128)0 : len == 128 ? 0 : ~(u128)0 >> len;
}

int lpm_add(struct lpm *lpm, const struct parse_prefix *p, uint32_t value)
{
	struct line *l = p->family == 4 ? &lpm->v4 : &lpm->v6;
	struct entry *grown;

	if ((l->n_entries & (l->n_entries - 1)) == 0) {
		grown = reallocarray(l->entries, l->n_entries ? 2 * l->n_entries : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		l->entries = grown;
	}
	l->entries[l->n_entries] = (struct entry) {
		.from = address(p->family, p->addr) & ~span(p->len_bits),
		.value = value, .order = l->n_entries, .len = p->len_bits,
	};
	l->n_entries++;
	return 0;
}

/* What holds others goes before them. */
static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* One interval begins at @from; what began there before is none. */
static void cut(struct line *l, u128 *from, u128 at, const struct entry *e)
{
	if (l->n && from[l->n - 1] == at)
		l->n--;
	if (l->n && l->values[l->n - 1] == e->value && l->lens[l->n - 1] == e->len)
		return;
	from[l->n] = at;
	l->values[l->n] = e->value;
	l->lens[l->n] = e->len;
	l->n++;
}

/* Along the line, with what holds the place at hand on a stack, the longest on top. */
static void cut_all(struct line *l, u128 *from)
{
	static const struct entry none = { .len = NONE };
	const struct entry *stack[130] = { &none };
	size_t depth = 1;

	cut(l, from, 0, &none);
	for (size_t i = 0; i <= l->n_entries; i++) {
		const struct entry *e = i < l->n_entries ? &l->entries[i] : NULL;

		while (depth > 1) {
			u128 last = stack[depth - 1]->from + span(stack[depth - 1]->len);

			if (e && e->from <= last)
				break;
			depth--;
			if (last != ~(u128)0)
				cut(l, from, last + 1, stack[depth - 1]);
		}
		if (!e)
			break;
		if (stack[depth - 1]->len == e->len)	/* the same once more */
			depth--;
		stack[depth++] = e;
		cut(l, from, e->from, e);
	}
}

/* Keys of 4 bytes, and the first table. */
static int shrink(struct line *l, u128 *from)
{
	size_t at = 0;

	l->from.v4 = calloc(l->n, sizeof(*l->from.v4));
	l->first = calloc((1 << 16) + 1, sizeof(*l->first));
	if (!l->from.v4 || !l->first)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		l->from.v4[i] = from[i] >> 96;
	for (uint32_t high = 0; high < 1 << 16; high++) {
		while (at + 1 < l->n && l->from.v4[at + 1] <= high << 16)
			at++;
		l->first[high] = at;
	}
	l->first[1 << 16] = l->n - 1;
	return 0;
}

static int line_build(struct line *l, bool is_v4)
{
	size_t most = 2 * l->n_entries + 1;
	_cleanup_(freep) u128 *from = NULL;
	int r = 0;

	if (!l->n_entries)
		return 0;
	from = calloc(most, sizeof(*from));
	l->values = calloc(most, sizeof(*l->values));
	l->lens = calloc(most, sizeof(*l->lens));
	if (!from || !l->values || !l->lens)
		return -ENOMEM;
	qsort(l->entries, l->n_entries, sizeof(*l->entries), compare);
	cut_all(l, from);
	if (is_v4)
		r = shrink(l, from);
	else
		l->from.v6 = take_ptr(from);
	free(l->entries);
	l->entries = NULL;
	l->n_entries = 0;
	return r;
}

int lpm_build(struct lpm *l)
{
	int r = line_build(&l->v4, true);

	return r < 0 ? r : line_build(&l->v6, false);
}

/* The last interval that begins no later than @at, between @low and @high. */
#define SEARCH(from_, at_, low_, high_)                                  \
	({                                                               \
		size_t l_ = (low_), h_ = (high_);                        \
		while (l_ < h_) {                                        \
			size_t m_ = l_ + (h_ - l_ + 1) / 2;              \
			if ((from_)[m_] <= (at_))                        \
				l_ = m_;                                 \
			else                                             \
				h_ = m_ - 1;                             \
		}                                                        \
		l_;                                                      \
	})

bool lpm_find(const struct lpm *lpm, uint8_t family, const uint8_t *addr, uint32_t *ret_value,
	      uint8_t *ret_len)
{
	const struct line *l = family == 4 ? &lpm->v4 : &lpm->v6;
	u128 at = address(family, addr);
	uint32_t v4 = at >> 96;
	size_t i;

	if (!l->n)
		return false;
	if (family == 4)
		i = SEARCH(l->from.v4, v4, l->first[v4 >> 16], l->first[(v4 >> 16) + 1]);
	else
		i = SEARCH(l->from.v6, at, 0, l->n - 1);
	if (l->lens[i] == NONE)
		return false;
	*ret_value = l->values[i];
	*ret_len = l->lens[i];
	return true;
}
