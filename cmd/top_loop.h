/* SPDX-License-Identifier: Apache-2.0 */
/* What goes round while `flowctl top` runs; top.c makes it and takes it apart. */
#ifndef FLOWCTL_CMD_TOP_LOOP_H
#define FLOWCTL_CMD_TOP_LOOP_H

#include "base/opt.h"
#include "outlet.h"
#include "style.h"
#include "top/screen.h"
#include "top/view.h"
#include "top_source.h"

struct top_args {
	struct opt_strs names, interfaces;
	const char *netns;
	bool batch, connections, has_interval;
	uint64_t interval_ns, count, limit;
	int by;
	const char *sort, *filter;
	bool resolve;
	struct style_args style;
};

struct top {
	const struct top_args *args;
	struct loop *loop;
	struct top_source source[OPT_STRS_MAX + 1];
	struct top_place place[OPT_STRS_MAX + 1];
	size_t n;
	struct top_rows rows;
	struct top_words words;
	struct top_order order;
	enum top_by by;
	struct top_gauge gauge;
	struct top_screen screen;
	struct view *view;		/* NULL: plain list */
	struct columns columns;		/* of the plain list */
	struct columns_style style;
	struct outlet out;
	struct hostnames *names;	/* NULL: nobody asked for any yet */
	uint64_t interval_ns;
	/* private to top_loop.c */
	uint64_t shown;
	uint64_t gathered_ns, checked_ns;	/* CLOCK_BOOTTIME of the last time */
	int chore;			/* the timer's id */
	bool hurries;
};

/* The loop, which ends by a signal. 0 or fail(). */
int top_loop_new(struct top *t);
/*
 * Read for the first time, and let timers, and on the full screen keys, do the rest. The sources
 * stand open, the arguments are judged and the view is open, if there is one. 0 or fail().
 */
int top_loop_begin(struct top *t);

#endif
