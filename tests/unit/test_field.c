// SPDX-License-Identifier: Apache-2.0
#include "base/strbuf.h"
#include "flow/field.h"
#include "flows.h"
#include "test.h"

/* The order that scripts rely on. */
static const char *const keys[] = {
	"version", "timestamp", "netns", "iface", "ifindex", "direction", "ingress_ifindex",
	"egress_ifindex", "proto", "src_ip", "src_port", "dst_ip", "dst_port", "encapsulated", "tunnel",
	"vni", "pkt_src_ip", "pkt_dst_ip", "vlan_id", "inner_vlan_id", "mark", "tos", "dscp", "min_ttl",
	"max_ttl", "icmp_type", "icmp_code", "packets", "bytes", "first_seen", "last_seen",
	"duration_ms", "end_reason", "tcp_flags", "handshake_latency_us", "handshake_server_us",
	"handshake_client_us", "retransmissions", "fast_retransmits", "timeout_retransmits",
	"spurious_retransmits", "avg_jitter_us", "max_jitter_us", "min_window_size", "max_window_size",
	"last_window_size", "zero_windows", "out_of_order_pkts", "duplicate_acks", "min_rtt_us",
	"max_rtt_us", "avg_rtt_us", "rtt_samples", "ecn_flags", "aws_account", "aws_vpc", "aws_subnet",
	"aws_interface", "aws_instance", "aws_az", "aws_region",
	"ecn_ect0_pkts", "ecn_ect1_pkts", "ecn_ce_pkts", "ecn_ece_pkts", "ecn_cwr_pkts",
	"max_bytes_in_flight", "keep_alives",
	"outer_tos", "gwlb_endpoint", "gwlb_attachment", "gwlb_flow_cookie", "aws_az_id",
};

TEST(every_key_is_explained_and_only_a_key_is)
{
	size_t n;
	const struct field *all = field_all(&n);

	for (size_t i = 0; i < n; i++)
		CHECK(field_help(all[i].key));
	all = field_extra(&n);
	for (size_t i = 0; i < n; i++)
		CHECK(field_help(all[i].key) && field_find(all[i].key) == &all[i]);
	CHECK(!field_help("nonsense"));
}

TEST(the_keys_are_those_of_the_interface_in_its_order)
{
	size_t n;
	const struct field *all = field_all(&n);

	CHECK(n == sizeof(keys) / sizeof(keys[0]));
	for (size_t i = 0; i < n; i++) {
		CHECK_STR(all[i].key, keys[i]);
		CHECK(field_find(keys[i]) == &all[i]);
	}
	CHECK(!field_find("nonsense"));
}

#define AWS                                                                                       \
	"\"aws_account\":null,\"aws_vpc\":null,\"aws_subnet\":null,\"aws_interface\":null,"         \
	"\"aws_instance\":null,\"aws_az\":null,\"aws_region\":null,"
#define LAST                                                                                      \
	"\"outer_tos\":null,\"gwlb_endpoint\":null,\"gwlb_attachment\":null,"                     \
	"\"gwlb_flow_cookie\":null,\"aws_az_id\":null}"
#define REST                                                                                      \
	"\"handshake_latency_us\":null,\"handshake_server_us\":null,\"handshake_client_us\":null," \
	"\"retransmissions\":null,\"fast_retransmits\":null,\"timeout_retransmits\":null,"        \
	"\"spurious_retransmits\":null,\"avg_jitter_us\":null,\"max_jitter_us\":null,"            \
	"\"min_window_size\":null,\"max_window_size\":null,\"last_window_size\":null,"            \
	"\"zero_windows\":null,\"out_of_order_pkts\":null,\"duplicate_acks\":null,"               \
	"\"min_rtt_us\":null,\"max_rtt_us\":null,\"avg_rtt_us\":null,\"rtt_samples\":null,"       \
	"\"ecn_flags\":null," AWS                                                                 \
	"\"ecn_ect0_pkts\":null,\"ecn_ect1_pkts\":null,\"ecn_ce_pkts\":null,"                     \
	"\"ecn_ece_pkts\":null,\"ecn_cwr_pkts\":null,\"max_bytes_in_flight\":null,"               \
	"\"keep_alives\":null," LAST

