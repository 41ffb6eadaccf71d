// SPDX-License-Identifier: Apache-2.0
/*
 * The metrics page's life in the agent: its listener, which a reload moves without a moment in
 * which nobody listens, and what is counted for it alone. Counted is what a record says as it
 * leaves. A handshake is in the records of both directions, those with the SYNs and all that
 * follow: one of the two is chosen by addresses and ports, and of that the one with the SYN.
 *
 * Single RTT samples are in no record. Where the configuration wants their histogram, the agent
 * watches the connections as `flowctl latency` does, and is told no more while that looks.
 */
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "config.h"
#include "kernel/events.h"

static int write_page(void *arg, enum expose_format format, struct strbuf *out)
{
	struct metrics_facts facts;
	int r = metrics_facts(arg, &facts);

	if (r == 0)
		page_write(&facts, format, out);
	metrics_facts_deinit(&facts);
	return r;
}

static bool say_ready(void *arg, struct strbuf *out)
{
	const struct agent *a = arg;
	const struct sink *s = NULL;

	if (!a->n_tables) {
		strbuf_puts(out, "no interface is metered");
		return false;
	}
	for (size_t i = 0; i < a->outputs.n; i++) {
		s = a->outputs.v[i].sink;
		if (outputs_works(&a->outputs.v[i])) {
			strbuf_puts(out, "exporting");
			return true;
		}
	}
	if (!s)
		strbuf_puts(out, "no output could be opened");
	else
		strbuf_printf(out, "no output works: %s: %s", s->label,
			      s->trouble[0] ? s->trouble : "not connected yet");
	return false;
}

static int serve_begin(struct agent *a)
{
	const struct serve_source source = { write_page, say_ready, a };

	if (!a->metrics.serve)
		a->metrics.serve = serve_new(&source);
	return a->metrics.serve ? 0 : fail(-ENOMEM, "cannot serve metrics");
}

static bool is_wanted(const struct conf *conf)
{
	return conf->metrics.listen;
}

static bool is_elsewhere(const struct conf *conf, const struct conf *before)
{
	return !is_wanted(before) || strcmp(conf->metrics.listen, before->metrics.listen) != 0;
}

int metrics_prepare(struct agent *a, const struct conf *conf, struct http **ret)
{
	int r;

	*ret = NULL;
	if (!is_wanted(conf) || (a->metrics.http && !is_elsewhere(conf, a->conf)))
		return 0;
	r = serve_begin(a);
	if (r == 0)
		r = http_open(a->loop, conf->metrics.listen, a->metrics.http, a->metrics.serve, ret);
	return r;
}

static void tell(const struct conf *conf)
{
	log_info("metrics at http://%s/metrics", conf->metrics.listen);
	if (conf->metrics.forward && !conf->n_meters)
		log_warning("forwardingLatency is measured by meters that the configuration attaches, "
			    "and there is none (or meter attach --forwarding-latency %llu)",
			    (unsigned long long)conf->metrics.forward);
}

void metrics_take_over(struct agent *a, const struct conf *conf, struct http *prepared)
{
	struct agent_metrics *m = &a->metrics;

	m->counts.reload_ok = 1;
	m->counts.reload_ns = clock_real_ns();
	if (prepared)
		http_take_over(prepared, m->http);
	else if (!is_wanted(conf))
		http_close(m->http);
	if (prepared || !is_wanted(conf))
		m->http = prepared;
	for (size_t i = 0; i < a->n_tables && !(is_wanted(conf) && conf->metrics.rtt); i++)
		metrics_leave(&a->tables[i]);
	if (prepared)
		tell(conf);
}

void metrics_refused(struct agent *a)
{
	a->metrics.counts.reload_ok = 0;
}

int metrics_open(struct agent *a)
{
	struct agent_metrics *m = &a->metrics;
	int r;

	m->counts.version = FLOWCTL_VERSION;
	m->counts.start_ns = m->counts.reload_ns = clock_real_ns();
	m->counts.reload_ok = 1;
	if (!is_wanted(a->conf))
		return 0;
	r = metrics_prepare(a, a->conf, &m->http);
	if (r == 0)
		tell(a->conf);
	return r;
}

