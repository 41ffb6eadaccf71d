// SPDX-License-Identifier: Apache-2.0
/*
 * Templates go first for each domain, and again by time: UDP may have lost them, and the
 * collector may have been started anew. While it refuses, they go ahead of every message,
 * and once more in each domain after the last refusal, so that the first thing it hears when
 * it is back is what it needs. Options data follows its templates where it is due, at the pace of
 * data: what may not leave yet is tried at the next tick.
 *
 * The sequence counts the data records sent in a domain (RFC 7011 3.1), those of options as
 * well; that of NetFlow v9 the packets (RFC 3954 5.1). A message that could not be sent does
 * not advance it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "ipfix/netflow9.h"
#include "ipfix/session_parts.h"

struct domain_state *domain_of(struct session *s, uint32_t domain)
{
	struct domain_state *grown, new = { .domain = domain, .options.every_ns = s->options_ns };

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

void domains_forget(struct session *s)
{
	for (size_t i = 0; i < s->n_domains; i++) {
		struct domain_state *d = &s->domains[i];

		d->templates_ns = 0;
		d->options.begun = d->options.open = false;
		if (s->id)
			continue;
		d->sequence = 0;
		d->counts.messages = d->counts.bytes = d->counts.records = 0;
	}
}

struct iovec domain_wire(struct session *s, struct message *m, unsigned slot, uint32_t *sequence)
{
	uint64_t now = clock_real_ns();
	uint8_t *packet;

	message_finish(m, *sequence, now / NSEC_PER_SEC);
	if (!s->netflow9) {
		*sequence += m->records;
		return (struct iovec) { m->buf, m->len };
	}
	packet = s->netflow9 + slot * s->netflow9_cap;
	return (struct iovec) { packet, netflow9_convert(m, (*sequence)++, now, packet) };
}

void domain_count(struct session *s, struct domain_state *d, size_t len, uint32_t records)
{
	s->sink.stats.messages++;
	s->sink.stats.bytes += len;
	s->sink.stats.records += records;
	d->counts.bytes += len;
	d->counts.records += records;
	d->counts.messages++;
	pace_spend(&s->pace, len);
}

int domain_send(struct session *s, struct domain_state *d, struct message *m)
{
	uint32_t sequence = d->sequence;
	struct iovec v = domain_wire(s, m, s->data.n_slots, &sequence);
	int r = udp_send(&s->udp, v.iov_base, v.iov_len);

	session_tell(s);
	if (r < 0)
		return r;
	d->sequence = sequence;
	domain_count(s, d, v.iov_len, 0);
	s->sink.stats.last_export_ns = clock_real_ns();
	return 0;
}

/* For options_send_templates() and _data(). */
struct addressee {
	struct session *s;
	struct domain_state *d;
};

static int send_options_templates(void *arg, struct message *m)
{
	struct addressee *to = arg;

	return domain_send(to->s, to->d, m);
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
		r = domain_send(s, d, m);
		message_begin(m, d->domain);
		message_add_template(m, t);	/* alone it fits, session_udp_new() saw to that */
	}
	if (r == 0 && !message_is_empty(m))
		r = domain_send(s, d, m);
	if (r == 0 && s->options)
		r = options_send_templates(s->options, m, d->domain, send_options_templates,
					   &(struct addressee) { s, d });
	if (r == 0)
		d->templates_ns = now;
	return r;
}

/*
 * Options data takes numbers of the sequence, which is written down before, with those that
 * a batch that is about to be sent was promised.
 */
static void keep_sequence(struct session *s, const struct domain_state *d, uint32_t records)
{
	bool promised = s->data.records && s->data.domain == d->domain && !s->note;

	if (s->id && s->sequence.set)
		s->sequence.set(s->sequence.arg, s->id, d->domain,
				d->sequence + records + (promised ? s->data.records : 0));
}

static int send_options_data(void *arg, struct message *m)
{
	struct addressee *to = arg;

	if (pace_wait_ns(&to->s->pace, to->s->message_cost, clock_boot_ns()))
		return -EAGAIN;
	keep_sequence(to->s, to->d, m->records);
	return domain_send(to->s, to->d, m);
}

static int send_parting(void *arg, struct message *m)
{
	struct addressee *to = arg;

	keep_sequence(to->s, to->d, m->records);
	return domain_send(to->s, to->d, m);
}

void domain_options(struct session *s, struct domain_state *d, enum options_when when, uint64_t now)
{
	if (s->options)
		options_send_due(s->options, &d->options, when, now, &s->template, d->domain,
				 &d->counts, when == OPTIONS_END ? send_parting : send_options_data,
				 &(struct addressee) { s, d });
}

int domain_refresh(struct session *s, struct domain_state *d, uint64_t now)
{
	uint64_t refusals = udp_refusals(&s->udp, now);
	int r = 0;

	session_tell(s);
	if (d->refusals != refusals)
		d->options.begun = d->options.open = false;
	if (!d->templates_ns || d->refusals != refusals ||
	    now >= d->templates_ns + s->template_flush_ns)
		r = send_templates(s, d, now);
	if (r == 0)
		d->refusals = refusals;
	return r;
}
