/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard output of a command that must never wait for whoever reads it: what does not go at
 * once is kept, and asked for again. A reader that has stopped does not stop the signals.
 */
#ifndef FLOWCTL_CMD_OUTLET_H
#define FLOWCTL_CMD_OUTLET_H

#include "base/strbuf.h"

/* All zero: nothing was written yet. */
struct outlet {
	struct strbuf pending;		/* to be added to */
	size_t done;			/* of it is written */
};

/* Write what goes without waiting, or within @timeout_ms without any progress. 0, -EPIPE (the
 * reader is gone, also when there is nothing to write), or fail(). */
int outlet_push(struct outlet *o, int timeout_ms);
/* Bytes kept. */
size_t outlet_waiting(const struct outlet *o);
void outlet_deinit(struct outlet *o);

#endif
