// SPDX-License-Identifier: Apache-2.0
/*
 * The two text formats against their documents: the examples of Prometheus' "Exposition formats"
 * and of the OpenMetrics 1.0 specification. promtool has the last word in tests/net/test_metrics.py.
 */
#include "metrics/expose.h"

#include <math.h>

#include "base/cleanup.h"
#include "test.h"

static struct strbuf out;

static struct expose begin(enum expose_format format)
{
	strbuf_reset(&out);
	return (struct expose) { .out = &out, .format = format };
}

static const struct expose_family requests = {
	"http_requests", EXPOSE_COUNTER, NULL, "The total number of HTTP requests."
};
static const struct expose_labels none = { .n = 0 };

TEST(a_counter_is_named_with_its_total_in_the_older_format)
{
	const struct expose_labels labels = { { { "method", "post" }, { "code", "200" } }, 2 };
	struct expose e = begin(EXPOSE_TEXT);

	expose_family(&e, &requests, 0);
	expose_u64(&e, &labels, 1027);
	expose_end(&e);
	CHECK_STR(strbuf_str(&out), "# TYPE http_requests_total counter\n"
				    "# HELP http_requests_total The total number of HTTP requests.\n"
				    "http_requests_total{method=\"post\",code=\"200\"} 1027\n");
}

TEST(openmetrics_names_the_family_its_unit_its_beginning_and_the_end)
{
	static const struct expose_family f = { "acme_http_router_request_seconds", EXPOSE_COUNTER,
						"seconds", "Latency though all." };
	const struct expose_labels labels = { { { "path", "/api/v1" } }, 1 };
	struct expose e = begin(EXPOSE_OPENMETRICS);

	expose_family(&e, &f, 1605281325.0);
	expose_double(&e, &labels, 807283.5);
	expose_end(&e);
	CHECK_STR(strbuf_str(&out),
		  "# TYPE acme_http_router_request_seconds counter\n"
		  "# UNIT acme_http_router_request_seconds seconds\n"
		  "# HELP acme_http_router_request_seconds Latency though all.\n"
		  "acme_http_router_request_seconds_total{path=\"/api/v1\"} 807283.5\n"
		  "acme_http_router_request_seconds_created{path=\"/api/v1\"} 1605281325.000\n"
		  "# EOF\n");
}

TEST(labels_are_escaped_as_the_documents_example_is)
{
	const struct expose_labels labels = {
		{ { "path", "C:\\DIR\\FILE.TXT" }, { "error", "Cannot find file:\n\"FILE.TXT\"" } }, 2
	};
	static const struct expose_family f = { "file", EXPOSE_GAUGE, NULL, "one \\ two\n\"three\"" };
	struct expose e = begin(EXPOSE_TEXT);

	expose_family(&e, &f, 0);
	expose_u64(&e, &labels, 1);
	CHECK_STR(strbuf_str(&out),
		  "# TYPE file gauge\n"
		  "# HELP file one \\\\ two\\n\"three\"\n"
		  "file{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find file:\\n\\\"FILE.TXT\\\"\"} 1\n");
	e = begin(EXPOSE_OPENMETRICS);
	expose_family(&e, &f, 0);
	CHECK_STR(strbuf_str(&out), "# TYPE file gauge\n"
				    "# HELP file one \\\\ two\\n\\\"three\\\"\n");
}

TEST(what_is_no_utf8_does_not_get_out)
{
	const struct expose_labels labels = { { { "iface", "a\xff\xc3\xa9\xe2\x82" } }, 1 };
	static const struct expose_family f = { "x", EXPOSE_GAUGE, NULL, "x" };
	struct expose e = begin(EXPOSE_TEXT);

	expose_family(&e, &f, 0);
	strbuf_reset(&out);
	expose_u64(&e, &labels, 1);
	CHECK_STR(strbuf_str(&out), "x{iface=\"a?\xc3\xa9??\"} 1\n");
}

TEST(an_info_is_a_gauge_to_who_knows_no_infos)
{
	static const struct expose_family f = { "thing", EXPOSE_INFO, NULL, "x" };
	struct expose e = begin(EXPOSE_TEXT);

	expose_family(&e, &f, 0);
	expose_u64(&e, &none, 1);
	CHECK_STR(strbuf_str(&out), "# TYPE thing_info gauge\n# HELP thing_info x\nthing_info 1\n");
	e = begin(EXPOSE_OPENMETRICS);
	expose_family(&e, &f, 0);
	expose_u64(&e, &none, 1);
	CHECK_STR(strbuf_str(&out), "# TYPE thing info\n# HELP thing x\nthing_info 1\n");
}