static struct strbuf json_of(const struct record *r)
{
	struct strbuf b = STRBUF_NULL;
	struct json j;

	json_init(&j, &b, false);
	field_set_timestamp(UINT64_C(1700000000) * 1000000000);
	field_record_json(&j, NULL, r);
	return b;
}

/* 1700000000 is 2023-11-14T22:13:20Z (date -u -d @1700000000). */
TEST(a_tcp_record_as_json)
{
	struct record r = arriving(flow(6, "10.0.0.1", 40000, "192.0.2.9", 443), 3, UINT64_MAX);
	struct strbuf b;

	r.bytes = UINT64_C(9007199254740993);	/* 2^53 + 1 */
	r.netns = "blue";
	r.iface = "eth\"0";
	r.first_ns = UINT64_C(1700000000) * 1000000000 + 1999;
	r.last_ns = UINT64_C(1700000001) * 1000000000 + 999999999;
	r.tcp_flags = 0x02 | 0x08 | 0x10;
	r.tos = 0xb9;
	r.min_ttl = 63;
	r.max_ttl = 64;
	r.mark = 4294967295;
	r.end_reason = FLOW_END_DETECTED;
	r.key.vlan_outer = VLAN_PRESENT;
	b = json_of(&r);
	CHECK_STR(strbuf_str(&b),
		  "{\"version\":\"3\",\"timestamp\":\"2023-11-14T22:13:20.000000Z\",\"netns\":\"blue\","
		  "\"iface\":\"eth\\\"0\",\"ifindex\":3,\"direction\":0,\"ingress_ifindex\":3,"
		  "\"egress_ifindex\":0,\"proto\":\"TCP\",\"src_ip\":\"10.0.0.1\",\"src_port\":40000,"
		  "\"dst_ip\":\"192.0.2.9\",\"dst_port\":443,\"encapsulated\":false,\"tunnel\":null,"
		  "\"vni\":null,\"pkt_src_ip\":\"10.0.0.1\",\"pkt_dst_ip\":\"192.0.2.9\",\"vlan_id\":0,"
		  "\"inner_vlan_id\":null,\"mark\":4294967295,\"tos\":185,\"dscp\":46,\"min_ttl\":63,"
		  "\"max_ttl\":64,\"icmp_type\":null,\"icmp_code\":null,"
		  "\"packets\":18446744073709551615,\"bytes\":9007199254740993,"
		  "\"first_seen\":\"2023-11-14T22:13:20.000001Z\","
		  "\"last_seen\":\"2023-11-14T22:13:21.999999Z\",\"duration_ms\":1999,"
		  "\"end_reason\":\"end\",\"tcp_flags\":\"SYN|ACK|PSH\"," REST);
	strbuf_deinit(&b);
}

static void check_text(const struct record *r, const char *key, const char *wanted)
{
	struct field_value v;

	field_value(field_find(key), r, &v);
	if (!wanted) {
		CHECK(v.kind == FIELD_NULL);
	} else if (v.kind == FIELD_U64) {
		char digits[32];

		snprintf(digits, sizeof(digits), "%llu", (unsigned long long)v.u64);
		CHECK_STR(digits, wanted);
	} else {
		CHECK_STR(v.kind == FIELD_BOOL ? (v.u64 ? "true" : "false") : v.text, wanted);
	}
}

/* An inner TCP over IPv6, in GENEVE over IPv4, of a Gateway Load Balancer. */
static struct record in_geneve(void)
{
	struct record r = flow(6, "2001:db8::1", 40000, "2001:db8::2", 443);

