// SPDX-License-Identifier: Apache-2.0
/*
 * What the agent does with its outputs, without journal and tables: nothing is in doubt when
 * it ends, so messages may leave many at a time. It may wait, for it has nothing
 * else to do.
 */
#include "agent/sender.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/output.h"
#include "agent/output.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/burst.h"

#define READY_NS (5 * NSEC_PER_SEC)
/* By then a refusal came back, from wherever a test is made. */
#define SETTLE_NS (20 * NSEC_PER_MSEC)

static int open_one(const struct conf *conf, const struct conf_output *out,
		    const struct sender_how *how, struct sender_output *o)
{
	const struct output_env env = {
		.batch_messages = how->in_order ? 1 : BURST_MESSAGES_MAX,
		.unpaced = how->unpaced,
	};
	int r = conf_templates_for(conf, out->profile, &o->templates);

	o->confirms = out->kind == CONF_FILE || out->transport != CONF_UDP;
	return r < 0 ? r : output_open(conf, out, o->templates, &env, &o->sink);
}

static int open_all(struct sender *s, const struct conf *conf, const struct sender_how *how)
{
	for (size_t i = 0; i < conf->n_outputs; i++) {
		int r;

		if (conf->outputs[i].kind == CONF_LOG)
			continue;
		r = open_one(conf, &conf->outputs[i], how, &s->v[s->n++]);
		if (r < 0)
			return r;
	}
	return s->n ? 0 : fail_usage("the configuration has no collector to send to");
}

int sender_open(struct sender *s, const struct conf *conf, const struct sender_how *how,
		const volatile sig_atomic_t *stop)
{
	int r;

	*s = (struct sender) { .stop = stop };
	ie_set_enterprise(conf->enterprise);
	s->v = calloc(conf->n_outputs + 1, sizeof(*s->v));
	if (!s->v)
		return fail(-ENOMEM, "cannot open the outputs");
	r = open_all(s, conf, how);
	if (r < 0) {
		sender_close(s);
		return r;
	}
	for (size_t i = 0; i < s->n; i++)
		output_wait_ready(s->v[i].sink, READY_NS);
	s->opened_ns = s->ticked_ns = clock_boot_ns();
	return 0;
}

void sender_close(struct sender *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].sink)
			s->v[i].sink->ops->close(s->v[i].sink);
		template_set_free(s->v[i].templates);
	}
	free(s->v);
	*s = (struct sender) { 0 };
}

/* Until a batch may be begun. */
static void wait_for(const struct sender *s, struct sink *sink)
{
	while (!*s->stop && sink->ops->wait_ns) {
		uint64_t wait = sink->ops->wait_ns(sink, clock_boot_ns());

		if (!wait)
			break;
		clock_sleep_ns(wait);
	}
}

void sender_put_into(struct sender *s, size_t i, const struct record *r)
{
	struct sink *sink = s->v[i].sink;

	if (!sink->ops->room(sink, r)) {
		sink->ops->flush(sink);
		wait_for(s, sink);
	}
	if (sink->ops->put(sink, r) == 0)
		s->v[i].n_put++;
}

void sender_put(struct sender *s, const struct record *r)
{
	for (size_t i = 0; i < s->n; i++)
		sender_put_into(s, i, r);
}

void sender_flush(struct sender *s)
{
	for (size_t i = 0; i < s->n; i++) {
		s->v[i].sink->ops->flush(s->v[i].sink);
		wait_for(s, s->v[i].sink);
	}
}

static void tick(struct sender *s, uint64_t now_ns)
{
	for (size_t i = 0; i < s->n; i++) {
		struct sink *sink = s->v[i].sink;

		if (sink->ops->tick)
			sink->ops->tick(sink, now_ns);
	}
	s->ticked_ns = now_ns;
}

void sender_tick(struct sender *s)
{
	uint64_t now = clock_boot_ns();

	if (now - s->ticked_ns >= NSEC_PER_SEC)
		tick(s, now);
}

static int verdict(const struct sender_output *o)
{
	const struct sink *sink = o->sink;
	uint64_t missing = o->n_put - sink->stats.records;

	/* A collector that goes when it has everything is no trouble. */
	if (sink->trouble[0] && (!o->confirms || missing))
		return fail_plain(-EIO, "%s: %s", sink->label, sink->trouble);
	if (missing)
		return fail_plain(-EIO, "%s: %llu records did not arrive", sink->label,
				  (unsigned long long)missing);
	return 0;
}

int sender_finish(struct sender *s)
{
	int r = 0;

	for (size_t i = 0; i < s->n; i++)
		s->v[i].sink->ops->flush(s->v[i].sink);
	for (size_t i = 0; i < s->n && !*s->stop; i++)
		output_drain(s->v[i].sink, READY_NS);
	clock_sleep_ns(SETTLE_NS);
	tick(s, clock_boot_ns());
	for (size_t i = 0; r == 0 && i < s->n && !*s->stop; i++)
		r = verdict(&s->v[i]);
	return r;
}
