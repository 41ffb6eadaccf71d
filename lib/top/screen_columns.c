// SPDX-License-Identifier: Apache-2.0
/*
 * As many columns as fit, the important ones first; what is sorted by is always among them. Room
 * that is left goes to the names. Their width only grows while the same kind of line is shown, so
 * that nothing jumps to and fro.
 */
#include <string.h>

#include "top/screen.h"

int top_width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static const char *after(const char *text, int characters)
{
	while (*text && characters-- > 0) {
		text++;
		while ((*text & 0xc0) == 0x80)
			text++;
	}
	return text;
}

void top_fit(const char *text, int width, bool right, bool utf8, char *buf)
{
	int has = top_width(text), tail = width / 3;
	const char *port = strrchr(text, ':');

	if (has <= width) {
		memset(buf, ' ', right ? width - has : 0);
		buf = stpcpy(buf + (right ? width - has : 0), text);
		memset(buf, ' ', right ? 0 : width - has);
		buf[right ? 0 : width - has] = '\0';
		return;
	}
	/* The port, where it can be kept. */
	if (port && top_width(port) > tail && top_width(port) < width - 2)
		tail = top_width(port);
	if (width < 4)
		tail = 0;
	if (width > 0) {
		const char *end = after(text, width - tail - 1);

		buf = mempcpy(buf, text, end - text);
		buf = stpcpy(buf, utf8 ? "…" : "~");
		buf = stpcpy(buf, after(text, has - tail));
	}
	*buf = '\0';
}

static bool can_show(const struct top_screen *s, enum top_column c)
{
	const struct top_column_ops *ops = &top_columns[c];

	if (c == TOP_NETNS && s->rows->n_places == 1 && s->by != TOP_BY_NETNS)
		return false;
	return ops->by & 1u << s->by;
}

static int least_width(enum top_column c, int screen)
{
	/* Below 80 columns names are cut rather than numbers left out. */
	return top_columns[c].stretches && screen < 80 ? 12 : top_columns[c].width;
}

/* The two ways of a rate come together. */
static int cost(enum top_column c, int screen)
{
	int own = least_width(c, screen) + 1;

	return c == TOP_TO_RATE ? own + top_columns[TOP_FROM_RATE].width + 1 : own;
}

static void choose(const struct top_screen *s, int width, bool chosen[TOP_COLUMNS])
{
	int left = width + 1;

	for (int c = 0; c < TOP_COLUMNS; c++) {
		chosen[c] = can_show(s, c) && (!top_columns[c].rank || s->order.column == (enum top_column)c);
		left -= chosen[c] ? least_width(c, width) + 1 : 0;
	}
	for (int rank = 1; rank < 10; rank++) {
		for (int c = 0; c < TOP_COLUMNS; c++) {
			bool follows = c == TOP_FROM_RATE && chosen[TOP_TO_RATE];

			if (chosen[c] || !can_show(s, c) || top_columns[c].rank != rank ||
			    (c == TOP_FROM_RATE && !follows))
				continue;
			if (cost(c, width) > left)
				continue;
			chosen[c] = true;
			left -= least_width(c, width) + 1;
		}
	}
}

void top_layout(const struct top_screen *s, int width, struct top_layout *ret)
{
	bool chosen[TOP_COLUMNS];
	int left = width + 1;

	choose(s, width, chosen);
	ret->n = 0;
	for (int c = 0; c < TOP_COLUMNS; c++) {
		if (!chosen[c])
			continue;
		ret->column[ret->n] = c;
		ret->width[ret->n] = least_width(c, width);
		left -= ret->width[ret->n++] + 1;
	}
	/* One character each in turn, to whom it helps. */
	for (bool some = true; left > 0 && some;) {
		some = false;
		for (int i = 0; i < ret->n && left > 0; i++) {
			if (ret->width[i] >= s->name_width[ret->column[i]])
				continue;
			ret->width[i]++;
			left--;
			some = true;
		}
	}
}
