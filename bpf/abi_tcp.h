/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the kernel program and user space about TCP's health: what is
 * remembered of a connection, in a table of its own beside that of the flows (abi.h includes
 * this file). Both directions meet in one entry; a flow's record finds its own by addresses
 * and ports, and by the hook that advanced that direction.
 *
 * Numbers of TCP (sequence, acknowledgement) are in host order and compare modulo 2^32.
 * Times are of the meter's clock: CLOCK_BOOTTIME, or the capture's own in a replay.
 */
#ifndef FLOWCTL_ABI_TCP_H
#define FLOWCTL_ABI_TCP_H

#include <linux/types.h>

/*
 * The ends in order: of two addresses the one is end 0 whose 16 bytes, as two words in host
 * order, are smaller; equal ones go by ports (tcp_key.h). VLANs and interfaces are no part of
 * it: the two directions of a routed connection come by different ones. See tcp_side.place.
 */
struct tcp_key {
	__u8 addr[2][16];	/* as in flow_key */
	__be16 port[2];
	__u32 vni;
	__u8 family;
	__u8 tunnel;
	__u8 reserved[6];
};

/*
 * Grow only, modulo 2^32, as long as the entry is this connection's: user space takes
 * differences. Of the segments that side sent, but dup ACKs and rtt: see there.
 */
struct tcp_counts {
	__u32 retransmissions;		/* = fast + timeout + spurious */
	__u32 fast_retransmits;
	__u32 timeout_retransmits;
	__u32 spurious_retransmits;	/* acknowledged already, or answered by a DSACK */
	__u32 out_of_order;
	__u32 duplicate_acks;		/* that this side sent */
	__u32 zero_windows;		/* that this side announced */
	__u32 keep_alives;
	__u32 ect0, ect1, ce, ece, cwr;	/* packets that carried it */
	__u32 rtt_samples;		/* of this side's segments, by the other side's ACKs */
	__u64 rtt_sum_us;
};

#define TCP_NONE 0xffffffff /* not observed */

/* Of a window of time that user space ends (tcp_side.asked). TCP_NONE: not observed. */
struct tcp_extremes {
	__u32 min_rtt_us, max_rtt_us;
	__u32 min_window, max_window;	/* octets; scaled where the handshake was seen */
	__u32 max_jitter_us;
	__u32 max_in_flight;		/* octets */
};

/* A segment that waits for its ACK, and when it was sent. */
struct tcp_sent {
	__u32 end;			/* number behind it; it begins where the last ends */
	__u32 time_us;			/* low half of the clock in us; 0: its ACK tells nothing */
};
#define TCP_SENT 16

/*
 * Where a side's packets come by, so that the same addresses in two VLANs are two connections:
 * the tags as a flow's key has them, 13 bits each (VLAN_PRESENT | id, or 0).
 */
#define TCP_PLACE_KNOWN 0x80000000
#define TCP_PLACE(outer_, inner_) (TCP_PLACE_KNOWN | (__u32)(outer_) | (__u32)(inner_) << 13)
#define TCP_HOLES 4

/*
 * What one end sent. 512 bytes, a cache line in each paragraph, by how often it is needed: of
 * most packets the first two, and a part of `sent`; of the other end the first, and, where it is
 * acknowledged, the same. The last 128, but `isn`, and `asked`, are user space's and never written
 * by the program, but to clear them when the entry becomes another connection's.
 */
struct tcp_side {
	/* Who advances it: of several hooks that see the same packets only one does. */
	__u32 ifindex;			/* 0: no packet was seen yet */
	__u32 place;			/* TCP_PLACE(); 0: not known, no packet was seen yet */
	__u8 direction;			/* FLOW_INGRESS or FLOW_EGRESS */
	__u8 scale;			/* of its window; TCP_NO_SCALE: not known, or none */
	__u16 flags;			/* TCP_SIDE_* of tcp_segment.h */
	__u32 done;			/* what of `asked` was done */
	__u32 asked;			/* raised to end a window: what is written next begins another */
	__u32 next;			/* behind the highest that was sent */
	__u32 acked;			/* the highest ACK this side sent */
	__u16 window;			/* of its last segment, unscaled */
	__u16 dup_acks;			/* that it sent in a row */
	__u64 last_ns;			/* packets that advanced it: the last, first_ns the first */
	__u64 data_us;			/* its last segment with data */
	__u32 last_gap_us;
	__u32 jitter_x16_us;		/* RFC 3550; TCP_NONE: fewer than three segments */
	__u32 last_window;		/* as the extremes; TCP_NONE */
	__u32 tsval;			/* the highest it showed */

	__u32 wait_tsval, wait_us;	/* waits for its echo, and since when */
	struct tcp_range {
		__u32 left, right;
	} again;			/* the last retransmissions, until a DSACK may come */
	struct tcp_counts counts;	/* its end, of RTT, is in the next line */

	struct tcp_extremes now;
	__u8 again_kind;		/* enum tcp_again */
	__u8 hole_at;			/* which hole to forget next */
	__u8 unmatched;			/* ACKs that matched no segment of this side, up to now */
	__u8 n_sent;
	__u16 sent_many;		/* bit n: sent[n] is a super-packet */
	__u16 sent_size;		/* the octets of each of its segments */
	__u16 sent_first;		/* where in sent[] the oldest is, modulo TCP_SENT */
	__u16 sent_loose;		/* bit n: sent[n] is many, known by the last's end */
	__u32 sent_left;		/* sequence number it begins with */
	__u32 sack_high;		/* the highest edge its last ACK showed */
	__u32 loss_end;			/* `next` when it last sent again by timeout */

	struct tcp_sent sent[TCP_SENT];	/* a ring, in order of sequence and without gaps */

