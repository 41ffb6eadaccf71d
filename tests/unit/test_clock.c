// SPDX-License-Identifier: Apache-2.0
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "test.h"

/* Wanted: `date -u -d @SECONDS +%FT%T`. */
TEST(times_are_printed_as_rfc_3339_with_six_digits)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ 999, "1970-01-01T00:00:00.000000Z" },
		{ 1000, "1970-01-01T00:00:00.000001Z" },
		{ UINT64_C(951782399999999999), "2000-02-28T23:59:59.999999Z" },
		{ UINT64_C(951782400000000000), "2000-02-29T00:00:00.000000Z" },
		{ UINT64_C(1795233357123456789), "2026-11-21T03:55:57.123456Z" },
		{ UINT64_C(4107542399500000000), "2100-02-28T23:59:59.500000Z" },
		{ UINT64_C(4294967296000000000), "2106-02-07T06:28:16.000000Z" },
	};
	char buf[CLOCK_RFC3339_LEN];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_STR(clock_rfc3339(rows[i].ns, buf), rows[i].text);
}

TEST(the_time_zone_of_the_user_changes_nothing)
{
	char buf[CLOCK_RFC3339_LEN];

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	CHECK_STR(clock_rfc3339(0, buf), "1970-01-01T00:00:00.000000Z");
	unsetenv("TZ");
	tzset();
}

TEST(the_greatest_time_still_fits_the_buffer)
{
	char buf[CLOCK_RFC3339_LEN];

	CHECK_STR(clock_rfc3339(UINT64_MAX, buf), "2554-07-21T23:34:33.709551Z");
}

TEST(boot_time_and_offset_give_the_wall_clock)
{
	int64_t offset = clock_real_offset_ns();
	uint64_t before = clock_real_ns(), boot = clock_boot_ns(), after = clock_real_ns();
	uint64_t made = boot + offset;

	/* A millisecond for being preempted while the offset was measured. */
	CHECK(made + NSEC_PER_MSEC >= before);
	CHECK(made <= after + NSEC_PER_MSEC);
}

TEST(boot_time_never_goes_back)
{
	uint64_t last = clock_boot_ns();

	for (int i = 0; i < 10000; i++) {
		uint64_t now = clock_boot_ns();

		CHECK(now >= last);
		last = now;
	}
}

TEST(the_tick_is_one_that_kernels_are_built_with)
{
	uint64_t tick = clock_tick_ns();

	/* CONFIG_HZ is 100, 250, 300 or 1000. */
	CHECK(tick == 10000000 || tick == 4000000 || tick == 3333333 || tick == 1000000);
	CHECK(clock_tick_ns() == tick);
}
