/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one more segment says about the health of its connection. Pure: a connection and a
 * segment in, the connection changed. No helpers, no maps, no clock of its own: it compiles for
 * the host as well, and runs inside the bucket's lock (tcp_table.h).
 *
 * A super-packet of GSO or GRO comes as one segment: a range of `segments` packets, each of
 * `size` octets but the last.
 */
#ifndef FLOWCTL_TCP_STATE_H
#define FLOWCTL_TCP_STATE_H

#include "abi.h"
#include "packet.h"

#define TCP_NO_SCALE 0xff

/* tcp_segment.shown */
#define TCP_SHOWS_TIMES 0x01
#define TCP_SHOWS_SACK	0x02	/* sack[0] */
#define TCP_SHOWS_SACK2 0x04	/* and sack[1] */

struct tcp_segment {
	__u64 now_ns;
	__u32 seq, ack;		/* host order */
	__u32 len;		/* octets of payload, of all segments */
	__u32 segments;		/* packets on the wire, 1 .. */
	__u32 size;		/* octets of payload of each but the last; 0: there is one */
	__u32 tsval, tsecr;	/* if it shows them */
	struct tcp_range sack[2]; /* the first two blocks */
	__u32 place;		/* as in tcp_side */
	__u32 ifindex;		/* of the hook */
	__u16 window;		/* unscaled */
	__u8 flags;		/* byte 13 of the header */
	__u8 scale;		/* of a SYN's window scale option; TCP_NO_SCALE */
	__u8 shown;		/* TCP_SHOWS_* */
	__u8 ecn;		/* the lower two bits of ToS or traffic class */
	__u8 direction;		/* of the hook */
	__u8 side;		/* that sent it, 0 or 1 */
};

/* What tcp_advance() found that somebody may wait for. */
#define TCP_TELLS_HANDSHAKE 0x1 /* this is the first SYN-ACK behind a SYN */
#define TCP_TELLS_RTT	    0x2 /* it acknowledged: a sample of the other side's segments */
#define TCP_TELLS_OPEN	    0x4 /* the handshake is complete: no more half-open */

struct tcp_told {
	__u32 what;		/* TCP_TELLS_* */
	__u32 handshake_us;	/* SYN to SYN-ACK */
	__u32 rtt_us;
};

/* Make @c, of which key, gen and idx are set and all else is 0, fit for its first segment. */
static __always_inline void tcp_begin(struct tcp_conn *c, const struct tcp_segment *s);
/* Does @s begin another connection than @c, between the same ends (a SYN behind FIN or RST, or
 * one of another ISN where the old one cannot be alive)? */
static __always_inline bool tcp_is_next(const struct tcp_conn *c, const struct tcp_segment *s);
/* Is it over: FIN from both ends, or RST? */
static __always_inline bool tcp_is_over(const struct tcp_conn *c);
/* Count @s, which the right hook saw, in @c. */
static __always_inline void tcp_advance(struct tcp_conn *c, const struct tcp_segment *s,
					struct tcp_told *ret);

#endif
