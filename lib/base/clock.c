// SPDX-License-Identifier: Apache-2.0
/* See clock.h. The tick is the resolution of the coarse clocks (KTIME_LOW_RES, kernel/time). */
#include "base/clock.h"

#include <time.h>

#include "base/format.h"

#define DAY_S 86400

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

static uint64_t tick_ns;

uint64_t clock_tick_ns(void)
{
	struct timespec ts;

	if (!tick_ns) {
		clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
		tick_ns = ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
	}
	return tick_ns;
}

void clock_set_tick_ns(uint64_t ns)
{
	tick_ns = ns;
}

/* What @clock shows when @base shows 0. */
static int64_t offset_ns(clockid_t clock, clockid_t base)
{
	uint64_t narrowest = UINT64_MAX;
	int64_t offset = 0;

	for (int i = 0; i < 5; i++) {
		uint64_t before = read_ns(base);
		uint64_t now = read_ns(clock);
		uint64_t after = read_ns(base);

		if (after - before >= narrowest)
			continue;
		narrowest = after - before;
		offset = (int64_t)(now - (before + narrowest / 2));
	}
	return offset;
}

int64_t clock_real_offset_ns(void)
{
	return offset_ns(CLOCK_REALTIME, CLOCK_BOOTTIME);
}

int64_t clock_boot_offset_ns(void)
{
	return offset_ns(CLOCK_BOOTTIME, CLOCK_MONOTONIC);
}

struct date {
	unsigned year, month, day;
};

/*
 * Of the proleptic Gregorian calendar, UTC. Years begin in March here, so that the day that
 * some of them have more is their last; 400 of them have 146,097 days.
 */
static struct date date_of(uint64_t days_since_1970)
{
	uint64_t days = days_since_1970 + 719468;	/* since 0000-03-01 */
	unsigned era = days / 146097, day = days % 146097;
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned of_year = day - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153;	/* 0 = March */

	return (struct date) {
		.year = era * 400 + year + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = of_year - (153 * month + 2) / 5 + 1,
	};
}

static char *put_2(char *to, unsigned v, char behind)
{
	to = format_2(to, v);
	*to++ = behind;
	return to;
}

const char *clock_rfc3339(uint64_t real_ns, char buf[CLOCK_RFC3339_LEN])
{
	uint64_t s = real_ns / NSEC_PER_SEC;
	unsigned us = real_ns % NSEC_PER_SEC / NSEC_PER_USEC;
	unsigned day_s = s % DAY_S;
	struct date d = date_of(s / DAY_S);
	char *p = format_2(buf, d.year / 100);

	p = put_2(p, d.year % 100, '-');
	p = put_2(p, d.month, '-');
	p = put_2(p, d.day, 'T');
	p = put_2(p, day_s / 3600, ':');
	p = put_2(p, day_s / 60 % 60, ':');
	p = put_2(p, day_s % 60, '.');
	p = format_2(p, us / 10000);
	p = format_2(p, us / 100 % 100);
	p = put_2(p, us % 100, 'Z');
	*p = '\0';
	return buf;
}
