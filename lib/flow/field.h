/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a flow as people and scripts read it (flowctl-dump(1)): JSON, CSV, wide
 * tables, --columns and --sort all follow this one table, in its order.
 */
#ifndef FLOWCTL_FLOW_FIELD_H
#define FLOWCTL_FLOW_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "flow/record.h"

enum field_kind { FIELD_NULL, FIELD_U64, FIELD_STR, FIELD_BOOL };

#define FIELD_TEXT_MAX 288	/* a host's name has 253 characters */
struct field_value {
	enum field_kind kind;
	uint64_t u64;			/* FIELD_U64, FIELD_BOOL */
	char text[FIELD_TEXT_MAX];	/* FIELD_STR */
};

struct field {
	const char *key;
	/* Writes *ret, or leaves it FIELD_NULL. */
	void (*get)(const struct record *r, struct field_value *ret);
	const char *json_key;	/* "key": */
	size_t json_len;
};

/* All fields in the order of the JSON object. */
const struct field *field_all(size_t *ret_n);
/* Those that are there when they are asked for only: after all others (flow/field_name.h). */
const struct field *field_extra(size_t *ret_n);
/* What @key means, in one line; NULL: there is no such key. */
const char *field_help(const char *key);
/* Its value in @r. */
void field_value(const struct field *f, const struct record *r, struct field_value *ret);
/* By key, also of the extra ones; NULL when unknown. */
const struct field *field_find(const char *key);

/* The time put into `timestamp` by what prints now: CLOCK_REALTIME ns. */
void field_set_timestamp(uint64_t real_ns);

/* "key": value, of an open object. */
void field_json(struct json *j, const struct field *f, const struct record *r);
/* One record as a JSON object (@key NULL: no key). */
void field_record_json(struct json *j, const char *key, const struct record *r);
/* The same with field_extra(). */
void field_record_json_extra(struct json *j, const char *key, const struct record *r);
/* Order two records by @f: <0, 0, >0; null sorts before everything. */
int field_compare(const struct field *f, const struct record *a, const struct record *b);

/* "TCP", "ICMPv6", else the number; never NULL. @buf is used for numbers. */
const char *field_proto_name(uint8_t proto, char buf[4]);

#endif
