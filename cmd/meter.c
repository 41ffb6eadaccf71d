// SPDX-License-Identifier: Apache-2.0
/* meter attach and detach; meter_status.c has the third. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd.h"
#include "kernel/meter.h"
#include "targets.h"

extern const struct cmd cmd_meter_status;

struct meter_args {
	struct opt_strs names, interfaces;
	const char *netns;
	bool all;
	int direction;
	int hook, xdp_mode;
	uint64_t pref, handle, chain, max_flows, spread, sample, forward, max_connections;
	bool pref_given, handle_given, xdp_mode_given, tcp_metrics_given, forward_given;
	int tcp_metrics;
	const char *decap;
	bool force, dry_run;
};

static const struct meter_args meter_defaults = {
	.pref = 100,
	.handle = 1,
	.sample = 1,
};

static const char *const directions[] = { "both", "ingress", "egress", NULL };
static const char *const hooks[] = { "auto", "tcx", "tc", "xdp", NULL };
/* By enum xdp_mode. */
static const char *const xdp_modes[] = { "auto", "native", "generic", NULL };
static const char *const on_off[] = { "on", "off", NULL };

#define SELECTOR_OPTS(all_)                                                            \
	OPT(STRS, meter_args, names, .name = "name", .letter = 'n', .arg = "IFACE",    \
	    .help = "this interface (repeatable, a glob is fine)"),                    \
	TARGET_INTERFACE_OPT(meter_args),                                              \
	OPT(FLAG, meter_args, all, .name = "all", .help = all_),                       \
	TARGET_NETNS_OPT(meter_args),                                                  \
	OPT(FLAG, meter_args, dry_run, .name = "dry-run",                              \
	    .help = "tell what would change, change nothing")

static const struct opt attach_opts[] = {
	SELECTOR_OPTS("every interface that is up, but lo"),
	OPT(CHOICE, meter_args, direction, .name = "direction", .arg = "DIR", .choices = directions,
	    .help = "both (default), ingress or egress"),
	OPT(CHOICE, meter_args, hook, .name = "hook", .arg = "HOOK", .choices = hooks,
	    .help = "auto (default: tcx, else tc), tcx, tc, or xdp\n(ingress by XDP, egress as auto)"),
	OPT(CHOICE, meter_args, xdp_mode, .name = "xdp-mode", .arg = "MODE", .choices = xdp_modes,
	    .help = "xdp: auto (native where the driver has it,\nelse generic), native or generic",
	    OPT_GIVEN(meter_args, xdp_mode_given)),
	OPT(U64, meter_args, pref, .name = "pref", .arg = "N", .min = 1, .max = 65535,
	    .help = "tc: preference of the filter (100)", OPT_GIVEN(meter_args, pref_given)),
	OPT(U64, meter_args, handle, .name = "handle", .arg = "N", .min = 1, .max = UINT32_MAX,
	    .help = "tc: handle of the filter (1)", OPT_GIVEN(meter_args, handle_given)),
	OPT(U64, meter_args, chain, .name = "chain", .arg = "0", .help = "tc: 0 only"),
	OPT(U64, meter_args, max_flows, .name = "max-flows", .letter = 'l', .arg = "N", .min = 1,
	    .max = 1 << 26,
	    .help = "flows the namespace's table holds (131072);\nfixed at its first attach"),
	OPT(U64, meter_args, spread, .name = "spread", .arg = "CPUS", .min = 1, .max = 4096,
	    .help = "flows arrive on at least so many CPUs, evenly:\nless memory (half of the CPUs)"),
	OPT(CHOICE, meter_args, tcp_metrics, .name = "tcp-metrics", .arg = "on|off", .choices = on_off,
	    .help = "round-trip times, retransmissions, ... (on)", OPT_GIVEN(meter_args, tcp_metrics_given)),
	OPT(U64, meter_args, max_connections, .name = "max-connections", .arg = "N", .min = 1,
	    .max = 1 << 26,
	    .help = "TCP connections whose health is known at a time\n(a quarter of --max-flows)"),
	OPT(STR, meter_args, decap, .name = "decap", .arg = "LIST",
	    .help = "look into tunnels: none (default), all, or some of\n" TUNNEL_CHOICES),
	OPT(U64, meter_args, sample, .name = "sample", .arg = "N", .min = 1, .max = UINT32_MAX,
	    .help = "one packet of N, at random (1: every packet)"),
	OPT(U64, meter_args, forward, .name = "forwarding-latency", .arg = "N", .max = 1000000,
	    .help = "measure how long one packet of N is in this box\n(0: none), for status and the agent's metrics",
	    OPT_GIVEN(meter_args, forward_given)),
	OPT(FLAG, meter_args, force, .name = "force", .letter = 'f',
	    .help = "replace an attached program, losing nothing"),
	OPT_END,
};

