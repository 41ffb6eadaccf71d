/* SPDX-License-Identifier: Apache-2.0 */
/* A command is a row of this struct; main.c lists them, and knows nothing else of them. */
#ifndef FLOWCTL_CMD_CMD_H
#define FLOWCTL_CMD_CMD_H

#include <stddef.h>

#include "base/columns.h"
#include "base/opt.h"

enum cmd_needs {
	CMD_BPF = 1 << 0,	/* probe_require() before run */
	CMD_BPFFS = 1 << 1,	/* pin_check_root() before run */
};

struct cmd {
	const char *name;
	const char *summary;		/* one line, for the list and for --help */
	const char *operands;		/* "FILE", NULL = takes none */
	const struct opt *opts;		/* NULL = none */
	const char *example;		/* one or two lines */
	unsigned needs;
	size_t args_size;		/* bytes of the struct that opts write into; zeroed, then: */
	const void *defaults;		/* copied into it, may be NULL */
	/* What --columns of its struct style_args may name, that is at @style_at; NULL = nothing. */
	const struct column *(*columns)(size_t *ret_n);
	size_t style_at;
	/* What --sort takes, the @i-th, NULL = no more; without it the keys of columns. */
	const char *(*sort_key)(size_t i);
	/* 0, or an error as of base/error.h; main prints it and maps it to the exit status. */
	int (*run)(const void *args, int argc, char **argv);
	const struct cmd *const *sub;	/* subcommands instead (NULL-terminated), run is NULL */
};

extern const struct cmd cmd_agent, cmd_audit, cmd_collect, cmd_completion, cmd_dependency_check, cmd_dump,
	cmd_flush, cmd_ie, cmd_ipfix_dummy, cmd_latency, cmd_meter, cmd_replay,
	cmd_top, cmd_version;
/* All of them, NULL-terminated, in the order of the help; main.c. */
extern const struct cmd *const cmds[];

#endif
