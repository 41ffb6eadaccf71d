// SPDX-License-Identifier: Apache-2.0
/*
 * Slots are never written by user space: a dropped flow is credited to the store and goes
 * from there, and the epoch moves, so that what comes after begins with a record of its own.
 */
#include "kernel/flush.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/health.h"
#include "kernel/journal.h"
#include "kernel/meter_hook.h"
#include "kernel/records.h"

/* While this works, no idle slot gives way; an agent's lease is never shortened. */
#define LEASE_NS (2 * NSEC_PER_SEC)
#define ROUNDS 64

DEFINE_CLEANUP(struct table, table_close)
DEFINE_CLEANUP(struct health, health_close)

/* Everything is in the store now: what matches goes, and what was known of its health. */
static void take_matching(struct table *t, struct health *h, const struct filter *f,
			  const struct record_context *ctx, uint64_t *n)
{
	for (uint32_t i = 0; i < journal_top(t); i++) {
		const struct journal_taken taken = { .entry = i, .reason = LEDGER_FLUSHED };
		const struct store_entry *e = journal_flow(t, i);
		struct health_reading reading;
		struct record rec;

		if (!e || !e->part.packets)
			continue;
		record_from_part(&e->key, &e->part, ctx, &rec);
		if (!filter_match(f, &rec))
			continue;
		health_read(h, &e->key, &e->part, &rec.tcp, &reading);
		journal_take(t, &(struct journal_leaving) { &taken, 1, reading.part, reading.n });
		health_left(h, reading.part, reading.n);
		(*n)++;
	}
}

/* The store may be too small for all that slots and rings hold: then in several rounds. */
static int flush_locked(struct table *t, struct health *h, const struct filter *f,
			const struct record_context *ctx, uint64_t *n)
{
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t before = *n;
		bool full = false;
		size_t credited;
		int r;

		r = journal_drain(t, &credited);
		full |= r == -ENOSPC;
		if (r == 0 || r == -ENOSPC)
			r = journal_scan(t, &credited);
		full |= r == -ENOSPC;
		if (r < 0 && r != -ENOSPC)
			return r;
		take_matching(t, h, f, ctx, n);
		if (!full || *n == before)
			return 0;
	}
	return 0;
}

static int flush_table(uint64_t cookie, const struct netns *ns, const struct filter *f, uint64_t *n)
{
	_cleanup_(record_names_deinit) struct record_names names = { 0 };
	_cleanup_(table_closep) struct table *t = NULL;
	_cleanup_(health_closep) struct health *h = NULL;
	struct record_context ctx;
	uint64_t lease;
	int r;

	r = meter_open_locked(cookie, &t);
	if (r == 0)
		r = record_names_init(&names, t, ns);
	if (r == 0)
		r = health_open(t, &h);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	record_context_init(&ctx, &names, 0);
	lease = t->ctl->lease_ns;
	r = journal_begin(t, LEASE_NS);
	if (r == 0)
		r = flush_locked(t, h, f, &ctx, n);
	journal_bump_epoch(t);
	if (t->ctl->agent_pid && lease > t->ctl->lease_ns)
		t->ctl->lease_ns = lease;
	pin_dir_unlock(&t->dir);
	return r;
}

int flush_flows(const char *netns, const struct filter *f, uint64_t *ret_n)
{
	_cleanup_(netns_close) struct netns only = NETNS_NULL;
	_cleanup_(freep) uint64_t *cookies = NULL;
	struct netns *list = NULL;
	size_t n = 0, n_list = 0;
	uint64_t flushed = 0;
	int r;

	r = netns ? netns_open(netns, &only) : 0;
	if (r == 0)
		r = pin_dirs(&cookies, &n);
	if (r == 0)
		r = netns_list(&list, &n_list);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!netns || only.cookie == cookies[i])
			r = flush_table(cookies[i], netns_find(list, n_list, cookies[i]), f,
					&flushed);
	}
	netns_list_free(list, n_list);
	if (r == 0)
		*ret_n = flushed;
	return r;
}
