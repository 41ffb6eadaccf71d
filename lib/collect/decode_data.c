// SPDX-License-Identifier: Apache-2.0
/*
 * Data sets: which template, is it alive, and one record after another. What cannot be read
 * is counted in bytes, so that the sequence numbers of the next message tell how many records
 * it may have been.
 */
#include "collect/decode_parts.h"

static bool is_expired(const struct decode_message *m, const struct schema *s)
{
	return m->session->transport == DECODE_UDP && m->decode->lifetime_ns &&
	       m->received_ns > s->refreshed_ns &&
	       m->received_ns - s->refreshed_ns > m->decode->lifetime_ns;
}

static void tell_missing(const struct decode_message *m, uint16_t id, const uint8_t *at)
{
	decode_find(m, m->domain->whole ? RULE_NO_TEMPLATE : RULE_TEMPLATE_LATE, at,
		    "data of template %u, which %s", id,
		    m->domain->whole ? "was never sent" : "was not seen yet");
}

/* The living template of @id, or NULL, told. */
static const struct schema *find(const struct decode_message *m, uint16_t id, const uint8_t *at)
{
	const struct schema *s = schema_set_find(&m->domain->schemas, id);

	if (!s) {
		tell_missing(m, id, at);
	} else if (s->withdrawn) {
		decode_find(m, RULE_TEMPLATE_WITHDRAWN, at,
			    "data of template %u, which was withdrawn", id);
		return NULL;
	} else if (is_expired(m, s)) {
		decode_find(m, RULE_TEMPLATE_EXPIRED, at, "data of template %u, last sent %u s ago",
			    id, (unsigned)((m->received_ns - s->refreshed_ns) / 1000000000));
		return NULL;
	}
	return s && s->min_len ? s : NULL;
}

/* What there is no room for stays a number. */
static void learn_interface(const struct decode_message *m, const struct decode_record *r)
{
	struct interfaces *t = &m->domain->interfaces;
	size_t more = interfaces_growth(t);
	struct schema_value name;
	uint32_t number;

	if (!interfaces_read(r->schema, r->data, r->len, &number, &name))
		return;
	if (more > *m->decode->budget_bytes || m->session->schema_bytes + more > DECODE_SESSION_BYTES)
		return;
	more = interfaces_learn(t, number, name.data, name.len);
	*m->decode->budget_bytes -= more;
	m->session->schema_bytes += more;
}

static void record(struct decode_message *m, const struct schema *s, const uint8_t *data,
		   size_t len)
{
	const struct decode_handler *handler = &m->decode->handler;
	struct decode_record r = { .message = m, .schema = s, .data = data, .len = len };

	m->n_records++;
	if (handler->record)
		handler->record(handler->arg, &r);
	if (s->tells_types)
		decode_types(m, &r);
	if (s->tells_interfaces)
		learn_interface(m, &r);
}

void decode_data_set(struct decode_message *m, struct wire w, uint16_t id)
{
	const struct schema *s = find(m, id, w.p - 4);
	uint32_t before = m->n_records;
	const uint8_t *data;
	size_t len;

	if (!s) {
		m->session->n_unread_sets++;
		m->unread_bytes += wire_left(&w);
		return;
	}
	while (wire_left(&w) >= s->min_len) {
		len = schema_record_len(s, &w);
		if (!len || !wire_take(&w, len, &data))
			break;
		record(m, s, data, len);
	}
	if (s->min_len && wire_left(&w) >= s->min_len) {
		decode_find(m, RULE_RECORD_CUT, w.p,
			    "a record of template %u is longer than its set", id);
		m->unread_bytes += wire_left(&w);
		return;
	}
	if (m->n_records == before)
		decode_find(m, RULE_SET_EMPTY, w.p, "set %u has no whole record", id);
	decode_padding(m, &w, m->version == 9 ? 0 : s->min_len);
}
