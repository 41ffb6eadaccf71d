// SPDX-License-Identifier: Apache-2.0
/* The page out of facts, and what is answered to which request. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "metrics/page.h"
#include "metrics/serve.h"
#include "test.h"

static struct strbuf out;

/* Is there this line, whole? */
static bool has(const char *line)
{
	const char *at = strbuf_str(&out);
	size_t len = strlen(line);

	for (; (at = strstr(at, line)); at++) {
		if ((at == out.data || at[-1] == '\n') && at[len] == '\n')
			return true;
	}
	return false;
}

static struct metrics_hook hooks[] = {
	{ .netns = "ns\"0", .iface = "eth0", .direction = FLOW_INGRESS, .decap = true,
	  .by = { [LEDGER_SEEN] = { 10, 1000 }, [LEDGER_FULL] = { 1, 60 }, [LEDGER_UNPARSED] = { 2, 70 },
		  [LEDGER_NON_IP] = { 3, 90 }, [LEDGER_EXPORTED] = { UINT64_MAX, 5 } },
	  .aged = { 4, 80 }, .decap_by = { [DECAP_SHORT] = 7 } },
	{ .netns = "ns\"0", .iface = "eth0", .direction = FLOW_EGRESS },
};
static struct metrics_netns netns[] = {
	{ .netns = "ns0", .flows = 3, .flows_max = 8, .has_tcp = true,
	  .tcp = { .fast = 1, .timeout = 2, .rtt_sum_ns = 1500000000 } },
	{ .netns = "ns1", .flows_max = 9 },
};
static struct metrics_output outputs[] = {
	{ .output = "udp://127.0.0.1:4739", .stats = { .records = 5, .last_export_ns = 1500000000 } },
};
static struct metrics_pair pairs[] = {
	{ "ns0", "eth0", "eth1", { .count = { [0] = 1, [FORWARD_BUCKETS - 1] = 1 }, .sum_ns = 500 } },
};

static const struct metrics_facts facts = {
	hooks, 2, netns, 2, pairs, 1, outputs, 1,
	{ .version = "1.2.3", .start_ns = 2000000000 },
};

TEST(the_ledger_is_told_by_hook_and_reason)
{
	strbuf_reset(&out);
	page_write(&facts, EXPOSE_TEXT, &out);
	CHECK(has("flowctl_packets_total{netns=\"ns\\\"0\",iface=\"eth0\",direction=\"ingress\"} 10"));
	CHECK(has("flowctl_bytes_total{netns=\"ns\\\"0\",iface=\"eth0\",direction=\"egress\"} 0"));
	CHECK(has("flowctl_unmetered_packets_total{netns=\"ns\\\"0\",iface=\"eth0\","
		  "direction=\"ingress\",reason=\"full\"} 1"));
	CHECK(has("flowctl_unmetered_bytes_total{netns=\"ns\\\"0\",iface=\"eth0\","
		  "direction=\"ingress\",reason=\"aged\"} 80"));
	CHECK(has("flowctl_ledger_packets_total{netns=\"ns\\\"0\",iface=\"eth0\","
		  "direction=\"ingress\",reason=\"exported\"} 18446744073709551615"));
	CHECK(has("flowctl_decap_packets_total{netns=\"ns\\\"0\",iface=\"eth0\","
		  "direction=\"ingress\",result=\"short\"} 7"));
	CHECK(!strstr(strbuf_str(&out), "direction=\"egress\",result="));
}

TEST(what_is_there_by_namespace_pair_output_and_once)
{
	strbuf_reset(&out);
	page_write(&facts, EXPOSE_TEXT, &out);
	CHECK(has("flowctl_build_info{version=\"1.2.3\"} 1"));
	CHECK(has("flowctl_flows{netns=\"ns0\"} 3"));
	CHECK(has("flowctl_flows_max{netns=\"ns1\"} 9"));
	CHECK(has("flowctl_tcp_retransmissions_total{netns=\"ns0\",kind=\"timeout\"} 2"));
	CHECK(has("flowctl_tcp_rtt_sum_seconds_total{netns=\"ns0\"} 1.5"));
	CHECK(!strstr(strbuf_str(&out), "flowctl_tcp_retransmissions_total{netns=\"ns1\""));
	CHECK(has("flowctl_exported_records_total{output=\"udp://127.0.0.1:4739\"} 5"));
	CHECK(has("flowctl_last_export_timestamp_seconds{output=\"udp://127.0.0.1:4739\"} 1.5"));
	CHECK(has("flowctl_forwarding_latency_seconds_bucket{netns=\"ns0\",ingress=\"eth0\","
		  "egress=\"eth1\",le=\"5.12e-07\"} 1"));
	CHECK(has("flowctl_forwarding_latency_seconds_bucket{netns=\"ns0\",ingress=\"eth0\","
		  "egress=\"eth1\",le=\"+Inf\"} 2"));
	CHECK(!strstr(strbuf_str(&out), "flowctl_rtt_seconds"));
}

