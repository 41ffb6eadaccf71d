// SPDX-License-Identifier: Apache-2.0
/*
 * Handshakes, and with --continuous every RTT sample, as the kernel program tells of them. What
 * it had to attach for that goes again, however it ends; signals are taken by the loop from
 * before the first attach on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "cmd.h"
#include "kernel/events.h"
#include "kernel/visit.h"
#include "outlet.h"
#include "sink/latency.h"
#include "targets.h"

enum {
	PERIOD_MS = 20,
	CHECK_PERIODS = 500 / PERIOD_MS,
	KEPT_BYTES = 1 << 20,	/* for a slow reader; then the ring fills, which is counted */
	LAST_MS = 1000,		/* at the end a reader has so long for each piece */
	EVENTS_AT_ONCE = 512,
	/* Of a table made for this alone: flows are no matter here, connections are. */
	OWN_FLOWS = 4096,
	OWN_CONNECTIONS = 16384,
};

struct latency_args {
	struct opt_strs names, interfaces;
	const char *netns;
	int format;
	bool continuous;
	uint64_t count, duration_ns;
	bool has_duration;
};

enum format { FORMAT_TEXT, FORMAT_NDJSON };
static const char *const formats[] = { "text", "ndjson", NULL };

static const struct opt latency_opts[] = {
	OPT(STRS, latency_args, names, .name = "name", .letter = 'n', .arg = "IFACE",
	    .help = "on this interface (repeatable, a glob is fine)"),
	TARGET_INTERFACE_OPT(latency_args),
	TARGET_NETNS_OPT(latency_args),
	OPT(CHOICE, latency_args, format, .name = "output", .letter = 'o', .arg = "FORMAT",
	    .choices = formats, .help = "text (default) or ndjson"),
	OPT(FLAG, latency_args, continuous, .name = "continuous",
	    .help = "every RTT sample of a connection, too"),
	OPT(U64, latency_args, count, .name = "count", .letter = 'c', .arg = "N", .min = 1,
	    .help = "end after N lines"),
	OPT(DURATION, latency_args, duration_ns, .name = "duration", .arg = "DURATION",
	    .help = "end after so long", OPT_GIVEN(latency_args, has_duration)),
	OPT_END,
};

struct watched {
	struct visit *visit;
	struct events *events;
};

struct latency {
	const struct latency_args *args;
	struct loop *loop;
	struct watched v[OPT_STRS_MAX + 1];
	size_t n;
	struct outlet out;
	struct latency_summary *summary;
	uint64_t begin_ns;
	uint64_t lines;
	unsigned ticks;
};

static bool is_done(const struct latency *l)
{
	return (l->args->count && l->lines >= l->args->count) ||
	       (l->args->duration_ns && clock_boot_ns() - l->begin_ns >= l->args->duration_ns);
}

static void show(struct latency *l, const struct watched *w, const struct tcp_event *e,
		 int64_t offset_ns)
{
	const struct visit_iface *iface = visit_find(w->visit, e->ifindex);
	struct latency_place place = { .netns = w->visit->ns.name, .real_offset_ns = offset_ns };

	/* On a router the two halves pass different interfaces: either may be the one meant. */
	if (!iface)
		iface = visit_find(w->visit, e->from_ifindex);
	if (!iface || (l->args->count && l->lines >= l->args->count))
		return;
	place.iface = iface->name;
	if (l->args->format == FORMAT_NDJSON)
		latency_json(e, &place, &l->out.pending);
	else
		latency_text(e, &l->out.pending);
	latency_count(l->summary, e);
	l->lines++;
}

static void read_events(struct latency *l, const struct watched *w)
{
	struct tcp_event v[EVENTS_AT_ONCE];
	int64_t offset_ns = clock_real_offset_ns();
	size_t n, room;

	do {
		room = outlet_waiting(&l->out) < KEPT_BYTES ? EVENTS_AT_ONCE : 0;
		n = events_read(w->events, v, room);
		for (size_t i = 0; i < n; i++)
			show(l, w, &v[i], offset_ns);
	} while (n == EVENTS_AT_ONCE);
}

static int on_tick(struct loop *loop, void *arg)
{
	struct latency *l = arg;
	int r;

	for (size_t i = 0; i < l->n; i++)
		read_events(l, &l->v[i]);
	r = outlet_push(&l->out, 0);
	if (r == 0 && is_done(l))
		loop_stop(loop);
	if (++l->ticks % CHECK_PERIODS)
		return r;
	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = visit_check(l->v[i].visit);
	return r;
}

static int on_signal(struct loop *loop, int signo, void *arg)
{
	loop_stop(loop);
	return 0;
}

static int make_loop(struct latency *l)
{
	sigset_t set;
	int r, id;

	loop_end_signals(&set);
	r = loop_new(&l->loop);
	if (r == 0)
		r = loop_add_signals(l->loop, &set, on_signal, l);
	return r < 0 ? r : loop_add_timer(l->loop, PERIOD_MS * NSEC_PER_MSEC, on_tick, l, &id);
}

