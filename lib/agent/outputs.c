// SPDX-License-Identifier: Apache-2.0
/*
 * The configured outputs as one. Trouble of one of them is told once, when it begins and
 * when it ends, and never touches another.
 */
#include "agent/internal.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "agent/output.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "ipfix/stream.h"
#include "sink/failover.h"

#define PATIENCE_NS (5 * NSEC_PER_SEC)

static void output_close(struct agent_output *o)
{
	if (o->sink)
		o->sink->ops->close(o->sink);
	for (size_t i = 0; i < o->n_members; i++)
		template_set_free(o->members[i].templates);
	free(o->members);
	free(o->key);
	*o = (struct agent_output) { 0 };
}

void outputs_close(struct agent_outputs *o)
{
	for (size_t i = 0; i < o->n; i++)
		output_close(&o->v[i]);
	free(o->v);
	*o = (struct agent_outputs) { 0 };
}

void outputs_tell(struct agent_outputs *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct sink *s = o->v[i].sink;

		if (strcmp(s->trouble, o->v[i].told) == 0)
			continue;
		if (s->trouble[0])
			log_warning("%s: %s", s->label, s->trouble);
		else
			log_info("%s: works again", s->label);
		memcpy(o->v[i].told, s->trouble, sizeof(o->v[i].told));
	}
}

void outputs_tick(struct agent_outputs *o, uint64_t now_ns)
{
	for (size_t i = 0; i < o->n; i++) {
		struct sink *s = o->v[i].sink;

		if (s->ops->tick)
			s->ops->tick(s, now_ns);
	}
	outputs_tell(o);
}

void outputs_reopen(struct agent_outputs *o)
{
	for (size_t i = 0; i < o->n; i++) {
		struct sink *s = o->v[i].sink;

		if (!s->ops->reopen || s->ops->reopen(s) == 0)
			continue;
		log_warning("%s: %s", s->label, error_message());
		o->v[i].key[0] = '\0';	/* nobody takes it over as it is */
	}
}

/* Every sink that may have a socket, a group's members too. */
#define EACH_MEMBER(o_, m_)                                                      \
	for (size_t i_ = 0; i_ < (o_)->n; i_++)                                  \
		for (struct agent_member *m_ = (o_)->v[i_].members;              \
		     m_ < (o_)->v[i_].members + (o_)->v[i_].n_members; m_++)

bool outputs_ready(const struct agent_outputs *o, uint64_t now_ns)
{
	if (now_ns >= o->opened_ns + PATIENCE_NS)
		return true;
	EACH_MEMBER(o, m) {
		if (output_wait_ready(m->sink, 0) == -EAGAIN)
			return false;
	}
	return true;
}

void outputs_wait_ready(struct agent_outputs *o, uint64_t timeout_ns)
{
	EACH_MEMBER(o, m)
		output_wait_ready(m->sink, timeout_ns);
}

void outputs_drain(struct agent_outputs *o, uint64_t timeout_ns)
{
	EACH_MEMBER(o, m)
		output_drain(m->sink, timeout_ns);
}

static bool is_stream(const struct session_tuple *t, const uint8_t local[16],
		      const uint8_t remote[16], __be16 remote_port)
{
	return memcmp(local, t->local, 16) == 0 && memcmp(remote, t->remote, 16) == 0 &&
	       be16toh(remote_port) == t->remote_port;
}

bool outputs_works(const struct agent_output *o)
{
	const struct sink *s = sink_failover_in_use(o->sink);

	if (s->trouble[0])
		return false;
	for (size_t i = 0; i < o->n_members; i++) {
		if (o->members[i].sink == s && o->members[i].conf->kind == CONF_COLLECTOR)
			return output_is_up(s);
	}
	return true;
}

uint64_t outputs_waiting(const struct agent_output *o)
{
	uint64_t n = 0;

	for (size_t i = 0; i < o->n_members; i++)
		n += stream_waiting(o->members[i].sink);
	return n;
}

bool outputs_is_self(const struct agent_outputs *o, const struct flow_key *key)
{
	static const uint8_t protocols[] = {
		[CONF_UDP] = IPPROTO_UDP, [CONF_TCP] = IPPROTO_TCP, [CONF_TLS] = IPPROTO_TCP,
		[CONF_SCTP] = IPPROTO_SCTP,
	};
	struct session_tuple t;

	if (key->proto != IPPROTO_UDP && key->proto != IPPROTO_TCP && key->proto != IPPROTO_SCTP)
		return false;
	EACH_MEMBER(o, m) {
		if (m->conf->kind != CONF_COLLECTOR || protocols[m->conf->transport] != key->proto ||
		    output_tuple(m->sink, &t) < 0 || t.family != key->family)
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
		struct sink *s = o->v[i].sink;
		uint64_t wait = s->ops->wait_ns ? s->ops->wait_ns(s, now_ns) : 0;

		longest = wait > longest ? wait : longest;
	}
	return longest;
}

void outputs_hurry(const struct agent_outputs *o, uint64_t now_ns)
{
	for (size_t i = 0; i < o->n; i++) {
		struct sink *s = o->v[i].sink;

		if (s->ops->hurry)
			s->ops->hurry(s, now_ns);
	}
}
