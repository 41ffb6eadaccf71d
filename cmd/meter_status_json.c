// SPDX-License-Identifier: Apache-2.0
/* meter status -o json: an object a meter and direction. Keys are added at the end of an object. */
#include "base/clock.h"
#include "base/json.h"
#include "flow/forwarded.h"
#include "ledger_json.h"
#include "meter_status.h"

const char *meter_status_hook(const struct meter_status *s)
{
	const struct hook_ops *ops = hook_by_kind(s->hook);

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

/* Of this hook what was measured, of the namespace what became of the packets chosen. */
static void forwarding_json(struct json *j, const struct meter_status *s)
{
	bool measured = forwarded_count(&s->forwarded) > 0;

	json_object_begin(j, "forwarding");
	number_or_null(j, "one_of", s->forward, s->forward);
	json_u64(j, "samples", forwarded_count(&s->forwarded));
	number_or_null(j, "avg_ns", measured, forwarded_mean_ns(&s->forwarded));
	number_or_null(j, "p50_max_ns", measured, forwarded_quantile_ns(&s->forwarded, 500));
	number_or_null(j, "p99_max_ns", measured, forwarded_quantile_ns(&s->forwarded, 990));
	json_object_begin(j, "namespace");
	for (int result = 0; result < FORWARD_RESULTS; result++)
		json_u64(j, forwarded_result_name(result), s->forward_stats.by[result]);
	json_object_end(j);
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
	json_str(j, "hook", meter_status_hook(s));
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
	forwarding_json(j, s);
	if (s->max_connections)
		tcp_json(j, &s->tcp);
	else
		json_null(j, "tcp");
	json_object_end(j);
}

int meter_status_json(const struct meter_status *v, size_t n, struct strbuf *out)
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
