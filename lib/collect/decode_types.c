// SPDX-License-Identifier: Apache-2.0
/*
 * RFC 5610: an exporter tells the names and types of its own elements, as options data. The
 * templates of its session are named anew by it.
 */
#include <errno.h>

#include "collect/decode_parts.h"

struct type_record {
	uint64_t pen, id, type;
	const uint8_t *name;
	size_t name_len;
};

static void read_type(const struct decode_record *r, struct type_record *ret)
{
	struct wire w = wire_of(r->data, r->len);
	struct schema_value v;

	*ret = (struct type_record){ 0 };
	for (size_t i = 0; i < r->schema->n_fields && schema_take(r->schema, i, &w, &v); i++) {
		uint64_t number = v.len <= 8 ? wire_be(v.data, v.len) : 0;

		if (v.field->pen)
			continue;
		switch (v.field->id) {
		case 303: /* informationElementId; the enterprise bit may be set: RFC 5610 3.3 */
			ret->id = number & 0x7fff;
			break;
		case 339: /* informationElementDataType */
			ret->type = number;
			break;
		case 341: /* informationElementName */
			ret->name = v.data;
			ret->name_len = v.len;
			break;
		case 346: /* privateEnterpriseNumber */
			ret->pen = number;
			break;
		}
	}
}

void decode_types(const struct decode_message *m, const struct decode_record *r)
{
	struct type_record t;
	int learnt;

	read_type(r, &t);
	if (t.pen > UINT32_MAX || t.type > UINT8_MAX)
		t.name_len = 0;
	learnt = element_learn(&m->session->elements, t.pen, t.id, t.type, t.name, t.name_len);
	if (learnt == -EINVAL || learnt == -EEXIST)
		decode_find(m, RULE_TYPE_INFORMATION, r->data, "element %u of enterprise %u: %s",
			    (unsigned)t.id, (unsigned)t.pen,
			    learnt == -EEXIST ? "its name is another one's"
					      : "no usable name or type");
	m->session->renamed |= learnt == 1;
}

/* Once a message, however many types it told: it looks at every field there is. */
void decode_types_apply(const struct decode_message *m)
{
	if (!m->session->renamed)
		return;
	m->session->renamed = false;
	for (struct decode_domain *d = m->session->domains; d; d = d->next)
		schema_set_resolve(&d->schemas, &m->session->elements);
}
