// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "kernel/pin.h"
#include "kernel/program.h"

#define COOKIE 1
#define IFINDEX 1	/* that of a test run */
#define FRAME_LEN 64

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, error_message());
	exit(1);
}

static void open_table(struct bench_table *b, uint32_t flows, bool xdp, bool tcp)
{
	const struct program_knobs knobs = {
		.direction = FLOW_INGRESS,
		.ethernet = true,
		.sample = 1,
		.xdp = xdp,
		.tcp = tcp,
	};
	struct pin_dir dir = PIN_DIR_NULL;
	struct table_geometry g;

	/* One that failed leaves its folder behind, and process numbers come again. */
	snprintf(b->root, sizeof(b->root), "/sys/fs/bpf/flowctl-bench-XXXXXX");
	if (!mkdtemp(b->root)) {
		perror(b->root);
		exit(1);
	}
	pin_set_root(b->root);
	table_geometry(flows, libbpf_num_possible_cpus(), 0, &g);
	if (tcp)
		table_geometry_tcp(&g, flows / 2);
	b->memory_bytes = g.memory_bytes;
	if (pin_dir_acquire(COOKIE, true, &dir) < 0 || table_create(&dir, &g, 1, "bench") < 0)
		die("no table");
	pin_dir_close(&dir);
	if (table_open(COOKIE, true, &b->table) < 0 || pin_dir_lock(&b->table->dir) < 0 ||
	    table_hook_create(b->table, IFINDEX, FLOW_INGRESS, &b->hook) < 0 ||
	    program_load(b->table, b->hook.fd, &knobs, &b->prog_fd) < 0)
		die("no program");
	b->table->ctl->lease_ns = UINT64_MAX;	/* nothing gives way */
}

void bench_table_open(struct bench_table *b, uint32_t flows)
{
	open_table(b, flows, false, false);
}

void bench_table_open_xdp(struct bench_table *b, uint32_t flows)
{
	open_table(b, flows, true, false);
}

void bench_table_open_tcp(struct bench_table *b, uint32_t flows)
{
	open_table(b, flows, false, true);
}

void bench_table_close(struct bench_table *b)
{
	pin_set_root(b->root);
	close(b->prog_fd);
	table_hook_close(&b->hook);
	pin_dir_remove(&b->table->dir);
	table_close(b->table);
	rmdir(b->root);
}

struct filler {
	pthread_t thread;
	int prog_fd, cpu;
	uint32_t from, step, flows;
};

static void *fill(void *arg)
{
	static const uint8_t start[] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6, 0, 0,
		10, 0, 0, 0, 10, 255, 0, 1, 0, 80, 0x1f, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10,
	};
	const struct filler *f = arg;
	uint8_t frame[FRAME_LEN] = { 0 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(f->cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	memcpy(frame, start, sizeof(start));
	for (uint32_t i = f->from; i < f->flows; i += f->step) {
		uint32_t src = htonl(0x0a000000 | i);
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
			    .repeat = 1);

		memcpy(&frame[26], &src, 4);
		if (bpf_prog_test_run_opts(f->prog_fd, &opts) < 0) {
			perror("bench: test run");
			exit(1);
		}
	}
	return NULL;
}

void bench_table_fill(const struct bench_table *b, uint32_t flows)
{
	struct filler f[64];
	uint32_t n = sysconf(_SC_NPROCESSORS_ONLN);

	n = n < 64 ? n : 64;
	for (uint32_t i = 0; i < n; i++) {
		f[i] = (struct filler) { .prog_fd = b->prog_fd, .cpu = i, .from = i, .step = n, .flows = flows };
		pthread_create(&f[i].thread, NULL, fill, &f[i]);
	}
	for (uint32_t i = 0; i < n; i++)
		pthread_join(f[i].thread, NULL);
}
