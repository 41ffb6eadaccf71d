// SPDX-License-Identifier: Apache-2.0
/* Longest-prefix match against the plain search through all prefixes, and the file. */
#include "enrich/prefixes.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "test.h"

DEFINE_CLEANUP(struct lpm, lpm_free)

static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static bool holds(const struct parse_prefix *p, uint8_t family, const uint8_t *addr)
{
	unsigned whole = p->len_bits / 8, rest = p->len_bits % 8;

	return p->family == family && memcmp(p->addr, addr, whole) == 0 &&
	       (!rest || (p->addr[whole] ^ addr[whole]) >> (8 - rest) == 0);
}

/* Of the longest that hold it, the last. */
static const struct parse_prefix *search(const struct parse_prefix *all, size_t n, uint8_t family,
					 const uint8_t *addr)
{
	const struct parse_prefix *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (holds(&all[i], family, addr) && (!best || all[i].len_bits >= best->len_bits))
			best = &all[i];
	}
	return best;
}

/* Few different bytes, so that prefixes lie in each other. */
static void random_address(uint8_t addr[16], uint8_t family)
{
	memset(addr, 0, 16);
	for (size_t i = 0; i < (family == 4 ? 4 : 16); i++)
		addr[i] = dice() % 5 == 0 ? 0xff : dice() % 3 == 0 ? dice() >> 20 : 0;
}

static bool same(const struct lpm *l, const struct parse_prefix *all, size_t n, uint8_t family,
		 const uint8_t *addr)
{
	const struct parse_prefix *wanted = search(all, n, family, addr);
	uint32_t value = 0;
	uint8_t len = 0;
	bool found = lpm_find(l, family, addr, &value, &len);

	if (!wanted || !found)
		return !wanted && !found;
	return value == (uint32_t)(wanted - all) && len == wanted->len_bits;
}

#define MANY 400

TEST(a_match_is_what_a_search_through_all_prefixes_finds)
{
	for (int round = 0; round < 200; round++) {
		_cleanup_(lpm_freep) struct lpm *l = lpm_new();
		struct parse_prefix all[MANY];
		size_t n = dice() % MANY;

		for (size_t i = 0; i < n; i++) {
			all[i].family = dice() % 2 ? 4 : 6;
			all[i].len_bits = dice() % (all[i].family == 4 ? 33 : 129);
			random_address(all[i].addr, all[i].family);
			CHECK(lpm_add(l, &all[i], i) == 0);
		}
		CHECK(lpm_build(l) == 0);
		for (int i = 0; i < 2000; i++) {
			uint8_t family = dice() % 2 ? 4 : 6, addr[16];

			random_address(addr, family);
			if (n && dice() % 2) {	/* at an end of a prefix, or just beside it */
				const struct parse_prefix *p = &all[dice() % n];

				family = p->family;
				memcpy(addr, p->addr, 16);
				addr[family == 4 ? 3 : 15] += (int)(dice() % 3) - 1;
			}
			CHECK(same(l, all, n, family, addr));
		}
	}
}

TEST(nothing_and_everything_are_found)
{
	_cleanup_(lpm_freep) struct lpm *none = lpm_new(), *all = lpm_new();
	static const uint8_t addr[16] = { 192, 0, 2, 1 }, ones[16] = { [0 ... 15] = 0xff };
	uint32_t value;
	uint8_t len;

	CHECK(lpm_build(none) == 0 && !lpm_find(none, 4, addr, &value, &len));
	CHECK(lpm_add(all, &(struct parse_prefix) { .family = 6 }, 7) == 0 && lpm_build(all) == 0);
	CHECK(!lpm_find(all, 4, addr, &value, &len));
	CHECK(lpm_find(all, 6, addr, &value, &len) && value == 7 && len == 0);
	CHECK(lpm_find(all, 6, ones, &value, &len) && value == 7 && len == 0);
}

/* A file with this text, which is gone when it is read. */
static int load(const char *text, struct lpm **ret)
{
	char path[] = "/tmp/flowctl-prefixes-XXXXXX";
	int fd = mkstemp(path), r;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -errno;
	close(fd);
	r = prefixes_load(path, ret);
	unlink(path);
	return r;
}

static uint32_t as_of(const struct lpm *l, const char *text)
{
	bool v6 = strchr(text, ':');
	uint32_t value = 0;
	uint8_t addr[16], len;

	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, addr) != 1)
		return 0;
	return lpm_find(l, v6 ? 6 : 4, addr, &value, &len) ? value : 0;
}

TEST(a_file_gives_the_as_of_the_longest_prefix)
{
	_cleanup_(lpm_freep) struct lpm *l = NULL;

	CHECK(load("# prefixes\n"
		   "\n"
		   "192.0.2.0/24 64500\r\n"
		   "  192.0.2.128/25\tAS64501   # more specific\n"
		   "198.51.100.7 as4294967295\n"
		   "2001:db8::/32 64502\n"
		   "2001:db8:1::/48 64503", &l) == 0);
	CHECK(as_of(l, "192.0.2.1") == 64500);
	CHECK(as_of(l, "192.0.2.127") == 64500);
	CHECK(as_of(l, "192.0.2.128") == 64501);
	CHECK(as_of(l, "192.0.3.0") == 0);
	CHECK(as_of(l, "198.51.100.7") == 4294967295);
	CHECK(as_of(l, "198.51.100.8") == 0);
	CHECK(as_of(l, "2001:db8::1") == 64502);
	CHECK(as_of(l, "2001:db8:1::1") == 64503);
	CHECK(as_of(l, "2001:db9::") == 0);
}

static const struct fault {
	const char *text, *sentence;	/* behind the file's name */
} faults[] = {
	{ "192.0.2.0/33 1\n", ":1: '192.0.2.0/33' is not a prefix (as 192.0.2.0/24 or 2001:db8::/32)" },
	{ "\n#\nfoo 1\n", ":3: 'foo' is not a prefix (as 192.0.2.0/24 or 2001:db8::/32)" },
	{ "192.0.2.0/24\n", ":1: the number of an AS is missing" },
	{ "192.0.2.0/24 # 1\n", ":1: the number of an AS is missing" },
	{ "192.0.2.0/24 AS\n", ":1: 'AS' is not the number of an AS" },
	{ "192.0.2.0/24 4294967296\n", ":1: '4294967296' is not the number of an AS" },
	{ "192.0.2.0/24 1.10\n", ":1: '1.10' is not the number of an AS" },
	{ "192.0.2.0/24 1 2\n", ":1: there is more than a prefix and an AS" },
};

TEST(faults_are_told_with_their_line)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct lpm *l;

		CHECK(load(faults[i].text, &l) == -EINVAL && error_exit_status() == ERROR_USAGE);
		CHECK_STR(strchr(error_message(), ':'), faults[i].sentence);
		error_clear();
	}
}

TEST(a_missing_file_is_no_usage_error)
{
	struct lpm *l;

	CHECK(prefixes_load("/nonexistent/prefixes", &l) == -ENOENT);
	CHECK_STR(error_message(),
		  "cannot open the prefix file '/nonexistent/prefixes': No such file or directory");
}
