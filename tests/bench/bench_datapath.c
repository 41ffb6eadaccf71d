// SPDX-License-Identifier: Apache-2.0
/*
 * What a packet costs in the program, beside references and other objects. A case is a kind
 * of frame, a number of flows and the order in which they come; all contestants are loaded
 * for it together and run in turn, round by round, the first round thrown away. One JSON
 * object on a line for each contestant and case, with the CPU ns a packet of every round,
 * mutator included: who reads them takes off those of the empty program.
 *
 * "insert" offers every flow once to an empty table, "hit" has all flows in it before.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/opt.h"
#include "contestant.h"

#define CONTESTANTS_MAX 16
#define ROUNDS_MAX 64

enum extent {
	EXTENT_SMOKE,	/* does everything work? */
	EXTENT_QUICK,
	EXTENT_FULL,
	EXTENT_NEVER,
};

struct args {
	struct opt_strs objects;
	uint64_t rounds;
	bool quick, smoke, talk;
};

static const struct opt opts[] = {
	OPT(STRS, args, objects, .name = "object", .arg = "FILE:PROG", .help = "measure that too"),
	OPT(U64, args, rounds, .name = "rounds", .arg = "N", .help = "timed rounds", .min = 1,
	    .max = ROUNDS_MAX),
	OPT(FLAG, args, quick, .name = "quick", .help = "fewer cases"),
	OPT(FLAG, args, talk, .name = "talk", .help = "only frames of connections that talk"),
	OPT(FLAG, args, smoke, .name = "smoke", .help = "only see that everything works"),
	OPT_END,
};

static struct frame frames[] = {
	{ "tcp4", 4, IPPROTO_TCP },	       { "tcp6", 6, IPPROTO_TCP },
	{ "udp4", 4, IPPROTO_UDP },	       { "udp6", 6, IPPROTO_UDP },
	{ "icmp4", 4, IPPROTO_ICMP },	       { "icmp6", 6, IPPROTO_ICMPV6 },
	{ "tcp4+vlan", 4, IPPROTO_TCP, 100 }, { "tcp6+vlan", 6, IPPROTO_TCP, 100 },
	{ "tcp4+times", 4, IPPROTO_TCP, .times = true },
	{ "tcp4+talk", 4, IPPROTO_TCP, .times = true, .talk = true },
};

/* With which frames. */
enum scope {
	SCOPE_ALL,
	SCOPE_FIRST,
	SCOPE_TALK,
};

/* In the order in which they run. */
static const struct {
	const char *spec;
	enum scope scope;
} built_in[] = {
	{ ":ref_empty" }, { ":ref_empty_xdp" }, { "" }, { ",tcp", SCOPE_TALK },
	{ ":ref_hash40" }, { ":ref_slot" }, { ":ref_parse" },
	{ ",full", SCOPE_FIRST }, { ",xdp", SCOPE_FIRST }, { ":ref_hash40_atomic", SCOPE_FIRST },
	{ ":ref_hash48", SCOPE_FIRST }, { ":ref_hash48_atomic", SCOPE_FIRST },
};

static const struct {
	uint32_t flows;
	enum order order;
	uint32_t packets;	/* a round */
	/* The least extent it is in: with the first frame, with others, with those that talk. */
	enum extent first, other, talk;
} loads[] = {
	{ 1, ORDER_UNIFORM, 400000, EXTENT_QUICK, EXTENT_QUICK, EXTENT_QUICK },
	{ 1000, ORDER_UNIFORM, 400000, EXTENT_SMOKE, EXTENT_FULL, EXTENT_SMOKE },
	{ 1000, ORDER_ZIPF, 400000, EXTENT_FULL, EXTENT_NEVER, EXTENT_NEVER },
	{ 100000, ORDER_UNIFORM, 500000, EXTENT_QUICK, EXTENT_FULL, EXTENT_QUICK },
	{ 100000, ORDER_ZIPF, 500000, EXTENT_FULL, EXTENT_NEVER, EXTENT_FULL },
	{ 1000000, ORDER_UNIFORM, 1000000, EXTENT_QUICK, EXTENT_FULL, EXTENT_NEVER },
	{ 1000000, ORDER_ZIPF, 1000000, EXTENT_QUICK, EXTENT_FULL, EXTENT_NEVER },
};

static const char *const order_names[] = { "sequential", "uniform", "zipf" };

struct samples {
	double ns[ROUNDS_MAX];
	unsigned n;
	uint64_t lost, evicted, packets, flows;
};

struct entry {
	struct contestant c;
	enum scope scope;
	bool loaded;
	struct samples insert, hit;
};

static struct entry entries[CONTESTANTS_MAX];
static unsigned n_entries;

static void usage(const char *what)
{
	fprintf(stderr, "bench_datapath: %s\n", what);
	exit(2);
}

static void add(const char *spec, enum scope scope)
{
	struct entry *e = &entries[n_entries++];
	char *copy = strdup(spec);

	if (n_entries == CONTESTANTS_MAX || !copy || !contestant_parse(&e->c, copy))
		usage("--object FILE:PROG[,name=NAME][,xdp][,max.MAP=N|auto]..., ten at most");
	e->scope = scope;
}

