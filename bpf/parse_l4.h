/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports, ICMP's type and code, TCP's flags. A header cut short leaves 0 for what it does
 * not show: the packet still belongs to a flow. Afterwards the cursor is behind what was
 * read; l4_off and l4_words tell where the header lies, if it can be told.
 *
 * Which options TCP has is walked through only where they are not what nearly all packets of
 * a connection have: none, or time stamps behind two that do nothing.
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
	__be16 window; /* no matter; without it the compilers would differ about the size */
} WIRE;

/* Options of 12 bytes. */
struct tcp_usual {
	__be32 options;
	__be32 times[2];
} WIRE;

/* Checksum and urgent pointer lie before the options. */
#define TCP_UNREAD	  4
#define TCP_USUAL_WORDS	  8
#define TCP_USUAL_OPTIONS 0x0101080a /* nothing, nothing, time stamps of 10 bytes */
#define TCP_HEADER_LEN	  20
#define TCP_OPTIONS_MAX	  40
#define TCP_OPTION_END	  0
#define TCP_OPTION_NOP	  1
#define TCP_OPTION_TIMES  8
#define TCP_SYN_ACK	  0x12 /* both flags */

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

/* What the walk over TCP's options finds. In memory, of which the verifier knows nothing: so it
 * has to look at one option and not at all rows of them. */
struct tcp_found {
	__u32 options; /* TCP_OPTION()s */
	__u32 left;    /* bytes, from the cursor on */
	__u32 beyond;  /* some are not in the linear data */
};

/* One option; false at the last. One that is cut short or of a wrong length is none. */
static __always_inline bool walk_option(struct packet *p, struct tcp_found *found)
{
	const __u8 *kind, *size;

	p->left = found->left;
	if (!packet_settle(p) || !packet_take(p, &kind))
		return false;
	if (*kind > TCP_OPTION_NOP &&
	    (!packet_take(p, &size) || *size < 2 || p->left < *size - 2u))
		return false;
	found->left = p->left - (*kind > TCP_OPTION_NOP ? *size - 2 : 0);
	found->options |= TCP_OPTION(*kind);
	return *kind != TCP_OPTION_END;
}

/* All up to where reading must stop. */
static __always_inline void walk_options(struct packet *p, struct tcp_found *found)
{
	found->left = p->left;
	NO_UNROLL
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		if (!walk_option(p, found))
			break;
	}
	found->beyond = p->f->beyond;
}

/* The program calls walk_options() as it does walk_extensions(): with a cursor of its own,
 * from @off to @stop. */
static void call_walk_options(struct packet *p, __u32 off, __u32 stop, struct tcp_found *ret);

static __always_inline void parse_unusual_options(struct packet *p, __u32 words)
{
	struct facts *f = p->f;
	__u32 stop = f->l4_off + words * 4;
	struct tcp_found found = {};

	call_walk_options(p, f->l4_off + TCP_HEADER_LEN, stop < p->stop ? stop : p->stop, &found);
	if (found.beyond)
		f->beyond = BEYOND_OPTIONS;
	/* What is not assigned has no bit, for another has it. */
	f->seen |= word_of(0, found.options & ~TCP_OPTION(TCP_OPTION_SYN_ACK));
}

static __always_inline void parse_tcp_options(struct packet *p, __u32 words)
{
	const struct tcp_usual *usual;

	if (words == TCP_USUAL_WORDS && packet_glance(p, TCP_UNREAD, &usual) &&
	    usual->options == bpf_htonl(TCP_USUAL_OPTIONS))
		p->f->seen |= word_of(0, TCP_OPTION(TCP_OPTION_NOP) | TCP_OPTION(TCP_OPTION_TIMES));
	else
		parse_unusual_options(p, words);
}

static __always_inline void parse_tcp(struct packet *p, bool options)
{
	const struct tcp_rest *tcp;

	if (!parse_ports(p, 0) || !packet_take(p, &tcp))
		return;
	p->f->tcp_flags = tcp->flags;
	p->f->l4_words = tcp->offset;
	if (options && (tcp->flags & TCP_SYN_ACK) == TCP_SYN_ACK)
		p->f->seen |= word_of(0, TCP_OPTION(TCP_OPTION_SYN_ACK));
	if (options && tcp->offset >= (TCP_HEADER_LEN / 4 + 1) << 4)
		parse_tcp_options(p, tcp->offset >> 4);
}

static __always_inline void parse_icmp(struct packet *p)
{
	const struct icmp_header *icmp;

	if (packet_take(p, &icmp))
		p->f->dport = icmp->type_code;
}

/* @options: of TCP are asked for. */
static __always_inline void parse_l4(struct packet *p, bool options)
{
	p->f->l4_off = p->off;
	if (p->f->proto == IPPROTO_TCP) {
		parse_tcp(p, options);
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
