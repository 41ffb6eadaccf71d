// SPDX-License-Identifier: Apache-2.0
/*
 * What dump and its kin print. The plain table has its own six columns, everything else
 * follows lib/flow/field.c: --columns picks and orders, --sort compares by a key.
 */
#include "sink/print.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "base/text.h"

#define COLUMNS_MAX 128
#define FLUSH_BYTES (256 * 1024)

const char *const print_format_names[] = { "table", "wide", "json", "ndjson", "csv", NULL };

struct columns {
	const struct field *v[COLUMNS_MAX];
	size_t n;
};

static int unknown_key(const char *option, const char *key)
{
	const char *names[COLUMNS_MAX] = { 0 }, *near;
	size_t n;
	const struct field *all = field_all(&n);

	for (size_t i = 0; i < n; i++)
		names[i] = all[i].key;
	near = parse_nearest(key, names);
	if (near)
		error_hint("did you mean '%s'?", near);
	return fail_usage("%s: unknown key '%s'", option, key);
}

static int columns_parse(const char *list, struct columns *ret)
{
	_cleanup_(freep) char *copy = strdup(list);
	char *save = NULL;

	if (!copy)
		return fail(-ENOMEM, "cannot print");
	ret->n = 0;
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		const struct field *f = field_find(w);

		if (!f)
			return unknown_key("--columns", w);
		if (ret->n == COLUMNS_MAX)
			return fail_usage("--columns: too many keys");
		ret->v[ret->n++] = f;
	}
	return ret->n ? 0 : fail_usage("--columns: no key given");
}

static int columns_of(const struct print_config *config, struct columns *ret)
{
	const struct field *all = field_all(&ret->n);

	if (config->columns)
		return columns_parse(config->columns, ret);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i] = &all[i];
	return 0;
}

static const struct field *sort_field(const char *sort)
{
	return field_find(sort[0] == '-' ? sort + 1 : sort);
}

int print_check(const struct print_config *config)
{
	struct columns columns;

	if (config->sort && !sort_field(config->sort))
		return unknown_key("--sort",
				   config->sort[0] == '-' ? config->sort + 1 : config->sort);
	return columns_of(config, &columns);
}

static int by_field(const void *a, const void *b, void *field)
{
	return field_compare(field, a, b);
}

static int by_field_down(const void *a, const void *b, void *field)
{
	return field_compare(field, b, a);
}

static void value_text(const struct field *f, const struct record *r, const char *null,
		       char buf[FIELD_TEXT_MAX])
{
	struct field_value v;

	field_value(f, r, &v);
	switch (v.kind) {
	case FIELD_NULL:
		snprintf(buf, FIELD_TEXT_MAX, "%s", null);
		break;
	case FIELD_U64:
		snprintf(buf, FIELD_TEXT_MAX, "%llu", (unsigned long long)v.u64);
		break;
	case FIELD_BOOL:
		snprintf(buf, FIELD_TEXT_MAX, "%s", v.u64 ? "true" : "false");
		break;
	case FIELD_STR:
		snprintf(buf, FIELD_TEXT_MAX, "%s", v.text);
		break;
	}
}

/* "10.0.0.1:80", "[2001:db8::1]:80"; port 0 where the protocol has none:
 * a column stays a column. */
static void end_point(struct text_table *t, const struct record *r, const uint8_t addr[16], __be16 port)
{
	unsigned number = proto_has_ports(r->key.proto) ? be16toh(port) : 0;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(r->key.family == 6 ? AF_INET6 : AF_INET, addr, text, sizeof(text));
	text_table_cell(t, r->key.family == 6 ? "[%s]:%u" : "%s:%u", text, number);
}

static int plain_table(const struct record *records, size_t n, struct strbuf *out)
{
	static const char *const heads[] = { "IFINDEX", "PROTO", "SRC", "DST", "PKTS", "BYTES", NULL };
	struct text_table *t;
	int r;

	r = text_table_new(heads, NULL, &t);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		text_table_cell(t, "%u", records[i].ifindex);
		text_table_cell(t, "%u", records[i].key.proto);
		end_point(t, &records[i], records[i].key.src, records[i].key.sport);
		end_point(t, &records[i], records[i].key.dst, records[i].key.dport);
		text_table_cell(t, "%llu", (unsigned long long)records[i].packets);
		text_table_cell(t, "%llu", (unsigned long long)records[i].bytes);
	}
	r = text_table_print(t, out);
	text_table_free(t);
	return r;
}

