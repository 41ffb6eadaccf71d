// SPDX-License-Identifier: Apache-2.0
/*
 * Sessions against a collector inside the test: a UDP socket on the loopback. What it gets
 * is read as RFC 7011 3.1 has it: sequence at octet 8, domain at 12, first set id at 16.
 */
#include "ipfix/session.h"

#include <arpa/inet.h>
#include <dirent.h>
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
#include "session_bench.h"
#include "test.h"

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

/* One record in one place, that changes between the questions. */
TEST(a_record_is_carried_as_what_it_is_when_it_is_put)
{
	static const struct template_field of_udp[] = { { "sourceIPv4Address" }, { "octetDeltaCount" },
					      { "packetDeltaCount" }, { "udpSourcePort" } };
	_cleanup_(bench_deinit) struct bench b;
	struct record r = record_of(1);

	CHECK(bench_init(&b, AF_INET) == 0 && template_set_add(b.set, 300, of_udp, 4) == 0);
	CHECK(open_session(&b, NULL, NULL) == 0);
	r.key.proto = 47;
	CHECK(b.sink->ops->room(b.sink, &r) && b.sink->ops->put(b.sink, &r) == 0);
	CHECK(b.sink->ops->room(b.sink, &r));
	CHECK(b.sink->ops->flush(b.sink) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	r.key.proto = 17;
	CHECK(b.sink->ops->room(b.sink, &r) && b.sink->ops->put(b.sink, &r) == 0);
	r.domain = 2;
	CHECK(!b.sink->ops->room(b.sink, &r) && b.sink->ops->flush(b.sink) == 0);
	CHECK(hears(&b, 300, 1, 1));
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
	CHECK(template_set_new(&b.set) == 0 &&
	      template_set_add_builtin(b.set, profile_default(), false) == 0);
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

/* The refusal is known only after the collector is back: it must be asked for. */
TEST(one_refusal_is_enough_for_templates_to_go_first)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, NULL, NULL) == 0);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	hang_up(&b);
	CHECK(say(&b, 1, 1) == 0);
	poll(NULL, 0, 30);
	CHECK(listen_at(&b) == 0);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 2) && hears(&b, 256, 1, 2));
	poll(NULL, 0, 30);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 256, 1, 3) && hears_nothing(&b));
	CHECK_STR(b.sink->trouble, "");
}

TEST(every_domain_has_its_templates_sent_to_who_comes_back)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, NULL, NULL) == 0);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(say(&b, 2, 1) == 0 && hears(&b, 2, 2, 0) && hears(&b, 256, 2, 0));
	hang_up(&b);
	CHECK(say(&b, 1, 1) == 0 && say(&b, 1, 1) == 0);
	poll(NULL, 0, 30);
	CHECK(listen_at(&b) == 0);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 3) && hears(&b, 256, 1, 3));
	poll(NULL, 0, 30);
	CHECK(say(&b, 2, 1) == 0 && hears(&b, 2, 2, 1) && hears(&b, 256, 2, 1));
	CHECK(say(&b, 2, 1) == 0 && hears(&b, 256, 2, 2) && hears_nothing(&b));
}

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Sessions that speak, that are refused, that fail to open and that never get an address. */
TEST(no_session_leaves_a_descriptor)
{
	_cleanup_(bench_deinit) struct bench b;
	char remote[sizeof(b.remote)];
	int before;

	CHECK(bench_init(&b, AF_INET) == 0);
	before = open_files();
	strcpy(remote, b.remote);
	for (int i = 0; i < 20; i++) {
		strcpy(b.remote, i % 2 ? remote : "127.0.0.1:9");
		CHECK(open_session(&b, NULL, NULL) == 0);
		CHECK(say(&b, 1, 1) == 0 && say(&b, 2, 1) == 0);
		b.sink->ops->tick(b.sink, clock_boot_ns() + 6 * NSEC_PER_SEC);
		CHECK(open_files() == before + 1);
		b.sink->ops->close(b.sink);
		b.sink = NULL;
		CHECK(open_session(&b, remote, NULL) == -EADDRINUSE);
	}
	CHECK(open_files() == before);
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

static int sockets_to(uint16_t port)
{
	int n = 0;

	for (int fd = 3; fd < 64; fd++) {
		struct sockaddr_in6 at = { 0 };
		socklen_t len = sizeof(at);

		n += getpeername(fd, (struct sockaddr *)&at, &len) == 0 &&
		     ntohs(at.sin6_port) == port;
	}
	return n;
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
		CHECK(sockets_to(ntohs(((struct sockaddr_in *)&b.at)->sin_port)) == 1);
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

static bool ip(const char *arguments)
{
	char command[256];

	snprintf(command, sizeof(command), "ip %s >/dev/null 2>&1", arguments);
	return system(command) == 0;
}

/* The address it was bound to by the route is taken away; the route has another now. */
TEST(a_socket_whose_address_is_gone_is_replaced)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc6336409) };
	_cleanup_(bench_deinit) struct bench b;
	struct session_tuple t;

	if (unshare(CLONE_NEWNET) < 0 || !ip("link set lo up") ||
	    !ip("addr add 192.0.2.1 dev lo") ||
	    !ip("route add local 198.51.100.9 dev lo table local src 192.0.2.1"))
		SKIP("no network namespace of our own");
	CHECK(bench_init(&b, AF_INET) == 0);
	hang_up(&b);
	memcpy(&b.at, &at, sizeof(at));
	CHECK(listen_at(&b) == 0);
	snprintf(b.remote, sizeof(b.remote), "198.51.100.9:%u",
		 ntohs(((struct sockaddr_in *)&b.at)->sin_port));
	CHECK(open_session(&b, NULL, NULL) == 0 && say(&b, 1, 2) == 0);
	CHECK(hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(ip("addr del 192.0.2.1 dev lo") && ip("addr add 192.0.2.2 dev lo"));
	CHECK(ip("route replace local 198.51.100.9 dev lo table local src 192.0.2.2"));
	CHECK(say(&b, 1, 1) < 0 && b.sink->stats.lost_records == 1 && b.sink->trouble[0]);
	b.sink->ops->tick(b.sink, clock_boot_ns() + 6 * NSEC_PER_SEC);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(session_tuple(b.sink, &t) == 0 && memcmp(t.local, "\xc0\0\2\2", 4) == 0);
	CHECK_STR(b.sink->trouble, "");
}
