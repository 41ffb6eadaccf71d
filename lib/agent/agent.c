// SPDX-License-Identifier: Apache-2.0
/*
 * One loop, one thread. Every tick the rings are drained into the pinned store, whatever
 * happens to this process; once a second, or sooner when the store runs full, what is due
 * is exported. The folder of a table is locked while its journal is written, and no longer.
 */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/internal.h"
#include "agent/notify.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sink/log.h"

#define TICK_NS (25 * NSEC_PER_MSEC)
#define TICK_BUSY_NS (5 * NSEC_PER_MSEC)
#define SCAN_NS (1 * NSEC_PER_SEC)
#define LOOK_NS (1 * NSEC_PER_SEC)
/* Several ticks and a long scan: a living agent never lets it lapse. */
#define LEASE_NS (10 * NSEC_PER_SEC)
#define READY_NS (2 * NSEC_PER_SEC)
#define FORCED_ROUNDS 3
/* A store that is too small for what the rings hold takes some more. */
#define FULL_ROUNDS 1000
/* A namespace may seem gone for a moment, while its last process hands over to another. */
#define VANISHED_LOOKS 3

/* Without memory for them their connections' last numbers are not told. */
static void drain_ends(struct agent_table *t)
{
	size_t n;

	if (health_drain(t->health, &n) < 0)
		log_error("%s", error_message());
}

/* Lock, finish the dead, drain. *ret_drained: records. False: the table is gone. */
static bool table_begin(struct agent_table *t, size_t *ret_drained)
{
	int r;

	*ret_drained = 0;
	r = pin_dir_lock(&t->table->dir);
	if (r < 0) {
		t->gone = true;
		return false;
	}
	if (t->table->ctl->closing == TABLE_MOVED) {
		/* What was not exported is in the new maps. */
		t->gone = true;
		pin_dir_unlock(&t->table->dir);
		return false;
	}
	r = journal_begin(t->table, LEASE_NS);
	if (r == 0)
		r = journal_drain(t->table, ret_drained);
	t->store_full = r == -ENOSPC;
	if (r == 0 || r == -ENOSPC)
		drain_ends(t);
	if (r < 0 && r != -ENOSPC)
		log_error("%s", error_message());
	return true;
}

/* An output that may not send yet is waited for: there is nothing else left to do. */
static int export_all(struct agent *a, struct agent_table *t)
{
	uint64_t wait;
	int r;

	r = export_scan(a, t, SCAN_FORCED, &wait);
	while (r == 0 && wait) {
		clock_sleep_ns(wait);
		r = export_resume(a, t, &wait);
	}
	return r;
}

/* What is left leaves with reason "forced"; a few rounds, because packets go on arriving. */
static int export_forced(struct agent *a, struct agent_table *t)
{
	size_t drained;
	int r = 0;

	for (int i = 0, fulls = 0; r == 0 && i < FORCED_ROUNDS; i++) {
		if (!table_begin(t, &drained))
			return 0;
		r = export_all(a, t);
		pin_dir_unlock(&t->table->dir);
		if (t->store_full && fulls++ < FULL_ROUNDS)
			i--;
	}
	return r;
}

/* What vanished meters have counted is exported, and they go. */
static void clear_vanished(struct agent *a, struct agent_table *t)
{
	if (t->gone || t->vanished_looks < VANISHED_LOOKS)
		return;
	if (t->vanished_all) {
		if (export_forced(a, t) < 0)
			log_error("%s", error_message());
		ledger_tell(t);
	}
	tables_clear(t);
}

/* `meter detach` waits for this answer before it removes the table. */
static void answer_closing(struct agent *a, struct agent_table *t)
{
	if (__atomic_load_n(&t->table->ctl->closing, __ATOMIC_ACQUIRE) != TABLE_CLOSING)
		return;
	if (export_forced(a, t) < 0)
		log_error("%s", error_message());
	ledger_tell(t);
	__atomic_store_n(&t->table->ctl->closing, TABLE_CLOSED, __ATOMIC_RELEASE);
	t->gone = true;
}

