// SPDX-License-Identifier: Apache-2.0
/*
 * Records become a burst of messages, which leaves by as few system calls as possible. With
 * a fixed local port the sequence is written down before the send; killed between the two,
 * or stopped after a failed send, the next process goes on behind a gap that tells of records
 * in doubt, and never says the same number twice.
 *
 * Options data that goes ahead of the first flows takes its numbers before the batch takes
 * its own: in the midst of a batch, whose numbers are noted, only templates are sent.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "ipfix/session_parts.h"

bool session_room(struct sink *sink, const struct record *r)
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
	for (unsigned i = 0; i < s->data.n_slots; i++)
		s->held[i] = (struct held) { 0 };
}

static void count_lost(struct session *s, uint32_t domain, uint64_t records, const struct held *h)
{
	struct domain_state *d = domain_of(s, domain);

	if (!d)
		return;
	d->counts.lost_records += records;
	d->counts.lost_packets += h->packets;
	d->counts.lost_bytes += h->bytes;
}

bool session_pairs(struct sink *sink, const struct record *r)
{
	const struct template_choice *c = template_set_look(session_of(sink)->templates, r);

	return c->template && c->template->reverse;
}

/* What @r tells of, that of the other direction included where it goes with it. */
static struct held held_by(const struct record *r, const struct template *t)
{
	struct held h = { r->packets, r->bytes };

	if (r->reverse && t && t->reverse) {
		h.packets += r->reverse->packets;
		h.bytes += r->reverse->bytes;
	}
	return h;
}

int session_put(struct sink *sink, const struct record *r)
{
	struct session *s = session_of(sink);
	const struct template_choice *c = s->choice;
	struct held h;

	if (s->asked != r)
		c = template_set_look(s->templates, r);
	s->asked = NULL;
	if (!s->data.records)
		begin_batch(s, r->domain);
	h = held_by(r, c->template);
	if (c->template && burst_add(&s->data, c, r) == 0) {
		s->held[s->data.last].packets += h.packets;
		s->held[s->data.last].bytes += h.bytes;
		return 0;
	}
	count_lost(s, r->domain, 1, &h);
	sink->stats.uncarried_records++;
	return -ENOENT;
}

void session_prepare(struct sink *sink)
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
static void finish_messages(struct session *s, unsigned from, uint32_t sequence, struct iovec *v)
{
	for (unsigned i = from; i < s->data.n_order; i++)
		v[i] = domain_wire(s, s->data.order[i], i, &sequence);
}

static void count_batch(struct session *s, struct domain_state *d, unsigned from, unsigned n,
			const struct iovec *v)
{
	for (unsigned i = from; i < from + n; i++) {
		uint32_t records = s->data.order[i]->records;

		domain_count(s, d, v[i].iov_len, records);
		d->sequence += s->netflow9 ? 1 : records;
		s->sent |= UINT64_C(1) << i;
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

	finish_messages(s, 0, d->sequence, v);
	udp_batch_init(&s->udp, &batch, v, s->data.n_order, begin_note(s, d));
	if (s->note)
		__atomic_store_n(&s->note->n, s->data.n_order, __ATOMIC_RELEASE);
	while (r == 0 && batch.at < batch.n_units) {
		unsigned from = batch.n_done, n;
		uint32_t sequence = d->sequence;

		if (from)
			r = domain_refresh(s, d, now);
		if (r < 0)
			break;
		if (failed || sequence != d->sequence)
			finish_messages(s, from, d->sequence, v);
		failed = udp_batch_send(&s->udp, &batch, &n);
		session_tell(s);
		count_batch(s, d, from, n, v);
		if (failed)
			udp_batch_skip(&batch);
		first = first ? first : failed;
	}
	return r ? r : first;
}

static int send_one(struct session *s, struct domain_state *d)
{
	struct message *m = s->data.order[0];
	int r = domain_send(s, d, m);

	if (r < 0)
		return r;
	s->sent = 1;
	s->sink.stats.records += m->records;
	d->counts.records += m->records;
	return 0;
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
	r = domain_refresh(s, d, now);
	if (r == 0) {
		domain_options(s, d, OPTIONS_BEGIN, now);
		r = s->data.n_order > 1 || s->note ? send_batch(s, d, now) : send_one(s, d);
	}
	if (s->note && kept)
		s->sequence.set(s->sequence.arg, s->id, d->domain, d->sequence);
	return r;
}

/* What of the batch did not leave. */
static struct held held_back(const struct session *s)
{
	struct held h = { 0 };

	for (unsigned i = 0; i < s->data.n_used; i++) {
		if (s->sent & UINT64_C(1) << s->data.place[i])
			continue;
		h.packets += s->held[i].packets;
		h.bytes += s->held[i].bytes;
	}
	return h;
}

int session_flush(struct sink *sink)
{
	struct session *s = session_of(sink);
	uint64_t before = sink->stats.records, lost;
	struct held h;
	int r;

	if (!s->data.records) {
		s->note = NULL;
		return 0;
	}
	s->sent = 0;
	burst_finish(&s->data);
	r = flush_to(s, clock_boot_ns());
	lost = s->data.records - (sink->stats.records - before);
	if (lost) {
		h = held_back(s);
		count_lost(s, s->data.domain, lost, &h);
	}
	sink->stats.lost_records += lost;
	burst_begin(&s->data, 0);
	s->note = NULL;
	return r;
}
