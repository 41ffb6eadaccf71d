// SPDX-License-Identifier: Apache-2.0
/*
 * Records become messages here; an outlet, network or file, takes them. A batch is one
 * message, so that a process that is killed has no more than that in doubt. Sequences and
 * templates are the outlet's: a message that waits does not know yet on which connection it
 * will leave.
 */
#include "ipfix/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/stream_internal.h"

static const struct sink_ops stream_ops;

static struct stream *stream_of(const struct sink *s)
{
	return (struct stream *)s;
}

void stream_count_sent(struct stream *s, struct stream_domain *d, const struct stream_message *m)
{
	d->counts.messages++;
	d->counts.bytes += m->len;
	if (m->kind == STREAM_FLOWS)
		d->counts.records += m->records;
	s->sink.stats.messages++;
	s->sink.stats.bytes += m->len;
}

void stream_count_sure(struct stream *s, const struct stream_message *m)
{
	if (m->kind == STREAM_FLOWS)
		s->sink.stats.records += m->records;
	s->sink.stats.last_export_ns = clock_real_ns();
}

static void count_lost(struct stream *s, uint32_t domain, uint64_t records, uint64_t packets,
		       uint64_t octets)
{
	struct stream_domain *d = stream_voice_domain(s->outlet->voice(s), domain);

	if (!d)
		return;
	d->counts.lost_records += records;
	d->counts.lost_packets += packets;
	d->counts.lost_bytes += octets;
}

void stream_count_lost(struct stream *s, const struct stream_message *m)
{
	if (m->kind != STREAM_FLOWS)
		return;
	s->sink.stats.lost_records += m->records;
	count_lost(s, m->domain, m->records, m->packets, m->octets);
}

static bool stream_room(struct sink *sink, const struct record *r)
{
	struct stream *s = stream_of(sink);

	s->asked = NULL;
	if (!s->data.records)
		return true;
	if (s->data.domain != r->domain)
		return false;
	s->choice = template_set_look(s->templates, r);
	s->asked = r;
	return !s->choice->template || message_has_room(&s->data, s->choice->template);
}

static int stream_put(struct sink *sink, const struct record *r)
{
	struct stream *s = stream_of(sink);
	const struct template_choice *c = s->choice;

	if (s->asked != r)
		c = template_set_look(s->templates, r);
	s->asked = NULL;
	if (!s->data.records)
		message_begin(&s->data, r->domain);
	if (c->template && message_encode(&s->data, c->template, c->encoder, r) == 0) {
		s->packets += r->packets;
		s->octets += r->bytes;
		return 0;
	}
	count_lost(s, r->domain, 1, r->packets, r->bytes);
	sink->stats.uncarried_records++;
	return -ENOENT;
}

static bool stream_pairs(struct sink *sink, const struct record *r)
{
	const struct template_choice *c = template_set_look(stream_of(sink)->templates, r);

	return c->template && c->template->reverse;
}

/* Give the open batch to the outlet. */
static int hand_on(struct stream *s)
{
	struct stream_message *m;
	int r = -ENOMEM;

	if (!s->data.records)
		return 0;
	m = stream_message_of(STREAM_FLOWS, &s->data, s->words);
	if (m) {
		m->packets = s->packets;
		m->octets = s->octets;
		r = s->outlet->take(s, m);
	} else {
		s->sink.stats.lost_records += s->data.records;
		count_lost(s, s->data.domain, s->data.records, s->packets, s->octets);
	}
	message_begin(&s->data, 0);
	s->packets = s->octets = 0;
	return r;
}

static void go_on(struct stream *s, uint64_t now)
{
	if (s->outlet->go_on)
		s->outlet->go_on(s, now);
}

static int stream_flush(struct sink *sink)
{
	struct stream *s = stream_of(sink);
	int r;

	if (!s->data.records)
		return 0;
	r = hand_on(s);
	go_on(s, clock_boot_ns());
	return r;
}

static uint64_t stream_wait_ns(struct sink *sink, uint64_t now_ns)
{
	struct stream *s = stream_of(sink);

	return s->outlet->wait_ns ? s->outlet->wait_ns(s, now_ns) : 0;
}

static void stream_hurry(struct sink *sink, uint64_t now_ns)
{
	struct stream *s = stream_of(sink);

	if (s->outlet->hurry)
		s->outlet->hurry(s, now_ns);
}

static int take_options(void *arg, struct message *m)
{
	struct stream *s = arg;
	struct stream_message *copy = stream_message_of(STREAM_OPTIONS, m, s->words);

	return copy ? s->outlet->take_options(s, copy) : -ENOMEM;
}

/* Options data of the domains in which flows were told, as far as it is due. */
static void send_options(struct stream *s, enum options_when when, uint64_t now)
{
	struct stream_voice *v = s->outlet->voice(s);

	for (size_t i = 0; s->options && i < v->n && s->outlet->is_idle(s); i++) {
		struct stream_domain *d = &v->v[i];

		if (d->options_told && d->counts.messages)
			options_send_due(s->options, &d->clock, when, now, &s->scratch, d->domain,
					 &d->counts, take_options, s);
	}
}

