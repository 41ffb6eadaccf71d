// SPDX-License-Identifier: Apache-2.0
/*
 * Two things make a watcher: table_ctl.watch_ns, until which the program tells, renewed with
 * every reading; and a sign on the table's folder (pin.h), asked for below the folder's lock.
 * Both end by themselves when the watcher is killed.
 *
 * The lease is long, so that a watcher that is stopped for a moment finds in the ring, or in the
 * count of what had no room there, all that happened.
 */
#include "kernel/events.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "kernel/ring.h"

#define LEASE_NS (10 * NSEC_PER_SEC)

struct events {
	struct table *table;
	struct pin_dir dir;		/* holds the watcher's lock */
	struct table_ring ring;
	bool every_rtt;
	uint64_t since_ns;		/* what is older is another watcher's */
	uint64_t lease_ns;		/* as written last */
	struct tcp_stats before;
	uint64_t unwatched_ns;
};

DEFINE_CLEANUP(struct events, events_close)

static int be_the_only_one(struct events *e)
{
	if (pin_dir_has_sign(&e->dir, PIN_SIGN_WATCHER))
		return fail_plain(-EBUSY, "another flowctl watches the connections of '%s'",
				  e->table->ctl->netns_name);
	return pin_dir_sign(&e->dir, PIN_SIGN_WATCHER);
}

static int lock_watch(struct events *e)
{
	int r;

	r = pin_dir_acquire(e->table->dir.cookie, false, &e->dir);
	if (r == -ENOENT)
		return fail_plain(r, "the meters of '%s' were just detached", e->table->ctl->netns_name);
	if (r == 0)
		r = be_the_only_one(e);
	if (r == 0)
		pin_dir_unlock(&e->dir);
	return r;
}

static void renew(struct events *e)
{
	uint64_t now = clock_boot_ns();

	if (e->lease_ns && now > e->lease_ns)
		e->unwatched_ns += now - e->lease_ns;
	e->lease_ns = (now + LEASE_NS) & ~(uint64_t)TCP_WATCH_RTT;
	if (e->every_rtt)
		e->lease_ns |= TCP_WATCH_RTT;
	__atomic_store_n(&e->table->ctl->watch_ns, e->lease_ns, __ATOMIC_RELEASE);
}

int events_open(struct table *t, bool every_rtt, struct events **ret)
{
	_cleanup_(events_closep) struct events *e = NULL;
	int r;

	if (!t->tcp)
		return fail_plain(-EOPNOTSUPP,
				  "the meters of '%s' keep no TCP metrics (meter attach --tcp-metrics on)",
				  t->ctl->netns_name);
	e = calloc(1, sizeof(*e));
	if (!e)
		return fail(-ENOMEM, "cannot watch connections");
	e->table = t;
	e->every_rtt = every_rtt;
	e->dir.fd = -1;
	r = lock_watch(e);
	if (r == 0)
		r = ring_map(t->tcp_events_fd, t->ctl->tcp_events_bytes, true, &e->ring);
	if (r < 0)
		return r;
	table_tcp_stats(t, &e->before);
	e->since_ns = clock_boot_ns();
	renew(e);
	*ret = take_ptr(e);
	return 0;
}

void events_close(struct events *e)
{
	if (!e)
		return;
	if (e->lease_ns)
		__atomic_store_n(&e->table->ctl->watch_ns, 0, __ATOMIC_RELEASE);
	ring_unmap(&e->ring);
	pin_dir_close(&e->dir);
	free(e);
}

size_t events_read(struct events *e, struct tcp_event *ret, size_t max)
{
	uint64_t pos = ring_consumer(&e->ring), end = ring_producer(&e->ring), next;
	size_t n = 0;

	renew(e);
	while (n < max && pos < end) {
		const struct tcp_event *event = ring_record(&e->ring, pos, sizeof(*event), &next);

		if (next == pos)
			break;
		if (event && event->time_ns >= e->since_ns)
			ret[n++] = *event;
		pos = next;
	}
	ring_consume(&e->ring, pos);
	return n;
}

uint64_t events_lost(const struct events *e)
{
	struct tcp_stats now;

	table_tcp_stats(e->table, &now);
	return now.events_lost - e->before.events_lost;
}

uint64_t events_forgotten(const struct events *e)
{
	struct tcp_stats now;

	table_tcp_stats(e->table, &now);
	return now.half_open_lost - e->before.half_open_lost;
}

uint64_t events_unwatched_ns(const struct events *e)
{
	return e->unwatched_ns;
}
