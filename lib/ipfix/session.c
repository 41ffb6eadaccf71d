// SPDX-License-Identifier: Apache-2.0
/*
 * A session as a sink: how it is opened and closed, and its socket. What it sends is made in
 * session_domain.c (templates, options, sequences) and session_batch.c (records).
 *
 * With a fixed local port the transport session, and with it the sequence, outlives the
 * process. With another port comes another transport session, which begins at 0. NetFlow v9
 * has no transport sessions: its collectors take a system that counts from 0 again for granted.
 */
#include "ipfix/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "ipfix/netflow9.h"
#include "ipfix/session_parts.h"

/* How long to wait for room before looking again. */
#define WRITABLE_NS NSEC_PER_MSEC

void session_tell(struct session *s)
{
	snprintf(s->sink.trouble, sizeof(s->sink.trouble), "%s", s->udp.trouble);
	s->sink.stats.errors = s->udp.errors;
}

int session_open(struct session *s, uint64_t now)
{
	int r = udp_open(&s->udp, now);

	session_tell(s);
	if (r < 0 || s->opened == s->udp.opened)
		return r;
	domains_forget(s);
	s->opened = s->udp.opened;
	return 0;
}

static uint64_t session_wait_ns(struct sink *sink, uint64_t now_ns)
{
	struct session *s = session_of(sink);

	if (s->udp.fd < 0)
		return 0;
	if (!udp_is_writable(&s->udp))
		return WRITABLE_NS;
	return pace_wait_ns(&s->pace, s->batch_cost, now_ns);
}

static void session_hurry(struct sink *sink, uint64_t now_ns)
{
	pace_hurry(&session_of(sink)->pace, now_ns);
}

static void session_tick(struct sink *sink, uint64_t now_ns)
{
	struct session *s = session_of(sink);

	if (session_open(s, now_ns) < 0)
		return;
	for (size_t i = 0; i < s->n_domains; i++) {
		struct domain_state *d = &s->domains[i];

		if (domain_refresh(s, d, now_ns) < 0)
			continue;
		domain_options(s, d, OPTIONS_BEGIN, now_ns);
		domain_options(s, d, OPTIONS_TICK, now_ns);
	}
}

/* The last words, to whoever heard the flows. */
static void part(struct session *s)
{
	for (size_t i = 0; s->parting && s->udp.fd >= 0 && i < s->n_domains; i++) {
		if (s->domains[i].counts.records)
			domain_options(s, &s->domains[i], OPTIONS_END, clock_boot_ns());
	}
}

static void session_close(struct sink *sink)
{
	struct session *s = session_of(sink);

	part(s);
	udp_deinit(&s->udp);
	burst_deinit(&s->data);
	message_deinit(&s->template);
	options_free(s->options);
	free(s->netflow9);
	free(s->domains);
	free(s);
}

static const struct sink_ops session_ops = {
	.name = "ipfix",
	.wait_ns = session_wait_ns,
	.hurry = session_hurry,
	.room = session_room,
	.put = session_put,
	.pairs = session_pairs,
	.prepare = session_prepare,
	.flush = session_flush,
	.tick = session_tick,
	.close = session_close,
};

static uint64_t session_id(const struct session_config *c)
{
	uint64_t h = FNV1A_BEGIN;
	const char *parts[] = { "udp", c->remote, c->local };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		h = fnv1a(h, parts[i], strlen(parts[i]));
		h = fnv1a(h, "|", 1);
	}
	return h ? h : 1;
}

static int init_options(struct session *s, const struct session_config *c)
{
	const struct profile *profile = c->profile ? c->profile : profile_default();
	int r;

	if (!c->options_s || !c->options.get || !profile->options)
		return 0;
	r = options_new(profile, c->enterprise, &c->options, &s->options);
	if (r < 0)
		return r;
	options_use(s->options, s->templates, c->version);
	s->options_ns = c->options_s * NSEC_PER_SEC;
	/* Where the next process goes on with the sequence, they are no last words. */
	s->parting = !s->id || profile->timing == OPTIONS_AT_ONCE;
	return 0;
}

