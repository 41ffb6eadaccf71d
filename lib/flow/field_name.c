// SPDX-License-Identifier: Apache-2.0
/*
 * See field_name.h. A name is copied when it is printed: whoever knows names forgets old ones,
 * and a record that held on to one would outlive it.
 */
#include "flow/field_name.h"

static field_resolve_fn resolve;
static void *resolve_arg;

void field_set_resolver(field_resolve_fn fn, void *arg)
{
	resolve = fn;
	resolve_arg = arg;
}

bool field_addr_name(uint8_t family, const uint8_t *addr, char *buf, size_t size)
{
	return resolve && resolve(resolve_arg, family, addr, buf, size);
}

bool field_src_name(const struct record *r, char *buf, size_t size)
{
	return field_addr_name(r->key.family, r->key.src, buf, size);
}

bool field_dst_name(const struct record *r, char *buf, size_t size)
{
	return field_addr_name(r->key.family, r->key.dst, buf, size);
}

void field_name_src(const struct record *r, struct field_value *v)
{
	if (field_src_name(r, v->text, sizeof(v->text)))
		v->kind = FIELD_STR;
}

void field_name_dst(const struct record *r, struct field_value *v)
{
	if (field_dst_name(r, v->text, sizeof(v->text)))
		v->kind = FIELD_STR;
}
