/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The full screen without a terminal: what stands where and how it looks, and what keys do. The
 * view (view.h) only carries it out.
 */
#ifndef FLOWCTL_TOP_SCREEN_H
#define FLOWCTL_TOP_SCREEN_H

#include "top/column.h"
#include "top/gauge.h"
#include "top/rows.h"

enum top_look {
	TOP_LOOK_PLAIN,
	TOP_LOOK_STRONG,	/* what the screen is about */
	TOP_LOOK_DIM,		/* over, or not important */
	TOP_LOOK_HEAD,		/* heads of columns */
	TOP_LOOK_SORTED,	/* of the one that is sorted by */
	TOP_LOOK_WARN,		/* worth a look */
	TOP_LOOK_BAD,
	TOP_LOOKS
};

/* What is drawn on. Text is valid UTF-8, or ASCII unless utf8. */
struct top_canvas {
	int lines, columns;
	bool utf8;
	void (*put)(void *arg, int line, int column, enum top_look look, const char *text);
	/* Where the user types, or -1, -1. */
	void (*cursor)(void *arg, int line, int column);
	void *arg;
};

enum top_key {
	TOP_KEY_ENTER = 0x110000,	/* beyond all characters */
	TOP_KEY_ESCAPE,
	TOP_KEY_BACKSPACE,
	TOP_KEY_UP,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
};

#define TOP_FILTER_MAX 120
struct top_screen {
	struct top_rows *rows;
	const struct top_gauge *gauge;
	char where[128];		/* "default:eth0" */
	char note[160];			/* a warning, "" = none */
	uint64_t interval_ns;
	enum top_by by;
	struct top_order order;
	bool paused, help;
	bool named;			/* the user wants names of hosts: whoever has them gives them */
	bool typing;			/* a filter */
	char typed[TOP_FILTER_MAX];	/* it, as typed */
	char kept[TOP_FILTER_MAX];	/* the one before, for Escape */
	bool refused;			/* what is typed is no filter (yet) */
	struct top_words words;		/* of the last that was one */
	uint32_t first;			/* line of the report at the top of the screen */
	/* private to screen.c */
	uint32_t shown, all;
	uint32_t *line;
	uint32_t n_line;
	uint8_t name_width[TOP_COLUMNS];
};

/* @rows, @gauge borrowed. */
void top_screen_init(struct top_screen *s, struct top_rows *rows, const struct top_gauge *gauge,
		     enum top_by by);
void top_screen_deinit(struct top_screen *s);
/* Show @text as filter. 0, or fail_usage(). */
int top_screen_filter(struct top_screen *s, const char *text);
/* Draw all of it. 0 or fail(-ENOMEM). */
int top_screen_draw(struct top_screen *s, const struct top_canvas *c);
/* A key (a character, or enum top_key) was pressed. *ret_quit: the user wants to go. 0 or
 * fail(-ENOMEM). */
int top_screen_key(struct top_screen *s, uint32_t key, bool *ret_quit);

/* screen_columns.c: which columns fit into @width characters, in their order, and how wide each is. */
struct top_layout {
	enum top_column column[TOP_COLUMNS];
	int width[TOP_COLUMNS];
	int n;
};
void top_layout(const struct top_screen *s, int width, struct top_layout *ret);
/* @text in @width characters, its middle left out where it is longer. @buf: 4 * @width + 1. */
void top_fit(const char *text, int width, bool right, bool utf8, char *buf);
/* Characters of valid UTF-8. */
int top_width(const char *text);

#endif
