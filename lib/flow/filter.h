/* SPDX-License-Identifier: Apache-2.0 */
/* Which flows a user means: the options of flush and dump, all of which must match. */
#ifndef FLOWCTL_FLOW_FILTER_H
#define FLOWCTL_FLOW_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/parse.h"
#include "flow/record.h"

struct filter {
	bool has_ifindex, has_proto, has_saddr, has_daddr, has_sport, has_dport, has_direction;
	uint32_t ifindex;		/* of the hook */
	uint8_t proto;
	uint8_t direction;
	uint16_t sport, dport;		/* host order */
	struct parse_prefix saddr, daddr;	/* of the packet, or of that which it was in */
	uint64_t idle_ns;		/* silent for at least this long; 0 = any */
	uint64_t now_ns;		/* CLOCK_REALTIME, for idle_ns */
};

/* True when @r fulfils all that is set in @f. */
bool filter_match(const struct filter *f, const struct record *r);
/* True when nothing is set. */
bool filter_is_empty(const struct filter *f);
/* A protocol by number or name ("6", "tcp", "ICMPv6"): 0 or -EINVAL. */
int filter_proto(const char *s, uint8_t *ret);

#endif
