/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the agent share. */
#ifndef FLOWCTL_AGENT_INTERNAL_H
#define FLOWCTL_AGENT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "conf/conf.h"
#include "enrich/cloud.h"
#include "enrich/enrich.h"
#include "enrich/hostname.h"
#include "ipfix/options.h"
#include "ipfix/session.h"
#include "flow/expire.h"
#include "flow/once.h"
#include "kernel/health.h"
#include "kernel/netns.h"
#include "kernel/output_counts.h"
#include "kernel/journal.h"
#include "kernel/key_index.h"
#include "kernel/records.h"
#include "metrics/http.h"
#include "metrics/page.h"
#include "sink/sink.h"

enum scan_kind {
	SCAN_EXPIRED,
	SCAN_FORCED,	/* all of it */
	SCAN_LACK,	/* the store is full: what is due, then what is quiet the longest */
};

/* What of one namespace outputs were handed; given.c. */
struct given {
	struct output_counts counts;	/* pinned; opened with the first batch */
	struct given_count *v;		/* of the open batch */
	size_t n;
	bool failed;
};

/* One metered namespace. */
struct agent_table {
	struct table *table;
	struct health *health;		/* of its connections */
	struct record_names names;	/* of its namespace and interfaces, as of the last look */
	struct once *once;
	struct sweep {			/* over the flows; in pieces when outputs are paced */
		bool running;
		enum scan_kind kind;
		bool closed_done;	/* those that another connection followed have left */
		uint32_t at;		/* entry to go on with */
		uint64_t limit_ns;	/* SCAN_LACK: what is quiet for longer leaves */
		bool cut;		/* somebody asked for a cut */
	} sweep;
	bool store_full;		/* no room for all that was read */
	uint64_t learnt_ns;		/* CLOCK_BOOTTIME of the last look for ways through */
	struct ledger_count full;	/* what found no room, of all its hooks, as last told */
	bool full_known;
	uint64_t lost_first_ns, lost_last_ns;	/* CLOCK_REALTIME, since the agent came; 0 = never */
	uint32_t *biflow;		/* by entry of the store: biflow.c; NULL = not used */
	size_t ring_records;		/* capacity of all its rings */
	uint64_t next_scan_ns;		/* CLOCK_BOOTTIME */
	struct given given;
	/* Of the last cut of all flows (interval.c): how many scans behind it are still to be done,
	 * and is the one at hand such a one? */
	unsigned cut_scans;
	bool cut_scan;
	struct interval_hook *hooks;	/* what they had counted then */
	size_t n_hooks;
	struct metrics_tcp tcp;		/* for the metrics page; what left since the agent came */
	struct events *events;		/* of RTT samples, where they are wanted and nobody else looks */
	uint64_t events_lost;		/* as last asked */
	bool events_told;		/* why there are none */
	bool gone;			/* to be closed */
	/* Meters whose interface or namespace vanished, all or some, and for how many looks. */
	bool vanished_all;
	unsigned vanished_looks;
};

/* One collector of a group, or an output alone. */
struct agent_member {
	const struct conf_output *conf;	/* borrowed of the configuration in force */
	struct sink *sink;		/* the output's; of a group: its failover's */
	struct template_set *templates;	/* of its profile; NULL for a log */
};

struct agent_output {
	struct sink *sink;
	char *key;			/* all that it was opened by, templates apart */
	struct agent_member *members;
	size_t n_members;
	char told[192];			/* the trouble last told */
};

struct agent_outputs {
	struct agent_output *v;
	size_t n;
	uint64_t opened_ns;		/* CLOCK_BOOTTIME */
	bool noted;			/* one session alone: its sending is noted (journal.h) */
};

/* The metrics page; metrics.c. All zero: it is not wanted. */
struct agent_metrics {
	struct serve *serve;
	struct http *http;
	struct metrics_agent counts;
	uint64_t due_ns;		/* CLOCK_BOOTTIME, of the next tick; 0 = none yet */
};

/* What facts.c lends. */
struct facts {
	struct options_interface *interfaces;
	size_t n;
};

