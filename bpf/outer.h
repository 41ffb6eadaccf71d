/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What lies around a tunnel's packet, from where it is found out to where the flow's record begins. */
#ifndef FLOWCTL_OUTER_H
#define FLOWCTL_OUTER_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "knobs.h"
#include "tunnel.h"

/* By CPU, where programs do not nest. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tunnel_work);
} tunnel_work SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct flow_key);
	__type(value, struct outer);
} outers SEC(".maps");

static __always_inline struct tunnel_work *tunnel_work_here(void)
{
	__u32 cpu = part_here();

	return bpf_map_lookup_elem(&tunnel_work, &cpu);
}

/* Of the packet that was looked into last. The reader who sees the flow's record finds it. */
static __always_inline void outer_note(const struct flow_key *key)
{
	const struct tunnel_work *w = tunnel_work_here();

	if (w)
		bpf_map_update_elem(&outers, key, &w->outer, BPF_ANY);
}

#endif