static void upper(char *to, const char *from)
{
	for (; *from; from++)
		*to++ = *from >= 'a' && *from <= 'z' ? *from - 'a' + 'A' : *from;
	*to = '\0';
}

static int field_table(const struct columns *c, const struct record *records, size_t n,
		       struct strbuf *out)
{
	char names[COLUMNS_MAX][32];
	const char *heads[COLUMNS_MAX + 1];
	struct text_table *t;
	int r;

	for (size_t i = 0; i < c->n; i++) {
		upper(names[i], c->v[i]->key);
		heads[i] = names[i];
	}
	heads[c->n] = NULL;
	r = text_table_new(heads, NULL, &t);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < c->n; k++) {
			char text[FIELD_TEXT_MAX];

			value_text(c->v[k], &records[i], "-", text);
			text_table_cell(t, "%s", text[0] ? text : "-");
		}
	}
	r = text_table_print(t, out);
	text_table_free(t);
	return r;
}

/* RFC 4180: quoted where it must be, CRLF left to those who want it. */
static void csv_cell(struct strbuf *out, const char *s)
{
	if (!s[strcspn(s, ",\"\r\n")]) {
		strbuf_puts(out, s);
		return;
	}
	strbuf_putc(out, '"');
	for (; *s; s++) {
		if (*s == '"')
			strbuf_putc(out, '"');
		strbuf_putc(out, *s);
	}
	strbuf_putc(out, '"');
}

static int flush_out(struct strbuf *out, size_t at_least)
{
	if (out->failed)
		return fail(-ENOMEM, "cannot print");
	if (out->len < at_least)
		return 0;
	if (fwrite(strbuf_str(out), 1, out->len, stdout) != out->len || ferror(stdout))
		return errno == EPIPE ? -EPIPE : fail(-errno, "cannot write to standard output");
	strbuf_reset(out);
	return 0;
}

static int print_csv(const struct columns *c, const struct record *records, size_t n,
		     struct strbuf *out)
{
	int r = 0;

	for (size_t k = 0; k < c->n; k++)
		strbuf_printf(out, "%s%s", k ? "," : "", c->v[k]->key);
	strbuf_putc(out, '\n');
	for (size_t i = 0; r == 0 && i < n; i++) {
		for (size_t k = 0; k < c->n; k++) {
			char text[FIELD_TEXT_MAX];

			value_text(c->v[k], &records[i], "", text);
			if (k)
				strbuf_putc(out, ',');
			csv_cell(out, text);
		}
		strbuf_putc(out, '\n');
		r = flush_out(out, FLUSH_BYTES);
	}
	return r;
}

static int print_json(const struct columns *c, const struct record *records, size_t n, bool lines,
		      struct strbuf *out)
{
	struct json j;
	int r = 0;

	json_init(&j, out, false);
	if (!lines)
		strbuf_puts(out, "[");
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!lines)
			strbuf_puts(out, i ? ",\n " : "");
		json_object_begin(&j, NULL);
		for (size_t k = 0; k < c->n; k++)
			field_json(&j, c->v[k], &records[i]);
		json_object_end(&j);
		if (lines)
			strbuf_putc(out, '\n');
		r = flush_out(out, FLUSH_BYTES);
	}
	if (!lines)
		strbuf_puts(out, "]\n");
	return r;
}

int print_records(const struct print_config *config, struct record *records, size_t n)
{
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;
	struct columns columns;
	int r;

	r = columns_of(config, &columns);
	if (r < 0)
		return r;
	if (config->sort)
		qsort_r(records, n, sizeof(*records),
			config->sort[0] == '-' ? by_field : by_field_down,
			(void *)sort_field(config->sort));
	if (config->limit && n > config->limit)
		n = config->limit;
	if (config->format == PRINT_JSON || config->format == PRINT_NDJSON)
		r = print_json(&columns, records, n, config->format == PRINT_NDJSON, &out);
	else if (config->format == PRINT_CSV)
		r = print_csv(&columns, records, n, &out);
	else if (config->format == PRINT_TABLE && !config->columns)
		r = plain_table(records, n, &out);
	else
		r = field_table(&columns, records, n, &out);
	return r < 0 ? r : flush_out(&out, 1);
}
