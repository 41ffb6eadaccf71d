// SPDX-License-Identifier: Apache-2.0
/*
 * Families are rows, and a row is data: what it is called, over which elements it goes, and
 * where in an element its number lies. Where one is split by a reason, a table of those says
 * where each lies.
 *
 * Times of creation stand only with what this process itself began to count; the ledgers are
 * older than it and their beginning is not known.
 */
#include "metrics/page.h"

#include <stddef.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flow/forwarded.h"
#include "flow/tunnel.h"

enum over { OVER_AGENT, OVER_HOOKS, OVER_NETNS, OVER_PAIRS, OVER_OUTPUTS };
enum kind { KIND_U64, KIND_SECONDS, KIND_BUCKETS, KIND_ONE };

/* One sample of several of an element; or a field of several numbers, which a function names. */
struct split {
	const char *value;	/* of the label */
	size_t offset;
};
typedef const char *(*name_fn)(unsigned i);

struct row {
	struct expose_family family;
	enum over over;
	enum kind kind;		/* SECONDS: of nanoseconds, as is BUCKETS */
	size_t offset;
	size_t when;		/* of a bool without which there is no sample; 0 = always */
	bool created;		/* it began with this process */
	const struct buckets_bounds *bounds;
	const char *label;	/* of splits */
	const struct split *splits;
	name_fn name_of;	/* without splits: of the numbers that lie at the offset */
	size_t n_splits;
};

#define HOOK(f_)   offsetof(struct metrics_hook, f_)
#define NETNS(f_)  offsetof(struct metrics_netns, f_)
#define PAIR(f_)   offsetof(struct metrics_pair, f_)
#define OUTPUT(f_) offsetof(struct metrics_output, f_)
#define AGENT(f_)  offsetof(struct metrics_agent, f_)

/* By fault: what `meter status` calls UNMETERED. */
#define UNMETERED(unit_)                                                            \
	{                                                                           \
		{ "full", HOOK(by[LEDGER_FULL].unit_) },                            \
		{ "unparsed", HOOK(by[LEDGER_UNPARSED].unit_) },                    \
		{ "aged", HOOK(aged.unit_) },                                       \
	}
static const struct split unmetered_packets[] = UNMETERED(packets);
static const struct split unmetered_bytes[] = UNMETERED(bytes);

/* Where else what was seen has gone, by the names of `meter status`. */
#define LEDGER(unit_)                                                               \
	{                                                                           \
		{ "non_ip", HOOK(by[LEDGER_NON_IP].unit_) },                        \
		{ "sampled_out", HOOK(by[LEDGER_SAMPLED_OUT].unit_) },              \
		{ "exported", HOOK(by[LEDGER_EXPORTED].unit_) },                    \
		{ "flushed", HOOK(by[LEDGER_FLUSHED].unit_) },                      \
		{ "duplicate", HOOK(by[LEDGER_DUPLICATE].unit_) },                  \
		{ "self", HOOK(by[LEDGER_SELF].unit_) },                            \
		{ "undelivered", HOOK(by[LEDGER_UNDELIVERED].unit_) },              \
	}
static const struct split ledger_packets[] = LEDGER(packets);
static const struct split ledger_bytes[] = LEDGER(bytes);

static const struct split retransmissions[] = {
	{ "fast", NETNS(tcp.fast) },
	{ "timeout", NETNS(tcp.timeout) },
	{ "spurious", NETNS(tcp.spurious) },
};

static const struct split ecn[] = {
	{ "ect0", NETNS(tcp.ect0) }, { "ect1", NETNS(tcp.ect1) }, { "ce", NETNS(tcp.ce) },
	{ "ece", NETNS(tcp.ece) }, { "cwr", NETNS(tcp.cwr) },
};

static const struct split not_known[] = {
	{ "busy", NETNS(stats.busy) },
	{ "replaced", NETNS(stats.replaced) },
	{ "half_open", NETNS(stats.half_open_lost) },
	{ "ends", NETNS(stats.ends_lost) },
	{ "no_room", NETNS(stats.no_room) },
};

