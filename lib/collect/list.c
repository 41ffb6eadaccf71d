// SPDX-License-Identifier: Apache-2.0
/*
 * See list.h. Records inside subTemplateLists are not cut apart: that takes templates that
 * may come later. Their own lengths are looked at.
 */
#include "collect/list.h"

#include <string.h>

#include "flow/ie_registry.h"

static bool values_fit(const struct list *l)
{
	struct list at = *l;
	struct schema_value v;

	if (l->field.len_bytes != SCHEMA_VARIABLE)
		return wire_left(&l->w) % l->field.len_bytes == 0;
	while (list_next(&at, &v))
		;
	return wire_left(&at.w) == 0;
}

bool list_open(struct list *l, const uint8_t *data, size_t len, const struct element_table *learnt)
{
	struct wire w = wire_of(data, len);
	uint16_t id;

	*l = (struct list){ 0 };
	if (!wire_u8(&w, &l->semantic) || !wire_u16(&w, &id) || !wire_u16(&w, &l->field.len_bytes))
		return false;
	if ((id & 0x8000) && !wire_u32(&w, &l->field.pen))
		return false;
	if (l->field.len_bytes == 0)
		return false;
	l->field.id = id & 0x7fff;
	element_info(learnt, l->field.pen, l->field.id, &l->element);
	l->field.type = l->element.type;
	l->field.known = l->element.known;
	l->w = w;
	return values_fit(l);
}

bool list_next(struct list *l, struct schema_value *ret)
{
	ret->field = &l->field;
	ret->len = l->field.len_bytes;
	if (!wire_left(&l->w))
		return false;
	if (ret->len == SCHEMA_VARIABLE && !wire_varlen(&l->w, &ret->len))
		return false;
	return wire_take(&l->w, ret->len, &ret->data);
}

/* RFC 6313 4.5.3: each template's part has its own length, its header included. */
static bool parts_fit(struct wire w)
{
	uint16_t id, len;
	const uint8_t *p;

	while (wire_left(&w)) {
		if (!wire_u16(&w, &id) || !wire_u16(&w, &len) || id < 256 || len < 4 ||
		    !wire_take(&w, len - 4, &p))
			return false;
	}
	return true;
}

bool list_is_sound(unsigned type, const uint8_t *data, size_t len)
{
	struct list l;

	switch (type) {
	case DATA_LIST:
		return list_open(&l, data, len, NULL);
	case DATA_STL:
		return len >= 3 && wire_be16(data + 1) >= 256;
	case DATA_STML:
		return len >= 1 && parts_fit(wire_of(data + 1, len - 1));
	default:
		return true;
	}
}
