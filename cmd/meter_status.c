// SPDX-License-Identifier: Apache-2.0
/* Every meter below the bpffs; what has vanished is shown once, and cleared. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "cmd.h"
#include "flow/forwarded.h"
#include "kernel/meter.h"
#include "meter_status.h"
#include "style.h"
#include "watch.h"

struct status_args {
	int format;
	struct style_args style;
	struct watch_args watch;
	const char *netns;
};

static const struct opt status_opts[] = {
	STYLE_FORMAT_OPT(status_args),
	STYLE_OPTS(status_args),
	WATCH_OPTS(status_args),
	OPT(STR, status_args, netns, .name = "netns", .arg = "NS",
	    .help = "of this network namespace only\n(a name, a path, or pid:PID)"),
	OPT_END,
};

static double us(uint64_t ns)
{
	return (double)ns / NSEC_PER_USEC;
}

#define CELL(name_, body_) COLUMN_CELL(name_, meter_status, s, body_)

CELL(netns, column_text(ret, "%s", s->netns))
CELL(iface, column_text(ret, "%s%s", s->iface,
			s->gone ? " (gone)" : s->abandoned ? " (left over)" : ""))
CELL(ifindex, column_number(ret, s->ifindex))
CELL(direction, column_text(ret, "%s", flow_direction_name(s->direction)))
/* "tcx+2": two programs run before ours. */
CELL(hook, column_text(ret, s->position <= 0 ? "%s" : "%s+%d", meter_status_hook(s), s->position))
CELL(max_flows, column_number(ret, s->max_flows))
CELL(flows, column_number(ret, s->flows))
CELL(packets, column_number(ret, s->packets))
CELL(bytes, column_number(ret, s->bytes))
CELL(unmetered, column_number(ret, s->unmetered_packets))
CELL(unmetered_bytes, column_number(ret, s->unmetered_bytes))
CELL(prog_id, column_number(ret, s->prog_id))
CELL(sample, column_number(ret, s->sample))
CELL(tcp_metrics, column_text(ret, s->tcp_metrics ? "on" : "off"))
CELL(memory, column_number(ret, s->memory_bytes))
CELL(domain, column_number(ret, s->domain))
CELL(version, column_text(ret, "%s", s->version))

static uint64_t not_decapsulated(const struct meter_status *s)
{
	uint64_t n = 0;

	for (int result = DECAP_DONE + 1; result < DECAP_RESULTS; result++)
		n += s->ledger.decap[result];
	return n;
}

/* Where it looks into none, or measures none, "-" says so. */
static void count_if(struct column_cell *ret, bool known, uint64_t n)
{
	if (known)
		column_number(ret, n);
}

static void micros_if(struct column_cell *ret, bool known, uint64_t ns)
{
	if (known)
		column_text(ret, "%.1f", us(ns));
}

static bool looks_inside(const struct meter_status *s)
{
	return s->decap.decap || s->ledger.decap[DECAP_DONE] || not_decapsulated(s);
}

static bool measures(const struct meter_status *s)
{
	return s->forward || forwarded_count(&s->forwarded);
}

static void cell_decap(const struct column *c, const void *row, struct column_cell *ret)
{
	const struct meter_status *s = row;
	char choice[64];

	column_text(ret, "%s", tunnel_choice_format(&s->decap, choice, sizeof(choice)));
}

/* Packets of one result, which the column names. */
static void cell_decap_result(const struct column *c, const void *row, struct column_cell *ret)
{
	const struct meter_status *s = row;

	count_if(ret, looks_inside(s), s->ledger.decap[(uintptr_t)c->arg]);
}

CELL(not_decapsulated, count_if(ret, looks_inside(s), not_decapsulated(s)))
CELL(forward_one_of, count_if(ret, s->forward, s->forward))
CELL(forwarded, count_if(ret, measures(s), forwarded_count(&s->forwarded)))
CELL(forward_avg, micros_if(ret, forwarded_count(&s->forwarded), forwarded_mean_ns(&s->forwarded)))
CELL(forward_p50, micros_if(ret, forwarded_count(&s->forwarded),
			    forwarded_quantile_ns(&s->forwarded, 500)))
