// SPDX-License-Identifier: Apache-2.0
/* See help.h. */
#include "help.h"

#include "base/cleanup.h"
#include "base/strbuf.h"

static void list_cmds(struct strbuf *out, const struct cmd *const *list)
{
	for (; *list; list++)
		strbuf_printf(out, "  %-18s  %s\n", (*list)->name, (*list)->summary);
}

static void print_program(struct strbuf *out)
{
	strbuf_puts(out, "flowctl - which flows cross this machine, measured with eBPF, exported as IPFIX\n\n"
			 "usage: flowctl [GLOBAL] COMMAND [SUBCOMMAND] [OPTIONS]\n\ncommands:\n");
	list_cmds(out, cmds);
	strbuf_puts(out, "\nglobal options:\n");
	opt_help(global_opts, out);
	strbuf_puts(out, "\nexample:\n  flowctl meter attach -n eth0 && sleep 5 && flowctl dump\n\n"
			 "'flowctl COMMAND --help' tells more of each; flowctl(1) has it all.\n");
}

static void print_cmd(struct strbuf *out, const char *name, const struct cmd *cmd)
{
	strbuf_printf(out, "flowctl%s - %s\n\nusage: flowctl%s%s%s%s%s\n", name, cmd->summary, name,
		      cmd->sub ? " SUBCOMMAND" : "", cmd->opts || cmd->sub ? " [OPTIONS]" : "",
		      cmd->operands ? " " : "", cmd->operands ? cmd->operands : "");
	if (cmd->sub) {
		strbuf_puts(out, "\nsubcommands:\n");
		list_cmds(out, cmd->sub);
	}
	if (!cmd->sub) {
		strbuf_puts(out, "\noptions:\n");
		opt_help(cmd->opts, out);
	}
	if (cmd->example)
		strbuf_printf(out, "\nexample:\n  %s\n", cmd->example);
	strbuf_puts(out, "\nMore in flowctl(1) and the manual page of the command.\n");
}

void help_print(FILE *f, const char *name, const struct cmd *cmd)
{
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;

	if (cmd)
		print_cmd(&out, name, cmd);
	else
		print_program(&out);
	fputs(strbuf_str(&out), f);
}
