// SPDX-License-Identifier: Apache-2.0
/*
 * Which namespaces are metered is looked at once a second: tables are made and removed by
 * `meter attach` and `meter detach` at any time.
 */
#include "agent/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "kernel/meter.h"

#define RING_RECORD_BYTES (8 + sizeof(struct flow_slot))

static uint32_t ticks(uint64_t seconds)
{
	return seconds * NSEC_PER_SEC / clock_tick_ns();
}

/* The program rotates by the same limits that records expire by. */
void tables_set_limits(const struct agent *a, struct agent_table *at)
{
	struct table *t = at->table;

	t->ctl->idle_ticks = ticks(a->conf->idle_s);
	t->ctl->finished_ticks = ticks(a->conf->finished_s);
	t->ctl->reclaim_ticks = ticks(a->conf->idle_s);
	t->ctl->agent_pid = getpid();
}

static void release(struct table *t)
{
	t->ctl->idle_ticks = 0;
	t->ctl->finished_ticks = 0;
	t->ctl->agent_pid = 0;
	t->ctl->lease_ns = 0;
}

static void close_one(struct agent_table *t)
{
	if (t->table && !t->gone)
		release(t->table);
	metrics_leave(t);
	health_close(t->health);
	given_close(&t->given);
	table_close(t->table);
	once_free(t->once);
	free(t->biflow);
	interval_forget(t);
	record_names_deinit(&t->names);
	*t = (struct agent_table) { 0 };
}

static int open_one(struct agent *a, uint64_t cookie)
{
	struct agent_table t = { 0 }, *grown;
	int r;

	r = table_open(cookie, true, &t.table);
	if (r < 0)
		return r;
	r = health_open(t.table, &t.health);
	if (r < 0) {
		close_one(&t);
		return r;
	}
	t.ring_records = (size_t)t.table->ctl->parts * t.table->ctl->ring_bytes / RING_RECORD_BYTES;
	grown = reallocarray(a->tables, a->n_tables + 1, sizeof(*grown));
	if (grown)
		a->tables = grown;
	if (!grown || once_new(a->conf->idle_s * NSEC_PER_SEC, &t.once) < 0) {
		close_one(&t);
		return fail(-ENOMEM, "cannot open a table");
	}
	tables_set_limits(a, &t);
	a->tables[a->n_tables++] = t;
	return 0;
}

static bool is_open(const struct agent *a, uint64_t cookie)
{
	for (size_t i = 0; i < a->n_tables; i++) {
		if (a->tables[i].table->dir.cookie == cookie)
			return true;
	}
	return false;
}

static void drop_gone(struct agent *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->n_tables; i++) {
		if (a->tables[i].gone)
			close_one(&a->tables[i]);
		else
			a->tables[kept++] = a->tables[i];
	}
	a->n_tables = kept;
}

static bool wanted(const struct agent *a, const struct netns *only, uint64_t cookie)
{
	return !a->netns || (only->fd >= 0 && only->cookie == cookie);
}

/* Names and metered hooks of every table, as they are now. */
static void learn_names(struct cloud *cloud, struct agent_table *t, const struct netns *list,
			size_t n)
{
	struct record_names names = { 0 };

	if (record_names_init(&names, t->table, netns_find(list, n, t->table->dir.cookie)) < 0)
		return;
	cloud_fill(cloud, &names);
	record_names_deinit(&t->names);
	t->names = names;
	once_set_hooks(t->once, names.hooks, names.n_hooks, names.loopback);
	table_hooks_close(t->table);
}

static void learn_vanished(struct agent_table *t, const struct netns *list, size_t n)
{
	size_t meters, gone;

	if (meter_count_gone(netns_find(list, n, t->table->dir.cookie), t->table, &meters, &gone) < 0)
		gone = 0;
	t->vanished_looks = gone ? t->vanished_looks + 1 : 0;
	t->vanished_all = gone && gone == meters;
}

/* What found no room since it was last told; packets of before the agent came are history. */
static void tell_full(struct agent_table *t)
{
	struct ledger_count sum = { 0 };

	for (size_t i = 0; i < t->names.n_hooks; i++) {
		const struct hook_id *id = &t->names.hooks[i];
		struct ledger_count c = table_hook_count(t->table, id->ifindex, id->direction, LEDGER_FULL);

		sum.packets += c.packets;
		sum.bytes += c.bytes;
	}
	if (t->full_known && sum.packets > t->full.packets) {
		t->lost_last_ns = clock_real_ns();
		t->lost_first_ns = t->lost_first_ns ? t->lost_first_ns : t->lost_last_ns;
		log_warning("the table of '%s' was full: %llu packets of %llu bytes are in no flow record",
			    t->names.netns, (unsigned long long)(sum.packets - t->full.packets),
			    (unsigned long long)(sum.bytes - t->full.bytes));
	}
	t->full = sum;
	t->full_known = true;
}

void tables_clear(struct agent_table *t)
{
	uint64_t cookie = t->table->dir.cookie;
	struct netns *list = NULL;
	size_t n = 0;
	int r;

	r = netns_list(&list, &n);
	if (r == 0)
		r = meter_detach_gone(netns_find(list, n, cookie), cookie);
	netns_list_free(list, n);
	if (r < 0 && r != -ENOENT)
		log_warning("%s", error_message());
	t->vanished_looks = 0;
}

int tables_look(struct agent *a)
{
	_cleanup_(freep) uint64_t *cookies = NULL;
	_cleanup_(netns_close) struct netns only = NETNS_NULL;
	struct netns *list = NULL;
	size_t n, n_list = 0;
	int r;

	drop_gone(a);
	/* It may come back; what is open of it is gone on with. */
	if (a->netns && netns_open(a->netns, &only) < 0)
		error_clear();
	r = pin_dirs(&cookies, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (is_open(a, cookies[i]) || !wanted(a, &only, cookies[i]))
			continue;
		r = open_one(a, cookies[i]);
		if (r < 0 && r != -ENOENT)
			log_warning("%s", error_message());
	}
	r = netns_list(&list, &n_list);
	if (r < 0)
		return r;
	for (size_t i = 0; i < a->n_tables; i++) {
		learn_names(a->cloud, &a->tables[i], list, n_list);
		learn_vanished(&a->tables[i], list, n_list);
		tell_full(&a->tables[i]);
	}
	netns_list_free(list, n_list);
	return 0;
}

void tables_close(struct agent *a)
{
	for (size_t i = 0; i < a->n_tables; i++)
		close_one(&a->tables[i]);
	free(a->tables);
	a->tables = NULL;
	a->n_tables = 0;
}
