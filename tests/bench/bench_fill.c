// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic for a meter that is attached, without a wire: its pinned program is run with one
 * packet of each of many flows, as if DEV of this namespace had received them, an equal
 * share of the flows on each CPU.
 *
 *	bench_fill --pin PATH --dev DEV --flows N
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/opt.h"
#include "contestant.h"
#include "mutate.skel.h"

struct args {
	const char *pin, *dev;
	uint64_t flows;
};

static const struct opt opts[] = {
	OPT(STR, args, pin, .name = "pin", .arg = "PATH", .help = "the meter's program"),
	OPT(STR, args, dev, .name = "dev", .arg = "DEV", .help = "where packets come in"),
	OPT(U64, args, flows, .name = "flows", .arg = "N", .help = "flows", .min = 1, .max = STEPS),
	OPT_END,
};

static void die(const char *what)
{
	fprintf(stderr, "bench_fill: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct mutate_bpf *open_mutator(const struct args *a, const struct frame *f)
{
	struct mutate_bpf *m = contestant_mutator(f, MUTATOR_TC);
	int fd = bpf_obj_get(a->pin), r;
	uint32_t zero = 0;

	if (fd < 0)
		die(a->pin);
	if (!m || mutate_bpf__load(m) < 0)
		die("cannot load the mutator");
	r = bpf_map_update_elem(bpf_map__fd(m->maps.tested), &zero, &fd, BPF_ANY);
	if (r < 0)
		die("cannot call the program");
	return m;
}

static void run(const struct mutate_bpf *m, const struct frame *f, uint32_t packets,
		uint32_t ifindex)
{
	struct __sk_buff skb = { .ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->data, .data_size_in = f->len,
		    .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = packets);

	if (bpf_prog_test_run_opts(bpf_program__fd(m->progs.mutate_tc), &o) < 0)
		die("test run");
	if (o.retval == MUTATE_FAILED) {
		fprintf(stderr, "bench_fill: the program was not reached\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	uint32_t cpus = sysconf(_SC_NPROCESSORS_ONLN), ifindex, packets;
	struct frame f = { "tcp4", 4, IPPROTO_TCP };
	struct args a = { .flows = 1000 };
	struct mutate_bpf *m;
	cpu_set_t set;
	int rest;

	if (opt_parse(opts, argc, argv, &a, &rest) < 0 || !a.pin || !a.dev) {
		fprintf(stderr, "bench_fill: %s\n",
			*error_message() ? error_message() : "--pin and --dev");
		return 2;
	}
	ifindex = if_nametoindex(a.dev);
	if (!ifindex)
		die(a.dev);
	frame_build(&f);
	order_fill(contestant_steps(), &f, a.flows, ORDER_SEQUENTIAL);
	m = open_mutator(&a, &f);
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0)
			die("a CPU");
		packets = a.flows * (cpu + 1) / cpus - a.flows * cpu / cpus;
		if (packets)
			run(m, &f, packets, ifindex);
	}
	mutate_bpf__destroy(m);
	return 0;
}
