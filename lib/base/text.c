// SPDX-License-Identifier: Apache-2.0
/* See text.h. Widths are counted in characters, not bytes. */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct text_table {
	size_t n_columns, n_cells, cap;
	bool *right;
	char **cells;		/* the heads first */
	bool failed, color;
};

char *text_printable(char *s)
{
	for (char *p = s; *p; p++) {
		if ((*p > 0 && *p < ' ') || *p == 0x7f)
			*p = '?';
	}
	return s;
}

static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void add_cell(struct text_table *t, char *text)
{
	if (t->n_cells == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		char **p = reallocarray(t->cells, cap, sizeof(*p));

		if (!p) {
			free(text);
			t->failed = true;
			return;
		}
		t->cells = p;
		t->cap = cap;
	}
	if (!text)
		t->failed = true;
	else
		t->cells[t->n_cells++] = text;
}

int text_table_new(const char *const *columns, const bool *right, struct text_table **ret)
{
	struct text_table *t = calloc(1, sizeof(*t));

	if (!t)
		return fail(-ENOMEM, "cannot make a table");
	for (; columns[t->n_columns]; t->n_columns++)
		add_cell(t, strdup(columns[t->n_columns]));
	t->right = calloc(t->n_columns, sizeof(*t->right));
	if (!t->right || t->failed) {
		text_table_free(t);
		return fail(-ENOMEM, "cannot make a table");
	}
	if (right)
		memcpy(t->right, right, t->n_columns * sizeof(*right));
	*ret = t;
	return 0;
}

void text_table_free(struct text_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->right);
	free(t);
}

void text_table_cell(struct text_table *t, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	add_cell(t, text ? text_printable(text) : NULL);
}

void text_table_right(struct text_table *t, size_t i)
{
	t->right[i] = true;
}

void text_table_color(struct text_table *t, bool on)
{
	t->color = on;
}

static void print_cell(const struct text_table *t, char **cell, struct strbuf *out)
{
	bool head = cell < t->cells + t->n_columns;
	bool nothing = strcmp(*cell, "0") == 0 || strcmp(*cell, "-") == 0;

	if (t->color && (head || nothing))
		strbuf_printf(out, "\033[%dm%s\033[0m", head ? 1 : 2, *cell);
	else
		strbuf_puts(out, *cell);
}

static void print_row(const struct text_table *t, const size_t *widths, char **row,
		      struct strbuf *out)
{
	size_t start = out->len;

	for (size_t c = 0; c < t->n_columns; c++) {
		size_t pad = widths[c] - width(row[c]);
		bool last = c + 1 == t->n_columns;

		if (t->right[c])
			strbuf_printf(out, "%*s", (int)pad, "");
		print_cell(t, &row[c], out);
		if (!last)
			strbuf_printf(out, "%*s", (int)(t->right[c] ? 2 : pad + 2), "");
	}
	/* Behind the last cell that says something. */
	while (!out->failed && out->len > start && out->data[out->len - 1] == ' ')
		out->len--;
	strbuf_putc(out, '\n');
}

int text_table_print(const struct text_table *t, struct strbuf *out)
{
	size_t *widths = calloc(t->n_columns, sizeof(*widths));

	if (t->failed || !widths) {
		free(widths);
		return fail(-ENOMEM, "cannot print a table");
	}
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t w = width(t->cells[i]);

		if (w > widths[i % t->n_columns])
			widths[i % t->n_columns] = w;
	}
	for (size_t i = 0; t->n_columns && i + t->n_columns <= t->n_cells; i += t->n_columns)
		print_row(t, widths, &t->cells[i], out);
	free(widths);
	return 0;
}
