/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Only the first fragment of a datagram shows ports. They are kept, so that the later
 * ones count in the same flow; those that come before it, or without it, have ports 0.
 *
 * The id of IPv6 has a place where TCP has its options.
 */
#ifndef FLOWCTL_FRAG_H
#define FLOWCTL_FRAG_H

#include <linux/in.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "knobs.h"
#include "maps.h"
#include "packet.h"

/* As long as Linux waits for the rest of a datagram; after that the id may be another's. */
#define FRAG_NS (30ull * 1000 * 1000 * 1000)

static __always_inline void frag_put(const struct frag_key *key, const struct facts *f, __u64 now)
{
	struct frag_ports ports = {
		.seen_ns = now,
		.sport = f->sport,
		.dport = f->dport,
		.proto = f->proto,
	};

	bpf_map_update_elem(&frags, key, &ports, BPF_ANY);
}

static __always_inline void frag_get(const struct frag_key *key, struct facts *f, __u64 now)
{
	const struct frag_ports *ports = bpf_map_lookup_elem(&frags, key);

	/* A capture's clock may go back a little. */
	if (!ports || now + FRAG_NS - ports->seen_ns > 2 * FRAG_NS)
		return;
	f->sport = ports->sport;
	f->dport = ports->dport;
	f->proto = ports->proto;
}

/* Not inlined: its frame is not to lie on the stack of every packet. */
static __noinline int frag_resolve(struct facts *f, __u64 now)
{
	struct frag_key key = {};

	__builtin_memcpy(key.src, f->src, sizeof(key.src));
	__builtin_memcpy(key.dst, f->dst, sizeof(key.dst));
	key.id = f->frag_id;
	key.vlan_outer = f->vlan_outer;
	key.vlan_inner = f->vlan_inner;
	key.proto = f->frag_proto;
	key.family = f->family;
	if (knob_decap) {
		key.tunnel = f->tunnel;
		key.vni = f->key.vni;
	}
	if (f->fragment == FRAGMENT_FIRST)
		frag_put(&key, f, now);
	else if (f->fragment == FRAGMENT_LATER)
		frag_get(&key, f, now);
	if (f->family == 6 && f->proto != IPPROTO_TCP)
		f->seen = word_of(word_first(f->seen), bpf_ntohl(f->frag_id));
	return 0;
}

#endif
