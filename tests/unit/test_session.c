// SPDX-License-Identifier: Apache-2.0
/*
 * Sessions against a collector inside the test: a UDP socket on the loopback. What it gets
 * is read as RFC 7011 3.1 has it: sequence at octet 8, domain at 12, first set id at 16.
 */
#include "ipfix/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "test.h"

static const char *const names[] = { "sourceIPv4Address", "octetDeltaCount", "packetDeltaCount" };
#define RECORD_LEN 20
#define SETS_2_LEN (16 + 4 + 4 + 3 * 4)

struct bench {
	int fd;				/* the collector */
	struct sockaddr_storage at;
	socklen_t at_len;
	char remote[64];
	struct template_set *set;
	struct sink *sink;
};

struct heard {
	size_t len;
	uint16_t version, header_len, set_id;
	uint32_t sequence, domain;
	int templates;			/* in the first set, when that is one of templates */
	struct sockaddr_storage from;
};

static int listen_at(struct bench *b)
{
	b->fd = socket(b->at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (b->fd < 0 || bind(b->fd, (struct sockaddr *)&b->at, b->at_len) < 0)
		return -errno;
	return getsockname(b->fd, (struct sockaddr *)&b->at, &b->at_len) < 0 ? -errno : 0;
}

static void hang_up(struct bench *b)
{
	closep(&b->fd);
	b->fd = -1;
}

static int bench_init(struct bench *b, int family)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&b->at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&b->at;

	*b = (struct bench) { .fd = -1, .at.ss_family = family };
	b->at_len = family == AF_INET ? sizeof(*v4) : sizeof(*v6);
	if (family == AF_INET)
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		v6->sin6_addr = in6addr_loopback;
	if (listen_at(b) < 0)
		return -1;
	snprintf(b->remote, sizeof(b->remote), "%s:%u", family == AF_INET ? "127.0.0.1" : "[::1]",
		 ntohs(v4->sin_port));
	if (template_set_new(&b->set) < 0)
		return -1;
	return template_set_add(b->set, 256, names, 3);
}

static void bench_deinit(struct bench *b)
{
	if (b->sink)
		b->sink->ops->close(b->sink);
	template_set_free(b->set);
	closep(&b->fd);
}

static int open_session(struct bench *b, const char *local, const struct sequence_ops *sequence)
{
	struct session_config c = {
		.remote = b->remote, .local = local, .max_message_len = 1400,
		.template_flush_s = 60, .templates = b->set,
	};

	if (sequence)
		c.sequence = *sequence;
	return session_udp_new(&c, &b->sink);
}

static uint32_t be32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* The next datagram, within a second; false when none came. */
static bool hear(const struct bench *b, struct heard *ret)
{
	struct pollfd pfd = { .fd = b->fd, .events = POLLIN };
	socklen_t len = sizeof(ret->from);
	uint8_t buf[65536];
	ssize_t n;

	if (poll(&pfd, 1, 1000) != 1)
		return false;
	n = recvfrom(b->fd, buf, sizeof(buf), 0, (struct sockaddr *)&ret->from, &len);
	if (n < 20)
		return false;
	ret->len = n;
	ret->version = buf[0] << 8 | buf[1];
	ret->header_len = buf[2] << 8 | buf[3];
	ret->sequence = be32_at(buf + 8);
	ret->domain = be32_at(buf + 12);
	ret->set_id = buf[16] << 8 | buf[17];
	ret->templates = 0;
	for (ssize_t at = 20; ret->set_id == 2 && at < n; ret->templates++)
		at += 4 + 4 * (buf[at + 2] << 8 | buf[at + 3]);
	return ret->version == 10 && ret->header_len == ret->len;
}

static uint16_t port_of(const struct heard *h)
{
	return ntohs(((const struct sockaddr_in *)&h->from)->sin_port);
}

static bool hears(const struct bench *b, uint16_t set_id, uint32_t domain, uint32_t sequence)
{
	struct heard h;

	if (!hear(b, &h)) {
		printf("# heard nothing\n");
		return false;
	}
	if (h.set_id == set_id && h.domain == domain && h.sequence == sequence)
		return true;
	printf("# heard set %u, domain %u, sequence %u\n", h.set_id, h.domain, h.sequence);
	return false;
}