static bool scan_is_due(const struct agent *a, const struct agent_table *t, uint64_t now)
{
	return t->store_full || (now >= t->next_scan_ns && outputs_ready(&a->outputs, now));
}

/* Returns in how many ns the next look is wanted. */
static uint64_t table_tick(struct agent *a, struct agent_table *t, uint64_t now)
{
	uint64_t wait = 0;
	size_t drained;
	int r = 0;

	if (t->gone || !table_begin(t, &drained))
		return TICK_NS;
	if (t->sweep.running) {
		r = export_resume(a, t, &wait);
	} else if (scan_is_due(a, t, now)) {
		interval_scan_begins(t);
		r = export_scan(a, t, SCAN_EXPIRED, &wait);
		t->next_scan_ns = now + SCAN_NS;
	}
	if (r < 0)
		log_error("%s", error_message());
	interval_scan_ended(t, now);
	pin_dir_unlock(&t->table->dir);
	if (t->store_full || drained > t->ring_records / 4)
		return TICK_BUSY_NS;
	return wait && wait < TICK_NS ? wait : TICK_NS;
}

static int look(struct agent *a, uint64_t now)
{
	int r;

	a->looked = now >= a->next_look_ns;
	if (!a->looked)
		return 0;
	a->next_look_ns = now + LOOK_NS;
	attach_configured(a);
	r = tables_look(a);
	if (r < 0)
		log_warning("%s", error_message());
	if (!a->outputs.n && outputs_open(&a->outputs, a->conf, a, NULL) < 0) {
		log_debug("%s", error_message());
		outputs_close(&a->outputs);
	}
	outputs_tick(&a->outputs, now);
	if (interval_look(a) < 0)
		log_warning("%s", error_message());
	if (a->enrich)
		enrich_tick(a->enrich, now);
	return 0;
}

static int on_tick(struct loop *loop, void *arg)
{
	struct agent *a = arg;
	uint64_t now = clock_boot_ns();
	uint64_t next = TICK_NS, wanted;

	look(a, now);
	cloud_tick(a);
	notify_alive(now);
	metrics_tick(a, now);
	for (size_t i = 0; i < a->n_tables; i++) {
		answer_closing(a, &a->tables[i]);
		clear_vanished(a, &a->tables[i]);
		wanted = table_tick(a, &a->tables[i], now);
		next = wanted < next ? wanted : next;
	}
	interval_tell(a);
	metrics_tick_due(a, now + next);
	return loop_set_timer(loop, a->tick_timer, next);
}

/* What a configuration needs beside its outputs. */
struct plan {
	struct conf *conf;
	struct enrich *enrich;
	struct http *http;
};

static void plan_drop(struct agent *a, struct plan *p)
{
	http_close(p->http);
	enrich_free(p->enrich);
	conf_free(p->conf);
	metrics_refused(a);
}

static int plan_make(struct agent *a, struct plan *ret)
{
	struct plan p = { 0 };
	int r;

	r = conf_load(a->config_path, &p.conf);
	if (r == 0)
		r = names_open(&a->hostnames, p.conf);
	if (r == 0)
		r = enrich_open(p.conf, &p.enrich);
	if (r == 0)
		r = metrics_prepare(a, p.conf, &p.http);
	if (r == 0)
		r = cloud_configure(&a->cloud, p.conf);
	if (r < 0) {
		log_warning("%s; the running configuration stays", error_message());
		plan_drop(a, &p);
		return r;
	}
	*ret = p;
	return 0;
}

