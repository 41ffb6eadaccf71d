// SPDX-License-Identifier: Apache-2.0
/*
 * Templates go first for each domain, and again by time: UDP may have lost them, and the
 * collector may have been started anew. While it refuses, they go ahead of every message,
 * and once more in each domain after the last refusal, so that the first thing it hears when
 * it is back is what it needs.
 *
 * The sequence counts the data records sent in a domain (RFC 7011 3.1): a message that
 * could not be sent does not advance it. With a fixed local port it is written down before
 * the send; killed between the two, or stopped after a failed send, the next process goes
 * on behind a gap that tells of records in doubt, and never says the same number twice.
 * With another port comes another transport session, which begins at 0.
 */
#include "ipfix/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/burst.h"
#include "ipfix/message.h"
#include "ipfix/pace.h"
#include "ipfix/transport_udp.h"

/* How long to wait for room before looking again. */
#define WRITABLE_NS NSEC_PER_MSEC

struct domain_state {
	uint32_t domain;
	uint32_t sequence;
	uint64_t templates_ns;		/* CLOCK_BOOTTIME they were last sent, 0 = never */
	uint64_t refusals;		/* known of before they were */
};

struct session {
	struct sink sink;
	struct udp udp;
	unsigned opened;		/* udp.opened that the domains belong to */
	uint64_t id;			/* for sequence_ops; 0 = the port is not fixed */
	uint64_t template_flush_ns;
	const struct template_set *templates;
	struct sequence_ops sequence;
	struct burst data;
	struct message template;
	struct pace pace;
	size_t message_cost, batch_cost;
	unsigned batch_max;		/* messages of the batch that is open */
	const struct record *asked;	/* about by room(): put() comes with the same, */
	const struct template_choice *choice;	/* which is carried so */
	struct mmsghdr units[UDP_BATCH_MAX];
	struct sending *note;		/* of the batch that is open, or NULL */
	struct domain_state *domains;
	size_t n_domains;
};

static const struct sink_ops session_ops;

static struct session *session_of(const struct sink *s)
{
	return (struct session *)s;
}

static void tell(struct session *s)
{
	snprintf(s->sink.trouble, sizeof(s->sink.trouble), "%s", s->udp.trouble);
	s->sink.stats.errors = s->udp.errors;
}

/* Is there a socket? A new one needs templates; with a port of its own, sequences too. */
static int session_open(struct session *s, uint64_t now)
{
	int r = udp_open(&s->udp, now);

	tell(s);
	if (r < 0 || s->opened == s->udp.opened)
		return r;
	for (size_t i = 0; i < s->n_domains; i++) {
		s->domains[i].templates_ns = 0;
		if (!s->id)
			s->domains[i].sequence = 0;
	}
	s->opened = s->udp.opened;
	return 0;
}

static struct domain_state *domain_of(struct session *s, uint32_t domain)
{
	struct domain_state *grown, new = { .domain = domain };

	for (size_t i = 0; i < s->n_domains; i++) {
		if (s->domains[i].domain == domain)
			return &s->domains[i];
	}
	grown = reallocarray(s->domains, s->n_domains + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	s->domains = grown;
	if (s->id && s->sequence.get)
		s->sequence.get(s->sequence.arg, s->id, domain, &new.sequence);
	s->domains[s->n_domains] = new;
	return &s->domains[s->n_domains++];
}

/* Messages of @len bytes in all, that left. */
static void count_sent(struct session *s, const struct message *m)
{
	s->sink.stats.messages++;
	s->sink.stats.bytes += m->len;
	s->sink.stats.records += m->records;
	pace_spend(&s->pace, m->len);
}

static int send_message(struct session *s, struct message *m, uint32_t sequence)
{
	uint64_t now = clock_real_ns();
	int r;

	message_finish(m, sequence, now / NSEC_PER_SEC);
	r = udp_send(&s->udp, m->buf, m->len);
	tell(s);
	if (r < 0)
		return r;
	count_sent(s, m);
	s->sink.stats.last_export_ns = now;
	return 0;
}

static int send_templates(struct session *s, struct domain_state *d, uint64_t now)
{
	size_t n = template_set_count(s->templates);
	struct message *m = &s->template;
	int r = 0;

	message_begin(m, d->domain);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct template *t = template_set_get(s->templates, i);

		if (message_add_template(m, t) == 0)
			continue;
		r = send_message(s, m, d->sequence);
		message_begin(m, d->domain);
		message_add_template(m, t);	/* alone it fits, session_udp_new() saw to that */
	}
	if (r == 0 && !message_is_empty(m))
		r = send_message(s, m, d->sequence);
	if (r == 0)
		d->templates_ns = now;
	return r;
}

