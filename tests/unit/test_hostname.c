// SPDX-License-Identifier: Apache-2.0
/* A resolver of the test's own, which is slow, absent or lying as it is told. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "enrich/hostname.h"
#include "enrich/hostname_cache.h"
#include "test.h"

static atomic_int calls, running, most;
static atomic_bool hang;
static const char *_Atomic answer;	/* NULL: the address itself, "host-10.0.0.1"; "": none */

static int stand_in(void *arg, const struct sockaddr *addr, socklen_t len, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN];
	int now = ++running;

	calls++;
	if (now > most)
		most = now;
	while (hang)
		clock_sleep_ns(NSEC_PER_MSEC);
	inet_ntop(addr->sa_family, addr->sa_family == AF_INET ?
		  (const void *)&((const struct sockaddr_in *)addr)->sin_addr :
		  (const void *)&((const struct sockaddr_in6 *)addr)->sin6_addr, text, sizeof(text));
	if (answer)
		snprintf(buf, size, "%s", answer);
	else
		snprintf(buf, size, "host-%s", text);
	running--;
	return answer && !*answer ? -2 : 0;
}

static struct hostnames *begin(struct hostname_options o)
{
	struct hostnames *h = NULL;

	calls = running = most = 0;
	hang = false;
	answer = NULL;
	o.lookup = stand_in;
	return hostname_new(&o, &h) == 0 ? h : NULL;
}

static struct record flow(uint32_t n)
{
	struct record r = { .key = { .family = 4 } };
	uint32_t src = htonl(0x0a000000 + n), dst = htonl(0x0b000000 + n);

	memcpy(r.key.src, &src, 4);
	memcpy(r.key.dst, &dst, 4);
	return r;
}

static bool get(struct hostnames *h, uint32_t n, char name[HOSTNAME_MAX])
{
	struct record r = flow(n);

	return hostname_get(h, 4, r.key.src, name, HOSTNAME_MAX);
}

static bool ask(struct hostnames *h, uint32_t n)
{
	struct record r = flow(n);

	return hostname_ask(h, &r, 1, 10 * NSEC_PER_SEC);
}

TEST(what_is_not_known_is_asked_for_and_there_the_next_time)
{
	struct hostnames *h = begin((struct hostname_options) { 0 });
	char name[HOSTNAME_MAX];

	CHECK(h && !get(h, 1, name));
	CHECK(ask(h, 1));
	CHECK(get(h, 1, name));
	CHECK_STR(name, "host-10.0.0.1");
	CHECK(calls == 2);
	hostname_free(h);
}

TEST(ipv6_is_another_family_than_ipv4_of_the_same_bytes)
{
	struct hostnames *h = begin((struct hostname_options) { 0 });
	struct record r = { .key = { .family = 6, .src = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } } };
	struct record v4 = { .key = { .family = 4, .src = { 0x20, 0x01, 0x0d, 0xb8 } } };
	char name[HOSTNAME_MAX];

	CHECK(hostname_ask(h, &r, 1, 10 * NSEC_PER_SEC) && hostname_ask(h, &v4, 1, 10 * NSEC_PER_SEC));
	CHECK(hostname_get(h, 6, r.key.src, name, sizeof(name)));
	CHECK_STR(name, "host-2001:db8::1");
	CHECK(hostname_get(h, 4, v4.key.src, name, sizeof(name)));
	CHECK_STR(name, "host-32.1.13.184");
	hostname_free(h);
}

TEST(a_resolver_that_hangs_is_waited_for_by_nobody)
{
	struct hostnames *h = begin((struct hostname_options) { .threads = 3 });
	struct record v[100];
	char name[HOSTNAME_MAX];
	uint64_t begun = clock_boot_ns();

	hang = true;
	for (uint32_t i = 0; i < 100; i++)
		v[i] = flow(i);
	CHECK(!hostname_ask(h, v, 100, 50 * NSEC_PER_MSEC));
	for (int i = 0; i < 1000; i++)
		CHECK(!get(h, i % 100, name));
	hostname_free(h);
	CHECK(clock_boot_ns() - begun < 5 * NSEC_PER_SEC);
	CHECK(most <= 3);
	hang = false;
	while (running)
		clock_sleep_ns(NSEC_PER_MSEC);
}

