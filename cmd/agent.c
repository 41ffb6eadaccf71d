// SPDX-License-Identifier: Apache-2.0
/* The exporter daemon, in the foreground; a service manager keeps it there. */
#include <stdio.h>

#include "agent/agent.h"
#include "agent/output.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "cmd.h"
#include "enrich/lpm.h"
#include "enrich/prefixes.h"
#include "kernel/pin.h"
#include "kernel/probe.h"

struct agent_args {
	const char *config;
	bool check, once;
	const char *netns;
};

static const struct agent_args agent_defaults = {
	.config = "/etc/flowctl/config.yaml",
};

static const struct opt agent_opts[] = {
	OPT(STR, agent_args, config, .name = "config", .letter = 'c', .arg = "FILE",
	    .help = "configuration, YAML or JSON\n(default /etc/flowctl/config.yaml)"),
	OPT(FLAG, agent_args, check, .name = "check", .help = "say whether the configuration is right, and exit"),
	OPT(FLAG, agent_args, once, .name = "once",
	    .help = "export what the tables hold, leave it all there,\nand exit"),
	OPT(STR, agent_args, netns, .name = "netns", .arg = "NS",
	    .help = "export this network namespace only\n(a name, a path, or pid:PID)"),
	OPT_END,
};

/* The files that the configuration names are as much a part of it. */
static int check_prefixes(const struct conf *conf)
{
	struct lpm *prefixes;
	int r = conf->as_file ? prefixes_load(conf->as_file, &prefixes) : 0;

	if (r == 0 && conf->as_file)
		lpm_free(prefixes);
	return r;
}

static int check(const struct agent_args *args, const struct conf *conf)
{
	_cleanup_(strbuf_deinit) struct strbuf warnings = STRBUF_NULL;
	int r = check_prefixes(conf);

	for (size_t i = 0; r == 0 && i < conf->n_outputs; i++)
		r = output_check(&conf->outputs[i]);
	if (r < 0)
		return r;
	conf_warnings(conf, &warnings);
	fputs(strbuf_str(&warnings), stderr);
	printf("%s: OK\n", args->config);
	return 0;
}

DEFINE_CLEANUP(struct conf, conf_free)

static int agent_cmd_run(const void *args_, int argc, char **argv)
{
	const struct agent_args *args = args_;
	const struct agent_options options = { .config_path = args->config, .netns = args->netns };
	_cleanup_(conf_freep) struct conf *conf = NULL;
	int r;

	if (args->check && args->once)
		return fail_usage("--check and --once exclude each other");
	r = conf_load(args->config, &conf);
	if (r < 0)
		return r;
	if (args->check)
		return check(args, conf);
	/* Checking a configuration needs no privilege; all else does. */
	r = pin_check_root();
	if (r == 0)
		r = probe_require();
	if (r < 0)
		return r;
	if (args->once)
		return agent_run_once(&options, conf);
	log_set_name("flowctl agent");
	return agent_run(&options, take_ptr(conf));
}

const struct cmd cmd_agent = {
	.name = "agent",
	.summary = "export flows: the daemon",
	.opts = agent_opts,
	.example = "flowctl agent -c /etc/flowctl/config.yaml",
	.args_size = sizeof(struct agent_args),
	.defaults = &agent_defaults,
	.run = agent_cmd_run,
};
