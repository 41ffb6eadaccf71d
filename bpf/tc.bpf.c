// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The meter at tc hooks: clsact (direct action) and tcx alike. Headers are read where
 * they lie. Only if one lies behind the linear part of the packet, that part is made
 * longer, once, and reading starts again.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "meter.h"
#include "parse.h"

#define PULL_LEN 512

/* A meter decides nothing: the next program or filter has the word. TCX_NEXT is the same number. */
#define METER_VERDICT TC_ACT_UNSPEC

static __always_inline void packet_init(struct packet *p, struct facts *f, struct __sk_buff *skb)
{
	facts_init(f);
	*p = (struct packet){
		.f = f,
		.ctx = skb,
		.data = (void *)(long)skb->data,
		.end = (void *)(long)skb->data_end,
		.left = skb->len,
		.stop = skb->len,
		.gso_size = skb->gso_size,
		.gso_segs = skb->gso_segs,
	};
}

/* A header lies behind the linear data: true when it is worth another look. */
static __always_inline bool pull(struct __sk_buff *skb)
{
	return bpf_skb_pull_data(skb, skb->len < PULL_LEN ? skb->len : PULL_LEN) == 0;
}

/* For those below, which are given numbers: the cursor at @off, reading stops at @stop. */
static __always_inline bool packet_at(struct packet *p, struct facts *f, struct __sk_buff *skb,
				      __u32 off, __u32 stop)
{
	packet_init(p, f, skb);
	if (off > stop || stop > skb->len)
		return false;
	p->left = stop - off;
	p->stop = stop;
	return packet_settle(p);
}

__noinline int tc_walk_extensions(struct __sk_buff *skb, __u32 off, __u32 stop, struct ip6_chain *c)
{
	struct facts f;
	struct packet p;

	if (!c || !packet_at(&p, &f, skb, off, stop))
		return false;
	return walk_extensions(&p, c);
}

static __always_inline bool call_walk_extensions(struct packet *p, struct ip6_chain *c)
{
	return tc_walk_extensions(p->ctx, p->off, p->stop, c);
}

#define INNER_BEYOND (1ull << 40)

/* gso_inner(); above it, from bit 32 on, the length of a jumbo option, and INNER_BEYOND. */
__noinline __u64 tc_inner(struct __sk_buff *skb, __u32 off, __u32 stop, __u32 proto, __u32 port)
{
	struct facts facts, *f = &facts;
	struct packet p;
	__u32 end;

	OPAQUE(f);
	if (!packet_at(&p, f, skb, off, stop))
		return 0;
	end = gso_inner(&p, proto, port);
	if (f->beyond)
		return INNER_BEYOND;
	return end ? (__u64)f->jumbo_len << 32 | end : 0;
}

/* Where the last header ends that every segment repeats; 0 = cannot be told. */
static __always_inline __u32 segment_header_end(struct __sk_buff *skb, struct packet *p)
{
	struct facts *f = p->f;
	__u64 inner;

	if (f->fragment)
		return 0;
	if (!is_tunnel(f->proto, f->dport))
		return l4_end(f);
	inner = tc_inner(skb, p->off, p->stop, f->proto, f->dport);
	if (inner & INNER_BEYOND && pull(skb))
		inner = tc_inner(skb, p->off, p->stop, f->proto, f->dport);
	if (!(__u32)inner)
		return l4_end(f);
	f->jumbo_len += (__u8)(inner >> 32);
	return (__u32)inner;
}

static __always_inline enum ledger_reason observe(struct __sk_buff *skb, struct facts *f)
{
	enum ledger_reason reason;
	struct packet p;

	NO_UNROLL
	for (int i = 0; i < 2; i++) {
		packet_init(&p, f, skb);
		if (skb->vlan_present)
			f->vlan_outer = VLAN_PRESENT | (skb->vlan_tci & VLAN_ID_MASK);
		reason = parse(&p, knob_ethernet, skb->protocol);
		if (!f->beyond)
			break;
		reason = LEDGER_UNPARSED;
		if (!pull(skb))
			break;
	}
	if (is_gso(&p)) {
		gso_header(&p, reason == LEDGER_SEEN ? segment_header_end(skb, &p) : 0);
		gso_count(&p);
	}
	return reason;
}

SEC("tc")
int flowctl_tc(struct __sk_buff *skb)
{
	struct facts facts, *f = &facts;

	OPAQUE(f);
	meter(skb, f, observe(skb, f));
	return METER_VERDICT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
