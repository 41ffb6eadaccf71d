// SPDX-License-Identifier: Apache-2.0
/*
 * From the configuration to sinks. Collectors of one group are one sink. What a sink was
 * opened by is kept as text: at a reload an output of the same text is not opened again but
 * taken over, so that its transport session goes on.
 */
#include "agent/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/output.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "ipfix/burst.h"
#include "ipfix/stream.h"
#include "sink/failover.h"

static const char *shown(const char *s)
{
	return s ? s : "";
}

static void describe_vpc(struct strbuf *b, const struct conf_vpc *v)
{
	vpc_format_header(b, &v->format);
	strbuf_printf(b, "%d|%llu|%llu|%s|%d|%d|%d|%llu|%s|%s|%s|", v->header,
		      (unsigned long long)v->interval_ns, (unsigned long long)v->max_lines,
		      shown(v->directory), v->gzip, v->per_hour, v->hive,
		      (unsigned long long)v->period_ns, shown(v->flow_log_id), shown(v->account),
		      shown(v->region));
	for (size_t i = 0; i < v->n_interfaces; i++)
		strbuf_printf(b, "%s|%s|", v->interfaces[i].iface, v->interfaces[i].id);
}

/* Everything that output_open() takes, templates apart. */
static void describe(struct strbuf *b, const struct conf *conf, const struct conf_output *o,
		     unsigned batch)
{
	strbuf_printf(b, "%d|%d|%s|%s|%u|%s|%s|%llu|", o->kind, o->transport, shown(o->remote),
		      shown(o->local), o->version, o->profile ? o->profile->name : "",
		      shown(o->group), (unsigned long long)o->max_bytes_per_s);
	strbuf_printf(b, "%s|%s|%s|%s|%llu|%s|%llu|", shown(o->tls.ca), shown(o->tls.certificate),
		      shown(o->tls.key), shown(o->tls.server_name),
		      (unsigned long long)o->backlog.bytes, shown(o->backlog.file),
		      (unsigned long long)o->backlog.file_bytes);
	strbuf_printf(b, "%s|%d|%d|%u|", shown(o->file), o->text, o->resolve, batch);
	for (size_t i = 0; i < o->n_hooks; i++)
		strbuf_printf(b, "%s|%s|%s|%llu|", o->hooks[i].name, shown(o->hooks[i].command),
			      shown(o->hooks[i].shell), (unsigned long long)o->hooks[i].timeout_ns);
	if (o->vpc)
		describe_vpc(b, o->vpc);
	if (o->kind != CONF_LOG)
		strbuf_printf(b, "%llu|%llu|%llu|%llu|", (unsigned long long)conf->max_message_len,
			      (unsigned long long)conf->template_flush_s,
			      (unsigned long long)conf->options_s,
			      (unsigned long long)conf->enterprise);
	strbuf_putc(b, '\n');
}

static bool same_group(const struct conf_output *a, const struct conf_output *b)
{
	return a == b || (a->group && b->group && strcmp(a->group, b->group) == 0);
}

/* Is an output of its group before it, so that it was opened with that? */
static bool is_later_member(const struct conf *conf, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (same_group(&conf->outputs[k], &conf->outputs[i]))
			return true;
	}
	return false;
}

/* The output of @conf that begins at @first, and its group, but not opened yet. */
static int output_plan(const struct conf *conf, size_t first, unsigned batch, struct agent_output *ret)
{
	_cleanup_(strbuf_deinit) struct strbuf key = STRBUF_NULL;
	int r = 0;

	ret->members = calloc(conf->n_outputs, sizeof(*ret->members));
	for (size_t i = first; ret->members && r == 0 && i < conf->n_outputs; i++) {
		const struct conf_output *out = &conf->outputs[i];
		struct agent_member *m = &ret->members[ret->n_members];

		if (!same_group(&conf->outputs[first], out))
			continue;
		describe(&key, conf, out, batch);
		m->conf = out;
		ret->n_members++;
		if (out->kind != CONF_LOG)
			r = conf_templates_of(conf, out, &m->templates);
	}
	ret->key = key.failed ? NULL : take_ptr(key.data);
	return r == 0 && (!ret->members || !ret->key) ? fail(-ENOMEM, "cannot open the outputs") : r;
}

static bool templates_differ(const struct agent_output *a, const struct agent_output *b)
{
	for (size_t i = 0; i < a->n_members; i++) {
		if (a->members[i].templates &&
		    !template_set_equal(a->members[i].templates, b->members[i].templates))
			return true;
	}
	return false;
}

