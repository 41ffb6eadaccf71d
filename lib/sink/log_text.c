// SPDX-License-Identifier: Apache-2.0
/*
 * See log_text.h. Two ways to the same line: from a record, which has to be fast, and from
 * the JSON that came back from hooks, whose values are copied as they stand.
 */
#include "sink/log_text.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "flow/field.h"

/* A key of a line: what it is called there, and in JSON. */
static const struct {
	const char *name, *key;
} first[] = {
	{ "src", "src_ip" }, { "dst", "dst_ip" }, { "proto", "proto" },
	{ "starttime", "first_seen" }, { "endtime", "last_seen" }, { "pkts", "packets" },
	{ "bytes", "bytes" },
};

struct span {
	const char *at;
	size_t len;
};

static bool is_plain(unsigned char c)
{
	return c > ' ' && c != '"' && c != '=' && c != '\\' && c != 0x7f;
}

static bool all_plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_plain(s[i]))
			return false;
	}
	return len > 0;
}

/* A JSON string, its quotes included: without them where it can do without. */
static void put_string(struct strbuf *out, struct span s)
{
	if (all_plain(s.at + 1, s.len - 2))
		strbuf_add(out, s.at + 1, s.len - 2);
	else
		strbuf_add(out, s.at, s.len);
}

/* Any JSON as a JSON string. */
static void put_quoted(struct strbuf *out, struct span s)
{
	strbuf_putc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] == '"' || s.at[i] == '\\')
			strbuf_putc(out, '\\');
		strbuf_putc(out, s.at[i]);
	}
	strbuf_putc(out, '"');
}

static void put_json(struct strbuf *out, struct span s)
{
	if (*s.at == '"')
		put_string(out, s);
	else if (*s.at == '{' || *s.at == '[')
		put_quoted(out, s);
	else
		strbuf_add(out, s.at, s.len);
}

/* Names hold any byte: what is not plain ASCII takes the way of a JSON string. */
static void put_text(struct strbuf *out, const char *text)
{
	_cleanup_(strbuf_deinit) struct strbuf string = STRBUF_NULL;
	const unsigned char *p = (const unsigned char *)text;
	struct json j;

	while (is_plain(*p) && *p < 0x80)
		p++;
	if (!*p && *text) {
		strbuf_puts(out, text);
		return;
	}
	json_init(&j, &string, false);
	json_str(&j, NULL, text);
	out->failed |= string.failed;
	if (!out->failed)
		put_string(out, (struct span) { string.data, string.len });
}

static void put_value(struct strbuf *out, const struct field_value *v)
{
	if (v->kind == FIELD_STR) {
		put_text(out, v->text);
	} else if (v->kind == FIELD_BOOL) {
		strbuf_puts(out, v->u64 ? "true" : "false");
	} else {
		strbuf_u64(out, v->u64);
	}
}

static void put_field(struct strbuf *out, const char *name, const struct field *f,
		      const struct record *r)
{
	struct field_value v;

	field_value(f, r, &v);
	if (v.kind == FIELD_NULL)
		return;
	strbuf_puts(out, name);
	strbuf_putc(out, '=');
	put_value(out, &v);
	strbuf_putc(out, ' ');
}

/* The blank behind the last value becomes the line's end. */
static void end_line(struct strbuf *out, size_t from)
{
	if (out->failed)
		return;
	if (out->len > from)
		out->data[out->len - 1] = '\n';
	else
		strbuf_putc(out, '\n');
}

static bool is_first(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		if (strcmp(first[i].key, key) == 0)
			return true;
	}
	return false;
}

/* What a line is made of, in its order. */
static struct {
	const char *name;
	const struct field *field;
} parts[128];
static size_t n_parts;

static void add_part(const char *name, const struct field *f)
{
	if (n_parts == ARRAY_SIZE(parts))
		return;
	parts[n_parts].name = name;
	parts[n_parts++].field = f;
}

static void find_parts(void)
{
	size_t n;
	const struct field *all = field_all(&n);

	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		add_part(first[i].name, field_find(first[i].key));
	for (size_t i = 0; i < n; i++) {
		if (!is_first(all[i].key))
			add_part(all[i].key, &all[i]);
	}
}

static void put_parts(struct strbuf *out, const struct record *r)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find_parts);
	for (size_t i = 0; i < n_parts; i++)
		put_field(out, parts[i].name, parts[i].field, r);
}

void log_text_of_record(struct strbuf *out, const struct record *r)
{
	size_t from = out->len;

	put_parts(out, r);
	end_line(out, from);
}

void log_text_of_record_extra(struct strbuf *out, const struct record *r)
{
	size_t from = out->len, n;
	const struct field *extra = field_extra(&n);

	put_parts(out, r);
	for (size_t i = 0; i < n; i++)
		put_field(out, extra[i].key, &extra[i], r);
	end_line(out, from);
}

/* The next member of the object that @s is within; false at its end. */
static bool next_member(struct json_scan *s, struct span *ret_key, struct span *ret_value)
{
	if (!json_scan_take(s, '{') && !json_scan_take(s, ','))
		return false;
	ret_key->at = s->at;
	if (!json_scan_value(s, NULL))
		return false;
	ret_key->len = s->at - ret_key->at;
	if (!json_scan_take(s, ':'))
		return false;
	ret_value->at = s->at;
	if (!json_scan_value(s, NULL))
		return false;
	ret_value->len = s->at - ret_value->at;
	return true;
}

static bool is_key(struct span key, const char *name)
{
	return key.len == strlen(name) + 2 && memcmp(key.at + 1, name, key.len - 2) == 0;
}

static bool find_member(struct span object, const char *name, struct span *ret)
{
	struct json_scan s = { object.at, object.at + object.len };
	struct span key;

	while (next_member(&s, &key, ret)) {
		if (is_key(key, name))
			return true;
	}
	return false;
}

static void put_member(struct strbuf *out, struct span value)
{
	strbuf_putc(out, '=');
	put_json(out, value);
	strbuf_putc(out, ' ');
}

static bool is_null(struct span value)
{
	return *value.at == 'n';
}

/* The first seven; @shown: where the values stand that were taken for them. */
static void put_first(struct strbuf *out, struct span object, struct span shown[])
{
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		struct span value;

		if (!find_member(object, first[i].name, &value) &&
		    !find_member(object, first[i].key, &value))
			continue;
		shown[i] = value;
		if (is_null(value))
			continue;
		strbuf_puts(out, first[i].name);
		put_member(out, value);
	}
}

static void put_rest(struct strbuf *out, struct span object, const struct span shown[])
{
	struct json_scan s = { object.at, object.at + object.len };
	struct span key, value;

	while (next_member(&s, &key, &value)) {
		bool done = is_null(value);

		for (size_t i = 0; i < ARRAY_SIZE(first); i++)
			done |= shown[i].at == value.at;
		if (done)
			continue;
		put_string(out, key);
		put_member(out, value);
	}
}

size_t log_text_of_json(struct strbuf *out, const char *json, size_t len)
{
	const char *end = memchr(json, '\n', len);
	struct span object = { json, end ? (size_t)(end - json) : len };
	struct span shown[ARRAY_SIZE(first)] = { 0 };
	size_t from = out->len;

	put_first(out, object, shown);
	put_rest(out, object, shown);
	end_line(out, from);
	return object.len + (end != NULL);
}
