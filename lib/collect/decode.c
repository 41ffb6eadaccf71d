// SPDX-License-Identifier: Apache-2.0
/*
 * Headers, and a message cut into its sets. The lengths of all sets are looked at before the
 * first one is used: a malformed message is dropped whole (RFC 7011 9.1), so that half of it
 * cannot leave templates behind.
 */
#include "collect/decode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "collect/decode_parts.h"

enum { VERSION_V9 = 9, VERSION_IPFIX = 10, HEADER_V9 = 20, HEADER_IPFIX = 16, SET_HEADER = 4 };

const char *const decode_transport_names[] = { "udp", "tcp", "tls", "sctp", "file", NULL };

struct decode_session *decode_session_new(enum decode_transport transport, const char *peer)
{
	struct decode_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->transport = transport;
	snprintf(s->peer, sizeof(s->peer), "%s", peer);
	text_printable(s->peer);
	return s;
}

void decode_session_free(const struct decode *d, struct decode_session *s)
{
	if (!s)
		return;
	*d->budget_bytes += s->schema_bytes;
	while (s->domains) {
		struct decode_domain *domain = s->domains;

		s->domains = domain->next;
		schema_set_deinit(&domain->schemas);
		interfaces_deinit(&domain->interfaces);
		free(domain);
	}
	element_table_deinit(&s->elements);
	free(s);
}

void decode_find(const struct decode_message *m, enum rule rule, const uint8_t *at, const char *fmt,
		 ...)
{
	struct finding f = {
		.rule = rule,
		.session = m->session,
		.message = m->number,
		.domain = m->domain_id,
		.has_domain = m->domain,
		.offset = at ? (size_t)(at - m->data) : 0,
	};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.text, sizeof(f.text), fmt, ap);
	va_end(ap);
	text_printable(f.text);
	m->decode->handler.finding(m->decode->handler.arg, &f);
}

size_t decode_message_len(const uint8_t *data, size_t len)
{
	return len >= 4 && wire_be16(data) == VERSION_IPFIX ? wire_be16(data + 2) : 0;
}

bool decode_is_message(const uint8_t *data, size_t len)
{
	if (len < 2)
		return false;
	return (wire_be16(data) == VERSION_IPFIX && len >= HEADER_IPFIX) ||
	       (wire_be16(data) == VERSION_V9 && len >= HEADER_V9);
}

/* The domain of @m, made if need be; NULL: there are too many, or no memory (told). */
static struct decode_domain *domain_of(const struct decode_message *m)
{
	struct decode_session *s = m->session;
	struct decode_domain **p = &s->domains, *d;

	while (*p && ((*p)->id != m->domain_id || (*p)->version != m->version))
		p = &(*p)->next;
	d = *p;
	if (d) {
		*p = d->next;
	} else {
		d = s->n_domains < DECODE_DOMAINS_MAX ? calloc(1, sizeof(*d)) : NULL;
		if (!d) {
			decode_find(m, RULE_TEMPLATE_LIMIT, NULL,
				    "domain %u is one more than are kept", m->domain_id);
			return NULL;
		}
		d->id = m->domain_id;
		d->version = m->version;
		s->n_domains++;
	}
	d->next = s->domains;
	s->domains = d;
	return d;
}

static int read_header_v9(struct decode_message *m)
{
	if (m->len < HEADER_V9) {
		decode_find(m, RULE_MESSAGE_SHORT, NULL, "%zu bytes, a NetFlow 9 header has 20",
			    m->len);
		return -EBADMSG;
	}
	m->uptime_ms = wire_be32(m->data + 4);
	m->export_s = wire_be32(m->data + 8);
	m->sequence = wire_be32(m->data + 12);
	m->domain_id = wire_be32(m->data + 16);
	return HEADER_V9;
}

static int read_header_ipfix(struct decode_message *m)
{
	size_t len;

	if (m->len < HEADER_IPFIX) {
		decode_find(m, RULE_MESSAGE_SHORT, NULL, "%zu bytes, a header has 16", m->len);
		return -EBADMSG;
	}
	len = wire_be16(m->data + 2);
	if (len != m->len) {
		decode_find(m, RULE_MESSAGE_LENGTH, m->data + 2, "length %zu in %zu bytes", len,
			    m->len);
		if (len > m->len || len < HEADER_IPFIX)
			return -EBADMSG;
		m->len = len;
	}
	m->export_s = wire_be32(m->data + 4);
	m->sequence = wire_be32(m->data + 8);
	m->domain_id = wire_be32(m->data + 12);
	return HEADER_IPFIX;
}