TEST(no_more_questions_at_a_time_than_threads)
{
	struct hostnames *h = begin((struct hostname_options) { .threads = 2, .entries = 4000 });
	static struct record v[1500];
	char name[HOSTNAME_MAX];

	for (uint32_t i = 0; i < 1500; i++)
		v[i] = flow(i);
	/* More addresses than the queue has room for. */
	CHECK(hostname_ask(h, v, 1500, 20 * NSEC_PER_SEC));
	CHECK(most <= 2 && calls == 3000);
	for (uint32_t i = 0; i < 1500; i++)
		CHECK(get(h, i, name));
	hostname_free(h);
}

TEST(one_without_a_name_is_remembered_too)
{
	struct hostnames *h = begin((struct hostname_options) { 0 });
	char name[HOSTNAME_MAX];

	answer = "";
	CHECK(ask(h, 1) && ask(h, 1) && !get(h, 1, name));
	CHECK(calls == 2);
	hostname_free(h);
}

TEST(what_is_old_is_asked_for_again_and_told_meanwhile)
{
	struct hostnames *h = begin((struct hostname_options) { .ttl_ns = 1, .none_ttl_ns = 1 });
	char name[HOSTNAME_MAX];

	CHECK(ask(h, 1));
	answer = "other";
	CHECK(get(h, 1, name));
	CHECK_STR(name, "host-10.0.0.1");
	CHECK(ask(h, 1) && get(h, 1, name));
	CHECK_STR(name, "other");
	/* Nobody answers any more: what was known stays. */
	answer = "";
	CHECK(ask(h, 1) && get(h, 1, name));
	CHECK_STR(name, "other");
	hostname_free(h);
}

TEST(bytes_that_a_terminal_or_a_line_would_obey_are_not_told)
{
	struct hostnames *h = begin((struct hostname_options) { 0 });
	char name[HOSTNAME_MAX];

	answer = "a\033[31m\nb c\x7f\xc3\xa4.example";
	CHECK(ask(h, 1) && get(h, 1, name));
	CHECK_STR(name, "a?[31m?b?c???.example");
	hostname_free(h);
}

TEST(a_name_that_is_too_long_is_cut)
{
	struct hostnames *h = begin((struct hostname_options) { 0 });
	char name[HOSTNAME_MAX], longer[600], small[8];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	answer = longer;
	CHECK(ask(h, 1) && get(h, 1, name));
	CHECK(strlen(name) == HOSTNAME_MAX - 1);
	CHECK(!hostname_get(h, 4, flow(1).key.src, small, sizeof(small)));
	hostname_free(h);
}

static struct hostname_key key_of(uint32_t n)
{
	struct hostname_key key = { .family = 4 };

	memcpy(key.addr, &n, 4);
	return key;
}

TEST(the_cache_keeps_what_was_used_last_and_no_more_than_its_size)
{
	struct hostname_cache c;
	uint32_t state = 1, used[1000] = { 0 };

	CHECK(hostname_cache_init(&c, 100) == 0);
	for (uint32_t now = 1; now < 20000; now++) {
		struct hostname_key key = key_of((state = state * 1103515245 + 12345) >> 8 & 255);
		uint32_t i = key.addr[0], newer = 0;
		bool there = hostname_cache_find(&c, &key);

		/* It is there if less than a hundred others were used since. */
		for (uint32_t k = 0; k < 256; k++)
			newer += used[k] > used[i];
		CHECK(there == (used[i] && newer < 100));
		if (!there)
			hostname_cache_add(&c, &key)->name = strdup("x");
		used[i] = now;
		CHECK(c.n <= 100);
	}
	hostname_cache_deinit(&c);
}
