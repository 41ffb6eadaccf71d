// SPDX-License-Identifier: Apache-2.0
/*
 * Shell completion. The scripts ask `flowctl __complete WORDS...` for what may follow the
 * words typed so far; the answer is read from the commands' own tables.
 */
#include <glob.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "cmd.h"
#include "completion_scripts.h"
#include "help.h"

static const struct {
	const char *shell, *script;
} scripts[] = {
	{ "bash", script_bash }, { "zsh", script_zsh }, { "fish", script_fish },
};

static int completion_run(const void *args, int argc, char **argv)
{
	static const char *const shells[] = { "bash", "zsh", "fish", NULL };
	const char *near;

	if (argc != 1)
		return fail_usage("which shell: bash, zsh or fish?");
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		if (strcmp(argv[0], scripts[i].shell) != 0)
			continue;
		fputs(scripts[i].script, stdout);	/* main() tells what went wrong */
		return 0;
	}
	near = parse_nearest(argv[0], shells);
	if (near)
		error_hint("did you mean '%s'?", near);
	return fail_usage("no completion for '%s': bash, zsh or fish", argv[0]);
}

static void list_interfaces(void)
{
	struct if_nameindex *list = if_nameindex();

	for (size_t i = 0; list && list[i].if_name; i++)
		puts(list[i].if_name);
	if (list)
		if_freenameindex(list);
}

static void list_namespaces(void)
{
	glob_t g;

	if (glob("/run/netns/*", 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		puts(strrchr(g.gl_pathv[i], '/') + 1);
	globfree(&g);
}

static const struct opt *find_opt(const struct opt *o, const char *word)
{
	for (; o && o->type != OPT_TYPE_END; o++) {
		if (word[0] == '-' && word[1] == '-' ? strcmp(word + 2, o->name) == 0 :
		    word[0] == '-' && o->letter && word[1] == o->letter && !word[2])
			return o;
	}
	return NULL;
}

static void list_keys(const struct cmd *cmd)
{
	size_t n = 0;
	const struct column *all = cmd && cmd->columns ? cmd->columns(&n) : NULL;

	for (size_t i = 0; i < n; i++)
		puts(all[i].key);
}

static void list_sort_keys(const struct cmd *cmd)
{
	const char *key;

	if (!cmd || !cmd->sort_key) {
		list_keys(cmd);
		return;
	}
	for (size_t i = 0; (key = cmd->sort_key(i)); i++)
		puts(key);
}

/* What may stand for the argument of @o; nothing at all leaves it to the shell's files. */
static void list_arguments(const struct cmd *cmd, const struct opt *o)
{
	for (size_t i = 0; o->choices && o->choices[i]; i++)
		puts(o->choices[i]);
	if (o->arg && strcmp(o->arg, "NS") == 0)
		list_namespaces();
	else if (o->arg && strstr(o->arg, "IFACE"))
		list_interfaces();
	else if (strcmp(o->name, "columns") == 0)
		list_keys(cmd);
	else if (strcmp(o->name, "sort") == 0)
		list_sort_keys(cmd);
}

static void list_options(const struct opt *o)
{
	for (; o && o->type != OPT_TYPE_END; o++)
		printf("--%s\n", o->name);
	puts("--help");
}

static void list_cmds(const struct cmd *const *list)
{
	for (; *list; list++)
		puts((*list)->name);
}

static const struct cmd *find(const struct cmd *const *list, const char *word)
{
	for (; list && *list; list++) {
		if (strcmp((*list)->name, word) == 0)
			return *list;
	}
	return NULL;
}

int complete(int argc, char **argv)
{
	const struct cmd *const *list = cmds;
	const struct opt *opts = global_opts, *last;
	const struct cmd *cmd = NULL;

	for (int i = 0; i < argc; i++) {
		const struct cmd *next = find(list, argv[i]);

		if (!next)
			continue;
		cmd = next;
		list = cmd->sub;
		opts = cmd->opts;
	}
	last = argc ? find_opt(opts, argv[argc - 1]) : NULL;
	if (last && last->arg && !last->optional) {
		list_arguments(cmd, last);
		return 0;
	}
	if (list)
		list_cmds(list);
	list_options(opts);
	if (cmd == &cmd_completion)
		puts("bash\nzsh\nfish");
	return 0;
}

const struct cmd cmd_completion = {
	.name = "completion",
	.summary = "print the completion script of a shell",
	.operands = "bash|zsh|fish",
	.example = "source <(flowctl completion bash)",
	.run = completion_run,
};
