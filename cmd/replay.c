// SPDX-License-Identifier: Apache-2.0
/* The flows of a capture file, measured by the very program that measures live traffic. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "capture/capture.h"
#include "cmd.h"
#include "kernel/replay.h"
#include "print_args.h"
#include "select.h"

#define PROGRESS_FRAMES 4096
#define PROGRESS_NS (200 * NSEC_PER_MSEC)

struct replay_args {
	struct print_args print;
	struct style_args style;
	struct select_args select;
	uint64_t max_flows;
	int tcp_metrics;
	const char *decap;
};

static const char *const off_on[] = { "off", "on", NULL };
static const struct replay_args replay_defaults = { .tcp_metrics = 1 };

static const struct opt replay_opts[] = {
	PRINT_OPTS(replay_args),
	SELECT_FLOW_OPTS(replay_args),
	OPT(U64, replay_args, max_flows, .name = "max-flows", .letter = 'l', .arg = "N", .min = 1,
	    .max = 1 << 26,
	    .help = "flows in the table of the program (131072);\nmore are kept beside it"),
	OPT(CHOICE, replay_args, tcp_metrics, .name = "tcp-metrics", .arg = "on|off",
	    .choices = off_on, .help = "how healthy TCP connections were (on)"),
	OPT(STR, replay_args, decap, .name = "decap", .arg = "LIST",
	    .help = "look into tunnels: none (default), all, or some of\n" TUNNEL_CHOICES),
	OPT_END,
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	stopped = 1;
}

/* A read that waits for a pipe is to end as well: no SA_RESTART. */
static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* On a terminal only: a line that is written over, and is gone in the end. */
struct progress {
	bool shown;
	uint64_t frames, next_ns;
};

static void progress_show(struct progress *p, const struct capture *c)
{
	uint64_t now = clock_boot_ns(), size, at;

	if (now < p->next_ns)
		return;
	p->next_ns = now + PROGRESS_NS;
	at = capture_progress(c, &size);
	fprintf(stderr, "\r%" PRIu64 " frames", p->frames);
	if (size)
		fprintf(stderr, ", %" PRIu64 " %%", at * 100 / size);
	fflush(stderr);
	p->shown = true;
}

static void progress_end(const struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
}

static int read_frames(struct capture *c, struct replay *replay)
{
	bool terminal = isatty(STDERR_FILENO) && log_level() >= LOG_LEVEL_INFO;
	struct progress p = { .next_ns = clock_boot_ns() + PROGRESS_NS };
	struct capture_frame f;
	int r = 0;

	while (!stopped && (r = capture_next(c, &f)) > 0) {
		r = replay_frame(replay, &(struct replay_frame) {
			.data = f.data, .captured = f.captured, .wire = f.wire, .time_ns = f.time_ns,
		});
		if (r < 0)
			break;
		if (++p.frames % PROGRESS_FRAMES == 0 && terminal)
			progress_show(&p, c);
	}
	progress_end(&p);
	if (stopped)
		error_clear();
	return stopped ? 0 : r;
}

/* ", 10 decapsulated, 2 not (short)": what stayed outside is by its reason. */
static void decap_words(struct replay *replay, struct strbuf *out)
{
	uint64_t by[DECAP_RESULTS];

	replay_decap(replay, by);
	for (int i = 0; i < DECAP_RESULTS; i++) {
		if (by[i])
			strbuf_printf(out, i == DECAP_DONE ? ", %" PRIu64 " %s" :
				      ", %" PRIu64 " not decapsulated (%s)", by[i], tunnel_result_name(i));
	}
}