/* Cuts of all flows at multiples of the wall clock, which an output asked for; CLOCK_REALTIME. */
struct agent_interval {
	uint64_t ns;			/* 0: none did */
	uint64_t to_ns;			/* the end of the one at hand */
	uint64_t cut_ns;		/* the cut that was made, and is not told of yet; 0 = none */
	int timer_fd;			/* 0: not open */
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
	struct facts facts;
	struct agent_interval interval;
	struct hostnames *hostnames;	/* NULL: no log wants names */
	struct agent_metrics metrics;
	struct enrich *enrich;		/* NULL: no template has an element that needs it */
	struct cloud *cloud;		/* NULL: no metadata service is asked */
	uint64_t next_look_ns;		/* for tables that came or went */
	bool looked;			/* in this very tick */
	uint64_t meters_seen;		/* fingerprint of the links that meters were tried on */
};

/*
 * outputs_open.c: a sink for each output, or group, of @conf, which must live as long. @agent:
 * for sequences and options data; NULL = none. @from, which may be NULL, is always closed,
 * but for what is gone on with. On failure *o holds what was opened so far, to be closed or
 * given as @from.
 */
int outputs_open(struct agent_outputs *o, const struct conf *conf, struct agent *agent,
		 struct agent_outputs *from);

/* What @conf's templates want to be known beside what packets tell; *ret NULL: nothing. */
int enrich_open(const struct conf *conf, struct enrich **ret);

/* outputs.c */
/* Has it no trouble, as far as anybody knows? Of a group, the member in use. */
bool outputs_works(const struct agent_output *o);
/* Records that wait in it. */
uint64_t outputs_waiting(const struct agent_output *o);
void outputs_close(struct agent_outputs *o);
/* Tell new trouble, and its end, once each. */
void outputs_tell(struct agent_outputs *o);
void outputs_tick(struct agent_outputs *o, uint64_t now_ns);
/* False for a while after the start, as long as a collector's name is being looked up: what is
 * due can as well stay held. */
bool outputs_ready(const struct agent_outputs *o, uint64_t now_ns);
/* The same for all of @timeout_ns, each. */
void outputs_wait_ready(struct agent_outputs *o, uint64_t timeout_ns);
/* And until all has arrived. */
void outputs_drain(struct agent_outputs *o, uint64_t timeout_ns);
void outputs_reopen(struct agent_outputs *o);
/* For how long no batch may be sent, for the slowest output's sake; 0 = go on. */
uint64_t outputs_wait_ns(const struct agent_outputs *o, uint64_t now_ns);
/* A table is full: what waits would be lost. */
void outputs_hurry(const struct agent_outputs *o, uint64_t now_ns);
/* Is @key the agent's own export stream, in either direction? From any port of its address: a
 * stream of before a reload or a restart is as much its own. */
bool outputs_is_self(const struct agent_outputs *o, const struct flow_key *key);

/* cloud.c: what the cloud's metadata service says. */
/* Begin to ask, or go on, as @conf has it. As cloud_change(). */
int cloud_configure(struct cloud **c, const struct conf *conf);
/* The same at the start, and wait for half a second at most for the first answer. */
int cloud_begin(struct cloud **c, const struct conf *conf);
/* Fill the links' part of it. */
void cloud_fill(struct cloud *c, struct record_names *names);
/* Tell what is new, and fill it in everywhere. */
void cloud_tick(struct agent *a);

/* interval.c */
/* Outputs came or went; and hooks: about once a second. 0 or fail(). */
int interval_look(struct agent *a);
/* A scan of @t begins; and, whenever it may have ended, so. */
void interval_scan_begins(struct agent_table *t);
void interval_scan_ended(struct agent_table *t, uint64_t now_ns);
/* Tell the outputs of a cut behind which all has left. */
void interval_tell(struct agent *a);
void interval_forget(struct agent_table *t);
void interval_close(struct agent *a);

/* sequence.c */
struct sequence_ops sequence_kept_by(struct agent *a);

/* facts.c: what options data tell of the agent's meters. */
struct options_source facts_of(struct agent *a);
void facts_deinit(struct facts *f);

/* given.c: count @rec as handed to output @output of the open batch; add what the batch held to
 * the pinned counts, the folder is locked. */
void given_add(struct agent_table *t, size_t output, const struct record *rec);
void given_commit(struct agent_table *t, const struct agent_outputs *o);
void given_close(struct given *g);

