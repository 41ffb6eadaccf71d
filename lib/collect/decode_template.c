// SPDX-License-Identifier: Apache-2.0
/*
 * Template sets of IPFIX (RFC 7011 3.4.1, 3.4.2) and of NetFlow 9 (RFC 3954 5.2, 6.1), what
 * becomes of a template that was there already, and withdrawals (RFC 7011 8.1, 8.4).
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "collect/decode_parts.h"

enum { SPECIFIER = 4, ENTERPRISE_BIT = 0x8000, REUSE_INTERVALS = 3 };

static bool is_lossy(const struct decode_message *m)
{
	return m->session->transport == DECODE_UDP;
}

void decode_padding(struct decode_message *m, const struct wire *w, size_t shortest_record)
{
	if (wire_left(w) >= shortest_record && shortest_record)
		decode_find(m, RULE_PADDING_LONG, w->p, "%zu bytes of padding, a record has %zu",
			    wire_left(w), shortest_record);
	for (const uint8_t *p = w->p; p < w->end; p++) {
		if (*p) {
			decode_find(m, RULE_PADDING_VALUE, p, "octet %u in the padding", *p);
			return;
		}
	}
}

/* It was there and comes again as it was: it lives on. */
static void refresh(struct decode_message *m, struct schema *old, const uint8_t *at)
{
	old->interval_ns = m->received_ns - old->refreshed_ns;
	old->refreshed_ns = m->received_ns;
	if (!is_lossy(m) && m->session->transport != DECODE_FILE)
		decode_find(m, RULE_TEMPLATE_REPEATED, at, "template %u comes again", old->id);
}

/* It was there and becomes another: may it? */
static void check_change(struct decode_message *m, const struct schema *old, const uint8_t *at)
{
	uint64_t since_ns = m->received_ns - old->refreshed_ns;

	if (!is_lossy(m) && m->version == 10)
		decode_find(m, RULE_TEMPLATE_CHANGED, at,
			    "template %u changes without a withdrawal", old->id);
	else if (old->interval_ns && since_ns < REUSE_INTERVALS * old->interval_ns)
		decode_find(m, RULE_TEMPLATE_REUSED, at,
			    "template %u becomes another after %.1f s, it was sent every %.1f s",
			    old->id, (double)since_ns / NSEC_PER_SEC,
			    (double)old->interval_ns / NSEC_PER_SEC);
}

static bool has_room(const struct decode_message *m, const struct schema *s,
		     const struct schema *old)
{
	size_t freed = old ? old->size_bytes : 0, needs = s->size_bytes;

	return needs <= *m->decode->budget_bytes + freed &&
	       m->session->schema_bytes - freed + needs <= DECODE_SESSION_BYTES;
}

static int store(struct decode_message *m, struct schema *s, const struct schema *old)
{
	size_t freed = old ? old->size_bytes : 0, needs = s->size_bytes;
	int r;

	if (!has_room(m, s, old))
		return -ENOSPC;
	r = schema_set_put(&m->domain->schemas, s);
	if (r < 0)
		return r;
	*m->decode->budget_bytes += freed - needs;
	m->session->schema_bytes += needs - freed;
	return 0;
}

/* A template whose fields are filled in; takes @s over. @at: where it stood. */
static void add_template(struct decode_message *m, struct schema *s, const uint8_t *at)
{
	const struct decode_handler *handler = &m->decode->handler;
	struct schema *old = schema_set_find(&m->domain->schemas, s->id);

	m->n_templates++;
	if (old && !old->withdrawn && schema_equal(s, old)) {
		refresh(m, old, at);
		schema_free(s);
		return;
	}
	s->refreshed_ns = m->received_ns;
	/* Naming fields is the dear part: not for what cannot be kept. */
	if (!has_room(m, s, old) || schema_resolve(s, &m->session->elements) < 0)
		goto drop;
	if (old && !old->withdrawn)
		check_change(m, old, at);
	if (handler->schema)
		handler->schema(handler->arg, m, s, at);
	if (s->min_len == 0)
		decode_find(m, RULE_TEMPLATE_EMPTY, at, "records of template %u have no length",
			    s->id);
	if (store(m, s, old) == 0)
		return;
drop:
	decode_find(m, RULE_TEMPLATE_LIMIT, at, "template %u is one more than are kept", s->id);
	schema_free(s);
}

/* Fields into @s; with @s NULL only skip them. False: they reach beyond the set. */
static bool read_fields(struct decode_message *m, struct wire *w, size_t n, struct schema *s)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *at = w->p;
		uint16_t id, len;
		uint32_t pen = 0;

		if (!wire_u16(w, &id) || !wire_u16(w, &len) ||
		    ((id & ENTERPRISE_BIT) && !wire_u32(w, &pen)))
			return false;
		if ((id & ENTERPRISE_BIT) && !pen)
			decode_find(m, RULE_FIELD_PEN, at, "element %u has enterprise number 0",
				    id & ~ENTERPRISE_BIT);
		if (!s)
			continue;
		s->fields[i].pen = pen;
		s->fields[i].id = id & ~ENTERPRISE_BIT;
		s->fields[i].len_bytes = len;
	}
	return true;
}

static bool scope_is_right(const struct decode_message *m, const uint8_t *at, uint16_t id,
			   uint16_t n, uint16_t n_scope)
{
	if (n_scope == 0)
		decode_find(m, RULE_SCOPE_NONE, at, "options template %u has no scope", id);
	else if (n_scope > n)
		decode_find(m, RULE_SCOPE_COUNT, at,
			    "options template %u has %u scope fields and %u fields", id, n_scope,
			    n);
	return n_scope && n_scope <= n;
}

