/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What somebody watches as it happens: handshakes and, where wanted, every RTT sample, into one
 * ring for all CPUs. Nobody wakes the watcher: it looks often enough, and a wake-up may
 * transmit. Nobody watches: one comparison, of a line that every packet reads anyway.
 *
 * Called behind the bucket's lock: a ring has a lock of its own.
 */
#ifndef FLOWCTL_TCP_EVENT_H
#define FLOWCTL_TCP_EVENT_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "knobs.h"
#include "maps.h"
#include "tcp_state.h"

/* Not inline: it happens seldom, and the ring's helpers want all registers. */
static __attribute__((noinline)) void tcp_event_put(const struct tcp_key *k,
						    const struct tcp_segment *s, __u32 kind,
						    __u32 value_us, __u32 from_ifindex)
{
	struct tcp_event *e = bpf_ringbuf_reserve(&tcp_events, sizeof(*e), 0);
	__u32 cpu = part_here(), side = s->side & 1;
	struct tcp_cpu *here;

	if (!e) {
		here = bpf_map_lookup_elem(&tcp_stats, &cpu);
		if (here)
			here->stats.events_lost++;
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time_ns = s->now_ns;
	e->value_us = value_us;
	e->ifindex = s->ifindex;
	e->from_ifindex = from_ifindex;
	e->kind = kind;
	e->family = k->family;
	e->direction = s->direction;
	/* Not by a computed index: the verifier of 5.15 would lose track of it. */
	__builtin_memcpy(e->peer, side ? k->addr[1] : k->addr[0], sizeof(e->peer));
	__builtin_memcpy(e->from, side ? k->addr[0] : k->addr[1], sizeof(e->from));
	e->peer_port = side ? k->port[1] : k->port[0];
	e->from_port = side ? k->port[0] : k->port[1];
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/* Does anybody watch what is told of such segments? @what: TCP_WATCH_RTT, or 0 = anything. */
static __always_inline bool tcp_is_watched(__u64 now_ns, __u32 what)
{
	__u64 watch_ns = *(volatile __u64 *)&ctl.watch_ns;

	return watch_ns >= now_ns && (watch_ns & what) == what;
}

/*
 * Tell what tcp_advance() said of @s in @told. @k: of its connection; @from_ifindex: side[] of
 * the end that did not send @s, its ifindex.
 */
static __always_inline void tcp_event_tell(const struct tcp_key *k, const struct tcp_segment *s,
					   const struct tcp_told *told, __u32 from_ifindex)
{
	if (!tcp_is_watched(s->now_ns, 0))
		return;
	if (told->what & TCP_TELLS_HANDSHAKE)
		tcp_event_put(k, s, TCP_EVENT_HANDSHAKE, told->handshake_us, from_ifindex);
	if (told->what & TCP_TELLS_RTT && tcp_is_watched(s->now_ns, TCP_WATCH_RTT))
		tcp_event_put(k, s, TCP_EVENT_RTT, told->rtt_us, from_ifindex);
}

#endif
