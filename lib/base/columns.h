/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables whose columns are rows: which of them are shown (--columns A,B,...), what each means
 * (--columns help), and how they look to a person or to a script.
 */
#ifndef FLOWCTL_BASE_COLUMNS_H
#define FLOWCTL_BASE_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

enum column_flags {
	COLUMN_OCTETS = 1,	/* a number of octets: 11.45 KiB where that is asked for */
	COLUMN_RIGHT = 2,	/* to the right in a pipe, too; numbers are on every terminal */
	COLUMN_MORE = 4,	/* shown when it is asked for only */
	COLUMN_NUMERIC = 8,	/* its texts are numbers, too: -3, 5.4, 1.02M */
};

#define COLUMN_TEXT_MAX 288
struct column_cell {
	enum { CELL_NONE, CELL_NUMBER, CELL_TEXT } kind;	/* NONE is shown as "-" */
	uint64_t number;
	char text[COLUMN_TEXT_MAX];
};

struct column {
	const char *key;	/* as --columns knows it */
	const char *head;	/* NULL: the key in capitals */
	const char *help;	/* what it means, one line */
	unsigned flags;		/* enum column_flags */
	/* Writes *ret, or leaves it CELL_NONE. */
	void (*cell)(const struct column *c, const void *row, struct column_cell *ret);
	const void *arg;	/* cell()'s own */
};

/* cell_NAME(), which runs @body_ on a row, a struct @type_ that is called @row_ there. */
#define COLUMN_CELL(name_, type_, row_, body_)                                                  \
	static void cell_##name_(const struct column *c, const void *row, struct column_cell *ret) \
	{                                                                                       \
		const struct type_ *row_ = row;                                                 \
                                                                                                \
		body_;                                                                          \
	}

#define COLUMNS_MAX 160
/* Some of them, in an order. */
struct columns {
	const struct column *v[COLUMNS_MAX];
	size_t n;
};

/* How a table is to look. All false: for scripts, the same bytes wherever it goes. */
struct columns_style {
	bool aligned;		/* numbers to the right, as on a terminal */
	bool color;		/* bold heads, dim nothings */
	bool human;		/* octets as sizes */
};

/* Decimal; a size where the style is human and the column is of octets. */
void column_number(struct column_cell *cell, uint64_t v);
/* "" is shown as "-". What is too long is cut. */
void column_text(struct column_cell *cell, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Those of @list, "a,b,c"; NULL: all but COLUMN_MORE. fail_usage() with a near miss as a hint. */
int columns_pick(const struct column *all, size_t n, const char *list, struct columns *ret);
/* And those of @list, "a,b,c", behind those that @c has. */
int columns_append(const struct column *all, size_t n, const char *list, struct columns *c);
/* Every key and what it means, as text. 0 or -ENOMEM. */
int columns_help(const struct column *all, size_t n, struct strbuf *out);
bool columns_wants_help(const char *list);
/* The sentence on a key that is none. Returns -EINVAL. */
int columns_unknown(const struct column *all, size_t n, const char *option, const char *key);
/* @n_rows rows of @row_size bytes as a table. 0 or -ENOMEM. */
int columns_print(const struct columns *columns, const void *rows, size_t n_rows, size_t row_size,
		  const struct columns_style *style, struct strbuf *out);

#endif
