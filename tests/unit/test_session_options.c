// SPDX-License-Identifier: Apache-2.0
/*
 * Options data in a session: when it goes, and that the sequence of RFC 7011 3.1 counts it.
 * The profile of the tests has the three records of RFC 7011 4.1 to 4.3, in one message.
 */
#include "session_bench.h"

#define META_LEN (16 + 4 + 28 + 4 + 36 + 4 + 48)
#define ROUND 3

static const struct profile three = {
	.name = "three", .options = OPTIONS_METER | OPTIONS_EXPORTER, .timing = OPTIONS_AT_ONCE,
};

static struct options_facts facts;

static int get(void *arg, uint32_t domain, struct options_facts *ret)
{
	*ret = facts;
	return 0;
}

static int open_telling(struct bench *b, const struct profile *profile, const char *local,
			const struct sequence_ops *sequence)
{
	struct session_config c = {
		.remote = b->remote, .local = local, .max_message_len = 1400,
		.template_flush_s = 60, .templates = b->set, .profile = profile,
		.options_s = 60, .options = { get, NULL },
	};

	if (sequence)
		c.sequence = *sequence;
	return session_udp_new(&c, &b->sink);
}

TEST(options_go_between_templates_and_the_first_flows)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_telling(&b, &three, NULL, NULL) == 0);
	CHECK(say(&b, 1, 2) == 0);
	CHECK(hears(&b, 2, 1, 0) && hears(&b, 3, 1, 0) && hears(&b, 65535, 1, 0));
	CHECK(hears(&b, 256, 1, ROUND));
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 256, 1, ROUND + 2) && hears_nothing(&b));
	CHECK(b.sink->stats.records == 3 && b.sink->stats.lost_records == 0);
}

TEST(options_come_again_by_time_for_every_domain)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t now = clock_boot_ns();

	CHECK(bench_init(&b, AF_INET) == 0 && open_telling(&b, &three, NULL, NULL) == 0);
	CHECK(say(&b, 1, 2) == 0 && say(&b, 2, 1) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(hears(&b, (const uint16_t[]) { 2, 3, 65535, 256 }[i % 4], 1 + i / 4,
			    i % 4 == 3 ? ROUND : 0));
	b.sink->ops->tick(b.sink, now + 59 * NSEC_PER_SEC);
	CHECK(hears_nothing(&b));
	b.sink->ops->tick(b.sink, now + 61 * NSEC_PER_SEC);
	CHECK(hears(&b, 2, 1, ROUND + 2) && hears(&b, 3, 1, ROUND + 2));
	CHECK(hears(&b, 65535, 1, ROUND + 2));
	CHECK(hears(&b, 2, 2, ROUND + 1) && hears(&b, 3, 2, ROUND + 1));
	CHECK(hears(&b, 65535, 2, ROUND + 1) && hears_nothing(&b));
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 256, 1, 2 * ROUND + 2));
}

TEST(a_collector_that_comes_back_hears_options_too)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_telling(&b, &three, NULL, NULL) == 0);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 3, 1, 0));
	CHECK(hears(&b, 65535, 1, 0) && hears(&b, 256, 1, ROUND));
	hang_up(&b);
	CHECK(say(&b, 1, 1) == 0);
	poll(NULL, 0, 30);
	CHECK(listen_at(&b) == 0);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, ROUND + 2) && hears(&b, 3, 1, ROUND + 2));
	CHECK(hears(&b, 65535, 1, ROUND + 2) && hears(&b, 256, 1, 2 * ROUND + 2));
	CHECK(hears_nothing(&b));
}

TEST(the_last_words_are_the_counts_of_all_that_went_before)
{
	_cleanup_(bench_deinit) struct bench b;
	uint8_t buf[2048];

	CHECK(bench_init(&b, AF_INET) == 0 && open_telling(&b, profile_default(), NULL, NULL) == 0);
	CHECK(say(&b, 1, 2) == 0 && hears(&b, 2, 1, 0) && hears(&b, 3, 1, 0) && hears(&b, 256, 1, 0));
	b.sink->ops->close(b.sink);
	b.sink = NULL;
	CHECK(recv(b.fd, buf, sizeof(buf), MSG_DONTWAIT) == META_LEN && hears_nothing(&b));
	CHECK(be32_at(buf + 8) == 2);
	/* behind headers and the domain: three messages, two records */
	CHECK(be32_at(buf + 16 + 4 + 4 + 4) == 3 && be32_at(buf + 16 + 4 + 4 + 12) == 2);
}

static int ignore_get(void *arg, uint64_t session, uint32_t domain, uint32_t *ret)
{
	return -ENOENT;
}

static void keep_set(void *arg, uint64_t session, uint32_t domain, uint32_t sequence)
{
	*(uint32_t *)arg = sequence;
}

