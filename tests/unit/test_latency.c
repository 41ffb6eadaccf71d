// SPDX-License-Identifier: Apache-2.0
/* What `flowctl latency` prints, to the byte. */
#include "sink/latency.h"

#include <arpa/inet.h>

#include "test.h"

static struct latency_summary summary;

static struct tcp_event event(int family, const char *peer, const char *from, uint32_t us)
{
	struct tcp_event e = {
		.time_ns = UINT64_C(1000000000),
		.value_us = us,
		.family = family,
		.direction = FLOW_INGRESS,
		.peer_port = htons(80),
		.from_port = htons(43210),
	};

	inet_pton(family == 4 ? AF_INET : AF_INET6, peer, e.peer);
	inet_pton(family == 4 ? AF_INET : AF_INET6, from, e.from);
	return e;
}

static struct strbuf out;

static const char *text_of(struct tcp_event e)
{
	strbuf_deinit(&out);
	out = (struct strbuf)STRBUF_NULL;
	latency_text(&e, &out);
	return strbuf_str(&out);
}

TEST(a_handshake_is_a_line_with_server_and_milliseconds)
{
	CHECK_STR(text_of(event(4, "10.2.0.2", "10.1.0.1", 12034)), "10.2.0.2:80 : RTT: 12.034ms\n");
	CHECK_STR(text_of(event(6, "2001:db8::1", "2001:db8::2", 12034)),
		  "[2001:db8::1]:80 : RTT: 12.034ms\n");
	CHECK_STR(text_of(event(6, "::ffff:1.2.3.4", "::1", 7)), "[::ffff:1.2.3.4]:80 : RTT: 0.007ms\n");
	CHECK_STR(text_of(event(4, "0.0.0.0", "10.1.0.1", 0)), "0.0.0.0:80 : RTT: 0.000ms\n");
	CHECK_STR(text_of(event(4, "255.255.255.255", "10.1.0.1", 3600000001)),
		  "255.255.255.255:80 : RTT: 3600000.001ms\n");
}

TEST(a_sample_is_told_from_a_handshake)
{
	struct tcp_event e = event(4, "10.2.0.2", "10.1.0.1", 12034);

	e.kind = TCP_EVENT_RTT;
	CHECK_STR(text_of(e), "10.2.0.2:80 : RTT: 12.034ms (sample)\n");
	e = event(6, "2001:db8::1", "2001:db8::2", 5);
	e.kind = TCP_EVENT_RTT;
	CHECK_STR(text_of(e), "[2001:db8::1]:80 : RTT: 0.005ms (sample)\n");
}

TEST(json_names_server_and_client_of_a_handshake_and_the_ends_of_a_sample)
{
	const struct latency_place place = { .netns = "blue", .iface = "eth0",
					     .real_offset_ns = INT64_C(1795226400000123000) };
	struct tcp_event e = event(4, "10.2.0.2", "10.1.0.1", 12034);

	strbuf_reset(&out);
	latency_json(&e, &place, &out);
	CHECK_STR(strbuf_str(&out),
		  "{\"time\":\"2026-11-21T02:00:01.000123Z\",\"kind\":\"handshake\",\"netns\":\"blue\","
		  "\"iface\":\"eth0\",\"direction\":0,\"server_ip\":\"10.2.0.2\",\"server_port\":80,"
		  "\"client_ip\":\"10.1.0.1\",\"client_port\":43210,\"rtt_us\":12034}\n");
	e = event(6, "2001:db8::1", "2001:db8::2", 5);
	e.kind = TCP_EVENT_RTT;
	e.direction = FLOW_EGRESS;
	strbuf_reset(&out);
	latency_json(&e, &place, &out);
	CHECK_STR(strbuf_str(&out),
		  "{\"time\":\"2026-11-21T02:00:01.000123Z\",\"kind\":\"rtt\",\"netns\":\"blue\","
		  "\"iface\":\"eth0\",\"direction\":1,\"peer_ip\":\"2001:db8::1\",\"peer_port\":80,"
		  "\"from_ip\":\"2001:db8::2\",\"from_port\":43210,\"rtt_us\":5}\n");
}

