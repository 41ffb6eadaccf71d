/* SPDX-License-Identifier: Apache-2.0 */
/* What the system must have, tried one by one:
 * `flowctl dependency-check` and every command's first step. */
#ifndef FLOWCTL_KERNEL_PROBE_H
#define FLOWCTL_KERNEL_PROBE_H

#include <stddef.h>

enum probe_state { PROBE_VALID, PROBE_INVALID, PROBE_NOT_INSTALLED, PROBE_OPTIONAL };

struct probe_result {
	const char *name;	/* "kernel version" */
	char expect[32];	/* "v5.15.0", "present" */
	char found[64];		/* "v6.18.44" */
	enum probe_state state;
};

/* Run all; free() the array. *ret_missing: how many required ones are not VALID. */
int probe_all(struct probe_result **ret, size_t *ret_n, size_t *ret_missing);
/* 0, or fail_system() with one sentence when this kernel or process cannot meter at all
 * (capabilities with the names that are missing, kernel too old). */
int probe_require(void);

/* The capabilities that metering needs and this process lacks, "A and B"; "" when none. */
#define PROBE_CAPS_MAX 48
void probe_missing_caps(char buf[PROBE_CAPS_MAX]);

#endif