static void stream_tick(struct sink *sink, uint64_t now_ns)
{
	struct stream *s = stream_of(sink);

	if (s->outlet->tick)
		s->outlet->tick(s, now_ns);
	send_options(s, OPTIONS_TICK, now_ns);
	go_on(s, now_ns);
}

static int stream_reopen(struct sink *sink)
{
	struct stream *s = stream_of(sink);

	return s->outlet->reopen ? s->outlet->reopen(s) : 0;
}

static void stream_free(struct stream *s)
{
	message_deinit(&s->data);
	message_deinit(&s->scratch);
	stream_words_unref(s->words);
	options_free(s->options);
	free(s);
}

static void stream_close(struct sink *sink)
{
	struct stream *s = stream_of(sink);

	send_options(s, OPTIONS_END, clock_boot_ns());
	s->outlet->close(s);
	stream_free(s);
}

static const struct sink_ops stream_ops = {
	.name = "ipfix",
	.wait_ns = stream_wait_ns,
	.hurry = stream_hurry,
	.room = stream_room,
	.put = stream_put,
	.pairs = stream_pairs,
	.flush = stream_flush,
	.tick = stream_tick,
	.reopen = stream_reopen,
	.close = stream_close,
};

static int check_longest(const struct template_set *set, size_t cap)
{
	size_t least = IPFIX_HEADER_LEN + IPFIX_SET_HEADER_LEN + template_set_longest(set);

	return least <= cap ? 0 : fail_usage("the longest template needs messages of %zu bytes, not %zu",
					     least, cap);
}

static int init_options(struct stream *s, const struct stream_config *c)
{
	const struct profile *profile = c->profile ? c->profile : profile_default();
	int r;

	if (!c->options_s || !c->options.get || !profile->options)
		return 0;
	r = options_new(profile, c->enterprise, &c->options, &s->options);
	if (r < 0)
		return r;
	options_use(s->options, s->templates, IPFIX_VERSION);
	s->options_every_ns = c->options_s * NSEC_PER_SEC;
	return 0;
}

static const struct {
	const char *scheme;
	const struct stream_outlet *outlet;
} kinds[] = {
	[STREAM_TCP] = { "tcp://", &stream_outlet_net },
	[STREAM_TLS] = { "tls://", &stream_outlet_net },
	[STREAM_SCTP] = { "sctp://", &stream_outlet_net },
	[STREAM_FILE] = { "file:", &stream_outlet_file },
};

static int stream_init(struct stream *s, const struct stream_config *c)
{
	int r;

	s->sink.ops = &stream_ops;
	s->outlet = kinds[c->kind].outlet;
	snprintf(s->sink.label, sizeof(s->sink.label), "%s%s", kinds[c->kind].scheme, c->remote);
	s->templates = c->templates;
	if (c->version && c->version != IPFIX_VERSION)
		return fail_usage("NetFlow v9 goes over UDP only: say transport: udp or version: ipfix");
	r = check_longest(c->templates, c->max_message_len);
	if (r == 0)
		r = message_init(&s->data, c->max_message_len);
	if (r == 0)
		r = message_init(&s->scratch, c->max_message_len);
	if (r == 0)
		r = stream_words_new(c->templates, &s->words);
	return r == 0 ? init_options(s, c) : r;
}

int stream_new(const struct stream_config *config, struct sink **ret)
{
	struct stream *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fail(-ENOMEM, "cannot open an output");
	r = stream_init(s, config);
	if (r == 0) {
		r = s->outlet->open(s, config);
		if (r < 0)
			s->outlet->close(s);
	}
	if (r < 0) {
		stream_free(s);
		return r;
	}
	go_on(s, clock_boot_ns());
	*ret = &s->sink;
	return 0;
}

int stream_set_templates(struct sink *sink, const struct template_set *templates)
{
	struct stream *s = stream_of(sink);
	struct stream_words *words;
	int r = check_longest(templates, s->data.cap);

	if (r == 0)
		r = stream_words_new(templates, &words);
	if (r < 0)
		return r;
	/* What was put is written in the old ones. */
	hand_on(s);
	stream_words_unref(s->words);
	s->words = words;
	s->templates = templates;
	s->asked = NULL;
	if (s->options) {
		options_use(s->options, templates, IPFIX_VERSION);
		stream_voice_renew_options(s->outlet->voice(s));
	}
	return 0;
}

bool stream_is_up(const struct sink *sink)
{
	const struct stream *s = stream_of(sink);

	return sink->ops == &stream_ops && s->outlet->is_up(s);
}

struct stream *stream_of_net(const struct sink *sink)
{
	struct stream *s = stream_of(sink);

	return sink->ops == &stream_ops && s->outlet == &stream_outlet_net ? s : NULL;
}

int stream_tuple(const struct sink *sink, struct session_tuple *ret)
{
	const struct stream *s = stream_of_net(sink);

	if (!s || !s->net.link.tuple.family)
		return -ENOTCONN;
	*ret = s->net.link.tuple;
	return 0;
}
