// SPDX-License-Identifier: Apache-2.0
/*
 * The configured outputs as sinks. Trouble of one output is told once, when it begins and
 * when it ends, and never touches another. The sequences of IPFIX sessions are kept in the
 * tables' control blocks, the newest of them counts; a table keeps those of other domains
 * only as long as it has places, for they are kept elsewhere too.
 */
#include "agent/internal.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "ipfix/burst.h"
#include "ipfix/session.h"
#include "sink/log.h"

#define PATIENCE_NS (5 * NSEC_PER_SEC)

static struct ctl_stream *stream_find(struct table *t, uint64_t session, uint32_t domain)
{
	for (size_t i = 0; i < CTL_STREAMS; i++) {
		struct ctl_stream *s = &t->ctl->stream[i];

		if (s->session == session && s->domain == domain)
			return s;
	}
	return NULL;
}

/* A place for a stream of the table's @own domain: a free one, one of another domain, or any. */
static struct ctl_stream *stream_place(struct table *t, uint64_t session, uint32_t domain,
				       uint32_t own)
{
	struct ctl_stream *other = NULL;

	for (size_t i = 0; i < CTL_STREAMS; i++) {
		struct ctl_stream *s = &t->ctl->stream[i];

		if (!s->session)
			return s;
		if (s->domain != own)
			other = s;
	}
	if (domain != own)
		return NULL;
	return other ? other : &t->ctl->stream[session % CTL_STREAMS];
}

static int sequence_get(void *arg, uint64_t session, uint32_t domain, uint32_t *ret)
{
	struct agent *a = arg;
	bool found = false;

	for (size_t i = 0; i < a->n_tables; i++) {
		struct ctl_stream *s = stream_find(a->tables[i].table, session, domain);

		if (!s || (found && (int32_t)(s->sequence - *ret) <= 0))
			continue;
		*ret = s->sequence;
		found = true;
	}
	return found ? 0 : -ENOENT;
}

static void sequence_set(void *arg, uint64_t session, uint32_t domain, uint32_t sequence)
{
	struct agent *a = arg;

	for (size_t i = 0; i < a->n_tables; i++) {
		struct table *t = a->tables[i].table;
		uint32_t own = a->conf->domain ? a->conf->domain : a->tables[i].names.domain;
		struct ctl_stream *s = stream_find(t, session, domain);

		if (!s)
			s = stream_place(t, session, domain, own);
		if (s)
			*s = (struct ctl_stream) { session, domain, sequence };
	}
}

static int open_one(const struct conf_output *out, const struct conf *conf, struct agent *agent,
		    struct sink **ret)
{
	struct session_config session = {
		.remote = out->remote,
		.local = out->local,
		.max_message_len = conf->max_message_len,
		.template_flush_s = conf->template_flush_s,
		.templates = conf->templates,
		.max_bytes_per_s = out->max_bytes_per_s,
	};

	if (out->kind == CONF_LOG)
		return sink_log_new(&(struct log_config) { .file = out->file }, ret);
	/*
	 * Many messages at once, where a kill leaves none of them in doubt: to one collector, whose
	 * sending is noted, or without a journal. Of several outputs some may have sent.
	 */
	if (!agent || conf->n_outputs == 1)
		session.batch_messages = BURST_MESSAGES_MAX;
	if (agent)
		session.sequence = (struct sequence_ops) { sequence_get, sequence_set, agent };
	return session_udp_new(&session, ret);
}

int outputs_open(struct agent_outputs *o, const struct conf *conf, struct agent *agent)
{
	struct agent_outputs new = { .opened_ns = clock_boot_ns() };
	int r;

	new.noted = agent && conf->n_outputs == 1 && conf->outputs[0].kind == CONF_COLLECTOR;
	new.sinks = calloc(conf->n_outputs + 1, sizeof(*new.sinks));
	new.told = calloc(conf->n_outputs + 1, sizeof(*new.told));
	if (!new.sinks || !new.told) {
		outputs_close(&new);
		return fail(-ENOMEM, "cannot open the outputs");
	}
	for (size_t i = 0; i < conf->n_outputs; i++) {
		r = open_one(&conf->outputs[i], conf, agent, &new.sinks[i]);
		if (r < 0) {
			outputs_close(&new);
			return r;
		}
		new.n++;
	}
	*o = new;
	return 0;
}

void outputs_close(struct agent_outputs *o)
{
	for (size_t i = 0; i < o->n; i++)
		o->sinks[i]->ops->close(o->sinks[i]);
	free(o->sinks);
	free(o->told);
	*o = (struct agent_outputs) { 0 };
}

void outputs_tell(struct agent_outputs *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct sink *s = o->sinks[i];

		if (strcmp(s->trouble, o->told[i]) == 0)
			continue;
		if (s->trouble[0])
			log_warning("%s: %s", s->label, s->trouble);
		else
			log_info("%s: works again", s->label);
		memcpy(o->told[i], s->trouble, sizeof(o->told[i]));
	}
}

void outputs_tick(struct agent_outputs *o, uint64_t now_ns)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->sinks[i]->ops->tick)
			o->sinks[i]->ops->tick(o->sinks[i], now_ns);
	}
	outputs_tell(o);
}

void outputs_reopen(struct agent_outputs *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct sink_ops *ops = o->sinks[i]->ops;

		if (ops->reopen && ops->reopen(o->sinks[i]) < 0)
			log_warning("%s: %s", o->sinks[i]->label, error_message());
	}
}

bool outputs_ready(const struct agent_outputs *o, uint64_t now_ns)
{
	for (size_t i = 0; now_ns < o->opened_ns + PATIENCE_NS && i < o->n; i++) {
		if (session_wait_ready(o->sinks[i], 0) == -EAGAIN)
			return false;
	}
	return true;
}

static bool is_stream(const struct session_tuple *t, const uint8_t local[16],
		      const uint8_t remote[16], __be16 remote_port)
{
	return memcmp(local, t->local, 16) == 0 && memcmp(remote, t->remote, 16) == 0 &&
	       be16toh(remote_port) == t->remote_port;
}

bool outputs_is_self(const struct agent_outputs *o, const struct flow_key *key)
{
	struct session_tuple t;

	if (key->proto != IPPROTO_UDP)
		return false;
	for (size_t i = 0; i < o->n; i++) {
		if (session_tuple(o->sinks[i], &t) < 0 || t.family != key->family)
			continue;
		if (is_stream(&t, key->src, key->dst, key->dport) ||
		    is_stream(&t, key->dst, key->src, key->sport))
			return true;
	}
	return false;
}

uint64_t outputs_wait_ns(const struct agent_outputs *o, uint64_t now_ns)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < o->n; i++) {
		struct sink *s = o->sinks[i];
		uint64_t wait = s->ops->wait_ns ? s->ops->wait_ns(s, now_ns) : 0;

		longest = wait > longest ? wait : longest;
	}
	return longest;
}

void outputs_hurry(const struct agent_outputs *o, uint64_t now_ns)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->sinks[i]->ops->hurry)
			o->sinks[i]->ops->hurry(o->sinks[i], now_ns);
	}
}
