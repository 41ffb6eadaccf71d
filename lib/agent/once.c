// SPDX-License-Identifier: Apache-2.0
/* `agent --once`: what dump would print, to the configured outputs. Nothing is taken out. */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/internal.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sink/log.h"

#define READY_NS (5 * NSEC_PER_SEC)
#define NAMES_NS (2 * NSEC_PER_SEC)

static void flush_all(struct agent_outputs *o)
{
	for (size_t i = 0; i < o->n; i++)
		o->v[i].sink->ops->flush(o->v[i].sink);
}

/* Until the collector had time for the next batch; 5 s for a device that is stuck. */
static void wait_for(struct sink *s)
{
	for (int i = 0; s->ops->wait_ns && i < 5000; i++) {
		uint64_t wait = s->ops->wait_ns(s, clock_boot_ns());

		if (!wait)
			break;
		clock_sleep_ns(wait);
	}
}

static void put_all(struct agent_outputs *o, const struct record *rec)
{
	for (size_t i = 0; i < o->n; i++) {
		if (!o->v[i].sink->ops->room(o->v[i].sink, rec)) {
			o->v[i].sink->ops->flush(o->v[i].sink);
			wait_for(o->v[i].sink);
		}
		o->v[i].sink->ops->put(o->v[i].sink, rec);
	}
}

/* A batch ends with its namespace: a message is of one observation domain. */
static void put_namespace(struct agent_outputs *o, const struct conf *conf, struct enrich *enrich,
			  uint64_t cookie, struct record *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (conf->domain)
			v[i].domain = conf->domain;
		if (outputs_is_self(o, &v[i].key))
			continue;
		if (enrich)
			enrich_record(enrich, cookie, &v[i]);
		put_all(o, &v[i]);
	}
	flush_all(o);
}

/* An output that got nothing through makes the command fail; the others have theirs. */
static int verdict(const struct agent_outputs *o)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->v[i].sink->stats.lost_records)
			return fail_plain(-EIO, "%s: %s", o->v[i].sink->label, o->v[i].sink->trouble);
	}
	return 0;
}

static void add_cloud(struct cloud *cloud, struct records *all)
{
	for (size_t i = 0; cloud && i < all->n_names; i++) {
		struct record_names *names = &all->names[i];

		cloud_fill(cloud, names);
		for (size_t k = all->first[i]; k < all->first[i + 1]; k++) {
			const struct link *link = record_names_link(names, all->v[k].ifindex);

			all->v[k].cloud = link ? link->cloud : NULL;
		}
	}
}

DEFINE_CLEANUP(struct cloud, cloud_close)

int agent_run_once(const struct agent_options *options, const struct conf *conf)
{
	_cleanup_(records_deinit) struct records all = { 0 };
	struct agent_outputs outputs = { 0 };
	_cleanup_(cloud_closep) struct cloud *cloud = NULL;
	struct hostnames *names = NULL;
	struct enrich *enrich = NULL;
	int r;

	r = cloud_begin(&cloud, conf);
	if (r == 0)
		r = records_read(options->netns, &all);
	add_cloud(cloud, &all);
	if (r == 0 && !conf->count_all)
		r = records_once(&all);
	if (r == 0)
		r = enrich_open(conf, &enrich);
	if (r == 0)
		r = names_open(&names, conf);
	if (r == 0)
		r = outputs_open(&outputs, conf, NULL, NULL);
	if (r < 0) {
		outputs_close(&outputs);
		sink_log_settle();
		names_close(names);
		enrich_free(enrich);
		return r;
	}
	outputs_wait_ready(&outputs, READY_NS);
	if (names)
		hostname_ask(names, all.v, all.n, NAMES_NS);
	for (size_t i = 0; i < all.n_names; i++)
		put_namespace(&outputs, conf, enrich, all.names[i].cookie, &all.v[all.first[i]], all.first[i + 1] - all.first[i]);
	outputs_drain(&outputs, READY_NS);
	r = verdict(&outputs);
	if (r == 0)
		outputs_tell(&outputs);
	outputs_close(&outputs);
	sink_log_settle();
	names_close(names);
	enrich_free(enrich);
	return r;
}
