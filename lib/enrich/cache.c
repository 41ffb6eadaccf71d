// SPDX-License-Identifier: Apache-2.0
/*
 * A table of fixed size, four places for a question; the oldest answer there gives way.
 * Questions are reduced first to what answers can depend on, which without policy rules is
 * the class of the destination alone (classes.h), or while classes are not known its address.
 * A route that comes or goes makes the answers of its prefix old, where there are few such;
 * any other change makes old all at once, by a number.
 */
#include "enrich/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/large.h"
#include "enrich/classes.h"

/* 2.9 MB. */
#define PLACES (1 << 15)
#define WAYS 4
/* So many prefixes that changed at once are looked for in the table. */
#define CHANGES_MAX 16

/* Of one hop, as most are, or of several that lie elsewhere. */
struct place {
	struct route_query q;
	uint32_t generation;	/* 0 = never used */
	uint32_t number;	/* of the question, the first one asked is 1 */
	uint8_t kind, prefix_len, n_hops;
	bool bgp;
	union {
		struct route_hop one;
		struct route_hop *several;
	};
};

struct cache {
	struct routes *routes;
	struct route_watch *watch;
	struct classes classes;
	struct place *places;
	uint32_t generation;
	uint32_t asked;		/* questions so far */
	unsigned changes;	/* prefixes that changed, of the look at hand */
	unsigned by[2];		/* selectors that count, IPv4 and IPv6 */
	struct route answer;
};

static void forget(struct place *p)
{
	if (p->n_hops > 1)
		free(p->several);
	p->n_hops = 0;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->places && i < PLACES; i++)
		forget(&c->places[i]);
	free(c->places);
	routes_close(c->routes);
	route_watch_close(c->watch);
	classes_forget(&c->classes);
	free(c);
}

DEFINE_CLEANUP(struct cache, cache_free)

/* What rules ask about. Where they cannot be read, everything may count. */
static void read_rules(struct cache *c)
{
	for (unsigned i = 0; i < ARRAY_SIZE(c->by); i++) {
		if (routes_selectors(c->routes, i ? 6 : 4, &c->by[i]) < 0)
			c->by[i] = ~0u;
	}
}

int cache_new(int ns_fd, struct cache **ret)
{
	_cleanup_(cache_freep) struct cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return fail(-ENOMEM, "cannot keep routes");
	c->places = large_zalloc(PLACES * sizeof(*c->places));
	if (!c->places)
		return fail(-ENOMEM, "cannot keep routes");
	r = routes_open(ns_fd, &c->routes);
	if (r == 0)
		r = route_watch_open(ns_fd, &c->watch);
	if (r < 0)
		return r;
	c->generation = 1;
	read_rules(c);
	*ret = take_ptr(c);
	return 0;
}

static bool holds(const struct parse_prefix *p, const struct route_query *q)
{
	unsigned whole = p->len_bits / 8, rest = p->len_bits % 8;

	return p->family == q->family && memcmp(p->addr, q->dst, whole) == 0 &&
	       (!rest || (p->addr[whole] ^ q->dst[whole]) >> (8 - rest) == 0);
}

/* An answer that is kept for a shorter prefix is not of this route, unless it is new: then
 * there are no classes any more, and the address of the question may well be in it. */
static void on_route(void *arg, const struct parse_prefix *p, bool by_source)
{
	struct cache *c = arg;

	classes_changed(&c->classes, p, by_source);
	if (!c->classes.now)
		c->changes = CHANGES_MAX;
	if (++c->changes > CHANGES_MAX)
		return;
	for (size_t i = 0; i < PLACES; i++) {
		if (c->places[i].generation == c->generation && holds(p, &c->places[i].q))
			c->places[i].generation = 0;
	}
}

void cache_check(struct cache *c, uint64_t now_ns)
{
	unsigned changes;

	c->changes = 0;
	changes = route_watch_look(c->watch, on_route, c);
	if (changes & ROUTE_CHANGE_LOST)
		classes_forget(&c->classes);
	if (changes & (ROUTE_CHANGE_RULES | ROUTE_CHANGE_LOST))
		read_rules(c);
	if (changes || c->changes > CHANGES_MAX)
		c->generation++;
	if (classes_tick(&c->classes, c->watch, now_ns))
		c->generation++;
}

/* No more than what counts: routes may have a ToS even without rules, in IPv4. */
static struct route_query reduce(const struct cache *c, const struct route_query *q)
{
	unsigned by = c->by[q->family == 6];
	struct route_query less = { .family = q->family };

