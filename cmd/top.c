// SPDX-License-Identifier: Apache-2.0
/*
 * What is looked at, by which lines, and whether on the full screen or as a list: all of that is
 * judged before anything is attached, and the terminal is taken only when all else stands. What
 * then goes round is top_loop.c.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "cmd.h"
#include "enrich/hostname.h"
#include "flow/field_name.h"
#include "targets.h"
#include "top/list.h"
#include "top_loop.h"

enum {
	LIST_S = 5,
	SCREEN_S = 1,
	LAST_MS = 1000,
};

static const struct opt top_opts[] = {
	OPT(STRS, top_args, names, .name = "name", .letter = 'n', .arg = "IFACE",
	    .help = "of this interface (repeatable, a glob is fine)"),
	TARGET_INTERFACE_OPT(top_args),
	TARGET_NETNS_OPT(top_args),
	OPT(FLAG, top_args, batch, .name = "batch", .letter = 'b',
	    .help = "a plain list again and again, no full screen"),
	OPT(DURATION, top_args, interval_ns, .name = "interval", .arg = "DURATION",
	    .help = "so often (list 5s, full screen 1s)", OPT_GIVEN(top_args, has_interval)),
	OPT(U64, top_args, count, .name = "count", .letter = 'c', .arg = "N", .min = 1,
	    .help = "end after N times"),
	OPT(CHOICE, top_args, by, .name = "by", .arg = "WHAT", .choices = top_by_names,
	    .help = "lines of connection (default), host, port,\ninterface or netns"),
	OPT(FLAG, top_args, connections, .name = "connections",
	    .help = "list each connection on its own,\nwith its start and duration"),
	OPT(STR, top_args, sort, .name = "sort", .arg = "KEY",
	    .help = "biggest KEY first; -KEY: smallest first"),
	OPT(STR, top_args, filter, .name = "filter", .arg = "WORDS",
	    .help = "only these: 'tcp dport 443', '10.0.0.0/8'"),
	OPT(U64, top_args, limit, .name = "limit", .arg = "N", .min = 1,
	    .help = "list the first N only"),
	OPT(FLAG, top_args, resolve, .name = "resolve",
	    .help = "names of hosts, as they become known (key n)"),
	STYLE_OPTS(top_args),
	OPT_END,
};

static int open_sources(struct top *t, struct targets *targets)
{
	struct netns ns[ARRAY_SIZE(targets->v)];
	int r;

	r = targets_open(targets, ns);
	for (size_t i = 0; r == 0 && i < targets->n; i++) {
		if (targets->v[i].n)
			r = top_source_open(&t->source[t->n++], &ns[i], &targets->v[i]);
	}
	for (size_t i = 0; i < targets->n; i++)
		netns_close(&ns[i]);
	for (size_t i = 0; r == 0 && i < t->n; i++)
		t->place[i] = top_source_place(&t->source[i]);
	return r;
}

/* Detach what was attached, whatever happened; the first error is the one that is told. */
static int close_all(struct top *t, int r)
{
	struct error_kept kept;

	view_close(t->view);
	for (size_t i = 0; i < t->n; i++) {
		int closed;

		error_keep(&kept);
		closed = top_source_close(&t->source[i]);
		if (r < 0 && r != -EPIPE)
			error_restore(&kept);
		else if (closed < 0)
			r = closed;
	}
	field_set_resolver(NULL, NULL);
	hostname_free(t->names);
	top_screen_deinit(&t->screen);
	top_rows_deinit(&t->rows);
	outlet_deinit(&t->out);
	loop_free(t->loop);
	return r;
}

static int parse_sort(struct top *t)
{
	const char *key = t->args->sort;

	t->order.column = TOP_BYTES;
	if (!key)
		return 0;
	t->order.reversed = key[0] == '-';
	t->order.column = top_column_find(key + t->order.reversed);
	if (t->order.column == TOP_COLUMNS)
		return fail_usage("--sort: unknown key '%s'", key);
	if (!(top_columns[t->order.column].by & 1u << t->by))
		return fail_usage("--sort: '%s' says nothing of %ss%s", key, top_by_names[t->args->by],
				  (int)t->by == t->args->by ? "" : " in a plain list");
	return 0;
}