static const char *decap_name(unsigned i)
{
	return tunnel_result_name((enum decap_result)i);
}

static const char *forward_name(unsigned i)
{
	return forwarded_result_name((enum forward_result)i);
}

#define SPLIT(label_, splits_) .label = label_, .splits = splits_, .n_splits = ARRAY_SIZE(splits_)
#define NUMBERS(label_, name_of_, n_) .label = label_, .name_of = name_of_, .n_splits = n_

static const struct row rows[] = {
	{ { "flowctl_build", EXPOSE_INFO, NULL, "Which flowctl this is." }, OVER_AGENT, KIND_ONE },

	{ { "flowctl_packets", EXPOSE_COUNTER, "packets",
	    "Wire packets that the hook was offered." },
	  OVER_HOOKS, KIND_U64, HOOK(by[LEDGER_SEEN].packets) },
	{ { "flowctl_bytes", EXPOSE_COUNTER, "bytes", "Octets of them, of the IP layer." },
	  OVER_HOOKS, KIND_U64, HOOK(by[LEDGER_SEEN].bytes) },
	{ { "flowctl_unmetered_packets", EXPOSE_COUNTER, "packets",
	    "Packets in no flow record by fault: table full, not parsed, gave way while no agent ran." },
	  OVER_HOOKS, KIND_U64, SPLIT("reason", unmetered_packets) },
	{ { "flowctl_unmetered_bytes", EXPOSE_COUNTER, "bytes", "Octets of them." },
	  OVER_HOOKS, KIND_U64, SPLIT("reason", unmetered_bytes) },
	{ { "flowctl_ledger_packets", EXPOSE_COUNTER, "packets",
	    "Where else packets that were seen have gone; what is in none is held." },
	  OVER_HOOKS, KIND_U64, SPLIT("reason", ledger_packets) },
	{ { "flowctl_ledger_bytes", EXPOSE_COUNTER, "bytes", "Octets of them." },
	  OVER_HOOKS, KIND_U64, SPLIT("reason", ledger_bytes) },
	{ { "flowctl_decap_packets", EXPOSE_COUNTER, "packets",
	    "What became of packets that looked like a tunnel's which the meter looks into." },
	  OVER_HOOKS, KIND_U64, HOOK(decap_by), HOOK(decap),
	  NUMBERS("result", decap_name, DECAP_RESULTS) },

	{ { "flowctl_flows", EXPOSE_GAUGE, "flows", "Flows held, as of the last look at the table." },
	  OVER_NETNS, KIND_U64, NETNS(flows) },
	{ { "flowctl_flows_max", EXPOSE_GAUGE, NULL, "Flows that the table was made for." },
	  OVER_NETNS, KIND_U64, NETNS(flows_max) },
	{ { "flowctl_store_entries", EXPOSE_GAUGE, "entries",
	    "Places taken in the store of flows, also by those that may be back." },
	  OVER_NETNS, KIND_U64, NETNS(store_used) },
	{ { "flowctl_store_entries_max", EXPOSE_GAUGE, NULL, "Places in the store of flows." },
	  OVER_NETNS, KIND_U64, NETNS(store_max) },
	{ { "flowctl_table_memory_bytes", EXPOSE_GAUGE, "bytes", "Kernel memory of the table." },
	  OVER_NETNS, KIND_U64, NETNS(memory_bytes) },

	{ { "flowctl_forwarding_latency_seconds", EXPOSE_HISTOGRAM, "seconds",
	    "From the ingress hook to the egress hook of this box, of sampled packets." },
	  OVER_PAIRS, KIND_BUCKETS, PAIR(latency), .bounds = &buckets_forward },
	{ { "flowctl_forwarding_samples", EXPOSE_COUNTER, NULL,
	    "What became of packets that were chosen to measure forwarding latency." },
	  OVER_NETNS, KIND_U64, NETNS(forward.by), NETNS(forward.on),
	  NUMBERS("result", forward_name, FORWARD_RESULTS) },
	{ { "flowctl_handshake_seconds", EXPOSE_HISTOGRAM, "seconds",
	    "TCP handshakes, from the first SYN to the SYN-ACK, as exported." },
	  OVER_AGENT, KIND_BUCKETS, AGENT(handshake), .created = true, .bounds = &buckets_network },
	{ { "flowctl_rtt_seconds", EXPOSE_HISTOGRAM, "seconds", "Every sample of TCP's round trip times." },
	  OVER_AGENT, KIND_BUCKETS, AGENT(rtt), .when = AGENT(rtt_on), .created = true,
	  .bounds = &buckets_network },
	{ { "flowctl_rtt_lost", EXPOSE_COUNTER, NULL, "Samples that found no room on their way here." },
	  OVER_AGENT, KIND_U64, AGENT(rtt_lost), .when = AGENT(rtt_on), .created = true },

	{ { "flowctl_tcp_segments", EXPOSE_COUNTER, "segments",
	    "TCP segments whose connection's health was looked at." },
	  OVER_NETNS, KIND_U64, NETNS(stats.segments), NETNS(has_tcp) },
	{ { "flowctl_tcp_not_known", EXPOSE_COUNTER, NULL,
	    "What could not be told of connections: segments (busy, no_room), connections (others)." },
	  OVER_NETNS, KIND_U64, 0, NETNS(has_tcp), SPLIT("reason", not_known) },
	{ { "flowctl_tcp_retransmissions", EXPOSE_COUNTER, NULL,
	    "Segments sent again, in exported records." },
	  OVER_NETNS, KIND_U64, 0, NETNS(has_tcp), true, SPLIT("kind", retransmissions) },
	{ { "flowctl_tcp_out_of_order_packets", EXPOSE_COUNTER, "packets",
	    "Segments out of order, in exported records." },
	  OVER_NETNS, KIND_U64, NETNS(tcp.out_of_order), NETNS(has_tcp), true },
	{ { "flowctl_tcp_duplicate_acks", EXPOSE_COUNTER, NULL, "Duplicate ACKs, in exported records." },
	  OVER_NETNS, KIND_U64, NETNS(tcp.duplicate_acks), NETNS(has_tcp), true },
	{ { "flowctl_tcp_zero_windows", EXPOSE_COUNTER, NULL,
	    "Segments that announced no window, in exported records." },
	  OVER_NETNS, KIND_U64, NETNS(tcp.zero_windows), NETNS(has_tcp), true },
	{ { "flowctl_tcp_keep_alives", EXPOSE_COUNTER, NULL, "Keep-alives, in exported records." },
	  OVER_NETNS, KIND_U64, NETNS(tcp.keep_alives), NETNS(has_tcp), true },
	{ { "flowctl_tcp_ecn_packets", EXPOSE_COUNTER, "packets",
	    "Packets with that bit of explicit congestion notification, in exported records." },
	  OVER_NETNS, KIND_U64, 0, NETNS(has_tcp), true, SPLIT("bit", ecn) },
	{ { "flowctl_tcp_rtt_samples", EXPOSE_COUNTER, NULL,
	    "Round trip times measured, in exported records." },
	  OVER_NETNS, KIND_U64, NETNS(tcp.rtt_samples), NETNS(has_tcp), true },
	{ { "flowctl_tcp_rtt_sum_seconds", EXPOSE_COUNTER, "seconds",
	    "Their sum: divided by their number, the mean." },
	  OVER_NETNS, KIND_SECONDS, NETNS(tcp.rtt_sum_ns), NETNS(has_tcp), true },

	{ { "flowctl_exported_records", EXPOSE_COUNTER, "records", "Flow records sent or written." },
	  OVER_OUTPUTS, KIND_U64, OUTPUT(stats.records) },
	{ { "flowctl_exported_messages", EXPOSE_COUNTER, "messages", "IPFIX messages sent." },
	  OVER_OUTPUTS, KIND_U64, OUTPUT(stats.messages) },
	{ { "flowctl_exported_bytes", EXPOSE_COUNTER, "bytes", "Octets of messages or lines." },
	  OVER_OUTPUTS, KIND_U64, OUTPUT(stats.bytes) },
	{ { "flowctl_export_errors", EXPOSE_COUNTER, NULL, "Sends or writes that failed." },
	  OVER_OUTPUTS, KIND_U64, OUTPUT(stats.errors) },
	{ { "flowctl_export_lost_records", EXPOSE_COUNTER, "records",
	    "Records that could not be sent, or may not have arrived." },
	  OVER_OUTPUTS, KIND_U64, OUTPUT(stats.lost_records) },
	{ { "flowctl_export_uncarried_records", EXPOSE_COUNTER, "records",
	    "Records that no template of this output carries." },
	  OVER_OUTPUTS, KIND_U64, OUTPUT(stats.uncarried_records) },
	{ { "flowctl_export_unhooked_records", EXPOSE_COUNTER, "records",
	    "Records written to a log without the hooks that failed them." },
	  OVER_OUTPUTS, KIND_U64, OUTPUT(stats.unhooked_records) },
	{ { "flowctl_export_queue_records", EXPOSE_GAUGE, "records",
	    "Records that wait in the output, or for the other end's acknowledgement." },
	  OVER_OUTPUTS, KIND_U64, OUTPUT(queue) },
	{ { "flowctl_export_up", EXPOSE_GAUGE, NULL, "1: the output has no trouble." },
	  OVER_OUTPUTS, KIND_U64, OUTPUT(up) },
	{ { "flowctl_last_export_timestamp_seconds", EXPOSE_GAUGE, "seconds",
	    "When something was last sent or written, since 1970; 0: never." },
	  OVER_OUTPUTS, KIND_SECONDS, OUTPUT(stats.last_export_ns) },

	{ { "flowctl_loop_lag_seconds", EXPOSE_HISTOGRAM, "seconds",
	    "How late the agent's periodic work came." },
	  OVER_AGENT, KIND_BUCKETS, AGENT(lag), .created = true, .bounds = &buckets_loop },
	{ { "flowctl_config_reload_ok", EXPOSE_GAUGE, NULL, "1: the configuration last read is in force." },
	  OVER_AGENT, KIND_U64, AGENT(reload_ok) },
	{ { "flowctl_config_loaded_timestamp_seconds", EXPOSE_GAUGE, "seconds",
	    "Since when the configuration is in force, since 1970." },
	  OVER_AGENT, KIND_SECONDS, AGENT(reload_ns) },
	{ { "flowctl_http_requests", EXPOSE_COUNTER, NULL, "Requests answered here." },
	  OVER_AGENT, KIND_U64, AGENT(requests), .created = true },
	{ { "process_start_time_seconds", EXPOSE_GAUGE, "seconds", "When the agent began, since 1970." },
	  OVER_AGENT, KIND_SECONDS, AGENT(start_ns) },
	{ { "process_cpu_seconds", EXPOSE_COUNTER, "seconds", "Processor time of the agent." },
	  OVER_AGENT, KIND_SECONDS, AGENT(cpu_ns), .created = true },
	{ { "process_resident_memory_bytes", EXPOSE_GAUGE, "bytes",
	    "Memory of the agent, with what it looks at of the tables." },
	  OVER_AGENT, KIND_U64, AGENT(resident_bytes) },
	{ { "process_open_fds", EXPOSE_GAUGE, NULL, "File descriptors of the agent." },
	  OVER_AGENT, KIND_U64, AGENT(fds) },
};