/* Every flow for the first time, into a fresh table. It stays loaded. */
static void run_insert(struct entry *e, const struct frame *f, uint32_t flows)
{
	struct samples *s = &e->insert;
	int r;

	if (e->loaded)
		contestant_unload(&e->c);
	r = contestant_load(&e->c, f, flows);
	e->loaded = r == 0;
	if (r < 0) {
		fprintf(stderr, "bench: %s does not load: %s\n", e->c.name, strerror(-r));
		if (!e->c.file)
			exit(1);
		return;
	}
	s->ns[s->n++] = contestant_run(&e->c, f, flows);
	s->lost = contestant_lost(&e->c);
	s->evicted = e->c.evicted;
	s->packets = flows;
}

static bool runs(const struct entry *e, const struct frame *f)
{
	return e->scope == SCOPE_ALL || (e->scope == SCOPE_TALK ? f->talk : f == frames);
}

static void run_inserts(const struct frame *f, uint32_t flows, unsigned rounds)
{
	order_fill(contestant_steps(), f, flows, ORDER_SEQUENTIAL);
	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < n_entries; i++) {
			if (runs(&entries[i], f))
				run_insert(&entries[i], f, flows);
		}
	}
}

static void count_flows(bool after_hits)
{
	for (unsigned i = 0; i < n_entries; i++) {
		struct samples *s = after_hits ? &entries[i].hit : &entries[i].insert;

		if (entries[i].loaded)
			s->flows = contestant_flows(&entries[i].c);
	}
}

static void run_hits(const struct frame *f, uint32_t packets, unsigned rounds)
{
	for (unsigned r = 0; r <= rounds; r++) {
		for (unsigned i = 0; i < n_entries; i++) {
			struct contestant *c = &entries[i].c;
			struct samples *s = &entries[i].hit;
			uint64_t lost, evicted;
			double ns;

			if (!entries[i].loaded)
				continue;
			lost = contestant_lost(c);
			evicted = c->evicted;
			contestant_run(c, f, packets / 20 + 1);
			ns = contestant_run(c, f, packets);
			if (r == 0)
				continue;
			s->ns[s->n++] = ns;
			s->lost += contestant_lost(c) - lost;
			s->evicted += c->evicted - evicted;
			s->packets += packets + packets / 20 + 1;
		}
	}
}

static void tell(const struct entry *e, const struct samples *s, const char *mode,
		 const struct frame *f, uint32_t flows, enum order order)
{
	printf("{\"bench\":\"datapath\",\"frame\":\"%s\",\"flows\":%u,\"order\":\"%s\",\"mode\":\"%s\","
	       "\"program\":\"%s\",\"object\":%s,\"xdp\":%s,\"packets\":%llu,\"lost\":%llu,\"evicted\":%llu",
	       f->name, flows, order_names[order], mode, e->c.name, e->c.file ? "true" : "false",
	       e->c.xdp ? "true" : "false", (unsigned long long)s->packets,
	       (unsigned long long)s->lost, (unsigned long long)s->evicted);
	if (s->flows != UINT64_MAX)
		printf(",\"flows_held\":%llu", (unsigned long long)s->flows);
	printf(",\"ns\":[");
	for (unsigned i = 0; i < s->n; i++)
		printf("%s%.2f", i ? "," : "", s->ns[i]);
	printf("]}\n");
}

/* Inserting takes a fresh table each time: fewer rounds of many flows. */
static void run_case(const struct frame *f, unsigned load, unsigned rounds, uint32_t packets)
{
	uint32_t flows = loads[load].flows;
	enum order order = loads[load].order;
	bool inserts = order == ORDER_UNIFORM && flows > 1;

	for (unsigned i = 0; i < n_entries; i++)
		entries[i].insert = entries[i].hit = (struct samples) { 0 };
	run_inserts(f, flows, !inserts ? 1 : rounds < 3 ? rounds : 3);
	count_flows(false);
	order_fill(contestant_steps(), f, flows, order);
	run_hits(f, packets, rounds);
	count_flows(true);
	for (unsigned i = 0; i < n_entries; i++) {
		if (!entries[i].loaded)
			continue;
		if (inserts)
			tell(&entries[i], &entries[i].insert, "insert", f, flows, ORDER_SEQUENTIAL);
		tell(&entries[i], &entries[i].hit, "hit", f, flows, order);
		if (entries[i].c.tcp)
			contestant_check_talk(&entries[i].c);
		contestant_unload(&entries[i].c);
		entries[i].loaded = false;
	}
	fflush(stdout);
}

static void run_all(const struct args *a)
{
	enum extent extent = a->smoke ? EXTENT_SMOKE : a->quick ? EXTENT_QUICK : EXTENT_FULL;

	for (size_t f = 0; f < sizeof(frames) / sizeof(frames[0]); f++) {
		frame_build(&frames[f]);
		for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
			enum extent least = frames[f].talk ? loads[i].talk :
					    f ? loads[i].other : loads[i].first;

			if (extent >= least && (!a->talk || frames[f].talk))
				run_case(&frames[f], i, a->rounds, a->smoke ? 2000 : loads[i].packets);
		}
	}
}

int main(int argc, char **argv)
{
	struct args a = { .rounds = 7 };
	int rest;

	if (opt_parse(opts, argc, argv, &a, &rest) < 0 || rest < argc)
		usage(rest < argc ? "options only" : error_message());
	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		add(built_in[i].spec, built_in[i].scope);
	for (size_t i = 0; i < a.objects.n; i++)
		add(a.objects.v[i], SCOPE_ALL);
	contestant_pin(true);
	run_all(&a);
	return 0;
}
