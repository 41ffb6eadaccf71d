// SPDX-License-Identifier: Apache-2.0
/*
 * The ring stays unread as long as there is room in it: what is there outlives an agent, and
 * dump sees it too. Its records all have one length, so that a record's position is its number;
 * by that it is found in a queue here, whose members of one hash are chained, and by that
 * table_ctl.ends says what of it was told. The consumer moves over those of which nothing is
 * left to tell.
 */
#include "kernel/health_ends.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "kernel/ring.h"
#include "tcp_key.h"

#define STRIDE (BPF_RINGBUF_HDR_SZ + sizeof(struct tcp_conn))
/* What runs out of room in the ring is kept here, so many times what the ring holds. */
#define KEEP_RINGS 4

_Static_assert(STRIDE % 8 == 0, "records of the ring follow one another without a gap");

int ends_init(struct ends *e, struct table *t)
{
	uint32_t wanted;
	int r;

	*e = (struct ends) { .t = t };
	if (!t->tcp)
		return 0;
	r = t->tcp_ends.consumer ? 0 : ring_map_whole(t->tcp_ends_fd, t->writable, &t->tcp_ends);
	if (r < 0)
		return r;
	e->ring = t->tcp_ends;
	e->keeps_all = !t->dir.cookie;
	wanted = ((e->ring.mask + 1) / STRIDE + 1) * (t->writable ? KEEP_RINGS : 1);
	for (e->cap = 16; e->cap < wanted; e->cap *= 2)
		;
	ends_reset(e);
	return 0;
}

void ends_deinit(struct ends *e)
{
	free(e->v);
	free(e->places);
	*e = (struct ends) { 0 };
}

void ends_reset(struct ends *e)
{
	if (!e->ring.consumer)
		return;
	e->seen = ring_consumer(&e->ring);
	e->first = e->next = e->seen / STRIDE;
	if (e->places)
		memset(e->places, 0, e->cap * sizeof(*e->places));
}

static int make_room(struct ends *e)
{
	if (e->v)
		return 0;
	e->places = calloc(e->cap, sizeof(*e->places));
	e->v = calloc(e->cap, sizeof(*e->v));
	if (e->places && e->v)
		return 0;
	free(e->places);
	free(e->v);
	e->places = NULL;
	e->v = NULL;
	return fail(-ENOMEM, "cannot hold the connections that ended");
}

/* What was told of it by whoever was here before. */
static void apply_marks(const struct table *t, struct end *end)
{
	uint32_t mark = __atomic_load_n(&t->ctl->ends[end->number % CTL_ENDS], __ATOMIC_RELAXED);

	if (mark >> 2 != ((uint32_t)(end->number + 1) & (UINT32_MAX >> 2)))
		return;
	for (unsigned side = 0; side < 2; side++) {
		if (mark >> side & 1)
			side_take_all(&end->c.side[side], end->c.gen);
	}
}

void ends_mark(struct table *t, uint32_t number, uint8_t side)
{
	uint32_t *mark = &t->ctl->ends[number % CTL_ENDS];
	uint32_t own = (number + 1) << 2;
	uint32_t now = *mark >> 2 == own >> 2 ? *mark : own;

	__atomic_store_n(mark, now | 1u << (side & 1), __ATOMIC_RELAXED);
}

static void chain(struct ends *e, struct end *end)
{
	uint32_t *place = &e->places[end->hash & (e->cap - 1)];

	end->older = *place;
	*place = end->number + 1;
}

