// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>

#include "base/parse.h"
#include "test.h"

#define ROWS(rows_) (sizeof(rows_) / sizeof((rows_)[0]))

TEST(numbers_are_decimal_or_hexadecimal_and_nothing_else)
{
	static const struct {
		const char *text;
		uint64_t max;
		int result;
		uint64_t value;
	} rows[] = {
		{ "0", UINT64_MAX, 0, 0 },
		{ "010", UINT64_MAX, 0, 10 },
		{ "0x1F", UINT64_MAX, 0, 31 },
		{ "0Xff", UINT64_MAX, 0, 255 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "0xffffffffffffffff", UINT64_MAX, 0, UINT64_MAX },
		{ "65535", 65535, 0, 65535 },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
		{ "0x10000000000000000", UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999", UINT64_MAX, -ERANGE, 0 },
		{ "65536", 65535, -ERANGE, 0 },
		{ "", UINT64_MAX, -EINVAL, 0 },
		{ "0x", UINT64_MAX, -EINVAL, 0 },
		{ "-1", UINT64_MAX, -EINVAL, 0 },
		{ "+1", UINT64_MAX, -EINVAL, 0 },
		{ " 1", UINT64_MAX, -EINVAL, 0 },
		{ "1 ", UINT64_MAX, -EINVAL, 0 },
		{ "1.0", UINT64_MAX, -EINVAL, 0 },
		{ "1e3", UINT64_MAX, -EINVAL, 0 },
		{ "12a", UINT64_MAX, -EINVAL, 0 },
		{ "0xg", UINT64_MAX, -EINVAL, 0 },
		{ "70000x", 65535, -EINVAL, 0 },
		{ "99999999999999999999999x", UINT64_MAX, -EINVAL, 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t v = 77;

		printf("# %s\n", rows[i].text);
		CHECK(parse_u64(rows[i].text, rows[i].max, &v) == rows[i].result);
		CHECK(v == (rows[i].result ? 77 : rows[i].value));
	}
}

TEST(durations_have_units_and_fractions)
{
	static const struct {
		const char *text;
		int result;
		uint64_t ns;
	} rows[] = {
		{ "0", 0, 0 },
		{ "5", 0, UINT64_C(5000000000) },
		{ "5s", 0, UINT64_C(5000000000) },
		{ "500ms", 0, 500000000 },
		{ "250us", 0, 250000 },
		{ "2m", 0, UINT64_C(120000000000) },
		{ "1h", 0, UINT64_C(3600000000000) },
		{ "0.5s", 0, 500000000 },
		{ "1.25", 0, 1250000000 },
		{ "1.5m", 0, UINT64_C(90000000000) },
		{ "0.25h", 0, UINT64_C(900000000000) },
		{ "0.000000001s", 0, 1 },
		{ "0.0000000001s", 0, 0 },
		{ "1.0625m", 0, UINT64_C(63750000000) },
		{ "0.123456789123s", 0, 123456789 },
		{ "18446744073s", 0, UINT64_C(18446744073000000000) },
		{ "18446744073.709551615s", 0, UINT64_MAX },
		{ "18446744073.709551616s", -ERANGE, 0 },
		{ "18446744073.9s", -ERANGE, 0 },
		{ "18446744074s", -ERANGE, 0 },
		{ "99999999h", -ERANGE, 0 },
		{ "99999999999999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ ".5s", -EINVAL, 0 },
		{ "5.s", -EINVAL, 0 },
		{ "-5s", -EINVAL, 0 },
		{ "5 s", -EINVAL, 0 },
		{ "5x", -EINVAL, 0 },
		{ "5S", -EINVAL, 0 },
		{ "5ss", -EINVAL, 0 },
		{ "1m30s", -EINVAL, 0 },
		{ "0x10s", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t ns = 77;

		printf("# %s\n", rows[i].text);
		CHECK(parse_duration(rows[i].text, &ns) == rows[i].result);
		CHECK(ns == (rows[i].result ? 77 : rows[i].ns));
	}
}

TEST(prefixes_are_addresses_with_a_length)
{
	static const struct {
		const char *text, *addr;
		int family, bits;
	} rows[] = {
		{ "10.1.0.0/16", "10.1.0.0", 4, 16 },
		{ "10.1.2.3", "10.1.2.3", 4, 32 },
		{ "10.1.2.3/8", "10.1.2.3", 4, 8 },
		{ "0.0.0.0/0", "0.0.0.0", 4, 0 },
		{ "2001:db8::1", "2001:db8::1", 6, 128 },
		{ "::/0", "::", 6, 0 },
		{ "2001:db8::/32", "2001:db8::", 6, 32 },
		{ "::ffff:10.0.0.1", "::ffff:10.0.0.1", 6, 128 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct parse_prefix p;
		uint8_t addr[16] = { 0 };

		printf("# %s\n", rows[i].text);
		inet_pton(rows[i].family == 4 ? AF_INET : AF_INET6, rows[i].addr, addr);
		CHECK(parse_prefix(rows[i].text, &p) == 0);
		CHECK(p.family == rows[i].family && p.len_bits == rows[i].bits);
		CHECK(memcmp(p.addr, addr, sizeof(addr)) == 0);
	}
}

TEST(what_is_no_prefix_is_refused)
{
	static const char *const rows[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/8/8",
		"10.0.0",
		"10.0.0.256",
		"::/129",
		":::",
		"2001:db8::1%eth0",
		"example.org",
		"10.0.0.0 /8",
		"fe80::/0x0g",
		"10.0.0.0/0x8",
		"[::1]",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc",
	};
	struct parse_prefix p = { .family = 99 };

	for (size_t i = 0; i < ROWS(rows); i++) {
		printf("# %s\n", rows[i]);
		CHECK(parse_prefix(rows[i], &p) == -EINVAL);
		CHECK(p.family == 99);
	}
}

TEST(endpoints_are_host_and_port)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} rows[] = {
		{ "127.0.0.1:4739", "127.0.0.1", 4739 },
		{ "[::1]:4739", "::1", 4739 },
		{ "[fe80::1%eth0]:1", "fe80::1%eth0", 1 },
		{ "collector.example:65535", "collector.example", 65535 },
		{ "0.0.0.0:0", "0.0.0.0", 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct parse_endpoint e;

		CHECK(parse_endpoint(rows[i].text, &e) == 0);
		CHECK_STR(e.host, rows[i].host);
		CHECK(e.port == rows[i].port);
	}
}

TEST(what_is_no_endpoint_is_refused)
{
	static const char *const rows[] = {
		"",	     ":",	   "host",    "host:",	   ":4739",
		"[]:1",	     "::1:4739",   "[::1]",   "[::1]4739", "[::1:4739",
		"::1]:4739", "host:65536", "host:-1", "host:http", "host: 1",
		"host:0x50", "[host:1",	   "host]:1", "[[::1]]:1",
	};
	struct parse_endpoint e = { .port = 77 };
	char longest[300];

	for (size_t i = 0; i < ROWS(rows); i++) {
		printf("# %s\n", rows[i]);
		CHECK(parse_endpoint(rows[i], &e) == -EINVAL);
		CHECK(e.port == 77);
	}
	snprintf(longest, sizeof(longest), "%0256d:1", 0);
	CHECK(parse_endpoint(longest, &e) == -EINVAL);
	snprintf(longest, sizeof(longest), "%0255d:1", 0);
	CHECK(parse_endpoint(longest, &e) == 0);
}

TEST(near_misses_are_found_and_far_ones_are_not)
{
	static const char *const words[] = { "attach", "detach", "status", "dump", NULL };

	CHECK_STR(parse_nearest("atach", words), "attach");
	CHECK_STR(parse_nearest("detatch", words), "detach");
	CHECK_STR(parse_nearest("STATUS", words), "status");
	CHECK_STR(parse_nearest("dmup", words), "dump");
	CHECK_STR(parse_nearest("stat", words), "status");
	CHECK_STR(parse_nearest("st", words), "status");
	CHECK(!parse_nearest("nonsense", words));
	CHECK(!parse_nearest("", words));
	CHECK(!parse_nearest("x", words));
	CHECK(!parse_nearest("\xc3\xa4\xc3\xb6", words));
	CHECK(!parse_nearest("0123456789012345678901234567890123456789", words));
}

TEST(a_word_is_meant_when_at_most_a_third_of_its_letters_are_wrong)
{
	static const char *const words[] = { "listen", "rtt", "ie", "tcp", NULL };

	CHECK_STR(parse_nearest("listne", words), "listen");
	CHECK_STR(parse_nearest("lixtxn", words), "listen");
	CHECK(!parse_nearest("lixtxx", words));
	CHECK_STR(parse_nearest("rtx", words), "rtt");
	CHECK_STR(parse_nearest("trt", words), "rtt");
	CHECK(!parse_nearest("rot1", words));
	CHECK(!parse_nearest("udp", words));
	CHECK(!parse_nearest("eo", words));
	CHECK(!parse_nearest("lsn", words));
}

TEST(a_host_is_an_address_or_a_name)
{
	static const struct {
		const char *host;
		int is;
	} rows[] = {
		{ "192.0.2.1", 4 }, { "::1", 6 }, { "fe80::1%eth0", 6 }, { "a", 0 }, { "a_b-c.example", 0 },
		{ "3com.example.", 0 }, { "", -EINVAL }, { ".", -EINVAL }, { "10.0.0.256", -EINVAL },
		{ "10.1", -EINVAL }, { "a..b", -EINVAL }, { ".a", -EINVAL }, { "-a", -EINVAL },
		{ "a-.b", -EINVAL }, { "a b", -EINVAL }, { "fe80::x", -EINVAL }, { "a/b", -EINVAL },
		{ "a123456789012345678901234567890123456789012345678901234567890123", -EINVAL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(parse_host(rows[i].host) == rows[i].is);
}

TEST(a_url_has_a_host_and_nothing_behind_its_path)
{
	static const char *const bad[] = {
		"", "http://", "http:///x", "http://:80", "ftp://a", "a.example", "http://u@a", "http://a?x",
		"http://a#x", "http://a b", "http://a\n", "http://a\\b",
		"http://a:99999", "http://a:65536/x", "http://a:0", "http://a:", "http://a:8x", "http://a:-1",
		"http://[::1", "http://::1", "http://[::1]x", "http://[::1]:99999", "http://[::1]:", "http://[a]",
		"http://[10.0.0.1]", "http://10.0.0.256", "http://a..b", "http://a:1:2", "https://a:70000",
	};

	CHECK(parse_http_url("http://[fd00:ec2::254]") == 0);
	CHECK(parse_http_url("HTTPS://a.example:8080/path/") == 0);
	CHECK(parse_http_url("http://[fd00:ec2::254]:65535/a:b/[c]") == 0);
	CHECK(parse_http_url("http://10.0.0.1:1") == 0);
	CHECK(parse_http_url("http://localhost/x:99999") == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(parse_http_url(bad[i]) == -EINVAL);
}
