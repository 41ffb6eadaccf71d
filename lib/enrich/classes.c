// SPDX-License-Identifier: Apache-2.0
/*
 * All routes' prefixes, of all tables, cut the addresses into classes: the prefixes that hold
 * an address lie in each other, so the longest says which the others are, in every table. Two
 * addresses of one class find the same routes, and one question to the kernel is enough for
 * both. More prefixes than there are routes only make more classes; one too few would be
 * wrong: a route for a new prefix ends them all until they were collected anew.
 */
#include "enrich/classes.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

/* Read at once: some 2,000 routes, 4 ms. */
#define MESSAGES 4
/* Of the time that passes so much may go into collecting, and into one tick. */
#define PART 20
#define TICK_NS (50 * NSEC_PER_MSEC)
#define PAUSE_NS NSEC_PER_SEC

/*
 * What the kernel makes of these depends on more than routes: this network and this host,
 * multicast, the broadcast address.
 */
static bool is_special(uint8_t family, const uint8_t *addr)
{
	if (family == 4)
		return addr[0] == 0 || addr[0] == 127 || addr[0] >= 224;
	return addr[0] == 0 || addr[0] == 0xff;
}

bool classes_find(const struct classes *c, uint8_t family, const uint8_t *addr, uint8_t *ret_len)
{
	uint32_t unused;

	if (!c->now || is_special(family, addr))
		return false;
	if (!lpm_find(c->now, family, addr, &unused, ret_len))
		*ret_len = CLASS_NONE;
	return true;
}

void classes_forget(struct classes *c)
{
	lpm_free(c->now);
	lpm_free(c->next);
	c->now = c->next = NULL;
}

/* Surely; no does not mean that it is not. Longer ones may hide it at one end, or at both. */
static bool is_known(const struct lpm *l, const struct parse_prefix *p)
{
	uint8_t last[16], len;
	uint32_t unused;

	if (lpm_find(l, p->family, p->addr, &unused, &len) && len == p->len_bits)
		return true;
	memcpy(last, p->addr, sizeof(last));
	for (unsigned bit = p->len_bits; bit < (p->family == 4 ? 32 : 128); bit++)
		last[bit / 8] |= 0x80 >> bit % 8;
	return lpm_find(l, p->family, last, &unused, &len) && len == p->len_bits;
}

void classes_changed(struct classes *c, const struct parse_prefix *p, bool by_source)
{
	c->by_source = c->by_source || by_source;
	if (c->next && lpm_add(c->next, p, 0) < 0) {
		lpm_free(c->next);
		c->next = NULL;
	}
	if (c->now && !is_known(c->now, p)) {
		lpm_free(c->now);
		c->now = NULL;
	}
}

static void collect(void *arg, const struct parse_prefix *p, bool by_source)
{
	struct classes *c = arg;

	c->by_source = c->by_source || by_source;
	if (c->next && lpm_add(c->next, p, 0) < 0) {
		lpm_free(c->next);
		c->next = NULL;
	}
}

static void begin(struct classes *c, struct route_watch *w)
{
	c->next = lpm_new();
	c->spent_ns = 0;
	if (c->next && route_watch_list(w) == 0)
		return;
	lpm_free(c->next);
	c->next = NULL;
}

static bool go_on(struct classes *c, struct route_watch *w, uint64_t until_ns)
{
	int r;

	do
		r = route_watch_list_more(w, MESSAGES, collect, c);
	while (r == -EAGAIN && c->next && clock_boot_ns() < until_ns);
	if (r == -EAGAIN && c->next)
		return false;
	if (r == 0 && c->next && lpm_build(c->next) == 0) {
		c->now = c->next;
		c->next = NULL;
		return true;
	}
	lpm_free(c->next);
	c->next = NULL;
	return false;
}

bool classes_tick(struct classes *c, struct route_watch *w, uint64_t now_ns)
{
	uint64_t start = clock_boot_ns(), budget = (start - c->ticked_ns) / PART;
	bool done;

	c->ticked_ns = start;
	if (c->now || (!c->next && now_ns < c->again_ns))
		return false;
	if (!c->next)
		begin(c, w);
	done = c->next && go_on(c, w, start + (budget < TICK_NS ? budget : TICK_NS));
	c->spent_ns += clock_boot_ns() - start;
	if (!c->next)
		c->again_ns = now_ns + PAUSE_NS + PART * c->spent_ns;
	return done;
}