static void keep(struct ends *e, uint64_t pos, const struct tcp_conn *c)
{
	uint64_t number = pos / STRIDE;
	struct end *end = &e->v[number & (e->cap - 1)];

	memcpy(&end->c, c, sizeof(*c));
	/* An agent has taken it away meanwhile: the copy may be of another. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (ring_consumer(&e->ring) > pos)
		memset(&end->c.key, 0, sizeof(end->c.key));
	end->number = number;
	end->hash = tcp_key_hash(&end->c.key);
	chain(e, end);
	apply_marks(e->t, end);
	e->next = number + 1;
}

/* Twice the room. */
static int grow(struct ends *e)
{
	struct ends more = *e;

	more.cap *= 2;
	more.v = NULL;
	more.places = NULL;
	if (make_room(&more) < 0)
		return -ENOMEM;
	for (uint64_t i = e->first; i < e->next; i++) {
		const struct end *end = &e->v[i & (e->cap - 1)];

		if (end->number != i)
			continue;
		more.v[i & (more.cap - 1)] = *end;
		chain(&more, &more.v[i & (more.cap - 1)]);
	}
	free(e->v);
	free(e->places);
	*e = more;
	return 0;
}

/* For one of that number: in a replay's table all is kept, else the oldest go. */
static int have_room(struct ends *e, uint64_t number)
{
	if (!e->v)
		return make_room(e);
	if (number - e->first < e->cap)
		return 0;
	if (e->keeps_all)
		return grow(e);
	e->first = number - e->cap + 1;
	return 0;
}

bool ends_grew(const struct ends *e)
{
	return e->ring.consumer && ring_producer(&e->ring) != e->seen;
}

int ends_look(struct ends *e)
{
	uint64_t end, next, consumer;

	if (!ends_grew(e))
		return 0;
	consumer = ring_consumer(&e->ring);
	if (consumer > e->seen)
		e->seen = consumer;
	for (end = ring_producer(&e->ring); e->seen < end; e->seen = next) {
		const struct tcp_conn *c = ring_record(&e->ring, e->seen, sizeof(*c), &next);

		if (next == e->seen)
			break;
		if (!c || e->seen % STRIDE)
			continue;
		if (have_room(e, e->seen / STRIDE) < 0)
			return -ENOMEM;
		keep(e, e->seen, c);
	}
	return 0;
}

static bool side_is_told(const struct tcp_conn *c, const struct tcp_side *s)
{
	return !s->ifindex || (s->taken_gen == c->gen &&
			       memcmp(&s->taken, &s->counts, sizeof(s->counts)) == 0);
}

static bool is_over(const struct tcp_conn *c, uint64_t old_ns)
{
	bool old = c->side[0].last_ns < old_ns && c->side[1].last_ns < old_ns;

	return old || (side_is_told(c, &c->side[0]) && side_is_told(c, &c->side[1]));
}

/* Of the end at @number, which may not be there (a record that is none). */
static bool may_go(struct ends *e, uint64_t number, uint64_t old_ns)
{
	const struct end *end = &e->v[number & (e->cap - 1)];

	return number >= e->next || end->number != number || is_over(&end->c, old_ns);
}

void ends_consume(struct ends *e, uint64_t old_ns)
{
	uint64_t pos, room;

	if (!e->v)
		return;
	if (e->keeps_all) {
		ring_consume(&e->ring, e->seen);
		return;
	}
	while (e->first < e->next && may_go(e, e->first, old_ns))
		e->first++;
	pos = e->first * STRIDE;
	room = (e->ring.mask + 1) / 2;
	if (e->seen > room && pos < e->seen - room)
		pos = e->seen - room + STRIDE - 1 - (e->seen - room + STRIDE - 1) % STRIDE;
	if (pos > e->seen)
		pos = e->seen;
	if (pos > ring_consumer(&e->ring))
		ring_consume(&e->ring, pos);
}

static struct end *at_number(struct ends *e, uint32_t number_plus_1)
{
	uint64_t ahead;
	struct end *end;

	if (!number_plus_1)
		return NULL;
	/* Numbers in use lie within cap of one another: the lower half tells them apart. */
	ahead = (uint32_t)((uint32_t)e->next - number_plus_1);
	if (ahead >= e->next - e->first)
		return NULL;
	end = &e->v[(number_plus_1 - 1) & (e->cap - 1)];
	return (uint32_t)end->number == number_plus_1 - 1 ? end : NULL;
}

static struct end *first_of(struct ends *e, struct end *end, uint32_t hash)
{
	while (end && end->hash != hash)
		end = at_number(e, end->older);
	return end;
}

struct end *ends_find(struct ends *e, uint32_t hash)
{
	if (e->first == e->next)
		return NULL;
	return first_of(e, at_number(e, e->places[hash & (e->cap - 1)]), hash);
}

struct end *ends_older(struct ends *e, const struct end *end)
{
	return first_of(e, at_number(e, end->older), end->hash);
}
