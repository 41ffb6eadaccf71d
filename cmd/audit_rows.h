/* SPDX-License-Identifier: Apache-2.0 */
/* What `flowctl audit` prints: a row a hook and, where a namespace has several, a row of their sum. */
#ifndef FLOWCTL_CMD_AUDIT_ROWS_H
#define FLOWCTL_CMD_AUDIT_ROWS_H

#include "base/columns.h"
#include "kernel/audit.h"

struct audit_row {
	const char *netns, *iface, *direction;	/* borrowed */
	uint64_t cookie;
	uint32_t ifindex;
	uint8_t direction_id;
	bool sum;			/* of a namespace */
	bool taken_off;
	bool live;			/* not judged */
	enum audit_verdict verdict;	/* of a sum: the worst */
	struct meter_ledger ledger;
	struct ledger_count metered;
	int64_t missing_packets, missing_bytes;
};

struct audit_output_row {
	const struct audit_row *hook;
	const struct output_count *count;
};

struct audit_rows {
	struct audit_row *v;		/* hooks, then sums */
	size_t n, n_hooks;
	struct audit_output_row *outputs;
	size_t n_outputs;
	struct audit_hook *hooks;	/* what is borrowed from */
	struct output_count **counts;	/* one array a namespace */
	size_t n_counts;
};

/* Read them; @wait_ns as for audit_read(), or @live. 0 or fail(). */
int audit_rows_read(uint64_t cookie, bool live, uint64_t wait_ns, struct audit_rows *ret);
void audit_rows_deinit(struct audit_rows *rows);

/* Of the table of hooks, whose rows are struct audit_row. Static. */
const struct column *audit_columns(size_t *ret_n);
/* Append the table of outputs. 0 or fail(). */
int audit_print_outputs(const struct audit_rows *rows, const struct columns_style *style,
			struct strbuf *out);
/* Append all of it as one JSON document; want of memory is told by out->failed. */
void audit_json(const struct audit_rows *rows, struct strbuf *out);

#endif
