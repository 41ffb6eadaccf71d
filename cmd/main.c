// SPDX-License-Identifier: Apache-2.0
/*
 * Global options, the list of commands, and the one place that prints an error. What a
 * command does is in its own file; what it takes is its option table.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cmd.h"
#include "config.h"
#include "help.h"
#include "kernel/pin.h"
#include "kernel/probe.h"
#include "style.h"

const struct cmd *const cmds[] = {
	&cmd_meter,
	&cmd_dump,
	&cmd_flush,
	&cmd_audit,
	&cmd_top,
	&cmd_latency,
	&cmd_agent,
	&cmd_ipfix_dummy,
	&cmd_collect,
	&cmd_replay,
	&cmd_ie,
	&cmd_dependency_check,
	&cmd_version,
	&cmd_completion,
	NULL,
};

struct global_args {
	int verbose;
	int quiet;
	const char *bpffs;
	bool version;
};

const struct opt global_opts[] = {
	OPT(COUNT, global_args, verbose, .name = "verbose", .letter = 'v',
	    .help = "tell more (repeatable)"),
	OPT(COUNT, global_args, quiet, .name = "quiet", .letter = 'q', .help = "tell errors only"),
	OPT(STR, global_args, bpffs, .name = "bpffs", .arg = "DIR",
	    .help = "the BPF file system to work below\n(default /sys/fs/bpf, or $FLOWCTL_BPFFS)"),
	OPT(FLAG, global_args, version, .name = "version", .letter = 'V',
	    .help = "print the version"),
	OPT_END,
};

/* Words before the command belong to the program, the rest to the command. */
static int count_global_words(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1]) {
		if (strcmp(argv[i], "--") == 0)
			return i;
		i += strcmp(argv[i], "--bpffs") == 0 ? 2 : 1;
	}
	return i < argc ? i : argc;
}

static const struct cmd *find_cmd(const struct cmd *const *list, const char *word)
{
	for (; *list; list++) {
		if (strcmp((*list)->name, word) == 0)
			return *list;
	}
	return NULL;
}

static int unknown_cmd(const struct cmd *const *list, const char *what, const char *word)
{
	const char *names[32] = { 0 }, *near;

	for (size_t i = 0; list[i] && i + 1 < ARRAY_SIZE(names); i++)
		names[i] = list[i]->name;
	near = parse_nearest(word, names);
	if (near)
		error_hint("did you mean '%s'?", near);
	return fail_usage("unknown %s '%s'", what, word);
}

static int check_needs(const struct cmd *cmd)
{
	int r = 0;

	if (cmd->needs & CMD_BPFFS)
		r = pin_check_root();
	if (r == 0 && (cmd->needs & CMD_BPF))
		r = probe_require();
	return r;
}

/* 1 = answered: needs nothing of the system. */
static int help_on_columns(const struct cmd *cmd, const void *args)
{
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;
	const struct style_args *style = (const void *)((const char *)args + cmd->style_at);
	size_t n;
	int r;

	if (!cmd->columns || !columns_wants_help(style->columns))
		return 0;
	const struct column *all = cmd->columns(&n);

	r = columns_help(all, n, &out);
	if (r < 0)
		return r;
	return fputs(strbuf_str(&out), stdout) < 0 ? -EPIPE : 1;
}

/* As `meter attach eth0`. */
static int unexpected_word(const struct cmd *cmd, const char *word)
{
	int r = fail_usage("unexpected word '%s'", word);

	for (const struct opt *o = cmd->opts; o && o->type != OPT_TYPE_END; o++) {
		if (o->letter == 'n')
			error_hint("an interface is named by -%c %s", o->letter, o->arg);
	}
	return r;
}

static int no_subcommand(const struct cmd *cmd)
{
	int r = fail_usage("a subcommand is missing");

	error_hint("'flowctl %s --help' lists them", cmd->name);
	return r;
}

static int run_cmd(const struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(freep) void *args = calloc(1, cmd->args_size + 1);
	int rest, r;

	if (!args)
		return fail(-ENOMEM, "cannot start");
	if (cmd->defaults)
		memcpy(args, cmd->defaults, cmd->args_size);
	r = opt_parse(cmd->opts, argc, argv, args, &rest);
	if (r < 0)
		return r;
	if (!cmd->operands && rest < argc)
		return unexpected_word(cmd, argv[rest]);
	r = help_on_columns(cmd, args);
	if (r)
		return r < 0 ? r : 0;
	r = check_needs(cmd);
	return r < 0 ? r : cmd->run(args, argc - rest, argv + rest);
}

/* Walk down to the command that is meant; @name collects its words for messages. */
static int dispatch(int argc, char **argv, struct strbuf *name, const struct cmd **ret)
{
	const struct cmd *cmd = find_cmd(cmds, argv[0]);

	if (!cmd)
		return unknown_cmd(cmds, "command", argv[0]);
	for (;;) {
		*ret = cmd;
		strbuf_printf(name, " %s", cmd->name);
		if (!cmd->sub)
			return run_cmd(cmd, argc, argv);
		if (argc < 2)
			return no_subcommand(cmd);
		if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
			return -ECANCELED;
		if (!find_cmd(cmd->sub, argv[1]))
			return unknown_cmd(cmd->sub, "subcommand", argv[1]);
		cmd = find_cmd(cmd->sub, argv[1]);
		argc--;
		argv++;
	}
}

static int run_global(int argc, char **argv, struct strbuf *name, const struct cmd **ret_cmd)
{
	struct global_args args = { 0 };
	const char *env = getenv("FLOWCTL_BPFFS");
	int words = count_global_words(argc, argv), rest, r;

	r = opt_parse(global_opts, words, argv, &args, &rest);
	if (r < 0)
		return r;
	log_set_level(args.quiet ? LOG_LEVEL_ERROR : args.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	pin_set_root(args.bpffs ? args.bpffs : env && *env ? env : "/sys/fs/bpf");
	if (args.version) {
		/* finish_stdout() tells what went wrong */
		printf("flowctl %s\n", FLOWCTL_VERSION);
		return 0;
	}
	if (words < argc && strcmp(argv[words], "--") == 0)
		words++;
	if (words == argc) {
		error_hint("'flowctl --help' lists the commands");
		return fail_usage("a command is missing");
	}
	return dispatch(argc - words, argv + words, name, ret_cmd);
}

static int print_error(const char *name)
{
	const char *hint = error_hint_text();

	fprintf(stderr, "flowctl%s: %s\n", name, error_message());
	if (hint)
		fprintf(stderr, "%s\n", hint);
	return error_exit_status();
}

/* Output that could not be written is a failure, but a reader that went away is none. */
static int finish_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (errno == EPIPE)
		return 0;
	return fail(-errno, "cannot write to standard output");
}

int main(int argc, char **argv)
{
	_cleanup_(strbuf_deinit) struct strbuf name = STRBUF_NULL;
	const struct cmd *cmd = NULL;
	int r;

	signal(SIGPIPE, SIG_IGN);
	unsetenv("POSIXLY_CORRECT");
	if (argc > 1 && strcmp(argv[1], "__complete") == 0)
		return complete(argc - 2, argv + 2);
	r = run_global(argc, argv, &name, &cmd);
	if (r == -ECANCELED) {
		help_print(stdout, strbuf_str(&name), cmd);
		r = 0;
	}
	if (r == -EPIPE)
		return 0;
	if (r == 0)
		r = finish_stdout();
	return r < 0 ? print_error(strbuf_str(&name)) : 0;
}
