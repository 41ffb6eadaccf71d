/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the packets that measure forwarding latency, and what their histogram says. */
#ifndef FLOWCTL_FLOW_FORWARDED_H
#define FLOWCTL_FLOW_FORWARDED_H

#include <stdint.h>

#include "abi_forward.h"

/* "noted", "measured", ...: JSON keys, and labels of metrics; NULL for what is none. */
const char *forwarded_result_name(enum forward_result result);

/*
 * Packets that were chosen at egress and could not be measured there, but for FORWARD_BUSY, which
 * may have been at ingress.
 */
uint64_t forwarded_missed(const struct forward_stats *stats);

/* *@sum grows by @l. */
void forwarded_add(struct forward_latency *sum, const struct forward_latency *l);
uint64_t forwarded_count(const struct forward_latency *l);
/* The mean, in nanoseconds; 0 where nothing was measured. */
uint64_t forwarded_mean_ns(const struct forward_latency *l);
/*
 * What @permille of the packets took at most, in nanoseconds: the upper bound of its bucket, so up
 * to twice what it was (512 where it was less). 0 where nothing was measured.
 */
uint64_t forwarded_quantile_ns(const struct forward_latency *l, unsigned permille);

#endif
