/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a connection is found, on both sides: the ends in order, and the hash of that. Compiles
 * for the host as well; no helpers.
 */
#ifndef FLOWCTL_TCP_KEY_H
#define FLOWCTL_TCP_KEY_H

#include "packet.h"

/* The last two words of the key: written as they are read, see struct facts. */
static __always_inline __u64 key_ports(__be16 first, __be16 second, __u32 vni)
{
	union {
		struct {
			__be16 port[2];
			__u32 vni;
		};
		__u64 word;
	} w = { .port = { first, second }, .vni = vni };

	return w.word;
}

static __always_inline __u64 key_kinds(__u8 family, __u8 tunnel)
{
	union {
		__u8 byte[8];
		__u64 word;
	} w = { .byte = { family, tunnel } };

	return w.word;
}

/*
 * The key of the connection that a flow of these words belongs to. Returns the side that sends:
 * 0 or 1. @addrs: source then destination, four words as in flow_key; @ports: as in facts.ports
 * (sport in the lower-addressed half word).
 */
static __always_inline __u32 tcp_key_make(struct tcp_key *ret, const __u64 *addrs, __be16 sport,
					  __be16 dport, __u8 family, __u8 tunnel, __u32 vni)
{
	__u32 side;
	__u64 *to = (__u64 *)ret;

	if (addrs[0] != addrs[2])
		side = addrs[0] > addrs[2];
	else if (addrs[1] != addrs[3])
		side = addrs[1] > addrs[3];
	else
		side = sport > dport;
	to[0] = side ? addrs[2] : addrs[0];
	to[1] = side ? addrs[3] : addrs[1];
	to[2] = side ? addrs[0] : addrs[2];
	to[3] = side ? addrs[1] : addrs[3];
	to[4] = side ? key_ports(dport, sport, vni) : key_ports(sport, dport, vni);
	to[5] = key_kinds(family, tunnel);
	return side;
}

/* Never 0. It chooses the bucket, and is the way's tag. */
static __always_inline __u32 tcp_key_hash(const struct tcp_key *k)
{
	const __u64 *w = (const __u64 *)k;
	__u64 h = w[0] * 0x9e3779b97f4a7c15 + w[1] * 0xc2b2ae3d27d4eb4f +
		  w[2] * 0xff51afd7ed558ccd + w[3] * 0xc4ceb9fe1a85ec53 +
		  w[4] * 0xbf58476d1ce4e5b9 + w[5] * 0x94d049bb133111eb;

	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15;
	h >>= 32;
	return h ? h : 1;
}

/* One of @buckets, by the upper bits of the hash; the lower ones choose the way it begins at. */
static __always_inline __u32 tcp_key_bucket(__u32 hash, __u32 buckets)
{
	return (__u64)hash * buckets >> 32;
}

/* The bucket where a connection of that hash is looked for when it is not in its first; @more is
 * not 0. What shares its first bucket with others does not share this one. */
static __always_inline __u32 tcp_key_second(__u32 hash, __u32 buckets, __u32 more)
{
	return buckets + tcp_key_bucket(hash * 0x9e3779b1, more);
}

/* The bucket where it is while it is half-open. */
static __always_inline __u32 tcp_key_half(__u32 hash, __u32 buckets, __u32 more, __u32 half)
{
	return buckets + more + tcp_key_bucket(hash, half);
}

#endif