static bool hears_nothing(const struct bench *b)
{
	struct pollfd pfd = { .fd = b->fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

static struct record record_of(uint32_t domain)
{
	return (struct record) { .key.family = 4, .domain = domain, .packets = 1, .bytes = 40 };
}

/* Put @n records of @domain, and send them as the agent does. */
static int say(struct bench *b, uint32_t domain, unsigned n)
{
	const struct sink_ops *ops = b->sink->ops;
	struct record r = record_of(domain);

	for (unsigned i = 0; i < n; i++) {
		if (!ops->room(b->sink, &r) || ops->put(b->sink, &r) < 0)
			return -EOVERFLOW;
	}
	ops->prepare(b->sink);
	return ops->flush(b->sink);
}

TEST(templates_go_before_the_first_data_of_each_domain)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, NULL, NULL) == 0);
	CHECK(hears_nothing(&b));
	CHECK(say(&b, 1, 2) == 0);
	CHECK(hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(say(&b, 7, 1) == 0);
	CHECK(hears(&b, 2, 7, 0) && hears(&b, 256, 7, 0));
	CHECK(say(&b, 1, 3) == 0 && say(&b, 7, 1) == 0 && say(&b, 1, 1) == 0);
	CHECK(hears(&b, 256, 1, 2) && hears(&b, 256, 7, 1) && hears(&b, 256, 1, 5));
	CHECK(hears_nothing(&b));
	CHECK(b.sink->stats.records == 8 && b.sink->stats.lost_records == 0);
	CHECK(b.sink->stats.errors == 0);
	CHECK(b.sink->stats.bytes == 2 * SETS_2_LEN + 5 * 20 + 8 * RECORD_LEN);
	CHECK_STR(b.sink->trouble, "");
}

TEST(an_ipv6_collector_is_as_good)
{
	_cleanup_(bench_deinit) struct bench b;
	struct session_tuple t;
	uint8_t loopback[16] = { [15] = 1 };

	if (bench_init(&b, AF_INET6) < 0)
		SKIP("no IPv6 on the loopback");
	CHECK(open_session(&b, "[::]:0", NULL) == 0 && say(&b, 1, 1) == 0);
	CHECK(hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(session_tuple(b.sink, &t) == 0 && t.family == 6);
	CHECK(memcmp(t.remote, loopback, 16) == 0 && memcmp(t.local, loopback, 16) == 0);
}

TEST(one_socket_sends_all_and_tells_its_tuple)
{
	_cleanup_(bench_deinit) struct bench b;
	struct session_tuple t;
	struct heard h;

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, "0.0.0.0:0", NULL) == 0);
	CHECK(say(&b, 1, 1) == 0 && say(&b, 2, 1) == 0);
	CHECK(session_tuple(b.sink, &t) == 0 && t.family == 4);
	CHECK(memcmp(t.local, "\x7f\0\0\1\0\0\0\0\0\0\0\0\0\0\0", 16) == 0);
	CHECK(memcmp(t.remote, t.local, 16) == 0);
	CHECK(t.remote_port == ntohs(((struct sockaddr_in *)&b.at)->sin_port));
	for (int i = 0; i < 4; i++) {
		CHECK(hear(&b, &h));
		CHECK(port_of(&h) == t.local_port);
	}
}

TEST(a_message_holds_one_domain_and_what_fits)
{
	_cleanup_(bench_deinit) struct bench b;
	struct record one = record_of(1), two = record_of(2);
	struct heard h;

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, NULL, NULL) == 0);
	CHECK(b.sink->ops->room(b.sink, &two));
	/* (1400 - 16 - 4) / 20 */
	for (int i = 0; i < 69; i++)
		CHECK(b.sink->ops->room(b.sink, &one) && b.sink->ops->put(b.sink, &one) == 0);
	CHECK(!b.sink->ops->room(b.sink, &one) && !b.sink->ops->room(b.sink, &two));
	CHECK(b.sink->ops->flush(b.sink) == 0);
	CHECK(b.sink->ops->room(b.sink, &two));
	CHECK(hears(&b, 2, 1, 0) && hear(&b, &h) && h.len == 1400);
	CHECK(b.sink->ops->put(b.sink, &one) == 0 && !b.sink->ops->room(b.sink, &two));
}

TEST(a_record_without_template_is_counted)
{
	_cleanup_(bench_deinit) struct bench b;
	struct record r = { .key = { .family = 6 }, .domain = 1 };

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, NULL, NULL) == 0);
	CHECK(b.sink->ops->put(b.sink, &r) == -ENOENT && b.sink->stats.uncarried_records == 1);
	CHECK(b.sink->ops->flush(b.sink) == 0 && hears_nothing(&b));
}