static const struct opt detach_opts[] = {
	SELECTOR_OPTS("every meter, in every namespace unless\n--netns is given"),
	OPT_END,
};

static int find_targets(const struct meter_args *args, struct targets *t)
{
	if (args->all && (args->names.n || args->interfaces.n))
		return fail_usage("--all and named interfaces exclude each other");
	if (!args->all && !args->names.n && !args->interfaces.n)
		return fail_usage("no interface named: give -n IFACE, or --all");
	if (!args->all)
		return targets_add(t, args->netns, &args->names, &args->interfaces);
	targets_add_all(t, args->netns);
	return 0;
}

/* An interface may be called like an escape sequence. */
static void print_place(const struct meter_change *c, const char *direction, bool changed)
{
	char text[NETNS_NAME_MAX + IFACE_NAME_MAX + 32];

	snprintf(text, sizeof(text), "%s:%s%s%s (%s)", c->netns, c->iface, *direction ? ":" : "",
		 direction, changed ? "changed" : "unchanged");
	puts(text_printable(text));
}

static void print_attached(const struct meter_change *c, void *arg)
{
	print_place(c, flow_direction_name(c->direction), c->changed);
}

static void print_detached(const struct meter_change *c, void *arg)
{
	print_place(c, "", c->changed);
}

static double a_flow(uint64_t bytes, const struct table_geometry *g)
{
	return (double)bytes / g->max_flows;
}

static void print_size(const struct table_geometry *g)
{
	const struct table_memory *m = &g->memory;

	fprintf(stderr, "flowctl meter attach: a table of %u flows, %.1f MiB: %.0f bytes a flow "
		"(slots %.0f, rings %.0f, journal %.0f, store %.0f, TCP %.0f)", g->max_flows,
		g->memory_bytes / 1048576.0, a_flow(g->memory_bytes, g), a_flow(m->slots, g),
		a_flow(m->rings, g), a_flow(m->journal, g), a_flow(m->store, g),
		a_flow(m->tcp, g));
	if (m->tcp)
		fprintf(stderr, "; %.1f MiB of it for %u TCP connections", m->tcp / 1048576.0,
			g->max_connections);
	if (g->spread < g->parts)
		fprintf(stderr, "; %u of %u CPUs may carry them all", g->spread, g->parts);
	fputc('\n', stderr);
}

static void warn(const char *sentence)
{
	if (log_level() >= LOG_LEVEL_WARNING)
		fprintf(stderr, "flowctl meter attach: warning: %s\n", sentence);
}

static int attach_one(const struct target *target, const struct meter_options *options)
{
	_cleanup_(netns_close) struct netns ns = NETNS_NULL;
	_cleanup_(freep) char *warning = NULL;
	struct meter_table made = { 0 };
	int r;

	r = netns_open(target->netns, &ns);
	if (r == 0)
		r = meter_attach(&ns, target->names, target->n, options, print_attached, NULL,
				 &made, &warning);
	if (r < 0)
		return r;
	if (made.made && log_level() >= LOG_LEVEL_INFO)
		print_size(&made.size);
	if (warning)
		warn(warning);
	return 0;
}

static int check_args(const struct meter_args *args, struct tunnel_choice *ret_decap)
{
	if (args->chain)
		return fail_usage("--chain: only chain 0 is ours");
	if (args->decap && tunnel_choice_parse(args->decap, ret_decap) < 0)
		return fail_context(-EINVAL, "--decap");
	return 0;
}

/* The enum hook_kind that is asked for, -1 = any: options of one kind imply it. */
static int find_kind(const struct meter_args *args, int *ret)
{
	bool tc = args->pref_given || args->handle_given;
	int kind = hook_kind_by_name(hooks[args->hook]);

	if (tc && kind != HOOK_TC && (kind >= 0 || args->xdp_mode_given))
		return fail_usage("--pref and --handle belong to --hook tc");
	if (args->xdp_mode_given && kind != HOOK_XDP && kind >= 0)
		return fail_usage("--xdp-mode belongs to --hook xdp");
	*ret = tc ? HOOK_TC : args->xdp_mode_given ? HOOK_XDP : kind;
	return 0;
}