CELL(forward_p99, micros_if(ret, forwarded_count(&s->forwarded),
			    forwarded_quantile_ns(&s->forwarded, 990)))
CELL(forward_missed, count_if(ret, measures(s), forwarded_missed(&s->forward_stats)))

static void cell_attached(const struct column *c, const void *row, struct column_cell *ret)
{
	const struct meter_status *s = row;
	char when[CLOCK_RFC3339_LEN];

	/* Whole seconds are enough for people. */
	column_text(ret, "%.19sZ", clock_rfc3339(s->attached_ns, when));
}

static void cell_agent(const struct column *c, const void *row, struct column_cell *ret)
{
	const struct meter_status *s = row;

	if (s->agent_pid)
		column_number(ret, s->agent_pid);
}

#define DECAP(key_, result_, help_)                                                       \
	{ key_, NULL, help_, COLUMN_MORE, cell_decap_result, (const void *)(uintptr_t)(result_) }

static const struct column columns[] = {
	{ "netns", NULL, "network namespace", 0, cell_netns },
	{ "iface", NULL, "interface; (gone), (left over): cleared by this look", 0, cell_iface },
	{ "ifindex", NULL, "its number", 0, cell_ifindex },
	{ "direction", NULL, "ingress or egress", 0, cell_direction },
	{ "hook", NULL, "where the program is; +N: behind N others", 0, cell_hook },
	{ "max_flows", "MAX-FLOWS", "flows that the namespace's table is for", 0, cell_max_flows },
	{ "flows", NULL, "flows held, of this meter", 0, cell_flows },
	{ "packets", NULL, "packets seen", 0, cell_packets },
	{ "bytes", NULL, "octets of them", COLUMN_OCTETS, cell_bytes },
	{ "unmetered", NULL, "packets in no flow by fault: no room, not parsed, aged", 0, cell_unmetered },
	{ "attached", NULL, "when the meter was attached", 0, cell_attached },
	{ "unmetered_bytes", NULL, "octets of what is unmetered", COLUMN_MORE | COLUMN_OCTETS,
	  cell_unmetered_bytes },
	{ "prog_id", NULL, "number of the program in the kernel", COLUMN_MORE, cell_prog_id },
	{ "sample", NULL, "one packet of so many is metered", COLUMN_MORE, cell_sample },
	{ "tcp_metrics", NULL, "is the health of TCP counted?", COLUMN_MORE, cell_tcp_metrics },
	{ "memory", NULL, "octets of the namespace's table", COLUMN_MORE | COLUMN_OCTETS, cell_memory },
	{ "domain", NULL, "observation domain of the namespace", COLUMN_MORE, cell_domain },
	{ "agent", NULL, "process that exports", COLUMN_MORE, cell_agent },
	{ "version", NULL, "of the flowctl that attached it", COLUMN_MORE, cell_version },
	{ "decap", NULL, "tunnels it looks into", COLUMN_MORE, cell_decap },
	DECAP("decapsulated", DECAP_DONE, "packets metered by what was inside a tunnel"),
	{ "not_decapsulated", "NOT-DECAPSULATED", "packets of such tunnels metered as the outer flow",
	  COLUMN_MORE, cell_not_decapsulated },
	DECAP("decap_fragment", DECAP_FRAGMENT, "of those: the outer packet is a fragment"),
	DECAP("decap_short", DECAP_SHORT, "of those: cut off within the headers"),
	DECAP("decap_version", DECAP_VERSION, "of those: version or flags not known"),
	DECAP("decap_control", DECAP_CONTROL, "of those: no user's payload"),
	DECAP("decap_protocol", DECAP_PROTOCOL, "of those: inside is neither Ethernet nor IP"),
	DECAP("decap_non_ip", DECAP_NON_IP, "of those: a frame without IP, as ARP"),
	DECAP("decap_inner", DECAP_INNER, "of those: the IP header inside is wrong"),
	DECAP("decap_several", DECAP_SEVERAL, "of those: joined packets, each in a tunnel of its own"),
	{ "forward_one_of", NULL, "one packet of so many is timed on its way through this machine",
	  COLUMN_MORE, cell_forward_one_of },
	{ "forwarded", NULL, "packets that came in, or went out, here and were timed",
	  COLUMN_MORE, cell_forwarded },
	{ "forward_avg_us", "FORWARD-AVG-US", "their mean time in this machine, microseconds",
	  COLUMN_MORE | COLUMN_NUMERIC, cell_forward_avg },
	{ "forward_p50_us", "FORWARD-P50-US", "half of them took at most so long",
	  COLUMN_MORE | COLUMN_NUMERIC, cell_forward_p50 },
	{ "forward_p99_us", "FORWARD-P99-US", "99 of 100 took at most so long",
	  COLUMN_MORE | COLUMN_NUMERIC, cell_forward_p99 },
	{ "forward_missed", NULL, "chosen, and not timed: rewritten, ... (of the namespace)",
	  COLUMN_MORE, cell_forward_missed },
};

