// SPDX-License-Identifier: Apache-2.0
/*
 * What a packet costs where it is received: frames are sent flat out from one namespace to
 * another over veth pairs, a pair for each contestant, whose program stays at ingress of its
 * end. The receiving stack drops them, they are for another host. Sending and receiving
 * share one CPU, so packets a second (of its time that was ours) tell of both; the program's
 * own share is the kernel's run-time statistics, taken in a pass of its own because they cost
 * something themselves.
 * Rounds pass through all contestants in turn; the first one is thrown away.
 *
 *	bench_live [OPTIONS] DEV=none|DEV=@PIN,NAME|DEV=OBJECT...
 *
 * DEV is the name of the pair in both namespaces, PIN a program that is attached already,
 * OBJECT as for bench_datapath. One JSON object on a line for each of them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/opt.h"
#include "contestant.h"
#include "mutate.skel.h"

#define CONTESTANTS_MAX 16
#define ROUNDS_MAX 64
#define FRAMES_A_CALL 16384
#define FRAMES_A_BATCH 64

struct args {
	const char *from, *to;	/* namespaces */
	uint64_t flows, rounds, duration;
};

static const struct opt opts[] = {
	OPT(STR, args, from, .name = "from", .arg = "NETNS", .help = "the sender's namespace"),
	OPT(STR, args, to, .name = "to", .arg = "NETNS", .help = "the receiver's namespace"),
	OPT(U64, args, flows, .name = "flows", .arg = "N", .help = "flows", .min = 1,
	    .max = 1 << 22),
	OPT(U64, args, rounds, .name = "rounds", .arg = "N", .help = "rounds", .min = 1,
	    .max = ROUNDS_MAX),
	OPT(DURATION, args, duration, .name = "duration", .arg = "TIME", .help = "of a run"),
	OPT_END,
};

struct pair {
	const char *dev, *name;
	struct contestant c;
	struct mutate_bpf *sender;
	int prog_fd;	/* -1: none */
	double pps[ROUNDS_MAX], run_ns[ROUNDS_MAX];
	uint64_t sent, run;	/* while statistics were on */
};

static struct pair pairs[CONTESTANTS_MAX];
static struct frame frame = { "tcp4", 4, IPPROTO_TCP };

static void die(const char *what)
{
	fprintf(stderr, "bench_live: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
}

static void attach(const struct pair *p)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = if_nametoindex(p->dev),
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, tc, .prog_fd = p->prog_fd);
	int r;

	if (p->c.xdp)
		r = bpf_xdp_attach(hook.ifindex, p->prog_fd, XDP_FLAGS_DRV_MODE, NULL);
	else
		r = bpf_tc_hook_create(&hook) ?: bpf_tc_attach(&hook, &tc);
	if (r < 0)
		die(p->dev);
}

/* Called in the receiver's namespace, which goes away with all that is attached there. */
static void open_pair(struct pair *p, char *spec, uint32_t flows)
{
	p->dev = strsep(&spec, "=");
	p->prog_fd = -1;
	if (!spec)
		die(p->dev);
	if (strcmp(spec, "none") == 0) {
		p->name = spec;
		return;
	}
	if (*spec == '@') {
		p->prog_fd = bpf_obj_get(strsep(&spec, ",") + 1);
		p->name = spec;
		if (p->prog_fd < 0)
			die(p->dev);
		return;
	}
	if (!contestant_parse(&p->c, spec) || !*p->c.prog)
		die(spec);
	p->name = p->c.name;
	p->prog_fd = contestant_open(&p->c, flows);
	if (p->prog_fd < 0) {
		errno = -p->prog_fd;
		die(p->name);
	}
	attach(p);
}

static void open_sender(struct pair *p)
{
	p->sender = contestant_mutator(&frame, MUTATOR_GENERATE);
	if (!p->sender)
		die("sender");
	p->sender->rodata->knob_ifindex = if_nametoindex(p->dev);
	if (mutate_bpf__load(p->sender) < 0)
		die("sender");
}

