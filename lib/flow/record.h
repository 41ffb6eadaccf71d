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

/*
 * What the box's own routing table says of a flow (lib/enrich/route.h): the route to its
 * destination, and the one back to its source. All 0 where nothing is known.
 */
struct record_route {
	uint8_t next_hop[16];		/* as in flow_key; 0 = none: on the link, or for this box */
	uint8_t bgp_next_hop[16];	/* of a route that a BGP daemon made */
	uint8_t src_prefix_len;		/* bits */
	uint8_t dst_prefix_len;
	uint8_t forwarding_status;	/* IANA element 89: 64 forwarded, 128.. dropped, 192 consumed */
	uint8_t reserved;
	uint32_t src_as;
	uint32_t dst_as;
};

/*
 * How healthy the flow's TCP connection was, of what this direction's end sent, since the
 * previous record. All of it is known only where `observed`: the hook of this record is the one
 * that advanced the direction (design: once a packet). Definitions: bpf/tcp_state.h.
 * What is not known is 0: it is exported as it lies here, with the bits of what is known beside
 * it (tcpHealthObserved), which for that reason keep their numbers.
 */
enum record_tcp_known {
	RECORD_TCP_OBSERVED = 1,	/* counts below are counts, 0 included */
	RECORD_TCP_SERVER = 2,		/* SYN and SYN-ACK were seen */
	RECORD_TCP_CLIENT = 4,		/* SYN-ACK and the ACK were seen */
	RECORD_TCP_RTT = 8,
	RECORD_TCP_WINDOW = 16,
	RECORD_TCP_JITTER = 32,
	RECORD_TCP_IN_FLIGHT = 64,
};

struct record_tcp {
	uint32_t known;			/* enum record_tcp_known */
	uint32_t handshake_server_us;	/* SYN to SYN-ACK; in both directions' records */
	uint32_t handshake_client_us;	/* SYN-ACK to the ACK that ends it */
	uint32_t retransmissions;	/* = fast + timeout + spurious */
	uint32_t fast_retransmits;
	uint32_t timeout_retransmits;
	uint32_t spurious_retransmits;
	uint32_t out_of_order;
	uint32_t duplicate_acks;
	uint32_t zero_windows;
	uint32_t keep_alives;
	uint32_t ect0, ect1, ce, ece, cwr;	/* packets */
	uint32_t min_rtt_us, max_rtt_us, rtt_samples;
	uint64_t rtt_sum_us;
	uint32_t min_window, max_window, last_window;	/* octets */
	uint32_t avg_jitter_us, max_jitter_us;
	uint32_t max_in_flight;		/* octets */
};

/*
 * The outer packet of a flow that was in a tunnel (key.tunnel), of its first packet; addresses as
 * in flow_key. The key is the inner one's. Where the program's memory of it was full, it is not known.
 */
struct record_outer {
	bool known;
	uint8_t family;			/* 4 or 6 */
	uint8_t tos;
	uint8_t has;			/* OUTER_GWLB_*: which of those below */
	uint8_t src[16], dst[16];
	uint64_t gwlb_endpoint, gwlb_attachment;
	uint32_t gwlb_flow;
};

/*
 * What the cloud says of the network interface that a flow crossed (enrich/cloud.h). Every string
 * may be NULL: not known.
 */
struct record_cloud {
	const char *account, *vpc, *subnet, *interface, *instance, *az, *az_id, *region;
};

struct record_raw;	/* ipfix/template.h */

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
	uint64_t total_packets;	/* of the flow, this record's included, since it began to be held */
	uint64_t total_bytes;
	uint32_t fragment_id;	/* of the first packet: IPv4 identification, IPv6 fragment header's */
	uint32_t flow_label;	/* IPv6, of the first packet; 20 bits */
	/*
	 * IPv6 extension headers seen, 1 << bit of IANA's elements 64 and 515: 0 destination options,
	 * 1 hop-by-hop, 2 no next header, 3 unknown, 4 first fragment, 5 routing, 6 later fragment,
	 * 12 mobility, 13 ESP, 14 AH, 16 HIP, 17 shim6.
	 */
	uint32_t ip6_headers;
	uint64_t tcp_options;	/* TCP options seen: bit k = kind k, kinds 0 to 63 */
	bool syn_ack;		/* a SYN-ACK was among the packets (tcp_flags cannot tell) */
	struct record_outer outer;
	struct record_route route;
	struct record_tcp tcp;
	uint8_t biflow_direction;	/* IANA element 239; 0 = this is no biflow */
	const struct record_raw *raw;	/* borrowed; what is sent instead of all above, or NULL */
	const struct record *reverse;	/* borrowed; of the other direction (RFC 5103), or NULL */
	const char *description;	/* borrowed; of the interface (ifAlias), or NULL */
	const struct record_cloud *cloud;	/* borrowed, or NULL */
	const char *netns;	/* borrowed; NULL = unknown (replay) */
	const char *iface;	/* borrowed; NULL = unknown or gone */
};

/* The interface of the hook that metered it. */
static inline uint32_t key_ifindex(const struct flow_key *key)
{
	return key->direction == FLOW_EGRESS ? key->egress_ifindex : key->ingress_ifindex;
}

/* "ingress", "egress": of FLOW_INGRESS, FLOW_EGRESS. */
static inline const char *flow_direction_name(uint8_t direction)
{
	return direction == FLOW_EGRESS ? "egress" : "ingress";
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
