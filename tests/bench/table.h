/* SPDX-License-Identifier: Apache-2.0 */
/* A real table with the real program loaded against it, in a bpffs folder of its own. */
#ifndef FLOWCTL_BENCH_TABLE_H
#define FLOWCTL_BENCH_TABLE_H

#include <stdint.h>

#include "kernel/table.h"

struct bench_table {
	char root[64];		/* the folder */
	struct table *table;	/* writable and locked */
	struct table_hook hook;
	int prog_fd;
	uint64_t memory_bytes;	/* of all maps, as attach prints it */
};

/* Room for @flows, and the program of tc or of XDP, or that of tc with TCP metrics and room for
 * half as many connections. Exits with a sentence where it cannot be made. */
void bench_table_open(struct bench_table *b, uint32_t flows);
void bench_table_open_xdp(struct bench_table *b, uint32_t flows);
void bench_table_open_tcp(struct bench_table *b, uint32_t flows);
void bench_table_close(struct bench_table *b);
/* One packet of each of @flows TCP flows, from all CPUs side by side. */
void bench_table_fill(const struct bench_table *b, uint32_t flows);

#endif
