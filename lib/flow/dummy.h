/* SPDX-License-Identifier: Apache-2.0 */
/* Records that nobody measured: traffic that looks like some, and is the same every time. */
#ifndef FLOWCTL_FLOW_DUMMY_H
#define FLOWCTL_FLOW_DUMMY_H

#include <stdint.h>

#include "flow/record.h"

/* So many flows are distinct. */
#define DUMMY_FLOWS_MAX (UINT64_C(1) << 32)

/*
 * Flow number @i, below DUMMY_FLOWS_MAX, ended at @now_ns (CLOCK_REALTIME). Everything but
 * its time depends on @i alone; no two have a key in common. @r: zeroed once, it may be used
 * again and again. The domain and what is borrowed are left as they are.
 */
void dummy_record(uint64_t i, uint64_t now_ns, struct record *r);

#endif