static void tell(const struct capture *c, struct replay *replay)
{
	struct ledger_count by[LEDGER_REASONS];
	const char *type;
	uint64_t passed_over = capture_passed_over(c, &type), moved = replay_moved(replay);
	_cleanup_(strbuf_deinit) struct strbuf decap = STRBUF_NULL;

	if (passed_over)
		log_warning("%" PRIu64 " frames of link type %s were not read", passed_over, type);
	if (moved)
		log_warning("%" PRIu64 " frames are more than 18 years from the first one: "
			    "the times of their flows are wrong", moved);
	replay_ledger(replay, by);
	decap_words(replay, &decap);
	log_debug("%" PRIu64 " frames: %" PRIu64 " in flows, %" PRIu64 " not IP, %" PRIu64
		  " not parsed%s",
		  (uint64_t)by[LEDGER_SEEN].packets,
		  (uint64_t)(by[LEDGER_SEEN].packets - by[LEDGER_NON_IP].packets -
			     by[LEDGER_UNPARSED].packets),
		  (uint64_t)by[LEDGER_NON_IP].packets, (uint64_t)by[LEDGER_UNPARSED].packets,
		  strbuf_str(&decap));
}

/* The capture's own present, which --idle goes by: when its last flow was seen last. */
static uint64_t last_seen_ns(const struct record *v, size_t n)
{
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++)
		last = v[i].last_ns > last ? v[i].last_ns : last;
	return last;
}

static int print_flows(const struct print_config *print, const struct filter *wanted,
		       struct replay *replay)
{
	struct filter filter = *wanted;
	struct record *v;
	size_t n, kept = 0;
	int r;

	r = replay_records(replay, &v, &n);
	if (r < 0)
		return r;
	filter.now_ns = last_seen_ns(v, n);
	for (size_t i = 0; i < n; i++) {
		if (filter_match(&filter, &v[i]))
			v[kept++] = v[i];
	}
	field_set_timestamp(clock_real_ns());
	return print_records(print, v, kept);
}

DEFINE_CLEANUP(struct capture, capture_close)
DEFINE_CLEANUP(struct replay, replay_close)

static int replay_file(const char *path, const struct replay_options *options,
		       const struct print_config *print, const struct filter *filter)
{
	_cleanup_(capture_closep) struct capture *c = NULL;
	_cleanup_(replay_closep) struct replay *replay = NULL;
	int r, printed;

	catch_signals();
	r = capture_open(path, &c);
	if (r == 0)
		r = replay_open(options, &replay);
	if (r < 0)
		return stopped ? 0 : r;
	/* Where the file ends too early, what was read is right: its sentence stands. */
	r = read_frames(c, replay);
	printed = print_flows(print, filter, replay);
	tell(c, replay);
	return printed < 0 ? printed : r;
}

static int check_args(const struct replay_args *args, int argc)
{
	if (argc != 1)
		return fail_usage(argc ? "one FILE at a time" : "FILE is missing");
	return 0;
}

static int replay_run(const void *args_, int argc, char **argv)
{
	const struct replay_args *args = args_;
	struct replay_options options = {
		.max_flows = args->max_flows, .tcp_metrics = args->tcp_metrics,
	};
	const struct print_config print = print_args_config(&args->print, &args->style);
	struct filter filter;
	int r;

	log_set_name("flowctl replay");
	r = check_args(args, argc);
	if (r == 0 && args->decap && tunnel_choice_parse(args->decap, &options.decap) < 0)
		r = fail_context(-EINVAL, "--decap");
	if (r == 0)
		r = print_check(&print);
	if (r == 0)
		r = select_filter(&args->select, &filter);
	return r < 0 ? r : replay_file(argv[0], &options, &print, &filter);
}

const struct cmd cmd_replay = {
	.name = "replay",
	.summary = "the flows of a capture file",
	.operands = "FILE",
	.opts = replay_opts,
	.example = "flowctl replay -o wide --sort bytes trace.pcapng",
	.needs = CMD_BPF,
	.args_size = sizeof(struct replay_args),
	.defaults = &replay_defaults,
	.columns = print_columns,
	.style_at = offsetof(struct replay_args, style),
	.run = replay_run,
};
