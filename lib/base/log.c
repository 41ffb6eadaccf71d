// SPDX-License-Identifier: Apache-2.0
/* See log.h. One write a line, so that lines of several writers do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

static enum log_level level_ = LOG_LEVEL_INFO;
static const char *name_ = "flowctl";

void log_set_level(enum log_level level)
{
	level_ = level;
}

enum log_level log_level(void)
{
	return level_;
}

void log_set_name(const char *name)
{
	name_ = name;
}

/* The journal is named by device and inode, since the variable outlives a redirection. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[48];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(own, stream) == 0;
}

static void log_line(enum log_level level, const char *fmt, va_list ap)
{
	static const char *const priority[] = { "<3>", "<4>", "<6>", "<7>" };
	char text[1200], line[1400];
	int n;

	if (level > level_)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	n = snprintf(line, sizeof(line), "%s%s: %s\n",
		     stderr_is_journal() ? priority[level] : "", name_, text_printable(text));
	if (write(STDERR_FILENO, line, n) < 0)
		return;		/* nowhere to tell it */
}

#define DEFINE_LOG(name_, level_)                \
	void name_(const char *fmt, ...)         \
	{                                        \
		va_list ap;                      \
						 \
		va_start(ap, fmt);               \
		log_line(level_, fmt, ap);       \
		va_end(ap);                      \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
