// SPDX-License-Identifier: Apache-2.0
/* Prints what the tables hold now; looks only, and is exact with and without an agent. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "cmd.h"
#include "enrich/hostname.h"
#include "flow/field_name.h"
#include "kernel/records.h"
#include "print_args.h"
#include "select.h"
#include "watch.h"

struct dump_args {
	struct print_args print;
	struct style_args style;
	struct watch_args watch;
	struct select_args select;
	const char *netns;
	struct opt_strs names;
	int direction;
	bool has_direction;
	int count;
	bool resolve;
};

static const char *const directions[] = { "ingress", "egress", NULL };
static const char *const counts[] = { "all", "once", NULL };

static const struct opt dump_opts[] = {
	PRINT_OPTS(dump_args),
	WATCH_OPTS(dump_args),
	SELECT_OPTS(dump_args),
	OPT(STR, dump_args, netns, .name = "netns", .arg = "NS",
	    .help = "of this network namespace only\n(a name, a path, or pid:PID)"),
	OPT(STRS, dump_args, names, .name = "name", .letter = 'n', .arg = "IFACE",
	    .help = "of this interface (repeatable, a glob is fine)"),
	OPT(CHOICE, dump_args, direction, .name = "direction", .arg = "DIR", .choices = directions,
	    .help = "ingress or egress only", OPT_GIVEN(dump_args, has_direction)),
	OPT(CHOICE, dump_args, count, .name = "count", .arg = "all|once", .choices = counts,
	    .help = "every hook's flows (all, default), or every\npacket of the box in one of them"),
	OPT(FLAG, dump_args, resolve, .name = "resolve",
	    .help = "names of hosts, as far as they are known in 2 s"),
	OPT_END,
};

#define RESOLVE_NS (2 * NSEC_PER_SEC)
#define RESOLVE_THREADS 32
#define RESOLVE_ENTRIES 65536

/* Anchored globs; lo only when written out. */
static bool glob_matches(const char *glob, const char *name)
{
	return strcmp(glob, name) == 0 || (strcmp(name, "lo") != 0 && fnmatch(glob, name, 0) == 0);
}

static bool name_matches(const struct opt_strs *names, const struct record *r)
{
	for (size_t i = 0; i < names->n; i++) {
		if (r->iface && glob_matches(names->v[i], r->iface))
			return true;
	}
	return names->n == 0;
}

static bool glob_has_link(const char *glob, const struct records *all)
{
	for (size_t i = 0; i < all->n_names; i++) {
		for (size_t l = 0; l < all->names[i].n_links; l++) {
			if (glob_matches(glob, all->names[i].links[l].name))
				return true;
		}
	}
	return all->n_names == 0;
}

/* No flows is no fault, a mistyped interface is one. */
static int check_names(const struct opt_strs *names, const struct records *all)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!glob_has_link(names->v[i], all))
			return fail_plain(-ENODEV,
					  "no interface '%s' in a metered network namespace",
					  names->v[i]);
	}
	return 0;
}

struct dump {
	const struct dump_args *args;
	struct print_config print;
	struct filter filter;
	struct hostnames *names;	/* NULL: not asked for */
};

static int print_now(void *arg, FILE *out)
{
	_cleanup_(records_deinit) struct records all = { 0 };
	struct dump *d = arg;
	size_t kept = 0;
	int r;

	r = records_read(d->args->netns, &all);
	if (r == 0)
		r = check_names(&d->args->names, &all);
	if (r == 0 && d->args->count == 1)
		r = records_once(&all);
	if (r < 0)
		return r;
	for (size_t i = 0; i < all.n; i++) {
		if (filter_match(&d->filter, &all.v[i]) && name_matches(&d->args->names, &all.v[i]))
			all.v[kept++] = all.v[i];
	}
	/* What is not known by then is printed as its address. */
	if (d->names)
		hostname_ask(d->names, all.v, kept, RESOLVE_NS);
	field_set_timestamp(clock_real_ns());
	d->print.out = out;
	return print_records(&d->print, all.v, kept);
}

static int begin_names(struct dump *d)
{
	const struct hostname_options options = {
		.threads = RESOLVE_THREADS, .entries = RESOLVE_ENTRIES,
	};
	int r;

	if (!d->args->resolve && !print_wants_names(&d->print))
		return 0;
	r = hostname_new(&options, &d->names);
	if (r < 0)
		return r;
	d->print.names = d->args->resolve;
	field_set_resolver(hostname_resolve, d->names);
	return 0;
}

static int dump_run(const void *args_, int argc, char **argv)
{
	const struct dump_args *args = args_;
	struct dump d = { .args = args, .print = print_args_config(&args->print, &args->style) };
	int r;

	r = print_check(&d.print);
	if (r == 0)
		r = select_filter(&args->select, &d.filter);
	if (r < 0)
		return r;
	d.filter.has_direction = args->has_direction;
	d.filter.direction = args->direction;
	r = begin_names(&d);
	if (r == 0)
		r = watch_run(&args->watch, print_now, &d);
	field_set_resolver(NULL, NULL);
	hostname_free(d.names);
	return r;
}

const struct cmd cmd_dump = {
	.name = "dump",
	.summary = "print the flows held now",
	.opts = dump_opts,
	.example = "flowctl dump --sort bytes --limit 10 -p tcp -d 10.0.0.0/8",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct dump_args),
	.columns = print_columns,
	.style_at = offsetof(struct dump_args, style),
	.run = dump_run,
};
