// SPDX-License-Identifier: Apache-2.0
/*
 * See json_scan.h. One function a rule of RFC 8259; a token is copied when it has been found
 * right. utf8_len() wants a zero behind the text, so a character at its end is looked at in
 * a copy.
 */
#include "base/json_scan.h"

#include <string.h>

#include "base/utf8.h"

static bool scan_value(struct json_scan *s, struct strbuf *out, int depth);

char json_scan_peek(struct json_scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
	return s->at < s->end ? *s->at : '\0';
}

bool json_scan_take(struct json_scan *s, char c)
{
	if (!c || json_scan_peek(s) != c)
		return false;
	s->at++;
	return true;
}

static void copy(struct strbuf *out, const char *from, const char *to)
{
	if (out)
		strbuf_add(out, from, to - from);
}

static bool take(struct json_scan *s, char c, struct strbuf *out)
{
	if (!json_scan_take(s, c))
		return false;
	copy(out, &c, &c + 1);
	return true;
}

static bool is_digit(const struct json_scan *s)
{
	return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static bool digits(struct json_scan *s)
{
	if (!is_digit(s))
		return false;
	while (is_digit(s))
		s->at++;
	return true;
}

static bool is_one_of(const struct json_scan *s, const char *set)
{
	return s->at < s->end && *s->at && strchr(set, *s->at);
}

static bool scan_number(struct json_scan *s, struct strbuf *out)
{
	const char *from = s->at;

	if (is_one_of(s, "-"))
		s->at++;
	if (is_one_of(s, "0"))
		s->at++;
	else if (!digits(s))
		return false;
	if (is_one_of(s, ".")) {
		s->at++;
		if (!digits(s))
			return false;
	}
	if (is_one_of(s, "eE")) {
		s->at++;
		if (is_one_of(s, "+-"))
			s->at++;
		if (!digits(s))
			return false;
	}
	copy(out, from, s->at);
	return true;
}

static bool scan_word(struct json_scan *s, const char *word, struct strbuf *out)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return false;
	copy(out, s->at, s->at + len);
	s->at += len;
	return true;
}

/* Behind the backslash. */
static bool scan_escape(struct json_scan *s)
{
	if (is_one_of(s, "\"\\/bfnrt")) {
		s->at++;
		return true;
	}
	if (!is_one_of(s, "u") || s->end - s->at < 5)
		return false;
	s->at++;
	for (int i = 0; i < 4; i++, s->at++) {
		if (!is_one_of(s, "0123456789abcdefABCDEF"))
			return false;
	}
	return true;
}

static size_t char_len(const struct json_scan *s)
{
	size_t left = s->end - s->at;
	unsigned char text[5] = { 0 };

	if (*(const unsigned char *)s->at < 0x80)
		return 1;
	memcpy(text, s->at, left < 4 ? left : 4);
	return utf8_len(text);
}

static bool scan_string(struct json_scan *s, struct strbuf *out)
{
	const char *from = s->at++;

	while (s->at < s->end && *s->at != '"') {
		size_t n = char_len(s);

		if (!n || (unsigned char)*s->at < 0x20)
			return false;
		s->at += n;
		if (s->at[-1] == '\\' && !scan_escape(s))
			return false;
	}
	if (s->at == s->end)
		return false;
	s->at++;
	copy(out, from, s->at);
	return true;
}

static bool scan_member(struct json_scan *s, struct strbuf *out, int depth)
{
	return json_scan_peek(s) == '"' && scan_string(s, out) && take(s, ':', out) &&
	       scan_value(s, out, depth);
}

/* An object or an array; @each goes over one of what it holds. */
static bool scan_group(struct json_scan *s, char close, struct strbuf *out, int depth,
		       bool (*each)(struct json_scan *, struct strbuf *, int))
{
	copy(out, s->at, s->at + 1);
	s->at++;
	if (take(s, close, out))
		return true;
	do {
		if (!each(s, out, depth))
			return false;
	} while (take(s, ',', out));
	return take(s, close, out);
}

static bool scan_value(struct json_scan *s, struct strbuf *out, int depth)
{
	if (depth == JSON_SCAN_DEPTH)
		return false;
	switch (json_scan_peek(s)) {
	case '{':
		return scan_group(s, '}', out, depth + 1, scan_member);
	case '[':
		return scan_group(s, ']', out, depth + 1, scan_value);
	case '"':
		return scan_string(s, out);
	case 't':
		return scan_word(s, "true", out);
	case 'f':
		return scan_word(s, "false", out);
	case 'n':
		return scan_word(s, "null", out);
	}
	return scan_number(s, out);
}

bool json_scan_value(struct json_scan *s, struct strbuf *out)
{
	return scan_value(s, out, 0);
}
