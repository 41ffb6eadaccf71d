// SPDX-License-Identifier: Apache-2.0
/*
 * A forwarded packet is seen at ingress and at egress. The ingress record is the one that
 * is kept, for it exists for every packet that arrived, forwarded or not; where it went is
 * learnt from the egress record of the same tuple, whose key names the same ingress
 * interface. VLANs are no part of that match: routing changes them.
 */
#include "flow/once.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { MIN_WAYS = 1024 };	/* fewer are not worth a round */

/* The tuple of one way through the box; compared as bytes, so padding is zeroed. */
struct way_key {
	uint8_t src[16], dst[16];
	__be16 sport, dport;
	uint32_t ingress_ifindex;
	uint8_t proto, family, pad[6];
};

struct way {
	struct way_key key;
	uint32_t egress_ifindex;	/* 0 = free place */
	uint32_t round;			/* it was told in */
	uint64_t packets;
	uint64_t seen_ns;
};

struct once {
	uint64_t keep_ns, newest_ns;
	struct hook_id *hooks;
	size_t n_hooks;
	uint32_t loopback;
	struct way *ways;
	uint32_t mask, used;
	uint32_t kept;			/* were left when the last round ended */
	uint32_t round;
};

int once_new(uint64_t keep_ns, struct once **ret)
{
	struct once *o = calloc(1, sizeof(*o));

	if (!o)
		return fail(-ENOMEM, "cannot count once");
	o->keep_ns = keep_ns;
	*ret = o;
	return 0;
}

void once_free(struct once *o)
{
	if (!o)
		return;
	free(o->hooks);
	free(o->ways);
	free(o);
}

int once_set_hooks(struct once *o, const struct hook_id *hooks, size_t n, uint32_t loopback)
{
	struct hook_id *copy = malloc((n + 1) * sizeof(*copy));

	if (!copy)
		return fail(-ENOMEM, "cannot count once");
	if (n)
		memcpy(copy, hooks, n * sizeof(*copy));
	free(o->hooks);
	o->hooks = copy;
	o->n_hooks = n;
	o->loopback = loopback;
	return 0;
}

static bool ingress_metered(const struct once *o, uint32_t ifindex)
{
	for (size_t i = 0; i < o->n_hooks; i++) {
		if (o->hooks[i].ifindex == ifindex && o->hooks[i].direction == FLOW_INGRESS)
			return true;
	}
	return false;
}

static struct way_key way_key(const struct record *r)
{
	struct way_key k;

	memset(&k, 0, sizeof(k));
	memcpy(k.src, r->key.src, sizeof(k.src));
	memcpy(k.dst, r->key.dst, sizeof(k.dst));
	k.sport = r->key.sport;
	k.dport = r->key.dport;
	k.ingress_ifindex = r->key.ingress_ifindex;
	k.proto = r->key.proto;
	k.family = r->key.family;
	return k;
}

static uint32_t way_hash(const struct way_key *k)
{
	uint64_t w[sizeof(*k) / 8], h = 0;

	_Static_assert(sizeof(*k) % 8 == 0, "way_key is hashed in words");
	memcpy(w, k, sizeof(w));
	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++) {
		h = (h ^ w[i]) * UINT64_C(0x9E3779B97F4A7C15);
		h ^= h >> 32;
	}
	return h;
}

static struct way *way_place(struct way *ways, uint32_t mask, const struct way_key *k)
{
	uint32_t at = way_hash(k) & mask;

	while (ways[at].egress_ifindex && memcmp(&ways[at].key, k, sizeof(*k)) != 0)
		at = (at + 1) & mask;
	return &ways[at];
}

/* Told in this round, or of packets that are not older than keep_ns. */
static bool is_live(const struct once *o, const struct way *w)
{
	return w->round == o->round || o->newest_ns < o->keep_ns ||
	       w->seen_ns >= o->newest_ns - o->keep_ns;
}

