// SPDX-License-Identifier: Apache-2.0
/*
 * Options templates and data, byte by byte after RFC 7011 3.4.2.2 (field count, scope count)
 * and 4.1 to 4.3, the IANA registry's numbers and types, and RFC 7011 7 for texts.
 */
#include "ipfix/options.h"

#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "hex.h"
#include "ipfix/options_parts.h"
#include "test.h"

/* What was sent: sets without message headers, one behind the other. */
struct bench {
	struct message m;
	struct options *o;
	uint8_t sent[65536];
	size_t len;
	unsigned messages, records, refuse_after;
	size_t longest;
};

static const struct options_interface two[] = {
	{ 3, "eth0", "to \xc3\xbc" "bersee", 100 },
	{ 9, "a-name-of-sixteen", NULL, 1 },
};

static struct options_facts known = {
	.ignored_packets = 258, .ignored_bytes = 772,
	.not_sent_flows = 5, .not_sent_packets = 6, .not_sent_bytes = 7,
	.first_lost_ns = UINT64_C(1795233357123456789), .last_lost_ns = UINT64_C(1795233358000000000),
	.interfaces = two, .n_interfaces = 2,
};

static int get(void *arg, uint32_t domain, struct options_facts *ret)
{
	if (domain == 404)
		return -ENOENT;
	*ret = *(struct options_facts *)arg;
	return 0;
}

static const struct options_session counts = { .messages = 17, .bytes = 4660, .records = 99 };

static int keep(void *arg, struct message *m)
{
	struct bench *b = arg;

	if (b->refuse_after && b->messages == b->refuse_after)
		return -EAGAIN;
	message_finish(m, 0, 0);
	memcpy(b->sent + b->len, m->buf + 16, m->len - 16);
	b->len += m->len - 16;
	b->longest = m->len > b->longest ? m->len : b->longest;
	b->records += m->records;
	b->messages++;
	return 0;
}

static int bench_init(struct bench *b, const struct profile *p, size_t cap)
{
	const struct options_source source = { get, &known };

	memset(b, 0, sizeof(*b));
	return message_init(&b->m, cap) < 0 ? -1 : options_new(p, 0, &source, &b->o);
}

static void bench_deinit(struct bench *b)
{
	options_free(b->o);
	message_deinit(&b->m);
}

static int send_templates(struct bench *b)
{
	b->len = b->messages = b->records = 0;
	return options_send_templates(b->o, &b->m, 7, keep, b);
}

static int send_data(struct bench *b)
{
	b->len = b->messages = b->records = 0;
	return options_round(b->o, OPTIONS_EVERY, 1, &b->m, 7, &counts, keep, b);
}

static struct profile only(unsigned option, enum profile_sampling sampling, bool strings)
{
	return (struct profile) { .options = option, .sampling = sampling, .strings = strings };
}

TEST(the_metering_process_tells_its_statistics_and_what_it_ignored)
{
	struct profile p = only(OPTIONS_METER, SAMPLING_RFC, false);
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, &p, 1400) == 0 && send_templates(&b) == 0);
	CHECK(is_hex(b.sent, b.len,
		     /* set 3; template 65535, four fields, one of them scope */
		     "0003 001a  ffff 0004 0001  0095 0004  0029 0008 002a 0008 0028 0008"
		     "0003 001e  fffe 0005 0001  0095 0004  00a4 0008 00a5 0008 0143 0008 0143 0008"));
	CHECK(b.messages == 1 && b.records == 0);
	CHECK(send_data(&b) == 0 && b.messages == 1 && b.records == 2);
	CHECK(is_hex(b.sent, b.len,
		     "ffff 0020  00000007 0000000000000011 0000000000000063 0000000000001234"
		     /* 1795233357123 and 1795233358000 ms */
		     "fffe 0028  00000007 0000000000000102 0000000000000304"
		     "           000001a1fc3f1d43 000001a1fc3f20b0"));
}

