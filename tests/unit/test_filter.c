// SPDX-License-Identifier: Apache-2.0
#include "flow/filter.h"
#include "flows.h"
#include "test.h"

static bool saddr(const char *prefix, const char *addr)
{
	struct record r = flow(6, addr, 1, strchr(addr, ':') ? "::" : "0.0.0.0", 2);
	struct filter f = { .has_saddr = true };

	return parse_prefix(prefix, &f.saddr) == 0 && filter_match(&f, &r);
}

TEST(a_prefix_matches_by_its_bits)
{
	CHECK(saddr("10.1.2.3", "10.1.2.3") && !saddr("10.1.2.3", "10.1.2.2"));
	CHECK(saddr("10.1.2.0/24", "10.1.2.255") && !saddr("10.1.2.0/24", "10.1.3.0"));
	CHECK(saddr("10.1.2.3/23", "10.1.3.9") && !saddr("10.1.2.0/23", "10.1.4.0"));
	CHECK(saddr("10.1.2.128/25", "10.1.2.129") && !saddr("10.1.2.128/25", "10.1.2.127"));
	CHECK(saddr("0.0.0.0/0", "255.255.255.255") && saddr("128.0.0.0/1", "200.0.0.1"));
	CHECK(!saddr("0.0.0.0/0", "::1") && !saddr("::/0", "10.0.0.1"));
	CHECK(saddr("2001:db8::/33", "2001:db8:7fff::1") &&
	      !saddr("2001:db8::/33", "2001:db8:8000::1"));
	CHECK(!saddr("::ffff:1.2.3.4", "1.2.3.4"));
}

/* What is printed finds its flow, the inner address and the outer one. */
TEST(an_address_is_that_within_a_tunnel_or_that_around_it)
{
	struct record r = flow(6, "10.0.0.1", 1000, "10.0.0.2", 80);
	struct filter f = { .has_saddr = true, .has_daddr = true };

	CHECK(parse_prefix("10.0.0.1", &f.saddr) == 0);
	CHECK(parse_prefix("2001:db8::2/128", &f.daddr) == 0);
	CHECK(!filter_match(&f, &r));
	r.outer = (struct record_outer) {
		.known = true, .family = 6, .src = { 0x20, 1, 0xd, 0xb8, [15] = 1 },
		.dst = { 0x20, 1, 0xd, 0xb8, [15] = 2 },
	};
	CHECK(!filter_match(&f, &r));
	r.key.tunnel = TUNNEL_GENEVE;
	CHECK(filter_match(&f, &r));
	CHECK(parse_prefix("2001:db8::1", &f.saddr) == 0 && filter_match(&f, &r));
	CHECK(parse_prefix("2001:db8::2", &f.saddr) == 0 && !filter_match(&f, &r));
	CHECK(parse_prefix("2001:db8::/32", &f.saddr) == 0 && filter_match(&f, &r));
	r.outer.known = false;
	CHECK(!filter_match(&f, &r));
}

TEST(all_that_is_set_must_match)
{
	struct record r = arriving(flow(6, "10.0.0.1", 1000, "10.0.0.2", 80), 3, 1);
	struct filter f = {
		.has_ifindex = true, .ifindex = 3, .has_proto = true, .proto = 6, .has_sport = true,
		.sport = 1000, .has_dport = true, .dport = 80, .has_direction = true,
	};

	CHECK(filter_match(&f, &r));
	for (int i = 0; i < 5; i++) {
		struct filter g = f;

		g.ifindex += i == 0;
		g.proto += i == 1;
		g.sport += i == 2;
		g.dport += i == 3;
		g.direction += i == 4;
		CHECK(!filter_match(&g, &r));
	}
	CHECK(!filter_is_empty(&f) && filter_is_empty(&(struct filter) { 0 }));
	CHECK(filter_match(&(struct filter) { 0 }, &r));
}

/* The table prints ip:0 for them; what is printed can be given back. ICMP's type is no port. */
TEST(protocols_without_ports_have_the_port_0)
{
	struct record r = flow(1, "10.0.0.1", 0, "10.0.0.2", 8 << 8);
	struct filter f = { .has_sport = true, .has_dport = true };

	CHECK(filter_match(&f, &r));
	f.dport = 8 << 8;
	CHECK(!filter_match(&f, &r));
}

TEST(idle_counts_from_the_last_packet)
{
	struct record r = flow(6, "10.0.0.1", 1, "10.0.0.2", 2);
	struct filter f = { .idle_ns = 5, .now_ns = 105 };

	r.last_ns = 100;
	CHECK(filter_match(&f, &r) && !filter_is_empty(&f));
	r.last_ns = 101;
	CHECK(!filter_match(&f, &r));
	r.last_ns = 110;	/* a packet since the clock was read */
	CHECK(!filter_match(&f, &r));
}

TEST(a_protocol_has_a_number_and_perhaps_a_name)
{
	uint8_t p = 77;

	CHECK(filter_proto("6", &p) == 0 && p == 6);
	CHECK(filter_proto("0", &p) == 0 && p == 0);
	CHECK(filter_proto("255", &p) == 0 && p == 255);
	CHECK(filter_proto("tcp", &p) == 0 && p == 6);
	CHECK(filter_proto("ICMPV6", &p) == 0 && p == 58);
	CHECK(filter_proto("ipv6", &p) == 0 && p == 41);
	p = 77;
	CHECK(filter_proto("256", &p) < 0 && filter_proto("", &p) < 0 &&
	      filter_proto("-1", &p) < 0);
	CHECK(filter_proto("tcpp", &p) < 0 && p == 77);
}
