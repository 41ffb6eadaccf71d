// SPDX-License-Identifier: Apache-2.0
/*
 * The packets of a measurement. BPF_PROG_TEST_RUN repeats one packet; this program gives
 * every repetition another flow's address and port, taken from an array that user space
 * filled, and then goes on to the program under test by a tail call: many flows, and not
 * one system call a packet. `generate` sends them to a device instead (live frames).
 *
 * Flows that talk are connections as most of them are: two segments of data in sequence, then
 * the ACK of both from the other end, and so on, with time stamps, each connection from where it
 * had come to. The same packet again and again would be a retransmission of no connection's.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
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

/* Packets that each connection has sent, both ways. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << TALKS_LOG2);
	__type(key, __u32);
	__type(value, __u32);
} said SEC(".maps");

const volatile __u32 knob_talk = 0;  /* offset of IPv4's header in frames that talk */
const volatile __u32 knob_addr = 26; /* offset of the address' last four bytes */
const volatile __u32 knob_port = 34; /* offset of the port; 0 = there is none */
const volatile __u32 knob_len = 60;  /* of the frame */
const volatile __u32 knob_ifindex = 0;

__u32 position = 0;

/* IPv4 and TCP, with time stamps and no other options. */
struct talk {
	__u8 version, tos;
	__be16 total;
	__u8 between[8];
	__be32 addr[2];
	__be16 port[2];
	__be32 seq, ack;
	__u8 rest[10];
	__be16 options;
	__be32 tsval, tsecr;
} __attribute__((packed, aligned(2)));

#define TALK_SERVER	 bpf_htonl(0x0a800001)
#define TALK_SERVER_PORT bpf_htons(443)
#define TALK_HEADERS	 52
#define TALK_DATA	 6 /* octets of a segment */

/* The next packet of this step's connection: number 0 and 1 of three are data, number 2 their ACK. */
static __always_inline int talk(struct talk *t, const struct step *s, void *end)
{
	__u32 flow = (bpf_ntohl(s->addr) << PORTS_LOG2 | (bpf_ntohs(s->port) - PORT_FIRST)) &
		     ((1 << TALKS_LOG2) - 1);
	__u32 *n = bpf_map_lookup_elem(&said, &flow), at, data;
	int reply;

	if (!n || (void *)(t + 1) > end)
		return -1;
	at = (*n)++;
	reply = at % 3 == 2;
	data = (at / 3 * 2 + at % 3) * TALK_DATA;
	t->total = bpf_htons(TALK_HEADERS + (reply ? 0 : TALK_DATA));
	t->addr[reply] = s->addr;
	t->addr[!reply] = TALK_SERVER;
	t->port[reply] = s->port;
	t->port[!reply] = TALK_SERVER_PORT;
	t->seq = bpf_htonl(reply ? 1 : data);
	t->ack = bpf_htonl(reply ? data : 1);
	t->tsval = bpf_htonl(at + 1);
	t->tsecr = bpf_htonl(at);
	return 0;
}

static __always_inline int mutate(void *data, void *end)
{
	__u32 at = position & (STEPS - 1);
	const struct step *s = bpf_map_lookup_elem(&steps, &at);

	if (!s || data + knob_len > end)
		return -1;
	position = at + 1;
	if (knob_talk)
		return talk(data + knob_talk, s, end);
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
