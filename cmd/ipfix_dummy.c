// SPDX-License-Identifier: Apache-2.0
/*
 * A test sender: the records of a file once, or as many as are wanted that look like traffic.
 * A rate is kept by sending what is due by now, a few messages at a time.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sender.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cmd.h"
#include "conf/conf.h"
#include "conf/flow_file.h"
#include "flow/dummy.h"

#define CHUNK_MAX 500
#define RATE_MAX UINT64_C(1000000000)

struct dummy_args {
	const char *config, *file, *to;
	uint64_t flows, rate, duration_ns;
	bool has_rate, has_duration;
	int format;
};

static const char *const formats[] = { "text", "json", NULL };

static const struct opt dummy_opts[] = {
	OPT(STR, dummy_args, config, .name = "config", .letter = 'c', .arg = "FILE",
	    .help = "collectors and templates, as of the agent"),
	OPT(STR, dummy_args, to, .name = "to", .arg = "HOST:PORT",
	    .help = "this collector, by UDP, instead of those\nof a configuration"),
	OPT(STR, dummy_args, file, .name = "file", .letter = 'f', .arg = "FILE",
	    .help = "send the records of FILE, once"),
	OPT(U64, dummy_args, flows, .name = "flows", .arg = "N", .min = 1, .max = DUMMY_FLOWS_MAX,
	    .help = "send made-up records of N different flows"),
	OPT(U64, dummy_args, rate, .name = "rate", .arg = "R", .max = RATE_MAX,
	    .help = "R records a second; 0: as fast as can be\n(default: the pace of the output)",
	    OPT_GIVEN(dummy_args, has_rate)),
	OPT(DURATION, dummy_args, duration_ns, .name = "duration", .arg = "T",
	    .help = "for so long, the flows again and again\n(default: each flow once)",
	    OPT_GIVEN(dummy_args, has_duration)),
	OPT(CHOICE, dummy_args, format, .name = "output", .letter = 'o', .arg = "FORMAT",
	    .choices = formats, .help = "text (default) or json: what was sent"),
	OPT_END,
};

static volatile sig_atomic_t stop;

static void on_signal(int signo)
{
	stop = 1;
}

DEFINE_CLEANUP(struct conf, conf_free)

static int check_args(const struct dummy_args *a)
{
	struct parse_endpoint e;

	if (!a->file == !a->flows)
		return fail_usage(a->file ? "--file and --flows exclude each other" :
					    "what is to be sent? Give --file FILE or --flows N");
	if (!a->flows && (a->has_rate || a->has_duration))
		return fail_usage("--rate and --duration go with --flows");
	if (!a->config && !a->to)
		return fail_usage("where to? Give --config FILE or --to HOST:PORT");
	if (a->has_duration && !a->duration_ns)
		return fail_usage("--duration must be longer than nothing");
	if (a->to && (parse_endpoint(a->to, &e) < 0 || !e.port))
		return fail_usage("--to: '%s' is not HOST:PORT (as 192.0.2.1:4739 or [2001:db8::1]:4739)",
				  a->to);
	return 0;
}

/* What a configuration with this collector alone would be. */
static int conf_to(const char *to, struct conf **ret)
{
	_cleanup_(strbuf_deinit) struct strbuf text = STRBUF_NULL;
	struct json j;

	json_init(&j, &text, false);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "outputs");
	json_object_begin(&j, NULL);
	json_object_begin(&j, "collector");
	json_str(&j, "remoteAddress", to);
	json_object_end(&j);
	json_object_end(&j);
	json_array_end(&j);
	json_object_end(&j);
	return conf_parse("--to", strbuf_str(&text), text.len, ret);
}

static int load(const struct dummy_args *a, struct conf **ret)
{
	_cleanup_(conf_freep) struct conf *conf = NULL, *to = NULL;
	int r = 0;

	if (a->config)
		r = conf_load(a->config, &conf);
	if (r == 0 && a->to)
		r = conf_to(a->to, &to);
	if (r < 0)
		return r;
	if (conf && to) {	/* the one's outputs go with the other */
		struct conf_output *outputs = conf->outputs;
		size_t n = conf->n_outputs;

		conf->outputs = to->outputs;
		conf->n_outputs = to->n_outputs;
		to->outputs = outputs;
		to->n_outputs = n;
	}
	*ret = conf ? take_ptr(conf) : take_ptr(to);
	return 0;
}

/* Decoded for each output: how long values are is for its profile to say. */
static int send_file_to(const struct dummy_args *a, const struct conf *conf, struct sender *s, size_t i)
{
	_cleanup_(flow_file_deinit) struct flow_file f = { 0 };
	int r = flow_file_load(a->file, s->v[i].templates, &f);

	for (size_t k = 0; r == 0 && k < f.n && !stop; k++) {
		const struct record record = {
			.domain = conf->domain ? conf->domain : 1, .raw = &f.raws[k],
		};

		sender_put_into(s, i, &record);
	}
	return r;
}

static int send_file(const struct dummy_args *a, const struct conf *conf, struct sender *s)
{
	_cleanup_(flow_file_deinit) struct flow_file check = { 0 };
	int r = flow_file_load(a->file, conf->templates, &check);

	if (r == 0)
		r = sender_open(s, conf, &(struct sender_how) { .in_order = true }, &stop);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = send_file_to(a, conf, s, i);
	return r;
}

