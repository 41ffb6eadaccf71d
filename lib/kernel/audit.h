/* SPDX-License-Identifier: Apache-2.0 */
/* Do the ledgers balance? `flowctl audit`, and the agent's last words. */
#ifndef FLOWCTL_KERNEL_AUDIT_H
#define FLOWCTL_KERNEL_AUDIT_H

#include "kernel/meter.h"
#include "kernel/output_counts.h"

enum audit_verdict {
	AUDIT_BALANCED,
	AUDIT_UNBALANCED,	/* at rest */
	AUDIT_MOVING,		/* it did not come to rest */
};

struct audit_hook {
	struct meter_status status;	/* of one reading; taken_off ones too */
	enum audit_verdict verdict;
	int64_t missing_packets;	/* seen and in no other count; below 0: counted twice */
	int64_t missing_bytes;
};

/*
 * Read the ledgers of @cookie's namespace (0 = of all) until each of them balanced once or has
 * not changed for AUDIT_REST_NS, at most for @patience_ns. 0: one reading. free() the array.
 */
#define AUDIT_REST_NS (100 * NSEC_PER_MSEC)
int audit_read(uint64_t cookie, uint64_t patience_ns, struct audit_hook **ret, size_t *ret_n);
/* What each output of the agent was handed of @cookie's hooks. free() the array; 0 of them when
 * there was no agent. */
int audit_outputs(uint64_t cookie, struct output_count **ret, size_t *ret_n);
/* "balanced", "unbalanced", "moving". */
const char *audit_verdict_name(enum audit_verdict verdict);

#endif