/* What a line is, and what is said of it. */
static int parse_lines(struct top *t, bool full_screen)
{
	const struct top_args *args = t->args;

	t->by = args->by;
	t->style = style_of(&args->style);
	if (full_screen)
		return 0;
	if (t->by == TOP_BY_CONNECTION)
		t->by = args->connections ? TOP_BY_FLOW : TOP_BY_ENDS;
	return top_list_pick(args->style.columns, &t->by, &t->columns);
}

static int parse_args(struct top *t, bool full_screen)
{
	const struct top_args *args = t->args;
	int r;

	if (!args->names.n && !args->interfaces.n)
		return fail_usage("no interface named: give -n IFACE");
	if (args->has_interval && args->interval_ns < 10 * NSEC_PER_MSEC)
		return fail_usage("--interval must be 10ms or longer");
	if (args->connections && args->by != TOP_BY_CONNECTION)
		return fail_usage("--connections and --by %s exclude each other", top_by_names[args->by]);
	t->interval_ns = args->has_interval ? args->interval_ns
					    : (full_screen ? SCREEN_S : LIST_S) * NSEC_PER_SEC;
	r = parse_lines(t, full_screen);
	if (r == 0)
		r = parse_sort(t);
	if (r == 0)
		r = top_words_parse(args->filter ? args->filter : "", &t->words);
	t->words.either_way = t->by == TOP_BY_CONNECTION;
	return r;
}

/* Only when all else stands: from here on the terminal is not to be written to. */
static int take_terminal(struct top *t)
{
	int r = view_open(t->style.color, &t->view);

	return r == -ENOTTY ? fail_plain(r, "this terminal cannot show a full screen: use --batch") : r;
}

/* Why there is none, though it was asked for; NULL: nothing speaks against it. */
static const char *no_screen(void)
{
	const char *term = getenv("TERM");

	if (!view_built_in)
		return "built without ncursesw";
	if (!isatty(STDIN_FILENO))
		return "standard input is no terminal";
	if (!term || !*term || strcmp(term, "dumb") == 0)
		return "this terminal cannot show one";
	return NULL;
}

static int run(struct top *t, struct targets *targets, bool full_screen)
{
	int r;

	r = targets_add(targets, t->args->netns, &t->args->names, &t->args->interfaces);
	if (r == 0)
		r = top_loop_new(t);
	if (r == 0)
		r = open_sources(t, targets);
	if (r == 0 && full_screen)
		r = take_terminal(t);
	if (r == 0)
		r = top_loop_begin(t);
	if (r == 0)
		r = loop_run(t->loop);
	if (r == 0 && !t->view)
		r = outlet_push(&t->out, LAST_MS);
	return r;
}

static int top_run(const void *args_, int argc, char **argv)
{
	_cleanup_(targets_deinit) struct targets targets = { 0 };
	_cleanup_(freep) struct top *t = calloc(1, sizeof(*t));
	const struct top_args *args = args_;
	bool asked = !args->batch && !args->style.columns && isatty(STDOUT_FILENO);
	const char *why = asked ? no_screen() : NULL;
	int r;

	if (!t)
		return fail(-ENOMEM, "cannot start");
	t->args = args;
	log_set_name("flowctl top");
	r = parse_args(t, asked && !why);
	if (r == 0 && why)
		log_warning("no full screen, %s: here is the plain list", why);
	if (r == 0)
		r = run(t, &targets, asked && !why);
	return close_all(t, r);
}

static const char *sort_key(size_t i)
{
	return i < TOP_COLUMNS ? top_columns[i].name : NULL;
}

const struct cmd cmd_top = {
	.name = "top",
	.summary = "show live what crosses an interface",
	.opts = top_opts,
	.example = "flowctl top -n eth0\n  flowctl top -n eth0 --batch --count 1 --interval 10s",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct top_args),
	.columns = top_list_columns,
	.sort_key = sort_key,
	.style_at = offsetof(struct top_args, style),
	.run = top_run,
};
