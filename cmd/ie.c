// SPDX-License-Identifier: Apache-2.0
/* The table of information elements as it is in the program: what templates may name. */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd.h"
#include "flow/ie.h"

DEFINE_CLEANUP(struct text_table, text_table_free)

struct ie_args {
	int format;
};

static const char *const formats[] = { "table", "json", NULL };

static const struct opt ie_opts[] = {
	OPT(CHOICE, ie_args, format, .name = "output", .letter = 'o', .arg = "FORMAT",
	    .choices = formats, .help = "table (default) or json"),
	OPT_END,
};

static int format_table(const struct ie *all, size_t n, struct strbuf *out)
{
	static const char *const heads[] = { "NUMBER", "PEN", "NAME", "TYPE", "LENGTH", "SOURCE",
					     NULL };
	static const bool right[] = { true, true, false, false, true, false };
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	int r = text_table_new(heads, right, &t);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct ie *e = &all[i];

		text_table_cell(t, "%u", e->id);
		text_table_cell(t, "%u", e->pen);
		text_table_cell(t, "%s", e->name);
		text_table_cell(t, "%s", ie_type_name(e));
		if (e->len_bytes == IE_VARLEN)
			text_table_cell(t, "variable");
		else
			text_table_cell(t, "%u", e->len_bytes);
		text_table_cell(t, "%s", e->source);
	}
	return r < 0 ? r : text_table_print(t, out);
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
	int r = 0;

	if (args->format == 1)
		format_json(all, n, &out);
	else
		r = format_table(all, n, &out);
	if (r < 0 || out.failed)
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
	.run = ie_run,
};