TEST(a_kept_sequence_counts_options_and_ends_without_last_words)
{
	uint32_t kept = 0;
	struct sequence_ops ops = { ignore_get, keep_set, &kept };
	_cleanup_(bench_deinit) struct bench b, free_one;
	char local[64];

	CHECK(bench_init(&b, AF_INET) == 0 && bench_init(&free_one, AF_INET) == 0);
	strcpy(local, free_one.remote);
	hang_up(&free_one);
	CHECK(open_telling(&b, &three, local, &ops) == 0 && say(&b, 1, 2) == 0 && kept == ROUND + 2);
	b.sink->ops->tick(b.sink, clock_boot_ns() + 61 * NSEC_PER_SEC);
	CHECK(kept == 2 * ROUND + 2);
	b.sink->ops->close(b.sink);
	CHECK(kept == 3 * ROUND + 2);
	for (int i = 0; i < 7; i++)
		CHECK(hears(&b, (const uint16_t[]) { 2, 3, 65535, 256, 2, 3, 65535 }[i], 1,
			    (const uint32_t[]) { 0, 0, 0, 3, 5, 5, 5 }[i]));
	CHECK(hears(&b, 65535, 1, 8) && hears_nothing(&b));

	CHECK(open_telling(&b, profile_default(), local, &ops) == 0 && say(&b, 1, 2) == 0);
	CHECK(kept == 2);
	b.sink->ops->close(b.sink);
	b.sink = NULL;
	CHECK(kept == 2);
}

TEST(what_is_lost_is_told_with_its_packets_and_bytes)
{
	_cleanup_(bench_deinit) struct bench b;
	struct record none = { .key.family = 6, .domain = 1, .packets = 7, .bytes = 700 };
	char remote[64];
	uint8_t buf[2048];
	ssize_t n;

	CHECK(bench_init(&b, AF_INET) == 0);
	strcpy(remote, b.remote);
	strcpy(b.remote, "collector.invalid:4739");
	CHECK(open_telling(&b, &three, NULL, NULL) == 0 && say(&b, 1, 3) < 0);
	b.sink->ops->close(b.sink);
	strcpy(b.remote, remote);
	/* of that session nothing was told; of this one, a record that no template carries */
	CHECK(open_telling(&b, &three, NULL, NULL) == 0);
	CHECK(b.sink->ops->put(b.sink, &none) == -ENOENT && say(&b, 1, 1) == 0);
	do {
		n = recv(b.fd, buf, sizeof(buf), 0);
	} while (n > 0 && n != META_LEN);
	/* the third record: set header, process, domain, then flows, packets, octets */
	CHECK(be32_at(buf + META_LEN - 40 + 4) == 1 && be32_at(buf + META_LEN - 32 + 4) == 7);
	CHECK(be32_at(buf + META_LEN - 24 + 4) == 700);
}

TEST(without_a_source_nothing_is_told)
{
	_cleanup_(bench_deinit) struct bench b;
	struct session_config c = { .max_message_len = 1400, .template_flush_s = 60, .options_s = 1,
				    .profile = &three };

	CHECK(bench_init(&b, AF_INET) == 0);
	c.remote = b.remote;
	c.templates = b.set;
	CHECK(session_udp_new(&c, &b.sink) == 0 && say(&b, 1, 1) == 0);
	CHECK(hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	b.sink->ops->tick(b.sink, clock_boot_ns() + 9 * NSEC_PER_SEC);
	CHECK(hears_nothing(&b));
}

static struct options_interface many[3000];

/* The kernel's buffer of a quarter is not overrun: what is too much waits for the next ticks. */
TEST(many_interfaces_are_told_at_the_pace_of_data)
{
	_cleanup_(bench_deinit) struct bench b;
	static const struct profile names = { .options = OPTIONS_INTERFACES };
	struct session_config c = { .max_message_len = 1400, .template_flush_s = 60, .options_s = 60,
				    .profile = &names, .options = { get, NULL },
				    .max_bytes_per_s = 1000000 };
	uint32_t records = 0;
	uint64_t begin = clock_boot_ns();
	struct heard h;
	int messages = 0;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct options_interface) { .ifindex = i + 1, .name = "eth" };
	facts.interfaces = many;
	facts.n_interfaces = ARRAY_SIZE(many);
	CHECK(bench_init(&b, AF_INET) == 0);
	c.remote = b.remote;
	c.templates = b.set;
	CHECK(session_udp_new(&c, &b.sink) == 0 && say(&b, 1, 1) == 0);
	while (!hears_nothing(&b) && hear(&b, &h))
		messages += h.set_id == 65532;
	CHECK(messages > 5 && messages < 60);
	while (records < 3000 && clock_boot_ns() < begin + 20 * NSEC_PER_SEC) {
		b.sink->ops->tick(b.sink, clock_boot_ns());
		while (!hears_nothing(&b) && hear(&b, &h))
			records = h.sequence - 1 + (h.len - 20) / 84;
	}
	facts = (struct options_facts) { 0 };
	CHECK(records == 3000);
}