TEST(the_exporting_process_tells_what_it_did_not_send)
{
	struct profile p = only(OPTIONS_EXPORTER, SAMPLING_RFC, false);
	_cleanup_(bench_deinit) struct bench b;
	struct options_session lost = { .lost_records = 3 };
	char want[256];

	CHECK(bench_init(&b, &p, 1400) == 0 && send_templates(&b) == 0);
	CHECK(is_hex(b.sent, b.len, "0003 0026  fffd 0007 0002  0090 0004 0095 0004"
				    "00a6 0008 00a7 0008 00a8 0008 0143 0008 0143 0008"));
	b.len = 0;
	CHECK(options_round(b.o, OPTIONS_EVERY, 1, &b.m, 7, &lost, keep, &b) == 0);
	snprintf(want, sizeof(want), "fffd 0034 %08x 00000007 0000000000000008 0000000000000006"
		 "0000000000000007 000001a1fc3f1d43 000001a1fc3f20b0", getpid());
	CHECK(is_hex(b.sent, b.len, want));
}

TEST(without_loss_there_is_no_time_of_it)
{
	struct profile p = only(OPTIONS_METER, SAMPLING_RFC, false);
	struct options_facts before = known;
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, &p, 1400) == 0);
	known.ignored_packets = known.ignored_bytes = 0;
	CHECK(send_data(&b) == 0);
	known = before;
	CHECK(is_hex(b.sent + 0x20, b.len - 0x20, "fffe 0028  00000007 0000000000000000"
		     "0000000000000000 0000000000000000 0000000000000000"));
}

TEST(interfaces_have_names_in_texts_of_variable_length)
{
	struct profile p = only(OPTIONS_INTERFACES, SAMPLING_RFC, true);
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, &p, 1400) == 0 && send_templates(&b) == 0);
	CHECK(is_hex(b.sent, b.len, "0003 0016  fffc 0003 0001  000a 0004  0052 ffff 0053 ffff"
		     "0003 0012  fff4 0002 0001  0095 0004  012c ffff"));
	CHECK(send_data(&b) == 0 && b.records == 2);
	CHECK(is_hex(b.sent, b.len, "fffc 0030"
		     "00000003 04 65746830 0b 746f20 c3bc 62657273 6565"
		     "00000009 11 612d6e616d652d6f662d7369787465656e 00"));
}

TEST(a_domain_that_is_one_namespace_has_its_name)
{
	struct profile p = only(OPTIONS_INTERFACES, SAMPLING_RFC, true);
	struct options_facts before = known;
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, &p, 1400) == 0);
	known.n_interfaces = 0;
	known.domain_name = "blue";
	CHECK(send_data(&b) == 0 && b.records == 1);
	CHECK(is_hex(b.sent, b.len, "fff4 000d  00000007 04 626c7565"));
	known = before;
}

TEST(texts_of_fixed_length_are_filled_up_or_cut)
{
	struct profile p = only(OPTIONS_INTERFACES, SAMPLING_RFC, false);
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, &p, 1400) == 0 && send_templates(&b) == 0);
	CHECK(is_hex(b.sent, b.len, "0003 0016  fffc 0003 0001  000a 0004  0052 0010 0053 0040"
		     "0003 0012  fff4 0002 0001  0095 0004  012c 0040"));
	CHECK(send_data(&b) == 0 && b.records == 2 && b.len == 4 + 2 * (4 + 16 + 64));
	CHECK(is_hex(b.sent + 4, 20, "00000003 65746830000000000000000000000000"));
	CHECK(is_hex(b.sent + 4 + 84, 20, "00000009 612d6e616d652d6f662d736978746565"));
}

TEST(long_texts_and_bytes_that_are_no_text)
{
	struct profile p = only(OPTIONS_INTERFACES, SAMPLING_RFC, true);
	struct options_facts before = known;
	char text[301];
	struct options_interface one = { 1, "\xff" "a\xc3", text, 0 };
	_cleanup_(bench_deinit) struct bench b;

	memset(text, 'x', 300);
	text[300] = '\0';
	CHECK(bench_init(&b, &p, 1400) == 0);
	known.interfaces = &one;
	known.n_interfaces = 1;
	CHECK(send_data(&b) == 0);
	/* 255 and two octets of length, for 300 */
	CHECK(is_hex(b.sent, 16, "fffc 013b 00000001 03 3f613f ff 012c 78") && b.len == 0x13b);
	known = before;
}