void metrics_close(struct agent *a)
{
	http_close(a->metrics.http);
	serve_free(a->metrics.serve);
	a->metrics = (struct agent_metrics) { 0 };
}

void metrics_leave(struct agent_table *t)
{
	events_close(t->events);
	t->events = NULL;
	t->events_told = false;
	t->events_lost = 0;
}

static void watch(struct agent_table *t)
{
	if (events_open(t->table, true, &t->events) == 0) {
		t->events_told = false;
		return;
	}
	if (!t->events_told)
		log_warning("no RTT samples of '%s' for the metrics: %s", t->names.netns,
			    error_message());
	t->events_told = true;
	error_clear();
}

static void read_samples(struct agent_metrics *m, struct agent_table *t)
{
	struct tcp_event events[256];
	uint64_t before = t->events_lost;
	size_t n;

	do {
		n = events_read(t->events, events, ARRAY_SIZE(events));
		for (size_t i = 0; i < n; i++) {
			if (events[i].kind == TCP_EVENT_RTT)
				buckets_add(&m->counts.rtt, &buckets_network,
					    events[i].value_us * NSEC_PER_USEC);
		}
	} while (n == ARRAY_SIZE(events));
	t->events_lost = events_lost(t->events);
	m->counts.rtt_lost += t->events_lost - before;
}

void metrics_tick_due(struct agent *a, uint64_t next_ns)
{
	a->metrics.due_ns = next_ns;
}

void metrics_tick(struct agent *a, uint64_t now_ns)
{
	struct agent_metrics *m = &a->metrics;
	uint64_t due = m->due_ns;

	if (due)
		buckets_add(&m->counts.lag, &buckets_loop, now_ns > due ? now_ns - due : 0);
	m->counts.rtt_on = is_wanted(a->conf) && a->conf->metrics.rtt;
	for (size_t i = 0; m->counts.rtt_on && i < a->n_tables; i++) {
		struct agent_table *t = &a->tables[i];

		if (t->gone)
			continue;
		/* Just looked for tables: that is, once a second. */
		if (!t->events && a->looked)
			watch(t);
		if (t->events)
			read_samples(m, t);
	}
}

static void add_tcp(struct metrics_tcp *sum, const struct record_tcp *tcp)
{
	sum->fast += tcp->fast_retransmits;
	sum->timeout += tcp->timeout_retransmits;
	sum->spurious += tcp->spurious_retransmits;
	sum->out_of_order += tcp->out_of_order;
	sum->duplicate_acks += tcp->duplicate_acks;
	sum->zero_windows += tcp->zero_windows;
	sum->keep_alives += tcp->keep_alives;
	sum->ect0 += tcp->ect0;
	sum->ect1 += tcp->ect1;
	sum->ce += tcp->ce;
	sum->ece += tcp->ece;
	sum->cwr += tcp->cwr;
	sum->rtt_samples += tcp->rtt_samples;
	sum->rtt_sum_ns += tcp->rtt_sum_us * NSEC_PER_USEC;
}

static bool is_first_end(const struct flow_key *key)
{
	int order = memcmp(key->src, key->dst, sizeof(key->src));

	return order ? order < 0 : be16toh(key->sport) < be16toh(key->dport);
}

void metrics_record(struct agent *a, struct agent_table *t, const struct record *rec)
{
	if (!(rec->tcp.known & RECORD_TCP_OBSERVED))
		return;
	add_tcp(&t->tcp, &rec->tcp);
	if (rec->tcp.known & RECORD_TCP_SERVER && rec->tcp_flags & TH_SYN && is_first_end(&rec->key))
		buckets_add(&a->metrics.counts.handshake, &buckets_network,
			    rec->tcp.handshake_server_us * NSEC_PER_USEC);
}
