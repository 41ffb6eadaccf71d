/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports, ICMP's type and code, TCP's flags. A header cut short leaves 0 for what it does
 * not show: the packet still belongs to a flow. Afterwards the cursor is behind what was
 * read; l4_off and l4_words tell where the header lies, if it can be told.
 */
#ifndef FLOWCTL_PARSE_L4_H
#define FLOWCTL_PARSE_L4_H

#include <linux/in.h>

#include "packet.h"

#define PROTO_DCCP    33
#define PROTO_ICMP6   58
#define PROTO_SCTP    132
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

/* @words: of four bytes of the header, if it can be segmented. */
static __always_inline bool parse_ports(struct packet *p, __u8 words)
{
	const struct l4_ports *ports;

	if (!packet_take(p, &ports))
		return false;
	p->f->ports = ports->both;
	p->f->l4_words = words << 4;
	return true;
}

static __always_inline void parse_tcp(struct packet *p)
{
	const struct tcp_rest *tcp;

	if (!parse_ports(p, 0) || !packet_take(p, &tcp))
		return;
	p->f->tcp_flags = tcp->flags;
	p->f->l4_words = tcp->offset;
}

static __always_inline void parse_icmp(struct packet *p)
{
	const struct icmp_header *icmp;

	if (packet_take(p, &icmp))
		p->f->dport = icmp->type_code;
}

static __always_inline void parse_l4(struct packet *p)
{
	p->f->l4_off = p->off;
	if (p->f->proto == IPPROTO_TCP) {
		parse_tcp(p);
		return;
	}
	switch (p->f->proto) {
	case IPPROTO_UDP:
	case PROTO_UDPLITE:
		parse_ports(p, 2);
		break;
	case PROTO_SCTP:
		parse_ports(p, 3);
		break;
	case PROTO_DCCP:
		parse_ports(p, 0);
		break;
	case IPPROTO_ICMP:
	case PROTO_ICMP6:
		parse_icmp(p);
		break;
	default:
		break;
	}
}

#endif
