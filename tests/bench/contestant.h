/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program to be measured: ours, a reference, or one of any object file. All are loaded
 * beside one another and run in turn, each behind a mutator of its own (mutate.bpf.c).
 */
#ifndef FLOWCTL_BENCH_CONTESTANT_H
#define FLOWCTL_BENCH_CONTESTANT_H

#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "table.h"

#define SIZINGS_MAX 8

/* "max.MAP=N": entries of a map of the object. */
struct sizing {
	char map[32];
	uint32_t entries;	/* 0: "auto", twice the flows */
};

struct contestant {
	char name[48];
	const char *file;	/* NULL: of ref.bpf.c, or ours */
	char prog[96];		/* name or section; "" is our program */
	bool xdp;
	bool tcp;		/* ours, with TCP metrics */
	bool full;		/* ours, with room for the flows that come and no more */
	struct sizing sizings[SIZINGS_MAX];
	unsigned n_sizings;

	/* While it is loaded. */
	struct bpf_object *object;
	struct mutate_bpf *mutator;
	int run_fd;		/* of the mutator's program */
	struct bench_table table;	/* ours only */
	pthread_t reader;
	atomic_bool end;
	uint64_t evicted;	/* records that the reader took out of the rings */
	uint64_t packets;	/* that were offered since it was loaded */
};

/* "FILE:PROG[,name=NAME][,xdp][,max.MAP=N|auto]..." or "", ",xdp", ",full", ",tcp" for ours. False: not so. @spec is kept and cut up. */
bool contestant_parse(struct contestant *c, char *spec);
/* Load the program alone; its descriptor or a negative errno. */
int contestant_open(struct contestant *c, uint32_t flows);
/* Load it and its mutator for @flows flows (connections, of frames that talk) and frames like @f. 0, or a negative errno: it does not load. */
int contestant_load(struct contestant *c, const struct frame *f, uint32_t flows);
void contestant_unload(struct contestant *c);
/* Offer it @packets, flow by flow from the first step on or where the last call ended. CPU ns a packet. */
double contestant_run(struct contestant *c, const struct frame *f, uint32_t packets);
/* Ours: packets in no flow, because the table was full. */
uint64_t contestant_lost(const struct contestant *c);
/* Ours with TCP metrics: exits unless connections that talk have samples of RTT and sent nothing twice. */
void contestant_check_talk(const struct contestant *c);
/* Flows held: by ours in slots, not those evicted. UINT64_MAX of a program without a map. */
uint64_t contestant_flows(const struct contestant *c);

enum mutator {
	MUTATOR_TC,
	MUTATOR_XDP,
	MUTATOR_GENERATE,
};
/* Opened and not loaded; mutate_bpf__destroy() it. NULL: it cannot be. */
struct mutate_bpf *contestant_mutator(const struct frame *f, enum mutator kind);
/* What all mutators read their packets from. */
struct step *contestant_steps(void);
/* The CPU that programs run on is the last one; what else is to be done is done on the first. */
void contestant_pin(bool measured);

#endif
