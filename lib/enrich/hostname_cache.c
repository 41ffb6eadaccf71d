// SPDX-License-Identifier: Apache-2.0
/*
 * See hostname_cache.h. Entries lie in one array and are linked by number, in their bucket and by
 * use. None is ever freed but for another one, so the array fills once and stays.
 */
#include "enrich/hostname_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

int hostname_cache_init(struct hostname_cache *c, uint32_t max)
{
	uint32_t size = 16;

	while (size < max && size < UINT32_C(1) << 30)
		size *= 2;
	*c = (struct hostname_cache) {
		.v = calloc(max, sizeof(*c->v)),
		.buckets = malloc(size * sizeof(*c->buckets)),
		.max = max, .mask = size - 1,
		.newest = HOSTNAME_NONE, .oldest = HOSTNAME_NONE,
	};
	if (!c->v || !c->buckets) {
		hostname_cache_deinit(c);
		return -ENOMEM;
	}
	memset(c->buckets, 0xff, size * sizeof(*c->buckets));
	return 0;
}

void hostname_cache_deinit(struct hostname_cache *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		free(c->v[i].name);
	free(c->v);
	free(c->buckets);
	*c = (struct hostname_cache) { 0 };
}

/* Whoever sends from chosen addresses may make a bucket long, and gains little by it. */
static uint32_t *bucket_of(struct hostname_cache *c, const struct hostname_key *key)
{
	uint64_t h = fnv1a(FNV1A_BEGIN, key->addr, sizeof(key->addr));

	return &c->buckets[(h ^ h >> 32 ^ key->family) & c->mask];
}

static void unlink_use(struct hostname_cache *c, struct hostname_entry *e)
{
	if (e->newer == HOSTNAME_NONE)
		c->newest = e->older;
	else
		c->v[e->newer].older = e->older;
	if (e->older == HOSTNAME_NONE)
		c->oldest = e->newer;
	else
		c->v[e->older].newer = e->newer;
}

static void link_newest(struct hostname_cache *c, struct hostname_entry *e)
{
	uint32_t i = e - c->v;

	e->newer = HOSTNAME_NONE;
	e->older = c->newest;
	if (c->newest != HOSTNAME_NONE)
		c->v[c->newest].newer = i;
	else
		c->oldest = i;
	c->newest = i;
}

static bool is_key(const struct hostname_key *a, const struct hostname_key *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

struct hostname_entry *hostname_cache_find(struct hostname_cache *c, const struct hostname_key *key)
{
	for (uint32_t i = *bucket_of(c, key); i != HOSTNAME_NONE; i = c->v[i].next) {
		struct hostname_entry *e = &c->v[i];

		if (!is_key(&e->key, key))
			continue;
		unlink_use(c, e);
		link_newest(c, e);
		return e;
	}
	return NULL;
}

static struct hostname_entry *evict(struct hostname_cache *c)
{
	struct hostname_entry *e = &c->v[c->oldest];
	uint32_t i = c->oldest, *at = bucket_of(c, &e->key);

	while (*at != i)
		at = &c->v[*at].next;
	*at = e->next;
	unlink_use(c, e);
	free(e->name);
	return e;
}

struct hostname_entry *hostname_cache_add(struct hostname_cache *c, const struct hostname_key *key)
{
	struct hostname_entry *e = c->n < c->max ? &c->v[c->n++] : evict(c);
	uint32_t *bucket = bucket_of(c, key);

	*e = (struct hostname_entry) { .key = *key, .next = *bucket };
	*bucket = e - c->v;
	link_newest(c, e);
	return e;
}
