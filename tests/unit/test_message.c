// SPDX-License-Identifier: Apache-2.0
/*
 * Golden bytes, written by hand after RFC 7011 3.1 to 3.4 and the examples of its appendix
 * A (the addresses and counts are theirs; counters here are of eight octets).
 */
#include "ipfix/message.h"

#include <errno.h>

#include "add_record.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "hex.h"
#include "test.h"

/* Message and templates of one test. */
struct bench {
	struct message m;
	struct template_set *set;
	const struct template *flows, *v6;
};

static const struct template_field flow_names[] = {
	{ "sourceIPv4Address" }, { "destinationIPv4Address" }, { "packetDeltaCount" },
	{ "octetDeltaCount" },
};
static const struct template_field v6_names[] = { { "destinationIPv6Address" }, { "ipVersion" } };

static int bench_init(struct bench *b, size_t cap)
{
	if (message_init(&b->m, cap) < 0 || template_set_new(&b->set) < 0 ||
	    template_set_add(b->set, 256, flow_names, 4) < 0 ||
	    template_set_add(b->set, 257, v6_names, 2) < 0)
		return -1;
	b->flows = template_set_get(b->set, 0);
	b->v6 = template_set_get(b->set, 1);
	return 0;
}

static void bench_deinit(struct bench *b)
{
	message_deinit(&b->m);
	template_set_free(b->set);
}

static const struct record flows[] = {
	{ .key = { .family = 4, .src = { 192, 0, 2, 12 }, .dst = { 192, 0, 2, 254 } },
	  .packets = 5009, .bytes = 5344385 },
	{ .key = { .family = 4, .src = { 192, 0, 2, 27 }, .dst = { 192, 0, 2, 23 } },
	  .packets = 748, .bytes = 388934 },
	{ .key = { .family = 4, .src = { 192, 0, 2, 56 }, .dst = { 192, 0, 2, 65 } },
	  .packets = 5, .bytes = 6534 },
};

TEST(a_template_set_is_as_in_appendix_a_2)
{
	_cleanup_(bench_deinit) struct bench b = { 0 };

	CHECK(bench_init(&b, 1400) == 0);
	message_begin(&b.m, 1);
	CHECK(message_add_template(&b.m, b.flows) == 0);
	CHECK(message_add_template(&b.m, b.v6) == 0);
	message_finish(&b.m, 0, 1795233357);
	CHECK(is_hex(b.m.buf, b.m.len,
		     /* version 10, length 52, export time, sequence 0, domain 1 */
		     "000a 0034 6b01164d 00000000 00000001"
		     /* set 2, length 36 */
		     "0002 0024"
		     /* template 256, four fields */
		     "0100 0004  0008 0004  000c 0004  0002 0008  0001 0008"
		     /* template 257, two fields */
		     "0101 0002  001c 0010  003c 0001"));
	CHECK(b.m.records == 0);
}

TEST(a_data_set_is_as_in_appendix_a_3)
{
	_cleanup_(bench_deinit) struct bench b = { 0 };

	CHECK(bench_init(&b, 1400) == 0);
	message_begin(&b.m, 0x0a0b0c0d);
	for (size_t i = 0; i < 3; i++)
		CHECK(add_record(&b.m, b.flows, &flows[i]) == 0);
	message_finish(&b.m, 0xfffffffe, 0x80000001);
	CHECK(is_hex(b.m.buf, b.m.len,
		     "000a 005c 80000001 fffffffe 0a0b0c0d"
		     "0100 004c"
		     "c000020c c00002fe 0000000000001391 0000000000518c81"
		     "c000021b c0000217 00000000000002ec 000000000005ef46"
		     "c0000238 c0000241 0000000000000005 0000000000001986"));
	CHECK(b.m.records == 3);
}

TEST(sets_follow_one_another_each_with_its_own_length)
{
	_cleanup_(bench_deinit) struct bench b = { 0 };
	struct record v6 = { .key = { .family = 6, .dst = { 0xff, 2, [15] = 0xfb } } };

	CHECK(bench_init(&b, 1400) == 0);
	message_begin(&b.m, 2);
	CHECK(message_add_template(&b.m, b.v6) == 0);
	CHECK(add_record(&b.m, b.v6, &v6) == 0);
	CHECK(add_record(&b.m, b.flows, &flows[2]) == 0);
	CHECK(add_record(&b.m, b.v6, &v6) == 0);
	message_finish(&b.m, 7, 0);
	CHECK(is_hex(b.m.buf, b.m.len,
		     "000a 0066 00000000 00000007 00000002"
		     "0002 0010  0101 0002 001c 0010 003c 0001"
		     "0101 0015  ff0200000000000000000000000000fb 06"
		     "0100 001c  c0000238 c0000241 0000000000000005 0000000000001986"
		     "0101 0015  ff0200000000000000000000000000fb 06"));
	CHECK(b.m.records == 3);
}

