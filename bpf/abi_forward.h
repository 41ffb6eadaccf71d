/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the kernel program and user space about forwarding latency: how long
 * packets are in this box, from an ingress hook to an egress hook of the same namespace. Both
 * choose the same packets, by a hash of what forwarding does not change (RFC 5475 6.2.2, RFC 5474
 * 11); the first notes when, the second takes the note away.
 */
#ifndef FLOWCTL_ABI_FORWARD_H
#define FLOWCTL_ABI_FORWARD_H

#include <linux/types.h>

/* What became of chosen packets; names in lib/flow/forwarded.c. A packet may count as several. */
enum forward_result {
	FORWARD_NOTED,		/* at ingress */
	FORWARD_MEASURED,	/* at egress: its note was there */
	FORWARD_UNMATCHED,	/* at egress: no note. Rewritten (NAT), or its ingress is not metered so */
	FORWARD_ELSEWHERE,	/* at egress: the note is of another interface */
	FORWARD_AMBIGUOUS,	/* the same packet was noted twice before it left: neither is measured */
	FORWARD_REPLACED,	/* the note gave way to another packet's: dropped, or for this box */
	FORWARD_LATE,		/* at egress: after FORWARD_LATE_NS: not to be trusted */
	FORWARD_BUSY,		/* another CPU had the note */
	FORWARD_NO_ROOM,	/* one more pair of interfaces than there is room for */
	FORWARD_RESULTS
};

#define FORWARD_LATE_NS 10000000000ull

/* The map `forward_notes`, an array; a packet's place is the lower bits of its hash. */
#define FORWARD_NOTES 4096 /* a power of two */
struct forward_note {
	__u64 hash;		/* 0: free */
	__u64 time_ns;
	__u32 ifindex;		/* where it came in */
	__u32 twice;		/* 1: ambiguous */
	__u64 lock;		/* 1: some CPU is at it */
};

/* The map `forward_pairs`, a hash: which way, and the histogram of it. */
#define FORWARD_PAIRS 1024
struct forward_pair {
	__u32 ingress;
	__u32 egress;
};

/* Bucket n: up to 2^(FORWARD_FIRST_BIT + n) ns, inclusive; the last: all beyond. */
#define FORWARD_FIRST_BIT 9
#define FORWARD_BUCKETS	  26
struct forward_latency {
	__u64 count[32];	/* a power of two; those beyond FORWARD_BUCKETS stay 0 */
	__u64 sum_ns;
};

/* The map `forward_stats`, an array of one. */
struct forward_stats {
	__u64 by[FORWARD_RESULTS];
};

_Static_assert(sizeof(struct forward_note) == 32, "forward_note");

#endif
