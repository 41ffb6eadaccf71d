// SPDX-License-Identifier: Apache-2.0
/* See filter.h. An address is found inside of a tunnel and outside. */
#include "flow/filter.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "flow/field.h"

static bool prefix_match(const struct parse_prefix *p, uint8_t family, const uint8_t addr[16])
{
	unsigned whole = p->len_bits / 8, rest = p->len_bits % 8;
	uint8_t mask = 0xff << (8 - rest);

	if (p->family != family || memcmp(p->addr, addr, whole) != 0)
		return false;
	return rest == 0 || ((p->addr[whole] ^ addr[whole]) & mask) == 0;
}

/* @inner, @outer: the source or the destination, as in flow_key. */
static bool addr_match(const struct parse_prefix *p, const struct record *r,
		       const uint8_t inner[16], const uint8_t outer[16])
{
	return prefix_match(p, r->key.family, inner) ||
	       (r->key.tunnel && r->outer.known && prefix_match(p, r->outer.family, outer));
}

/* The port as the table shows it: 0 where the protocol has none. */
static bool port_match(const struct record *r, bool has, uint16_t want, __be16 port)
{
	return !has || (proto_has_ports(r->key.proto) ? be16toh(port) : 0) == want;
}

bool filter_match(const struct filter *f, const struct record *r)
{
	const struct flow_key *k = &r->key;

	return (!f->has_ifindex || f->ifindex == r->ifindex) &&
	       (!f->has_proto || f->proto == k->proto) &&
	       (!f->has_direction || f->direction == k->direction) &&
	       (!f->has_saddr || addr_match(&f->saddr, r, k->src, r->outer.src)) &&
	       (!f->has_daddr || addr_match(&f->daddr, r, k->dst, r->outer.dst)) &&
	       port_match(r, f->has_sport, f->sport, k->sport) &&
	       port_match(r, f->has_dport, f->dport, k->dport) &&
	       (!f->idle_ns || f->now_ns >= r->last_ns + f->idle_ns);
}

bool filter_is_empty(const struct filter *f)
{
	return !f->has_ifindex && !f->has_proto && !f->has_saddr && !f->has_daddr &&
	       !f->has_sport && !f->has_dport && !f->has_direction && !f->idle_ns;
}

int filter_proto(const char *s, uint8_t *ret)
{
	uint64_t number;
	char buf[4];

	if (parse_u64(s, 255, &number) == 0) {
		*ret = number;
		return 0;
	}
	for (unsigned i = 0; i < 256; i++) {
		if (strcasecmp(s, field_proto_name(i, buf)) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}
