// SPDX-License-Identifier: Apache-2.0
/*
 * See interfaces.h. An array in order of numbers: they come in that order, once in a while, and
 * are looked for with every record. NetFlow 9 has the number as a scope of its own (RFC 3954 6.1).
 */
#include "collect/interfaces.h"

#include <stdlib.h>
#include <string.h>

enum {
	INGRESS = 10,
	EGRESS = 14,
	INGRESS_PHYSICAL = 252,
	EGRESS_PHYSICAL = 253,
	NAME = 82,
	DESCRIPTION = 83,
	V9_SCOPE_INTERFACE = 2,
	FIRST_CAP = 16,
};

void interfaces_deinit(struct interfaces *t)
{
	free(t->v);
	*t = (struct interfaces){ 0 };
}

static size_t next_cap(const struct interfaces *t)
{
	return t->n < t->cap ? t->cap : t->cap ? 2 * t->cap : FIRST_CAP;
}

size_t interfaces_growth(const struct interfaces *t)
{
	return (next_cap(t) - t->cap) * sizeof(*t->v);
}

/* The place of the first whose number is not less. */
static size_t place_of(const struct interfaces *t, uint32_t number)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (t->v[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct interface *interfaces_find(const struct interfaces *t, uint32_t number)
{
	size_t at = place_of(t, number);

	return at < t->n && t->v[at].number == number ? &t->v[at] : NULL;
}

static bool make_room(struct interfaces *t)
{
	size_t cap = next_cap(t);
	struct interface *v;

	if (t->n >= INTERFACES_MAX)
		return false;
	if (cap == t->cap)
		return true;
	v = reallocarray(t->v, cap, sizeof(*v));
	if (!v)
		return false;
	t->v = v;
	t->cap = cap;
	return true;
}

size_t interfaces_learn(struct interfaces *t, uint32_t number, const uint8_t *name, size_t len)
{
	size_t at = place_of(t, number), before = t->cap;

	if (at == t->n || t->v[at].number != number) {
		if (!make_room(t))
			return 0;
		memmove(&t->v[at + 1], &t->v[at], (t->n - at) * sizeof(*t->v));
		t->n++;
	}
	t->v[at].number = number;
	t->v[at].len = len < INTERFACE_NAME_MAX ? len : INTERFACE_NAME_MAX;
	memcpy(t->v[at].name, name, t->v[at].len);
	return (t->cap - before) * sizeof(*t->v);
}

static bool is_subject(const struct schema *s, size_t i)
{
	const struct schema_field *f = &s->fields[i];

	if (s->v9 && i < s->n_scope)
		return f->id == V9_SCOPE_INTERFACE;
	return f->pen == 0 && f->times == 1 && (f->id == INGRESS || f->id == EGRESS);
}

static bool is_name(const struct schema *s, size_t i)
{
	const struct schema_field *f = &s->fields[i];

	return !(s->v9 && i < s->n_scope) && f->pen == 0 && f->times == 1 &&
	       (f->id == NAME || f->id == DESCRIPTION);
}

bool interfaces_tells(const struct schema *s)
{
	bool subject = false, name = false;

	for (size_t i = 0; i < s->n_fields; i++) {
		subject |= is_subject(s, i);
		name |= is_name(s, i);
	}
	return s->kind == SCHEMA_OPTIONS && subject && name;
}

bool interfaces_is_number(const struct schema_field *f)
{
	return f->pen == 0 && f->times == 1 &&
	       (f->id == INGRESS || f->id == EGRESS || f->id == INGRESS_PHYSICAL ||
		f->id == EGRESS_PHYSICAL);
}

bool interfaces_read(const struct schema *s, const uint8_t *data, size_t len, uint32_t *ret_number,
		     struct schema_value *ret_name)
{
	struct wire w = wire_of(data, len);
	struct schema_value v;
	uint64_t number = 0;

	ret_name->len = 0;
	for (size_t i = 0; i < s->n_fields && schema_take(s, i, &w, &v); i++) {
		if (is_subject(s, i) && v.len <= 8 && !number)
			number = wire_be(v.data, v.len);
		if (!is_name(s, i))
			continue;
		while (v.len && !v.data[v.len - 1])	/* of a fixed length */
			v.len--;
		if (v.len && (!ret_name->len || v.field->id == NAME))
			*ret_name = v;
	}
	*ret_number = (uint32_t)number;
	return number && number <= UINT32_MAX && ret_name->len;
}
