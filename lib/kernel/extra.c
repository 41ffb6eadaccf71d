// SPDX-License-Identifier: Apache-2.0
/*
 * The slot has 64 bits for it, a record more. What they mean depends on the key: IPv4 has an
 * identification where IPv6 has its flow label and the extension headers; TCP has options
 * where other protocols over IPv6 have the fragment header's id.
 *
 * ESP, payload compression and "no next header" end the chain of extension headers: they are
 * the flow's protocol, and their bits follow from that.
 */
#include "kernel/extra.h"

#include <netinet/in.h>

#define PROTO_COMP 108

/* Bits of IANA's elements 64 (RFC 5102, erratum 1738) and 515 (RFC 9740). */
static const struct {
	uint32_t ours;
	uint8_t bit;
} headers[] = {
	{ EXT6_DST, 0 },
	{ EXT6_HOP, 1 },
	{ EXT6_FRAG_FIRST, 4 },
	{ EXT6_ROUTING, 5 },
	{ EXT6_FRAG_LATER, 6 },
	{ EXT6_MOBILITY, 12 },
	{ EXT6_AH, 14 },
	{ EXT6_HIP, 16 },
	{ EXT6_SHIM6, 17 },
};
#define BIT_NONE 2
#define BIT_ESP	 13
#define BIT_COMP 15

/* Which bits any packet may add; the others are values of the first. */
static uint64_t added_by_any(const struct flow_key *key)
{
	const union flow_extra bits = {
		.ip = key->family == 6 ? EXT6_MASK : 0,
		.l4 = key->proto == IPPROTO_TCP ? ~0u : 0,
	};

	return bits.word;
}

union flow_extra extra_merge(union flow_extra earlier, union flow_extra later,
			     const struct flow_key *key)
{
	return (union flow_extra) { .word = earlier.word | (later.word & added_by_any(key)) };
}

static uint32_t unfold_headers(uint32_t seen, uint8_t proto)
{
	uint32_t bits = 0;

	for (size_t i = 0; seen & EXT6_MASK && i < sizeof(headers) / sizeof(headers[0]); i++)
		bits |= seen & headers[i].ours ? 1u << headers[i].bit : 0;
	if (proto == IPPROTO_NONE)
		bits |= 1u << BIT_NONE;
	if (proto == IPPROTO_ESP)
		bits |= 1u << BIT_ESP;
	if (proto == PROTO_COMP)
		bits |= 1u << BIT_COMP;
	return bits;
}

static uint64_t unfold_options(uint32_t seen)
{
	uint32_t plain = ((2ull << TCP_OPTION_PLAIN) - 1) & ~TCP_OPTION(TCP_OPTION_SYN_ACK);
	uint64_t open = seen & TCP_OPTION(TCP_OPTION_FAST_OPEN) ? 1ull << TCP_OPTION_FAST_OPEN : 0;

	return (seen & plain) | open;
}

void extra_unfold(union flow_extra extra, struct record *ret)
{
	if (ret->key.family == 4) {
		ret->fragment_id = extra.ip;
	} else {
		ret->flow_label = extra.ip & FLOW_LABEL_MASK;
		ret->ip6_headers = unfold_headers(extra.ip, ret->key.proto);
	}
	if (ret->key.proto == IPPROTO_TCP) {
		ret->tcp_options = unfold_options(extra.l4);
		ret->syn_ack = extra.l4 & TCP_OPTION(TCP_OPTION_SYN_ACK);
	} else if (ret->key.family == 6) {
		ret->fragment_id = extra.l4;
	}
}
