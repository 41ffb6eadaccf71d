// SPDX-License-Identifier: Apache-2.0
/* See clock.h. The tick is the resolution of the coarse clocks (KTIME_LOW_RES, kernel/time). */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

uint64_t clock_real_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

void clock_sleep_ns(uint64_t ns)
{
	struct timespec t = { .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };

	nanosleep(&t, NULL);
}

uint64_t clock_tick_ns(void)
{
	static uint64_t tick;
	struct timespec ts;

	if (!tick) {
		clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
		tick = ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
	}
	return tick;
}

int64_t clock_real_offset_ns(void)
{
	uint64_t narrowest = UINT64_MAX;
	int64_t offset = 0;

	for (int i = 0; i < 5; i++) {
		uint64_t before = clock_boot_ns();
		uint64_t real = clock_real_ns();
		uint64_t after = clock_boot_ns();

		if (after - before >= narrowest)
			continue;
		narrowest = after - before;
		offset = (int64_t)(real - (before + narrowest / 2));
	}
	return offset;
}

const char *clock_rfc3339(uint64_t real_ns, char buf[CLOCK_RFC3339_LEN])
{
	time_t s = real_ns / NSEC_PER_SEC;
	unsigned us = real_ns % NSEC_PER_SEC / NSEC_PER_USEC;
	struct tm tm;

	gmtime_r(&s, &tm);
	snprintf(buf, CLOCK_RFC3339_LEN, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
		 (unsigned)(tm.tm_year + 1900) % 10000, tm.tm_mon + 1u, (unsigned)tm.tm_mday,
		 (unsigned)tm.tm_hour, (unsigned)tm.tm_min, (unsigned)tm.tm_sec, us);
	return buf;
}
