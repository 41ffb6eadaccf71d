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
	*f = (struct facts) {};
	*p = (struct packet) {
		.f = f,
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

/*
 * gso_inner() from @off to @stop, with the length of a jumbo option in the upper half.
 * Not static, so that the verifier checks it once and on its own.
 */
__noinline __u64 tc_inner(struct __sk_buff *skb, __u32 off, __u32 stop, __u32 proto, __u32 port)
{
	struct facts facts, *f = &facts;
	struct packet p;
	__u32 end;

	OPAQUE(f);
	pull(skb);
	packet_init(&p, f, skb);
	p.left = stop - off;
	p.stop = stop;
	if (off > stop || stop > skb->len || !packet_settle(&p))
		return 0;
	end = gso_inner(&p, proto, port);
	return (__u64)f->jumbo_len << 32 | end;
}

static __always_inline void measure_inner(struct __sk_buff *skb, struct packet *p)
{
	struct facts *f = p->f;
	__u64 inner;

	if (!is_gso(p) || f->fragment || !is_tunnel(f->proto, f->dport))
		return;
	inner = tc_inner(skb, p->off, p->stop, f->proto, f->dport);
	if (!(__u32)inner)
		return;
	f->header_len = (__u32)inner - (p->stop - f->ip_len);
	f->jumbo_len += inner >> 32;
}

static __always_inline enum ledger_reason observe(struct __sk_buff *skb, struct facts *f)
{
	enum ledger_reason reason = LEDGER_UNPARSED;
	struct packet p;

	NO_UNROLL
	for (int i = 0; i < 2; i++) {
		packet_init(&p, f, skb);
		if (skb->vlan_present)
			f->vlan_outer = VLAN_PRESENT | (skb->vlan_tci & VLAN_ID_MASK);
		reason = parse(&p, knob_ethernet, skb->protocol);
		if (!f->beyond || !pull(skb))
			break;
	}
	if (reason == LEDGER_SEEN)
		measure_inner(skb, &p);
	gso_count(&p);
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
