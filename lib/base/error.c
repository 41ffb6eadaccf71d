// SPDX-License-Identifier: Apache-2.0
/*
 * One sentence a thread, written by whoever discovers a failure. It lives in a fixed
 * buffer, so that running out of memory can be told too.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct {
	char message[1024];
	char hint[256];
	enum error_class class;
} error_;

static void set_sentence(enum error_class class, const char *fmt, va_list ap)
{
	char text[sizeof(error_.message)];

	/* Formatted aside: an argument may be error_message() itself. */
	vsnprintf(text, sizeof(text), fmt, ap);
	memcpy(error_.message, text, sizeof(text));
	error_.class = class;
}

int fail(int err, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	set_sentence(ERROR_FAILED, fmt, ap);
	va_end(ap);
	len = strlen(error_.message);
	snprintf(error_.message + len, sizeof(error_.message) - len, ": %s", strerror(-err));
	return err;
}

int fail_plain(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_sentence(ERROR_FAILED, fmt, ap);
	va_end(ap);
	return err;
}

int fail_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_sentence(ERROR_USAGE, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int fail_system(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_sentence(ERROR_SYSTEM, fmt, ap);
	va_end(ap);
	return err;
}

int fail_context(int err, const char *fmt, ...)
{
	char context[256], sentence[sizeof(error_.message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	memcpy(sentence, error_.message, sizeof(sentence));
	snprintf(error_.message, sizeof(error_.message), "%s: %.*s", context,
		 (int)(sizeof(error_.message) - sizeof(context) - 3), sentence);
	return err;
}

void error_hint(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error_.hint, sizeof(error_.hint), fmt, ap);
	va_end(ap);
}

const char *error_message(void)
{
	return error_.message;
}

const char *error_hint_text(void)
{
	return error_.hint[0] ? error_.hint : NULL;
}

enum error_class error_exit_status(void)
{
	return error_.class ? error_.class : ERROR_FAILED;
}

void error_clear(void)
{
	memset(&error_, 0, sizeof(error_));
}