TEST(a_counter_keeps_all_its_digits)
{
	struct expose e = begin(EXPOSE_TEXT);

	expose_family(&e, &requests, 0);
	strbuf_reset(&out);
	expose_u64(&e, &none, UINT64_MAX);
	CHECK_STR(strbuf_str(&out), "http_requests_total 18446744073709551615\n");
}

TEST(numbers_are_the_shortest_that_are_read_as_the_same)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {
		{ 0, "0" }, { 1, "1" }, { 0.1, "0.1" }, { 0.25, "0.25" }, { 1e-9, "1e-09" },
		{ 5.12e-07, "5.12e-07" }, { 1.0 / 3, "0.3333333333333333" }, { -2.5, "-2.5" },
		{ INFINITY, "+Inf" }, { -INFINITY, "-Inf" }, { NAN, "NaN" },
		{ 1795281491.358409, "1795281491.358409" },
	};
	char buf[40];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK_STR(expose_number(rows[i].v, buf, sizeof(buf)), rows[i].text);
}

/* The document's: sum of 53423 over 144320 observations, in a smaller world. */
TEST(buckets_are_cumulative_inclusive_and_end_with_all)
{
	static const struct buckets_bounds bounds = { 3, { 50000000, 1000000000, 2500000000 } };
	static const struct expose_family f = { "wait_seconds", EXPOSE_HISTOGRAM, "seconds", "w" };
	const struct expose_labels labels = { { { "netns", "a" } }, 1 };
	static const uint64_t ns[] = { 0, 50000000, 50000001, 1000000000, 3000000000, 2000000000 };
	struct expose e = begin(EXPOSE_OPENMETRICS);
	struct buckets b = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(ns); i++)
		buckets_add(&b, &bounds, ns[i]);
	expose_family(&e, &f, 12.5);
	strbuf_reset(&out);
	expose_histogram(&e, &labels, &bounds, &b);
	CHECK_STR(strbuf_str(&out), "wait_seconds_bucket{netns=\"a\",le=\"0.05\"} 2\n"
				    "wait_seconds_bucket{netns=\"a\",le=\"1.0\"} 4\n"
				    "wait_seconds_bucket{netns=\"a\",le=\"2.5\"} 5\n"
				    "wait_seconds_bucket{netns=\"a\",le=\"+Inf\"} 6\n"
				    "wait_seconds_count{netns=\"a\"} 6\n"
				    "wait_seconds_sum{netns=\"a\"} 6.100000001\n"
				    "wait_seconds_created{netns=\"a\"} 12.500\n");
}

TEST(all_bounds_ascend)
{
	const struct buckets_bounds *const all[] = { &buckets_network, &buckets_loop, &buckets_forward };

	for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
		CHECK(all[k]->n > 0 && all[k]->n <= BUCKETS_MAX);
		for (size_t i = 1; i < all[k]->n; i++)
			CHECK(all[k]->le_ns[i] > all[k]->le_ns[i - 1]);
	}
}

TEST(openmetrics_goes_to_who_asks_for_it)
{
	static const struct {
		const char *accept;
		enum expose_format format;
	} rows[] = {
		{ NULL, EXPOSE_TEXT },
		{ "", EXPOSE_TEXT },
		{ "*/*", EXPOSE_TEXT },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", EXPOSE_TEXT },
		{ "application/openmetrics-text", EXPOSE_OPENMETRICS },
		/* Prometheus 2.42, and 3. */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", EXPOSE_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.2", EXPOSE_OPENMETRICS },
		{ "text/plain;version=0.0.4;q=1,*/*;q=0.1", EXPOSE_TEXT },
		{ "application/openmetrics-text; version=1.0.0; q=0.2, text/plain; q=0.5", EXPOSE_TEXT },
		{ "application/openmetrics-text;q=0", EXPOSE_TEXT },
		{ "application/openmetrics-text;version=0.0.1", EXPOSE_TEXT },
		{ "Application/OpenMetrics-Text ; Version=\"1.0.0\"", EXPOSE_OPENMETRICS },
		{ "application/openmetrics-text;q=0.5, text/*;q=0.4, */*;q=0.9", EXPOSE_OPENMETRICS },
		{ ",,;;=,;q=,application/openmetrics-text;q=", EXPOSE_OPENMETRICS },
		{ "application/openmetrics-textual", EXPOSE_TEXT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(expose_accepted(rows[i].accept) == rows[i].format);
}