/*
 * Templates, if they are due: the first time, by time, or because there was a refusal since:
 * nobody may have heard them, or whoever did has forgotten them.
 */
static int refresh_templates(struct session *s, struct domain_state *d, uint64_t now)
{
	uint64_t refusals = udp_refusals(&s->udp, now);
	int r = 0;

	tell(s);
	if (!d->templates_ns || d->refusals != refusals ||
	    now >= d->templates_ns + s->template_flush_ns)
		r = send_templates(s, d, now);
	if (r == 0)
		d->refusals = refusals;
	return r;
}

static bool session_room(struct sink *sink, const struct record *r)
{
	struct session *s = session_of(sink);

	s->asked = NULL;
	if (!s->data.records)
		return true;
	if (s->data.domain != r->domain)
		return false;
	s->choice = template_set_look(s->templates, r);
	s->asked = r;
	return !s->choice->template || burst_has_room(&s->data, s->choice->template, s->batch_max);
}

static void begin_batch(struct session *s, uint32_t domain)
{
	size_t max = pace_budget(&s->pace) / s->message_cost;

	burst_begin(&s->data, domain);
	s->batch_max = max < BURST_MESSAGES_MAX ? max : BURST_MESSAGES_MAX;
}

static int session_put(struct sink *sink, const struct record *r)
{
	struct session *s = session_of(sink);
	const struct template_choice *c = s->choice;

	if (s->asked != r)
		c = template_set_look(s->templates, r);
	s->asked = NULL;
	if (!s->data.records)
		begin_batch(s, r->domain);
	if (c->template && burst_add(&s->data, c, r) == 0)
		return 0;
	sink->stats.uncarried_records++;
	return -ENOENT;
}

static void session_prepare(struct sink *sink)
{
	struct session *s = session_of(sink);
	struct domain_state *d;

	if (!s->data.records || session_open(s, clock_boot_ns()) < 0 || !s->id ||
	    !s->sequence.set || s->note)
		return;
	d = domain_of(s, s->data.domain);
	if (d)
		s->sequence.set(s->sequence.arg, s->id, d->domain, d->sequence + s->data.records);
}

/* Fill in the headers of those that are left, and name them as datagrams. */
static void finish_messages(const struct burst *b, unsigned from, uint32_t sequence,
			    struct iovec *v)
{
	uint32_t now_s = clock_real_ns() / NSEC_PER_SEC;

	for (unsigned i = from; i < b->n_order; i++) {
		struct message *m = b->order[i];

		message_finish(m, sequence, now_s);
		sequence += m->records;
		v[i] = (struct iovec) { m->buf, m->len };
	}
}

static void count_batch(struct session *s, struct domain_state *d, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++) {
		count_sent(s, s->data.order[i]);
		d->sequence += s->data.order[i]->records;
	}
	if (n)
		s->sink.stats.last_export_ns = clock_real_ns();
}

/* From here on whoever finds the note can tell what was sent. */
static struct mmsghdr *begin_note(struct session *s, const struct domain_state *d)
{
	struct sending *note = s->note;

	if (!note)
		return s->units;
	note->session = s->id;
	note->domain = d->domain;
	note->sequence = d->sequence;
	for (unsigned i = 0; i < s->data.n_used; i++)
		note->datagram[i] = s->data.place[i];
	return note->units;
}

