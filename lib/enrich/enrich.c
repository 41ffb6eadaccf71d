// SPDX-License-Identifier: Apache-2.0
/*
 * A record asks for the route to its destination and for the one back to its source. Of a
 * route over several next hops it is the one that the record's egress interface names; where
 * that does not decide, the kernel is asked where it sends this very flow.
 *
 * A socket in a namespace keeps it from going: so there is a look every few seconds whether
 * anybody else still holds it.
 */
#include "enrich/enrich.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "enrich/cache.h"
#include "enrich/lpm.h"
#include "enrich/prefixes.h"
#include "kernel/netns.h"

/* How long a namespace that could not be entered is left alone. */
#define RETRY_NS (10 * NSEC_PER_SEC)
#define LOOK_NS (5 * NSEC_PER_SEC)

/* IANA element 89, RFC 7270 4.12: status in the two upper bits, reason below. */
enum {
	STATUS_FORWARDED = 64,
	STATUS_DROPPED = 128,
	STATUS_DROPPED_ACL_DENY = 129,
	STATUS_DROPPED_UNROUTABLE = 131,
	STATUS_CONSUMED_FOR_US = 195,
};

static const uint8_t statuses[] = {
	[ROUTE_NONE] = STATUS_DROPPED_UNROUTABLE, [ROUTE_LOCAL] = STATUS_CONSUMED_FOR_US,
	[ROUTE_BLACKHOLE] = STATUS_DROPPED, [ROUTE_UNREACHABLE] = STATUS_DROPPED_UNROUTABLE,
	[ROUTE_PROHIBIT] = STATUS_DROPPED_ACL_DENY,
};

struct space {
	uint64_t cookie;
	struct cache *cache;	/* NULL: it could not be entered */
	uint64_t retry_ns;	/* CLOCK_BOOTTIME, then it is tried again */
};

enum wanted { WANTS_ROUTES = 1 << 0, WANTS_AS = 1 << 1 };

struct enrich {
	unsigned wants;
	struct lpm *as;
	struct space *spaces;
	size_t n_spaces, last;	/* the one asked about last */
	uint64_t look_ns;	/* CLOCK_BOOTTIME of the next look for those that went */
};

/* Elements of struct record_route, by number; of the reverse direction they have the same. */
static const uint8_t elements[256] = {
	[9] = WANTS_ROUTES, [13] = WANTS_ROUTES, [15] = WANTS_ROUTES, [16] = WANTS_AS,
	[17] = WANTS_AS, [18] = WANTS_ROUTES, [29] = WANTS_ROUTES, [30] = WANTS_ROUTES,
	[62] = WANTS_ROUTES, [63] = WANTS_ROUTES, [89] = WANTS_ROUTES,
};

static unsigned wanted(const struct template_set *set)
{
	unsigned mask = 0;

	for (size_t i = 0; i < template_set_count(set); i++) {
		const struct template *t = template_set_get(set, i);

		for (size_t k = 0; k < t->n_elements; k++) {
			const struct ie *e = t->elements[k].ie;

			if (e->id < ARRAY_SIZE(elements) && (!e->pen || e->pen == IE_PEN_REVERSE))
				mask |= elements[e->id];
		}
	}
	return mask;
}

bool enrich_is_wanted(const struct template_set *set)
{
	return wanted(set) != 0;
}

void enrich_free(struct enrich *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_spaces; i++)
		cache_free(e->spaces[i].cache);
	free(e->spaces);
	lpm_free(e->as);
	free(e);
}

DEFINE_CLEANUP(struct enrich, enrich_free)

int enrich_new(const struct enrich_config *config, struct enrich **ret)
{
	_cleanup_(enrich_freep) struct enrich *e = calloc(1, sizeof(*e));
	int r = 0;

	if (!e)
		return fail(-ENOMEM, "cannot look for routes");
	e->wants = wanted(config->templates);
	if (config->prefix_file)	/* also when it is not wanted: faults are told */
		r = prefixes_load(config->prefix_file, &e->as);
	if (r < 0)
		return r;
	*ret = take_ptr(e);
	return 0;
}

/* Sockets in the namespace of @cookie; no failure is worth more than empty fields. */
static struct cache *open_space(uint64_t cookie)
{
	struct cache *cache = NULL;
	const struct netns *ns;
	struct netns *list;
	size_t n;

	if (netns_list(&list, &n) < 0)
		return NULL;
	ns = netns_find(list, n, cookie);
	if (ns && cache_new(ns->fd, &cache) < 0)
		cache = NULL;
	netns_list_free(list, n);
	error_clear();
	return cache;
}

static struct space *space_of(struct enrich *e, uint64_t cookie)
{
	struct space *grown;

