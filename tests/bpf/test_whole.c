// SPDX-License-Identifier: Apache-2.0
/*
 * The table from packet to export, against an independent count: two CPUs send many flows
 * through the real program into a table far too small for them, an agent credits and takes as
 * fast as it can, and somebody looks all the time. Whenever the senders rest, every flow is
 * there with every packet and byte: exported, or held by what `dump` would show. So it is
 * with rings that hold and with rings that overflow, and without an agent: what is missing is
 * what the ledger calls full.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "../bench/table.h"
#include "flows.h"
#include "kernel/journal.h"
#include "kernel/reader.h"
#include "kernel/ring.h"
#include "test.h"

#define FLOWS	  3000
#define PAUSES	  10
#define PACKETS	  15000 /* a CPU and pause */
#define CPUS	  2

static struct bench_table b;
static pthread_mutex_t agent = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool end;
static bool gentle; /* leave the agent some time, so that the rings hold */
static struct ledger_count exported[FLOWS];
static uint64_t sent[CPUS][FLOWS];
static atomic_uint cycles;
static unsigned looks, failures;

static uint16_t length(uint32_t flow)
{
	return 40 + flow % 200;
}

static uint32_t flow_of(const struct flow_key *k)
{
	return (k->src[1] << 16 | k->src[2] << 8 | k->src[3]) % FLOWS;
}

static void add(struct ledger_count *c, const struct flow_part *part)
{
	c->packets += part->packets;
	c->bytes += part->bytes;
}

/* Until the agent has been through it once more, or a while. */
static void let_agent_work(void)
{
	unsigned before = cycles;

	for (int i = 0; cycles - before < 2 && i < 500; i++)
		usleep(100);
}

static void *send_some(void *arg)
{
	int cpu = (intptr_t)arg;
	static _Thread_local unsigned seed;
	struct flow_packet p;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	seed = 1 + cpu + sent[cpu][0];
	for (int i = 0; i < PACKETS; i++) {
		uint32_t flow = rand_r(&seed) % FLOWS;
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p.bytes, .repeat = 1,
			    .data_size_in = 14 + length(flow));

		if (gentle && i % 128 == 0)
			let_agent_work();
		flow_packet(&p, flow, TCP_ACK, length(flow));
		if (bpf_prog_test_run_opts(b.prog_fd, &opts) == 0)
			sent[cpu][flow]++;
	}
	return NULL;
}

static void send_all(void)
{
	pthread_t t[CPUS];

	for (intptr_t i = 0; i < CPUS; i++)
		pthread_create(&t[i], NULL, send_some, (void *)i);
	for (int i = 0; i < CPUS; i++)
		pthread_join(t[i], NULL);
}

/* What an agent does whose outputs take everything; some entries stay for their flows. */
static void agent_cycle(void)
{
	size_t n;

	if (pin_dir_lock(&b.table->dir) < 0)
		return;
	journal_drain(b.table, &n);
	journal_scan(b.table, &n);
	for (uint32_t i = 0; i < journal_top(b.table); i++) {
		const struct store_entry *e = journal_flow(b.table, i);
		struct journal_taken taken = { i, LEDGER_EXPORTED, (i + cycles) % 4 == 0 };

		if (!e)
			continue;
		add(&exported[flow_of(&e->key)], &e->part);
		journal_take(b.table, &(struct journal_leaving) { .v = &taken, .n = 1 });
	}
	pin_dir_unlock(&b.table->dir);
	cycles++;
}

static void *run_agent(void *arg)
{
	while (!end) {
		pthread_mutex_lock(&agent);
		agent_cycle();
		pthread_mutex_unlock(&agent);
	}
	return NULL;
}

static void *run_looker(void *arg)
{
	struct snapshot s = { 0 };
	struct table *t;

	if (table_open(b.table->dir.cookie, false, &t) < 0)
		return NULL;
	while (!end) {
		failures += snapshot_read(t, &s) < 0;
		looks++;
	}
	snapshot_deinit(&s);
	table_close(t);
	return NULL;
}

/* Packets that are in no flow, if every flow has its bytes and none has too much;
 * else UINT64_MAX. */
static uint64_t missing(void)
{
	static struct ledger_count got[FLOWS];
	uint64_t n = 0;
	struct snapshot s = { 0 };

	memcpy(got, exported, sizeof(got));
	if (snapshot_read(b.table, &s) < 0)
		return UINT64_MAX;
	for (size_t i = 0; i < s.n; i++)
		add(&got[flow_of(&s.flows[i].key)], &s.flows[i].part);
	snapshot_deinit(&s);
	for (uint32_t f = 0; f < FLOWS; f++) {
		uint64_t all = sent[0][f] + sent[1][f];

		if (got[f].packets > all || got[f].bytes != got[f].packets * length(f))
			return UINT64_MAX;
		n += all - got[f].packets;
	}
	return n;
}

static uint64_t full(void)
{
	return table_hook_sum(b.table, &b.hook, LEDGER_FULL).packets;
}

/* A table for so many flows, under traffic, with agent and looker, and pauses. */
static bool run(uint32_t max_flows, uint64_t *ret_evicted)
{
	pthread_t agent_thread, looker;
	bool right = true;

	memset(sent, 0, sizeof(sent));
	memset(exported, 0, sizeof(exported));
	cycles = looks = failures = *ret_evicted = 0;
	end = false;
	bench_table_open(&b, max_flows);
	pin_dir_unlock(&b.table->dir);
	pthread_create(&agent_thread, NULL, run_agent, NULL);
	pthread_create(&looker, NULL, run_looker, NULL);
	for (int i = 0; i < PAUSES; i++) {
		send_all();
		pthread_mutex_lock(&agent);
		right = right && missing() == full();
		pthread_mutex_unlock(&agent);
	}
	end = true;
	pthread_join(agent_thread, NULL);
	pthread_join(looker, NULL);
	for (uint32_t i = 0; i < b.table->ctl->parts; i++)
		*ret_evicted += ring_producer(&b.table->rings[i]) / (8 + sizeof(struct flow_slot));
	printf("# %d packets, %llu evictions, %llu full; %u cycles of the agent, %u looks\n",
	       CPUS * PACKETS * PAUSES, (unsigned long long)*ret_evicted,
	       (unsigned long long)full(), cycles, looks);
	return right && cycles > 20 && looks > 20 && !failures;
}

TEST(every_packet_is_exported_or_held_at_every_pause)
{
	uint64_t evicted, lost;
	bool right;

	if (geteuid() != 0)
		SKIP("needs root");
	if (sysconf(_SC_NPROCESSORS_ONLN) < CPUS)
		SKIP("has one CPU");
	gentle = true;
	right = run(1500, &evicted);
	gentle = false;
	lost = full();
	bench_table_close(&b);
	CHECK(right);
	CHECK(evicted > PACKETS && lost < evicted / 10);
}

TEST(what_is_missing_when_rings_overflow_is_called_full)
{
	uint64_t evicted;

	if (!b.table)
		SKIP("there is no table");
	CHECK(run(128, &evicted));
	CHECK(evicted > PACKETS && full() > PACKETS);
}

TEST(without_an_agent_what_is_missing_is_called_full)
{
	uint64_t before;

	if (!b.table)
		SKIP("there is no table");
	before = full();
	send_all();
	CHECK(full() > before + PACKETS);
	CHECK(missing() == full());
	agent_cycle();
	agent_cycle();
	CHECK(missing() == full());
	agent_cycle();
	CHECK(pin_dir_lock(&b.table->dir) == 0);
	bench_table_close(&b);
}