/* Refusals let templates go first again; of what cannot be sent the rest is still tried. */
static int send_batch(struct session *s, struct domain_state *d, uint64_t now)
{
	struct iovec v[BURST_MESSAGES_MAX];
	struct udp_batch batch;
	int r = 0, failed = 0, first = 0;

	finish_messages(&s->data, 0, d->sequence, v);
	udp_batch_init(&s->udp, &batch, v, s->data.n_order, begin_note(s, d));
	if (s->note)
		__atomic_store_n(&s->note->n, s->data.n_order, __ATOMIC_RELEASE);
	while (r == 0 && batch.at < batch.n_units) {
		unsigned from = batch.n_done, n;

		r = refresh_templates(s, d, now);
		if (r < 0)
			break;
		if (failed)
			finish_messages(&s->data, from, d->sequence, v);
		failed = udp_batch_send(&s->udp, &batch, &n);
		tell(s);
		count_batch(s, d, from, n);
		if (failed)
			udp_batch_skip(&batch);
		first = first ? first : failed;
	}
	if (s->note && s->id && s->sequence.set)
		s->sequence.set(s->sequence.arg, s->id, d->domain, d->sequence);
	return r ? r : first;
}

/* A kept sequence must have been written down: then only prepare() opens. */
static int flush_to(struct session *s, uint64_t now)
{
	bool kept = s->id && s->sequence.set;
	struct domain_state *d;
	int r = 0;

	if (!kept)
		r = session_open(s, now);
	if (r < 0 || s->udp.fd < 0)
		return -ENOTCONN;
	d = domain_of(s, s->data.domain);
	if (!d)
		return fail(-ENOMEM, "cannot remember a domain");
	burst_finish(&s->data);
	if (s->data.n_order > 1 || s->note)
		return send_batch(s, d, now);
	r = refresh_templates(s, d, now);
	if (r == 0)
		r = send_message(s, s->data.order[0], d->sequence);
	if (r == 0)
		d->sequence += s->data.records;
	return r;
}

static int session_flush(struct sink *sink)
{
	struct session *s = session_of(sink);
	uint64_t before = sink->stats.records;
	int r;

	if (!s->data.records) {
		s->note = NULL;
		return 0;
	}
	r = flush_to(s, clock_boot_ns());
	sink->stats.lost_records += s->data.records - (sink->stats.records - before);
	burst_begin(&s->data, 0);
	s->note = NULL;
	return r;
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
	for (size_t i = 0; i < s->n_domains; i++)
		refresh_templates(s, &s->domains[i], now_ns);
}

static void session_close(struct sink *sink)
{
	struct session *s = session_of(sink);

	udp_deinit(&s->udp);
	burst_deinit(&s->data);
	message_deinit(&s->template);
	free(s->domains);
	free(s);
}

static const struct sink_ops session_ops = {
	.name = "ipfix",
	.wait_ns = session_wait_ns,
	.hurry = session_hurry,
	.room = session_room,
	.put = session_put,
	.prepare = session_prepare,
	.flush = session_flush,
	.tick = session_tick,
	.close = session_close,
};

static uint64_t session_id(const struct session_config *c)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	const char *parts[] = { "udp", c->remote, c->local };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (const char *p = parts[i]; *p; p++)
			h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
		h = (h ^ '|') * UINT64_C(0x100000001b3);
	}
	return h ? h : 1;
}

static int session_init(struct session *s, const struct session_config *c)
{
	size_t cap = c->max_message_len < UDP_PAYLOAD_MAX ? c->max_message_len : UDP_PAYLOAD_MAX;
	size_t least = IPFIX_HEADER_LEN + IPFIX_SET_HEADER_LEN + template_set_longest(c->templates);
	int r;

	s->sink.ops = &session_ops;
	snprintf(s->sink.label, sizeof(s->sink.label), "udp://%s", c->remote);
	s->templates = c->templates;
	s->template_flush_ns = c->template_flush_s * NSEC_PER_SEC;
	s->sequence = c->sequence;
	r = udp_init(&s->udp, c->remote, c->local);
	if (r < 0)
		return r;
	if (s->udp.local.port)
		s->id = session_id(c);
	if (least > cap)
		return fail_usage("the longest template needs messages of %zu bytes, not %zu",
				  least, cap);
	r = message_init(&s->template, cap);
	if (r == 0)
		r = burst_init(&s->data, cap, c->batch_messages, s->templates);
	if (r < 0)
		return r;
	pace_init(&s->pace, c->max_bytes_per_s);
	s->message_cost = pace_cost(cap);
	s->batch_cost = s->data.n_slots * s->message_cost;
	return 0;
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
