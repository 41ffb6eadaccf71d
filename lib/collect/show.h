/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decoded record as one line, text or a JSON object, by element names. Made for millions:
 * room for the whole line is made first, then everything is copied behind one pointer.
 */
#ifndef FLOWCTL_COLLECT_SHOW_H
#define FLOWCTL_COLLECT_SHOW_H

#include <stdbool.h>
#include <stddef.h>

#include "collect/decode.h"

enum show_format { SHOW_TEXT, SHOW_NDJSON };
extern const char *const show_format_names[]; /* "text", "ndjson", NULL */

/* Lines, one behind the other, each ended by a newline. Zeroed is empty. */
struct show {
	enum show_format format;
	char *data;
	size_t len, cap;
	unsigned depth;			      /* of lists within lists */
	const struct element_table *elements; /* of the record's session */
	uint32_t day;			      /* the day whose date stands in day_text, + 1 */
	char day_text[10];		      /* not terminated */
};

void show_deinit(struct show *s);
/* Append the line of @r. 0 or -ENOMEM. */
int show_record(struct show *s, const struct decode_record *r);

enum { SHOW_ROOM = 80, SHOW_ROOM_AN_OCTET = 54 };
/*
 * One value at @out, which has room for SHOW_ROOM bytes, and SHOW_ROOM_AN_OCTET for each octet of
 * @v. JSON where @json, else a word (strings in quotes in both). Returns the end. A length that the
 * type cannot have: hexadecimal.
 */
char *show_value(struct show *s, char *out, const struct schema_value *v, bool json);
/* "2026-11-21T03:55:57" and a fraction of @digits digits, "Z", of @s seconds since 1970. */
char *show_time(struct show *s, char *out, uint64_t seconds, uint32_t fraction, unsigned digits);

#endif
