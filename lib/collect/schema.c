// SPDX-License-Identifier: Apache-2.0
/*
 * See schema.h. Names are made once a template, so that a record costs a copy of them. A name
 * that the registry has is its own string; all others stand one after another in `names`.
 */
#include "collect/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "collect/interfaces.h"
#include "flow/ie_registry.h"

/* The keys of every record's head (show.c): an element of that name is the second one. */
static const uint16_t in_head[] = { 145 /* templateId */, 149 /* observationDomainId */ };

/*
 * A name of our own is counted as if it were the longest there is, "_255" behind it: whatever an
 * exporter calls its elements later, the templates that were let in stay within their bound.
 */
#define OWN_NAME_MAX (ELEMENT_NAME_MAX + 4)

/* RFC 3954 6.1: what an options template of NetFlow 9 may have as scope. */
static const char *const v9_scopes[] = {
	NULL, "scopeSystem", "scopeInterface", "scopeLineCard", "scopeCache", "scopeTemplate",
};

struct schema *schema_new(uint16_t id, enum schema_kind kind, size_t n)
{
	size_t size = sizeof(struct schema) + n * sizeof(struct schema_field);
	struct schema *s = calloc(1, size);

	if (!s)
		return NULL;
	s->id = id;
	s->kind = kind;
	s->n_fields = n;
	s->size_bytes = size;
	return s;
}

void schema_free(struct schema *s)
{
	if (!s)
		return;
	free(s->names);
	free(s);
}

static bool same(const struct schema_field *a, const struct schema_field *b)
{
	return a->id == b->id && a->pen == b->pen;
}

static unsigned occurrence(const struct schema *s, size_t i)
{
	unsigned n = 1;

	for (size_t k = 0; k < i && n < 255; k++)
		n += same(&s->fields[k], &s->fields[i]);
	return n;
}

static bool is_in_head(const struct schema_field *f)
{
	for (size_t k = 0; k < sizeof(in_head) / sizeof(in_head[0]); k++) {
		if (f->pen == 0 && f->id == in_head[k])
			return true;
	}
	return false;
}

static bool is_v9_scope(const struct schema *s, size_t i)
{
	return s->v9 && i < s->n_scope;
}

static void describe(const struct schema *s, size_t i, const struct element_table *learnt,
		     struct element_info *ret)
{
	uint16_t id = s->fields[i].id;

	if (!is_v9_scope(s, i))
		return element_info(learnt, s->fields[i].pen, id, ret);
	*ret = (struct element_info){ .type = DATA_U64 };
	if (id && id < sizeof(v9_scopes) / sizeof(v9_scopes[0]))
		ret->known = snprintf(ret->name, sizeof(ret->name), "%s", v9_scopes[id]);
	else
		snprintf(ret->name, sizeof(ret->name), "scope%u", id);
	if (s->fields[i].len_bytes > 8)
		ret->type = DATA_OCTETS;
}

/* Where the name of field @i stands: in the registry, or (NULL) it is put behind @own. */
static const char *name_field(struct schema *s, size_t i, const struct element_table *learnt,
			      struct strbuf *own)
{
	struct schema_field *f = &s->fields[i];
	const struct ie_registered *r = ie_registered_by_id(f->id);
	struct element_info info;
	size_t before = own->len;
	unsigned number;

	describe(s, i, learnt, &info);
	f->type = info.type;
	f->known = info.known;
	if (!f->times) /* fields stay, so this does: it looks at every pair of them */
		f->times = occurrence(s, i);
	number = f->times + is_in_head(f);
	if (number == 1 && f->pen == 0 && r && !is_v9_scope(s, i)) {
		f->name_len = strlen(r->name);
		return r->name;
	}
	strbuf_puts(own, info.name);
	if (number > 1)
		strbuf_printf(own, "_%u", number);
	f->name_len = own->len - before;
	return NULL;
}

static bool tells_types(const struct schema *s)
{
	unsigned seen = 0;

	for (size_t i = 0; i < s->n_fields; i++) {
		if (s->fields[i].pen == 0 && s->fields[i].id == 303) /* informationElementId */
			seen |= 1;
		if (s->fields[i].pen == 0 && s->fields[i].id == 341) /* informationElementName */
			seen |= 2;
	}
	return s->kind == SCHEMA_OPTIONS && seen == 3;
}