TEST(templates_are_split_over_messages_that_may_hold_them)
{
	_cleanup_(bench_deinit) struct bench b;
	struct session_config c = { .max_message_len = 240, .template_flush_s = 60 };
	int messages = 0;
	struct heard h;

	CHECK(bench_init(&b, AF_INET) == 0);
	template_set_free(b.set);
	CHECK(template_set_new(&b.set) == 0 && template_set_add_builtin(b.set) == 0);
	c.remote = b.remote;
	c.templates = b.set;
	CHECK(session_udp_new(&c, &b.sink) == 0 && say(&b, 3, 1) == 0);
	/* eight of 80 to 92 octets */
	for (; hear(&b, &h) && h.set_id == 2; messages++) {
		CHECK(h.len <= 240 && h.domain == 3 && h.sequence == 0);
		CHECK(h.templates == 2);
	}
	CHECK(messages == 4 && h.set_id == 259 && hears_nothing(&b));
}

TEST(templates_come_again_by_time_for_every_domain)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t now = clock_boot_ns();

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, NULL, NULL) == 0);
	b.sink->ops->tick(b.sink, now);
	CHECK(say(&b, 1, 4) == 0 && say(&b, 2, 2) == 0);
	CHECK(hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(hears(&b, 2, 2, 0) && hears(&b, 256, 2, 0));
	b.sink->ops->tick(b.sink, now + 59 * NSEC_PER_SEC);
	CHECK(hears_nothing(&b));
	b.sink->ops->tick(b.sink, now + 61 * NSEC_PER_SEC);
	CHECK(hears(&b, 2, 1, 4) && hears(&b, 2, 2, 2));
	b.sink->ops->tick(b.sink, now + 62 * NSEC_PER_SEC);
	CHECK(hears_nothing(&b));
	b.sink->ops->tick(b.sink, now + 122 * NSEC_PER_SEC);
	CHECK(hears(&b, 2, 1, 4) && hears(&b, 2, 2, 2));
}

TEST(a_collector_that_comes_back_hears_templates_first)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, NULL, NULL) == 0);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	hang_up(&b);
	CHECK(say(&b, 1, 1) == 0);	/* nobody knows yet */
	CHECK(say(&b, 1, 1) == 0);
	CHECK(b.sink->stats.errors > 0);
	CHECK_STR(b.sink->trouble, "the collector refuses: Connection refused");
	CHECK(listen_at(&b) == 0);
	CHECK(say(&b, 1, 2) == 0);
	CHECK(hears(&b, 2, 1, 3) && hears(&b, 256, 1, 3));
	/* it answers no more: after a while all is as before */
	poll(NULL, 0, 25);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 256, 1, 5) && hears_nothing(&b));
	CHECK_STR(b.sink->trouble, "");
	CHECK(b.sink->stats.records == 6 && b.sink->stats.lost_records == 0);
}

TEST(ticks_ask_whether_a_refusing_collector_is_back)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t now = clock_boot_ns();

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, NULL, NULL) == 0);
	hang_up(&b);
	CHECK(say(&b, 1, 1) == 0 && say(&b, 1, 1) == 0);
	b.sink->ops->tick(b.sink, now + NSEC_PER_SEC);
	CHECK(listen_at(&b) == 0);
	b.sink->ops->tick(b.sink, now + 2 * NSEC_PER_SEC);
	CHECK(hears(&b, 2, 1, 2));
	b.sink->ops->tick(b.sink, clock_boot_ns() + 3 * NSEC_PER_SEC);
	CHECK(hears_nothing(&b));
	CHECK_STR(b.sink->trouble, "");
}

TEST(a_name_that_is_none_blocks_nothing_and_loses_by_the_count)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t begin = clock_boot_ns();
	struct session_tuple t;

	CHECK(bench_init(&b, AF_INET) == 0);
	strcpy(b.remote, "collector.invalid:4739");
	CHECK(open_session(&b, NULL, NULL) == 0);
	CHECK(say(&b, 1, 3) < 0 && say(&b, 1, 2) < 0);
	b.sink->ops->tick(b.sink, clock_boot_ns());
	CHECK(clock_boot_ns() - begin < NSEC_PER_SEC / 2);
	CHECK(b.sink->stats.lost_records == 5 && b.sink->stats.records == 0);
	CHECK(session_tuple(b.sink, &t) == -ENOTCONN);
}

/* What sequence_ops keep, for the tests below. */
struct kept {
	uint64_t session;
	uint32_t domain, sequence;
	int sets;
};

static int kept_get(void *arg, uint64_t session, uint32_t domain, uint32_t *ret)
{
	const struct kept *k = arg;

	if ((k->session && k->session != session) || k->domain != domain)
		return -ENOENT;
	*ret = k->sequence;
	return 0;
}