/* Shown unasked, at the end, where a meter has something to say of it. */
static const struct extra {
	bool (*of)(const struct meter_status *s);
	const char *columns;
} extras[] = {
	{ looks_inside, "decapsulated,not_decapsulated" },
	{ measures, "forwarded,forward_avg_us,forward_p99_us" },
};

static const struct column *status_columns(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(columns);
	return columns;
}

struct status {
	const struct status_args *args;
	uint64_t cookie;		/* 0 = all */
	struct columns columns;
};

static int print_table(const struct status *s, const struct meter_status *v, size_t n,
		       struct strbuf *out)
{
	const struct columns_style style = style_of(&s->args->style);
	struct columns shown = s->columns;
	int r = 0;

	for (size_t i = 0; !s->args->style.columns && i < ARRAY_SIZE(extras); i++) {
		bool any = false;

		for (size_t k = 0; k < n; k++)
			any |= extras[i].of(&v[k]);
		if (any && r == 0)
			r = columns_append(columns, ARRAY_SIZE(columns), extras[i].columns, &shown);
	}
	return r < 0 ? r : columns_print(&shown, v, n, sizeof(*v), &style, out);
}

static int print_now(void *arg, FILE *out)
{
	_cleanup_(strbuf_deinit) struct strbuf text = STRBUF_NULL;
	_cleanup_(freep) struct meter_status *v = NULL;
	const struct status *s = arg;
	size_t n = 0;
	int r;

	r = meter_list(s->cookie, &v, &n);
	if (r == 0)
		r = s->args->format == STYLE_JSON ? meter_status_json(v, n, &text) :
		    print_table(s, v, n, &text);
	if (r < 0)
		return r;
	return fputs(strbuf_str(&text), out) < 0 ? -EPIPE : 0;
}

static int status_run(const void *args_, int argc, char **argv)
{
	_cleanup_(netns_close) struct netns ns = NETNS_NULL;
	struct status s = { .args = args_ };
	size_t cleared;
	int r;

	r = style_check(&s.args->style, s.args->format);
	if (r == 0)
		r = columns_pick(columns, ARRAY_SIZE(columns), s.args->style.columns, &s.columns);
	if (r == 0 && s.args->netns)
		r = netns_open(s.args->netns, &ns);
	if (r < 0)
		return r;
	s.cookie = s.args->netns ? ns.cookie : 0;
	r = watch_run(&s.args->watch, print_now, &s);
	return r < 0 ? r : meter_clear_leftovers(&cleared);
}

const struct cmd cmd_meter_status = {
	.name = "status",
	.summary = "list the meters",
	.opts = status_opts,
	.example = "flowctl meter status -o json",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct status_args),
	.columns = status_columns,
	.style_at = offsetof(struct status_args, style),
	.run = status_run,
};
