// SPDX-License-Identifier: Apache-2.0
/* Expected bytes are worked out by hand from RFC 7011 6.1, RFC 7012 and the IANA registry. */
#include "flow/ie.h"

#include <errno.h>

#include "base/error.h"
#include "test.h"

/* 2026-11-21 03:55:57.123456789 UTC: 1795233357 s after 1970, 4004222157 (eeab94cd) after 1900 */
#define FIRST_NS UINT64_C(1795233357123456789)
/* 1.876543211 s later: 2026-11-21 03:55:59 exactly */
#define LAST_NS UINT64_C(1795233359000000000)

static const struct record tcp4 = {
	.key = {
		.src = { 192, 0, 2, 12 }, .dst = { 198, 51, 100, 254 },
		.sport = __builtin_bswap16(49375), .dport = __builtin_bswap16(443),
		.ingress_ifindex = 0x01020304, .egress_ifindex = 7,
		.vlan_outer = VLAN_PRESENT | 0x123, .vlan_inner = VLAN_PRESENT | 0xffe,
		.proto = 6, .family = 4, .direction = FLOW_INGRESS,
	},
	.packets = 0x0102030405060708, .bytes = UINT64_C(0xfffefdfcfbfaf9f8),
	.first_ns = FIRST_NS, .last_ns = LAST_NS,
	.tcp_flags = 0xdb, .tos = 0xb9, .min_ttl = 1, .max_ttl = 255, .end_reason = 3,
	.src_mac = { 2, 0, 0, 0, 0, 1 }, .dst_mac = { 2, 0, 0, 0, 0, 2 },
};

/* echo request, type 8 code 0, and ICMPv6 "administratively prohibited", type 1 code 1 */
static const struct record icmp4 = {
	.key = { .family = 4, .proto = 1, .dport = __builtin_bswap16(0x0800) },
};
static const struct record icmp6 = {
	.key = {
		.src = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .dst = { 0x20, 1, 0xd, 0xb8, [15] = 2 },
		.family = 6, .proto = 58, .dport = __builtin_bswap16(0x0101),
	},
};

struct row {
	const char *name;
	unsigned id, len;
	const struct record *record;
	const char *hex;
};

