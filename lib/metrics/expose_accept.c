// SPDX-License-Identifier: Apache-2.0
/*
 * Content negotiation (RFC 9110 12.5.1), as far as two formats need it: of each media range its
 * q and, of OpenMetrics, the version. A range that is more exact has the word over "text" and
 * "any". OpenMetrics goes out only to whom it is worth as much as plain text, and never to who
 * did not name it: curl and browsers, which accept anything, get what they can show.
 */
#include "metrics/expose.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* A stretch of the header. */
struct part {
	const char *s;
	size_t len;
};

static struct part trim(struct part p)
{
	while (p.len && strchr(" \t", p.s[0]))
		p = (struct part) { p.s + 1, p.len - 1 };
	while (p.len && strchr(" \t", p.s[p.len - 1]))
		p.len--;
	return p;
}

/* What is before the next @sep, and behind it in @rest. */
static struct part next_part(struct part *rest, char sep)
{
	const char *end = rest->len ? memchr(rest->s, sep, rest->len) : NULL;
	struct part p = { rest->s, end ? (size_t)(end - rest->s) : rest->len };
	size_t used = p.len + (end ? 1 : 0);

	*rest = (struct part) { rest->s + used, rest->len - used };
	return trim(p);
}

static bool part_is(struct part p, const char *word)
{
	return p.len == strlen(word) && strncasecmp(p.s, word, p.len) == 0;
}

/* "0.5" in thousandths; anything that is no such number counts as 1. */
static unsigned quality(struct part p)
{
	unsigned q = 0, unit = 1000;

	if (!p.len || (p.s[0] != '0' && p.s[0] != '1') || (p.len > 1 && p.s[1] != '.'))
		return 1000;
	q = (p.s[0] - '0') * unit;
	for (size_t i = 2; i < p.len && i < 5; i++) {
		if (p.s[i] < '0' || p.s[i] > '9')
			return 1000;
		unit /= 10;
		q += (p.s[i] - '0') * unit;
	}
	return q > 1000 ? 1000 : q;
}

/* How much each is wanted; -1: not named. */
struct wishes {
	int openmetrics, text, any_text, any;
};

static int greater(int a, int b)
{
	return a > b ? a : b;
}

static void take_range(struct wishes *w, struct part range)
{
	struct part type = next_part(&range, ';');
	bool version = true;
	int q = 1000;

	while (range.len) {
		struct part parameter = next_part(&range, ';'), value = parameter;
		struct part name = next_part(&value, '=');

		value = trim(value);
		if (part_is(name, "q"))
			q = quality(value);
		else if (part_is(name, "version"))
			version = part_is(value, "1.0.0") || part_is(value, "\"1.0.0\"");
	}
	if (part_is(type, "application/openmetrics-text") && version)
		w->openmetrics = greater(w->openmetrics, q);
	else if (part_is(type, "text/plain"))
		w->text = greater(w->text, q);
	else if (part_is(type, "text/*"))
		w->any_text = greater(w->any_text, q);
	else if (part_is(type, "*/*"))
		w->any = greater(w->any, q);
}

enum expose_format expose_accepted(const char *accept)
{
	struct part rest = { accept, accept ? strlen(accept) : 0 };
	struct wishes w = { -1, -1, -1, -1 };
	int text;

	while (rest.len)
		take_range(&w, next_part(&rest, ','));
	text = w.text >= 0 ? w.text : w.any_text >= 0 ? w.any_text : w.any;
	return w.openmetrics > 0 && w.openmetrics >= text ? EXPOSE_OPENMETRICS : EXPOSE_TEXT;
}

const char *expose_content_type(enum expose_format format)
{
	return format == EXPOSE_OPENMETRICS ?
		       "application/openmetrics-text; version=1.0.0; charset=utf-8" :
		       "text/plain; version=0.0.4; charset=utf-8";
}