/* How many sets a message of @cap bytes may have: one a template, or as records come. */
static size_t sets_of(const struct template_set *set, size_t cap, unsigned batch_messages)
{
	size_t shortest = SIZE_MAX, n = template_set_count(set);

	if (batch_messages > 1 && cap <= BURST_BYTES_MAX / 2)
		return n;
	for (size_t i = 0; i < n; i++) {
		size_t len = template_set_get(set, i)->record_len;

		shortest = len < shortest ? len : shortest;
	}
	return cap / (IPFIX_SET_HEADER_LEN + shortest);
}

/* Of IPFIX messages whose packets of NetFlow v9 are no longer than @cap. */
static void fit_netflow9(const struct session *s, size_t cap, unsigned batch_messages, size_t *data,
			 size_t *templates)
{
	*data = netflow9_cap(cap, sets_of(s->templates, cap, batch_messages));
	*templates = netflow9_cap(cap, s->options ? OPTIONS_SETS_MAX : 0);
}

static int init_messages(struct session *s, const struct session_config *c)
{
	size_t cap = c->max_message_len < UDP_PAYLOAD_MAX ? c->max_message_len : UDP_PAYLOAD_MAX;
	size_t least = IPFIX_HEADER_LEN + IPFIX_SET_HEADER_LEN + template_set_longest(s->templates);
	size_t data = cap, templates = cap;
	int r;

	if (c->version == NETFLOW9_VERSION)
		fit_netflow9(s, cap, c->batch_messages, &data, &templates);
	if (least > data || least > templates)
		return fail_usage("the longest template needs messages of %zu bytes, not %zu",
				  cap + least - (data < templates ? data : templates), cap);
	r = message_init(&s->template, templates);
	if (r == 0)
		r = burst_init(&s->data, data, c->batch_messages, s->templates);
	if (r < 0)
		return r;
	s->netflow9_cap = cap;
	if (c->version == NETFLOW9_VERSION)
		s->netflow9 = calloc(s->data.n_slots + 1, cap);
	if (c->version == NETFLOW9_VERSION && !s->netflow9)
		return fail(-ENOMEM, "cannot make messages");
	pace_init(&s->pace, c->max_bytes_per_s);
	s->message_cost = pace_cost(cap);
	s->batch_cost = s->data.n_slots * s->message_cost;
	return 0;
}

static int session_init(struct session *s, const struct session_config *c)
{
	int r;

	s->sink.ops = &session_ops;
	snprintf(s->sink.label, sizeof(s->sink.label), "udp://%s", c->remote);
	s->templates = c->templates;
	s->template_flush_ns = c->template_flush_s * NSEC_PER_SEC;
	s->sequence = c->sequence;
	r = udp_init(&s->udp, c->remote, c->local);
	if (r == 0 && c->version == NETFLOW9_VERSION)
		r = netflow9_check(s->templates);
	else if (s->udp.local.port)
		s->id = session_id(c);
	if (r == 0)
		r = init_options(s, c);
	return r < 0 ? r : init_messages(s, c);
}

int session_udp_new(const struct session_config *config, struct sink **ret)
{
	struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fail(-ENOMEM, "cannot open a session");
	r = session_init(s, config);
	if (r == 0)
		r = session_open(s, clock_boot_ns());
	/* Trouble with the collector is told and tried again; with our own address it is fatal. */
	if (r == -EAGAIN || r == -ENOENT || r == -ENETUNREACH || r == -EHOSTUNREACH)
		r = 0;
	if (r < 0) {
		session_close(&s->sink);
		return r;
	}
	*ret = &s->sink;
	return 0;
}

int session_tuple(const struct sink *sink, struct session_tuple *ret)
{
	const struct session *s = session_of(sink);

	if (sink->ops != &session_ops || s->udp.fd < 0)
		return -ENOTCONN;
	*ret = s->udp.tuple;
	return 0;
}

void session_note(struct sink *sink, struct sending *where)
{
	session_of(sink)->note = where;
}

uint8_t session_message(const struct sink *sink)
{
	return session_of(sink)->data.last;
}

int session_wait_ready(struct sink *sink, uint64_t timeout_ns)
{
	uint64_t end = clock_boot_ns() + timeout_ns;
	int r;

	if (sink->ops != &session_ops)
		return 0;
	do {
		r = session_open(session_of(sink), clock_boot_ns());
		if (r != -EAGAIN)
			return r;
		poll(NULL, 0, 10);
	} while (clock_boot_ns() < end);
	return r;
}