static int attach_run(const void *args_, int argc, char **argv)
{
	const struct meter_args *args = args_;
	struct meter_options options = {
		.ingress = args->direction != 2,
		.egress = args->direction != 1,
		.xdp_mode = args->xdp_mode,
		.pref = args->pref,
		.handle = args->handle,
		.max_flows = args->max_flows,
		.spread = args->spread,
		.sample = args->sample,
		.forward = !args->forward_given ? 0 : args->forward ? args->forward : METER_FORWARD_OFF,
		.tcp_metrics = args->tcp_metrics_given ? args->tcp_metrics == 0 : -1,
		.max_connections = args->max_connections,
		.force = args->force,
		.dry_run = args->dry_run,
	};
	struct tunnel_choice decap;
	_cleanup_(targets_deinit) struct targets targets = { 0 };
	int r;

	r = check_args(args, &decap);
	if (args->decap)
		options.decap = &decap;
	if (r == 0 && options.tcp_metrics == 1 && options.sample > 1)
		warn("TCP metrics need every packet: with --sample there are none");
	if (r == 0 && options.max_connections && !options.tcp_metrics)
		r = fail_usage("--max-connections and --tcp-metrics off exclude each other");
	if (r == 0)
		r = find_kind(args, &options.hook);
	if (r == 0)
		r = find_targets(args, &targets);
	for (size_t i = 0; r == 0 && i < targets.n; i++)
		r = attach_one(&targets.v[i], &options);
	return r;
}

static int detach_one(const struct netns *ns, uint64_t cookie, const struct target *target,
		      bool dry_run)
{
	uint64_t dropped;
	int r;

	r = meter_detach(ns, cookie, target->names, target->n, dry_run, print_detached, NULL,
			 &dropped);
	if (r < 0)
		return r;
	if (dropped)
		fprintf(stderr, "flowctl meter detach: %" PRIu64 " flows dropped\n", dropped);
	return 0;
}

static void print_unmetered(const struct meter_change *c, void *arg)
{
	print_place(c, "", false);
}

/* Nothing is metered there: names that exist are unchanged, others an error. */
static int detach_unmetered(const struct netns *ns, const struct target *target)
{
	/* One direction, so that each interface is told once. */
	struct meter_options dry = { .ingress = true, .hook = -1, .pref = 100, .handle = 1, .sample = 1,
				     .dry_run = true };

	if (!target->n)
		return 0;
	return meter_attach(ns, target->names, target->n, &dry, print_unmetered, NULL, NULL, NULL);
}

static int detach_named(const struct target *target, bool dry_run)
{
	_cleanup_(netns_close) struct netns ns = NETNS_NULL;
	int r;

	r = netns_open(target->netns, &ns);
	if (r == 0)
		r = detach_one(&ns, ns.cookie, target, dry_run);
	return r == -ENOENT && !error_message()[0] ? detach_unmetered(&ns, target) : r;
}

/* --all: every metered namespace below the bpffs, the vanished ones too. */
static int detach_everywhere(bool dry_run)
{
	const struct target all = { 0 };
	_cleanup_(freep) uint64_t *cookies = NULL;
	struct netns *list = NULL;
	size_t n = 0, n_list = 0;
	int r;

	r = pin_dirs(&cookies, &n);
	if (r == 0)
		r = netns_list(&list, &n_list);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = detach_one(netns_find(list, n_list, cookies[i]), cookies[i], &all, dry_run);
		if (r == -ENOENT)
			r = 0;
	}
	netns_list_free(list, n_list);
	return r;
}

static int detach_run(const void *args_, int argc, char **argv)
{
	const struct meter_args *args = args_;
	_cleanup_(targets_deinit) struct targets targets = { 0 };
	int r;

	r = find_targets(args, &targets);
	if (r == 0 && args->all && !args->netns)
		return detach_everywhere(args->dry_run);
	for (size_t i = 0; r == 0 && i < targets.n; i++)
		r = detach_named(&targets.v[i], args->dry_run);
	return r;
}

static const struct cmd cmd_meter_attach = {
	.name = "attach",
	.summary = "meter interfaces",
	.opts = attach_opts,
	.example = "flowctl meter attach --netns ns0 -n 'eth*'",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct meter_args),
	.defaults = &meter_defaults,
	.run = attach_run,
};

static const struct cmd cmd_meter_detach = {
	.name = "detach",
	.summary = "meter interfaces no longer",
	.opts = detach_opts,
	.example = "flowctl meter detach --all",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct meter_args),
	.defaults = &meter_defaults,
	.run = detach_run,
};

static const struct cmd *const meter_subs[] = {
	&cmd_meter_attach,
	&cmd_meter_detach,
	&cmd_meter_status,
	NULL,
};

const struct cmd cmd_meter = {
	.name = "meter",
	.summary = "attach, detach and list meters",
	.example = "flowctl meter attach -n eth0",
	.sub = meter_subs,
};
