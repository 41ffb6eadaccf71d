/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a capture through the meter's own program, by BPF_PROG_TEST_RUN, into a table that
 * nobody else sees: nothing is attached, nothing pinned. The clock is the frames' own.
 */
#ifndef FLOWCTL_KERNEL_REPLAY_H
#define FLOWCTL_KERNEL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/record.h"
#include "flow/tunnel.h"
#include "kernel/table.h"

struct replay;

struct replay_options {
	uint32_t max_flows;		/* 0 = TABLE_MAX_FLOWS_DEFAULT; more go beside the table */
	bool tcp_metrics;
	struct tunnel_choice decap;
};

struct replay_frame {
	const uint8_t *data;		/* an Ethernet frame, or what was made one; borrowed */
	uint32_t captured;		/* octets there */
	uint32_t wire;			/* octets it had on the wire, >= captured */
	uint64_t time_ns;		/* since 1970 */
};

/* One at a time: the process has the replay's tick until replay_close(). 0 or fail(). */
int replay_open(const struct replay_options *options, struct replay **ret);
/* NULL is fine. */
void replay_close(struct replay *r);
/* Count @frame, in the order of the file: time may go back. 0 or fail(). */
int replay_frame(struct replay *r, const struct replay_frame *frame);
/*
 * All flows, in the order of their first packets; netns and iface are NULL, direction 0,
 * ifindex 0. No frame may follow. Valid until replay_close(); *ret is not to be freed. 0 or
 * fail().
 */
int replay_records(struct replay *r, struct record **ret, size_t *ret_n);
/* Where the frames went: sums over the capture. */
void replay_ledger(struct replay *r, struct ledger_count ret[LEDGER_REASONS]);
/* What became of packets in tunnels, by enum decap_result. */
void replay_decap(struct replay *r, uint64_t ret[DECAP_RESULTS]);
/* Frames more than 18 years from the first one: they have the nearest time the clock has. */
uint64_t replay_moved(const struct replay *r);

#endif
