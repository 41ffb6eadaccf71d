/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template as a collector keeps it: how to cut records of it apart, and what to call each
 * value. (template.h has those that we export.) And the templates of one domain.
 */
#ifndef FLOWCTL_COLLECT_SCHEMA_H
#define FLOWCTL_COLLECT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/element.h"
#include "collect/wire.h"

#define SCHEMA_VARIABLE	  65535 /* as a length: RFC 7011 7 */
#define SCHEMA_FIELDS_MAX 2048	/* of a template */
#define SCHEMAS_MAX	  4096	/* of a domain, withdrawn ones too */

struct schema_field {
	uint32_t pen;
	uint16_t id;
	uint16_t len_bytes;
	uint8_t type;  /* enum ie_data */
	bool known;    /* name and type are somebody's word, not made up here */
	bool is_interface; /* its value is the number of one */
	uint8_t times; /* 1: the element's first occurrence in this template; at most 255 */
	uint8_t name_len;
	const char *name; /* "octetDeltaCount"; its second one "octetDeltaCount_2" */
};

enum schema_kind {
	SCHEMA_DATA = 2, /* the set id of a template set */
	SCHEMA_OPTIONS = 3,
};

struct schema {
	struct schema *next;
	uint16_t id;
	uint16_t n_fields, n_scope;
	uint8_t kind; /* enum schema_kind */
	bool v9;      /* scope fields are those of RFC 3954 6.1 */
	bool variable;
	bool withdrawn;	       /* stands only to tell that it was */
	bool tells_types;      /* its records are of RFC 5610 */
	bool tells_interfaces; /* its records tell names of interfaces */
	uint32_t min_len;      /* bytes of the shortest record */
	uint64_t refreshed_ns; /* when it came last, as decode_message() is told the time */
	uint64_t interval_ns;  /* between its last two; 0 = came once */
	uint16_t n_interfaces; /* fields that are the number of one */
	size_t names_len;      /* bytes of all names */
	size_t size_bytes;     /* of memory, for bounds */
	char *names;	       /* those that are not the registry's */
	struct schema_field fields[];
};

/* @n: SCHEMA_FIELDS_MAX at most. The caller fills in fields[].pen, .id, .len_bytes. NULL: no
 * memory. */
struct schema *schema_new(uint16_t id, enum schema_kind kind, size_t n);
void schema_free(struct schema *s);
/* Names, types and lengths from its fields, with what @learnt tells. 0 or -ENOMEM. */
int schema_resolve(struct schema *s, const struct element_table *learnt);
/* The same fields, scope and kind? */
bool schema_equal(const struct schema *a, const struct schema *b);

struct schema_value {
	const struct schema_field *field;
	const uint8_t *data;
	size_t len;
};
/*
 * The value of field @i, read from @w; false: it does not fit. Reads nothing outside of @w.
 */
static inline bool schema_take(const struct schema *s, size_t i, struct wire *w,
			       struct schema_value *ret)
{
	ret->field = &s->fields[i];
	ret->len = ret->field->len_bytes;
	if (ret->len == SCHEMA_VARIABLE && !wire_varlen(w, &ret->len))
		return false;
	return wire_take(w, ret->len, &ret->data);
}
/* Bytes of the record at @w's begin, 0: it does not fit. */
size_t schema_record_len(const struct schema *s, const struct wire *w);

/* The templates of a domain. Zeroed is empty. */
#define SCHEMA_BUCKETS 64
struct schema_set {
	struct schema *bucket[SCHEMA_BUCKETS];
	size_t n, size_bytes;
};
void schema_set_deinit(struct schema_set *set);
struct schema *schema_set_find(const struct schema_set *set, uint16_t id);
/* Takes @s over, in the place of the one with its id, which is freed. -ENOSPC: @s stays the
 * caller's. */
int schema_set_put(struct schema_set *set, struct schema *s);
/* schema_resolve() for all, after an exporter told of its elements. 0 or -ENOMEM. */
int schema_set_resolve(struct schema_set *set, const struct element_table *learnt);

#endif
