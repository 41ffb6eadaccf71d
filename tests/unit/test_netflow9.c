// SPDX-License-Identifier: Apache-2.0
/*
 * Golden bytes after RFC 3954 5 and 6: header of 20 octets with the count of records, milliseconds
 * since the system started, seconds since 1970, the sequence of packets, the source.
 */
#include "ipfix/netflow9.h"

#include <errno.h>

#include "add_record.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "hex.h"
#include "session_bench.h"
#include "test.h"

/* 2026-11-21 03:55:57.4 */
#define NOW (UINT64_C(1795233357) * 1000000000 + 400000000)

static const struct template_field three[] = {
	{ "destinationIPv4Address" }, { "ipVersion" }, { "packetDeltaCount" },
};

static uint8_t out[4096];

/* But for the uptime, which is of this machine. */
static bool is_packet(size_t len, uint16_t count, uint32_t sequence, const char *want)
{
	char header[64];

	snprintf(header, sizeof(header), "0009 %04x", count);
	if (!is_hex(out, 4, header))
		return false;
	snprintf(header, sizeof(header), "6b01164e %08x 0a0b0c0d", sequence);
	return is_hex(out + 8, 12, header) && is_hex(out + 20, len - 20, want);
}

TEST(templates_are_in_flowset_0_and_data_is_padded)
{
	struct record r = { .key = { .family = 4, .dst = { 192, 0, 2, 254 } }, .packets = 5009 };
	struct template_set *set;
	struct message m;
	size_t len;

	CHECK(message_init(&m, 1400) == 0 && template_set_new(&set) == 0);
	CHECK(template_set_add(set, 300, three, 3) == 0);
	message_begin(&m, 0x0a0b0c0d);
	CHECK(message_add_template(&m, template_set_get(set, 0)) == 0);
	CHECK(add_record(&m, template_set_get(set, 0), &r) == 0);
	r.packets = 1;
	CHECK(add_record(&m, template_set_get(set, 0), &r) == 0);
	message_finish(&m, 0, 0);
	len = netflow9_convert(&m, 0xfffffffe, NOW, out);
	CHECK(is_packet(len, 3, 0xfffffffe,
			"0000 0014  012c 0003  000c 0004  003c 0001  0002 0008"
			"012c 0020  c00002fe 04 0000000000001391  c00002fe 04 0000000000000001  0000"));
	template_set_free(set);
	message_deinit(&m);
}

TEST(options_templates_tell_lengths_and_have_scopes_of_their_own)
{
	static const uint8_t system[] = { 255, 255, 0, 3, 0, 1, 0, 149, 0, 4, 0, 41, 0, 8, 0, 42, 0, 8 };
	static const uint8_t interface[] = { 255, 252, 0, 2, 0, 1, 0, 10, 0, 4, 0, 82, 0, 16 };
	struct message m;
	size_t len;

	CHECK(message_init(&m, 1400) == 0);
	message_begin(&m, 0x0a0b0c0d);
	memcpy(message_begin_set(&m, 3), system, sizeof(system));
	message_took(&m, sizeof(system), 0);
	message_end_set(&m);
	memcpy(message_begin_set(&m, 3), interface, sizeof(interface));
	message_took(&m, sizeof(interface), 0);
	message_finish(&m, 0, 0);
	len = netflow9_convert(&m, 7, NOW, out);
	CHECK(is_packet(len, 2, 7,
			/* four octets of scope, eight of options; scope 1 is the system */
			"0001 0018  ffff 0004 0008  0001 0004  0029 0008  002a 0008  0000"
			/* scope 2 is an interface */
			"0001 0014  fffc 0004 0004  0002 0004  0052 0010  0000"));
	message_deinit(&m);
}

/* The header's two clocks tell when the system started, to the millisecond. */
TEST(times_since_the_start_can_be_converted_exactly)
{
	static const struct template_field times[] = { { "flowStartSysUpTime" }, { "flowEndSysUpTime" } };
	uint64_t now = clock_real_ns(), boot_ms;
	struct record r = { .key.family = 4, .first_ns = now - 5123456789, .last_ns = now };
	struct template_set *set;
	struct message m;

	CHECK(message_init(&m, 1400) == 0 && template_set_new(&set) == 0);
	CHECK(template_set_add(set, 300, times, 2) == 0);
	message_begin(&m, 1);
	CHECK(add_record(&m, template_set_get(set, 0), &r) == 0);
	message_finish(&m, 0, 0);
	CHECK(netflow9_convert(&m, 0, now, out) == 20 + 4 + 8);
	boot_ms = (uint64_t)get_be32(out + 8) * 1000 - get_be32(out + 4);
	CHECK(boot_ms + get_be32(out + 24) == r.first_ns / 1000000);
	CHECK(boot_ms + get_be32(out + 28) == r.last_ns / 1000000);
	/* and no flow ends behind the header's own time */
	CHECK(get_be32(out + 28) <= get_be32(out + 4) && get_be32(out + 8) <= now / 1000000000 + 1);
	template_set_free(set);
	message_deinit(&m);
}

