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
#include "base/text.h"
#include "cmd.h"
#include "kernel/meter.h"

struct status_args {
	int format;
	const char *netns;
};

static const char *const formats[] = { "table", "json", NULL };

static const struct opt status_opts[] = {
	OPT(CHOICE, status_args, format, .name = "output", .letter = 'o', .arg = "FORMAT",
	    .choices = formats, .help = "table (default) or json"),
	OPT(STR, status_args, netns, .name = "netns", .arg = "NS",
	    .help = "of this network namespace only\n(a name, a path, or pid:PID)"),
	OPT_END,
};

static const char *hook_name(enum hook_kind kind)
{
	const struct hook_ops *ops = hook_by_kind(kind);

	return ops ? ops->name : "?";
}

static const char *direction_name(uint8_t direction)
{
	return direction == FLOW_EGRESS ? "egress" : "ingress";
}

static void number_or_null(struct json *j, const char *key, bool known, uint64_t v)
{
	if (known)
		json_u64(j, key, v);
	else
		json_null(j, key);
}

static const char *const reason_names[LEDGER_REASONS] = {
	[LEDGER_SEEN] = "seen",
	[LEDGER_FULL] = "full",
	[LEDGER_UNPARSED] = "unparsed",
	[LEDGER_NON_IP] = "non_ip",
	[LEDGER_SAMPLED_OUT] = "sampled_out",
	[LEDGER_EXPORTED] = "exported",
	[LEDGER_FLUSHED] = "flushed",
	[LEDGER_DUPLICATE] = "duplicate",
	[LEDGER_SELF] = "self",
	[LEDGER_UNDELIVERED] = "undelivered",
};

static void count_json(struct json *j, const char *key, struct ledger_count count)
{
	json_object_begin(j, key);
	json_u64(j, "packets", count.packets);
	json_u64(j, "bytes", count.bytes);
	json_object_end(j);
}

static void ledger_json(struct json *j, const struct meter_ledger *l)
{
	json_object_begin(j, "ledger");
	count_json(j, "seen", l->by[LEDGER_SEEN]);
	count_json(j, "held", l->held);
	count_json(j, "aged", l->aged);
	for (int reason = LEDGER_SEEN + 1; reason < LEDGER_REASONS; reason++)
		count_json(j, reason_names[reason], l->by[reason]);
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
	json_str(j, "direction", direction_name(s->direction));
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
	if (s->xdp_mode)
		json_str(j, "xdp_mode", hook_xdp_mode_name(s->xdp_mode));
	else
		json_null(j, "xdp_mode");
	json_bool(j, "tcp_metrics", s->tcp_metrics);
	number_or_null(j, "max_connections", s->max_connections, s->max_connections);
	ledger_json(j, &s->ledger);
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

static void status_cells(struct text_table *t, const struct meter_status *s)
{
	char when[CLOCK_RFC3339_LEN];

	text_table_cell(t, "%s", s->netns);
	text_table_cell(t, "%s%s", s->iface, s->gone ? " (gone)" : "");
	text_table_cell(t, "%u", s->ifindex);
	text_table_cell(t, "%s", direction_name(s->direction));
	/* "tcx+2": two programs run before ours. */
	text_table_cell(t, s->position <= 0 ? "%s" : "%s+%d", hook_name(s->hook), s->position);
	text_table_cell(t, "%u", s->max_flows);
	text_table_cell(t, "%llu", (unsigned long long)s->flows);
	text_table_cell(t, "%llu", (unsigned long long)s->packets);
	text_table_cell(t, "%llu", (unsigned long long)s->bytes);
	text_table_cell(t, "%llu", (unsigned long long)s->unmetered_packets);
	/* Whole seconds are enough for people. */
	text_table_cell(t, "%.19sZ", clock_rfc3339(s->attached_ns, when));
}

static int print_table(const struct meter_status *v, size_t n, struct strbuf *out)
{
	static const char *const heads[] = { "NETNS", "IFACE", "IFINDEX", "DIRECTION", "HOOK", "MAX-FLOWS",
					     "FLOWS", "PACKETS", "BYTES", "UNMETERED", "ATTACHED", NULL };
	struct text_table *t;
	int r;

	r = text_table_new(heads, NULL, &t);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		status_cells(t, &v[i]);
	r = text_table_print(t, out);
	text_table_free(t);
	return r;
}

static int status_run(const void *args_, int argc, char **argv)
{
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;
	_cleanup_(netns_close) struct netns ns = NETNS_NULL;
	_cleanup_(freep) struct meter_status *v = NULL;
	const struct status_args *args = args_;
	size_t n = 0, cleared;
	int r;

	r = args->netns ? netns_open(args->netns, &ns) : 0;
	if (r == 0)
		r = meter_list(args->netns ? ns.cookie : 0, &v, &n);
	if (r == 0)
		r = args->format == 1 ? print_json(v, n, &out) : print_table(v, n, &out);
	if (r < 0)
		return r;
	if (fputs(strbuf_str(&out), stdout) < 0)
		return -EPIPE;
	return meter_clear_leftovers(&cleared);
}

const struct cmd cmd_meter_status = {
	.name = "status",
	.summary = "list the meters",
	.opts = status_opts,
	.example = "flowctl meter status -o json",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct status_args),
	.run = status_run,
};