	r.key.tunnel = TUNNEL_GENEVE;
	r.outer = (struct record_outer) {
		.known = true, .family = 4, .tos = 0xb8, .src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, 2 }, .has = OUTER_GWLB_ENDPOINT | OUTER_GWLB_FLOW,
		.gwlb_endpoint = 0x2b8ee1d4db0c51c, .gwlb_attachment = 7, .gwlb_flow = 0xab,
	};
	return r;
}

TEST(of_a_flow_in_a_tunnel_the_addresses_are_of_the_outer_packet)
{
	struct record r = in_geneve();

	check_text(&r, "src_ip", "192.0.2.1");
	check_text(&r, "dst_ip", "192.0.2.2");
	check_text(&r, "pkt_src_ip", "2001:db8::1");
	check_text(&r, "pkt_dst_ip", "2001:db8::2");
	check_text(&r, "src_port", "40000");
	check_text(&r, "proto", "TCP");
	check_text(&r, "encapsulated", "true");
	check_text(&r, "tunnel", "geneve");
	check_text(&r, "vni", "0");
	check_text(&r, "outer_tos", "184");
	check_text(&r, "gwlb_endpoint", "02b8ee1d4db0c51c");
	check_text(&r, "gwlb_attachment", NULL);
	check_text(&r, "gwlb_flow_cookie", "000000ab");
	/* the program had no room to remember it */
	r.outer.known = false;
	check_text(&r, "src_ip", NULL);
	check_text(&r, "dst_ip", NULL);
	check_text(&r, "outer_tos", NULL);
	check_text(&r, "gwlb_endpoint", NULL);
	check_text(&r, "pkt_src_ip", "2001:db8::1");
	check_text(&r, "encapsulated", "true");
}

/* RFC 2890: a key may be 0, but then it is not known to be there. */
TEST(a_tunnel_without_numbers_has_no_vni)
{
	struct record r = in_geneve();

	r.key.tunnel = TUNNEL_GRE;
	check_text(&r, "vni", NULL);
	r.key.vni = 7;
	check_text(&r, "vni", "7");
	r.key.vni = 0;
	r.key.tunnel = TUNNEL_6IN4;
	check_text(&r, "vni", NULL);
	check_text(&r, "tunnel", "6in4");
	r.key.tunnel = TUNNEL_VXLAN;
	check_text(&r, "vni", "0");
}

TEST(what_the_cloud_says_is_in_its_keys)
{
	static const struct record_cloud cloud = {
		.account = "123456789012", .vpc = "vpc-1", .subnet = "subnet-2", .interface = "eni-3",
		.instance = "i-4", .az = "eu-west-1a", .az_id = "euw1-az2", .region = "eu-west-1",
	}, little = { .instance = "i-4" };
	struct record r = flow(6, "10.0.0.1", 40000, "192.0.2.9", 443);

	r.cloud = &cloud;
	check_text(&r, "aws_account", "123456789012");
	check_text(&r, "aws_vpc", "vpc-1");
	check_text(&r, "aws_subnet", "subnet-2");
	check_text(&r, "aws_interface", "eni-3");
	check_text(&r, "aws_instance", "i-4");
	check_text(&r, "aws_az", "eu-west-1a");
	check_text(&r, "aws_az_id", "euw1-az2");
	check_text(&r, "aws_region", "eu-west-1");
	r.cloud = &little;
	check_text(&r, "aws_instance", "i-4");
	check_text(&r, "aws_vpc", NULL);
	r.cloud = NULL;
	check_text(&r, "aws_instance", NULL);
}

static int compared(const char *key, const struct record *a, const struct record *b)
{
	int c = field_compare(field_find(key), a, b), back = field_compare(field_find(key), b, a);

	/* never 0 by mistake */
	return (c < 0) == (back > 0) && (c > 0) == (back < 0) ? c : 0;
}