/* One template with @n fields, from behind its own header on. False: no more can be read. */
static bool read_template(struct decode_message *m, struct wire *w, enum schema_kind kind,
			  uint16_t id, uint16_t n)
{
	const uint8_t *at = w->p - SPECIFIER;
	uint16_t n_scope = 0;
	bool keep = id >= 256, whole;
	struct schema *s = NULL;

	if (kind == SCHEMA_OPTIONS && !wire_u16(w, &n_scope)) {
		decode_find(m, RULE_TEMPLATE_CUT, at, "options template %u ends in its header", id);
		return false;
	}
	if (!keep)
		decode_find(m, RULE_TEMPLATE_ID, at, "template id %u", id);
	if (kind == SCHEMA_OPTIONS)
		keep &= scope_is_right(m, at, id, n, n_scope);
	if (keep && n > SCHEMA_FIELDS_MAX) {
		decode_find(m, RULE_TEMPLATE_LIMIT, at, "template %u has %u fields", id, n);
		keep = false;
	}
	if (keep)
		s = schema_new(id, kind, n);
	whole = read_fields(m, w, n, s);
	if (!whole)
		decode_find(m, RULE_TEMPLATE_CUT, at,
			    "template %u of %u fields is longer than its set", id, n);
	if (!whole || !s) {
		schema_free(s);
		return whole;
	}
	s->n_scope = n_scope;
	add_template(m, s, at);
	return true;
}

static void withdraw_all(struct decode_message *m, enum schema_kind kind)
{
	struct schema_set *set = &m->domain->schemas;

	for (size_t i = 0; i < SCHEMA_BUCKETS; i++) {
		for (struct schema *s = set->bucket[i]; s; s = s->next)
			s->withdrawn |= s->kind == kind;
	}
}

static void withdraw(struct decode_message *m, enum schema_kind kind, uint16_t id,
		     const uint8_t *at)
{
	struct schema *s;

	if (is_lossy(m)) {
		decode_find(m, RULE_WITHDRAWAL_UDP, at, "template %u is withdrawn: not heeded", id);
		return;
	}
	if (id == kind)
		return withdraw_all(m, kind);
	if (id < 256) {
		decode_find(m, RULE_TEMPLATE_ID, at, "template id %u is withdrawn", id);
		return;
	}
	s = schema_set_find(&m->domain->schemas, id);
	if (!s || s->withdrawn)
		decode_find(m, RULE_WITHDRAWAL_UNKNOWN, at,
			    "template %u is withdrawn, but it is not there", id);
	else if (s->kind != kind)
		decode_find(m, RULE_WITHDRAWAL_KIND, at, "template %u is withdrawn by a set %u", id,
			    kind);
	if (s)
		s->withdrawn = true;
}

void decode_template_set(struct decode_message *m, struct wire w, enum schema_kind kind)
{
	uint16_t id, n;

	while (wire_left(&w) >= SPECIFIER) {
		id = wire_be16(w.p);
		n = wire_be16(w.p + 2);
		if (id == 0 && n == 0)
			break;
		w.p += SPECIFIER;
		if (n == 0)
			withdraw(m, kind, id, w.p - SPECIFIER);
		else if (!read_template(m, &w, kind, id, n))
			return;
	}
	decode_padding(m, &w, SPECIFIER);
}

/* @n fields, all of four bytes: NetFlow 9 knows no enterprises. */
static bool read_fields_v9(struct decode_message *m, struct wire *w, enum schema_kind kind,
			   uint16_t id, size_t n, size_t n_scope)
{
	const uint8_t *at = w->p - SPECIFIER, *fields;
	struct schema *s = NULL;

	if (!wire_take(w, n * SPECIFIER, &fields)) {
		decode_find(m, RULE_TEMPLATE_CUT, at,
			    "template %u of %zu fields is longer than its set", id, n);
		return false;
	}
	if (id < 256)
		decode_find(m, RULE_TEMPLATE_ID, at, "template id %u", id);
	else if (n > SCHEMA_FIELDS_MAX)
		decode_find(m, RULE_TEMPLATE_LIMIT, at, "template %u has %zu fields", id, n);
	else
		s = schema_new(id, kind, n);
	if (!s)
		return true;
	for (size_t i = 0; i < n; i++) {
		s->fields[i].id = wire_be16(fields + i * SPECIFIER);
		s->fields[i].len_bytes = wire_be16(fields + i * SPECIFIER + 2);
	}
	s->v9 = true;
	s->n_scope = n_scope;
	add_template(m, s, at);
	return true;
}

/* RFC 3954 6.1 tells the scope and the rest in bytes, of four a field. */
static bool read_options_v9(struct decode_message *m, struct wire *w, uint16_t id,
			    uint16_t scope_bytes)
{
	uint16_t option_bytes;

	if (!wire_u16(w, &option_bytes) || scope_bytes % SPECIFIER || option_bytes % SPECIFIER) {
		decode_find(m, RULE_TEMPLATE_CUT, w->p, "options template %u has broken lengths",
			    id);
		return false;
	}
	return read_fields_v9(m, w, SCHEMA_OPTIONS, id, (scope_bytes + option_bytes) / SPECIFIER,
			      scope_bytes / SPECIFIER);
}

void decode_template_set_v9(struct decode_message *m, struct wire w, enum schema_kind kind)
{
	bool more = true;
	uint16_t id, n;

	while (more && wire_left(&w) >= SPECIFIER) {
		id = wire_be16(w.p);
		n = wire_be16(w.p + 2);
		if (id == 0)
			break;
		w.p += SPECIFIER;
		more = kind == SCHEMA_OPTIONS ? read_options_v9(m, &w, id, n)
					      : read_fields_v9(m, &w, kind, id, n, 0);
	}
	if (more)
		decode_padding(m, &w, 0);
}
