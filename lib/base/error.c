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

#include "base/text.h"

static _Thread_local struct error_kept error_;

static void set_sentence(enum error_class class, const char *fmt, va_list ap)
{
	/* Shorter than the message, so that a long argument leaves room for reason and context. */
	char text[sizeof(error_.message) / 2];

	/* Formatted aside: an argument may be error_message() itself. */
	vsnprintf(text, sizeof(text), fmt, ap);
	memcpy(error_.message, text_printable(text), sizeof(text));
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
	size_t len = strlen(error_.message), room = sizeof(error_.message) - 1 - len, n;
	char text[256], context[sizeof(text) + 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = snprintf(context, sizeof(context), "%s%s", text_printable(text), len ? ": " : "");
	/* Where both are too long the context is cut: the sentence ends with the reason. */
	n = n < room ? n : room;
	memmove(error_.message + n, error_.message, len + 1);
	memcpy(error_.message, context, n);
	return err;
}

void error_hint(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error_.hint, sizeof(error_.hint), fmt, ap);
	va_end(ap);
	text_printable(error_.hint);
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

void error_keep(struct error_kept *ret)
{
	*ret = error_;
}

void error_restore(const struct error_kept *kept)
{
	error_ = *kept;
}