/* 16 + 4 + 2 * 24 = 68 */
TEST(a_message_is_never_longer_than_it_may_be)
{
	_cleanup_(bench_deinit) struct bench b = { 0 };

	CHECK(bench_init(&b, 68) == 0);
	message_begin(&b.m, 1);
	CHECK(add_record(&b.m, b.flows, &flows[0]) == 0);
	CHECK(message_has_room(&b.m, b.flows));
	/* 17 bytes would fit, but their set header does not come for nothing */
	CHECK(message_has_room(&b.m, b.v6));
	CHECK(add_record(&b.m, b.flows, &flows[1]) == 0);
	CHECK(!message_has_room(&b.m, b.flows) && !message_has_room(&b.m, b.v6));
	CHECK(add_record(&b.m, b.flows, &flows[2]) == -EMSGSIZE);
	CHECK(message_add_template(&b.m, b.v6) == -EMSGSIZE);
	CHECK(b.m.len == 68 && b.m.records == 2);
}

TEST(a_set_header_counts_for_the_room)
{
	_cleanup_(bench_deinit) struct bench b = { 0 };

	/* one record of 24 and 20 bytes more: 17 fit, 17 + 4 do not */
	CHECK(bench_init(&b, 16 + 4 + 24 + 20) == 0);
	message_begin(&b.m, 1);
	CHECK(add_record(&b.m, b.flows, &flows[0]) == 0);
	CHECK(!message_has_room(&b.m, b.v6));
	CHECK(add_record(&b.m, b.v6, &flows[0]) == -EMSGSIZE);
	message_finish(&b.m, 0, 0);
	CHECK(b.m.len == 44 && b.m.buf[3] == 44 && b.m.buf[19] == 28);
}

TEST(a_message_begins_empty_again)
{
	_cleanup_(bench_deinit) struct bench b = { 0 };

	CHECK(bench_init(&b, 100) == 0);
	CHECK(message_is_empty(&b.m));
	message_begin(&b.m, 1);
	CHECK(add_record(&b.m, b.flows, &flows[0]) == 0 && !message_is_empty(&b.m));
	message_finish(&b.m, 0, 0);
	message_begin(&b.m, 2);
	CHECK(message_is_empty(&b.m) && b.m.records == 0);
	CHECK(add_record(&b.m, b.flows, &flows[0]) == 0);
	message_finish(&b.m, 1, 0);
	CHECK(b.m.len == 44 && b.m.buf[15] == 2 && b.m.buf[17] == 0 && b.m.buf[19] == 28);
}

/* RFC 7011 3.2: the top bit of the number, and behind the length whose number it is. */
TEST(an_element_of_an_enterprise_names_it)
{
	static const struct ie own = { .pen = 0x0001e240, .id = 0x1234 };
	struct ie_field elements[] = { { ie_find("octetDeltaCount"), 8 }, { &own, 2 } };
	struct template t = { .id = 300, .n_elements = 2, .template_len = 4 + 4 + 8,
			      .elements = elements };
	struct message m;

	CHECK(message_init(&m, 100) == 0 && message_add_template(&m, &t) == 0);
	message_finish(&m, 0, 0);
	CHECK(is_hex(m.buf, m.len, "000a 0024 00000000 00000000 00000000"
			 "0002 0014  012c 0002  0001 0008  9234 0002 0001e240"));
	message_deinit(&m);
}