/* The elements a row goes over. */
struct elements {
	const char *first;
	size_t n, size;
};

static struct elements elements_of(const struct metrics_facts *f, enum over over)
{
	switch (over) {
	case OVER_HOOKS:
		return (struct elements) { (const char *)f->hooks, f->n_hooks, sizeof(*f->hooks) };
	case OVER_NETNS:
		return (struct elements) { (const char *)f->netns, f->n_netns, sizeof(*f->netns) };
	case OVER_PAIRS:
		return (struct elements) { (const char *)f->pairs, f->n_pairs, sizeof(*f->pairs) };
	case OVER_OUTPUTS:
		return (struct elements) { (const char *)f->outputs, f->n_outputs, sizeof(*f->outputs) };
	case OVER_AGENT:
		break;
	}
	return (struct elements) { (const char *)&f->agent, 1, sizeof(f->agent) };
}

static void add_label(struct expose_labels *l, const char *name, const char *value)
{
	l->v[l->n].name = name;
	l->v[l->n++].value = value;
}

static struct expose_labels labels_of(const struct row *row, const void *element)
{
	const struct metrics_hook *h = element;
	const struct metrics_netns *n = element;
	const struct metrics_pair *p = element;
	const struct metrics_output *o = element;
	const struct metrics_agent *a = element;
	struct expose_labels l = { .n = 0 };