	memcpy(less.dst, q->dst, sizeof(less.dst));
	if (q->family == 4 || by & ROUTE_BY_TOS)
		less.tos = q->tos & ROUTE_TOS_MASK;
	if (by & ROUTE_BY_MARK)
		less.mark = q->mark;
	if (by & (ROUTE_BY_SRC | ROUTE_BY_IIF) || (q->family == 6 && c->classes.by_source)) {
		memcpy(less.src, q->src, sizeof(less.src));
		less.iif = q->iif;
	}
	if (by & ROUTE_BY_PORTS) {
		less.proto = q->proto;
		less.sport = q->sport;
		less.dport = q->dport;
	}
	return less;
}

/* The first of the places of @q. */
static struct place *places_of(const struct cache *c, const struct route_query *q)
{
	uint64_t words[sizeof(*q) / sizeof(uint64_t)], h = 0;

	_Static_assert(sizeof(*q) % sizeof(uint64_t) == 0, "a query is hashed in words");
	memcpy(words, q, sizeof(words));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		h = (h ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	return &c->places[h % (PLACES / WAYS) * WAYS];
}

static struct place *find(const struct cache *c, struct place *set, const struct route_query *q)
{
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].generation == c->generation && memcmp(&set[i].q, q, sizeof(*q)) == 0)
			return &set[i];
	}
	return NULL;
}

/* What is not of now, else the oldest. */
static struct place *victim(const struct cache *c, struct place *set)
{
	struct place *oldest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].generation != c->generation)
			return &set[i];
		if ((int32_t)(set[i].number - oldest->number) < 0)
			oldest = &set[i];
	}
	return oldest;
}

static void keep(struct cache *c, struct place *p, const struct route_query *q)
{
	const struct route *a = &c->answer;
	size_t len = a->n_hops * sizeof(a->hops[0]);
	struct route_hop *several = NULL;

	if (a->n_hops > 1) {
		several = malloc(len);
		if (!several)
			return;
		memcpy(several, a->hops, len);
	}
	forget(p);
	*p = (struct place) {
		.q = *q, .generation = c->generation, .number = ++c->asked, .kind = a->kind,
		.prefix_len = a->prefix_len, .n_hops = a->n_hops, .bgp = a->bgp,
	};
	if (several)
		p->several = several;
	else
		p->one = a->hops[0];
}

static void recall(struct cache *c, const struct place *p)
{
	c->answer.kind = p->kind;
	c->answer.prefix_len = p->prefix_len;
	c->answer.bgp = p->bgp;
	c->answer.n_hops = p->n_hops;
	memcpy(c->answer.hops, p->n_hops > 1 ? p->several : &p->one,
	       p->n_hops * sizeof(c->answer.hops[0]));
}

/* A source that is not this box's own, from nowhere, gets no route at all: then without it. */
static int ask(struct cache *c, const struct route_query *q)
{
	struct route_query without = *q;
	int r = routes_match(c->routes, q, &c->answer);

	if (r < 0 || q->iif || c->answer.kind != ROUTE_NONE)
		return r;
	memset(without.src, 0, sizeof(without.src));
	return routes_match(c->routes, &without, &c->answer);
}

/* What an answer to @q is kept by. */
static struct route_query key_of(const struct cache *c, const struct route_query *q)
{
	struct route_query key = *q;
	uint8_t len;

	if (c->by[q->family == 6] & ROUTE_BY_DST || !classes_find(&c->classes, q->family, q->dst, &len))
		return key;
	key.len_bits = len;
	if (len == CLASS_NONE)
		len = 0;
	for (unsigned i = len / 8; i < sizeof(key.dst); i++)
		key.dst[i] &= i == len / 8 ? ~(0xff >> len % 8) : 0;
	return key;
}

const struct route *cache_match(struct cache *c, const struct route_query *q)
{
	struct route_query less = reduce(c, q), key = key_of(c, &less);
	struct place *set = places_of(c, &key), *p = find(c, set, &key);

	if (p) {
		recall(c, p);
		return &c->answer;
	}
	if (ask(c, &less) < 0)
		return NULL;
	keep(c, victim(c, set), &key);
	return &c->answer;
}

int cache_resolve(struct cache *c, const struct route_query *q, struct route_hop *ret)
{
	return routes_resolve(c->routes, q, ret);
}