/* RFC 7011 8.1: no field; all of a kind by the number of their set. */
TEST(templates_are_withdrawn_in_sets_of_their_own)
{
	_cleanup_(bench_deinit) struct bench b = { 0 };

	CHECK(bench_init(&b, 1400) == 0);
	message_begin(&b.m, 1);
	CHECK(message_add_template(&b.m, b.v6) == 0);
	CHECK(message_add_withdrawal(&b.m, IPFIX_SET_TEMPLATE, 300) == 0);
	CHECK(message_add_withdrawal(&b.m, IPFIX_SET_TEMPLATE, 301) == 0);
	CHECK(message_add_withdrawal(&b.m, IPFIX_SET_OPTIONS_TEMPLATE, 302) == 0);
	CHECK(message_add_template(&b.m, b.v6) == 0);
	CHECK(message_add_withdrawal(&b.m, IPFIX_SET_TEMPLATE, 2) == 0);
	CHECK(message_add_withdrawal(&b.m, IPFIX_SET_OPTIONS_TEMPLATE, 3) == 0);
	message_finish(&b.m, 7, 0);
	CHECK(is_hex(b.m.buf, b.m.len,
		     "000a 0054 00000000 00000007 00000001"
		     "0002 0010  0101 0002  001c 0010  003c 0001"
		     "0002 000c  012c 0000  012d 0000"
		     "0003 0008  012e 0000"
		     "0002 0010  0101 0002  001c 0010  003c 0001"
		     "0002 0008  0002 0000"
		     "0003 0008  0003 0000"));
	CHECK(b.m.records == 0);
	message_begin(&b.m, 1);
	CHECK(message_add_withdrawal(&b.m, IPFIX_SET_TEMPLATE, 300) == 0);
	message_begin(&b.m, 1);
	CHECK(message_add_template(&b.m, b.v6) == 0);
	message_finish(&b.m, 7, 0);
	CHECK(b.m.len == 32);
}

/* RFC 7011 7: 65535 in the template, the length before the value; 3.2: PEN 29305. */
TEST(records_of_variable_length_take_what_they_take)
{
	static const struct template_field names[] = {
		{ "ipVersion" }, { "interfaceName" }, { "reverseOctetDeltaCount", 4 },
		{ "interfaceDescription" }, { "tcpControlBits", 1 },
	};
	static const struct record back = { .bytes = 0x01020304 };
	struct record r = { .key = { .family = 4, .proto = 6 }, .tcp_flags = 0x1b, .iface = "eth0",
			    .reverse = &back };
	_cleanup_(bench_deinit) struct bench b = { 0 };
	const struct template *t;

	CHECK(bench_init(&b, 1400) == 0 && template_set_add(b.set, 300, names, 5) == 0);
	t = template_set_get(b.set, 2);
	/* 1 + 1 and 15 + 4 + 3 and 255 + 1 */
	CHECK(t->is_variable && t->reverse && t->record_len == 280);
	CHECK(message_add_template(&b.m, t) == 0);
	CHECK(add_record(&b.m, t, &r) == 0);
	r.reverse = NULL;
	r.description = "up";
	CHECK(add_record(&b.m, t, &r) == 0);
	message_finish(&b.m, 0, 0);
	CHECK(is_hex(b.m.buf, b.m.len,
		     "000a 004e 00000000 00000000 00000000"
		     "0002 0020  012c 0005  003c 0001  0052 ffff  8001 0004 00007279"
		     "           0053 ffff  0006 0001"
		     "012c 001e  04 0465746830 01020304 00 1b"
		     "           04 0465746830 00000000 027570 1b"));
	CHECK(b.m.records == 2);
}

/* What is asked for is room for the longest, what is taken is less. */
TEST(a_message_has_room_for_the_longest_record)
{
	static const struct template_field name[] = { { "interfaceName" } };
	struct record r = { .iface = "a" };
	_cleanup_(bench_deinit) struct bench b = { 0 };
	const struct template *t;

	CHECK(bench_init(&b, 16 + 4 + 2 + 2 + 16) == 0);
	CHECK(template_set_add(b.set, 300, name, 1) == 0);
	t = template_set_get(b.set, 2);
	for (int i = 0; i < 3; i++)
		CHECK(message_has_room(&b.m, t) && add_record(&b.m, t, &r) == 0);
	CHECK(!message_has_room(&b.m, t) && add_record(&b.m, t, &r) == -EMSGSIZE);
	message_finish(&b.m, 0, 0);
	CHECK(is_hex(b.m.buf, b.m.len, "000a 001a 00000000 00000000 00000000  012c 000a 0161 0161 0161"));
}

TEST(a_length_that_holds_nothing_is_refused)
{
	struct message m;

	CHECK(message_init(&m, 19) == -EINVAL);
	CHECK(message_init(&m, 1000000) == 0 && m.cap == 65535);
	message_deinit(&m);
}