	switch (row->over) {
	case OVER_HOOKS:
		add_label(&l, "netns", h->netns);
		add_label(&l, "iface", h->iface);
		add_label(&l, "direction", flow_direction_name(h->direction));
		break;
	case OVER_NETNS:
		add_label(&l, "netns", n->netns);
		break;
	case OVER_PAIRS:
		add_label(&l, "netns", p->netns);
		add_label(&l, "ingress", p->ingress);
		add_label(&l, "egress", p->egress);
		break;
	case OVER_OUTPUTS:
		add_label(&l, "output", o->output);
		break;
	case OVER_AGENT:
		if (row->kind == KIND_ONE)
			add_label(&l, "version", a->version);
		break;
	}
	return l;
}

static void put(struct expose *e, const struct row *row, const struct expose_labels *labels,
		const void *field)
{
	switch (row->kind) {
	case KIND_U64:
		expose_u64(e, labels, *(const uint64_t *)field);
		break;
	case KIND_SECONDS:
		expose_double(e, labels, (double)*(const uint64_t *)field / NSEC_PER_SEC);
		break;
	case KIND_BUCKETS:
		expose_histogram(e, labels, row->bounds, field);
		break;
	case KIND_ONE:
		expose_u64(e, labels, 1);
		break;
	}
}

