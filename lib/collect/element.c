// SPDX-License-Identifier: Apache-2.0
/*
 * See element.h. A name that an exporter tells becomes a key of our output, so it may not be
 * one that means something else already, nor hold what a key cannot hold.
 */
#include "collect/element.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/ie.h"
#include "flow/ie_registry.h"

/* Keys of every record that are no elements; show.c writes them. */
static const char *const reserved[] = {
	"exportTime", "exporter", "options", "scopeFields", "sysUpTime",
};

void element_table_deinit(struct element_table *t)
{
	free(t->v);
	*t = (struct element_table){ 0 };
}

static int compare(const struct element *e, uint32_t pen, uint16_t id)
{
	if (e->pen != pen)
		return e->pen < pen ? -1 : 1;
	return e->id < id ? -1 : e->id > id;
}

/* Where the element stands, or belongs. */
static size_t place(const struct element_table *t, uint32_t pen, uint16_t id)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(&t->v[middle], pen, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct element *find(const struct element_table *t, uint32_t pen, uint16_t id)
{
	size_t i = t ? place(t, pen, id) : 0;

	return t && i < t->n && compare(&t->v[i], pen, id) == 0 ? &t->v[i] : NULL;
}

static bool is_name(const uint8_t *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum(name[i]) && !strchr("_.-", name[i]))
			return false;
	}
	return len && len < ELEMENT_NAME_MAX && isalpha(name[0]);
}

static bool is_taken(const struct element_table *t, const char *name, const struct element *own)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		if (strcmp(name, reserved[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < t->n; i++) {
		if (&t->v[i] != own && strcmp(t->v[i].name, name) == 0)
			return true;
	}
	return false;
}

static int add(struct element_table *t, const struct element *e)
{
	size_t at = place(t, e->pen, e->id);

	if (t->n == ELEMENTS_MAX)
		return -ENOSPC;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 16;
		struct element *v = reallocarray(t->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->cap = cap;
	}
	memmove(t->v + at + 1, t->v + at, (t->n - at) * sizeof(*t->v));
	t->v[at] = *e;
	t->n++;
	return 1;
}

int element_learn(struct element_table *t, uint32_t pen, uint16_t id, unsigned type,
		  const uint8_t *name, size_t len)
{
	struct element e = { .pen = pen, .id = id, .type = type }, *known = find(t, pen, id);

	while (len && !name[len - 1]) /* a string of fixed length */
		len--;
	if (!is_name(name, len) || !ie_data_type(type) || pen == ELEMENT_REVERSE_PEN ||
	    (pen == 0 && ie_registered_by_id(id)))
		return -EINVAL;
	memcpy(e.name, name, len);
	if (ie_registered_by_name(e.name))
		return -EINVAL;
	if (is_taken(t, e.name, known))
		return -EEXIST;
	if (!known)
		return add(t, &e);
	if (known->type == e.type && strcmp(known->name, e.name) == 0)
		return 0;
	*known = e;
	return 1;
}

static bool from_registry(uint16_t id, const char *prefix, struct element_info *ret)
{
	const struct ie_registered *r = ie_registered_by_id(id);

	if (!r)
		return false;
	ret->type = r->type;
	snprintf(ret->name, sizeof(ret->name), "%s%s", prefix, r->name);
	if (*prefix)
		ret->name[strlen(prefix)] = (char)toupper((unsigned char)r->name[0]);
	return true;
}

/* Those of ours whose exporter was given no number, until it tells of them (RFC 5610). */
static bool from_own(uint32_t pen, uint16_t id, struct element_info *ret)
{
	size_t n;
	const struct ie *all = ie_all(&n);

	for (size_t i = 0; pen && i < n; i++) {
		if (all[i].pen != pen || all[i].id != id)
			continue;
		ret->type = all[i].data_type;
		snprintf(ret->name, sizeof(ret->name), "%s", all[i].name);
		return true;
	}
	return false;
}

void element_info(const struct element_table *t, uint32_t pen, uint16_t id,
		  struct element_info *ret)
{
	const struct element *learnt;

	*ret = (struct element_info){ .type = DATA_OCTETS, .known = true };
	if (pen == 0 && from_registry(id, "", ret))
		return;
	if (pen == ELEMENT_REVERSE_PEN && from_registry(id, "reverse", ret))
		return;
	learnt = find(t, pen, id);
	if (learnt) {
		ret->type = learnt->type;
		memcpy(ret->name, learnt->name, sizeof(ret->name));
		return;
	}
	if (from_own(pen, id, ret))
		return;
	ret->known = false;
	if (pen)
		snprintf(ret->name, sizeof(ret->name), "pen%u.%u", pen, id);
	else
		snprintf(ret->name, sizeof(ret->name), "ie%u", id);
}
