// SPDX-License-Identifier: Apache-2.0
/*
 * An array of lines and an open index into it, half full at most, built anew when lines go. What
 * two records of a flow add up to does not depend on which came first, so that the same records
 * give the same lines again after a restart.
 */
#include "sink/vpc_lines.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 1024
#define IDENTITY offsetof(struct vpc_piece, packets)

_Static_assert(IDENTITY % 8 == 0 && IDENTITY == sizeof(struct vpc_key) + 8,
	       "it is hashed and compared as words");

void vpc_lines_init(struct vpc_lines *l, size_t max)
{
	*l = (struct vpc_lines) { .max = max };
}

void vpc_lines_deinit(struct vpc_lines *l)
{
	free(l->v);
	free(l->index);
	*l = (struct vpc_lines) { 0 };
}

static uint64_t hash_of(const struct vpc_piece *p)
{
	const uint64_t *words = (const uint64_t *)p;
	uint64_t h = 0;

	for (size_t i = 0; i < IDENTITY / 8; i++) {
		h = (h ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

/* Its place in the index, or the free one where it belongs. */
static uint32_t *index_of(const struct vpc_lines *l, const struct vpc_piece *p)
{
	size_t at = hash_of(p) & l->mask;

	while (l->index[at] && memcmp(&l->v[l->index[at] - 1], p, IDENTITY) != 0)
		at = (at + 1) & l->mask;
	return &l->index[at];
}

static void index_all(struct vpc_lines *l)
{
	memset(l->index, 0, (l->mask + 1) * sizeof(*l->index));
	for (size_t i = 0; i < l->n; i++)
		*index_of(l, &l->v[i]) = i + 1;
}

static bool grow(struct vpc_lines *l)
{
	size_t cap = l->cap ? l->cap * 2 : FIRST_CAP;
	uint32_t *index = malloc(2 * cap * sizeof(*index));
	struct vpc_piece *v = index ? reallocarray(l->v, cap, sizeof(*v)) : NULL;

	if (!v) {
		free(index);
		return false;
	}
	free(l->index);
	l->v = v;
	l->index = index;
	l->cap = cap;
	l->mask = 2 * cap - 1;
	index_all(l);
	return true;
}

static void count(struct vpc_piece *line, const struct vpc_piece *p)
{
	line->packets += p->packets;
	line->bytes += p->bytes;
	line->tcp_flags |= p->tcp_flags;
	line->first_ns = p->first_ns < line->first_ns ? p->first_ns : line->first_ns;
	line->last_ns = p->last_ns > line->last_ns ? p->last_ns : line->last_ns;
}

bool vpc_lines_add(struct vpc_lines *l, const struct vpc_piece *p)
{
	uint32_t *at = l->cap ? index_of(l, p) : NULL;

	if (at && *at) {
		count(&l->v[*at - 1], p);
		return true;
	}
	if (l->n >= l->max || (l->n == l->cap && !grow(l)))
		return false;
	l->v[l->n++] = *p;
	*index_of(l, p) = l->n;
	return true;
}

void vpc_lines_drop(struct vpc_lines *l, uint32_t interval)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].interval >= interval)
			l->v[kept++] = l->v[i];
	}
	l->n = kept;
	if (l->cap)
		index_all(l);
}

void vpc_lines_renumber(struct vpc_lines *l, const uint32_t *to)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].place = to[l->v[i].place];
	if (l->cap)
		index_all(l);
}
