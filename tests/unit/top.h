/* SPDX-License-Identifier: Apache-2.0 */
/* Readings without a kernel: flows of a follow that tests fill in themselves. */
#ifndef FLOWCTL_TESTS_TOP_H
#define FLOWCTL_TESTS_TOP_H

#include "base/clock.h"
#include "flows.h"
#include "top/rows.h"

#define BEGIN_NS (1000 * NSEC_PER_SEC)
#define MAX_FLOWS 4096

struct reading {
	struct follow follow;
	struct follow_flow flows[MAX_FLOWS];
	uint32_t changed[MAX_FLOWS];
	struct top_iface ifaces[3];	/* eth0 (1), eth1 (2), lo (9), metered both ways */
	struct top_place place;
};

static inline void reading_init(struct reading *r)
{
	*r = (struct reading) {
		.follow = { .reading = 1 },
		.ifaces = {
			{ .ifindex = 1, .name = "eth0", .metered = { true, true } },
			{ .ifindex = 2, .name = "eth1", .metered = { true, true } },
			{ .ifindex = 9, .name = "lo", .loopback = true, .metered = { true, true } },
		},
	};
	r->follow.flows = r->flows;
	r->follow.changed = r->changed;
	r->place = (struct top_place) {
		.netns = "blue", .ifaces = r->ifaces, .n_ifaces = 3, .follow = &r->follow,
	};
}

/* The next one: nothing has changed in it yet. */
static inline void reading_next(struct reading *r)
{
	r->follow.reading++;
	r->follow.n_changed = 0;
}

/* Packets of flow @number. */
static inline void reading_count(struct reading *r, uint32_t number, uint64_t packets, uint64_t bytes)
{
	struct follow_flow *f = &r->flows[number];

	if (f->reading != r->follow.reading) {
		f->reading = r->follow.reading;
		f->new_packets = f->new_bytes = 0;
		r->changed[r->follow.n_changed++] = number;
	}
	f->packets += packets;
	f->bytes += bytes;
	f->new_packets += packets;
	f->new_bytes += bytes;
	f->last_ns += NSEC_PER_MSEC;
}

/* A new flow, with its first packets. Its number. */
static inline uint32_t reading_flow(struct reading *r, struct record rec, uint64_t packets, uint64_t bytes)
{
	uint32_t number = r->follow.n++;

	r->flows[number] = (struct follow_flow) {
		.key = rec.key, .first_ns = BEGIN_NS + number, .last_ns = BEGIN_NS + number,
		.owner = { FOLLOW_NONE, FOLLOW_NONE }, .reading = r->follow.reading - 1,
	};
	reading_count(r, number, packets, bytes);
	return number;
}

#endif