/* By what is printed: the outer address, as a number, and what is null before all. */
TEST(addresses_are_sorted_as_they_are_printed)
{
	struct record tunnel = in_geneve(), other = in_geneve();
	struct record plain = flow(6, "192.0.2.100", 1, "192.0.2.9", 2);

	CHECK(compared("src_ip", &tunnel, &plain) < 0);
	CHECK(compared("dst_ip", &tunnel, &plain) < 0);
	CHECK(compared("pkt_src_ip", &tunnel, &plain) > 0);
	other.outer.src[3] = 0;
	CHECK(compared("src_ip", &tunnel, &other) > 0 && !compared("dst_ip", &tunnel, &other));
	other.outer.known = false;
	CHECK(compared("src_ip", &tunnel, &other) > 0);
	tunnel.outer.known = false;
	CHECK(compared("src_ip", &tunnel, &other) == 0);
}

/* All is known: every value its own, so that a mix-up shows. */
static const struct record_tcp healthy = {
	.known = RECORD_TCP_OBSERVED | RECORD_TCP_SERVER | RECORD_TCP_CLIENT | RECORD_TCP_RTT |
		 RECORD_TCP_WINDOW | RECORD_TCP_JITTER | RECORD_TCP_IN_FLIGHT,
	.handshake_server_us = UINT32_MAX, .handshake_client_us = 1001,
	.retransmissions = 12, .fast_retransmits = 3, .timeout_retransmits = 4,
	.spurious_retransmits = 5, .out_of_order = 6, .duplicate_acks = 7, .zero_windows = 8,
	.keep_alives = 9, .ect0 = 10, .ect1 = 0, .ce = 13, .ece = 0, .cwr = 14,
	.min_rtt_us = 15, .max_rtt_us = 99, .rtt_samples = 3, .rtt_sum_us = UINT64_C(30000000002),
	.min_window = 16, .max_window = 1 << 30, .last_window = 17,
	.avg_jitter_us = 18, .max_jitter_us = 19, .max_in_flight = 20,
};

/* ecn_flags: bit 1 ECT(0), bit 2 CE, bit 4 CWR. */
#define HEALTHY                                                                                   \
	"\"handshake_latency_us\":4294968296,\"handshake_server_us\":4294967295,"                  \
	"\"handshake_client_us\":1001,\"retransmissions\":12,\"fast_retransmits\":3,"              \
	"\"timeout_retransmits\":4,\"spurious_retransmits\":5,\"avg_jitter_us\":18,"               \
	"\"max_jitter_us\":19,\"min_window_size\":16,\"max_window_size\":1073741824,"              \
	"\"last_window_size\":17,\"zero_windows\":8,\"out_of_order_pkts\":6,"                      \
	"\"duplicate_acks\":7,\"min_rtt_us\":15,\"max_rtt_us\":99,\"avg_rtt_us\":10000000000,"     \
	"\"rtt_samples\":3,\"ecn_flags\":22," AWS                                                  \
	"\"ecn_ect0_pkts\":10,\"ecn_ect1_pkts\":0,\"ecn_ce_pkts\":13,\"ecn_ece_pkts\":0,"          \
	"\"ecn_cwr_pkts\":14,\"max_bytes_in_flight\":20,\"keep_alives\":9," LAST

TEST(the_health_of_tcp_as_json)
{
	struct record r = arriving(flow(6, "10.0.0.1", 40000, "192.0.2.9", 443), 3, 1);
	struct strbuf b;

	r.tcp = healthy;
	b = json_of(&r);
	CHECK_STR(strstr(strbuf_str(&b), "\"handshake_latency_us\""), HEALTHY);
	strbuf_deinit(&b);
}

static bool is_null(const char *key, const struct record *r)
{
	struct field_value v;

	field_value(field_find(key), r, &v);
	return v.kind == FIELD_NULL;
}

static bool of_tcp(const char *key)
{
	return strncmp(key, "aws_", 4) && strncmp(key, "gwlb_", 5) && strncmp(key, "outer_", 6);
}