static const struct row rows[] = {
	{ "octetDeltaCount", 1, 8, &tcp4, "fffefdfcfbfaf9f8" },
	{ "packetDeltaCount", 2, 8, &tcp4, "0102030405060708" },
	{ "protocolIdentifier", 4, 1, &tcp4, "06" },
	{ "ipClassOfService", 5, 1, &tcp4, "b9" },
	{ "tcpControlBits", 6, 1, &tcp4, "db" },
	{ "sourceTransportPort", 7, 2, &tcp4, "c0df" },
	{ "sourceTransportPort", 7, 2, &icmp4, "0000" },
	{ "sourceIPv4Address", 8, 4, &tcp4, "c000020c" },
	{ "ingressInterface", 10, 4, &tcp4, "01020304" },
	{ "destinationTransportPort", 11, 2, &tcp4, "01bb" },
	{ "destinationTransportPort", 11, 2, &icmp4, "0000" },
	{ "destinationIPv4Address", 12, 4, &tcp4, "c63364fe" },
	{ "egressInterface", 14, 4, &tcp4, "00000007" },
	{ "sourceIPv6Address", 27, 16, &icmp6, "20010db8000000000000000000000001" },
	{ "destinationIPv6Address", 28, 16, &icmp6, "20010db8000000000000000000000002" },
	{ "icmpTypeCodeIPv4", 32, 2, &icmp4, "0800" },
	{ "icmpTypeCodeIPv4", 32, 2, &tcp4, "0000" },
	{ "minimumTTL", 52, 1, &tcp4, "01" },
	{ "maximumTTL", 53, 1, &tcp4, "ff" },
	{ "sourceMacAddress", 56, 6, &tcp4, "020000000001" },
	{ "vlanId", 58, 2, &tcp4, "0123" },
	{ "vlanId", 58, 2, &icmp4, "0000" },
	{ "ipVersion", 60, 1, &icmp6, "06" },
	{ "flowDirection", 61, 1, &tcp4, "00" },
	{ "destinationMacAddress", 80, 6, &tcp4, "020000000002" },
	{ "flowEndReason", 136, 1, &tcp4, "03" },
	{ "icmpTypeCodeIPv6", 139, 2, &icmp6, "0101" },
	{ "flowStartSeconds", 150, 4, &tcp4, "6b01164d" },
	{ "flowEndSeconds", 151, 4, &tcp4, "6b01164f" },
	{ "flowStartMilliseconds", 152, 8, &tcp4, "000001a1fc3f1d43" },
	{ "flowEndMilliseconds", 153, 8, &tcp4, "000001a1fc3f2498" },
	{ "flowEndMicroseconds", 155, 8, &tcp4, "eeab94cf00000000" },
	{ "flowEndNanoseconds", 157, 8, &tcp4, "eeab94cf00000000" },
	{ "flowDurationMilliseconds", 161, 4, &tcp4, "00000754" },
	{ "icmpTypeIPv4", 176, 1, &icmp4, "08" },
	{ "icmpCodeIPv4", 177, 1, &icmp4, "00" },
	{ "icmpTypeIPv6", 178, 1, &icmp6, "01" },
	{ "icmpCodeIPv6", 179, 1, &icmp6, "01" },
	{ "udpSourcePort", 180, 2, &tcp4, "c0df" },
	{ "udpDestinationPort", 181, 2, &tcp4, "01bb" },
	{ "tcpSourcePort", 182, 2, &tcp4, "c0df" },
	{ "tcpDestinationPort", 183, 2, &tcp4, "01bb" },
	{ "ipDiffServCodePoint", 195, 1, &tcp4, "2e" },
	{ "dot1qVlanId", 243, 2, &tcp4, "0123" },
	{ "dot1qCustomerVlanId", 245, 2, &tcp4, "0ffe" },
};

static uint64_t value(const char *name, const struct record *r)
{
	const struct ie *e = ie_find(name);
	uint8_t out[16] = { 0 };
	uint64_t v = 0;

	ie_put(e, r, out);
	for (size_t i = 0; i < e->len_bytes; i++)
		v = v << 8 | out[i];
	return v;
}

TEST(every_element_is_encoded_as_the_registry_says)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const struct ie *e = ie_find(row->name);
		uint8_t out[18];
		char hex[40];

		CHECK(e);
		memset(out, 0xa5, sizeof(out));
		ie_put(e, row->record, out);
		for (unsigned k = 0; k < row->len; k++)
			sprintf(hex + 2 * k, "%02x", out[k]);
		if (strcmp(hex, row->hex) != 0)
			printf("# %s\n", row->name);
		CHECK_STR(hex, row->hex);
		CHECK(e->id == row->id && e->len_bytes == row->len && !e->pen);
		CHECK(out[row->len] == 0xa5);
	}
}

TEST(rows_are_in_order_and_of_the_registry)
{
	size_t n;
	const struct ie *all = ie_all(&n);

	CHECK(n == 47);
	for (size_t i = 0; i < n; i++) {
		CHECK(!i || all[i - 1].id < all[i].id);
		CHECK(ie_is_registered(all[i].name));
		CHECK(all[i].source && all[i].len_bytes);
	}
}

/* RFC 7011 6.1.10: seconds since 1900, and a fraction of 2^-32 s. */
TEST(a_half_second_is_the_top_bit_of_an_ntp_fraction)
{
	struct record r = { .first_ns = 500000000 };

	CHECK(value("flowStartNanoseconds", &r) == UINT64_C(0x83aa7e8080000000));
	CHECK(value("flowStartMicroseconds", &r) == UINT64_C(0x83aa7e8080000000));
}

