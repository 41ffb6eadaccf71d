/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON (RFC 8259) without changing it: says whether text is right, and copies it with
 * no white space, each number and string as it stands. (A tree of cJSON holds numbers as
 * doubles, which end at 2^53, and takes line ends within strings.)
 */
#ifndef FLOWCTL_BASE_JSON_SCAN_H
#define FLOWCTL_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

#define JSON_SCAN_DEPTH 64

struct json_scan {
	const char *at;
	const char *end;	/* of the text, which needs no final 0 */
};

/* The next character that is no white space, left where it is; '\0' at the end. */
char json_scan_peek(struct json_scan *s);
/* Go over @c, if that is what is next. */
bool json_scan_take(struct json_scan *s, char c);
/* Go over one value of any kind, JSON_SCAN_DEPTH levels at most; copied to @out unless NULL.
 * False: it is not right. Strings are well-formed UTF-8. */
bool json_scan_value(struct json_scan *s, struct strbuf *out);

#endif
