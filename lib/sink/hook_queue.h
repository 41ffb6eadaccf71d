/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for the hooks of a log, and the thread that runs them. Nobody waits for it: what
 * finds the queue full is the caller's to write. What is put is written in that order, each
 * record once: through all hooks, or as it was put when one of them fails.
 */
#ifndef FLOWCTL_SINK_HOOK_QUEUE_H
#define FLOWCTL_SINK_HOOK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "sink/log.h"
#include "sink/log_out.h"

/* What may wait, and what is given to hooks at a time if so much waits, in bytes of JSON. */
#define HOOK_QUEUE_BYTES (32 * 1024 * 1024)
#define HOOK_BATCH_BYTES (1024 * 1024)

struct hook_queue;

/* All of @hooks is copied, @out held. fail() or, of a command that is none, fail_usage(). */
int hook_queue_new(const struct log_hook *hooks, size_t n_hooks, struct log_out *out,
		   struct hook_queue **ret);
/* Take @lines, JSON objects of @n records, and leave it empty. False: there is no room. */
bool hook_queue_put(struct hook_queue *q, struct strbuf *lines, uint64_t n);
/*
 * Wait until all is written. What has not come back when the timeouts of all hooks together are
 * over is written unhooked.
 */
void hook_queue_drain(struct hook_queue *q);
/* The queue ends by itself, as hook_queue_drain() says; hook_queue_settle() waits for it. */
void hook_queue_leave(struct hook_queue *q);
/* Wait for all that were left. */
void hook_queue_settle(void);

#endif
