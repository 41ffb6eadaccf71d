// SPDX-License-Identifier: Apache-2.0
/*
 * The rows of options_row.c, as far as the profile wants them, become options templates and
 * data. Template ids go down from 65535, a row each, past those that the user has taken.
 *
 * What is told may be more than may be sent at once (a thousand interfaces): when sending
 * stops, the place of the first record that did not leave is kept, and the next call goes on
 * there. Facts are asked for anew each time; a record that moved meanwhile is told by the
 * next round.
 */
#include "ipfix/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "ipfix/options_row.h"

#define SET_OPTIONS_TEMPLATE 3
#define TEMPLATE_ID_LAST 65535
#define VARIABLE 65535		/* as a length (RFC 7011 7) */
#define TEXT_MAX 1024

/* Of options data: the next record. */
struct place {
	size_t row, item;
};

struct options {
	const struct profile *profile;
	struct options_source source;
	uint32_t enterprise;
	bool netflow9;
	uint16_t ids[OPTIONS_ROWS_MAX];
	bool is_open;			/* the last round was not finished, */
	uint32_t open_domain;		/* that of this domain, */
	struct place open_at;		/* and goes on here */
};

int options_new(const struct profile *profile, uint32_t enterprise,
		const struct options_source *source, struct options **ret)
{
	struct options *o = calloc(1, sizeof(*o));

	if (!o)
		return fail(-ENOMEM, "cannot make options templates");
	o->profile = profile;
	o->enterprise = enterprise;
	o->source = *source;
	options_use(o, NULL, 0);
	*ret = o;
	return 0;
}

void options_free(struct options *o)
{
	free(o);
}

static bool is_taken(const struct template_set *set, uint16_t id)
{
	for (size_t i = 0; set && i < template_set_count(set); i++) {
		if (template_set_get(set, i)->id == id)
			return true;
	}
	return false;
}

void options_use(struct options *o, const struct template_set *templates, unsigned version)
{
	uint16_t id = TEMPLATE_ID_LAST;

	o->netflow9 = version == 9;
	for (size_t i = 0; i < OPTIONS_ROWS_MAX; i++) {
		while (is_taken(templates, id))
			id--;
		o->ids[i] = id--;
	}
}

/* NetFlow v9 has elements 34 and 35 for sampling, and none of the others. */
static int sampling_of(const struct options *o)
{
	if (o->netflow9 && o->profile->sampling != SAMPLING_INTERVAL_ALONE)
		return SAMPLING_INTERVAL;
	return o->profile->sampling;
}

static bool is_wanted(const struct options *o, const struct options_row *row)
{
	int shape = row->option == OPTIONS_SAMPLING ? sampling_of(o) :
		    row->option == OPTIONS_INTERFACES ? (int)o->profile->interfaces : -1;

	return (o->profile->options & row->option) && row->shape == shape &&
	       (row->netflow9 || !o->netflow9);
}

static bool is_variable(const struct options *o, const struct options_field *f)
{
	return f->text && o->profile->strings && !o->netflow9;
}

static size_t fields_of(const struct options_row *row)
{
	size_t n = 0;

	while (n < OPTIONS_FIELDS_MAX && row->fields[n].id)
		n++;
	return n;
}

static bool has_room(const struct message *m, uint16_t set_id, size_t len)
{
	size_t header = m->set && m->set_id == set_id ? 0 : IPFIX_SET_HEADER_LEN;

	return m->len + header + len <= m->cap;
}

/* Each in a set of its own: nfcapd 1.7.1 reads the first of a set only. */
static void add_template(const struct options *o, struct message *m, const struct options_row *row,
			 uint16_t id)
{
	size_t n = fields_of(row);
	uint8_t *p;

	message_end_set(m);
	p = message_begin_set(m, SET_OPTIONS_TEMPLATE);
	put_be16(p, id);
	put_be16(p + 2, n);
	put_be16(p + 4, row->n_scopes);
	p += 6;
	for (size_t i = 0; i < n; i++, p += 4) {
		put_be16(p, row->fields[i].id);
		put_be16(p + 2, is_variable(o, &row->fields[i]) ? VARIABLE : row->fields[i].len);
	}
	message_took(m, 6 + 4 * n, 0);
}

int options_send_templates(const struct options *o, struct message *m, uint32_t domain,
			   options_send_fn send, void *arg)
{
	size_t n;
	const struct options_row *rows = options_rows(&n);
	int r = 0;

	message_begin(m, domain);
	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t len = IPFIX_SET_HEADER_LEN + 6 + 4 * fields_of(&rows[i]);

		if (!is_wanted(o, &rows[i]) || IPFIX_HEADER_LEN + len > m->cap)
			continue;
		if (m->len + len > m->cap) {
			r = send(arg, m);
			message_begin(m, domain);
		}
		add_template(o, m, &rows[i], o->ids[i]);
	}
	return r < 0 || message_is_empty(m) ? r : send(arg, m);
}

static uint8_t *put_number(uint8_t *p, uint64_t v, size_t len)
{
	uint8_t bytes[8];

	put_be64(bytes, v);
	memcpy(p, bytes + sizeof(bytes) - len, len);
	return p + len;
}

