/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A namespace's flow table as user space holds it: its maps, mmapped. How flows are kept
 * is known to account.h on the kernel side and to this folder's table, slot, ring, store,
 * step, journal, credit and reader on the user side, and to nobody else.
 */
#ifndef FLOWCTL_KERNEL_TABLE_H
#define FLOWCTL_KERNEL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "kernel/key_index.h"
#include "kernel/pin.h"

struct record_outer;
struct table_hook;

#define TABLE_MAX_FLOWS_DEFAULT 131072

/* How a box's N flows become slots and rings; the one place that decides. */
struct table_geometry {
	uint32_t max_flows;
	uint32_t parts;		/* possible CPUs */
	uint32_t spread;	/* on so many of them, at least, flows arrive evenly */
	uint32_t buckets;	/* a part, a power of two */
	uint32_t ring_bytes;	/* a part, a power of two, whole pages */
	uint32_t store_entries;
	uint32_t max_connections;	/* 0: no TCP metrics */
	uint32_t tcp_buckets, tcp_more_buckets, tcp_half_buckets;
	uint32_t tcp_ends_bytes, tcp_events_bytes;	/* of these rings */
	struct table_memory {
		uint64_t slots, rings, journal, store, tcp;	/* bytes of all parts */
	} memory;
	uint64_t memory_bytes;	/* all maps together */
};
/* @max_flows 1..2^26; @spread 0: the default; cut to @parts. Without TCP metrics. */
void table_geometry(uint32_t max_flows, uint32_t parts, uint32_t spread,
		    struct table_geometry *ret);
/* And with the metrics of @max_connections; 0: the default, a quarter of the flows. */
void table_geometry_tcp(struct table_geometry *g, uint32_t max_connections);
/* The geometry of the table that has @ctl. */
void table_geometry_of(const struct table_ctl *ctl, struct table_geometry *ret);

struct table_ring {
	uint64_t *consumer;		/* position, on a page of its own */
	const uint64_t *producer;
	const uint8_t *data;		/* mapped twice in a row */
	uint64_t mask;
};

/* What a writer knows of the store; store.c keeps it. */
struct store_view {
	struct key_index by_key;
	uint32_t *free;			/* stack of free entries; NULL: nothing is known yet */
	uint32_t n_free;
	uint32_t n_closed;		/* entries of connections that others have followed */
	uint32_t top;			/* entries from here on were never used */
};

struct table {
	struct pin_dir dir;		/* open, not locked */
	bool writable;
	struct table_ctl *ctl;		/* read-only mapping when !writable */
	struct flow_bucket *slots;	/* always read-only */
	struct journal_entry *journal;
	struct store_entry *store;
	struct tcp_bucket *tcp;		/* table_tcp_buckets() of them; NULL: no TCP metrics */
	struct tcp_conn *conns;		/* TCP_WAYS for each */
	struct table_ring *rings;	/* ctl->parts of them */
	struct table_ring tcp_ends;	/* of tcp_ends_fd; health.c maps it on first use */
	uint32_t n_slots;
	/* Map descriptors, for programs to be loaded against them. */
	int ctl_fd, slots_fd, rings_fd, journal_fd, store_fd, frags_fd, aged_fd;
	int outers_fd;			/* struct flow_key to struct outer; -1: no tunnel is looked into */
	/* TCP's: buckets, connections, hints by slot, ends and events (ring buffers), tcp_stats by
	 * CPU, and the set of interfaces whose ingress is metered with TCP metrics (hash, __u32 ->
	 * __u8). */
	int tcp_fd, tcp_conns_fd, tcp_hints_fd, tcp_ends_fd, tcp_events_fd, tcp_stats_fd;
	int tcp_ingress_fd;
	/* The hooks whose ledgers a writer has touched, opened on first use. */
	struct table_hook *hooks;
	size_t n_hooks;
	struct store_view view;
	/* All flows were cut at this epoch (journal_cut_all()), 0 = never; and what the rings have of
	 * behind it waits there, until what is before it has left its entry. */
	uint32_t cut_all;
	bool cut_waits;
	uint64_t commit_seen;		/* ctl->commit_seq after this process's last writing */
};

/*
 * Make the table of the locked folder @dir: create the maps, pin them, fill in ctl.
 * fail(); nothing pinned stays behind on failure. @name, @inode: of the namespace.
 */
