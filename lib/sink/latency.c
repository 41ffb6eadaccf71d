// SPDX-License-Identifier: Apache-2.0
/*
 * Milliseconds with three decimals are for people and easy to cut; JSON has microseconds, as all
 * of flowctl's JSON. A quantile of nothing is null, never 0.
 */
#include "sink/latency.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/json.h"

static const char *address(const uint8_t addr[16], uint8_t family, char buf[FORMAT_IP_MAX + 1])
{
	*(family == 4 ? format_ip4(buf, addr) : format_ip6(buf, addr)) = '\0';
	return buf;
}

static unsigned port(__be16 v)
{
	return be16toh(v);
}

void latency_text(const struct tcp_event *e, struct strbuf *out)
{
	const char *fmt = e->family == 4 ? "%s:%u : RTT: %u.%03ums%s\n" : "[%s]:%u : RTT: %u.%03ums%s\n";
	char buf[FORMAT_IP_MAX + 1];

	strbuf_printf(out, fmt, address(e->peer, e->family, buf), port(e->peer_port),
		      e->value_us / 1000, e->value_us % 1000,
		      e->kind == TCP_EVENT_RTT ? " (sample)" : "");
}

/* Of a handshake the ends are known by what they do; of a sample, who acknowledged whom. */
static const struct {
	const char *name, *peer_ip, *peer_port, *from_ip, *from_port;
} kinds[] = {
	[TCP_EVENT_HANDSHAKE] = { "handshake", "server_ip", "server_port", "client_ip", "client_port" },
	[TCP_EVENT_RTT] = { "rtt", "peer_ip", "peer_port", "from_ip", "from_port" },
};

void latency_json(const struct tcp_event *e, const struct latency_place *place, struct strbuf *out)
{
	int kind = e->kind == TCP_EVENT_RTT;
	char buf[FORMAT_IP_MAX + 1], when[CLOCK_RFC3339_LEN];
	struct json j;

	json_init(&j, out, false);
	json_object_begin(&j, NULL);
	json_str(&j, "time", clock_rfc3339(e->time_ns + place->real_offset_ns, when));
	json_str(&j, "kind", kinds[kind].name);
	json_str(&j, "netns", place->netns);
	json_str(&j, "iface", place->iface);
	json_u64(&j, "direction", e->direction);
	json_str(&j, kinds[kind].peer_ip, address(e->peer, e->family, buf));
	json_u64(&j, kinds[kind].peer_port, port(e->peer_port));
	json_str(&j, kinds[kind].from_ip, address(e->from, e->family, buf));
	json_u64(&j, kinds[kind].from_port, port(e->from_port));
	json_u64(&j, "rtt_us", e->value_us);
	json_object_end(&j);
	strbuf_putc(out, '\n');
}

void latency_count(struct latency_summary *s, const struct tcp_event *e)
{
	hist_add(e->kind == TCP_EVENT_RTT ? &s->samples : &s->handshakes, e->value_us);
}

static const struct {
	const char *name, *key;
	unsigned permille;
} quantiles[] = {
	{ "p50", "p50_us", 500 },
	{ "p90", "p90_us", 900 },
	{ "p99", "p99_us", 990 },
};

static void hist_lines(const struct hist *h, const char *what, struct strbuf *out)
{
	strbuf_printf(out, "%s: count %" PRIu64, what, h->count);
	if (h->count) {
		strbuf_printf(out, "  min %.3fms  avg %.3fms  max %.3fms\n%*s", h->min_us / 1e3,
			      hist_mean(h) / 1e3, h->max_us / 1e3, (int)strlen(what) + 1, "");
		for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
			strbuf_printf(out, "%s %s %.3fms", i ? " " : "", quantiles[i].name,
				      hist_quantile(h, quantiles[i].permille) / 1e3);
	}
	strbuf_putc(out, '\n');
	hist_text(h, out);
}

void latency_summary_text(const struct latency_summary *s, struct strbuf *out)
{
	hist_lines(&s->handshakes, "handshakes", out);
	if (s->every_rtt)
		hist_lines(&s->samples, "RTT samples", out);
	if (s->lost)
		strbuf_printf(out, "%" PRIu64 " event%s lost\n", s->lost, s->lost == 1 ? " was" : "s were");
	if (s->forgotten)
		strbuf_printf(out, "%" PRIu64 " half-open connection%s gave way to others (a flood?)\n",
			      s->forgotten, s->forgotten == 1 ? "" : "s");
	if (s->unwatched_ns)
		strbuf_printf(out, "for %.1f s nobody watched: what happened then is in no count\n",
			      s->unwatched_ns / 1e9);
}

static void number(struct json *j, const char *key, const struct hist *h, uint32_t v)
{
	if (h->count)
		json_u64(j, key, v);
	else
		json_null(j, key);
}

static void hist_json(const struct hist *h, struct json *j)
{
	struct hist_row rows[HIST_ROWS_MAX];
	size_t n = hist_rows(h, rows);

	json_u64(j, "count", h->count);
	number(j, "min_us", h, h->min_us);
	number(j, "avg_us", h, hist_mean(h));
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
		number(j, quantiles[i].key, h, hist_quantile(h, quantiles[i].permille));
	number(j, "max_us", h, h->max_us);
	json_array_begin(j, "histogram");
	for (size_t i = 0; i < n; i++) {
		json_object_begin(j, NULL);
		json_u64(j, "from_us", rows[i].from_us);
		json_u64(j, "to_us", rows[i].to_us);
		json_u64(j, "count", rows[i].count);
		json_object_end(j);
	}
	json_array_end(j);
}

void latency_summary_json(const struct latency_summary *s, struct strbuf *out)
{
	struct json j;

	json_init(&j, out, false);
	json_object_begin(&j, NULL);
	json_str(&j, "kind", "summary");
	hist_json(&s->handshakes, &j);
	if (s->every_rtt) {
		json_object_begin(&j, "rtt");
		hist_json(&s->samples, &j);
		json_object_end(&j);
	}
	json_u64(&j, "lost", s->lost);
	json_u64(&j, "half_open_lost", s->forgotten);
	json_u64(&j, "unwatched_ms", s->unwatched_ns / NSEC_PER_MSEC);
	json_u64(&j, "duration_ms", s->duration_ns / NSEC_PER_MSEC);
	json_object_end(&j);
	strbuf_putc(out, '\n');
}
