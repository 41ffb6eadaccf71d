// SPDX-License-Identifier: Apache-2.0
/*
 * What reading a table costs, beside the ways in which a hash map is read: one JSON object a
 * stage on a line. Each round fills the table by the real program and passes through all
 * stages, so that they are interleaved; medians of the rounds are printed.
 *
 *	bench_readout FLOWS ROUNDS
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/internal.h"
#include "base/clock.h"
#include "base/error.h"
#include "kernel/reader.h"
#include "kernel/slot.h"
#include "table.h"

#define ROUNDS_MAX 31
#define PEERS_BATCH 4096

enum stage {
	STAGE_COPY,		/* every slot by the read protocol, not merged: what a batch read of a map gives */
	STAGE_DUMP_FIRST,	/* snapshot_read: slots only, into fresh memory */
	STAGE_DUMP,		/* the same again */
	STAGE_SCAN_NEW,		/* journal_scan: every flow for the first time */
	STAGE_SCAN_CHANGED,	/* every flow changed */
	STAGE_SCAN_QUIET,	/* none did */
	STAGE_DUMP_STORED,	/* snapshot_read: credited to the store */
	STAGE_EXPORT,		/* scan of changed slots, sweep, IPFIX on a UDP socket */
	STAGE_HASH_BATCH,	/* reference: BPF_MAP_LOOKUP_BATCH */
	STAGE_HASH_ONE,		/* reference: next key, look up */
	STAGES
};

static const char *const names[STAGES] = {
	"slots, copied", "snapshot, first", "snapshot, again", "scan, all new", "scan, all changed", "scan, all quiet",
	"snapshot, stored", "table to IPFIX", "hash map, batch", "hash map, one by one",
};

static uint64_t times[STAGES][ROUNDS_MAX], sent;
/* By the clock: the output may be paced. */
static uint64_t export_wall[ROUNDS_MAX];
static unsigned rounds_done;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static void need(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, error_message());
	exit(1);
}

static void time_dump(const struct bench_table *b, struct snapshot *s, enum stage stage, uint32_t flows)
{
	uint64_t begin;

	begin = now();
	need(snapshot_count(b->table, s), "snapshot");
	times[stage][rounds_done] = now() - begin;
	if (s->n != flows) {
		fprintf(stderr, "bench: %zu flows read, not %u\n", s->n, flows);
		exit(1);
	}
}

static void time_copy(const struct bench_table *b, uint32_t flows)
{
	const struct flow_slot *slots = b->table->slots[0].way;
	struct flow_slot *copies = calloc(flows + 1, sizeof(*copies));
	uint32_t n = 0;
	uint64_t begin;

	memset(copies, 1, (flows + 1) * sizeof(*copies));	/* its pages are there */
	begin = now();
	for (uint32_t i = 0; i < b->table->n_slots && n <= flows; i++)
		n += slot_copy(&slots[i], &copies[n]);
	times[STAGE_COPY][rounds_done] = now() - begin;
	if (n < flows / 2 || n > flows) {
		fprintf(stderr, "bench: %u slots of %u flows\n", n, flows);
		exit(1);
	}
	free(copies);
}

static void time_scan(const struct bench_table *b, enum stage stage)
{
	uint64_t begin = now();
	size_t n;

	need(journal_drain(b->table, &n), "drain");
	need(journal_scan(b->table, &n), "scan");
	times[stage][rounds_done] = now() - begin;
}

/* A collector that only counts what it is sent. */
struct collector {
	pthread_t thread;
	int fd;
	uint16_t port;
	atomic_bool end;
	uint64_t datagrams, bytes;
};

static void *collect(void *arg)
{
	struct collector *c = arg;
	static char buf[64][2048];
	struct mmsghdr v[64];
	struct iovec iov[64];

	for (int i = 0; i < 64; i++) {
		iov[i] = (struct iovec) { buf[i], sizeof(buf[i]) };
		v[i] = (struct mmsghdr) { .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	while (!c->end) {
		int n = recvmmsg(c->fd, v, 64, MSG_WAITFORONE, NULL);

		for (int i = 0; i < n; i++)
			c->bytes += v[i].msg_len;
		c->datagrams += n > 0 ? n : 0;
	}
	return NULL;
}

static void collector_open(struct collector *c)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_usec = 100000 };
	socklen_t len = sizeof(at);

	c->fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(c->fd, (struct sockaddr *)&at, len) < 0 || getsockname(c->fd, (struct sockaddr *)&at, &len) < 0) {
		perror("bench: collector");
		exit(1);
	}
	c->port = ntohs(at.sin_port);
	pthread_create(&c->thread, NULL, collect, c);
}

static struct conf *conf_for(uint16_t port)
{
	struct conf *conf;
	char text[256];

	snprintf(text, sizeof(text), "count: all\noutputs:\n  - collector:\n      remoteAddress: 127.0.0.1:%u\n      maxBytesPerSecond: 0\n",
		 port);
	need(conf_parse("bench", text, strlen(text), &conf), "configuration");
	return conf;
}

