/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output of records. Records are put one by one and leave in batches: the agent writes
 * down what a batch holds before it lets any output send it, so that a killed agent never
 * exports a thing twice (how: lib/agent/export.c).
 *
 *	before a batch is begun: wait_ns() of every sink is 0, else export nothing until then
 *	if (!sink->ops->room(sink, record)) commit: write it down, flush() of every sink
 *	sink->ops->put(sink, record)
 */
#ifndef FLOWCTL_SINK_SINK_H
#define FLOWCTL_SINK_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"

struct sink;

struct sink_stats {
	uint64_t records;		/* sent (UDP) or written */
	uint64_t messages;		/* of IPFIX, templates too; 0 of a log */
	uint64_t bytes;			/* of messages or lines */
	uint64_t errors;		/* failed sends or writes */
	uint64_t lost_records;		/* could not be sent: collector unresolved, disk full */
	uint64_t uncarried_records;	/* no template carries such a record */
	uint64_t last_export_ns;	/* CLOCK_REALTIME of the last success, 0 = never */
	uint64_t unhooked_records;	/* of a log: written without the hooks that failed them */
};

/* A metered interface, over an interval. Strings are borrowed for the call. */
struct sink_place {
	const char *netns, *iface;	/* as in struct record */
	const struct record_cloud *cloud;	/* or NULL */
	uint64_t since_ns;		/* CLOCK_REALTIME; when it was met, if later than from_ns */
	uint64_t seen;			/* packets with an IP header, or what should have been one */
	uint64_t lost;			/* of them in no record, by no wish of the user */
};

/* From one cut of all flows to the next: the wall clock's multiples. CLOCK_REALTIME. */
struct sink_interval {
	uint64_t from_ns, to_ns;
	const struct sink_place *v;
	size_t n;
};

struct sink_ops {
	const char *name;
	/*
	 * May a batch be begun at @now_ns (CLOCK_BOOTTIME)? 0 = yes; else how many ns to wait
	 * before asking again, because what was sent must first be taken in by whoever receives
	 * it. What is due stays held meanwhile: nothing queues in an output. An answer of 0 is
	 * for one batch, as much as room() has room for; whoever begins one all the same (the
	 * last export of all) overruns the receiver, and loses nothing here. NULL = always 0.
	 */
	uint64_t (*wait_ns)(struct sink *s, uint64_t now_ns);
	/* What waits would soon be lost here: wait less, if that is for this output to choose.
	 * May be NULL. */
	void (*hurry)(struct sink *s, uint64_t now_ns);
	/* True when @r still fits into the open batch (or the batch is empty). */
	bool (*room)(struct sink *s, const struct record *r);
	/* Add @r, unchanged since room() was asked about it, if it was, to the open batch. 0;
	 * -ENOENT when this output cannot carry it (counted). */
	int (*put)(struct sink *s, const struct record *r);
	/*
	 * Would @r go together with r->reverse, as one record (RFC 5103)? NULL: never, and there
	 * is always room for one record more than room() says, so that both can be put.
	 */
	bool (*pairs)(struct sink *s, const struct record *r);
	/* Called before the batch leaves the table: what flush() is about to
	 * reach (sequences) is kept where it outlives the process. May be NULL. */
	void (*prepare)(struct sink *s);
	/* Send the open batch. Never blocks; trouble is counted and told once by the agent. */
	int (*flush)(struct sink *s);
	/* About once a second: template resend, reconnection, resolution.
	 * @now_ns: CLOCK_BOOTTIME. May be NULL. */
	void (*tick)(struct sink *s, uint64_t now_ns);
	/*
	 * Every how many ns, at multiples of the wall clock, is every flow to be cut for this
	 * output's sake, so that no record goes across? 0, or NULL: never.
	 */
	uint64_t (*interval_ns)(struct sink *s);
	/* All records of before i->to_ns have been put and flushed, but for what is late. NULL
	 * where interval_ns is. */
	int (*interval)(struct sink *s, const struct sink_interval *i);
	/* SIGHUP: reopen files. May be NULL. */
	int (*reopen)(struct sink *s);
	/* Flush is not implied. Frees the sink. */
	void (*close)(struct sink *s);
};

/* Every output's struct begins with this. */
struct sink {
	const struct sink_ops *ops;
	char label[128];		/* "udp://127.0.0.1:4739", "log:/var/log/x"; for messages */
	struct sink_stats stats;
	char trouble[192];		/* what is wrong now, "" = nothing; the agent tells it */
};

#endif
