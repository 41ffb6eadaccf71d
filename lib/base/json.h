/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON writer into a strbuf: keys keep their order, integers are exact. (cJSON prints
 * 10^15 as 1e+15, so it only reads.) Values inside an object take a key, elsewhere NULL.
 */
#ifndef FLOWCTL_BASE_JSON_H
#define FLOWCTL_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

#define JSON_DEPTH 16
struct json {
	struct strbuf *out;
	int depth;
	bool comma[JSON_DEPTH];
	bool pretty;		/* objects and arrays over several lines, two spaces */
};

/* Written behind what is in @out (borrowed). */
void json_init(struct json *j, struct strbuf *out, bool pretty);
/*
 * @key: of a member of an object; NULL within an array and at the top. Want of memory is told by
 * out->failed.
 */
void json_object_begin(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array_begin(struct json *j, const char *key);
void json_array_end(struct json *j);
void json_u64(struct json *j, const char *key, uint64_t v);
void json_s64(struct json *j, const char *key, int64_t v);
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key);
/* "KEY":VALUE of an object, both of them JSON already: @key with its quotes and the colon. */
void json_member(struct json *j, const char *key, size_t key_len, const char *value,
		 size_t value_len);
/* @s: UTF-8; bytes that are not are written as U+FFFD, control characters as \u00XX.
 * NULL = null. */
void json_str(struct json *j, const char *key, const char *s);

#endif