static void fill(const uint32_t *us, size_t n, int kind)
{
	for (size_t i = 0; i < n; i++) {
		struct tcp_event e = { .kind = kind, .value_us = us[i] };

		latency_count(&summary, &e);
	}
}

TEST(the_summary_of_nothing_has_no_quantiles)
{
	memset(&summary, 0, sizeof(summary));
	strbuf_reset(&out);
	latency_summary_text(&summary, &out);
	CHECK_STR(strbuf_str(&out), "handshakes: count 0\n");
	strbuf_reset(&out);
	latency_summary_json(&summary, &out);
	CHECK_STR(strbuf_str(&out),
		  "{\"kind\":\"summary\",\"count\":0,\"min_us\":null,\"avg_us\":null,\"p50_us\":null,"
		  "\"p90_us\":null,\"p99_us\":null,\"max_us\":null,\"histogram\":[],\"lost\":0,"
		  "\"half_open_lost\":0,\"unwatched_ms\":0,\"duration_ms\":0}\n");
}

TEST(the_summary_says_what_was_lost)
{
	const uint32_t us[] = { 10 };

	memset(&summary, 0, sizeof(summary));
	fill(us, 1, TCP_EVENT_HANDSHAKE);
	summary.lost = 17;
	summary.forgotten = 2;
	summary.unwatched_ns = 2500000000;
	strbuf_reset(&out);
	latency_summary_text(&summary, &out);
	CHECK_STR(strbuf_str(&out),
		  "handshakes: count 1  min 0.010ms  avg 0.010ms  max 0.010ms\n"
		  "            p50 0.010ms  p90 0.010ms  p99 0.010ms\n"
		  "      0.010 -       0.010ms          1 ######################################\n"
		  "17 events were lost\n"
		  "2 half-open connections gave way to others (a flood?)\n"
		  "for 2.5 s nobody watched: what happened then is in no count\n");
}

TEST(handshakes_and_samples_are_summed_up_apart)
{
	const uint32_t us[] = { 10, 11, 11, 300 };

	memset(&summary, 0, sizeof(summary));
	summary.every_rtt = true;
	summary.duration_ns = 1500000000;
	fill(us, 1, TCP_EVENT_HANDSHAKE);
	fill(us, 4, TCP_EVENT_RTT);
	CHECK(summary.handshakes.count == 1 && summary.samples.count == 4);
	strbuf_reset(&out);
	latency_summary_json(&summary, &out);
	CHECK(strstr(strbuf_str(&out), "\"kind\":\"summary\",\"count\":1,\"min_us\":10,"));
	CHECK(strstr(strbuf_str(&out), "\"rtt\":{\"count\":4,\"min_us\":10,\"avg_us\":83,\"p50_us\":11,"
				       "\"p90_us\":300,\"p99_us\":300,\"max_us\":300,\"histogram\":["));
	CHECK(strstr(strbuf_str(&out), "]},\"lost\":0,\"half_open_lost\":0,\"unwatched_ms\":0,\"duration_ms\":1500}\n"));
}

TEST(lines_of_the_summary_fit_80_columns)
{
	const uint32_t us[] = { 999999, 1, 999999999 };
	size_t column = 0;

	memset(&summary, 0, sizeof(summary));
	fill(us, 3, TCP_EVENT_HANDSHAKE);
	summary.handshakes.count = 999999;
	strbuf_reset(&out);
	latency_summary_text(&summary, &out);
	for (const char *p = strbuf_str(&out); *p; p++) {
		column = *p == '\n' ? 0 : column + 1;
		CHECK(column <= 80);
	}
	strbuf_deinit(&out);
}
