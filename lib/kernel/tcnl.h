/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What traffic control holds on an interface, as far as hook_tc must know it before it
 * changes anything: the qdisc at the clsact place, and the filters with their programs.
 */
#ifndef FLOWCTL_KERNEL_TCNL_H
#define FLOWCTL_KERNEL_TCNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tc_filter {
	uint32_t pref;
	uint32_t handle;	/* 0: the entry that stands for the whole pref */
	uint16_t protocol;	/* ETH_P_*, host order */
	char kind[16];		/* "bpf", "u32", ... */
	uint32_t prog_id;	/* bpf: 0 = classic */
};

/* The filters of chain 0 of one side in the kernel's order. free() the array.
 * The caller is in the namespace. */
int tcnl_filters(uint32_t ifindex, uint8_t direction, struct tc_filter **ret, size_t *ret_n);
/* The kind of the qdisc at ffff:, "" when there is none. */
int tcnl_ingress_qdisc(uint32_t ifindex, char ret[16]);

#endif
