// SPDX-License-Identifier: Apache-2.0
/*
 * A message grows set by set: a record of another template closes the open set and begins
 * the next. Lengths are filled in when a set or the message is closed.
 */
#include "ipfix/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

int message_init(struct message *m, size_t cap)
{
	if (cap < IPFIX_HEADER_LEN + IPFIX_SET_HEADER_LEN)
		return fail_usage("an IPFIX message of %zu bytes holds nothing", cap);
	*m = (struct message) { .cap = cap < IPFIX_MESSAGE_MAX ? cap : IPFIX_MESSAGE_MAX };
	m->buf = malloc(m->cap + ENCODE_SLACK);
	if (!m->buf)
		return fail(-ENOMEM, "cannot make a message");
	message_begin(m, 0);
	return 0;
}

void message_deinit(struct message *m)
{
	free(m->buf);
	*m = (struct message) { 0 };
}

void message_begin(struct message *m, uint32_t domain)
{
	m->len = IPFIX_HEADER_LEN;
	m->set = 0;
	m->withdraws = false;
	m->domain = domain;
	m->records = 0;
}

bool message_is_empty(const struct message *m)
{
	return m->len <= IPFIX_HEADER_LEN;
}

static void close_set(struct message *m)
{
	if (m->set)
		put_be16(m->buf + m->set + 2, m->len - m->set);
	m->set = 0;
}

static size_t needed(const struct message *m, uint16_t set_id, size_t len)
{
	return len + (m->set && m->set_id == set_id ? 0 : IPFIX_SET_HEADER_LEN);
}

uint8_t *message_reserve(struct message *m, uint16_t set_id, size_t len)
{
	uint8_t *p;

	if (m->len + needed(m, set_id, len) > m->cap)
		return NULL;
	if (!m->set || m->set_id != set_id) {
		close_set(m);
		m->set = m->len;
		m->set_id = set_id;
		put_be16(m->buf + m->len, set_id);
		m->len += IPFIX_SET_HEADER_LEN;
	}
	p = m->buf + m->len;
	m->len += len;
	return p;
}

bool message_has_room(const struct message *m, const struct template *t)
{
	return m->len + needed(m, t->id, t->record_len) <= m->cap;
}

int message_encode(struct message *m, const struct template *t, const struct encoder *e,
		   const struct record *r)
{
	uint8_t *p = message_reserve(m, t->id, t->record_len);

	if (!p)
		return -EMSGSIZE;
	m->len -= t->record_len - encode(e, r, p);
	m->records++;
	return 0;
}

/* A set is of templates or of withdrawals, though both have the same id. */
static void begin_kind(struct message *m, bool withdraws)
{
	if (m->withdraws != withdraws)
		close_set(m);
	m->withdraws = withdraws;
}

int message_add_template(struct message *m, const struct template *t)
{
	uint8_t *p;

	begin_kind(m, false);
	p = message_reserve(m, IPFIX_SET_TEMPLATE, t->template_len);
	if (!p)
		return -EMSGSIZE;
	put_be16(p, t->id);
	put_be16(p + 2, t->n_elements);
	p += 4;
	for (size_t i = 0; i < t->n_elements; i++) {
		const struct ie *e = t->elements[i].ie;

		put_be16(p, e->id | (e->pen ? 0x8000 : 0));
		put_be16(p + 2, t->elements[i].len_bytes);
		p += 4;
		if (e->pen) {
			put_be32(p, e->pen);
			p += 4;
		}
	}
	return 0;
}

int message_add_withdrawal(struct message *m, uint16_t set_id, uint16_t id)
{
	uint8_t *p;

	begin_kind(m, true);
	p = message_reserve(m, set_id, 4);
	if (!p)
		return -EMSGSIZE;
	put_be16(p, id);
	put_be16(p + 2, 0);
	return 0;
}

uint8_t *message_begin_set(struct message *m, uint16_t set_id)
{
	return message_reserve(m, set_id, 0);
}

void message_took(struct message *m, size_t len, uint32_t records)
{
	m->len += len;
	m->records += records;
}

void message_end_set(struct message *m)
{
	close_set(m);
}

bool message_append(struct message *to, struct message *from)
{
	size_t len = from->len - IPFIX_HEADER_LEN;

	if (to->len + len > to->cap)
		return false;
	close_set(to);
	close_set(from);
	memcpy(to->buf + to->len, from->buf + IPFIX_HEADER_LEN, len);
	to->len += len;
	to->records += from->records;
	message_begin(from, from->domain);
	return true;
}

void message_finish(struct message *m, uint32_t sequence, uint32_t export_time_s)
{
	close_set(m);
	put_be16(m->buf, IPFIX_VERSION);
	put_be16(m->buf + 2, m->len);
	put_be32(m->buf + 4, export_time_s);
	put_be32(m->buf + 8, sequence);
	put_be32(m->buf + 12, m->domain);
}