int table_create(const struct pin_dir *dir, const struct table_geometry *g, uint64_t inode,
		 const char *name);
/*
 * Open and map the table of @cookie. -ENOENT without a sentence when there is none. Maps of
 * another layout: fail_system(-EPROTO) "... another layout version", hint --force.
 */
int table_open(uint64_t cookie, bool writable, struct table **ret);
/* The same in the locked folder @dir, whose descriptor stays the caller's: the table's is -1. */
int table_open_in(const struct pin_dir *dir, bool writable, struct table **ret);
void table_close(struct table *t);
/* A table of one part (@g->parts is 1) that nobody else sees: nothing is pinned. fail(),
 * fail_system() without the privilege. */
int table_create_private(const struct table_geometry *g, struct table **ret);
/* An ingress meter of @ifindex counts the health of connections, or does no more: so whoever meters
 * the egress of its packets leaves that to it. The folder is locked. */
int table_tcp_ingress(const struct table *t, uint32_t ifindex, bool on);
/* Make and pin the map `outers`, where it is not there yet, and set outers_fd. The folder is
 * locked. 0 or fail(). */
int table_outers(struct table *t);
/* What was outside of the flow's first packet; ret->known says whether that is known. */
void table_outer(struct table *t, const struct flow_key *key, struct record_outer *ret);
/* All buckets of connections. */
static inline uint32_t table_tcp_buckets(const struct table_ctl *ctl)
{
	return ctl->tcp_buckets + ctl->tcp_more_buckets + ctl->tcp_half_buckets;
}
/* Sum over the CPUs of what the program could not tell of connections; `segments` are but those
 * that needed a closer look. */
void table_tcp_stats(const struct table *t, struct tcp_stats *ret);
/* Segments that advanced a connection, all of them. It goes through all buckets. */
uint64_t table_tcp_segments(const struct table *t);
/* What @from knows of its connections, into the empty @to, which nobody writes yet. */
void table_tcp_copy(const struct table *from, struct table *to);

/* Entries of one hook's pinned array, mapped: parts ledgers and then the info. */
struct table_hook {
	uint32_t ifindex;
	uint8_t direction;
	int fd;
	union hook_entry *entries;	/* parts + 1 */
	size_t size_bytes;
	struct hook_info *info;		/* &entries[parts].info */
};
int table_hook_create(const struct table *t, uint32_t ifindex, uint8_t direction,
		      struct table_hook *ret);
/* The same of no interface, for a private table; not pinned. */
int table_hook_create_private(const struct table *t, struct table_hook *ret);
/* -ENOENT without a sentence when it is not there. */
int table_hook_open(const struct table *t, uint32_t ifindex, uint8_t direction, bool writable,
		    struct table_hook *ret);
/* Of a meter that was taken off (kernel/meter_hook.h); read-only. */
int table_hook_open_past(const struct table *t, uint32_t ifindex, uint8_t direction,
			 struct table_hook *ret);
void table_hook_close(struct table_hook *h);
/* What user space itself counts (LEDGER_EXPORTED and on) of that hook, or of one that was taken
 * off and may come back; NULL when it is not there. Valid until table_hooks_close(). */
struct ledger_count *table_hook_own(struct table *t, uint32_t ifindex, uint8_t direction,
				    enum ledger_reason reason);
/* table_hook_sum() of the same; nothing when it is not there. */
struct ledger_count table_hook_count(struct table *t, uint32_t ifindex, uint8_t direction,
				     enum ledger_reason reason);
/* table_hook_decap() of the same, of all results; false when it looks into no tunnel, or is not
 * there. */
bool table_hook_decaps(struct table *t, uint32_t ifindex, uint8_t direction,
		       uint64_t ret[DECAP_RESULTS]);
/* Forget the opened ones: hooks came or went. */
void table_hooks_close(struct table *t);
/* What the program let go of idle flows of that hook while no agent ran. */
struct ledger_count table_aged(const struct table *t, uint32_t ifindex, uint8_t direction);
/* Sum of one reason over the CPUs (kernel reasons) or user space's own count. */
struct ledger_count table_hook_sum(const struct table *t, const struct table_hook *h,
				   enum ledger_reason reason);
/* Packets in tunnels of which that became, over the CPUs. */
uint64_t table_hook_decap(const struct table *t, const struct table_hook *h,
			  enum decap_result result);

#endif
