/* SPDX-License-Identifier: Apache-2.0 */
/* The file, or standard output, that log lines are appended to. */
#ifndef FLOWCTL_SINK_LOG_FILE_H
#define FLOWCTL_SINK_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct log_file {
	char *path;		/* NULL = standard output */
	int fd;
	bool cut;		/* the file ends within a line of ours */
};

/* @name: a path or "stdout". fail() when it cannot be opened. */
int log_file_init(struct log_file *f, const char *name);
void log_file_deinit(struct log_file *f);
/* Open the path anew; when that fails, fail(), the old file stays in use. */
int log_file_reopen(struct log_file *f);
/*
 * Append @len bytes of whole lines; *ret_done of them got there, whatever is returned. A reader
 * of standard output that is slow is waited for a second if @patient, else not at all.
 */
int log_file_write(struct log_file *f, const char *lines, size_t len, bool patient, size_t *ret_done);

#endif
