/* SPDX-License-Identifier: Apache-2.0 */
/* A growing string. Allocation failure is remembered: check ->failed once, at the end. */
#ifndef FLOWCTL_BASE_STRBUF_H
#define FLOWCTL_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
	char *data;	/* always 0-terminated once anything was added; NULL before */
	size_t len;
	size_t cap;
	bool failed;
};

#define STRBUF_NULL { 0 }

void strbuf_deinit(struct strbuf *b);
void strbuf_reset(struct strbuf *b);	/* empty it, keep the memory */
void strbuf_add(struct strbuf *b, const void *data, size_t len);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_putc(struct strbuf *b, char c);
void strbuf_u64(struct strbuf *b, uint64_t v);		/* decimal */
void strbuf_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The string, "" when empty. */
const char *strbuf_str(const struct strbuf *b);

#endif