TEST(nfdump_is_told_one_interval_for_all)
{
	_cleanup_(bench_deinit) struct bench b;
	struct options_facts before = known;

	CHECK(bench_init(&b, profile_find("nfdump"), 1400) == 0 && send_templates(&b) == 0);
	CHECK(is_hex(b.sent, b.len, "0003 0012  fff7 0002 0001  0095 0004  0022 0004"));
	/* 1 of 100 here, all there: no interval is right */
	CHECK(send_data(&b) == 0 && b.records == 0);
	known.n_interfaces = 1;
	CHECK(send_data(&b) == 0 && b.records == 1);
	known = before;
	CHECK(is_hex(b.sent, b.len, "fff7 000c 00000007 00000064"));
}

TEST(netflow_v9_has_what_it_can_say)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, profile_find("nfdump"), 1400) == 0);
	options_use(b.o, NULL, 9);
	CHECK(send_templates(&b) == 0);
	CHECK(is_hex(b.sent, b.len, "0003 0016  fffb 0003 0001  0095 0004  000a 0004 0053 0020"
				    "0003 0012  fff7 0002 0001  0095 0004  0022 0004"));
	bench_deinit(&b);
	CHECK(bench_init(&b, profile_find("strict"), 1400) == 0);
	options_use(b.o, NULL, 9);
	CHECK(send_templates(&b) == 0);
	CHECK(is_hex(b.sent, b.len,
		     "0003 001a  ffff 0004 0001  0095 0004  0029 0008 002a 0008 0028 0008"
		     "0003 0016  fffc 0003 0001  000a 0004  0052 0010 0053 0040"
		     "0003 0016  fff8 0003 0001  000a 0004  0022 0004 0023 0001"));
}

TEST(sampling_in_all_shapes)
{
	static const struct {
		enum profile_sampling shape;
		const char *templates, *data;
	} rows[] = {
		{ SAMPLING_INTERVAL, "0003 0016 fff8 0003 0001 000a 0004 0022 0004 0023 0001",
		  "fff8 0016 00000003 00000064 02  00000009 00000001 02" },
		{ SAMPLING_PACKETS, "0003 0016 fff6 0003 0001 000a 0004 0131 0004 0132 0004",
		  "fff6 001c 00000003 00000001 00000063  00000009 00000001 00000000" },
		/* 0.01 is 3f847ae147ae147b, 1.0 is 3ff0000000000000 */
		{ SAMPLING_RFC, "0003 0016 fffa 0003 0001 012d 0008 000a 0004 012e 0008"
				"0003 0016 fff9 0003 0001 012e 0008 0130 0002 0137 0008",
		  "fffa 002c 0000000000000003 00000003 0000000000000064"
		  "          0000000000000009 00000009 0000000000000001"
		  "fff9 0028 0000000000000064 0004 3f847ae147ae147b"
		  "          0000000000000001 0004 3ff0000000000000" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile p = only(OPTIONS_SAMPLING, rows[i].shape, false);
		_cleanup_(bench_deinit) struct bench b;

		CHECK(bench_init(&b, &p, 1400) == 0 && send_templates(&b) == 0);
		CHECK(is_hex(b.sent, b.len, rows[i].templates));
		CHECK(send_data(&b) == 0 && is_hex(b.sent, b.len, rows[i].data));
	}
}

TEST(interfaces_that_are_not_metered_are_not_sampled)
{
	struct profile p = only(OPTIONS_SAMPLING, SAMPLING_INTERVAL_ALONE, false);
	struct options_interface some[] = {
		{ 1, "lo", NULL, 0 }, { 2, "a", NULL, 50 }, { 3, "b", NULL, 50 },
	};
	struct options_facts before = known;
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, &p, 1400) == 0);
	known.interfaces = some;
	known.n_interfaces = 3;
	CHECK(send_data(&b) == 0 && is_hex(b.sent, b.len, "fff7 000c 00000007 00000032"));
	known = before;
}