	if (e->last < e->n_spaces && e->spaces[e->last].cookie == cookie)
		return &e->spaces[e->last];
	for (size_t i = 0; i < e->n_spaces; i++) {
		if (e->spaces[i].cookie == cookie) {
			e->last = i;
			return &e->spaces[i];
		}
	}
	grown = reallocarray(e->spaces, e->n_spaces + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	e->spaces = grown;
	e->last = e->n_spaces++;
	e->spaces[e->last] = (struct space) { .cookie = cookie };
	return &e->spaces[e->last];
}

static struct cache *cache_of(struct enrich *e, uint64_t cookie)
{
	struct space *s = space_of(e, cookie);

	if (!s)
		return NULL;
	if (!s->cache && clock_boot_ns() >= s->retry_ns) {
		s->cache = open_space(cookie);
		s->retry_ns = clock_boot_ns() + RETRY_NS;
	}
	return s->cache;
}

static struct route_query query_of(const struct record *r)
{
	struct route_query q = {
		.iif = r->key.ingress_ifindex, .mark = r->mark, .sport = r->key.sport,
		.dport = r->key.dport, .family = r->key.family == 4 ? 4 : 6, .proto = r->key.proto,
		.tos = r->tos, .flow_label = r->flow_label,
	};

	memcpy(q.dst, r->key.dst, sizeof(q.dst));
	memcpy(q.src, r->key.src, sizeof(q.src));
	return q;
}

/* How an answer to the flow would go. */
static struct route_query reverse_of(const struct record *r)
{
	struct route_query q = {
		.iif = r->key.egress_ifindex, .mark = r->mark, .sport = r->key.dport,
		.dport = r->key.sport, .family = r->key.family == 4 ? 4 : 6, .proto = r->key.proto,
		.tos = r->tos,
	};

	memcpy(q.dst, r->key.src, sizeof(q.dst));
	memcpy(q.src, r->key.dst, sizeof(q.src));
	return q;
}

/* The one hop of @route to the interface @oif; NULL: none or more. */
static const struct route_hop *hop_to(const struct route *route, uint32_t oif)
{
	const struct route_hop *found = NULL;

	for (size_t i = 0; i < route->n_hops; i++) {
		if (route->hops[i].oif != oif)
			continue;
		if (found)
			return NULL;
		found = &route->hops[i];
	}
	return found;
}

static void set_next_hop(struct cache *c, const struct route *route, const struct route_query *q,
			 struct record *r)
{
	const struct route_hop *hop = &route->hops[0];
	struct route_hop taken;

	if (route->n_hops > 1)
		hop = hop_to(route, r->key.egress_ifindex);
	if (!hop && cache_resolve(c, q, &taken) == 0)
		hop = &taken;
	if (!hop)
		return;
	memcpy(r->route.next_hop, hop->gateway, sizeof(hop->gateway));
	if (route->bgp)
		memcpy(r->route.bgp_next_hop, hop->gateway, sizeof(hop->gateway));
}

static void add_routes(struct cache *c, struct record *r)
{
	struct route_query q = query_of(r), back = reverse_of(r);
	const struct route *route = cache_match(c, &q);

	if (route) {
		r->route.dst_prefix_len = route->prefix_len;
		if (!r->key.egress_ifindex && route->kind < ARRAY_SIZE(statuses))
			r->route.forwarding_status = statuses[route->kind];
		if (route->kind == ROUTE_FORWARD)
			set_next_hop(c, route, &q, r);
	}
	if (r->key.egress_ifindex)
		r->route.forwarding_status = STATUS_FORWARDED;
	route = cache_match(c, &back);
	if (route)
		r->route.src_prefix_len = route->prefix_len;
}

void enrich_record(struct enrich *e, uint64_t cookie, struct record *r)
{
	struct cache *c;
	uint8_t len;

	r->route = (struct record_route) { 0 };
	if (e->wants & WANTS_AS && e->as) {
		lpm_find(e->as, r->key.family, r->key.src, &r->route.src_as, &len);
		lpm_find(e->as, r->key.family, r->key.dst, &r->route.dst_as, &len);
	}
	if (!(e->wants & WANTS_ROUTES))
		return;
	c = cache_of(e, cookie);
	if (c)
		add_routes(c, r);
	else if (r->key.egress_ifindex)
		r->route.forwarding_status = STATUS_FORWARDED;
}

/* Let go what nobody but us holds. */
static void drop_gone(struct enrich *e)
{
	struct netns *list;
	size_t n, kept = 0;

	if (netns_list(&list, &n) < 0) {
		error_clear();
		return;
	}
	for (size_t i = 0; i < e->n_spaces; i++) {
		if (netns_find(list, n, e->spaces[i].cookie))
			e->spaces[kept++] = e->spaces[i];
		else
			cache_free(e->spaces[i].cache);
	}
	netns_list_free(list, n);
	e->n_spaces = kept;
	e->last = 0;
}

void enrich_tick(struct enrich *e, uint64_t now_ns)
{
	if (e->n_spaces && now_ns >= e->look_ns) {
		drop_gone(e);
		e->look_ns = now_ns + LOOK_NS;
	}
	for (size_t i = 0; i < e->n_spaces; i++) {
		if (e->spaces[i].cache)
			cache_check(e->spaces[i].cache, now_ns);
	}
}