/* What the agent does with a table whose flows all leave. */
static void time_export(const struct bench_table *b, struct agent *a, uint32_t flows)
{
	struct agent_table t = { .table = b->table };
	uint64_t before = a->outputs.v[0].sink->stats.records, begin, wait;

	size_t drained;

	need(health_open(b->table, &t.health), "connections");
	export_wall[rounds_done] = clock_boot_ns();
	begin = now();
	need(journal_drain(b->table, &drained), "drain");
	need(export_scan(a, &t, SCAN_FORCED, &wait), "export");
	while (wait) {
		clock_sleep_ns(wait);
		need(export_resume(a, &t, &wait), "export");
	}
	times[STAGE_EXPORT][rounds_done] = now() - begin;
	export_wall[rounds_done] = clock_boot_ns() - export_wall[rounds_done];
	health_close(t.health);
	sent = a->outputs.v[0].sink->stats.records - before;
	if (sent != flows)
		fprintf(stderr, "bench: %llu records sent of %u\n", (unsigned long long)sent, flows);
}

static void time_hash(uint32_t flows)
{
	struct flow_key key = { 0 }, *keys = calloc(PEERS_BATCH, sizeof(*keys));
	struct flow_part part = { 0 }, *parts = calloc(PEERS_BATCH, sizeof(*parts));
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "bench", sizeof(key), sizeof(part), 2 * flows, NULL);
	uint64_t begin, cursor[2];
	uint32_t n;

	for (uint32_t i = 0; i < flows; i++) {
		memcpy(key.src, &i, sizeof(i));
		bpf_map_update_elem(fd, &key, &part, BPF_ANY);
	}
	begin = now();
	for (int r = 0, first = 1; r == 0; first = 0) {
		n = PEERS_BATCH;
		r = bpf_map_lookup_batch(fd, first ? NULL : &cursor[0], &cursor[0], keys, parts, &n, NULL);
	}
	times[STAGE_HASH_BATCH][rounds_done] = now() - begin;
	begin = now();
	for (int first = 1; bpf_map_get_next_key(fd, first ? NULL : &key, &key) == 0; first = 0)
		bpf_map_lookup_elem(fd, &key, &part);
	times[STAGE_HASH_ONE][rounds_done] = now() - begin;
	close(fd);
	free(keys);
	free(parts);
}

static void run_round(struct agent *a, uint32_t flows)
{
	struct bench_table b;
	struct snapshot s = { 0 };

	bench_table_open(&b, flows);
	bench_table_fill(&b, flows);
	time_copy(&b, flows);
	time_dump(&b, &s, STAGE_DUMP_FIRST, flows);
	time_dump(&b, &s, STAGE_DUMP, flows);
	time_scan(&b, STAGE_SCAN_NEW);
	bench_table_fill(&b, flows);
	time_scan(&b, STAGE_SCAN_CHANGED);
	time_scan(&b, STAGE_SCAN_QUIET);
	time_dump(&b, &s, STAGE_DUMP_STORED, flows);
	snapshot_deinit(&s);
	bench_table_fill(&b, flows);
	time_export(&b, a, flows);
	bench_table_close(&b);
	time_hash(flows);
	rounds_done++;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void tell_list(const char *key, const uint64_t *v, uint32_t flows)
{
	printf(",\"%s\":[", key);
	for (unsigned r = 0; r < rounds_done; r++)
		printf("%s%.2f", r ? "," : "", (double)v[r] / flows);
	printf("]");
}

static void tell(uint32_t flows)
{
	for (int s = 0; s < STAGES; s++) {
		uint64_t *t = times[s], median;

		qsort(t, rounds_done, sizeof(*t), by_value);
		median = t[rounds_done / 2];
		printf("{\"bench\":\"readout\",\"stage\":\"%s\",\"flows\":%u,\"rounds\":%u,"
		       "\"ns_per_flow\":%.1f,\"min\":%.1f,\"max\":%.1f,\"flows_per_s\":%.0f",
		       names[s], flows, rounds_done, (double)median / flows, (double)t[0] / flows,
		       (double)t[rounds_done - 1] / flows, flows * 1e9 / median);
		tell_list("ns", t, flows);
		if (s == STAGE_EXPORT)
			tell_list("wall_ns", export_wall, flows);
		printf("}\n");
	}
}

int main(int argc, char **argv)
{
	uint32_t flows = argc > 1 ? atoi(argv[1]) : 100000;
	unsigned rounds = argc > 2 ? atoi(argv[2]) : 5;
	struct collector c = { 0 };
	struct agent a = { 0 };
	cpu_set_t set;

	if (!flows || !rounds || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_readout FLOWS ROUNDS\n");
		return 2;
	}
	collector_open(&c);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	a.conf = conf_for(c.port);
	need(outputs_open(&a.outputs, a.conf, &a, NULL), "outputs");
	for (unsigned i = 0; i < rounds; i++)
		run_round(&a, flows);
	tell(flows);
	c.end = true;
	pthread_join(c.thread, NULL);
	printf("{\"bench\":\"readout\",\"stage\":\"collector\",\"records_sent_last\":%llu,\"datagrams\":%llu,\"bytes\":%llu}\n",
	       (unsigned long long)sent, (unsigned long long)c.datagrams, (unsigned long long)c.bytes);
	outputs_close(&a.outputs);
	conf_free(a.conf);
	return 0;
}
