// SPDX-License-Identifier: Apache-2.0
/* See strbuf.h. Grows by doubling; always keeps room for the final 0. */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"

void strbuf_deinit(struct strbuf *b)
{
	free(b->data);
	*b = (struct strbuf) STRBUF_NULL;
}

void strbuf_reset(struct strbuf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

static bool grow(struct strbuf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 256;
	char *p;

	if (b->failed || more > PTRDIFF_MAX / 2 - b->len) {
		b->failed = true;
		return false;
	}
	while (cap < b->len + more + 1)
		cap *= 2;
	p = realloc(b->data, cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->data = p;
	b->cap = cap;
	return true;
}

/* For @more bytes and the 0 behind them. */
static inline bool make_room(struct strbuf *b, size_t more)
{
	return (!b->failed && more < b->cap - b->len) || grow(b, more);
}

void strbuf_add(struct strbuf *b, const void *data, size_t len)
{
	if (!len || !make_room(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void strbuf_puts(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_putc(struct strbuf *b, char c)
{
	if (!make_room(b, 1))
		return;
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}

void strbuf_u64(struct strbuf *b, uint64_t v)
{
	char digits[FORMAT_U64_MAX];

	strbuf_add(b, digits, format_u64(digits, v) - digits);
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
	} else if (make_room(b, n)) {
		vsnprintf(b->data + b->len, n + 1, fmt, again);
		b->len += n;
	}
	va_end(again);
}

const char *strbuf_str(const struct strbuf *b)
{
	return b->data ? b->data : "";
}
