/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of text: columns as wide as their widest cell, two spaces between, none at the end. */
#ifndef FLOWCTL_BASE_TEXT_H
#define FLOWCTL_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/*
 * Show control characters as '?', in place: a name may hold an escape sequence or a line's
 * end (Linux takes both for an interface), which a terminal must not obey. Returns @s.
 */
char *text_printable(char *s);

struct text_table;

/* @columns: NULL-terminated heads (copied). All cells left-aligned but those of @right[i] true
 * (NULL: none). */
int text_table_new(const char *const *columns, const bool *right, struct text_table **ret);
void text_table_free(struct text_table *t);
/* The next cell, row after row; copied, and made printable.
 * Allocation failure shows in text_table_print(). */
void text_table_cell(struct text_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* All cells of column @i to the right. */
void text_table_right(struct text_table *t, size_t i);
/* Bold heads, and cells that say "0" or "-" dim: escape sequences of a terminal. */
void text_table_color(struct text_table *t, bool on);
/* Head and rows into @out. Returns 0 or -ENOMEM. */
int text_table_print(const struct text_table *t, struct strbuf *out);

#endif
