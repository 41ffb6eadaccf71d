// SPDX-License-Identifier: Apache-2.0
/* The C library is the judge: printf(), inet_ntop(), and gmtime_r() of what uses these. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <time.h>

#include "base/clock.h"
#include "base/format.h"
#include "test.h"

static uint64_t random_state = 88172645463325252;

static uint64_t any(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static bool is_number(uint64_t v)
{
	char is[FORMAT_U64_MAX + 1], wanted[FORMAT_U64_MAX + 1];

	*format_u64(is, v) = '\0';
	snprintf(wanted, sizeof(wanted), "%" PRIu64, v);
	return strcmp(is, wanted) == 0;
}

TEST(numbers_are_those_of_printf)
{
	CHECK(is_number(0) && is_number(UINT64_MAX));
	for (uint64_t v = 1; v <= UINT64_MAX / 10; v *= 10)
		CHECK(is_number(v) && is_number(v - 1) && is_number(v * 10 - 1));
	for (int i = 0; i < 100000; i++)
		CHECK(is_number(any() >> any() % 64));
}

static bool is_size(uint64_t v, const char *wanted)
{
	char is[FORMAT_SIZE_MAX + 1];

	*format_size(is, v) = '\0';
	if (strcmp(is, wanted) != 0)
		printf("# is %s, wanted %s\n", is, wanted);
	return strcmp(is, wanted) == 0;
}

TEST(sizes_are_of_the_unit_that_leaves_less_than_1024)
{
	CHECK(is_size(0, "0") && is_size(882, "882") && is_size(1023, "1023"));
	CHECK(is_size(1024, "1.00 KiB") && is_size(11725, "11.45 KiB"));
	CHECK(is_size(135455048, "129.18 MiB") && is_size(1288490189, "1.20 GiB"));
	CHECK(is_size(UINT64_C(1) << 40, "1.00 TiB") && is_size(UINT64_C(3) << 49, "1.50 PiB"));
	CHECK(is_size(UINT64_MAX, "16.00 EiB"));
}

TEST(a_size_is_never_shown_as_1024_of_a_unit)
{
	CHECK(is_size((1 << 20) - 1, "1.00 MiB"));
	CHECK(is_size((1 << 20) - 6, "1023.99 KiB"));
	CHECK(is_size((UINT64_C(1) << 60) - 1, "1.00 EiB"));
}

static bool is_address(int af, const uint8_t addr[16])
{
	char is[FORMAT_IP_MAX + 1], wanted[INET6_ADDRSTRLEN];

	*(af == AF_INET ? format_ip4(is, addr) : format_ip6(is, addr)) = '\0';
	inet_ntop(af, addr, wanted, sizeof(wanted));
	if (strcmp(is, wanted) != 0)
		printf("# is %s, wanted %s\n", is, wanted);
	return strcmp(is, wanted) == 0;
}

/* Every way that the eight groups can be zero or not, with groups of each width. */
TEST(addresses_are_those_of_inet_ntop)
{
	for (unsigned zeros = 0; zeros < 256; zeros++) {
		for (int round = 0; round < 100; round++) {
			uint8_t addr[16] = { 0 };

			for (int i = 0; i < 8; i++) {
				uint16_t v = (any() | 1) & (0xffff >> any() % 4 * 4);

				if (zeros >> i & 1)
					continue;
				addr[2 * i] = v >> 8;
				addr[2 * i + 1] = v;
			}
			CHECK(is_address(AF_INET6, addr));
			CHECK(is_address(AF_INET, addr));
		}
	}
}

TEST(addresses_that_hold_ipv4_are_those_of_inet_ntop)
{
	static const char *const rows[] = { "::", "::1", "::ffff:192.0.2.1", "::192.0.2.1", "::ffff:0:1",
					    "64:ff9b::192.0.2.1", "::1:0:0", "fe80::", "1:0:0:2::" };
	uint8_t addr[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK(inet_pton(AF_INET6, rows[i], addr) == 1 && is_address(AF_INET6, addr));
}

static bool is_time(uint64_t ns)
{
	char is[CLOCK_RFC3339_LEN], wanted[CLOCK_RFC3339_LEN + 16];
	time_t s = ns / NSEC_PER_SEC;
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(wanted + n, sizeof(wanted) - n, ".%06uZ", (unsigned)(ns % NSEC_PER_SEC / 1000));
	if (strcmp(clock_rfc3339(ns, is), wanted) != 0)
		printf("# is %s, wanted %s\n", is, wanted);
	return strcmp(is, wanted) == 0;
}

/* The first and last instant of every day that 64 bits of nanoseconds hold: until 2554. */
TEST(times_are_those_of_gmtime)
{
	const uint64_t day = 86400 * NSEC_PER_SEC;

	for (uint64_t t = 0; t < UINT64_MAX - day; t += day)
		CHECK(is_time(t) && is_time(t + day - 1));
	for (int i = 0; i < 100000; i++)
		CHECK(is_time(any()));
	CHECK(is_time(UINT64_MAX));
}
