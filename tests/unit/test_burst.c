// SPDX-License-Identifier: Apache-2.0
/* What a burst's messages hold, read back by hand: sets of RFC 7011 3.3, no padding. */
#include "ipfix/burst.h"

#include <errno.h>

#include "base/cleanup.h"
#include "test.h"

struct bench {
	struct burst b;
	struct template_set *set;
};

static int bench_init(struct bench *b, size_t cap, unsigned max)
{
	*b = (struct bench) { 0 };
	if (template_set_new(&b->set) < 0 ||
	    template_set_add_builtin(b->set, profile_default(), false) < 0)
		return -1;
	return burst_init(&b->b, cap, max, b->set);
}

static void bench_deinit(struct bench *b)
{
	burst_deinit(&b->b);
	template_set_free(b->set);
}

/* TCP, UDP, ICMP and others over both families; the packets tell them apart. */
static struct record record_of(unsigned i, unsigned kinds)
{
	static const uint8_t protos[] = { 6, 17, 1, 47, 6, 17, 58, 89 };
	unsigned k = i * 2654435761u % kinds;

	return (struct record) { .key = { .family = k < 4 ? 4 : 6, .proto = protos[k] },
				 .packets = i + 1, .domain = 9 };
}

/* False: no room. */
static bool put(struct bench *b, const struct record *r)
{
	const struct template_choice *c = template_set_look(b->set, r);

	return burst_has_room(&b->b, c->template, BURST_MESSAGES_MAX) &&
	       burst_add(&b->b, c, r) == 0;
}

static unsigned be16_at(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static const struct template *by_id(const struct bench *b, unsigned id)
{
	return id >= 256 && id < 264 ? template_set_get(b->set, id - 256) : NULL;
}

/* Where packetDeltaCount lies in its records. */
static size_t at_packets(const struct template *t)
{
	size_t at = 0;

	for (size_t i = 0; t->elements[i].ie->id != 2; i++)
		at += t->elements[i].len_bytes;
	return at;
}

/* Go through the sets: every record once is noted in @seen. False: malformed. */
static bool read_message(const struct bench *b, const struct message *m, uint8_t *seen, unsigned n)
{
	unsigned records = 0;

	for (size_t at = IPFIX_HEADER_LEN; at < m->len;) {
		const struct template *t = by_id(b, be16_at(m->buf + at));
		size_t end = at + be16_at(m->buf + at + 2);

		if (!t || end > m->len || (end - at - 4) % t->record_len)
			return false;
		for (at += 4; at < end; at += t->record_len, records++) {
			const uint8_t *p = m->buf + at + at_packets(t) + 4;
			unsigned i = (be16_at(p) << 16 | be16_at(p + 2)) - 1;

			if (i >= n || seen[i]++)
				return false;
		}
	}
	return records == m->records;
}

/* Fill it with @kinds of traffic, and check all of it. */
static bool is_sound(struct bench *b, unsigned kinds, unsigned upto, unsigned *ret_messages)
{
	static uint8_t seen[1 << 16];
	unsigned n = 0, records = 0, lengths = 0;
	size_t bytes = 0;

	memset(seen, 0, sizeof(seen));
	burst_begin(&b->b, 9);
	for (; n < upto; n++) {
		struct record r = record_of(n, kinds);

		if (!put(b, &r))
			break;
	}
	burst_finish(&b->b);
	for (unsigned i = 0; i < b->b.n_order; i++) {
		struct message *m = b->b.order[i];

		message_finish(m, records, 0);
		if (m->len > m->cap || !read_message(b, m, seen, n))
			return false;
		records += m->records;
		bytes += m->len;
		lengths += i && m->len != b->b.order[i - 1]->len;
	}
	*ret_messages = b->b.n_order;
	/* full ones of a kind lie beside each other, and of those that are not there are few */
	return records == n && b->b.records == n && bytes <= BURST_BYTES_MAX &&
	       lengths <= 2 * kinds && memchr(seen, 0, n ? n : 1) == (n ? NULL : (void *)seen);
}

/* Record after record of the three values, each in its turn. */
static bool read_texts(const struct message *m, unsigned *n)
{
	size_t at = IPFIX_HEADER_LEN + IPFIX_SET_HEADER_LEN;
	unsigned records = 0;

	if (be16_at(m->buf + 16) != 300 || be16_at(m->buf + 18) != m->len - IPFIX_HEADER_LEN)
		return false;
	for (; at < m->len; records++, ++*n) {
		const uint8_t *p = m->buf + at, *count = p + 1 + p[0];

		if (p[0] != *n % 16 || (be16_at(count) << 16 | be16_at(count + 2)) != *n + 1)
			return false;
		at = count + 5 + count[4] - m->buf;
		if (count[4] != *n % 64)
			return false;
	}
	return at == m->len && records == m->records;
}

static bool is_told(struct bench *b, unsigned upto)
{
	static const char text[] = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0";
	unsigned n = 0, told = 0;

	burst_begin(&b->b, 9);
	for (; n < upto; n++) {
		struct record r = { .packets = n + 1, .iface = text + 63 - n % 16,
				    .netns = text + 63 - n % 64 };

		if (!put(b, &r))
			break;
	}
	burst_finish(&b->b);
	for (unsigned i = 0; i < b->b.n_order; i++) {
		struct message *m = b->b.order[i];

		message_finish(m, 0, 0);
		/* but for the last, none has room for one more of 16 + 4 + 64 bytes */
		if (m->len > m->cap || !read_texts(m, &told) ||
		    (i + 1 < b->b.n_order && m->len + 84 <= m->cap))
			return false;
	}
	return told == n && b->b.records == n && n;
}

TEST(every_record_leaves_once_however_they_come_mixed)
{
	static const size_t caps[] = { 240, 600, 1400, 9000, 32000, 65507 };

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		for (unsigned kinds = 1; kinds <= 8; kinds++) {
			_cleanup_(bench_deinit) struct bench b;
			unsigned messages;

			CHECK(bench_init(&b, caps[i], BURST_MESSAGES_MAX) == 0);
			CHECK(is_sound(&b, kinds, 60000, &messages));
			CHECK(messages <= BURST_MESSAGES_MAX);
			for (unsigned n = 0; n < 200; n++)
				CHECK(is_sound(&b, kinds, n, &messages));
		}
	}
}

