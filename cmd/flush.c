// SPDX-License-Identifier: Apache-2.0
/* Drops flows. Everything only when --all says so. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "cmd.h"
#include "kernel/flush.h"
#include "select.h"

struct flush_args {
	struct select_args select;
	bool all;
	const char *netns;
};

static const struct opt flush_opts[] = {
	SELECT_OPTS(flush_args),
	OPT(FLAG, flush_args, all, .name = "all", .letter = 'A', .help = "all flows"),
	OPT(STR, flush_args, netns, .name = "netns", .arg = "NS",
	    .help = "of this network namespace only\n(a name, a path, or pid:PID)"),
	OPT_END,
};

static int flush_run(const void *args_, int argc, char **argv)
{
	const struct flush_args *args = args_;
	struct filter filter;
	uint64_t n;
	int r;

	r = select_filter(&args->select, &filter);
	if (r < 0)
		return r;
	if (filter_is_empty(&filter) && !args->all)
		return fail_usage("which flows? Give a filter, or --all");
	if (!filter_is_empty(&filter) && args->all)
		return fail_usage("--all and a filter exclude each other");
	r = flush_flows(args->netns, &filter, &n);
	if (r < 0)
		return r;
	if (!n && !args->all)
		return fail_plain(-ENOENT, "no flow matches");
	printf("%" PRIu64 " flows flushed\n", n);
	return 0;
}

const struct cmd cmd_flush = {
	.name = "flush",
	.summary = "drop flows",
	.opts = flush_opts,
	.example = "flowctl flush -i 98 -p 6 -s 172.17.0.7 -S 37869",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct flush_args),
	.run = flush_run,
};