TEST(only_what_began_with_this_process_says_when)
{
	strbuf_reset(&out);
	page_write(&facts, EXPOSE_OPENMETRICS, &out);
	CHECK(has("flowctl_handshake_seconds_created 2.000"));
	CHECK(!strstr(strbuf_str(&out), "flowctl_packets_created"));
	CHECK(has("# UNIT flowctl_packets packets"));
	CHECK(out.len > 6 && strcmp(out.data + out.len - 6, "# EOF\n") == 0);
}

/* OpenMetrics: a name ends with the unit it claims. */
TEST(units_are_in_the_names)
{
	char name[80], unit[40];
	size_t n = 0;

	strbuf_reset(&out);
	page_write(&facts, EXPOSE_OPENMETRICS, &out);
	for (const char *at = strbuf_str(&out); (at = strstr(at, "# UNIT ")); at++, n++) {
		CHECK(sscanf(at, "# UNIT %79s %39s", name, unit) == 2);
		CHECK(strlen(name) > strlen(unit) + 1);
		CHECK(name[strlen(name) - strlen(unit) - 1] == '_');
		CHECK_STR(name + strlen(name) - strlen(unit), unit);
	}
	CHECK(n > 10);
}

static int made;
static bool is_ready;

static int page(void *arg, enum expose_format format, struct strbuf *to)
{
	made++;
	strbuf_puts(to, format == EXPOSE_TEXT ? "text\n" : "open\n");
	return 0;
}

static bool ready(void *arg, struct strbuf *to)
{
	strbuf_puts(to, "as it is");
	return is_ready;
}

static const struct serve_source source = { page, ready, NULL };

TEST(paths_and_methods_have_their_answers)
{
	static const struct {
		const char *method, *path, *accept;
		unsigned status;
		const char *body;
	} rows[] = {
		{ "GET", "/metrics", NULL, 200, "text\n" },
		{ "HEAD", "/metrics", "application/openmetrics-text", 200, "open\n" },
		{ "GET", "/healthz", NULL, 200, "alive\n" },
		{ "GET", "/readyz", NULL, 503, "as it is\n" },
		{ "POST", "/metrics", NULL, 405, "only GET and HEAD\n" },
		{ "get", "/metrics", NULL, 405, "only GET and HEAD\n" },
		{ "GET", "/", NULL, 404, "there is /metrics, /healthz and /readyz\n" },
		{ "GET", "/metrics/", NULL, 404, "there is /metrics, /healthz and /readyz\n" },
		{ "DELETE", "/../etc/passwd", NULL, 404, "there is /metrics, /healthz and /readyz\n" },
	};
	struct serve *s = serve_new(&source);
	struct serve_answer a;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		serve_request(s, rows[i].method, rows[i].path, rows[i].accept, &a);
		CHECK(a.status == rows[i].status);
		CHECK_STR(a.body, rows[i].body);
		CHECK(a.len == strlen(a.body) && a.content_type);
		CHECK(!a.allow == (a.status != 405));
	}
	is_ready = true;
	serve_request(s, "GET", "/readyz", NULL, &a);
	CHECK(a.status == 200);
	CHECK(serve_requests(s) == ARRAY_SIZE(rows) + 1);
	serve_free(s);
}

TEST(a_page_is_made_ten_times_a_second_at_most)
{
	struct serve *s = serve_new(&source);
	struct serve_answer a;
	uint64_t begin = clock_boot_ns(), end;

	made = 0;
	do
		serve_request(s, "GET", "/metrics", NULL, &a);
	while (clock_boot_ns() < begin + 250 * NSEC_PER_MSEC);
	end = clock_boot_ns();
	CHECK(made >= 1 && (uint64_t)made <= (end - begin) / (100 * NSEC_PER_MSEC) + 1);
	serve_free(s);
}
