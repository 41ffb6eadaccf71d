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
#include "base/strbuf.h"
#include "flow/field_name.h"

#define FLUSH_BYTES (256 * 1024)

const char *const print_format_names[] = { "table", "wide", "json", "ndjson", "csv", NULL };

static const struct field *field_of(const struct column *c)
{
	return c->arg;
}

static void field_cell(const struct column *c, const void *row, struct column_cell *ret)
{
	struct field_value v;

	field_value(field_of(c), row, &v);
	if (v.kind == FIELD_U64)
		column_number(ret, v.u64);
	else if (v.kind == FIELD_BOOL)
		column_text(ret, "%s", v.u64 ? "true" : "false");
	else if (v.kind == FIELD_STR)
		column_text(ret, "%s", v.text);
}

static struct column field_columns[COLUMNS_MAX];
static size_t n_field_columns;

static bool is_octets(const char *key)
{
	return strcmp(key, "bytes") == 0 || strcmp(key, "max_bytes_in_flight") == 0;
}

static void add_columns(const struct field *v, size_t n, unsigned flags)
{
	for (size_t i = 0; i < n && n_field_columns < COLUMNS_MAX; i++) {
		field_columns[n_field_columns++] = (struct column) {
			.key = v[i].key,
			.help = field_help(v[i].key),
			.flags = flags | (is_octets(v[i].key) ? COLUMN_OCTETS : 0),
			.cell = field_cell,
			.arg = &v[i],
		};
	}
}

const struct column *print_columns(size_t *ret_n)
{
	const struct field *v;
	size_t n;

	if (!n_field_columns) {
		v = field_all(&n);
		add_columns(v, n, 0);
		v = field_extra(&n);
		add_columns(v, n, COLUMN_MORE);
	}
	*ret_n = n_field_columns;
	return field_columns;
}

static int columns_of(const struct print_config *config, struct columns *ret)
{
	size_t n;
	const struct column *all = print_columns(&n);
	int r = columns_pick(all, n, config->columns, ret);

	for (size_t i = 0; r == 0 && !config->columns && config->names && i < n; i++) {
		if (all[i].flags & COLUMN_MORE)
			ret->v[ret->n++] = &all[i];
	}
	return r;
}

static const struct field *sort_field(const char *sort)
{
	return field_find(sort[0] == '-' ? sort + 1 : sort);
}

int print_check(const struct print_config *config)
{
	struct columns columns;
	size_t n;
	const struct column *all = print_columns(&n);

	if (config->sort && !sort_field(config->sort))
		return columns_unknown(all, n, "--sort",
				       config->sort[0] == '-' ? config->sort + 1 : config->sort);
	return columns_of(config, &columns);
}

bool print_wants_names(const struct print_config *config)
{
	struct columns columns;
	size_t n;
	const struct field *extra = field_extra(&n);

	for (size_t i = 0; config->sort && i < n; i++) {
		if (sort_field(config->sort) == &extra[i])
			return true;
	}
	if (!config->columns || columns_of(config, &columns) < 0)
		return false;
	for (size_t i = 0; i < columns.n; i++) {
		if (columns.v[i]->flags & COLUMN_MORE)
			return true;
	}
	return false;
}

static int by_field(const void *a, const void *b, void *field)
{
	return field_compare(field, a, b);
}

static int by_field_down(const void *a, const void *b, void *field)
{
	return field_compare(field, b, a);
}

/* "10.0.0.1:80", "[2001:db8::1]:80", "host.example:80"; port 0 where the protocol has none:
 * a column stays a column. */
static void end_point(const struct record *r, bool source, struct column_cell *ret)
{
	const uint8_t *addr = source ? r->key.src : r->key.dst;
	__be16 port = source ? r->key.sport : r->key.dport;
	unsigned number = proto_has_ports(r->key.proto) ? be16toh(port) : 0;
	char text[FIELD_TEXT_MAX];

	if ((source ? field_src_name : field_dst_name)(r, text, sizeof(text))) {
		column_text(ret, "%s:%u", text, number);
		return;
	}
	inet_ntop(r->key.family == 6 ? AF_INET6 : AF_INET, addr, text, sizeof(text));
	column_text(ret, r->key.family == 6 ? "[%s]:%u" : "%s:%u", text, number);
}

#define PLAIN(name_, body_) COLUMN_CELL(plain_##name_, record, r, body_)