/* ledger.c: log where the packets of every hook of @t went. The folder is not locked. */
void ledger_tell(const struct agent_table *t);

/* metrics.c */
/* Serve metrics, if the configuration wants it. */
int metrics_open(struct agent *a);
void metrics_close(struct agent *a);
/*
 * A reload, in two steps: a listener for @conf beside the one there is, if it must be another
 * (else *ret is NULL); then, when all else is ready, it takes over, or is closed.
 */
int metrics_prepare(struct agent *a, const struct conf *conf, struct http **ret);
void metrics_take_over(struct agent *a, const struct conf *conf, struct http *prepared);
/* A reload was refused. */
void metrics_refused(struct agent *a);
/* Each tick: how late it is, and RTT samples. @next_ns: when the next is due. */
void metrics_tick(struct agent *a, uint64_t now_ns);
void metrics_tick_due(struct agent *a, uint64_t next_ns);
/* Count what a record that leaves says of TCP. */
void metrics_record(struct agent *a, struct agent_table *t, const struct record *rec);
/* Look no more for RTT samples of @t. */
void metrics_leave(struct agent_table *t);

/* metrics_facts.c: all there is to say now. 0 or -ENOMEM. */
int metrics_facts(struct agent *a, struct metrics_facts *ret);
void metrics_facts_deinit(struct metrics_facts *f);

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

/* What leaves together, of one table; export.c. */
struct batch {
	struct agent *agent;
	struct agent_table *t;
	const struct record_context *ctx;
	struct expire_policy policy;
	uint64_t now_ns;	/* CLOCK_BOOTTIME of the sweep */
	struct journal_taken taken[JOURNAL_BATCH_MAX];
	size_t n;
	struct ctl_health health[CTL_HEALTH_MAX];	/* what their records say of it */
	size_t n_health;
	uint64_t wait_ns;	/* until the next one may be begun */
};
/* An entry's record, before it is known whether it may leave now. */
struct leaving {
	uint32_t entry;
	struct record rec;
	struct health_reading health;
};
/* The record of an entry. 0, or the reason for which it leaves without being exported. */
int batch_record(struct batch *b, uint32_t entry, enum flow_end_reason why, struct leaving *ret);
/*
 * Put @rec into every output. -ENOENT: none of them carries it; -EAGAIN: none may send now. Two
 * batch_add() may follow before anything is committed.
 */
int batch_put(struct batch *b, const struct record *rec);
/* What the entry holds leaves with the batch, in the record that was put last if it is exported. */
void batch_add(struct batch *b, const struct leaving *l, enum ledger_reason reason);
/* Both: put the record if @reason is 0, and let the entry go. False: no output may send now. */
bool batch_leave(struct batch *b, const struct leaving *l, enum ledger_reason reason);
/* Ask for a cut of the entry's flow, if nobody has. */
void batch_cut(struct batch *b, uint32_t entry);
enum expire_action export_decide(const struct batch *b, const struct store_entry *e,
				 enum flow_end_reason *why);

/* names.c: make *@h if a log of @conf wants names of hosts and it is not there yet; ask for those
 * of a flow that is new. */
int names_open(struct hostnames **h, const struct conf *conf);
void names_expect(const struct batch *b, const struct store_entry *e);
void names_close(struct hostnames *h);

/* biflow.c: both directions in one record (RFC 5103). */
/* Make room for what is remembered of @t's flows. */
int biflow_begin(struct agent_table *t);
/* Was it put into the open batch with the flow of the other direction? */
bool biflow_is_taken(const struct agent_table *t, uint32_t entry);
/* Let @l leave, with its other direction if there is one. False: it is to be visited again,
 * later. */
bool biflow_leave(struct batch *b, struct leaving *l);
void biflow_committed(const struct batch *b);

/* export.c: the folder of @t is locked. */
/*
 * Read the table and let leave what is due. *ret_wait_ns: 0, or what is left must wait for so
 * long, until an output may send again: then export_resume().
 */
int export_scan(struct agent *a, struct agent_table *t, enum scan_kind kind, uint64_t *ret_wait_ns);
int export_resume(struct agent *a, struct agent_table *t, uint64_t *ret_wait_ns);

#endif