/* Into as many places as they need; @all, or those that live. */
static bool rehash(struct once *o, bool all)
{
	uint32_t live = 0, places = 1024, old = o->ways ? o->mask + 1 : 0;
	struct way *ways;

	for (uint32_t i = 0; i < old; i++)
		live += o->ways[i].egress_ifindex && (all || is_live(o, &o->ways[i]));
	while (places < 4 * live)
		places *= 2;
	ways = calloc(places, sizeof(*ways));
	if (!ways)
		return false;
	for (uint32_t i = 0; i < old; i++) {
		if (o->ways[i].egress_ifindex && (all || is_live(o, &o->ways[i])))
			*way_place(ways, places - 1, &o->ways[i].key) = o->ways[i];
	}
	free(o->ways);
	o->ways = ways;
	o->mask = places - 1;
	o->used = live;
	return true;
}

bool once_begin(struct once *o)
{
	if (o->used <= 2 * o->kept + MIN_WAYS)
		return false;
	o->round++;
	return true;
}

void once_end(struct once *o)
{
	if (rehash(o, false))
		o->kept = o->used;
}

/* Nothing of @r is near enough to what @w was learnt from. */
static bool is_stale(const struct once *o, const struct way *w, const struct record *r)
{
	return r->first_ns > w->seen_ns && r->first_ns - w->seen_ns > o->keep_ns;
}

/*
 * Records of one way that overlap (of several VLANs, or one read again while it grows) count
 * by the biggest; one that came after the others stands for itself.
 */
static void way_update(const struct once *o, struct way *w, const struct record *r)
{
	uint64_t packets = r->packets;

	if (w->egress_ifindex && !is_stale(o, w, r)) {
		bool same = w->egress_ifindex == r->key.egress_ifindex;

		if (!same && w->packets > packets)
			return;
		if (same && r->first_ns <= w->seen_ns && w->packets > packets)
			packets = w->packets;
	}
	w->egress_ifindex = r->key.egress_ifindex;
	w->packets = packets;
	w->seen_ns = r->last_ns > w->seen_ns ? r->last_ns : w->seen_ns;
}

void once_learn(struct once *o, const struct record *r)
{
	struct way_key k = way_key(r);
	struct way *w;

	if (r->key.direction != FLOW_EGRESS || !r->key.ingress_ifindex || !r->key.egress_ifindex)
		return;
	if (r->last_ns > o->newest_ns)
		o->newest_ns = r->last_ns;
	/* Without memory the interface stays unknown; nothing is miscounted. */
	if ((!o->ways || 2 * o->used > o->mask) && !rehash(o, true) && (!o->ways || o->used == o->mask))
		return;
	w = way_place(o->ways, o->mask, &k);
	o->used += !w->egress_ifindex;
	w->key = k;
	w->round = o->round;
	way_update(o, w, r);
}

enum once_verdict once_classify(struct once *o, const struct record *r, uint32_t *ret_egress)
{
	struct way_key k = way_key(r);
	const struct way *w;

	if (r->key.direction == FLOW_EGRESS) {
		uint32_t in = r->key.ingress_ifindex;

		if (o->loopback && r->ifindex == o->loopback && ingress_metered(o, o->loopback))
			return ONCE_DUPLICATE;
		return in && ingress_metered(o, in) ? ONCE_DUPLICATE : ONCE_KEEP;
	}
	if (!o->ways)
		return ONCE_KEEP;
	w = way_place(o->ways, o->mask, &k);
	if (w->egress_ifindex && !is_stale(o, w, r))
		*ret_egress = w->egress_ifindex;
	return ONCE_KEEP;
}

size_t once_filter(struct once *o, struct record *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		once_learn(o, &v[i]);
	for (size_t i = 0; i < n; i++) {
		if (once_classify(o, &v[i], &v[i].key.egress_ifindex) == ONCE_KEEP)
			v[kept++] = v[i];
	}
	return kept;
}
