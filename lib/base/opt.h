/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options are static rows that say where in a command's argument struct the value goes.
 * Nobody else calls getopt_long. Help, completion and the man page check read the rows.
 */
#ifndef FLOWCTL_BASE_OPT_H
#define FLOWCTL_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_type {
	OPT_TYPE_END,
	OPT_TYPE_FLAG,		/* bool; no argument */
	OPT_TYPE_STR,		/* const char *; points into argv */
	OPT_TYPE_STRS,		/* struct opt_strs; may be repeated */
	OPT_TYPE_U64,		/* uint64_t, checked against min and max */
	OPT_TYPE_DURATION,	/* uint64_t, ns */
	OPT_TYPE_CHOICE,	/* int: index into choices */
	OPT_TYPE_COUNT,		/* int; +1 for each time it is given */
};

#define OPT_STRS_MAX 64
struct opt_strs {
	const char *v[OPT_STRS_MAX];
	size_t n;
};

struct opt {
	enum opt_type type;
	size_t offset;
	const char *name;		/* long name */
	char letter;			/* or 0 */
	const char *arg;		/* placeholder of the argument, "NAME" */
	const char *help;		/* one line, lower case; two lines with \n are fine */
	const char *const *choices;	/* CHOICE: NULL-terminated */
	uint64_t min, max;		/* U64; max 0 = no bound */
	bool optional;			/* DURATION: the argument may be missing, "--watch" */
	size_t given;			/* offset + 1 of a bool that tells it was given; 0 = none */
};

/* OPT(STR, dump_args, netns, .name = "netns", .arg = "NAME", .help = "...") */
#define OPT(type_, args_, field_, ...) \
	{ .type = OPT_TYPE_##type_, .offset = offsetof(struct args_, field_), __VA_ARGS__ }
#define OPT_GIVEN(args_, field_) .given = offsetof(struct args_, field_) + 1
#define OPT_END { .type = OPT_TYPE_END }

/*
 * Parse @argv (argv[0] is the command's word) into @args. Returns 0 with *ret_rest the
 * index of the first operand, or fail_usage(). "--" ends options; operands may stand
 * between options. Abbreviated long options are refused. `--help`/`-h` gives -ECANCELED
 * with no sentence: the caller prints the help and exits 0.
 */
int opt_parse(const struct opt *opts, int argc, char **argv, void *args, int *ret_rest);

/* One table of options as aligned help text, at most 80 columns; appended to @out. */
struct strbuf;
void opt_help(const struct opt *opts, struct strbuf *out);

#endif
