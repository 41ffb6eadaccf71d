// SPDX-License-Identifier: Apache-2.0
/* The first seven keys are those that users of this log format know; values are those of JSON. */
#include "base/cleanup.h"
#include "base/json.h"
#include "flow/field.h"
#include "flows.h"
#include "sink/log_text.h"
#include "test.h"

static const char *of_record(const struct record *r)
{
	static char text[4096];
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;

	log_text_of_record(&out, r);
	snprintf(text, sizeof(text), "%s", strbuf_str(&out));
	return text;
}

static const char *of_json(const char *json)
{
	static char text[4096];
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;

	if (log_text_of_json(&out, json, strlen(json)) != strlen(json))
		return "another length";
	snprintf(text, sizeof(text), "%s", strbuf_str(&out));
	return text;
}

static struct record example(void)
{
	struct record r = flow(6, "10.1.0.2", 32816, "10.2.0.2", 8080);

	r.packets = 6;
	r.bytes = 9007199254740993;
	r.first_ns = 1667266821743447800;
	r.last_ns = r.first_ns + 1500000000;
	r.tcp_flags = 0x12;
	r.min_ttl = r.max_ttl = 63;
	r.end_reason = FLOW_END_IDLE;
	r.key.ingress_ifindex = r.ifindex = 2;
	r.netns = "ns0";
	r.iface = "eth1";
	return r;
}

TEST(a_line_begins_with_the_seven_and_leaves_out_what_is_null)
{
	struct record r = example();

	field_set_timestamp(1667266830000000000);
	CHECK_STR(of_record(&r),
		  "src=10.1.0.2 dst=10.2.0.2 proto=TCP starttime=2022-11-01T01:40:21.743447Z "
		  "endtime=2022-11-01T01:40:23.243447Z pkts=6 bytes=9007199254740993 version=3 "
		  "timestamp=2022-11-01T01:40:30.000000Z netns=ns0 iface=eth1 ifindex=2 direction=0 "
		  "ingress_ifindex=2 egress_ifindex=0 src_port=32816 dst_port=8080 encapsulated=false "
		  "pkt_src_ip=10.1.0.2 pkt_dst_ip=10.2.0.2 mark=0 tos=0 dscp=0 min_ttl=63 max_ttl=63 "
		  "duration_ms=1500 end_reason=idle tcp_flags=SYN|ACK\n");
}

TEST(the_health_of_tcp_is_in_the_line_as_far_as_it_is_known)
{
	struct record r = example();

	r.tcp = (struct record_tcp) {
		.known = RECORD_TCP_SERVER | RECORD_TCP_RTT, .handshake_server_us = 12034,
		.min_rtt_us = 10, .max_rtt_us = 30, .rtt_samples = 2, .rtt_sum_us = 40,
	};
	CHECK_STR(strstr(of_record(&r), "tcp_flags"),
		  "tcp_flags=SYN|ACK handshake_server_us=12034 min_rtt_us=10 max_rtt_us=30 "
		  "avg_rtt_us=20\n");
	r.tcp.known = RECORD_TCP_OBSERVED;
	CHECK_STR(strstr(of_record(&r), "tcp_flags"),
		  "tcp_flags=SYN|ACK retransmissions=0 fast_retransmits=0 timeout_retransmits=0 "
		  "spurious_retransmits=0 zero_windows=0 out_of_order_pkts=0 duplicate_acks=0 "
		  "rtt_samples=2 ecn_flags=0 ecn_ect0_pkts=0 ecn_ect1_pkts=0 ecn_ce_pkts=0 "
		  "ecn_ece_pkts=0 ecn_cwr_pkts=0 keep_alives=0\n");
}

TEST(names_that_would_break_a_line_are_quoted)
{
	static const struct {
		const char *name, *wanted;
	} rows[] = {
		{ "eth 0", " iface=\"eth 0\" " }, { "a\"b", " iface=\"a\\\"b\" " },
		{ "a=b", " iface=\"a=b\" " }, { "a\\b", " iface=\"a\\\\b\" " }, { "", " iface=\"\" " },
		{ "a\nb", " iface=\"a\\nb\" " }, { "a\x1b", " iface=\"a\\u001b\" " },
		{ "\xc3\xa9t\xc3\xa9", " iface=\xc3\xa9t\xc3\xa9 " },
		{ "\xff", " iface=\xef\xbf\xbd " }, { "a\x7f", " iface=\"a\\u007f\" " },
	};
	struct record r = example();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		r.iface = rows[i].name;
		if (!strstr(of_record(&r), rows[i].wanted))
			printf("# %s\n", rows[i].wanted);
		CHECK(strstr(of_record(&r), rows[i].wanted));
	}
}

/* Both ways, by the record and by its JSON, give the same line. */
TEST(a_record_and_its_json_are_the_same_line)
{
	static const char *const names[] = { "eth0", "e 0", "\xff\xfe", "a\"\\=", "\x01", "", NULL };
	static const uint8_t protos[] = { 6, 17, 1, 58, 47, 253 };
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(protos); k++) {
			_cleanup_(strbuf_deinit) struct strbuf json = STRBUF_NULL;
			struct record r = example();
			struct json j;

			r.key.proto = protos[k];
			r.iface = names[i];
			r.tcp_flags = k;
			r.key.vlan_outer = VLAN_PRESENT | 7;
			json_init(&j, &json, false);
			field_record_json(&j, NULL, &r);
			strbuf_putc(&json, '\n');
			CHECK_STR(of_json(json.data), of_record(&r));
			n++;
		}
	}
	CHECK(n == 42);
}

TEST(what_hooks_make_of_it_is_shown_as_it_is)
{
	CHECK_STR(of_json("{\"hostname\":\"r1\",\"src_ip\":\"10.0.0.1\",\"big\":18446744073709551615}\n"),
		  "src=10.0.0.1 hostname=r1 big=18446744073709551615\n");
	CHECK_STR(of_json("{\"a\":{\"b\":[1,\"x\"]},\"c\":null,\"d\":[],\"e f\":1.50,\"g\":true}\n"),
		  "a=\"{\\\"b\\\":[1,\\\"x\\\"]}\" d=\"[]\" \"e f\"=1.50 g=true\n");
	CHECK_STR(of_json("{}\n"), "\n");
	CHECK_STR(of_json("{\"src_ip\":null,\"x\":1}\n"), "x=1\n");
}

/* A hook may name things by the names of the text format itself. */
TEST(a_key_of_the_short_name_takes_the_place)
{
	CHECK_STR(of_json("{\"src_ip\":\"10.0.0.1\",\"src\":\"r1\",\"bytes\":3}\n"),
		  "src=r1 bytes=3 src_ip=10.0.0.1\n");
}

TEST(lines_are_taken_one_by_one)
{
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;
	static const char two[] = "{\"a\":1}\n{\"b\":2}\n";
	size_t n = log_text_of_json(&out, two, strlen(two));

	CHECK(n == 8);
	CHECK(log_text_of_json(&out, two + n, strlen(two) - n) == 8);
	CHECK_STR(out.data, "a=1\nb=2\n");
}