static void plan_enforce(struct agent *a, const struct plan *p)
{
	metrics_take_over(a, p->conf, p->http);
	enrich_free(a->enrich);
	a->enrich = p->enrich;
	conf_free(a->conf);
	a->conf = p->conf;
	a->meters_seen = 0;
	for (size_t i = 0; i < a->n_tables; i++) {
		tables_set_limits(a, &a->tables[i]);
		cloud_fill(a->cloud, &a->tables[i].names);
	}
	log_info("configuration read again from '%s'", a->config_path);
}

/* A bad file leaves the running configuration in force; a good one loses no record. */
static void reload(struct agent *a)
{
	struct agent_outputs outputs;
	struct plan plan;

	outputs_reopen(&a->outputs);
	if (plan_make(a, &plan) < 0)
		return;
	if (outputs_open(&outputs, plan.conf, a, &a->outputs) < 0) {
		log_warning("%s; the running configuration stays", error_message());
		/* What cannot be opened now is tried again, every second. */
		if (outputs_open(&a->outputs, a->conf, a, &outputs) < 0) {
			log_error("%s", error_message());
			outputs_close(&a->outputs);
		}
		cloud_configure(&a->cloud, a->conf);
		plan_drop(a, &plan);
		return;
	}
	a->outputs = outputs;
	plan_enforce(a, &plan);
}

static int on_signal(struct loop *loop, int signo, void *arg)
{
	struct agent *a = arg;

	if (signo != SIGHUP) {
		notify_stopping();
		loop_stop(loop);
		return 0;
	}
	notify_reloading();
	reload(a);
	notify_ready(a->outputs.n);
	return 0;
}

static int setup(struct agent *a)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	r = loop_new(&a->loop);
	if (r == 0)
		r = loop_add_signals(a->loop, &set, on_signal, a);
	if (r == 0)
		r = loop_add_timer(a->loop, TICK_NS, on_tick, a, &a->tick_timer);
	if (r < 0)
		return r;
	/* The tables that are there: an output asks them where its sequence stood. */
	r = cloud_begin(&a->cloud, a->conf);
	if (r == 0)
		r = tables_look(a);
	if (r == 0)
		r = enrich_open(a->conf, &a->enrich);
	if (r == 0)
		r = names_open(&a->hostnames, a->conf);
	if (r == 0)
		r = metrics_open(a);
	if (r == 0)
		r = outputs_open(&a->outputs, a->conf, a, NULL);
	if (r < 0)
		return r;
	/* Meters stay when an agent ends, so none is attached for one that cannot begin. */
	attach_configured(a);
	r = tables_look(a);
	return r < 0 ? r : interval_look(a);
}

static void finish(struct agent *a)
{
	if (a->n_tables)
		outputs_wait_ready(&a->outputs, READY_NS);
	for (size_t i = 0; i < a->n_tables; i++) {
		if (export_forced(a, &a->tables[i]) < 0)
			log_error("%s", error_message());
	}
	for (size_t i = 0; i < a->n_tables; i++)
		ledger_tell(&a->tables[i]);
	outputs_drain(&a->outputs, READY_NS);
	outputs_tell(&a->outputs);
}

int agent_run(const struct agent_options *options, struct conf *conf)
{
	struct agent a = { .config_path = options->config_path, .netns = options->netns, .conf = conf };
	_cleanup_(closep) int lock = -1;
	int r;

	r = pin_agent_lock(&lock);
	if (r == 0)
		r = setup(&a);
	if (r == 0) {
		log_info("exporting to %zu output%s", a.outputs.n, a.outputs.n == 1 ? "" : "s");
		notify_ready(a.outputs.n);
		r = loop_run(a.loop);
		finish(&a);
	}
	/* Their last words are about the tables. */
	outputs_close(&a.outputs);
	metrics_close(&a);
	tables_close(&a);
	sink_log_settle();
	cloud_close(a.cloud);
	names_close(a.hostnames);
	enrich_free(a.enrich);
	facts_deinit(&a.facts);
	interval_close(&a);
	loop_free(a.loop);
	conf_free(a.conf);
	return r;
}
