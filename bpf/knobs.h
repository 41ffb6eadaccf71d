/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is fixed when the program is loaded: user space writes these into the skeleton's
 * rodata before the load, and the verifier removes the code that can no longer be reached.
 */
#ifndef FLOWCTL_KNOBS_H
#define FLOWCTL_KNOBS_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"

const volatile __u32 knob_parts = 1;	   /* CPUs that have a part of the table */
const volatile __u32 knob_bucket_mask = 0; /* buckets a part, less one */
const volatile __u32 knob_direction = 0;   /* FLOW_INGRESS or FLOW_EGRESS */
const volatile __u32 knob_ethernet = 1;	   /* 0: frames begin with IP (tun) */
const volatile __u32 knob_sample = 1;	   /* keep one packet of so many, at random */
const volatile __u32 knob_tcp = 0;	   /* the health of TCP's connections is looked at */
const volatile __u32 knob_tcp_buckets = 1;
const volatile __u32 knob_tcp_more_buckets = 0;
const volatile __u32 knob_tcp_half_buckets = 1;
const volatile __u32 knob_decap = 0; /* DECAP_*: tunnels that are looked into */
const volatile __u32 knob_geneve_port = DECAP_GENEVE_PORT;
const volatile __u32 knob_vxlan_port = DECAP_VXLAN_PORT;
const volatile __u32 knob_forward = 0; /* forwarding latency of hashes below; 0 = none */
/* The frames are those of a capture file: time and length come with the context (tc.bpf.c). */
const volatile __u32 knob_replay = 0;

/* This CPU's entry of what has one for each; the tables of a replay have one. */
static __always_inline __u32 part_here(void)
{
	return knob_replay ? 0 : bpf_get_smp_processor_id();
}

#endif
