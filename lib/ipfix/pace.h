/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a collector is sent to. What counts is what a datagram takes of its socket's
 * receive buffer, and how many it is sent before it had time to read.
 */
#ifndef FLOWCTL_IPFIX_PACE_H
#define FLOWCTL_IPFIX_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No rate was asked for: a usual one, that rises under a load that lasts. */
#define PACE_AUTO UINT64_MAX
/* Of a receive buffer no more is filled at once: a quarter of Linux's default, 212,992 bytes. */
#define PACE_BURST 53248

struct pace {
	uint64_t rate;		/* bytes of buffer a second; 0 = as fast as can be */
	bool rises;
	int64_t level;		/* of PACE_BURST, what may be sent now; below 0 when overrun */
	uint64_t at_ns;		/* CLOCK_BOOTTIME when that was so */
	uint64_t idle_ns;	/* ... when somebody last asked, and had not had to wait */
	uint64_t hurry_ns;	/* ... until which the rate does not fall */
	bool rests;		/* until all may be sent again */
};

/* @bytes_per_s: of messages; 0 = no limit; PACE_AUTO. */
void pace_init(struct pace *p, uint64_t bytes_per_s);
/* What a datagram of @len bytes takes of a receive buffer, as Linux counts (truesize). */
size_t pace_cost(size_t len);
/*
 * ns until a batch may be begun, 0 = now. One that may cost up to @batch is let begin when
 * all of it, or half a burst, may be sent. Once nothing may, all must before it goes on:
 * few long sleeps. @now_ns: CLOCK_BOOTTIME.
 */
uint64_t pace_wait_ns(struct pace *p, size_t batch, uint64_t now_ns);
/* Let the usual rate rise from now on, as if somebody had waited long. */
void pace_hurry(struct pace *p, uint64_t now_ns);
/* What the batch begun now may cost, as pace_wait_ns() found it. One that did not wait: any. */
#define PACE_NO_LIMIT SIZE_MAX
size_t pace_budget(const struct pace *p);
/* A datagram of @len bytes was sent. */
void pace_spend(struct pace *p, size_t len);

#endif
