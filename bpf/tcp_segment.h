/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A segment as the state machine of TCP takes it, what it tells, and the flags of what it
 * remembers (abi_tcp.h).
 *
 * A super-packet of GSO or GRO comes as one segment: a range of `segments` packets, each of
 * `size` octets but the last.
 */
#ifndef FLOWCTL_TCP_SEGMENT_H
#define FLOWCTL_TCP_SEGMENT_H

#include "abi.h"
#include "packet.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_ECE 0x40
#define TCP_CWR 0x80

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

/* tcp_side.flags */
#define TCP_SIDE_KNOWN	    0x0001 /* `next` is, and `window` */
#define TCP_SIDE_ACKED	    0x0002 /* `acked` is */
#define TCP_SIDE_SYN	    0x0004 /* `isn` is */
#define TCP_SIDE_SYN_ACK    0x0008
#define TCP_SIDE_FIN	    0x0010
#define TCP_SIDE_SPOKE	    0x0020 /* an ACK without SYN or RST */
#define TCP_SIDE_KEEP_ALIVE 0x0040 /* its last segment was one */
#define TCP_SIDE_PROBED	    0x0080 /* a closed window, with the octet at `next` */
#define TCP_SIDE_MATCHED    0x0100 /* a sample of rtt by sequence number */
#define TCP_SIDE_SACKS	    0x0200 /* its last ACK showed blocks; `sack_high` is one's end */
#define TCP_SIDE_LOSS	    0x0400 /* it repeats by timeout, until `loss_end` is acknowledged */

/* tcp_conn.flags */
#define TCP_CONN_OPEN	   0x0001 /* the handshake is complete, or data flows without one */
#define TCP_CONN_RST	   0x0002
#define TCP_CONN_SYN_AGAIN 0x0004 /* a SYN was repeated: the handshake's time is not the RTT */
#define TCP_CONN_STRAIGHT  0x0008 /* its next segments may be for straight_advance() */

#define TCP_NO_CLIENT 2

/* tcp_side.again_kind: as what the last retransmissions were counted. */
enum tcp_again {
	TCP_AGAIN_NONE,
	TCP_AGAIN_FAST,
	TCP_AGAIN_TIMEOUT,
};

/* What tcp_advance() hands around; in registers, as everything is inlined. */
struct tcp_look {
	const struct tcp_segment *s;
	struct tcp_conn *c;
	struct tcp_side *mine, *other; /* of the sender, and of the other end */
	__u64 now_us;
	__u32 end; /* sequence number behind the segment; SYN and FIN count */
	bool crosses; /* it is the SYN-ACK of an end that sent a SYN: both opened at once */
};

/* Hidden from the compiler, which would make 32-bit sums of pointers. */
static __always_inline struct tcp_side *tcp_side_of(const struct tcp_conn *c, __u64 side)
{
	const struct tcp_side *ret = c->side;

	OPAQUE(side);
	ret += side & 1;
	OPAQUE(ret);
	return (struct tcp_side *)ret;
}

static __always_inline bool tcp_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

#endif