static void tell_iface(const struct visit *v, const struct visit_iface *iface)
{
	log_info("watching %s:%s%s", v->ns.name, iface->name,
		 iface->ours ? ", metered for as long as this runs" : "");
	if (!iface->ours && iface->had[FLOW_INGRESS] != iface->had[FLOW_EGRESS])
		log_warning("'%s' is metered at %s only: of its connections one half is not seen here",
			    iface->name, iface->had[FLOW_INGRESS] ? "ingress" : "egress");
	if (!iface->ours && iface->no_tcp)
		log_warning("a meter of '%s' keeps no TCP metrics: what it sees is not shown",
			    iface->name);
}

static int open_watched(struct watched *w, struct netns *ns, const struct target *target,
			bool every_rtt)
{
	static const struct meter_options options = {
		.ingress = true, .egress = true, .hook = -1, .pref = 100, .handle = 1, .sample = 1,
		.tcp_metrics = -1, .max_flows = OWN_FLOWS, .max_connections = OWN_CONNECTIONS,
	};
	_cleanup_(freep) char *warning = NULL;
	int r;

	r = visit_open(ns, target->names, target->n, &options, &w->visit, &warning);
	if (r == 0)
		r = events_open(w->visit->table, every_rtt, &w->events);
	if (r < 0)
		return r;
	if (warning)
		log_warning("%s", warning);
	for (size_t i = 0; i < w->visit->n_ifaces; i++)
		tell_iface(w->visit, &w->visit->ifaces[i]);
	return 0;
}

static int open_all(struct latency *l, struct targets *t)
{
	struct netns ns[ARRAY_SIZE(t->v)];
	int r;

	r = targets_open(t, ns);
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		if (t->v[i].n)
			r = open_watched(&l->v[l->n++], &ns[i], &t->v[i], l->args->continuous);
	}
	for (size_t i = 0; i < t->n; i++)
		netns_close(&ns[i]);
	return r;
}

/* What happened until now, to the last. */
static int finish(struct latency *l, struct strbuf *text)
{
	struct latency_summary *s = l->summary;
	int r;

	for (size_t i = 0; i < l->n; i++) {
		read_events(l, &l->v[i]);
		s->lost += events_lost(l->v[i].events);
		s->forgotten += events_forgotten(l->v[i].events);
		s->unwatched_ns += events_unwatched_ns(l->v[i].events);
	}
	s->duration_ns = clock_boot_ns() - l->begin_ns;
	if (l->args->format == FORMAT_NDJSON)
		latency_summary_json(s, &l->out.pending);
	else
		latency_summary_text(s, text);
	r = outlet_push(&l->out, LAST_MS);
	if (r == 0 && outlet_waiting(&l->out))
		log_warning("%zu bytes were not written: nobody reads standard output",
			    outlet_waiting(&l->out));
	return r;
}

/* Detach what was attached, whatever happened; the first error is the one that is told. */
static int close_all(struct latency *l, int r)
{
	struct error_kept kept;

	for (size_t i = 0; i < l->n; i++) {
		int closed;

		events_close(l->v[i].events);
		error_keep(&kept);
		closed = visit_close(l->v[i].visit);
		if (r < 0 && r != -EPIPE)
			error_restore(&kept);
		else if (closed < 0)
			r = closed;
	}
	outlet_deinit(&l->out);
	loop_free(l->loop);
	return r;
}

static int latency_run(const void *args_, int argc, char **argv)
{
	const struct latency_args *args = args_;
	_cleanup_(targets_deinit) struct targets targets = { 0 };
	_cleanup_(strbuf_deinit) struct strbuf text = STRBUF_NULL;
	_cleanup_(freep) struct latency_summary *summary = calloc(1, sizeof(*summary));
	struct latency l = { .args = args, .summary = summary };
	int r;

	if (!summary)
		return fail(-ENOMEM, "cannot measure latency");
	if (!args->names.n && !args->interfaces.n)
		return fail_usage("no interface named: give -n IFACE");
	if (args->has_duration && !args->duration_ns)
		return fail_usage("--duration must be longer than nothing");
	log_set_name("flowctl latency");
	summary->every_rtt = args->continuous;
	r = targets_add(&targets, args->netns, &args->names, &args->interfaces);
	if (r == 0)
		r = make_loop(&l);
	if (r == 0)
		r = open_all(&l, &targets);
	l.begin_ns = clock_boot_ns();
	if (r == 0)
		r = loop_run(l.loop);
	if (r == 0)
		r = finish(&l, &text);
	r = close_all(&l, r);
	if (r == 0 && log_level() >= LOG_LEVEL_INFO)
		fputs(strbuf_str(&text), stderr);
	return r;
}

const struct cmd cmd_latency = {
	.name = "latency",
	.summary = "show how long TCP handshakes take, as they happen",
	.opts = latency_opts,
	.example = "flowctl latency -i ns0:eth0 --continuous -o ndjson",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct latency_args),
	.run = latency_run,
};