/* RFC 5610 3.9. packetMark is unsigned32 (3), an identifier (4), without unit. */
TEST(elements_of_the_enterprise_are_described)
{
	struct profile p = only(OPTIONS_TYPES, SAMPLING_RFC, true);
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, &p, 1400) == 0 && send_templates(&b) == 0);
	CHECK(is_hex(b.sent, b.len, "0003 002e  fff5 0009 0002  015a 0004 012f 0002"
		     "0153 0001 0158 0001 0159 0002 0156 0008 0157 0008 0155 ffff 0154 ffff"));
	CHECK(send_data(&b) == 0 && b.records >= 2);
	CHECK(is_hex(b.sent, 2, "fff5"));
	CHECK(is_hex(b.sent + 4, 4 + 2 + 1 + 1 + 2 + 8 + 8 + 11, "00007ed9 0001 03 04 0000"
		     "0000000000000000 00000000ffffffff 0a 7061636b65744d61726b"));
	bench_deinit(&b);
	/* of another enterprise there are none */
	CHECK(message_init(&b.m, 1400) == 0);
	CHECK(options_new(&p, 9, &(struct options_source) { get, &known }, &b.o) == 0);
	CHECK(send_data(&b) == 0 && b.records == 0);
}

TEST(elements_that_no_template_has_are_not_described)
{
	static const struct template_field names[] = {
		{ "octetDeltaCount" }, { "tcpWindowLast" }, { "reversePacketMark" },
	};
	struct profile p = only(OPTIONS_TYPES, SAMPLING_RFC, true);
	_cleanup_(bench_deinit) struct bench b;
	struct template_set *set;

	CHECK(template_set_new(&set) == 0 && template_set_add(set, 300, names, 3) == 0);
	CHECK(bench_init(&b, &p, 1400) == 0);
	options_use(b.o, set, 10);
	CHECK(send_data(&b) == 0 && b.records == 2);
	CHECK(is_hex(b.sent + 4, 4 + 2 + 1 + 1 + 2, "00007ed9 0017 03 01 0002"));
	template_set_free(set);
}

TEST(ids_that_the_user_has_taken_are_left_alone)
{
	static const struct template_field names[] = { { "octetDeltaCount" } };
	struct profile p = only(OPTIONS_METER, SAMPLING_RFC, false);
	_cleanup_(bench_deinit) struct bench b;
	struct template_set *set;

	CHECK(template_set_new(&set) == 0 && template_set_add(set, 65535, names, 1) == 0);
	CHECK(template_set_add(set, 65533, names, 1) == 0);
	CHECK(bench_init(&b, &p, 1400) == 0);
	options_use(b.o, set, 10);
	CHECK(send_templates(&b) == 0 && is_hex(b.sent + 4, 2, "fffe"));
	CHECK(is_hex(b.sent + 0x1a + 4, 2, "fffc"));
	CHECK(send_data(&b) == 0 && is_hex(b.sent, 2, "fffe") && is_hex(b.sent + 0x20, 2, "fffc"));
	template_set_free(set);
}

TEST(of_an_unknown_domain_nothing_is_told)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, profile_default(), 1400) == 0);
	CHECK(options_round(b.o, OPTIONS_EVERY, 1, &b.m, 404, &counts, keep, &b) == 0 && b.messages == 0);
}

TEST(messages_are_as_long_as_they_may_be_and_hold_what_fits)
{
	struct profile p = *profile_find("strict");
	_cleanup_(bench_deinit) struct bench b;
	unsigned records;

	p.options &= ~OPTIONS_TYPES;		/* whose texts are longer */
	CHECK(bench_init(&b, &p, 1400) == 0);
	CHECK(send_data(&b) == 0 && b.messages == 1);
	records = b.records;
	bench_deinit(&b);
	CHECK(bench_init(&b, &p, 76) == 0 && send_templates(&b) == 0);
	CHECK(b.longest <= 76 && b.messages > 2);
	CHECK(send_data(&b) == 0 && b.longest <= 76 && b.messages > 3 && b.records == records);
	bench_deinit(&b);
	/* the templates of 4.2 and 4.3 and of types do not fit, nor do their records */
	CHECK(bench_init(&b, profile_find("strict"), 40) == 0);
	CHECK(send_templates(&b) == 0 && b.longest <= 40 && send_data(&b) == 0 && b.longest <= 40);
}