static void kept_set(void *arg, uint64_t session, uint32_t domain, uint32_t sequence)
{
	struct kept *k = arg;

	*k = (struct kept) { session, domain, sequence, k->sets + 1 };
}

/* A port that is free now. */
static const char *free_port(char buf[32])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return NULL;
	snprintf(buf, 32, "127.0.0.1:%u", ntohs(at.sin_port));
	return buf;
}

TEST(with_a_fixed_port_the_sequence_goes_on_and_wraps)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9, .sequence = 0xffffffff };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	char local[32];
	struct heard h;

	CHECK(bench_init(&b, AF_INET) == 0 && free_port(local));
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(say(&b, 9, 2) == 0 && hears(&b, 2, 9, 0xffffffff) && hears(&b, 256, 9, 0xffffffff));
	CHECK(kept.sequence == 1 && kept.session);
	CHECK(say(&b, 9, 1) == 0 && hear(&b, &h) && h.sequence == 1 && kept.sequence == 2);
	CHECK(port_of(&h) == strtoul(strchr(local, ':') + 1, NULL, 10));

	/* the next process, on the same port at once */
	b.sink->ops->close(b.sink);
	b.sink = NULL;
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(say(&b, 9, 5) == 0 && hears(&b, 2, 9, 2) && hears(&b, 256, 9, 2));
	CHECK(kept.sequence == 7);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
}

TEST(the_sequence_is_written_down_before_the_send)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	struct record r = record_of(9);
	char local[32];

	CHECK(bench_init(&b, AF_INET) == 0 && free_port(local));
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(b.sink->ops->put(b.sink, &r) == 0);
	b.sink->ops->prepare(b.sink);
	CHECK(kept.sequence == 1 && hears_nothing(&b));
	CHECK(b.sink->ops->flush(b.sink) == 0 && hears(&b, 2, 9, 0) && hears(&b, 256, 9, 0));
}

TEST(nothing_is_sent_that_was_not_written_down)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	struct record r = record_of(9);
	char local[32];

	CHECK(bench_init(&b, AF_INET) == 0 && free_port(local));
	snprintf(b.remote, sizeof(b.remote), "localhost:%u",
		 ntohs(((struct sockaddr_in *)&b.at)->sin_port));
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(b.sink->ops->put(b.sink, &r) == 0);
	/* the name may be known by now, but nobody has prepared */
	poll(NULL, 0, 50);
	CHECK(b.sink->ops->flush(b.sink) == -ENOTCONN && b.sink->stats.lost_records == 1);
	CHECK(b.sink->ops->put(b.sink, &r) == 0);
	for (int i = 0; i < 500 && !kept.sets; i++) {
		b.sink->ops->prepare(b.sink);
		poll(NULL, 0, 10);
	}
	CHECK(kept.sets == 1 && kept.sequence == 1);
	CHECK(b.sink->ops->flush(b.sink) == 0 && hears(&b, 2, 9, 0) && hears(&b, 256, 9, 0));
}

TEST(another_collector_is_another_session)
{
	_cleanup_(bench_deinit) struct bench b, c;
	struct kept kept = { .domain = 9 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	char local[32];
	uint64_t first;

	CHECK(bench_init(&b, AF_INET) == 0 && bench_init(&c, AF_INET) == 0 && free_port(local));
	CHECK(open_session(&b, local, &ops) == 0 && say(&b, 9, 4) == 0);
	first = kept.session;
	b.sink->ops->close(b.sink);
	b.sink = NULL;
	CHECK(open_session(&c, local, &ops) == 0 && say(&c, 9, 1) == 0);
	CHECK(hears(&c, 2, 9, 0) && hears(&c, 256, 9, 0) && kept.session != first);
}

TEST(with_any_port_nothing_is_kept)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9, .sequence = 77 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, "127.0.0.1:0", &ops) == 0);
	CHECK(say(&b, 9, 2) == 0 && hears(&b, 2, 9, 0) && hears(&b, 256, 9, 0));
	CHECK(kept.sets == 0 && kept.sequence == 77);
}

/* The descriptor of the session's socket, by its port. */
static int find_socket(uint16_t port)
{
	for (int fd = 3; fd < 64; fd++) {
		struct sockaddr_in at = { 0 };
		socklen_t len = sizeof(at);

		if (getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
		    ntohs(at.sin_port) == port)
			return fd;
	}
	return -1;
}

