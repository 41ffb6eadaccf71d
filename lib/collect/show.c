// SPDX-License-Identifier: Apache-2.0
/*
 * See show.h. The head of a line is the message's, then each element by name. paddingOctets
 * say nothing and are left out.
 */
#include "collect/show.h"

#include <errno.h>
#include <stdlib.h>

#include "collect/show_text.h"

enum { PADDING_OCTETS = 210, HEAD_ROOM = 1024, NAME_ROOM = 16, INTERFACE_ROOM = 512 };

const char *const show_format_names[] = { "text", "ndjson", NULL };

void show_deinit(struct show *s)
{
	free(s->data);
	*s = (struct show){ .format = s->format };
}

static int make_room(struct show *s, size_t more)
{
	size_t cap = s->cap ? s->cap : 1 << 16;
	char *data;

	if (s->cap - s->len >= more)
		return 0;
	while (cap - s->len < more)
		cap *= 2;
	data = realloc(s->data, cap);
	if (!data)
		return -ENOMEM;
	s->data = data;
	s->cap = cap;
	return 0;
}

static char *head_json(struct show *s, char *out, const struct decode_record *r)
{
	const struct decode_message *m = r->message;

	out = show_u64(SHOW_PUT(out, "{\"observationDomainId\":"), m->domain_id);
	out = show_u64(SHOW_PUT(out, ",\"templateId\":"), r->schema->id);
	out = show_time(s, SHOW_PUT(out, ",\"exportTime\":\""), m->export_s, 0, 0);
	out = SHOW_PUT(out, "\",\"exporter\":\"");
	out = show_string(out, (const uint8_t *)m->session->peer, strlen(m->session->peer));
	*out++ = '"';
	if (m->version == 9)
		out = show_u64(SHOW_PUT(out, ",\"sysUpTime\":"), m->uptime_ms);
	if (r->schema->kind == SCHEMA_OPTIONS)
		out = show_u64(SHOW_PUT(out, ",\"options\":true,\"scopeFields\":"),
			       r->schema->n_scope);
	return out;
}

static char *head_text(struct show *s, char *out, const struct decode_record *r)
{
	const struct decode_message *m = r->message;

	out = show_time(s, out, m->export_s, 0, 0);
	*out++ = ' ';
	out = show_string(out, (const uint8_t *)m->session->peer, strlen(m->session->peer));
	out = show_u64(SHOW_PUT(out, " domain="), m->domain_id);
	out = show_u64(SHOW_PUT(out, " template="), r->schema->id);
	if (m->version == 9)
		out = show_u64(SHOW_PUT(out, " sysUpTime="), m->uptime_ms);
	if (r->schema->kind == SCHEMA_OPTIONS)
		out = show_u64(SHOW_PUT(out, " options scopeFields="), r->schema->n_scope);
	return out;
}

static char *put_field(struct show *s, char *out, const struct schema_value *v)
{
	bool json = s->format == SHOW_NDJSON;

	out = json ? SHOW_PUT(out, ",\"") : SHOW_PUT(out, " ");
	out = show_put(out, v->field->name, v->field->name_len);
	out = json ? SHOW_PUT(out, "\":") : SHOW_PUT(out, "=");
	return show_value(s, out, v, json);
}

/* "ingressInterface_name", behind the number, where the exporter told it. */
static char *put_interface(struct show *s, char *out, const struct decode_record *r,
			   const struct schema_value *v)
{
	const struct interfaces *t = &r->message->domain->interfaces;
	const struct interface *i = t->n && v->len <= 4 ?
				    interfaces_find(t, (uint32_t)wire_be(v->data, v->len)) : NULL;

	if (!i)
		return out;
	out = s->format == SHOW_NDJSON ? SHOW_PUT(out, ",\"") : SHOW_PUT(out, " ");
	out = show_put(out, v->field->name, v->field->name_len);
	out = s->format == SHOW_NDJSON ? SHOW_PUT(out, "_name\":\"") : SHOW_PUT(out, "_name=\"");
	out = show_string(out, i->name, i->len);
	*out++ = '"';
	return out;
}

int show_record(struct show *s, const struct decode_record *r)
{
	struct wire w = wire_of(r->data, r->len);
	struct schema_value v;
	char *out;

	if (make_room(s, HEAD_ROOM + r->schema->names_len +
				 r->schema->n_fields * (NAME_ROOM + SHOW_ROOM) +
				 r->schema->n_interfaces * INTERFACE_ROOM +
				 SHOW_ROOM_AN_OCTET * r->len) < 0)
		return -ENOMEM;
	s->elements = &r->message->session->elements;
	out = s->data + s->len;
	out = s->format == SHOW_NDJSON ? head_json(s, out, r) : head_text(s, out, r);
	for (size_t i = 0; i < r->schema->n_fields && schema_take(r->schema, i, &w, &v); i++) {
		if (v.field->id != PADDING_OCTETS || v.field->pen)
			out = put_field(s, out, &v);
		if (v.field->is_interface)
			out = put_interface(s, out, r, &v);
	}
	if (s->format == SHOW_NDJSON)
		*out++ = '}';
	*out++ = '\n';
	s->len = (size_t)(out - s->data);
	return 0;
}
