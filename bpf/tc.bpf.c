// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The meter at tc hooks: clsact (direct action) and tcx alike. Headers are read where
 * they lie. Only if one lies behind the linear part of the packet, that part is made
 * longer, once, and reading starts again.
 *
 * In a replay (knob_replay) the packet is a frame of a capture file, whole or its first part,
 * in a test run of this program: `tstamp` is the replay's clock and cb[0] the length that the
 * frame had on the wire. What lies behind the part that is there is not to be had.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#define CONTEXT		    struct __sk_buff
#define context_here(c_)    ((c_)->ifindex)
#define context_came_by(c_) ((c_)->ingress_ifindex)
#define context_mark(c_)    ((c_)->mark)
/* CLOCK_BOOTTIME, and jiffies; or the capture's clock, and its microseconds. */
#define context_now(c_)	    (knob_replay ? (c_)->tstamp : bpf_ktime_get_boot_ns())
/* The same, by a cheaper clock. */
#define context_clock(c_)   (knob_replay ? (c_)->tstamp : bpf_ktime_get_ns() + ctl.boot_ns)
#define context_tick(c_)    (knob_replay ? (c_)->tstamp / 1000 : bpf_jiffies64())

#include "meter.h"
#include "parse.h"

#define PULL_LEN 512

/* A meter decides nothing: the next program or filter has the word. TCX_NEXT is the same number. */
#define METER_VERDICT TC_ACT_UNSPEC

static __always_inline __u32 wire_len(const struct __sk_buff *skb)
{
	__u32 len = skb->len;

	/* Or the compiler would choose between two addresses, which no context allows. */
	OPAQUE(len);
	if (knob_replay)
		len = skb->cb[0];
	return len;
}

static __always_inline void packet_init(struct packet *p, struct facts *f, struct __sk_buff *skb)
{
	__u32 len = wire_len(skb);

	facts_init(f);
	if (knob_tcp)
		f->header_len = f->gso_size = 0;
	*p = (struct packet){
		.f = f,
		.ctx = skb,
		.data = (void *)(long)skb->data,
		.end = (void *)(long)skb->data_end,
		.left = len,
		.stop = len,
	};
}

/* A header lies behind the linear data: true when it is worth another look. */
static __always_inline bool pull(struct __sk_buff *skb)
{
	if (knob_replay)
		return false;
	return bpf_skb_pull_data(skb, skb->len < PULL_LEN ? skb->len : PULL_LEN) == 0;
}

#include "walk.h"

#include "decap.h"
#include "forward.h"
#include "tcp_meter.h"
#include "tcp_quick.h"

static __always_inline enum ledger_reason observe(struct __sk_buff *skb, struct facts *f)
{
	enum ledger_reason reason;
	struct packet p;

	NO_UNROLL
	for (int i = 0; i < 2; i++) {
		packet_init(&p, f, skb);
		if (skb->vlan_present)
			put_tag(f, VLAN_PRESENT | (skb->vlan_tci & VLAN_ID_MASK));
		reason = parse(&p, knob_ethernet, skb->protocol);
		if (!f->beyond)
			break;
		/* Of a frame that was captured in part the IP header is enough. */
		if (f->beyond == BEYOND_HEADER && !(knob_replay && reason == LEDGER_SEEN))
			reason = LEDGER_UNPARSED;
		if (!pull(skb))
			break;
	}
	OPAQUE(reason);
	return reason;
}

/* The same by a call, where tunnels are looked into: what follows has many more ways then, and is
 * not to be gone through anew for every way of the parsers. */
__noinline int observe_at(struct __sk_buff *skb, struct facts *f)
{
	return knob_decap && f ? observe(skb, f) : LEDGER_UNPARSED;
}

/* @reason: what observe() returned for @f. */
static __always_inline void conclude(struct __sk_buff *skb, struct facts *f,
				     enum ledger_reason reason)
{
	struct packet p;

	p.f = f;
	p.gso_size = skb->gso_size;
	p.gso_segs = skb->gso_segs;
	if (knob_decap && reason == LEDGER_SEEN)
		decap(skb, f, is_gso(&p));
	if (is_gso(&p)) {
		gso_forget_jumbo(f);
		gso_header(&p, reason == LEDGER_SEEN ? segment_header_end(skb, &p) : 0);
		gso_count(&p);
	}
	meter(skb, f, reason);
}

SEC("tc")
int flowctl_tc(struct __sk_buff *skb)
{
	struct facts facts, *f = &facts;
	enum ledger_reason reason;

	IN_MEMORY(f);
	if (knob_decap) {
		facts_clear(f);
		reason = observe_at(skb, f) & LEDGER_MASK;
	} else {
		reason = observe(skb, f);
	}
	conclude(skb, f, reason);
	return METER_VERDICT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