TEST(the_builtin_templates_can_be_said)
{
	struct template_set *set;

	CHECK(template_set_new(&set) == 0 && netflow9_add_builtin(set) == 0);
	CHECK(template_set_count(set) == 8 && netflow9_check(set) == 0);
	for (size_t i = 0; i < 8; i++) {
		const struct template *t = template_set_get(set, i);

		/* what RFC 3954 8 has, but for the numbers of ICMPv6 */
		for (size_t k = 0; k < t->n_elements; k++)
			CHECK(t->elements[k].ie->id < 128 || t->id == 262);
	}
	template_set_free(set);
}

TEST(a_packet_is_never_longer_than_it_may_be)
{
	struct record r = { .key = { .family = 4, .dst = { 1 } } };
	struct template_set *set;
	struct message m;

	CHECK(template_set_new(&set) == 0 && template_set_add(set, 300, three, 3) == 0);
	CHECK(template_set_add(set, 301, three, 2) == 0);
	for (size_t max = 100; max < 200; max++) {
		CHECK(message_init(&m, netflow9_cap(max, max / 9)) == 0);
		message_begin(&m, 1);
		/* another set with each record */
		for (int i = 0; add_record(&m, template_set_get(set, i % 2), &r) == 0; i++)
			;
		message_finish(&m, 0, 0);
		CHECK(netflow9_convert(&m, 0, NOW, out) <= max);
		message_deinit(&m);
	}
	template_set_free(set);
}

struct packet {
	ssize_t len;
	uint16_t count, flowset;
	uint32_t sequence, source;
};

static struct packet next(const struct bench *b)
{
	uint8_t buf[2048];
	ssize_t len = recv(b->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (len < 24 || get_be16(buf) != 9)
		return (struct packet) { .len = -1 };
	return (struct packet) { len, get_be16(buf + 2), get_be16(buf + 20), get_be32(buf + 12),
				 get_be32(buf + 16) };
}

static bool comes(const struct bench *b, uint16_t flowset, uint32_t sequence, uint16_t count)
{
	struct packet p = next(b);

	if (p.flowset == flowset && p.sequence == sequence && p.count == count && p.source == 5)
		return true;
	printf("# flowset %u, sequence %u, %u records, source %u\n", p.flowset, p.sequence, p.count,
	       p.source);
	return false;
}

static int tell(void *arg, uint32_t domain, struct options_facts *ret)
{
	*ret = (struct options_facts) { 0 };
	return 0;
}

TEST(a_session_of_version_9_counts_packets)
{
	_cleanup_(bench_deinit) struct bench b;
	struct session_config c = { .max_message_len = 1400, .template_flush_s = 60, .version = 9,
				    .options_s = 60, .options = { tell, NULL },
				    .batch_messages = 8 };

	CHECK(bench_init(&b, AF_INET) == 0);
	c.remote = b.remote;
	c.templates = b.set;
	CHECK(session_udp_new(&c, &b.sink) == 0 && say(&b, 5, 3) == 0);
	CHECK(comes(&b, 0, 0, 1) && comes(&b, 1, 1, 3) && comes(&b, 65535, 2, 1) && comes(&b, 256, 3, 3));
	/* (1400 - 7 - 20) / 20 fit, of 200 */
	CHECK(say(&b, 5, 200) == 0);
	CHECK(comes(&b, 256, 4, 68) && comes(&b, 256, 5, 68) && comes(&b, 256, 6, 64));
	b.sink->ops->tick(b.sink, clock_boot_ns() + 61 * NSEC_PER_SEC);
	CHECK(comes(&b, 0, 7, 1) && comes(&b, 1, 8, 3) && comes(&b, 65535, 9, 1));
	CHECK(hears_nothing(&b) && b.sink->stats.records == 203);
}

TEST(what_it_cannot_say_is_refused)
{
	_cleanup_(bench_deinit) struct bench b;
	struct session_config c = { .max_message_len = 1400, .template_flush_s = 60, .version = 9 };
	static const struct ie own = { .pen = 32473, .id = 1, .name = "ownElement" };
	struct template *t;

	CHECK(bench_init(&b, AF_INET) == 0);
	c.remote = b.remote;
	c.templates = b.set;
	t = (struct template *)template_set_get(b.set, 0);
	t->elements[1] = (struct ie_field) { &own, 4 };
	CHECK(session_udp_new(&c, &b.sink) == -EINVAL);
	CHECK_STR(error_message(),
		  "NetFlow v9 has no elements of enterprises: 'ownElement' of template 256");
	c.max_message_len = 40;
	t->elements[1] = (struct ie_field) { ie_find("octetDeltaCount"), 8 };
	CHECK(session_udp_new(&c, &b.sink) == -EINVAL);
	CHECK(strstr(error_message(), "the longest template needs messages of "));
}
