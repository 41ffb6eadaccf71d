/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a segment says by itself: windows, ECN, the spacing of data; and the windows of time in
 * which user space wants to know the extremes of them.
 */
#ifndef FLOWCTL_TCP_GAUGE_H
#define FLOWCTL_TCP_GAUGE_H

#include "tcp_segment.h"

static __always_inline void tcp_extremes_none(struct tcp_extremes *x)
{
	x->min_rtt_us = x->max_rtt_us = TCP_NONE;
	x->min_window = x->max_window = TCP_NONE;
	x->max_jitter_us = x->max_in_flight = TCP_NONE;
}

/* User space ended a window of time: what follows belongs to the next. */
static __always_inline void tcp_turn(struct tcp_side *w)
{
	__u32 asked = w->asked;

	if (asked == w->done)
		return;
	w->before = w->now;
	tcp_extremes_none(&w->now);
	w->done = asked;
}

static __always_inline void tcp_ecn(struct tcp_counts *n, const struct tcp_segment *s)
{
	switch (s->ecn & 3) {
	case 1:
		n->ect1 += s->segments;
		break;
	case 2:
		n->ect0 += s->segments;
		break;
	case 3:
		n->ce += s->segments;
		break;
	}
	if (!(s->flags & (TCP_ECE | TCP_CWR)))
		return;
	if (s->flags & TCP_ECE)
		n->ece += s->segments;
	if (s->flags & TCP_CWR)
		n->cwr++; /* segmentation leaves it on the first alone */
}

static __always_inline __u32 tcp_window_scaled(const struct tcp_side *mine,
					       const struct tcp_side *other, __u32 window)
{
	if (mine->scale != TCP_NO_SCALE && other->scale != TCP_NO_SCALE)
		window <<= mine->scale & 15;
	return window;
}

/* @window: scaled. */
static __always_inline void tcp_window_note(struct tcp_side *mine, __u32 window)
{
	mine->last_window = window;
	if (window < mine->now.min_window)
		mine->now.min_window = window;
	if (window >= mine->now.max_window + 1) /* TCP_NONE + 1 is 0 */
		mine->now.max_window = window;
}

/* Not of a SYN, whose window is not scaled and whose sender may not know of the other yet. */
static __always_inline void tcp_window(struct tcp_side *mine, const struct tcp_side *other,
				       const struct tcp_segment *s)
{
	__u32 window = tcp_window_scaled(mine, other, s->window);

	tcp_window_note(mine, window);
	if (!window && !(s->flags & TCP_FIN))
		mine->counts.zero_windows++;
}

static __always_inline void tcp_jitter(struct tcp_side *mine, __u64 now_us)
{
	__s64 apart = now_us - mine->data_us;
	__s64 change, sign;
	__u32 gap = apart, d;

	if ((__u64)apart > 0x7fffffff) /* negative: the clocks of two CPUs, or of a capture */
		gap = apart < 0 ? 0 : 0x7fffffff;
	if (mine->data_us && mine->last_gap_us != TCP_NONE) {
		change = (__s64)gap - mine->last_gap_us;
		sign = change >> 63;
		d = (change ^ sign) - sign; /* a jump would go either way, unforeseen */
		if (mine->jitter_x16_us == TCP_NONE)
			mine->jitter_x16_us = 0;
		/* RFC 3550, A.8 */
		mine->jitter_x16_us += d - ((mine->jitter_x16_us + 8) >> 4);
		if (d >= mine->now.max_jitter_us + 1)
			mine->now.max_jitter_us = d;
	}
	mine->last_gap_us = mine->data_us ? gap : TCP_NONE;
	mine->data_us = now_us;
}

/* So much was sent and not acknowledged. */
static __always_inline void tcp_in_flight(struct tcp_side *mine, __u32 octets)
{
	if (octets >= mine->now.max_in_flight + 1)
		mine->now.max_in_flight = octets;
}

#endif
