// SPDX-License-Identifier: Apache-2.0
/* The kernel's bits as IANA numbers them: errata 1738 of RFC 5102, and RFC 9740. */
#include "kernel/extra.h"

#include "kernel/store.h"
#include "test.h"

static const struct {
	uint8_t proto;
	uint32_t seen, bits;
} rows[] = {
	{ 17, 0, 0 },
	{ 17, EXT6_DST, 1 << 0 },
	{ 17, EXT6_HOP, 1 << 1 },
	{ 59, 0, 1 << 2 },		/* no next header */
	{ 17, EXT6_FRAG_FIRST, 1 << 4 },
	{ 17, EXT6_ROUTING, 1 << 5 },
	{ 17, EXT6_FRAG_LATER, 1 << 6 },
	{ 17, EXT6_MOBILITY, 1 << 12 },
	{ 50, 0, 1 << 13 },		/* ESP */
	{ 17, EXT6_AH, 1 << 14 },
	{ 108, 0, 1 << 15 },		/* payload compression */
	{ 17, EXT6_HIP, 1 << 16 },
	{ 17, EXT6_SHIM6, 1 << 17 },
	{ 50, EXT6_HOP | EXT6_ROUTING | EXT6_DST | 0xfedcb, 0x2023 },
};

TEST(extension_headers_have_the_bits_of_the_registry)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r = { .key = { .family = 6, .proto = rows[i].proto } };

		extra_unfold((union flow_extra) { .ip = rows[i].seen }, &r);
		CHECK(r.ip6_headers == rows[i].bits);
		CHECK(r.flow_label == (rows[i].seen & 0xfffff));
	}
}

TEST(tcp_options_have_the_bits_of_their_kinds)
{
	struct record r = { .key = { .family = 4, .proto = 6 } };

	extra_unfold((union flow_extra) { .ip = 0xbeef, .l4 = 0xc000011d }, &r);
	CHECK(r.tcp_options == (UINT64_C(1) << 34 | 0x4000011d));
	CHECK(r.fragment_id == 0xbeef && r.ip6_headers == 0);
}

TEST(a_syn_ack_is_told_and_is_no_option)
{
	struct record tcp = { .key = { .family = 4, .proto = 6 } };
	struct record udp = { .key = { .family = 6, .proto = 17 } };
	const union flow_extra extra = { .l4 = 0x02000004 };

	extra_unfold(extra, &tcp);
	CHECK(tcp.syn_ack && tcp.tcp_options == 4);
	extra_unfold((union flow_extra) { .l4 = 0xfdffffff }, &tcp);
	CHECK(!tcp.syn_ack);
	extra_unfold(extra, &udp);
	CHECK(!udp.syn_ack && udp.fragment_id == 0x02000004);
}

TEST(ids_are_where_the_protocol_leaves_room)
{
	struct record udp6 = { .key = { .family = 6, .proto = 17 } };
	struct record tcp6 = { .key = { .family = 6, .proto = 6 } };
	const union flow_extra extra = { .ip = 0xabcde | EXT6_FRAG_FIRST, .l4 = 0x104 };

	extra_unfold(extra, &udp6);
	CHECK(udp6.fragment_id == 0x104 && udp6.flow_label == 0xabcde && !udp6.tcp_options);
	extra_unfold(extra, &tcp6);
	CHECK(tcp6.fragment_id == 0 && tcp6.flow_label == 0xabcde && tcp6.tcp_options == 0x104);
}

TEST(of_two_parts_values_are_of_the_earlier_and_bits_of_both)
{
	const struct flow_key tcp4 = { .family = 4, .proto = 6 }, udp6 = { .family = 6, .proto = 17 };
	struct flow_part early = { .first_ns = 1, .extra = { .ip = 7, .l4 = 1 << 2 } };
	struct flow_part late = { .first_ns = 2, .extra = { .ip = 8, .l4 = 1 << 8 } };
	struct flow_part sum = late;

	part_add(&sum, &early, &tcp4);
	CHECK(sum.extra.ip == 7 && sum.extra.l4 == (1 << 2 | 1 << 8));
	sum = early;
	part_add(&sum, &late, &tcp4);
	CHECK(sum.extra.ip == 7 && sum.extra.l4 == (1 << 2 | 1 << 8));
	late.extra = (union flow_extra) { .ip = 0xf0 | EXT6_AH, .l4 = 2 };
	early.extra = (union flow_extra) { .ip = 0x0f | EXT6_DST, .l4 = 1 };
	sum = late;
	part_add(&sum, &early, &udp6);
	CHECK(sum.extra.ip == (0x0f | EXT6_DST | EXT6_AH) && sum.extra.l4 == 1);
}
