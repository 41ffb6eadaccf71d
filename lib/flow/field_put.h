/* SPDX-License-Identifier: Apache-2.0 */
/* For field*.c: how a getter writes its value. */
#ifndef FLOWCTL_FLOW_FIELD_PUT_H
#define FLOWCTL_FLOW_FIELD_PUT_H

#include <string.h>

#include "base/format.h"
#include "flow/field.h"

static inline void field_put_u64(struct field_value *v, uint64_t n)
{
	v->kind = FIELD_U64;
	v->u64 = n;
}

/* NULL is null; what is too long is cut. */
static inline void field_put_str(struct field_value *v, const char *s)
{
	size_t len;

	v->kind = s ? FIELD_STR : FIELD_NULL;
	if (!s)
		return;
	len = strnlen(s, sizeof(v->text) - 1);
	memcpy(v->text, s, len);
	v->text[len] = '\0';
}

/* @addr as in flow_key. */
static inline void field_put_addr(struct field_value *v, uint8_t family, const uint8_t addr[16])
{
	v->kind = FIELD_STR;
	*(family == 4 ? format_ip4(v->text, addr) : format_ip6(v->text, addr)) = '\0';
}

#endif