/* Texts of 0 to 15 bytes: messages are as full as they can be without knowing the next. */
TEST(records_of_many_lengths_leave_once_each)
{
	static const struct template_field fields[] = {
		{ "interfaceName" }, { "packetDeltaCount", 4 }, { "networkNamespaceName" },
	};

	for (size_t cap = 104; cap < 2000; cap++) {
		struct bench b = { 0 };

		CHECK(template_set_new(&b.set) == 0 && template_set_add(b.set, 300, fields, 3) == 0);
		CHECK(burst_init(&b.b, cap, cap % 7 ? BURST_MESSAGES_MAX : 1, b.set) == 0);
		CHECK(is_told(&b, cap % 3 ? 60000 : 37));
		bench_deinit(&b);
	}
}

/* TCP over IPv4: 67 bytes, 20 in a message of 20 + 20 * 67. */
TEST(full_messages_of_a_kind_are_of_one_length)
{
	_cleanup_(bench_deinit) struct bench b;
	unsigned messages;

	CHECK(bench_init(&b, 1400, BURST_MESSAGES_MAX) == 0);
	CHECK(is_sound(&b, 1, 905, &messages) && messages == 46);
	for (unsigned i = 0; i < 45; i++)
		CHECK(b.b.order[i]->len == 1360);
	CHECK(b.b.order[45]->len == 20 + 5 * 67);
	/* the last one full as well */
	CHECK(is_sound(&b, 1, 60000, &messages) && messages == 46 && b.b.records == 920);
	CHECK(b.b.order[45]->len == 1360);
}

TEST(a_few_records_of_all_kinds_are_one_message)
{
	_cleanup_(bench_deinit) struct bench b;
	unsigned messages;

	CHECK(bench_init(&b, 1400, BURST_MESSAGES_MAX) == 0);
	CHECK(is_sound(&b, 8, 12, &messages) && messages == 1);
	CHECK(is_sound(&b, 8, 0, &messages) && messages == 0);
}

TEST(of_one_message_all_templates_share_it)
{
	_cleanup_(bench_deinit) struct bench b;
	unsigned messages;

	CHECK(bench_init(&b, 1400, 1) == 0);
	CHECK(is_sound(&b, 8, 60000, &messages) == false || messages == 1);
	CHECK(b.b.n_order == 1 && b.b.records > 12);
}

TEST(a_burst_of_less_messages_has_room_for_less)
{
	_cleanup_(bench_deinit) struct bench b;
	struct record tcp = record_of(0, 1), udp = { .key = { .family = 4, .proto = 17 } };
	const struct template *t, *u;

	CHECK(bench_init(&b, 1400, BURST_MESSAGES_MAX) == 0);
	t = template_set_choose(b.set, &tcp);
	u = template_set_choose(b.set, &udp);
	burst_begin(&b.b, 9);
	for (int i = 0; i < 60; i++) {
		CHECK(burst_has_room(&b.b, t, 3));
		CHECK(put(&b, &tcp));
	}
	CHECK(!burst_has_room(&b.b, t, 3) && !burst_has_room(&b.b, u, 3) &&
	      burst_has_room(&b.b, u, 4));
}
