// SPDX-License-Identifier: Apache-2.0
/*
 * A round of options data: every record of every row that is wanted.
 *
 * It may be more than may be sent at once (a thousand interfaces): when sending stops, the
 * place of the first record that did not leave is kept, and the next round of the domain goes
 * on there. Facts are asked for anew each time; a record that moved meanwhile is told by the
 * next round.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "ipfix/options_parts.h"

#define TEXT_MAX 1024

static bool has_room(const struct message *m, uint16_t set_id, size_t len)
{
	size_t header = m->set && m->set_id == set_id ? 0 : IPFIX_SET_HEADER_LEN;

	return m->len + header + len <= m->cap;
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
	size_t n = options_fields(row);
	uint8_t *p = out;

	for (size_t i = 0; i < n; i++) {
		const struct options_field *f = &row->fields[i];
		const uint8_t *at = (const uint8_t *)v + f->offset;

		if (f->text)
			p = put_text(p, *(const char *const *)at, f, options_is_variable(o, f));
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
		.templates = o->templates,
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
	unsigned what;
	struct options_place at, begin;	/* the record at hand, and the first in the message */
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
		const struct options_row *row = &rows[r->at.row];

		if (options_is_wanted(r->o, row) && (row->option & r->what))
			err = send_row(r, row, &v);
		if (err < 0)
			return err;
		r->at = (struct options_place) { r->at.row + 1, 0 };
	}
	return send_out(r);
}

int options_round(struct options *o, unsigned what, unsigned least, struct message *m,
		  uint32_t domain, const struct options_session *counts, options_send_fn send,
		  void *arg)
{
	struct options_facts facts = { 0 };
	struct round round = { .o = o, .facts = &facts, .m = m, .domain = domain, .what = what,
			       .send = send, .arg = arg };
	struct options_values values;
	int r = o->source.get(o->source.arg, domain, &facts);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (o->is_open && o->open_domain == domain && o->open_what == what)
		round.at = o->open_at;
	values = values_of(o, &facts, domain, counts);
	values.least = least;
	r = send_rows(&round, values);
	o->is_open = r < 0;
	o->open_domain = domain;
	o->open_what = what;
	o->open_at = round.begin;
	return r;
}