/* Other templates can be told on something reliable; a UDP session begins anew. */
static bool can_change_templates(const struct agent_output *o)
{
	const struct conf_output *out = o->members[0].conf;

	return o->n_members == 1 && (out->kind == CONF_FILE || out->transport != CONF_UDP);
}

/* Take over the sink of what was open by the same words. */
static void output_take_over(struct agent_output *new, struct agent_outputs *from)
{
	for (size_t i = 0; from && i < from->n; i++) {
		struct agent_output *old = &from->v[i];
		bool differ;

		if (!old->sink || !new->key || strcmp(old->key, new->key) != 0)
			continue;
		differ = templates_differ(new, old);
		if (differ && !can_change_templates(new))
			continue;
		if (differ && stream_set_templates(old->sink, new->members[0].templates) < 0)
			continue;
		new->sink = take_ptr(old->sink);
		memcpy(new->told, old->told, sizeof(new->told));
		for (size_t k = 0; k < new->n_members; k++) {
			struct template_set *fresh = new->members[k].templates;

			new->members[k].sink = old->members[k].sink;
			if (differ)
				continue;
			new->members[k].templates = old->members[k].templates;
			old->members[k].templates = fresh;
		}
		return;
	}
}

static int join_group(struct agent_output *o)
{
	_cleanup_(freep) struct sink **sinks = calloc(o->n_members, sizeof(*sinks));

	if (!sinks)
		return fail(-ENOMEM, "cannot open the outputs");
	for (size_t i = 0; i < o->n_members; i++)
		sinks[i] = o->members[i].sink;
	return sink_failover_new(sinks, o->n_members, output_is_up, &o->sink);
}

static int output_open_planned(const struct conf *conf, struct agent_output *o,
			       const struct output_env *env)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->n_members; i++) {
		struct agent_member *m = &o->members[i];

		r = output_open(conf, m->conf, m->templates, env, &m->sink);
	}
	if (r == 0 && o->n_members > 1)
		r = join_group(o);
	else if (r == 0)
		o->sink = o->members[0].sink;
	for (size_t i = 0; r < 0 && i < o->n_members; i++) {
		if (o->members[i].sink)
			o->members[i].sink->ops->close(o->members[i].sink);
	}
	return r;
}

/* One UDP collector alone: its sending is noted (journal.h). */
static bool is_noted(const struct conf *conf, const struct agent *agent)
{
	const struct conf_output *o = &conf->outputs[0];

	return agent && conf->n_outputs == 1 && o->kind == CONF_COLLECTOR &&
	       o->transport == CONF_UDP && o->version == 10;
}

static int plan_all(struct agent_outputs *o, const struct conf *conf, unsigned batch)
{
	o->v = calloc(conf->n_outputs + 1, sizeof(*o->v));
	if (!o->v)
		return fail(-ENOMEM, "cannot open the outputs");
	for (size_t i = 0; i < conf->n_outputs; i++) {
		int r = is_later_member(conf, i) ? 0 : output_plan(conf, i, batch, &o->v[o->n++]);

		if (r < 0)
			return r;
	}
	return 0;
}

int outputs_open(struct agent_outputs *o, const struct conf *conf, struct agent *agent,
		 struct agent_outputs *from)
{
	struct agent_outputs new = { .opened_ns = clock_boot_ns(), .noted = is_noted(conf, agent) };
	/*
	 * Many messages at once, where a kill leaves none of them in doubt: to one collector, whose
	 * sending is noted, or without a journal. Of several outputs some may have sent.
	 */
	struct output_env env = { .batch_messages = !agent || new.noted ? BURST_MESSAGES_MAX : 1 };
	int r;

	ie_set_enterprise(conf->enterprise);
	r = plan_all(&new, conf, env.batch_messages);
	env.keep = agent;
	if (agent) {
		env.sequence = sequence_kept_by(agent);
		env.options = facts_of(agent);
	}
	for (size_t i = 0; i < new.n; i++)
		output_take_over(&new.v[i], from);
	/* What is left of the old goes first: the new may want their ports. */
	if (from)
		outputs_close(from);
	for (size_t i = 0; r == 0 && i < new.n; i++) {
		if (!new.v[i].sink)
			r = output_open_planned(conf, &new.v[i], &env);
	}
	*o = new;
	return r;
}

int enrich_open(const struct conf *conf, struct enrich **ret)
{
	const struct enrich_config config = {
		.templates = conf->templates,
		.prefix_file = conf->as_file,
	};

	*ret = NULL;
	if (!conf->as_file && !enrich_is_wanted(conf->templates))
		return 0;
	return enrich_new(&config, ret);
}