TEST(what_was_not_sent_does_not_count_in_the_sequence)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	struct session_tuple t;
	char local[32];

	CHECK(bench_init(&b, AF_INET) == 0 && free_port(local));
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(say(&b, 9, 2) == 0 && session_tuple(b.sink, &t) == 0 && kept.sequence == 2);
	CHECK(shutdown(find_socket(t.local_port), SHUT_WR) == 0);
	CHECK(say(&b, 9, 3) == -EPIPE && say(&b, 9, 1) == -EPIPE);
	CHECK(kept.sequence == 3);	/* 2 and the record in doubt */
	CHECK(b.sink->stats.lost_records == 4 && b.sink->stats.records == 2);
	CHECK(b.sink->stats.errors == 2);
	CHECK_STR(b.sink->trouble, "cannot send: Broken pipe");
}

/* A name for both loopbacks: if there is none, a file of our own before /etc/hosts. */
static void own_hosts(void)
{
	char path[] = "/tmp/flowctl-test-hosts-XXXXXX";
	static const char hosts[] = "127.0.0.1 localhost\n::1 localhost\n";
	_cleanup_(closep) int fd = mkstemp(path);

	if (fd >= 0 && write(fd, hosts, strlen(hosts)) == (ssize_t)strlen(hosts) &&
	    unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount(path, "/etc/hosts", NULL, MS_BIND, NULL) < 0)
		printf("# cannot mount %s\n", path);
	if (fd >= 0)
		unlink(path);
}

static bool localhost_is_both(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG }, *list;
	bool v4 = false, v6 = false;

	if (getaddrinfo("localhost", "4739", &hints, &list) != 0)
		return false;
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		v4 |= a->ai_family == AF_INET;
		v6 |= a->ai_family == AF_INET6;
	}
	freeaddrinfo(list);
	return v4 && v6;
}

/* Speak at each second of a made-up clock until something is heard. */
static bool finds_its_collector(struct bench *b)
{
	uint64_t now = clock_boot_ns();

	for (int i = 0; i < 60; i++) {
		now += NSEC_PER_SEC;
		say(b, 1, 1);
		b->sink->ops->tick(b->sink, now);
		poll(NULL, 0, 5);
		if (!hears_nothing(b))
			return true;
	}
	return false;
}

TEST(of_several_addresses_the_one_that_listens_is_found)
{
	static const int families[] = { AF_INET, AF_INET6 };

	if (!localhost_is_both())
		own_hosts();
	if (!localhost_is_both())
		SKIP("localhost has one address only");
	for (int i = 0; i < 2; i++) {
		_cleanup_(bench_deinit) struct bench b;

		CHECK(bench_init(&b, families[i]) == 0);
		snprintf(b.remote, sizeof(b.remote), "localhost:%u",
			 ntohs(((struct sockaddr_in *)&b.at)->sin_port));
		CHECK(open_session(&b, NULL, NULL) == 0);
		CHECK(session_wait_ready(b.sink, 5 * NSEC_PER_SEC) == 0);
		CHECK(finds_its_collector(&b));
		/* the address that was tried before was another transport session */
		CHECK(hears(&b, 2, 1, 0) && say(&b, 1, 1) == 0);
	}
}

struct refusal {
	const char *remote, *local;
	uint16_t len;
	int error;
};

TEST(impossible_sessions_are_refused)
{
	static const struct refusal rows[] = {
		{ "127.0.0.1", NULL, 1400, -EINVAL },
		{ "127.0.0.1:0", NULL, 1400, -EINVAL },
		{ "127.0.0.1:70000", NULL, 1400, -EINVAL },
		{ "::1:4739", NULL, 1400, -EINVAL },
		{ "127.0.0.1:4739", "4739", 1400, -EINVAL },
		{ "127.0.0.1:4739", "[::1]:0", 1400, -EINVAL },
		{ "127.0.0.1:4739", "192.0.2.77:0", 1400, -EADDRNOTAVAIL },
		/* 16 + 4 + 20 */
		{ "127.0.0.1:4739", NULL, 39, -EINVAL },
		{ "127.0.0.1:4739", NULL, 40, 0 },
	};
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session_config c = { .remote = rows[i].remote, .local = rows[i].local,
					    .max_message_len = rows[i].len, .templates = b.set };
		struct sink *sink = NULL;
		int r = session_udp_new(&c, &sink);

		if (r != rows[i].error)
			printf("# %s from %s: %d\n", rows[i].remote, rows[i].local, r);
		if (r == 0)
			sink->ops->close(sink);
		CHECK(r == rows[i].error);
	}
}

TEST(a_port_in_use_is_told)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0);
	CHECK(open_session(&b, b.remote, NULL) == -EADDRINUSE);
	CHECK(strstr(error_message(), "cannot bind to the local address 127.0.0.1:"));
}
