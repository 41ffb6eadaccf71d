// SPDX-License-Identifier: Apache-2.0
/* The table of information elements as it is in the program: what templates may name. */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd.h"
#include "flow/ie.h"
#include "style.h"

struct ie_args {
	int format;
	struct style_args style;
};

static const struct opt ie_opts[] = {
	STYLE_FORMAT_OPT(ie_args),
	STYLE_OPTS(ie_args),
	OPT_END,
};

#define CELL(name_, body_) COLUMN_CELL(name_, ie, e, body_)

CELL(number, column_number(ret, e->id))
CELL(pen, column_number(ret, e->pen))
CELL(name, column_text(ret, "%s", e->name))
CELL(type, column_text(ret, "%s", ie_type_name(e)))
CELL(source, column_text(ret, "%s", e->source))
CELL(semantics, column_text(ret, "%s", ie_semantics_name(e)))
CELL(units, column_text(ret, "%s", ie_units_name(e)))

static void cell_length(const struct column *c, const void *row, struct column_cell *ret)
{
	const struct ie *e = row;

	if (e->len_bytes == IE_VARLEN)
		column_text(ret, "variable");
	else
		column_number(ret, e->len_bytes);
}

static const struct column columns[] = {
	{ "number", NULL, "number of the element", COLUMN_RIGHT, cell_number },
	{ "pen", NULL, "enterprise it is of; 0 = IANA", COLUMN_RIGHT, cell_pen },
	{ "name", NULL, "name of the element", 0, cell_name },
	{ "type", NULL, "abstract data type (RFC 7012)", 0, cell_type },
	{ "length", NULL, "octets, where a template says none", COLUMN_RIGHT, cell_length },
	{ "source", NULL, "where the value comes from", 0, cell_source },
	{ "semantics", NULL, "data type semantics", COLUMN_MORE, cell_semantics },
	{ "units", NULL, "units of the value", COLUMN_MORE, cell_units },
};

static const struct column *ie_columns(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(columns);
	return columns;
}

static int format_table(const struct ie *all, size_t n, const struct style_args *args,
			struct strbuf *out)
{
	const struct columns_style style = style_of(args);
	struct columns picked;
	int r = columns_pick(columns, ARRAY_SIZE(columns), args->columns, &picked);

	return r < 0 ? r : columns_print(&picked, all, n, sizeof(*all), &style, out);
}

static void format_json(const struct ie *all, size_t n, struct strbuf *out)
{
	struct json j;

	json_init(&j, out, true);
	json_array_begin(&j, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct ie *e = &all[i];

		json_object_begin(&j, NULL);
		json_u64(&j, "id", e->id);
		json_u64(&j, "pen", e->pen);
		json_str(&j, "name", e->name);
		json_str(&j, "type", ie_type_name(e));
		json_u64(&j, "length", e->len_bytes);
		json_str(&j, "semantics", ie_semantics_name(e));
		json_str(&j, "units", ie_units_name(e));
		json_u64(&j, "range_begin", e->range_begin);
		if (e->range_end)
			json_u64(&j, "range_end", e->range_end);
		else
			json_null(&j, "range_end");
		json_str(&j, "source", e->source);
		json_object_end(&j);
	}
	json_array_end(&j);
	strbuf_add(out, "\n", 1);
}

static int ie_run(const void *args_, int argc, char **argv)
{
	const struct ie_args *args = args_;
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;
	size_t n;
	const struct ie *all = ie_all(&n);
	int r = style_check(&args->style, args->format);

	if (r < 0)
		return r;
	if (args->format == STYLE_JSON)
		format_json(all, n, &out);
	else
		r = format_table(all, n, &args->style, &out);
	if (r < 0)
		return r;
	if (out.failed)
		return fail(-ENOMEM, "cannot list the elements");
	fputs(strbuf_str(&out), stdout);
	return 0;
}

const struct cmd cmd_ie = {
	.name = "ie",
	.summary = "list the information elements that can be exported",
	.opts = ie_opts,
	.example = "flowctl ie | grep -i vlan",
	.args_size = sizeof(struct ie_args),
	.columns = ie_columns,
	.style_at = offsetof(struct ie_args, style),
	.run = ie_run,
};
