// SPDX-License-Identifier: Apache-2.0
/* What the system must have, one line a need; exit status 3 when something required is missing. */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd.h"
#include "kernel/probe.h"
#include "style.h"

struct check_args {
	int format;
};

static const char *const states[] = { "VALID", "INVALID", "NOT-INSTALLED", "OPTIONAL" };

static const struct opt check_opts[] = {
	STYLE_FORMAT_OPT(check_args),
	OPT_END,
};

static void print_json(const struct probe_result *v, size_t n)
{
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;
	struct json j;

	json_init(&j, &out, true);
	json_array_begin(&j, NULL);
	for (size_t i = 0; i < n; i++) {
		json_object_begin(&j, NULL);
		json_str(&j, "name", v[i].name);
		json_str(&j, "expect", v[i].expect);
		json_str(&j, "found", v[i].found);
		json_str(&j, "state", states[v[i].state]);
		json_object_end(&j);
	}
	json_array_end(&j);
	puts(strbuf_str(&out));
}

static int check_run(const void *args_, int argc, char **argv)
{
	const struct check_args *args = args_;
	_cleanup_(freep) struct probe_result *v = NULL;
	size_t n, missing;
	int r;

	r = probe_all(&v, &n, &missing);
	if (r < 0)
		return r;
	if (args->format == STYLE_JSON)
		print_json(v, n);
	for (size_t i = 0; args->format == STYLE_TABLE && i < n; i++)
		printf("%s (expect %s): %s (%s)\n", v[i].name, v[i].expect, v[i].found,
		       states[v[i].state]);
	if (missing)
		return fail_system(-ENOTSUP, "%zu of what flowctl needs %s missing", missing,
				   missing == 1 ? "is" : "are");
	return 0;
}

const struct cmd cmd_dependency_check = {
	.name = "dependency-check",
	.summary = "say what of the system's needs is there",
	.opts = check_opts,
	.example = "flowctl dependency-check",
	.args_size = sizeof(struct check_args),
	.run = check_run,
};
