/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. The kernel program stamps with CLOCK_BOOTTIME (nanoseconds) and jiffies; what
 * leaves the box is wall-clock time, by one offset measured now and again.
 */
#ifndef FLOWCTL_BASE_CLOCK_H
#define FLOWCTL_BASE_CLOCK_H

#include <stdint.h>

#define NSEC_PER_SEC UINT64_C(1000000000)
#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_USEC UINT64_C(1000)

/* CLOCK_BOOTTIME, in ns. */
uint64_t clock_boot_ns(void);
/* CLOCK_REALTIME, in ns since 1970. */
uint64_t clock_real_ns(void);
/* The kernel's tick, in ns (4,000,000 at HZ=250): the resolution of a flow's last packet. */
uint64_t clock_tick_ns(void);
/* @ns: the tick of this process from now on, for a replay, whose ticks are microseconds of the
 * capture. 0: the kernel's again. */
void clock_set_tick_ns(uint64_t ns);
/* Wait; a signal may end it early. */
void clock_sleep_ns(uint64_t ns);
/*
 * CLOCK_REALTIME - CLOCK_BOOTTIME in ns, the reading with the narrowest bracket of
 * several. Add it to a boot time. Measure it anew for every batch: NTP may step.
 */
int64_t clock_real_offset_ns(void);
/* CLOCK_BOOTTIME - CLOCK_MONOTONIC in ns, the same way: for how long the machine was asleep. */
int64_t clock_boot_offset_ns(void);

#define CLOCK_RFC3339_LEN 32
/* "2026-11-21T03:55:57.123456Z", always six digits. @real_ns: since 1970. Returns @buf. */
const char *clock_rfc3339(uint64_t real_ns, char buf[CLOCK_RFC3339_LEN]);

#endif
