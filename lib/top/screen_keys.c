// SPDX-License-Identifier: Apache-2.0
/*
 * A filter takes effect with each key, as long as it is one; in between the last one that was
 * stays, in red what is typed. Escape gives back what was before.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "top/screen.h"

/* -EINVAL: it is no filter (yet). */
static int apply_filter(struct top_screen *s)
{
	char text[TOP_FILTER_MAX];
	int r;

	snprintf(text, sizeof(text), "%s", s->typed);
	r = top_screen_filter(s, text);
	s->refused = r == -EINVAL;
	if (s->refused)
		error_clear();
	s->first = 0;
	return s->refused ? 0 : r;
}

static int end_typing(struct top_screen *s, bool keep)
{
	s->typing = false;
	if (keep && !s->refused)
		return 0;
	snprintf(s->typed, sizeof(s->typed), "%s", keep ? "" : s->kept);
	return apply_filter(s);
}

static int type_key(struct top_screen *s, uint32_t key)
{
	size_t len = strlen(s->typed);

	if (key == TOP_KEY_ENTER || key == TOP_KEY_ESCAPE)
		return end_typing(s, key == TOP_KEY_ENTER);
	if (key == TOP_KEY_BACKSPACE && len)
		s->typed[len - 1] = '\0';
	else if (key == TOP_KEY_BACKSPACE)
		return end_typing(s, false);
	else if (key == 'U' - '@')
		s->typed[0] = '\0';
	else if (key >= ' ' && key < 0x7f && len + 1 < sizeof(s->typed))
		memcpy(s->typed + len, (char[2]) { key }, 2);
	else
		return 0;
	return apply_filter(s);
}

static int begin_typing(struct top_screen *s)
{
	s->typing = true;
	snprintf(s->kept, sizeof(s->kept), "%s", s->typed);
	return 0;
}

static int group(struct top_screen *s, int step)
{
	s->by = (s->by + TOP_BY_KINDS + step) % TOP_BY_KINDS;
	s->first = 0;
	memset(s->name_width, 0, sizeof(s->name_width));
	if (!(top_columns[s->order.column].by & 1u << s->by))
		s->order = (struct top_order) { .column = TOP_RATE };
	return top_rows_choose(s->rows, s->by, s->rows->words);
}

static void sort_by(struct top_screen *s, enum top_column c)
{
	if (!(top_columns[c].by & 1u << s->by))
		return;
	s->order.reversed = s->order.column == c && !s->order.reversed;
	s->order.column = c;
	s->first = 0;
}

/* The next one there is, whether it has room now or not. */
static void sort_next(struct top_screen *s, int step)
{
	int c = s->order.column;

	do {
		c = (c + TOP_COLUMNS + step) % TOP_COLUMNS;
	} while (!(top_columns[c].by & 1u << s->by) ||
		 (c == TOP_NETNS && s->rows->n_places == 1 && s->by != TOP_BY_NETNS));
	s->order = (struct top_order) { .column = c };
	s->first = 0;
}

static void scroll(struct top_screen *s, int64_t lines)
{
	int64_t to = (int64_t)s->first + lines, last = (int64_t)s->all - 1;

	if (to > last)
		to = last;
	s->first = to > 0 ? to : 0;
}

static const struct {
	char key;
	enum top_column column;
} sort_keys[] = {
	{ 't', TOP_RATE }, { 'p', TOP_PACKETS }, { 'b', TOP_BYTES }, { 'l', TOP_RTT },
	{ 'x', TOP_RETRANSMISSIONS }, { 's', TOP_STATE },
};

static bool move_key(struct top_screen *s, uint32_t key)
{
	uint32_t page = s->shown > s->first ? s->shown - s->first : 1;

	switch (key) {
	case TOP_KEY_UP:
		return scroll(s, -1), true;
	case TOP_KEY_DOWN:
		return scroll(s, 1), true;
	case TOP_KEY_PAGE_UP:
		return scroll(s, -(int64_t)page), true;
	case TOP_KEY_PAGE_DOWN:
		return scroll(s, page), true;
	case TOP_KEY_HOME:
		return scroll(s, -(int64_t)s->all), true;
	case TOP_KEY_END:
		return scroll(s, s->all > page ? s->all - page - s->first : 0), true;
	case TOP_KEY_LEFT:
	case '<':
		return sort_next(s, -1), true;
	case TOP_KEY_RIGHT:
	case '>':
		return sort_next(s, 1), true;
	}
	return false;
}

static int plain_key(struct top_screen *s, uint32_t key, bool *ret_quit)
{
	for (size_t i = 0; i < ARRAY_SIZE(sort_keys); i++) {
		if (key == (unsigned char)sort_keys[i].key)
			sort_by(s, sort_keys[i].column);
	}
	switch (key) {
	case 'q':
	case 'Q':
		*ret_quit = true;
		return 0;
	case ' ':
		s->paused = !s->paused;
		return 0;
	case 'h':
	case '?':
		s->help = true;
		return 0;
	case 'g':
		return group(s, 1);
	case 'G':
		return group(s, -1);
	case 'r':
		s->order.reversed = !s->order.reversed;
		return 0;
	case 'n':
		s->named = !s->named;
		memset(s->name_width, 0, sizeof(s->name_width));
		return 0;
	case '/':
		return begin_typing(s);
	case TOP_KEY_ESCAPE:
		s->typed[0] = '\0';
		return apply_filter(s);
	}
	return 0;
}

int top_screen_key(struct top_screen *s, uint32_t key, bool *ret_quit)
{
	*ret_quit = false;
	if (s->typing)
		return type_key(s, key);
	if (s->help) {
		s->help = false;
		*ret_quit = key == 'q' || key == 'Q';
		return 0;
	}
	if (move_key(s, key))
		return 0;
	return plain_key(s, key, ret_quit);
}