static void put_element(struct expose *e, const struct row *row, const char *element)
{
	struct expose_labels labels = labels_of(row, element);

	if (!row->n_splits)
		put(e, row, &labels, element + row->offset);
	for (size_t i = 0; i < row->n_splits; i++) {
		struct expose_labels one = labels;
		size_t at = row->splits ? row->splits[i].offset : row->offset + i * sizeof(uint64_t);

		add_label(&one, row->label, row->splits ? row->splits[i].value : row->name_of(i));
		put(e, row, &one, element + at);
	}
}

static void put_row(struct expose *e, const struct row *row, const struct metrics_facts *f)
{
	struct elements all = elements_of(f, row->over);
	bool begun = false;

	for (size_t i = 0; i < all.n; i++) {
		const char *element = all.first + i * all.size;

		if (row->when && !*(const bool *)(element + row->when))
			continue;
		if (!begun)
			expose_family(e, &row->family,
				      row->created ? (double)f->agent.start_ns / NSEC_PER_SEC : 0);
		begun = true;
		put_element(e, row, element);
	}
}

void page_write(const struct metrics_facts *f, enum expose_format format, struct strbuf *out)
{
	struct expose e = { .out = out, .format = format };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		put_row(&e, &rows[i], f);
	expose_end(&e);
}
