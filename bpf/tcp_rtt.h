/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Round-trip times by sequence number: what a side sent waits in a ring for the ACK of the
 * other. The ring covers the sequence space from its first entry's begin to `next` without a
 * gap, so an entry needs no begin of its own; what can tell no time (sent again, not seen, sent
 * into a closed window) is an entry of time 0.
 *
 * Karn's rule as tcptrace has it: an ACK gives a sample if it is the very end of a segment that
 * was sent once, and nothing before it was sent later. So whatever is sent again spoils
 * itself and all behind it.
 *
 * Where no sequence number ever matches (the ACKs end inside of the segments that were seen), the
 * TCP timestamps tell (RFC 7323): from the first data with a new one to its first echo.
 */
#ifndef FLOWCTL_TCP_RTT_H
#define FLOWCTL_TCP_RTT_H

#include "tcp_segment.h"

#define RTT_STALE_US	(30 * 60 * 1000000u) /* the low half of the clock turns after 71 minutes */
#define RTT_STALE_NS	(RTT_STALE_US * 1000ll)
#define RTT_UNMATCHED	16 /* new ACKs without a match, until timestamps are asked */

static __always_inline void rtt_sample(struct tcp_side *w, __u32 rtt_us, struct tcp_told *ret)
{
	w->counts.rtt_samples++;
	w->counts.rtt_sum_us += rtt_us;
	if (rtt_us < w->now.min_rtt_us)
		w->now.min_rtt_us = rtt_us;
	if (rtt_us >= w->now.max_rtt_us + 1) /* TCP_NONE + 1 is 0 */
		w->now.max_rtt_us = rtt_us;
	ret->what |= TCP_TELLS_RTT;
	ret->rtt_us = rtt_us;
}

/* Append what ends at @end. Where there is no room the last entry grows: the end of a burst is
 * what is acknowledged for certain. */
static __always_inline void sent_put(struct tcp_side *w, __u32 end, __u32 time_us, __u32 many)
{
	__u32 slot = w->sent_first + w->n_sent, loose = 0;

	if (w->n_sent >= TCP_SENT) {
		slot--;
		loose = 1;
		many = 0;
	} else {
		w->n_sent++;
	}
	slot &= TCP_SENT - 1;
	w->sent[slot].end = end;
	w->sent[slot].time_us = time_us;
	if (many | loose | w->sent_many | w->sent_loose) {
		w->sent_many = (w->sent_many & ~(1u << slot)) | many << slot;
		w->sent_loose = (w->sent_loose & ~(1u << slot)) | loose << slot;
	}
}

/* New data from @seq, where the ring ends if it is not empty, to @end. */
static __always_inline void sent_new(struct tcp_side *w, const struct tcp_segment *s, __u32 seq,
				     __u32 end, __u32 time_us)
{
	__u32 many = s->segments > 1 && s->size;

	if (!w->n_sent)
		w->sent_left = seq;
	if (many)
		w->sent_size = s->size;
	sent_put(w, end, time_us, many);
}

/* Something from @seq on, before w->next, is sent (again): nothing behind it tells a time. */
static __always_inline void sent_spoil(struct tcp_side *w, __u32 seq)
{
	NO_UNROLL
	for (int i = 0; i < TCP_SENT; i++) {
		__u32 slot = w->sent_first + w->n_sent - 1;

		slot &= TCP_SENT - 1;
		if (!w->n_sent || (__s32)(w->sent[slot].end - seq) <= 0)
			break;
		w->n_sent--;
	}
}

/* [@seq, @end), up to w->next at most, was sent: in a hole of what was seen, so @fills and never
 * seen before; or again. */
static __always_inline void sent_again(struct tcp_side *w, __u32 seq, __u32 end, bool fills,
				       __u32 time_us)
{
	sent_spoil(w, seq);
	if (!w->n_sent && (__s32)(seq - w->sent_left) < 0)
		w->sent_left = seq;
	if (fills) {
		sent_put(w, seq, 0, 0);
		sent_put(w, end, time_us, 0);
	}
	if (!fills || end != w->next)
		sent_put(w, w->next, 0, 0);
}

