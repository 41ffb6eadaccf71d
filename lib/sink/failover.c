// SPDX-License-Identifier: Apache-2.0
/*
 * A member that is down for a moment is waited for: what it was given may well be on its
 * way, and going over costs the new one its templates. It changes between batches only, and
 * every member is ticked, so that the others are ready.
 */
#include "sink/failover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

/* A member in use that is down for so long is left; one before it that is up so long is back. */
#define LEAVE_NS (3 * NSEC_PER_SEC)
#define RETURN_NS (10 * NSEC_PER_SEC)
#define HOLD_NS (50 * NSEC_PER_MSEC)

struct member {
	struct sink *sink;
	bool up;
	uint64_t since_ns;		/* CLOCK_BOOTTIME: up, or down */
};

struct failover {
	struct sink sink;
	struct member *members;
	size_t n, used;
	bool (*is_up)(const struct sink *s);
	bool open;			/* a batch is */
};

static const struct sink_ops failover_ops;

static struct failover *failover_of(const struct sink *s)
{
	return (struct failover *)s;
}

static struct sink *used(struct sink *s)
{
	struct failover *f = failover_of(s);

	return f->members[f->used].sink;
}

static void add_up(struct failover *f)
{
	struct sink_stats sum = { 0 };

	for (size_t i = 0; i < f->n; i++) {
		const struct sink_stats *s = &f->members[i].sink->stats;

		sum.records += s->records;
		sum.bytes += s->bytes;
		sum.errors += s->errors;
		sum.lost_records += s->lost_records;
		sum.uncarried_records += s->uncarried_records;
		if (s->last_export_ns > sum.last_export_ns)
			sum.last_export_ns = s->last_export_ns;
	}
	f->sink.stats = sum;
}

/* Of the group: which member is used, when it is not the first, and what the others have. */
static void tell(struct failover *f)
{
	char *to = f->sink.trouble;
	size_t size = sizeof(f->sink.trouble), at = 0;

	to[0] = '\0';
	if (f->used)
		at = snprintf(to, size, "exporting to %.60s", f->members[f->used].sink->label);
	for (size_t i = 0; i < f->n && at < size; i++) {
		const struct sink *s = f->members[i].sink;

		if (s->trouble[0])
			at += snprintf(to + at, size - at, "%s%.60s: %s", at ? "; " : "", s->label,
				       s->trouble);
	}
	add_up(f);
}

static void look(struct failover *f, uint64_t now)
{
	for (size_t i = 0; i < f->n; i++) {
		struct member *m = &f->members[i];
		bool up = f->is_up(m->sink);

		if (up == m->up && m->since_ns)
			continue;
		m->up = up;
		m->since_ns = now;
	}
}

/* Which member is there to go over to; the one in use, when there is none. */
static size_t find_other(const struct failover *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->members[i].up)
			return i;
	}
	return f->used;
}

static void choose(struct failover *f, uint64_t now)
{
	const struct member *m = &f->members[f->used];

	look(f, now);
	if (f->open)
		return;
	if (!m->up) {
		if (now >= m->since_ns + LEAVE_NS)
			f->used = find_other(f);
		return;
	}
	for (size_t i = 0; i < f->used; i++) {
		if (f->members[i].up && now >= f->members[i].since_ns + RETURN_NS) {
			f->used = i;
			return;
		}
	}
}

static uint64_t failover_wait_ns(struct sink *s, uint64_t now)
{
	struct failover *f = failover_of(s);

	choose(f, now);
	if (!f->members[f->used].up && find_other(f) != f->used)
		return HOLD_NS;
	return used(s)->ops->wait_ns ? used(s)->ops->wait_ns(used(s), now) : 0;
}

static void failover_hurry(struct sink *s, uint64_t now)
{
	if (used(s)->ops->hurry)
		used(s)->ops->hurry(used(s), now);
}

static bool failover_room(struct sink *s, const struct record *r)
{
	return used(s)->ops->room(used(s), r);
}

static int failover_put(struct sink *s, const struct record *r)
{
	failover_of(s)->open = true;
	return used(s)->ops->put(used(s), r);
}

static bool failover_pairs(struct sink *s, const struct record *r)
{
	return used(s)->ops->pairs && used(s)->ops->pairs(used(s), r);
}

static void failover_prepare(struct sink *s)
{
	if (used(s)->ops->prepare)
		used(s)->ops->prepare(used(s));
}

static int failover_flush(struct sink *s)
{
	int r = used(s)->ops->flush(used(s));

	failover_of(s)->open = false;
	tell(failover_of(s));
	return r;
}

static void failover_tick(struct sink *s, uint64_t now)
{
	struct failover *f = failover_of(s);

	for (size_t i = 0; i < f->n; i++) {
		struct sink *m = f->members[i].sink;

		if (m->ops->tick)
			m->ops->tick(m, now);
	}
	choose(f, now);
	tell(f);
}

static int failover_reopen(struct sink *s)
{
	struct failover *f = failover_of(s);
	int first = 0;

	for (size_t i = 0; i < f->n; i++) {
		struct sink *m = f->members[i].sink;
		int r = m->ops->reopen ? m->ops->reopen(m) : 0;

		first = first ? first : r;
	}
	return first;
}

static void failover_free(struct failover *f)
{
	free(f->members);
	free(f);
}

static void failover_close(struct sink *s)
{
	struct failover *f = failover_of(s);

	for (size_t i = 0; i < f->n; i++)
		f->members[i].sink->ops->close(f->members[i].sink);
	failover_free(f);
}

static const struct sink_ops failover_ops = {
	.name = "failover",
	.wait_ns = failover_wait_ns,
	.hurry = failover_hurry,
	.room = failover_room,
	.put = failover_put,
	.pairs = failover_pairs,
	.prepare = failover_prepare,
	.flush = failover_flush,
	.tick = failover_tick,
	.reopen = failover_reopen,
	.close = failover_close,
};

static void name(struct failover *f)
{
	size_t size = sizeof(f->sink.label), at = 0;

	for (size_t i = 0; i < f->n && at < size; i++)
		at += snprintf(f->sink.label + at, size - at, "%s%s", i ? "|" : "",
			       f->members[i].sink->label);
}

int sink_failover_new(struct sink *const *members, size_t n, bool (*is_up)(const struct sink *),
		      struct sink **ret)
{
	struct failover *f = calloc(1, sizeof(*f));

	if (f) {
		f->members = calloc(n, sizeof(*f->members));
	}
	if (!f || !f->members) {
		if (f)
			failover_free(f);
		return fail(-ENOMEM, "cannot make a group of outputs");
	}
	f->sink.ops = &failover_ops;
	f->is_up = is_up;
	f->n = n;
	for (size_t i = 0; i < n; i++)
		f->members[i].sink = members[i];
	name(f);
	look(f, clock_boot_ns());
	tell(f);
	*ret = &f->sink;
	return 0;
}

struct sink *sink_failover_in_use(struct sink *s)
{
	return s->ops == &failover_ops ? used(s) : s;
}