PLAIN(ifindex, column_number(ret, r->ifindex))
PLAIN(proto, column_number(ret, r->key.proto))
PLAIN(src, end_point(r, true, ret))
PLAIN(dst, end_point(r, false, ret))
PLAIN(packets, column_number(ret, r->packets))
PLAIN(bytes, column_number(ret, r->bytes))

/* The table that scripts know. */
static const struct column plain[] = {
	{ .head = "IFINDEX", .cell = cell_plain_ifindex },
	{ .head = "PROTO", .cell = cell_plain_proto },
	{ .head = "SRC", .cell = cell_plain_src },
	{ .head = "DST", .cell = cell_plain_dst },
	{ .head = "PKTS", .cell = cell_plain_packets },
	{ .head = "BYTES", .cell = cell_plain_bytes, .flags = COLUMN_OCTETS },
};

static void plain_columns(struct columns *ret)
{
	for (ret->n = 0; ret->n < ARRAY_SIZE(plain); ret->n++)
		ret->v[ret->n] = &plain[ret->n];
}

/* RFC 4180: quoted where it must be, CRLF left to those who want it. What a terminal would obey is
 * shown as '?', as in tables; a line's end has its quotes. */
static void csv_cell(struct strbuf *out, const char *s)
{
	bool quoted = s[strcspn(s, ",\"\r\n")];

	if (quoted)
		strbuf_putc(out, '"');
	for (; *s; s++) {
		bool control = (unsigned char)*s < ' ' || *s == 0x7f;

		if (*s == '"')
			strbuf_putc(out, '"');
		strbuf_putc(out, control && *s != '\r' && *s != '\n' ? '?' : *s);
	}
	if (quoted)
		strbuf_putc(out, '"');
}

static int flush_out(FILE *to, struct strbuf *out, size_t at_least)
{
	if (out->failed)
		return fail(-ENOMEM, "cannot print");
	if (out->len < at_least)
		return 0;
	if (fwrite(strbuf_str(out), 1, out->len, to) != out->len || ferror(to))
		return errno == EPIPE ? -EPIPE : fail(-errno, "cannot write to standard output");
	strbuf_reset(out);
	return 0;
}

static void csv_field(struct strbuf *out, const struct field *f, const struct record *r)
{
	struct field_value v;

	field_value(f, r, &v);
	if (v.kind == FIELD_U64)
		strbuf_u64(out, v.u64);
	else if (v.kind == FIELD_BOOL)
		strbuf_puts(out, v.u64 ? "true" : "false");
	else if (v.kind == FIELD_STR)
		csv_cell(out, v.text);
}

static int print_csv(const struct columns *c, const struct record *records, size_t n, FILE *to,
		     struct strbuf *out)
{
	int r = 0;

	for (size_t k = 0; k < c->n; k++)
		strbuf_printf(out, "%s%s", k ? "," : "", c->v[k]->key);
	strbuf_putc(out, '\n');
	for (size_t i = 0; r == 0 && i < n; i++) {
		for (size_t k = 0; k < c->n; k++) {
			if (k)
				strbuf_putc(out, ',');
			csv_field(out, field_of(c->v[k]), &records[i]);
		}
		strbuf_putc(out, '\n');
		r = flush_out(to, out, FLUSH_BYTES);
	}
	return r;
}

static int print_json(const struct columns *c, const struct record *records, size_t n, bool lines,
		      FILE *to, struct strbuf *out)
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
			field_json(&j, field_of(c->v[k]), &records[i]);
		json_object_end(&j);
		if (lines)
			strbuf_putc(out, '\n');
		r = flush_out(to, out, FLUSH_BYTES);
	}
	if (!lines)
		strbuf_puts(out, "]\n");
	return r;
}

int print_records(const struct print_config *config, struct record *records, size_t n)
{
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;
	FILE *to = config->out ? config->out : stdout;
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
	if (config->format == PRINT_JSON || config->format == PRINT_NDJSON) {
		r = print_json(&columns, records, n, config->format == PRINT_NDJSON, to, &out);
	} else if (config->format == PRINT_CSV) {
		r = print_csv(&columns, records, n, to, &out);
	} else {
		if (config->format == PRINT_TABLE && !config->columns)
			plain_columns(&columns);
		r = columns_print(&columns, records, n, sizeof(*records), &config->style, &out);
	}
	return r < 0 ? r : flush_out(to, &out, 1);
}
