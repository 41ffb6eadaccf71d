/* SPDX-License-Identifier: Apache-2.0 */
/* Meters: attach, detach and list them. What `flowctl meter` and the agent's configuration call. */
#ifndef FLOWCTL_KERNEL_METER_H
#define FLOWCTL_KERNEL_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi_forward.h"
#include "flow/tunnel.h"
#include "kernel/hook.h"
#include "kernel/netns.h"
#include "kernel/table.h"

#define METER_FORWARD_OFF UINT32_MAX

struct meter_options {
	bool ingress, egress;
	int hook;			/* enum hook_kind, or -1 = auto; with XDP, egress is auto */
	enum xdp_mode xdp_mode;		/* auto leaves an attached one as it is */
	uint32_t pref, handle;		/* 100, 1 */
	uint32_t max_flows;		/* 0 = default, or what the table has */
	uint32_t spread;		/* the same: table_geometry() */
	uint32_t sample;		/* 1; another one: no TCP metrics */
	uint32_t forward;		/* forwarding latency of one packet of so many; 0 = as it is,
					 * else METER_FORWARD_OFF, which is off */
	int tcp_metrics;		/* 1 on (default), 0 off, -1 = as it is, else on */
	uint32_t max_connections;	/* 0 = a quarter of max_flows, or what the table has */
	const struct tunnel_choice *decap;	/* borrowed; NULL = as it is, else none */
	bool force;
	bool dry_run;
	bool guest;			/* for visit.h; without, one that was a guest's stays */
};

/* The namespace's table, told when meter_attach() had to make one. */
struct meter_table {
	bool made;
	struct table_geometry size;
};

/* Told for every interface and direction touched. */
struct meter_change {
	const char *netns;
	const char *iface;
	uint8_t direction;
	bool changed;
};
typedef void (*meter_change_fn)(const struct meter_change *change, void *arg);

/*
 * Attach to the interfaces of @ns that match one of @names (anchored globs; lo only when
 * written out), or to all that are up but lo (@n_names 0). All or nothing: what an error
 * leaves half done is undone. A glob that matches nothing: fail() -ENODEV.
 * @fn (may be NULL) is told when all is done. Both ret_ may be NULL.
 * *ret_warning: malloc'd, one or more sentences on stacked interfaces and on XDP, or NULL.
 */
int meter_attach(const struct netns *ns, const char *const *names, size_t n_names,
		 const struct meter_options *options, meter_change_fn fn, void *arg,
		 struct meter_table *ret_table, char **ret_warning);

/*
 * Detach those matching @names, or all (@n_names 0), of the namespace with @cookie; @ns is that
 * namespace, or NULL when it is gone. @fn (may be NULL) is told once an interface. -ENOENT
 * without a sentence when nothing is metered there. *ret_dropped (may be NULL): flows that were
 * held by a table that went with its last meter.
 */
int meter_detach(const struct netns *ns, uint64_t cookie, const char *const *names, size_t n_names,
		 bool dry_run, meter_change_fn fn, void *arg, uint64_t *ret_dropped);
/*
 * Detach leftovers: those whose interface or namespace vanished, or whose command (visit.h) was
 * killed. With the last one the table goes, as above; an agent that calls this has exported it before.
 */
int meter_detach_gone(const struct netns *ns, uint64_t cookie);
/* How many meters @t has, and how many of them are leftovers. @ns: its namespace, NULL = gone. */
int meter_count_gone(const struct netns *ns, const struct table *t, size_t *ret_n,
		     size_t *ret_gone);

/*
 * Where the packets of a hook went. At rest: by[LEDGER_SEEN] = held + aged + all other by[].
 */
struct meter_ledger {
	struct ledger_count by[LEDGER_REASONS];
	struct ledger_count held;
	struct ledger_count aged;	/* gave way while no agent ran */
	uint64_t decap[DECAP_RESULTS];	/* packets; no part of the sum */
};

/* "seen", "full", ...: as JSON has it. */
const char *meter_reason_name(enum ledger_reason reason);
/* *@sum grows by @count. */
void ledger_count_add(struct ledger_count *sum, struct ledger_count count);
/* What came into flow records, wherever they are now: held + aged + LEDGER_EXPORTED and on. */
struct ledger_count meter_ledger_metered(const struct meter_ledger *l);
/* Is that sum true? *ret_: what was seen and is in no other count, below 0 what is in two. */
bool meter_ledger_balances(const struct meter_ledger *l, int64_t *ret_packets, int64_t *ret_bytes);

struct meter_status {
	char netns[NETNS_NAME_MAX];
	char iface[IFACE_NAME_MAX];
	uint64_t cookie;
	uint32_t ifindex;
	uint8_t direction;
	enum hook_kind hook;
	enum xdp_mode xdp_mode;		/* as the kernel has it; auto: not by XDP, or unknown */
	int position;			/* 0 = first; -1 = not there any more, or not to be told */
	bool gone;			/* interface or namespace vanished: a leftover */
	bool taken_off;			/* of meter_list_ledgers(): no meter any more, a ledger */
	bool abandoned;			/* whose command was killed: another leftover */
	uint32_t prog_id;
	uint32_t sample;
	uint32_t forward;		/* forwarding latency of one packet of so many; 0 = of none */
	bool tcp_metrics;
	struct tunnel_choice decap;
	uint32_t max_flows;
	uint32_t max_connections;	/* 0: a table without TCP metrics */
	uint64_t flows;			/* held, of this hook */
	uint64_t packets, bytes;	/* seen */
	uint64_t unmetered_packets, unmetered_bytes;	/* full + unparsed + aged */
	struct meter_ledger ledger;
	uint64_t attached_ns;		/* CLOCK_REALTIME */
	struct forward_latency forwarded;	/* of what came in, or went out, at this hook */
	struct forward_stats forward_stats;	/* of the namespace's table, as are the next */
	struct tcp_stats tcp;
	uint64_t memory_bytes;
	uint32_t agent_pid;		/* 0 = none */
	uint32_t domain;
	char version[24];
};
/* Every meter below the bpffs, or only of @cookie (0 = all). free() the array. */
int meter_list(uint64_t cookie, struct meter_status **ret, size_t *ret_n);
/* And the ledgers of those that were taken off, of which flows are held. */
int meter_list_ledgers(uint64_t cookie, struct meter_status **ret, size_t *ret_n);
/* Remove leftovers (as far as no flows are held that an
 * agent could still export). *ret_n: how many. */
int meter_clear_leftovers(size_t *ret_n);

#endif