static uint8_t *put_text(uint8_t *p, const char *text, const struct options_field *f, bool variable)
{
	uint8_t bytes[TEXT_MAX];
	size_t len = utf8_copy(bytes, variable ? TEXT_MAX : f->len, text ? text : "");

	if (!variable) {
		memset(bytes + len, 0, f->len - len);
		len = f->len;
	} else if (len < 255) {
		*p++ = len;
	} else {
		*p++ = 255;
		put_be16(p, len);
		p += 2;
	}
	memcpy(p, bytes, len);
	return p + len;
}

/* @out: room for the longest record of any row. Returns its length. */
static size_t encode_row(const struct options *o, const struct options_row *row,
			 const struct options_values *v, uint8_t *out)
{
	size_t n = fields_of(row);
	uint8_t *p = out;

	for (size_t i = 0; i < n; i++) {
		const struct options_field *f = &row->fields[i];
		const uint8_t *at = (const uint8_t *)v + f->offset;

		if (f->text)
			p = put_text(p, *(const char *const *)at, f, is_variable(o, f));
		else
			p = put_number(p, *(const uint64_t *)at, f->len);
	}
	return p - out;
}

static struct options_values values_of(const struct options *o, const struct options_facts *f,
				       uint32_t domain, const struct options_session *counts)
{
	uint64_t first_ms = f->first_lost_ns / NSEC_PER_MSEC;
	uint64_t last_ms = f->last_lost_ns / NSEC_PER_MSEC;
	struct options_values v = {
		.domain = domain,
		.process = getpid(),
		.enterprise = o->enterprise,
		.messages = counts->messages,
		.bytes = counts->bytes,
		.records = counts->records,
		.ignored_packets = f->ignored_packets,
		.ignored_bytes = f->ignored_bytes,
		.not_sent_flows = f->not_sent_flows + counts->lost_records,
		.not_sent_packets = f->not_sent_packets + counts->lost_packets,
		.not_sent_bytes = f->not_sent_bytes + counts->lost_bytes,
	};

	if (v.ignored_packets) {
		v.ignored_first_ms = first_ms;
		v.ignored_last_ms = last_ms;
	}
	if (v.not_sent_flows) {
		v.not_sent_first_ms = first_ms;
		v.not_sent_last_ms = last_ms;
	}
	return v;
}

/* One round over all records, or what is left of it. */
struct round {
	const struct options *o;
	const struct options_facts *facts;
	struct message *m;
	uint32_t domain;
	struct place at, begin;		/* the record at hand, and the first in the message */
	options_send_fn send;
	void *arg;
};

static int send_out(struct round *r)
{
	int err = message_is_empty(r->m) ? 0 : r->send(r->arg, r->m);

	if (err < 0)
		return err;
	message_begin(r->m, r->domain);
	r->begin = r->at;
	return 0;
}

/* A record that is too long for any message is left out. */
static int add_record(struct round *r, const uint8_t *record, size_t len)
{
	uint16_t id = r->o->ids[r->at.row];
	int err = 0;

	if (IPFIX_HEADER_LEN + IPFIX_SET_HEADER_LEN + len > r->m->cap)
		return 0;
	if (!has_room(r->m, id, len))
		err = send_out(r);
	if (err < 0)
		return err;
	memcpy(message_begin_set(r->m, id), record, len);
	message_took(r->m, len, 1);
	return 0;
}

static int send_row(struct round *r, const struct options_row *row, struct options_values *v)
{
	uint8_t record[OPTIONS_FIELDS_MAX * 8 + 2 * (TEXT_MAX + 3)];
	size_t n = row->count(r->facts);
	int err = 0;

	for (; err == 0 && r->at.item < n; r->at.item += err == 0) {
		if (row->pick(r->facts, r->at.item, v))
			err = add_record(r, record, encode_row(r->o, row, v, record));
	}
	return err;
}

static int send_rows(struct round *r, struct options_values v)
{
	size_t n;
	const struct options_row *rows = options_rows(&n);
	int err = 0;

	message_begin(r->m, r->domain);
	r->begin = r->at;
	while (r->at.row < n) {
		if (is_wanted(r->o, &rows[r->at.row]))
			err = send_row(r, &rows[r->at.row], &v);
		if (err < 0)
			return err;
		r->at = (struct place) { r->at.row + 1, 0 };
	}
	return send_out(r);
}

int options_send_data(struct options *o, struct message *m, uint32_t domain,
		      const struct options_session *counts, options_send_fn send, void *arg)
{
	struct options_facts facts = { 0 };
	struct round round = { .o = o, .facts = &facts, .m = m, .domain = domain,
			       .send = send, .arg = arg };
	int r = o->source.get(o->source.arg, domain, &facts);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (o->is_open && o->open_domain == domain)
		round.at = o->open_at;
	r = send_rows(&round, values_of(o, &facts, domain, counts));
	o->is_open = r < 0;
	o->open_domain = domain;
	o->open_at = round.begin;
	return r;
}

void options_again(struct options *o)
{
	o->is_open = false;
}
