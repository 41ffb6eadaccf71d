/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One hook of a log: a program that is given a JSON array of records on its standard input and
 * answers with one on its standard output, and one run of it. A run has a folder of its own
 * (working directory, $HOME and $TMPDIR), no descriptors but 0 to 2, no signals blocked or
 * ignored, and a process group of its own, which is killed as a whole when the run is over.
 */
#ifndef FLOWCTL_SINK_HOOK_H
#define FLOWCTL_SINK_HOOK_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "sink/hook_dir.h"
#include "sink/log.h"

/* What a hook may print in one run, bytes. */
#define HOOK_OUTPUT_MAX (16 * 1024 * 1024)

struct hook {
	char *name;		/* for messages: one line, short, printable */
	char **argv;
	uint64_t timeout_ns;
};

/* Why a run was in vain. */
enum hook_fault {
	HOOK_OK,
	HOOK_NOT_STARTED,
	HOOK_TIMEOUT,
	HOOK_EXIT,
	HOOK_SIGNAL,
	HOOK_RUBBISH,
	HOOK_TOO_MUCH,
	HOOK_STOPPED,		/* by its limit, before its own time was over */
	HOOK_SLOW,		/* none of one run: more comes than goes */
};

/* What may end a run early. Both may change while it runs. */
struct hook_limit {
	int wake_fd;			/* readable: *deadline_ns was set. Borrowed */
	const uint64_t *deadline_ns;	/* CLOCK_BOOTTIME, 0 = none; read atomically */
};

#define HOOK_WHY_MAX 128

/* @config is copied; a script is put into @d, as hook@number. fail_usage() when the command has
 * an open quote or is empty. hook_deinit() in any case. */
int hook_init(struct hook *h, const struct log_hook *config, const struct hook_dir *d, size_t number);
void hook_deinit(struct hook *h);
/*
 * Run it once with @in, lines of one JSON object each; what it answers with is appended to @out
 * in the same form. *ret_n: objects in it. Otherwise @why says, as a sentence without its
 * subject, what it did wrong, and *ret_n is 0. The calling thread has SIGPIPE blocked or ignored.
 */
enum hook_fault hook_run(const struct hook *h, const struct hook_dir *d,
			 const struct hook_limit *limit, const struct strbuf *in,
			 struct strbuf *out, uint64_t *ret_n, char why[HOOK_WHY_MAX]);

#endif