int schema_resolve(struct schema *s, const struct element_table *learnt)
{
	struct strbuf own = STRBUF_NULL;
	size_t at = 0, n_own = 0;
	char *fit;

	s->min_len = 0;
	s->variable = false;
	s->names_len = 0;
	s->n_interfaces = 0;
	for (size_t i = 0; i < s->n_fields; i++) {
		struct schema_field *f = &s->fields[i];

		f->name = name_field(s, i, learnt, &own);
		n_own += !f->name;
		f->is_interface = s->kind == SCHEMA_DATA && interfaces_is_number(f);
		s->n_interfaces += f->is_interface;
		s->names_len += f->name_len;
		s->variable |= f->len_bytes == SCHEMA_VARIABLE;
		s->min_len += f->len_bytes == SCHEMA_VARIABLE ? 1 : f->len_bytes;
	}
	if (own.failed) {
		strbuf_deinit(&own);
		s->n_fields = 0;
		return -ENOMEM;
	}
	free(s->names);
	fit = own.len ? realloc(own.data, own.len) : NULL;
	s->names = fit ? fit : own.data;
	for (size_t i = 0; i < s->n_fields; i++) {
		if (s->fields[i].name)
			continue;
		s->fields[i].name = s->names + at;
		at += s->fields[i].name_len;
	}
	s->size_bytes = sizeof(*s) + s->n_fields * sizeof(s->fields[0]) + n_own * OWN_NAME_MAX;
	s->tells_types = tells_types(s);
	s->tells_interfaces = interfaces_tells(s);
	return 0;
}

bool schema_equal(const struct schema *a, const struct schema *b)
{
	if (a->kind != b->kind || a->n_fields != b->n_fields || a->n_scope != b->n_scope)
		return false;
	for (size_t i = 0; i < a->n_fields; i++) {
		if (!same(&a->fields[i], &b->fields[i]) ||
		    a->fields[i].len_bytes != b->fields[i].len_bytes)
			return false;
	}
	return true;
}

size_t schema_record_len(const struct schema *s, const struct wire *w)
{
	struct schema_value value;
	struct wire at = *w;

	if (!s->variable)
		return wire_left(w) >= s->min_len ? s->min_len : 0;
	for (size_t i = 0; i < s->n_fields; i++) {
		if (!schema_take(s, i, &at, &value))
			return 0;
	}
	return (size_t)(at.p - w->p);
}

static struct schema **place(struct schema_set *set, uint16_t id)
{
	struct schema **p = &set->bucket[id % SCHEMA_BUCKETS];

	while (*p && (*p)->id != id)
		p = &(*p)->next;
	return p;
}

struct schema *schema_set_find(const struct schema_set *set, uint16_t id)
{
	return *place((struct schema_set *)set, id);
}

static void remove_schema(struct schema_set *set, uint16_t id)
{
	struct schema **p = place(set, id), *s = *p;

	if (!s)
		return;
	*p = s->next;
	set->n--;
	set->size_bytes -= s->size_bytes;
	schema_free(s);
}

int schema_set_put(struct schema_set *set, struct schema *s)
{
	struct schema **p = place(set, s->id);

	if (!*p && set->n >= SCHEMAS_MAX)
		return -ENOSPC;
	remove_schema(set, s->id);
	s->next = set->bucket[s->id % SCHEMA_BUCKETS];
	set->bucket[s->id % SCHEMA_BUCKETS] = s;
	set->n++;
	set->size_bytes += s->size_bytes;
	return 0;
}

int schema_set_resolve(struct schema_set *set, const struct element_table *learnt)
{
	int r = 0;

	for (size_t i = 0; i < SCHEMA_BUCKETS; i++) {
		for (struct schema *s = set->bucket[i]; s; s = s->next) {
			if (schema_resolve(s, learnt) < 0)
				r = -ENOMEM;
		}
	}
	return r;
}

void schema_set_deinit(struct schema_set *set)
{
	for (size_t i = 0; i < SCHEMA_BUCKETS; i++) {
		while (set->bucket[i])
			remove_schema(set, set->bucket[i]->id);
	}
}
