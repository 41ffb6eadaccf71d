/* SPDX-License-Identifier: Apache-2.0 */
/* Records for tests, said shortly. */
#ifndef FLOWCTL_TESTS_FLOWS_H
#define FLOWCTL_TESTS_FLOWS_H

#include <arpa/inet.h>
#include <string.h>

#include "flow/record.h"

static inline struct record flow(uint8_t proto, const char *src, uint16_t sport, const char *dst,
				 uint16_t dport)
{
	struct record r = {
		.key = {
			.proto = proto,
			.family = strchr(src, ':') ? 6 : 4,
			.sport = htons(sport),
			.dport = htons(dport),
		},
		.packets = 1,
		.bytes = 40,
	};
	int af = r.key.family == 6 ? AF_INET6 : AF_INET;

	inet_pton(af, src, r.key.src);
	inet_pton(af, dst, r.key.dst);
	return r;
}

/* The same packets as an egress hook @out sees them, come in at @in (0: from this box). */
static inline struct record leaving(struct record r, uint32_t in, uint32_t out, uint64_t packets)
{
	r.key.direction = FLOW_EGRESS;
	r.key.ingress_ifindex = in;
	r.key.egress_ifindex = out;
	r.ifindex = out;
	r.packets = packets;
	return r;
}

static inline struct record arriving(struct record r, uint32_t in, uint64_t packets)
{
	r.key.direction = FLOW_INGRESS;
	r.key.ingress_ifindex = in;
	r.ifindex = in;
	r.packets = packets;
	return r;
}

#endif
