/* SPDX-License-Identifier: Apache-2.0 */
/* From what a table holds to records: names, wall-clock times, the observation domain. */
#ifndef FLOWCTL_KERNEL_RECORDS_H
#define FLOWCTL_KERNEL_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "flow/filter.h"
#include "flow/record.h"
#include "kernel/netns.h"
#include "kernel/pin.h"
#include "kernel/reader.h"
#include "kernel/rtnl.h"
#include "kernel/table.h"

/* What a namespace and its interfaces are called now, and which hooks are metered in it. */
struct record_names {
	char netns[NETNS_NAME_MAX];
	uint64_t cookie;
	uint32_t domain;		/* the default one, netns_domain() */
	struct link *links;		/* by ifindex; metered ones that are gone by name only */
	size_t n_links;
	struct hook_id *hooks;
	size_t n_hooks;
	uint32_t loopback;		/* ifindex of lo, 0 = unknown */
};
/* @ns: the namespace of @t, or NULL when it is gone (then the table remembers its name). */
int record_names_init(struct record_names *names, const struct table *t, const struct netns *ns);
void record_names_deinit(struct record_names *names);
/* Of that number, or NULL. */
const struct link *record_names_link(const struct record_names *names, uint32_t ifindex);

struct record_context {
	const struct record_names *names;
	int64_t real_offset_ns;		/* CLOCK_REALTIME - CLOCK_BOOTTIME */
	uint32_t domain;
};
/* @domain: 0 = the namespace's own. Measures the clock offset. */
void record_context_init(struct record_context *ctx, const struct record_names *names,
			 uint32_t domain);

/* One record; its name pointers borrow from ctx->names. end_reason is FLOW_ACTIVE. */
void record_from_part(const struct flow_key *key, const struct flow_part *part,
		      const struct record_context *ctx, struct record *ret);

/* All records of all metered namespaces below the bpffs, with what their names borrow from. */
struct records {
	struct record *v;
	size_t n;
	struct record_names *names;	/* one a table */
	size_t n_names;
	size_t *first;			/* by table: its first record; and one past the last */
};
/* @netns: NULL or a namespace as for netns_open(). No meter at all gives none. */
int records_read(const char *netns, struct records *ret);
void records_deinit(struct records *r);
/* `count: once`, one namespace after the other: drop what is in another record too. */
int records_once(struct records *r);

#endif
