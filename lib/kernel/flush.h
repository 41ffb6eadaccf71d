/* SPDX-License-Identifier: Apache-2.0 */
/* Dropping flows: they count as flushed in the ledger, and no agent exports them any more. */
#ifndef FLOWCTL_KERNEL_FLUSH_H
#define FLOWCTL_KERNEL_FLUSH_H

#include <stdint.h>

#include "flow/filter.h"

/* Drop the flows that match @f (an empty filter: all), in @netns or (NULL) everywhere. */
int flush_flows(const char *netns, const struct filter *f, uint64_t *ret_n);

#endif
