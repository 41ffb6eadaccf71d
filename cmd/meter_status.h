/* SPDX-License-Identifier: Apache-2.0 */
/* meter status: what its two formats share. */
#ifndef FLOWCTL_CMD_METER_STATUS_H
#define FLOWCTL_CMD_METER_STATUS_H

#include "base/strbuf.h"
#include "kernel/meter.h"

/* "tcx", "tc" or "xdp". */
const char *meter_status_hook(const struct meter_status *s);
/* @v as one document. 0 or -ENOMEM. */
int meter_status_json(const struct meter_status *v, size_t n, struct strbuf *out);

#endif