/* Without the one bit these are null, and nothing else is. */
TEST(what_was_not_observed_is_null_whatever_stands_there)
{
	static const struct {
		uint32_t known;
		const char *keys;	/* a blank behind each */
	} rows[] = {
		{ RECORD_TCP_SERVER, "handshake_latency_us handshake_server_us " },
		{ RECORD_TCP_CLIENT, "handshake_latency_us handshake_client_us " },
		{ RECORD_TCP_RTT, "min_rtt_us max_rtt_us avg_rtt_us " },
		{ RECORD_TCP_WINDOW, "min_window_size max_window_size last_window_size " },
		{ RECORD_TCP_JITTER, "avg_jitter_us max_jitter_us " },
		{ RECORD_TCP_IN_FLIGHT, "max_bytes_in_flight " },
		{ RECORD_TCP_OBSERVED,
		  "retransmissions fast_retransmits timeout_retransmits spurious_retransmits "
		  "zero_windows out_of_order_pkts duplicate_acks rtt_samples ecn_flags ecn_ect0_pkts "
		  "ecn_ect1_pkts ecn_ce_pkts ecn_ece_pkts ecn_cwr_pkts keep_alives " },
	};
	size_t n, first = field_find("handshake_latency_us") - field_find("version");
	const struct field *all = field_all(&n);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r = flow(6, "10.0.0.1", 1, "10.0.0.2", 2);

		r.tcp = healthy;
		r.tcp.known &= ~rows[i].known;
		for (size_t k = first; k < n; k++) {
			char word[40];

			snprintf(word, sizeof(word), "%s ", all[k].key);
			if (of_tcp(all[k].key))
				CHECK(is_null(all[k].key, &r) == !!strstr(rows[i].keys, word));
		}
	}
}

TEST(zero_is_zero_where_it_was_observed)
{
	struct record r = flow(6, "10.0.0.1", 1, "10.0.0.2", 2);
	struct field_value v;

	r.tcp.known = healthy.known;
	field_value(field_find("ecn_flags"), &r, &v);
	CHECK(v.kind == FIELD_U64 && v.u64 == 0);
	field_value(field_find("handshake_latency_us"), &r, &v);
	CHECK(v.kind == FIELD_U64 && v.u64 == 0);
	CHECK(is_null("avg_rtt_us", &r));
}

TEST(each_mark_of_ecn_has_its_bit)
{
	struct record r = flow(6, "10.0.0.1", 1, "10.0.0.2", 2);
	uint32_t *const counts[] = { &r.tcp.ect1, &r.tcp.ect0, &r.tcp.ce, &r.tcp.ece, &r.tcp.cwr };

	r.tcp.known = RECORD_TCP_OBSERVED;
	for (unsigned i = 0; i < 5; i++) {
		struct field_value v;

		*counts[i] = UINT32_MAX;
		field_value(field_find("ecn_flags"), &r, &v);
		CHECK(v.u64 == 1u << i);
		*counts[i] = 0;
	}
}

TEST(a_record_of_a_capture_has_no_interface)
{
	struct record r = flow(6, "10.0.0.1", 1, "10.0.0.2", 2);

	CHECK(is_null("ifindex", &r) && is_null("iface", &r) && is_null("netns", &r));
	r.ifindex = 1;
	CHECK(!is_null("ifindex", &r));
}

/* An echo request over IPv6 (RFC 4443 4.1: type 128, code 0), double-tagged. */
TEST(an_icmpv6_record_as_json)
{
	struct record r = leaving(flow(58, "2001:db8::1", 0, "::ffff:1.2.3.4", 128 << 8), 0, 7, 2);
	struct strbuf b;

	r.key.vlan_outer = VLAN_PRESENT | 4095;
	r.key.vlan_inner = VLAN_PRESENT | 5;
	b = json_of(&r);
	CHECK_STR(strbuf_str(&b),
		  "{\"version\":\"3\",\"timestamp\":\"2023-11-14T22:13:20.000000Z\",\"netns\":null,"
		  "\"iface\":null,\"ifindex\":7,\"direction\":1,\"ingress_ifindex\":0,"
		  "\"egress_ifindex\":7,\"proto\":\"ICMPv6\",\"src_ip\":\"2001:db8::1\",\"src_port\":null,"
		  "\"dst_ip\":\"::ffff:1.2.3.4\",\"dst_port\":null,\"encapsulated\":false,\"tunnel\":null,"
		  "\"vni\":null,\"pkt_src_ip\":\"2001:db8::1\",\"pkt_dst_ip\":\"::ffff:1.2.3.4\","
		  "\"vlan_id\":4095,\"inner_vlan_id\":5,\"mark\":0,\"tos\":0,\"dscp\":0,\"min_ttl\":0,"
		  "\"max_ttl\":0,\"icmp_type\":128,\"icmp_code\":0,\"packets\":2,\"bytes\":40,"
		  "\"first_seen\":\"1970-01-01T00:00:00.000000Z\","
		  "\"last_seen\":\"1970-01-01T00:00:00.000000Z\",\"duration_ms\":0,"
		  "\"end_reason\":null,\"tcp_flags\":null," REST);
	strbuf_deinit(&b);
}

