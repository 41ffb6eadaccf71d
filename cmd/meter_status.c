// SPDX-License-Identifier: Apache-2.0
/* Every meter below the bpffs; what has vanished is shown once, and cleared. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd.h"
#include "kernel/meter.h"
#include "ledger_json.h"
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

static const char *hook_name(enum hook_kind kind)
{
	const struct hook_ops *ops = hook_by_kind(kind);

	return ops ? ops->name : "?";
}

static void number_or_null(struct json *j, const char *key, bool known, uint64_t v)
{
	if (known)
		json_u64(j, key, v);
	else
		json_null(j, key);
}

static void ledger_json(struct json *j, const struct meter_ledger *l)
{
	json_object_begin(j, "ledger");
	ledger_json_count(j, "seen", l->by[LEDGER_SEEN]);
	ledger_json_count(j, "held", l->held);
	ledger_json_count(j, "aged", l->aged);
	ledger_json_reasons(j, l);
	json_object_end(j);
}

/* The choice, and what became of the packets that looked like one of those. */
static void decap_json(struct json *j, const struct meter_status *s)
{
	char choice[64];

	json_object_begin(j, "decap");
	json_str(j, "choice", tunnel_choice_format(&s->decap, choice, sizeof(choice)));
	number_or_null(j, "geneve_port", s->decap.geneve_port, s->decap.geneve_port);
	number_or_null(j, "vxlan_port", s->decap.vxlan_port, s->decap.vxlan_port);
	for (int result = 0; result < DECAP_RESULTS; result++)
		json_u64(j, tunnel_result_name(result), s->ledger.decap[result]);
	json_object_end(j);
}

static void tcp_json(struct json *j, const struct tcp_stats *s)
{
	json_object_begin(j, "tcp");
	json_u64(j, "segments", s->segments);
	json_u64(j, "busy", s->busy);
	json_u64(j, "replaced", s->replaced);
	json_u64(j, "half_open_lost", s->half_open_lost);
	json_u64(j, "ends_lost", s->ends_lost);
	json_u64(j, "no_room", s->no_room);
	json_u64(j, "events_lost", s->events_lost);
	json_object_end(j);
}

static void status_json(struct json *j, const struct meter_status *s)
{
	char when[CLOCK_RFC3339_LEN];

	json_object_begin(j, NULL);
	json_str(j, "netns", s->netns);
	json_str(j, "iface", s->iface);
	json_u64(j, "ifindex", s->ifindex);
	json_str(j, "direction", flow_direction_name(s->direction));
	json_str(j, "hook", hook_name(s->hook));
	number_or_null(j, "position", s->position >= 0, s->position);
	json_u64(j, "prog_id", s->prog_id);
	json_u64(j, "max_flows", s->max_flows);
	json_u64(j, "flows", s->flows);
	json_u64(j, "packets", s->packets);
	json_u64(j, "bytes", s->bytes);
	json_u64(j, "unmetered_packets", s->unmetered_packets);
	json_u64(j, "unmetered_bytes", s->unmetered_bytes);
	json_str(j, "attached_at", clock_rfc3339(s->attached_ns, when));
	json_u64(j, "time_resolution_us", clock_tick_ns() / NSEC_PER_USEC);
	json_u64(j, "memory_bytes", s->memory_bytes);
	number_or_null(j, "agent_pid", s->agent_pid, s->agent_pid);
	json_str(j, "version", s->version);
	json_u64(j, "observation_domain_id", s->domain);
	json_u64(j, "sample", s->sample);
	json_bool(j, "gone", s->gone);
	json_bool(j, "left_over", s->gone || s->abandoned);
	if (s->xdp_mode)
		json_str(j, "xdp_mode", hook_xdp_mode_name(s->xdp_mode));
	else
		json_null(j, "xdp_mode");
	json_bool(j, "tcp_metrics", s->tcp_metrics);
	number_or_null(j, "max_connections", s->max_connections, s->max_connections);
	ledger_json(j, &s->ledger);
	decap_json(j, s);
	if (s->max_connections)
		tcp_json(j, &s->tcp);
	else
		json_null(j, "tcp");
	json_object_end(j);
}

static int print_json(const struct meter_status *v, size_t n, struct strbuf *out)
{
	struct json j;

	json_init(&j, out, true);
	json_array_begin(&j, NULL);
	for (size_t i = 0; i < n; i++)
		status_json(&j, &v[i]);
	json_array_end(&j);
	strbuf_putc(out, '\n');
	return 0;
}

#define CELL(name_, body_) COLUMN_CELL(name_, meter_status, s, body_)

CELL(netns, column_text(ret, "%s", s->netns))
CELL(iface, column_text(ret, "%s%s", s->iface,
			s->gone ? " (gone)" : s->abandoned ? " (left over)" : ""))
CELL(ifindex, column_number(ret, s->ifindex))
CELL(direction, column_text(ret, "%s", flow_direction_name(s->direction)))
/* "tcx+2": two programs run before ours. */
CELL(hook, column_text(ret, s->position <= 0 ? "%s" : "%s+%d", hook_name(s->hook), s->position))
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

static int print_now(void *arg, FILE *out)
{
	_cleanup_(strbuf_deinit) struct strbuf text = STRBUF_NULL;
	_cleanup_(freep) struct meter_status *v = NULL;
	const struct status *s = arg;
	const struct columns_style style = style_of(&s->args->style);
	size_t n = 0;
	int r;

	r = meter_list(s->cookie, &v, &n);
	if (r == 0)
		r = s->args->format == STYLE_JSON ? print_json(v, n, &text) :
		    columns_print(&s->columns, v, n, sizeof(*v), &style, &text);
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