/* Stopped after each message: all of it comes in the end, once. */
TEST(what_could_not_be_sent_goes_on_where_it_stopped)
{
	static struct options_interface many[300];
	struct profile p = only(OPTIONS_INTERFACES | OPTIONS_METER, SAMPLING_RFC, false);
	struct options_facts before = known;
	_cleanup_(bench_deinit) struct bench b;
	unsigned calls = 0, records = 0, bytes = 0;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct options_interface) { i + 1, "eth", NULL, 1 };
	CHECK(bench_init(&b, &p, 1400) == 0);
	known.interfaces = many;
	known.n_interfaces = ARRAY_SIZE(many);
	b.refuse_after = 2;
	do {
		r = send_data(&b);
		records += b.records;
		bytes += b.len;
		CHECK(r == 0 || (r == -EAGAIN && b.messages == 2));
	} while (r < 0 && calls++ < 100);
	known = before;
	/* 16 of 84 bytes a message */
	CHECK(calls >= 9 && records == 302);
	CHECK(bytes > 300 * 84);
	/* the next round is whole again */
	b.refuse_after = 0;
	CHECK(send_data(&b) == 0 && b.records == 2 + 2);
}

static int send_due(struct bench *b, struct options_clock *c, enum options_when when, uint64_t now_s)
{
	b->len = b->messages = b->records = 0;
	return options_send_due(b->o, c, when, now_s * 1000000000, &b->m, 7, &counts, keep, b);
}

/* Records that go then: at the beginning, a second later, after the interval, at the end. */
TEST(each_profile_has_its_times)
{
	static const struct {
		const char *profile;
		unsigned begin, by_time, end;
	} rows[] = {
		/* one of two interfaces is sampled; types of elements are as many as there are */
		{ "default", 1, 7, 3 }, { "nfdump", 0, 0, 0 }, { "pmacct", 7, 7, 3 },
		{ "ntop", 7, 7, 3 }, { "strict", 9, 9, 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct options_clock c = { .every_ns = UINT64_C(60000000000) };
		struct profile p = *profile_find(rows[i].profile);
		_cleanup_(bench_deinit) struct bench b;

		p.options &= ~OPTIONS_TYPES;
		CHECK(bench_init(&b, &p, 1400) == 0);
		CHECK(send_due(&b, &c, OPTIONS_TICK, 99) == 0 && b.records == 0);
		CHECK(send_due(&b, &c, OPTIONS_END, 99) == 0 && b.records == 0);
		CHECK(send_due(&b, &c, OPTIONS_BEGIN, 100) == 0 && b.records == rows[i].begin);
		CHECK(send_due(&b, &c, OPTIONS_BEGIN, 101) == 0 && b.records == 0);
		CHECK(send_due(&b, &c, OPTIONS_TICK, 159) == 0 && b.records == 0);
		CHECK(send_due(&b, &c, OPTIONS_TICK, 160) == 0 && b.records == rows[i].by_time);
		CHECK(send_due(&b, &c, OPTIONS_TICK, 161) == 0 && b.records == 0);
		CHECK(send_due(&b, &c, OPTIONS_TICK, 221) == 0 && b.records == rows[i].by_time);
		CHECK(send_due(&b, &c, OPTIONS_END, 222) == 0 && b.records == rows[i].end);
		CHECK(b.messages <= 1);
		c.begun = false;
		CHECK(send_due(&b, &c, OPTIONS_BEGIN, 223) == 0 && b.records == rows[i].begin);
	}
}

TEST(a_round_that_was_stopped_goes_on_at_the_next_tick)
{
	struct options_clock c = { .every_ns = UINT64_C(60000000000) };
	_cleanup_(bench_deinit) struct bench b;
	unsigned records = 0;

	CHECK(bench_init(&b, profile_find("strict"), 76) == 0);
	b.refuse_after = 1;
	CHECK(send_due(&b, &c, OPTIONS_BEGIN, 100) == -EAGAIN && b.messages == 1);
	records = b.records;
	CHECK(send_due(&b, &c, OPTIONS_BEGIN, 100) == 0 && b.messages == 0);
	for (int i = 0; i < 50 && c.open; i++) {
		CHECK(send_due(&b, &c, OPTIONS_TICK, 101 + i) <= 0 && b.messages == 1);
		records += b.records;
	}
	CHECK(!c.open && records >= 9);
	/* whoever listens has forgotten: it begins at the beginning */
	CHECK(send_due(&b, &c, OPTIONS_TICK, 160) == -EAGAIN && c.open);
	c.begun = c.open = false;
	CHECK(send_due(&b, &c, OPTIONS_BEGIN, 161) == -EAGAIN && is_hex(b.sent, 2, "ffff"));
}