TEST(ntp_times_give_back_what_they_were_made_of)
{
	static const uint64_t parts[] = { 0, 1, 233, 999, 1000, 123456789, 499999999, 999999999 };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct record r = { .first_ns = 1795233357 * UINT64_C(1000000000) + parts[i] };
		uint64_t ns = value("flowStartNanoseconds", &r);
		uint64_t us = value("flowStartMicroseconds", &r);

		CHECK(ns >> 32 == 1795233357 + UINT64_C(2208988800));
		CHECK(((ns & 0xffffffff) * 1000000000) >> 32 == parts[i]);
		CHECK(((us & 0xffffffff) * 1000000) >> 32 == parts[i] / 1000);
		CHECK((us & 0x7ff) == 0);
	}
}

TEST(system_up_times_and_system_start_make_the_milliseconds)
{
	uint64_t init = value("systemInitTimeMilliseconds", &tcp4);

	CHECK(init > UINT64_C(1600000000000));
	CHECK((uint32_t)(init + value("flowStartSysUpTime", &tcp4)) ==
	      (uint32_t)value("flowStartMilliseconds", &tcp4));
	CHECK((uint32_t)(init + value("flowEndSysUpTime", &tcp4)) ==
	      (uint32_t)value("flowEndMilliseconds", &tcp4));
}

TEST(a_flow_id_stays_when_the_way_out_becomes_known)
{
	struct record r = tcp4;

	r.key.egress_ifindex = 0;
	CHECK(value("flowId", &r) == value("flowId", &tcp4));
	r.key.sport ^= 1;
	CHECK(value("flowId", &r) != value("flowId", &tcp4));
	r = tcp4;
	r.key.direction = FLOW_EGRESS;
	r.packets++;
	CHECK(value("flowId", &r) != value("flowId", &tcp4));
}

TEST(first_letters_come_in_either_case)
{
	CHECK(ie_find("FlowEndMilliseconds") == ie_find("flowEndMilliseconds"));
	CHECK(ie_find("FlowEndMilliseconds"));
	CHECK(!ie_find("flowendmilliseconds"));
	CHECK(!ie_find(""));
	CHECK(!ie_is_registered(""));
}

TEST(unknown_and_unexported_names_are_told_apart)
{
	const struct ie *e = NULL;

	CHECK(ie_require("BgpSourceAsNumber", &e) == -EINVAL && !e);
	CHECK_STR(error_message(),
		  "the information element 'BgpSourceAsNumber' is not exported by this version");
	CHECK(ie_require("vrfName", &e) == -EINVAL && !e);
	CHECK_STR(error_message(), "'vrfName' is no information element of the IANA registry");
	CHECK(ie_require("octetDeltaCont", &e) == -EINVAL && !e);
	CHECK_STR(error_message(),
		  "'octetDeltaCont' is no information element of the IANA registry");
	CHECK_STR(error_hint_text(), "did you mean 'octetDeltaCount'?");
	CHECK(error_exit_status() == ERROR_USAGE);
	CHECK(ie_require("OctetDeltaCount", &e) == 0 && e->id == 1);
}

TEST(a_record_says_what_applies_to_it)
{
	struct record sctp6 = { .key = { .family = 6, .proto = 132, .vlan_outer = VLAN_PRESENT } };
	struct record icmp_in_6 = { .key = { .family = 6, .proto = 1 } };

	CHECK(ie_record_applies(&tcp4) == (IE_V4 | IE_PORTS | IE_TCP | IE_VLAN | IE_QINQ));
	CHECK(ie_record_applies(&icmp4) == (IE_V4 | IE_ICMP));
	CHECK(ie_record_applies(&icmp6) == (IE_V6 | IE_ICMP));
	CHECK(ie_record_applies(&sctp6) == (IE_V6 | IE_PORTS | IE_VLAN));
	CHECK(ie_record_applies(&icmp_in_6) == IE_V6);
}