	struct tcp_range holes[TCP_HOLES]; /* of what it sent, not seen yet; empty: left == right */
	struct tcp_extremes before;	/* of the window that ended with `done` */
	__u64 first_ns;

	struct tcp_counts taken;	/* exported already; of generation taken_gen */

	__u32 taken_gen;		/* tcp_conn.gen; another one: nothing was taken */
	__u32 isn;			/* of its SYN */
	__u32 told;			/* `asked` of the last window that left in a record */
	__u32 leaving;			/* the batch of records in which `taken` leaves */
	__u32 reserved[12];
};

/* A connection. */
struct tcp_conn {
	struct tcp_key key;
	__u32 gen;		/* every connection in this place has another; 0 = never used */
	__u32 idx;		/* this entry's number */
	__u32 reserved0;
	__u16 flags;		/* TCP_CONN_* of tcp_segment.h */
	__u8 client;		/* side that sent the first SYN; 2 = not seen */
	__u8 reserved1;
	struct tcp_side side[2];
	/* The handshake, 0 = not seen: first SYN, first SYN-ACK, the ACK that ended it. */
	__u64 syn_ns, syn_ack_ns, ack_ns;
	__u32 hole_us[2][TCP_HOLES]; /* when the holes of each side were made */
	__u32 reserved2[2];
};

/*
 * What is needed to find one of eight connections, a cache line; they themselves, which lie as
 * many beside one another in `tcp_conns`, need not be looked at. `lock` is odd while a CPU
 * writes the bucket or its connections: a copy between two equal, even readings of it is whole
 * (lib/kernel/health_find.c reads it so).
 *
 * In one array lie the buckets in which a connection is looked for first (table_ctl.tcp_buckets),
 * those of connections that found that full (tcp_more_buckets; there may be none), and those
 * of half-open ones (tcp_half_buckets): tcp_key.h has their numbers.
 */
#define TCP_WAYS 8
#define TCP_WAY_PROBATION 0x1	/* seen from one side only */
#define TCP_WAY_OVER	  0x2	/* FIN from both ends, or RST */
struct tcp_bucket {
	__u32 lock;
	__u8 flags[TCP_WAYS];	/* TCP_WAY_*: what may give way first */
	__u32 tag[TCP_WAYS];	/* hash of the key, never 0 where there is one; 0 = free */
	__u32 reserved0;
	__u64 straight;		/* segments beside those of tcp_stats, whose line is not at hand */
	__u64 reserved1;
};

/*
 * By number of a flow's slot: where its connection is, as long as that is of generation `gen`; 0:
 * not known. Written only by the CPU that owns the slot, and cleared when it begins another flow.
 */
struct tcp_hint {
	__u32 gen;
	__u32 conn;		/* tcp_conn.idx, and in the lowest bit the side that sends */
};

/* Of one table; per CPU. What is not known, and why. */
struct tcp_stats {
	__u64 segments;		/* that advanced a connection */
	__u64 busy;		/* not looked at: another CPU had the bucket for too long */
	__u64 replaced;		/* connections that gave way while they were alive */
	__u64 half_open_lost;	/* handshakes that found no room, or gave way */
	__u64 ends_lost;	/* replaced, the ring was full: what was not taken is lost */
	__u64 events_lost;	/* for `latency` */
	__u64 no_room;		/* in the middle of connections, and every place is a living one's */
	__u64 reserved;
};

/* A CPU's entry in the map tcp_stats. */
struct tcp_cpu {
	struct tcp_stats stats;
	__u64 work[24];		/* the program's own: struct tcp_work of tcp_table.h */
};

/* The lowest bit of table_ctl.watch_ns: whoever watches wants every RTT sample, too. */
#define TCP_WATCH_RTT 1

/* What the ring `tcp_events` carries while somebody watches (table_ctl.watch_ns). */
enum tcp_event_kind {
	TCP_EVENT_HANDSHAKE,	/* the SYN-ACK came: value_us since the first SYN */
	TCP_EVENT_RTT,		/* value_us: one sample of `from`'s segments */
};
struct tcp_event {
	__u64 time_ns;
	__u32 value_us;
	__u32 ifindex;		/* of the hook that saw it: the peer's packet */
	__u8 kind;		/* enum tcp_event_kind */
	__u8 family;
	__u8 direction;
	__u8 reserved[5];
	__u8 peer[16];		/* HANDSHAKE: the server; RTT: the end that acknowledged */
	__u8 from[16];		/* the other end */
	__be16 peer_port;
	__be16 from_port;
	__u32 from_ifindex;	/* of the hook that sees what the other end sends; 0: none did yet */
};

_Static_assert(sizeof(struct tcp_key) == 48, "tcp_key is hashed and compared in words");
_Static_assert(sizeof(struct tcp_counts) == 64, "tcp_counts");
_Static_assert(sizeof(struct tcp_side) == 512, "tcp_side");
_Static_assert(__builtin_offsetof(struct tcp_side, wait_tsval) == 64, "one cache line, as those below");
_Static_assert(__builtin_offsetof(struct tcp_side, counts.cwr) == 128, "what RTT needs is in one line");
_Static_assert(__builtin_offsetof(struct tcp_side, sent) == 192, "tcp_side.sent");
_Static_assert(__builtin_offsetof(struct tcp_side, holes) == 320, "tcp_side.holes");
_Static_assert(__builtin_offsetof(struct tcp_side, taken) == 384, "tcp_side.taken");
_Static_assert(__builtin_offsetof(struct tcp_conn, side) == 64, "what tells a connection is one line");
_Static_assert(sizeof(struct tcp_conn) == 1152, "tcp_conn");
_Static_assert(sizeof(struct tcp_bucket) == 64, "a bucket is a cache line");
_Static_assert(sizeof(struct tcp_event) == 64, "tcp_event");

#endif
