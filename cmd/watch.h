/* SPDX-License-Identifier: Apache-2.0 */
/* A report that is printed again and again: in place on a terminal, one behind the other else. */
#ifndef FLOWCTL_CMD_WATCH_H
#define FLOWCTL_CMD_WATCH_H

#include <stdio.h>

#include "base/clock.h"
#include "base/opt.h"

struct watch_args {
	bool on;
	uint64_t interval_ns;		/* 0 = a second */
	uint64_t times;			/* 0 = until it is stopped */
};

/* Rows for a command whose argument struct @args_ has a member `watch`. */
#define WATCH_OPTS(args_)                                                                       \
	OPT(DURATION, args_, watch.interval_ns, .name = "watch", .letter = 'w',                 \
	    .arg = "INTERVAL", .optional = true, .help = "again every INTERVAL (1s)",           \
	    OPT_GIVEN(args_, watch.on)),                                                        \
	OPT(U64, args_, watch.times, .name = "times", .arg = "N", .min = 1,                     \
	    .help = "with --watch: N times, then end")

/*
 * Call @fn, which prints to @out, once, or as @args say until SIGINT or SIGTERM comes. What @fn
 * returns below 0 ends it, and is returned; -EPIPE when the reader is gone.
 */
int watch_run(const struct watch_args *args, int (*fn)(void *arg, FILE *out), void *arg);

#endif
