/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports, ICMP's type and code, TCP's flags. A header cut short leaves 0 for what it does
 * not show: the packet still belongs to a flow. Afterwards the cursor is behind what was
 * read; header_len tells where the header ends, if it says so.
 */
#ifndef FLOWCTL_PARSE_L4_H
#define FLOWCTL_PARSE_L4_H

#include <linux/in.h>

#include "packet.h"

#define PROTO_DCCP 33
#define PROTO_ICMP6 58
#define PROTO_SCTP 132
#define PROTO_UDPLITE 136

struct l4_ports {
	__u32 both;
} WIRE;

struct icmp_header {
	__be16 type_code;
	__be16 checksum;
} WIRE;

/* TCP's header behind the ports, as far as it matters. */
struct tcp_rest {
	__be32 seq;
	__be32 ack;
	__u8 offset;
	__u8 flags;
} WIRE;

static __always_inline bool parse_ports(struct packet *p)
{
	const struct l4_ports *ports = packet_take(p, sizeof(*ports));

	if (!ports)
		return false;
	p->f->ports = ports->both;
	return true;
}

/* Returns the length of the header. */
static __always_inline __u32 parse_tcp(struct packet *p)
{
	const struct tcp_rest *tcp;
	__u32 len;

	if (!parse_ports(p))
		return 0;
	tcp = packet_take(p, sizeof(*tcp));
	if (!tcp)
		return 0;
	p->f->tcp_flags = tcp->flags;
	len = (tcp->offset >> 4) * 4;
	return len < 20 ? 0 : len;
}

static __always_inline void parse_icmp(struct packet *p)
{
	const struct icmp_header *icmp = packet_take(p, sizeof(*icmp));

	if (icmp)
		p->f->dport = icmp->type_code;
}

/* Returns the length of the transport header, 0 where that is unknown or of no use. */
static __always_inline __u32 parse_l4(struct packet *p)
{
	switch (p->f->proto) {
	case IPPROTO_TCP:
		return parse_tcp(p);
	case IPPROTO_UDP:
	case PROTO_UDPLITE:
		return parse_ports(p) ? 8 : 0;
	case PROTO_SCTP:
		return parse_ports(p) ? 12 : 0;
	case PROTO_DCCP:
		parse_ports(p);
		return 0;
	case IPPROTO_ICMP:
	case PROTO_ICMP6:
		parse_icmp(p);
		return 0;
	default:
		return 0;
	}
}

#endif
