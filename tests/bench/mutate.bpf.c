// SPDX-License-Identifier: Apache-2.0
/*
 * The packets of a measurement. BPF_PROG_TEST_RUN repeats one packet; this program gives
 * every repetition another flow's address and port, taken from an array that user space
 * filled, and then goes on to the program under test by a tail call: many flows, and not
 * one system call a packet. `generate` sends them to a device instead (live frames).
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "mutate.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STEPS);
	__type(key, __u32);
	__type(value, struct step);
} steps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tested SEC(".maps");

const volatile __u32 knob_addr = 26; /* offset of the address' last four bytes */
const volatile __u32 knob_port = 34; /* offset of the port; 0 = there is none */
const volatile __u32 knob_len = 60;  /* of the frame */
const volatile __u32 knob_ifindex = 0;

__u32 position = 0;

static __always_inline int mutate(void *data, void *end)
{
	__u32 at = position & (STEPS - 1);
	const struct step *s = bpf_map_lookup_elem(&steps, &at);

	if (!s || data + knob_len > end)
		return -1;
	position = at + 1;
	*(__be32 *)(data + knob_addr) = s->addr;
	if (knob_port)
		*(__be16 *)(data + knob_port) = s->port;
	return 0;
}

SEC("tc")
int mutate_tc(struct __sk_buff *skb)
{
	if (mutate((void *)(long)skb->data, (void *)(long)skb->data_end) == 0)
		bpf_tail_call(skb, &tested, 0);
	return MUTATE_FAILED;
}

SEC("xdp")
int mutate_xdp(struct xdp_md *xdp)
{
	if (mutate((void *)(long)xdp->data, (void *)(long)xdp->data_end) == 0)
		bpf_tail_call(xdp, &tested, 0);
	return MUTATE_FAILED;
}

SEC("xdp")
int generate(struct xdp_md *xdp)
{
	if (mutate((void *)(long)xdp->data, (void *)(long)xdp->data_end) < 0)
		return XDP_ABORTED;
	return bpf_redirect(knob_ifindex, 0);
}

char LICENSE[] SEC("license") = "Apache-2.0";
