/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the agent share. */
#ifndef FLOWCTL_AGENT_INTERNAL_H
#define FLOWCTL_AGENT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "conf/conf.h"
#include "flow/expire.h"
#include "flow/once.h"
#include "kernel/netns.h"
#include "kernel/journal.h"
#include "kernel/records.h"
#include "sink/sink.h"

enum scan_kind {
	SCAN_EXPIRED,
	SCAN_FORCED,	/* all of it */
	SCAN_LACK,	/* the store is full: what is due, then what is quiet the longest */
};

/* One metered namespace. */
struct agent_table {
	struct table *table;
	struct record_names names;	/* of its namespace and interfaces, as of the last look */
	struct once *once;
	struct sweep {			/* over the flows; in pieces when outputs are paced */
		bool running;
		enum scan_kind kind;
		uint32_t at;		/* entry to go on with */
		uint64_t limit_ns;	/* SCAN_LACK: what is quiet for longer leaves */
		bool cut;		/* somebody asked for a cut */
	} sweep;
	bool store_full;		/* no room for all that was read */
	uint64_t learnt_ns;		/* CLOCK_BOOTTIME of the last look for ways through */
	struct ledger_count full;	/* what found no room, of all its hooks, as last told */
	bool full_known;
	size_t ring_records;		/* capacity of all its rings */
	uint64_t next_scan_ns;		/* CLOCK_BOOTTIME */
	bool gone;			/* to be closed */
	/* Meters whose interface or namespace vanished, all or some, and for how many looks. */
	bool vanished_all;
	unsigned vanished_looks;
};

struct agent_outputs {
	struct sink **sinks;
	size_t n;
	char (*told)[192];		/* the trouble last told, by sink */
	uint64_t opened_ns;		/* CLOCK_BOOTTIME */
	bool noted;			/* one session alone: its sending is noted (journal.h) */
};

struct agent {
	const char *config_path;
	const char *netns;
	struct conf *conf;
	struct loop *loop;
	int tick_timer;
	struct agent_table *tables;
	size_t n_tables;
	struct agent_outputs outputs;
	uint64_t next_look_ns;		/* for tables that came or went */
	uint64_t meters_seen;		/* fingerprint of the links that meters were tried on */
};

/* outputs.c: one sink for each configured output. @agent: for the sequences, NULL = not kept. */
int outputs_open(struct agent_outputs *o, const struct conf *conf, struct agent *agent);
void outputs_close(struct agent_outputs *o);
/* Tell new trouble, and its end, once each. */
void outputs_tell(struct agent_outputs *o);
void outputs_tick(struct agent_outputs *o, uint64_t now_ns);
/* False for a while after the start, as long as a collector's name is being looked up: what is
 * due can as well stay held. */
bool outputs_ready(const struct agent_outputs *o, uint64_t now_ns);
void outputs_reopen(struct agent_outputs *o);
/* For how long no batch may be sent, for the slowest output's sake; 0 = go on. */
uint64_t outputs_wait_ns(const struct agent_outputs *o, uint64_t now_ns);
/* A table is full: what waits would be lost. */
void outputs_hurry(const struct agent_outputs *o, uint64_t now_ns);
/* Is @key the agent's own export stream, in either direction? From any port of its address: a
 * stream of before a reload or a restart is as much its own. */
bool outputs_is_self(const struct agent_outputs *o, const struct flow_key *key);

/* tables.c */
/* Open tables that came, close those that went. */
int tables_look(struct agent *a);
void tables_close(struct agent *a);
/* Remove the vanished meters of @t, and the table with the last of them. */
void tables_clear(struct agent_table *t);
/* Give the program the time-outs of the configuration in force. */
void tables_set_limits(const struct agent *a, struct agent_table *t);

/* attach.c */
/* Attach what the configuration's meters: name and nothing meters yet. Trouble is told,
 * never fatal. */
void attach_configured(struct agent *a);

/* export.c: the folder of @t is locked. */
/*
 * Read the table and let leave what is due. *ret_wait_ns: 0, or what is left must wait for so
 * long, until an output may send again: then export_resume().
 */
int export_scan(struct agent *a, struct agent_table *t, enum scan_kind kind, uint64_t *ret_wait_ns);
int export_resume(struct agent *a, struct agent_table *t, uint64_t *ret_wait_ns);

#endif
