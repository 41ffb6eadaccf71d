// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The meter at XDP: ingress, before the kernel has made anything of the frame. There is no
 * GRO yet, so a frame is a packet of the wire; a VLAN tag that the device took off is not to
 * be seen, one in the frame is.
 *
 * A packet of several buffers is counted by its whole length, and parsed as far as its
 * first buffer goes: that is where drivers put all headers (a page, less what they reserve).
 * Of a header that does begin behind it nothing is known, and the packet is not parsed.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define CONTEXT		    struct xdp_md
#define context_here(c_)    ((c_)->ingress_ifindex)
#define context_came_by(c_) 0
#define context_mark(c_)    0
#define context_now(c_)	    bpf_ktime_get_boot_ns()
#define context_clock(c_)   (bpf_ktime_get_ns() + ctl.boot_ns)
#define context_tick(c_)    bpf_jiffies64()

#include "meter.h"
#include "parse.h"

const volatile __u32 knob_frags = 0; /* packets of several buffers come here, too (Linux 5.18) */
const volatile __u32 knob_super = 0; /* super-packets may: the device is one of software */

static __always_inline __u32 frame_len(struct xdp_md *ctx)
{
	return knob_frags ? bpf_xdp_get_buff_len(ctx) : ctx->data_end - ctx->data;
}

static __always_inline void packet_init(struct packet *p, struct facts *f, struct xdp_md *ctx)
{
	__u32 len = frame_len(ctx);

	facts_init(f);
	if (knob_tcp)
		f->header_len = f->gso_size = 0;
	*p = (struct packet){
		.f = f,
		.ctx = ctx,
		.data = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.left = len,
		.stop = len,
	};
}

/* There is no way to make the linear part longer. */
static __always_inline bool pull(struct xdp_md *ctx)
{
	return false;
}

#include "walk.h"

#include "decap.h"
#include "forward.h"
#include "tcp_meter.h"
#include "tcp_quick.h"

/* The protocol of a device without Ethernet header is nowhere but in the packet. */
static __always_inline __be16 bare_proto(struct packet *p)
{
	return knob_ethernet ? 0 : ip_proto(p);
}

/*
 * A generic program may be given a super-packet: where the sender is on this machine (veth,
 * tap, lo) or the packet was joined on a device below. Its context does not tell how it is
 * cut, only that it is longer than the device's MTU. It counts as cut there, as bulk TCP
 * is: no segment can be longer, so there are no fewer. A device of hardware may take frames
 * longer than its MTU, and gives no super-packets.
 */
static __always_inline __u32 super_mtu(const struct facts *f, struct xdp_md *ctx)
{
	__u32 mtu = 0;

	if (!knob_super || f->bytes <= ETH_DATA_LEN || bpf_check_mtu(ctx, 0, &mtu, 0, 0) < 0)
		return 0;
	return f->bytes > mtu ? mtu : 0;
}

/* @mtu: super_mtu(), of the outer packet where this is one out of a tunnel. @ip_off: where that
 * one begins. */
static __always_inline void count_super(struct packet *p, struct xdp_md *ctx, __u32 mtu,
					__u32 ip_off)
{
	struct facts *f = p->f;
	__u32 headers;

	gso_header(p, segment_header_end(ctx, p));
	headers = f->header_len + (f->ip_off - ip_off);
	if (!f->header_len || headers >= mtu)
		return;
	p->gso_size = mtu - headers;
	gso_count(p);
}

static __always_inline void look_further(struct xdp_md *ctx, struct facts *f)
{
	__u32 mtu = super_mtu(f, ctx), ip_off = f->ip_off;
	struct packet p = { .f = f };

	if (knob_decap)
		decap(ctx, f, mtu);
	if (mtu)
		count_super(&p, ctx, mtu, ip_off);
}

static __always_inline enum ledger_reason observe(struct xdp_md *ctx, struct facts *f)
{
	enum ledger_reason reason;
	struct packet p;

	packet_init(&p, f, ctx);
	reason = parse(&p, knob_ethernet, bare_proto(&p));
	return f->beyond == BEYOND_HEADER ? LEDGER_UNPARSED : reason;
}

/* See tc.bpf.c. */
__noinline int observe_at(struct xdp_md *ctx, struct facts *f)
{
	return knob_decap && f ? observe(ctx, f) : LEDGER_UNPARSED;
}

SEC("xdp")
int flowctl_xdp(struct xdp_md *ctx)
{
	struct facts facts, *f = &facts;
	enum ledger_reason reason;

	IN_MEMORY(f);
	if (knob_decap) {
		facts_clear(f);
		reason = observe_at(ctx, f) & LEDGER_MASK;
	} else {
		reason = observe(ctx, f);
	}
	if (reason == LEDGER_SEEN)
		look_further(ctx, f);
	meter(ctx, f, reason);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
