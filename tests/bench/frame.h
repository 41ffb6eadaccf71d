/* SPDX-License-Identifier: Apache-2.0 */
/* The frames that are measured with, and the flows that they are spread over. */
#ifndef FLOWCTL_BENCH_FRAME_H
#define FLOWCTL_BENCH_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "mutate.h"

struct frame {
	const char *name;
	uint8_t family;		/* 4 or 6 */
	uint8_t proto;		/* IP protocol number */
	uint16_t vlan;		/* id of a tag in the frame, 0 = none */
	bool times;		/* TCP: with time stamps, as most connections have */
	bool talk;		/* of TCP/IPv4 with these: connections that go on (mutate.bpf.c) */

	/* Filled in by frame_build(). */
	uint8_t data[128];
	uint32_t len;
	uint32_t addr, port;	/* offsets of what the flows differ in; port 0: has none */
};

/* Ethernet and all, 60 bytes or what the headers and 6 bytes of payload take. */
void frame_build(struct frame *f);

enum order {
	ORDER_SEQUENTIAL,	/* flow 0, 1, 2, ... */
	ORDER_UNIFORM,		/* any, with the same probability */
	ORDER_ZIPF,		/* the r-th most frequent with probability ~ 1/r */
};

/* Fill @steps (STEPS of them) with packets of @flows flows of @f. The same at every call. */
void order_fill(struct step *steps, const struct frame *f, uint32_t flows, enum order order);

#endif
