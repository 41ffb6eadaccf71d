/* SPDX-License-Identifier: Apache-2.0 */
/* The `log` output: one JSON object a line, to a file (appended) or to stdout. */
#ifndef FLOWCTL_SINK_LOG_H
#define FLOWCTL_SINK_LOG_H

#include "sink/sink.h"

/* @file: a path or "stdout". fail() when it cannot be opened. */
int sink_log_new(const char *file, struct sink **ret);

#endif