/* How many records are due after @ns, in all. */
static uint64_t due(const struct dummy_args *a, uint64_t ns)
{
	return ns / NSEC_PER_SEC * a->rate + ns % NSEC_PER_SEC * a->rate / NSEC_PER_SEC;
}

/* So many that they are sent together: of a hundredth of a second, or some messages. */
static uint64_t chunk(const struct dummy_args *a)
{
	uint64_t n = a->rate / 100;

	return !a->rate || n > CHUNK_MAX ? CHUNK_MAX : n ? n : 1;
}

/* How many are to be sent now; 0: none yet. */
static uint64_t next(const struct dummy_args *a, uint64_t sent, uint64_t total, uint64_t passed_ns)
{
	uint64_t n = chunk(a), now = a->rate ? due(a, passed_ns) - sent : n;

	if (n > total - sent)
		n = total - sent;
	return now < n ? 0 : now < total - sent ? now : total - sent;
}

static void put_some(const struct dummy_args *a, struct sender *s, struct record *r, uint64_t from,
		     uint64_t n)
{
	uint64_t now = clock_real_ns();

	for (uint64_t i = from % a->flows; n-- && !stop; i = i + 1 < a->flows ? i + 1 : 0) {
		dummy_record(i, now, r);
		sender_put(s, r);
	}
	if (a->rate)
		sender_flush(s);
}

static int send_synthetic(const struct dummy_args *a, const struct conf *conf, struct sender *s)
{
	struct record record = { .domain = conf->domain ? conf->domain : 1, .netns = "dummy" };
	uint64_t sent = 0, total = a->flows, start, passed = 0;
	int r = sender_open(s, conf, &(struct sender_how) { .unpaced = a->has_rate }, &stop);

	if (r < 0)
		return r;
	if (a->has_duration)
		total = a->rate ? due(a, a->duration_ns) : UINT64_MAX;
	start = clock_boot_ns();
	while (!stop && sent < total && (a->rate || !a->has_duration || passed < a->duration_ns)) {
		uint64_t n = next(a, sent, total, passed);

		if (n)
			put_some(a, s, &record, sent, n);
		else
			clock_sleep_ns(NSEC_PER_MSEC / 5);
		sent += n;
		sender_tick(s);
		passed = clock_boot_ns() - start;
	}
	return 0;
}

static void print_text(const struct sender *s, uint64_t ns)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct sink_stats *t = &s->v[i].sink->stats;

		printf("%s: %" PRIu64 " records in %" PRIu64 " messages, %" PRIu64
		       " bytes, %.3f s, %.0f records/s", s->v[i].sink->label, t->records, t->messages,
		       t->bytes, (double)ns / NSEC_PER_SEC, (double)t->records * NSEC_PER_SEC / ns);
		if (t->uncarried_records)
			printf(", %" PRIu64 " of no template", t->uncarried_records);
		if (t->lost_records)
			printf(", %" PRIu64 " lost", t->lost_records);
		putchar('\n');
	}
}

static void print_json(const struct sender *s, uint64_t ns)
{
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;
	struct json j;

	json_init(&j, &out, true);
	json_array_begin(&j, NULL);
	for (size_t i = 0; i < s->n; i++) {
		const struct sink *sink = s->v[i].sink;
		const struct sink_stats *t = &sink->stats;

		json_object_begin(&j, NULL);
		json_str(&j, "output", sink->label);
		json_u64(&j, "records", t->records);
		json_u64(&j, "messages", t->messages);
		json_u64(&j, "bytes", t->bytes);
		json_u64(&j, "lost_records", t->lost_records);
		json_u64(&j, "uncarried_records", t->uncarried_records);
		json_u64(&j, "duration_us", ns / NSEC_PER_USEC);
		json_u64(&j, "records_per_second", (double)t->records * NSEC_PER_SEC / ns);
		json_object_end(&j);
	}
	json_array_end(&j);
	puts(strbuf_str(&out));
}

static int dummy_run(const void *args_, int argc, char **argv)
{
	const struct dummy_args *args = args_;
	_cleanup_(conf_freep) struct conf *conf = NULL;
	struct sender sender = { 0 };
	uint64_t passed;
	int r = check_args(args);

	if (r == 0)
		r = load(args, &conf);
	if (r < 0)
		return r;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	r = args->file ? send_file(args, conf, &sender) : send_synthetic(args, conf, &sender);
	if (r == 0) {
		sender_flush(&sender);
		passed = clock_boot_ns() - sender.opened_ns;
		r = sender_finish(&sender);
		if (args->format)
			print_json(&sender, passed);
		else
			print_text(&sender, passed);
	}
	sender_close(&sender);
	return r;
}

const struct cmd cmd_ipfix_dummy = {
	.name = "ipfix-dummy",
	.summary = "send made-up records to a collector",
	.opts = dummy_opts,
	.example = "flowctl ipfix-dummy --to 127.0.0.1:4739 --flows 1000 --rate 100",
	.args_size = sizeof(struct dummy_args),
	.run = dummy_run,
};
