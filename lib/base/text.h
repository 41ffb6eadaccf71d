/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of text: columns as wide as their widest cell, two spaces between, none at the end. */
#ifndef FLOWCTL_BASE_TEXT_H
#define FLOWCTL_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct text_table;

/* @columns: NULL-terminated heads (copied). All cells left-aligned but those of @right[i] true (NULL: none). */
int text_table_new(const char *const *columns, const bool *right, struct text_table **ret);
void text_table_free(struct text_table *t);
/* The next cell, row after row; copied. Allocation failure shows in text_table_print(). */
void text_table_cell(struct text_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Head and rows into @out. Returns 0 or -ENOMEM. */
int text_table_print(const struct text_table *t, struct strbuf *out);

#endif