/* Receiving is done on the sender's time, and what other processes took is not counted. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

/* For @duration ns of CPU time. Packets; *ret_ns is how long it took. */
static uint64_t send_frames(const struct pair *p, uint64_t duration, uint64_t *ret_ns)
{
	struct xdp_md xdp = { .data_end = frame.len };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame.data, .data_size_in = frame.len,
		    .ctx_in = &xdp, .ctx_size_in = sizeof(xdp), .repeat = FRAMES_A_CALL,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = FRAMES_A_BATCH);
	uint64_t begin = cpu_ns(), n = 0;

	do {
		if (bpf_prog_test_run_opts(bpf_program__fd(p->sender->progs.generate), &o) < 0)
			die("live frames");
		n += FRAMES_A_CALL;
		*ret_ns = cpu_ns() - begin;
	} while (*ret_ns < duration);
	return n;
}

static struct bpf_prog_info info_of(const struct pair *p)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(p->prog_fd, &info, &len) < 0)
		die(p->name);
	return info;
}

/* ns a run, statistics' own cost included. */
static double time_runs(struct pair *p, uint64_t duration)
{
	struct bpf_prog_info before = info_of(p), after;
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	uint64_t ns;

	if (stats < 0)
		die("run-time statistics");
	p->sent += send_frames(p, duration, &ns);
	close(stats);
	after = info_of(p);
	p->run += after.run_cnt - before.run_cnt;
	if (after.run_cnt == before.run_cnt) {
		fprintf(stderr, "bench_live: %s was not reached\n", p->name);
		exit(1);
	}
	return (double)(after.run_time_ns - before.run_time_ns) / (after.run_cnt - before.run_cnt);
}

static void run_round(const struct args *a, unsigned n, int round)
{
	for (struct pair *p = pairs; p < pairs + n; p++) {
		uint64_t ns, sent = send_frames(p, a->duration, &ns);
		double run_ns = p->prog_fd < 0 ? 0 : time_runs(p, a->duration);

		if (round < 0)
			continue;
		p->pps[round] = sent * 1e9 / ns;
		p->run_ns[round] = run_ns;
	}
}

static void tell_list(const char *key, const double *v, unsigned n)
{
	printf(",\"%s\":[", key);
	for (unsigned i = 0; i < n; i++)
		printf("%s%.1f", i ? "," : "", v[i]);
	printf("]");
}

static void tell(const struct pair *p, const struct args *a)
{
	printf("{\"bench\":\"live\",\"program\":\"%s\",\"object\":%s,\"flows\":%u,\"frame_bytes\":%u,"
	       "\"sent\":%llu,\"run\":%llu", p->name, p->c.file ? "true" : "false", (unsigned)a->flows,
	       frame.len, (unsigned long long)p->sent, (unsigned long long)p->run);
	tell_list("pps", p->pps, a->rounds);
	if (p->prog_fd >= 0)
		tell_list("run_ns", p->run_ns, a->rounds);
	printf("}\n");
}

int main(int argc, char **argv)
{
	struct args a = { .flows = 1000, .rounds = 5, .duration = NSEC_PER_SEC / 2 };
	unsigned n = 0;
	int rest;

	if (opt_parse(opts, argc, argv, &a, &rest) < 0 || !a.from || !a.to ||
	    argc - rest > CONTESTANTS_MAX) {
		fprintf(stderr, "bench_live: %s\n",
			*error_message() ? error_message() : "--from, --to and pairs");
		return 2;
	}
	frame_build(&frame);
	order_fill(contestant_steps(), &frame, a.flows, ORDER_UNIFORM);
	enter(a.to);
	for (; rest + n < (unsigned)argc; n++)
		open_pair(&pairs[n], argv[rest + n], a.flows);
	enter(a.from);
	for (unsigned i = 0; i < n; i++)
		open_sender(&pairs[i]);
	contestant_pin(true);
	for (int r = -1; r < (int)a.rounds; r++)
		run_round(&a, n, r);
	for (unsigned i = 0; i < n; i++)
		tell(&pairs[i], &a);
	return 0;
}