/* Bytes of the header, or -EBADMSG. */
static int read_header(struct decode_message *m)
{
	m->version = m->len >= 2 ? wire_be16(m->data) : 0;
	if (m->version == VERSION_IPFIX)
		return read_header_ipfix(m);
	if (m->version == VERSION_V9 && m->session->transport == DECODE_UDP)
		return read_header_v9(m);
	if (m->len < 2)
		decode_find(m, RULE_MESSAGE_SHORT, NULL, "%zu bytes", m->len);
	else
		decode_find(m, RULE_VERSION, m->data, "version %u", m->version);
	return -EBADMSG;
}

/* The next set's content and id; false at the end. The lengths were checked. */
static bool next_set(struct wire *w, uint16_t *ret_id, struct wire *ret)
{
	const uint8_t *p;
	size_t len;

	if (wire_left(w) < SET_HEADER)
		return false;
	*ret_id = wire_be16(w->p);
	len = wire_be16(w->p + 2);
	if (len < SET_HEADER || !wire_take(w, len, &p))
		return false;
	*ret = wire_of(p + SET_HEADER, len - SET_HEADER);
	return true;
}

/* NetFlow 9 has no length in its header: zeros at the end are a frame's padding. */
static bool is_tail(const struct decode_message *m, const struct wire *w)
{
	for (const uint8_t *p = w->p; p < w->end; p++) {
		if (*p)
			return false;
	}
	return m->version == VERSION_V9;
}

static bool check_sets(const struct decode_message *m, struct wire w)
{
	while (wire_left(&w) >= SET_HEADER) {
		size_t len = wire_be16(w.p + 2);

		if (len < SET_HEADER) {
			if (is_tail(m, &w))
				return true;
			decode_find(m, RULE_SET_SHORT, w.p, "set length %zu", len);
			return false;
		}
		if (len > wire_left(&w)) {
			decode_find(m, RULE_SET_LONG, w.p,
				    "set length %zu where %zu bytes are left", len, wire_left(&w));
			return false;
		}
		w.p += len;
	}
	if (!wire_left(&w) || is_tail(m, &w))
		return true;
	decode_find(m, RULE_SET_SHORT, w.p, "%zu bytes behind the last set", wire_left(&w));
	return false;
}

static void decode_set(struct decode_message *m, uint16_t id, struct wire w)
{
	if (!wire_left(&w))
		decode_find(m, RULE_SET_EMPTY, w.p - SET_HEADER, "set %u is empty", id);
	else if (id >= 256)
		decode_data_set(m, w, id);
	else if (m->version == VERSION_V9 && id <= 1)
		decode_template_set_v9(m, w, id ? SCHEMA_OPTIONS : SCHEMA_DATA);
	else if (m->version == VERSION_IPFIX && (id == SCHEMA_DATA || id == SCHEMA_OPTIONS))
		decode_template_set(m, w, id);
	else
		decode_find(m, RULE_SET_ID, w.p - SET_HEADER, "set id %u", id);
}

static void check_count(const struct decode_message *m)
{
	unsigned count = wire_be16(m->data + 2);

	if (m->version == VERSION_V9 && !m->unread_bytes && count != m->n_records + m->n_templates)
		decode_find(m, RULE_V9_COUNT, m->data + 2, "count %u, but there are %u", count,
			    m->n_records + m->n_templates);
}

int decode_message(const struct decode *d, struct decode_session *s, const uint8_t *data,
		   size_t len, uint64_t received_ns)
{
	struct decode_message m = {
		.session = s,
		.decode = d,
		.number = ++s->n_messages,
		.received_ns = received_ns,
		.data = data,
		.len = len,
	};
	int header = read_header(&m);
	struct wire w, set;
	uint16_t id;

	if (header < 0)
		return header;
	w = wire_of(data + header, m.len - header);
	m.domain = domain_of(&m);
	if (!m.domain)
		return 0;
	if (!check_sets(&m, w)) {
		sequence_advance(&m.domain->sequence, 0, m.len);
		return -EBADMSG;
	}
	decode_sequence_begin(&m);
	if (d->handler.message)
		d->handler.message(d->handler.arg, &m);
	while (next_set(&w, &id, &set))
		decode_set(&m, id, set);
	decode_types_apply(&m);
	check_count(&m);
	decode_sequence_end(&m);
	s->n_records += m.n_records;
	m.domain->last_export_s = m.export_s;
	m.domain->had_message = true;
	return 0;
}
