/* SPDX-License-Identifier: Apache-2.0 */
/* The `log` output: a line a record, to a file (appended) or to stdout, through hooks if asked. */
#ifndef FLOWCTL_SINK_LOG_H
#define FLOWCTL_SINK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink/sink.h"

/* A program that is given a JSON array of records and answers with one. */
struct log_hook {
	const char *name;	/* for messages */
	const char *command;	/* a program and its arguments, or NULL */
	const char *shell;	/* a line for /bin/sh -c, or NULL: one of the two is given */
	uint64_t timeout_ns;
};

struct log_config {
	const char *file;	/* a path or "stdout" */
	bool resolve;		/* with the keys of field_extra(): names of hosts */
	bool text;		/* src dst proto ... key=value, else JSON */
	const struct log_hook *hooks;	/* all of it is copied */
	size_t n_hooks;
};

/* fail() when the file cannot be opened; fail_usage() when a hook's command is none. */
int sink_log_new(const struct log_config *config, struct sink **ret);

/*
 * Hooks are run by a thread, so nothing here waits for them: close() leaves what they still hold
 * to that thread. Whoever has time calls these, each of which waits, at most for the timeouts
 * of all hooks of a log; then what is left is written without them.
 */
/* Before close(): until all that was put into @s is written; stats and trouble tell how. Of a
 * sink that is no log, nothing. */
void sink_log_drain(struct sink *s);
/* Before the process ends: until all is written that closed logs have left. */
void sink_log_settle(void);

#endif
