/* SPDX-License-Identifier: Apache-2.0 */
/* What mutate.bpf.c and user space agree on. */
#ifndef FLOWCTL_BENCH_MUTATE_H
#define FLOWCTL_BENCH_MUTATE_H

#include <linux/types.h>

#define STEPS (1u << 22)	/* then they begin anew */
#define MUTATE_FAILED 77	/* a verdict that no program under test gives */

#define TALKS_LOG2 20 /* connections that may talk (struct frame) at most */
#define PORTS_LOG2 14 /* flows that share an address */
#define PORT_FIRST 1024

/* What the next packet has. */
struct step {
	__be32 addr;
	__be16 port;
	__u16 reserved;
};

#endif
