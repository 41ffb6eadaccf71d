// SPDX-License-Identifier: Apache-2.0
/* See json.h. Strings are made valid UTF-8 on the way out (RFC 3629),
 * for interface names may hold any byte. */
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

void json_init(struct json *j, struct strbuf *out, bool pretty)
{
	*j = (struct json) { .out = out, .pretty = pretty };
}

static void newline(struct json *j)
{
	if (!j->pretty)
		return;
	strbuf_putc(j->out, '\n');
	for (int i = 0; i < j->depth; i++)
		strbuf_puts(j->out, "  ");
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* One that is not plain; how many bytes it has. */
static size_t put_char(struct strbuf *out, const unsigned char *s)
{
	size_t n = utf8_len(s);

	if (*s == '"' || *s == '\\')
		strbuf_printf(out, "\\%c", *s);
	else if (*s == '\n')
		strbuf_puts(out, "\\n");
	else if (*s < 0x20 || *s == 0x7f)
		strbuf_printf(out, "\\u%04x", *s);
	else if (n)
		strbuf_add(out, s, n);
	else
		strbuf_puts(out, "\xef\xbf\xbd");
	return n ? n : 1;
}

static void put_string(struct strbuf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	strbuf_putc(out, '"');
	for (;;) {
		const unsigned char *run = s;

		while (is_plain(*s))
			s++;
		strbuf_add(out, run, s - run);
		if (!*s)
			break;
		s += put_char(out, s);
	}
	strbuf_putc(out, '"');
}

static void begin_value(struct json *j, const char *key)
{
	if (j->depth > 0 && j->depth <= JSON_DEPTH) {
		if (j->comma[j->depth - 1])
			strbuf_putc(j->out, ',');
		j->comma[j->depth - 1] = true;
		newline(j);
	}
	if (!key)
		return;
	put_string(j->out, key);
	strbuf_puts(j->out, j->pretty ? ": " : ":");
}

static void begin(struct json *j, const char *key, char bracket)
{
	begin_value(j, key);
	strbuf_putc(j->out, bracket);
	if (j->depth < JSON_DEPTH)
		j->comma[j->depth] = false;
	j->depth++;
}

static void end(struct json *j, char bracket)
{
	bool had = j->depth <= JSON_DEPTH && j->comma[j->depth - 1];

	j->depth--;
	if (had)
		newline(j);
	strbuf_putc(j->out, bracket);
}

void json_object_begin(struct json *j, const char *key)
{
	begin(j, key, '{');
}

void json_object_end(struct json *j)
{
	end(j, '}');
}

void json_array_begin(struct json *j, const char *key)
{
	begin(j, key, '[');
}

void json_array_end(struct json *j)
{
	end(j, ']');
}

void json_u64(struct json *j, const char *key, uint64_t v)
{
	begin_value(j, key);
	strbuf_u64(j->out, v);
}

void json_s64(struct json *j, const char *key, int64_t v)
{
	begin_value(j, key);
	strbuf_printf(j->out, "%" PRId64, v);
}

void json_bool(struct json *j, const char *key, bool v)
{
	begin_value(j, key);
	strbuf_puts(j->out, v ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	begin_value(j, key);
	strbuf_puts(j->out, "null");
}

void json_member(struct json *j, const char *key, size_t key_len, const char *value,
		 size_t value_len)
{
	begin_value(j, NULL);
	strbuf_add(j->out, key, key_len);
	if (j->pretty)
		strbuf_putc(j->out, ' ');
	strbuf_add(j->out, value, value_len);
}

void json_str(struct json *j, const char *key, const char *s)
{
	if (!s) {
		json_null(j, key);
		return;
	}
	begin_value(j, key);
	put_string(j->out, s);
}
