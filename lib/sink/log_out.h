/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the lines of a log come to an end, and what is counted there. Shared by the sink and
 * by the thread that runs its hooks, each of which may outlive the other.
 */
#ifndef FLOWCTL_SINK_LOG_OUT_H
#define FLOWCTL_SINK_LOG_OUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "sink/log_file.h"
#include "sink/sink.h"

struct log_out {
	int holders;			/* atomic */
	bool text;			/* the lines of hooks, which are JSON, become text */
	pthread_mutex_t file_lock;	/* held while writing */
	struct log_file file;
	pthread_mutex_t lock;		/* of all below; never held while writing */
	struct sink_stats stats;
	char trouble[192];		/* of writing, "" = none */
	char hook_trouble[192];
};

/* @file: a path or "stdout". fail() when it cannot be opened. One holder. */
int log_out_new(const char *file, bool text, struct log_out **ret);
struct log_out *log_out_hold(struct log_out *out);
void log_out_let_go(struct log_out *out);
int log_out_reopen(struct log_out *out);

/* Write lines as they are, of so many @records (allocation failure of @lines loses them). 0 or
 * what went wrong, which is counted. */
int log_out_write(struct log_out *out, const struct strbuf *lines, uint64_t records);
/* The same of lines of JSON objects, made text if that is wanted.
 * @unhooked: they did not go through the hooks that they should have gone through. */
int log_out_write_json(struct log_out *out, const struct strbuf *lines, uint64_t records,
		       bool unhooked);
/* What is wrong with the hooks now, "" = nothing. */
void log_out_hook_trouble(struct log_out *out, const char *trouble);
/* What is counted, and what is wrong, as of now. */
void log_out_look(struct log_out *out, struct sink *ret);

#endif
