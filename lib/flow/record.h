/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The narrow waist: what every reader produces and every output takes. One record is what
 * was seen of one flow, at one hook of one namespace, since the previous record of it.
 */
#ifndef FLOWCTL_FLOW_RECORD_H
#define FLOWCTL_FLOW_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

/* IANA flowEndReason (element 136); 0 while the flow is active. */
enum flow_end_reason {
	FLOW_ACTIVE = 0,
	FLOW_END_IDLE = 1,
	FLOW_END_ACTIVE = 2,
	FLOW_END_DETECTED = 3,
	FLOW_END_FORCED = 4,
	FLOW_END_LACK = 5,
};

/* Room for the longest name a namespace is printed by. */
#define NETNS_NAME_MAX 64
#define IFACE_NAME_MAX 16

/* A place where packets are metered. */
struct hook_id {
	uint32_t ifindex;
	uint8_t direction;	/* FLOW_INGRESS, FLOW_EGRESS */
};

struct record {
	struct flow_key key;	/* abi.h; count once fills egress_ifindex of an ingress record */
	uint64_t packets;
	uint64_t bytes;		/* of the IP layer */
	uint64_t first_ns;	/* CLOCK_REALTIME, ns since 1970 */
	uint64_t last_ns;	/* never before first_ns */
	uint32_t mark;
	uint32_t ifindex;	/* of the hook: where it was metered */
	uint32_t domain;	/* IPFIX observation domain of its namespace */
	uint8_t tcp_flags;
	uint8_t tos;
	uint8_t min_ttl;
	uint8_t max_ttl;
	uint8_t end_reason;	/* enum flow_end_reason */
	uint8_t src_mac[6];
	uint8_t dst_mac[6];
	const char *netns;	/* borrowed; NULL = unknown (replay) */
	const char *iface;	/* borrowed; NULL = unknown or gone */
};

/* The interface of the hook that metered it. */
static inline uint32_t key_ifindex(const struct flow_key *key)
{
	return key->direction == FLOW_EGRESS ? key->egress_ifindex : key->ingress_ifindex;
}

/* The protocols that have ports (TCP, UDP, SCTP, UDP-Lite, DCCP). */
static inline bool proto_has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 132 || proto == 136 || proto == 33;
}

static inline bool proto_is_icmp(const struct flow_key *key)
{
	return key->proto == (key->family == 4 ? 1 : 58);
}

#endif
