// SPDX-License-Identifier: Apache-2.0
/*
 * See columns.h. A column that shows nothing but numbers goes to the right on a terminal; in a
 * pipe all goes to the left, so that what a script cuts out does not depend on who looks.
 */
#include "base/columns.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/format.h"
#include "base/parse.h"
#include "base/text.h"

DEFINE_CLEANUP(struct text_table, text_table_free)

#define HEAD_MAX 40

void column_number(struct column_cell *cell, uint64_t v)
{
	cell->kind = CELL_NUMBER;
	cell->number = v;
}

void column_text(struct column_cell *cell, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cell->text, sizeof(cell->text), fmt, ap);
	va_end(ap);
	cell->kind = CELL_TEXT;
}

bool columns_wants_help(const char *list)
{
	return list && strcmp(list, "help") == 0;
}

static const struct column *find(const struct column *all, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(all[i].key, key) == 0)
			return &all[i];
	}
	return NULL;
}

int columns_unknown(const struct column *all, size_t n, const char *option, const char *key)
{
	const char *names[COLUMNS_MAX + 1] = { 0 }, *near;

	for (size_t i = 0; i < n && i < COLUMNS_MAX; i++)
		names[i] = all[i].key;
	near = parse_nearest(key, names);
	if (near)
		error_hint("did you mean '%s'?", near);
	else
		error_hint("'--columns help' lists them");
	return fail_usage("%s: unknown key '%s'", option, key);
}

int columns_append(const struct column *all, size_t n, const char *list, struct columns *ret)
{
	_cleanup_(freep) char *copy = strdup(list);
	char *save = NULL;

	if (!copy)
		return fail(-ENOMEM, "cannot choose columns");
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		const struct column *c = find(all, n, w);

		if (!c)
			return columns_unknown(all, n, "--columns", w);
		if (ret->n == COLUMNS_MAX)
			return fail_usage("--columns: too many keys");
		ret->v[ret->n++] = c;
	}
	return ret->n ? 0 : fail_usage("--columns: no key given");
}

int columns_pick(const struct column *all, size_t n, const char *list, struct columns *ret)
{
	ret->n = 0;
	if (list)
		return columns_append(all, n, list, ret);
	for (size_t i = 0; i < n && ret->n < COLUMNS_MAX; i++) {
		if (!(all[i].flags & COLUMN_MORE))
			ret->v[ret->n++] = &all[i];
	}
	return 0;
}

int columns_help(const struct column *all, size_t n, struct strbuf *out)
{
	static const char *const heads[] = { "COLUMN", "MEANING", NULL };
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	int r = text_table_new(heads, NULL, &t);

	for (size_t i = 0; r == 0 && i < n; i++) {
		text_table_cell(t, "%s", all[i].key);
		text_table_cell(t, "%s", all[i].help);
	}
	return r < 0 ? r : text_table_print(t, out);
}

static const char *head_of(const struct column *c, char buf[HEAD_MAX])
{
	size_t i;

	if (c->head)
		return c->head;
	for (i = 0; c->key[i] && i < HEAD_MAX - 1; i++)
		buf[i] = toupper((unsigned char)c->key[i]);
	buf[i] = '\0';
	return buf;
}

static void put_cell(struct text_table *t, const struct column *c, const struct column_cell *cell,
		     bool human)
{
	char size[FORMAT_SIZE_MAX + 1];

	if (cell->kind == CELL_NONE || (cell->kind == CELL_TEXT && !cell->text[0])) {
		text_table_cell(t, "-");
	} else if (cell->kind == CELL_TEXT) {
		text_table_cell(t, "%s", cell->text);
	} else if (human && (c->flags & COLUMN_OCTETS)) {
		*format_size(size, cell->number) = '\0';
		text_table_cell(t, "%s", size);
	} else {
		text_table_cell(t, "%llu", (unsigned long long)cell->number);
	}
}

static int table_new(const struct columns *columns, struct text_table **ret)
{
	char names[COLUMNS_MAX][HEAD_MAX];
	const char *heads[COLUMNS_MAX + 1];
	bool right[COLUMNS_MAX];

	for (size_t i = 0; i < columns->n; i++) {
		heads[i] = head_of(columns->v[i], names[i]);
		right[i] = columns->v[i]->flags & COLUMN_RIGHT;
	}
	heads[columns->n] = NULL;
	return text_table_new(heads, right, ret);
}

int columns_print(const struct columns *columns, const void *rows, size_t n_rows, size_t row_size,
		  const struct columns_style *style, struct strbuf *out)
{
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	bool numbers[COLUMNS_MAX] = { 0 }, texts[COLUMNS_MAX] = { 0 };
	int r = table_new(columns, &t);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n_rows; i++) {
		for (size_t k = 0; k < columns->n; k++) {
			const struct column *c = columns->v[k];
			struct column_cell cell;

			cell.kind = CELL_NONE;
			c->cell(c, (const char *)rows + i * row_size, &cell);
			put_cell(t, c, &cell, style->human);
			numbers[k] |= cell.kind == CELL_NUMBER;
			texts[k] |= cell.kind == CELL_TEXT;
		}
	}
	for (size_t k = 0; style->aligned && k < columns->n; k++) {
		bool numeric = columns->v[k]->flags & COLUMN_NUMERIC;

		if (numeric ? numbers[k] || texts[k] : numbers[k] && !texts[k])
			text_table_right(t, k);
	}
	text_table_color(t, style->color);
	return text_table_print(t, out);
}
