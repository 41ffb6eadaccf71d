/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon tells on stderr, one line each, with a syslog priority prefix (<4>) when
 * stderr is the journal ($JOURNAL_STREAM). Only lib/agent and cmd/ use it.
 */
#ifndef FLOWCTL_BASE_LOG_H
#define FLOWCTL_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Default LOG_LEVEL_INFO; -q lowers, -v raises. */
void log_set_level(enum log_level level);
enum log_level log_level(void);
/* "flowctl agent: ..." */
void log_set_name(const char *name);

/* A line on standard error, without its newline in @fmt; for agents and commands only. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