/* The ACK ends inside of the oldest entry: of a super-packet's segments it may be one's end. */
static __always_inline bool sent_inside(struct tcp_side *w, __u32 ack, __u32 *ret_sent_us)
{
	__u32 slot = w->sent_first & (TCP_SENT - 1), size = w->sent_size;
	__u32 sent_us = w->sent[slot].time_us, into = ack - w->sent_left;

	if (!(w->sent_many >> slot & 1) || !size || into % size) {
		if (!(w->sent_loose >> slot & 1))
			w->sent[slot].time_us = 0;
		sent_us = 0;
	}
	w->sent_left = ack;
	*ret_sent_us = sent_us;
	return sent_us;
}

/* The other side acknowledged up to @ack what @w sent, and something waits for that. When was it
 * sent? False: not known. Mostly it is all of it. */
static __always_inline bool sent_acked(struct tcp_side *w, __u32 ack, __u32 *ret_sent_us)
{
	__u32 last = w->sent_first + w->n_sent - 1;
	bool found = false;

	last &= TCP_SENT - 1;
	if (w->sent[last].end == ack) {
		w->sent_first += w->n_sent;
		w->n_sent = 0;
		w->sent_left = ack;
		*ret_sent_us = w->sent[last].time_us;
		return *ret_sent_us;
	}
	NO_UNROLL
	for (int i = 0; i < TCP_SENT; i++) {
		__u32 slot = w->sent_first & (TCP_SENT - 1);
		__s32 beyond;

		if (!w->n_sent)
			return found;
		beyond = ack - w->sent[slot].end;
		if (beyond < 0)
			break;
		w->n_sent--;
		w->sent_first++;
		w->sent_left = w->sent[slot].end;
		if (!beyond && w->sent[slot].time_us) {
			*ret_sent_us = w->sent[slot].time_us;
			found = true;
		}
	}
	if (w->n_sent && (__s32)(ack - w->sent_left) > 0)
		return sent_inside(w, ack, ret_sent_us);
	return found;
}

/* The first data with a newer time stamp than that which was echoed last. */
static __always_inline void rtt_wait(struct tcp_side *w, const struct tcp_segment *s, __u32 now_us)
{
	if (w->unmatched < RTT_UNMATCHED || !(s->shown & TCP_SHOWS_TIMES) || w->wait_us)
		return;
	if ((__s32)(s->tsval - w->wait_tsval) <= 0 && w->unmatched > RTT_UNMATCHED)
		return;
	w->unmatched = RTT_UNMATCHED + 1;
	w->wait_tsval = s->tsval;
	w->wait_us = now_us;
}

static __always_inline void rtt_echoed(struct tcp_side *w, const struct tcp_segment *s,
				       __u32 now_us, struct tcp_told *ret)
{
	if (!w->wait_us || !(s->shown & TCP_SHOWS_TIMES))
		return;
	if ((__s32)(s->tsecr - w->wait_tsval) < 0)
		return;
	if (now_us - w->wait_us <= RTT_STALE_US)
		rtt_sample(w, now_us - w->wait_us, ret);
	w->wait_us = 0;
}

/* @s acknowledges what @w sent, maybe for the second time. */
static __always_inline void rtt_ack(struct tcp_side *w, const struct tcp_segment *s, __u32 now_us,
				    struct tcp_told *ret)
{
	__u32 sent_us;

	if (!w->n_sent)
		return;
	if ((__s64)(s->now_ns - w->last_ns) > RTT_STALE_NS) {
		w->n_sent = 0;
		w->wait_us = 0;
		return;
	}
	if (sent_acked(w, s->ack, &sent_us) && now_us - sent_us <= RTT_STALE_US) {
		rtt_sample(w, now_us - sent_us, ret);
		w->flags |= TCP_SIDE_MATCHED;
	} else if (!(w->flags & TCP_SIDE_MATCHED)) {
		if (w->unmatched < RTT_UNMATCHED)
			w->unmatched++;
		rtt_echoed(w, s, now_us, ret);
	}
}

#endif