/* Exactly one of these, else the number. Numbers: IANA protocol numbers. */
TEST(protocols_have_the_names_of_the_interface)
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = {
		{ 6, "TCP" }, { 17, "UDP" }, { 132, "SCTP" }, { 1, "ICMP" }, { 58, "ICMPv6" },
		{ 47, "GRE" }, { 2, "IGMP" }, { 50, "ESP" }, { 51, "AH" }, { 4, "IPIP" }, { 41, "IPV6" },
		{ 0, "0" }, { 89, "89" }, { 136, "136" }, { 255, "255" },
	};
	char buf[4];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK_STR(field_proto_name(names[i].number, buf), names[i].name);
}

TEST(an_icmp_type_belongs_to_the_protocol_of_its_family)
{
	struct record r = flow(58, "10.0.0.1", 0, "10.0.0.2", 8 << 8);
	struct field_value v;

	field_value(field_find("icmp_type"), &r, &v);
	CHECK(v.kind == FIELD_NULL);
	r.key.proto = 1;
	r.key.dport = htons(3 << 8 | 13);
	field_value(field_find("icmp_type"), &r, &v);
	CHECK(v.kind == FIELD_U64 && v.u64 == 3);
	field_value(field_find("icmp_code"), &r, &v);
	CHECK(v.kind == FIELD_U64 && v.u64 == 13);
}

TEST(all_eight_tcp_flags_and_none)
{
	struct record r = flow(6, "10.0.0.1", 1, "10.0.0.2", 2);
	struct field_value v;

	field_value(field_find("tcp_flags"), &r, &v);
	CHECK(v.kind == FIELD_STR);
	CHECK_STR(v.text, "");
	r.tcp_flags = 0xff;
	field_value(field_find("tcp_flags"), &r, &v);
	CHECK_STR(v.text, "SYN|ACK|PSH|FIN|RST|URG|ECE|CWR");
}

static int order(const char *key, struct record a, struct record b)
{
	int c = field_compare(field_find(key), &a, &b);

	return (c > 0) - (c < 0);
}

TEST(values_order_as_people_do)
{
	struct record tcp = flow(6, "10.0.0.9", 9, "10.0.0.2", 2);
	struct record more = flow(6, "10.0.0.10", 10, "10.0.0.2", 2);
	struct record gre = flow(47, "9.0.0.1", 0, "10.0.0.2", 0);
	struct record six = flow(6, "::1", 9, "::2", 2);

	more.packets = UINT64_MAX;
	CHECK(order("packets", tcp, more) == -1 && order("packets", more, tcp) == 1);
	CHECK(order("src_ip", tcp, more) == -1 && order("src_ip", tcp, six) == -1);
	CHECK(order("src_port", tcp, more) == -1);
	CHECK(order("src_port", gre, tcp) == -1 && order("src_port", tcp, gre) == 1);
	CHECK(order("proto", gre, tcp) == -1 && order("vni", gre, tcp) == 0);
	more.first_ns = 1000;
	CHECK(order("first_seen", tcp, more) == -1);
}
