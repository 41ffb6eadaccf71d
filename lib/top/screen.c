// SPDX-License-Identifier: Apache-2.0
/*
 * From the top: where and when; what went in and out; what is shown of it; the heads, the lines,
 * and the keys. A line costs something only when it is shown.
 */
#include "top/screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/format.h"
#include "base/text.h"
#include "base/utf8.h"
#include "top/vitals.h"

enum {
	LINE_TITLE,
	LINE_IN,
	LINE_OUT,
	LINE_WHAT,
	LINE_HEADS,
	LINE_FIRST,
	LAST_LINES = 1,		/* the keys */
	LINE_MAX = 1024,	/* characters; a wider screen stays empty there */
	WHERE_MAX = sizeof(((struct top_screen *)NULL)->where),
};

void top_screen_init(struct top_screen *s, struct top_rows *rows, const struct top_gauge *gauge,
		     enum top_by by)
{
	*s = (struct top_screen) {
		.rows = rows, .gauge = gauge, .by = by, .order = { .column = TOP_RATE },
	};
	s->words.either_way = true;
}

void top_screen_deinit(struct top_screen *s)
{
	free(s->line);
	s->line = NULL;
}

int top_screen_filter(struct top_screen *s, const char *text)
{
	struct top_words words;
	int r = top_words_parse(text, &words);

	if (r < 0)
		return r;
	words.either_way = true;
	s->words = words;
	snprintf(s->typed, sizeof(s->typed), "%s", text);
	return top_rows_choose(s->rows, s->by, text[strspn(text, " ")] ? &s->words : NULL);
}

/* One line being drawn, from left to right. */
struct pen {
	const struct top_canvas *c;
	int line, column;
};

static void put(struct pen *p, enum top_look look, const char *text)
{
	char buf[4 * LINE_MAX + 1];
	int left = p->c->columns - p->column, width = top_width(text);

	if (left <= 0 || p->line >= p->c->lines)
		return;
	if (width > left) {
		top_fit(text, left < LINE_MAX ? left : LINE_MAX, false, p->c->utf8, buf);
		text = buf;
		width = left;
	}
	p->c->put(p->c->arg, p->line, p->column, look, text);
	p->column += width;
}

static void put_right(struct pen *p, enum top_look look, const char *text)
{
	int at = p->c->columns - top_width(text);

	if (at <= p->column)
		return;
	p->column = at;
	put(p, look, text);
}

/* Names come from the system as any bytes. @text: of WHERE_MAX at most; it becomes no longer. */
static void clean(char *text, bool utf8)
{
	char buf[WHERE_MAX];
	size_t n = utf8_copy((uint8_t *)buf, sizeof(buf) - 1, text);

	buf[n] = '\0';
	for (char *p = buf; !utf8 && *p; p++)
		*p = *p & 0x80 ? '?' : *p;
	text_printable(memcpy(text, buf, n + 1));
}

static void draw_title(const struct top_screen *s, const struct top_canvas *c)
{
	struct pen p = { c, LINE_TITLE, 0 };
	time_t now = clock_real_ns() / NSEC_PER_SEC;
	char text[64], when[16] = "", where[WHERE_MAX];
	struct tm tm;

	memcpy(where, s->where, sizeof(where));
	clean(where, c->utf8);
	put(&p, TOP_LOOK_STRONG, "flowctl top");
	put(&p, TOP_LOOK_PLAIN, "  ");
	put(&p, TOP_LOOK_PLAIN, where);
	if (s->paused) {
		put(&p, TOP_LOOK_PLAIN, "  ");
		put(&p, TOP_LOOK_WARN, "paused");
	}
	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "  every %.3g s   %s", s->interval_ns / 1e9, when);
	put_right(&p, TOP_LOOK_DIM, text);
}

/* "  4.16 kbit/s": the prefix belongs to the unit. */
static void put_rate(struct pen *p, enum top_look look, double v, const char *unit)
{
	char buf[TOP_CELL_MAX], text[2 * TOP_CELL_MAX];
	size_t digits;

	top_column_rate(v, buf);
	digits = strspn(buf, "0123456789.");
	snprintf(text, sizeof(text), " %5.*s ", (int)digits, buf);
	put(p, look, text);
	snprintf(text, sizeof(text), "%s%s%s", buf + digits, unit, buf[digits] ? "" : " ");
	put(p, TOP_LOOK_DIM, text);
}

static void draw_gauge(const struct top_screen *s, const struct top_canvas *c, int way)
{
	struct pen p = { c, way ? LINE_OUT : LINE_IN, 0 };
	const struct top_gauge *g = s->gauge;
	char size[FORMAT_SIZE_MAX + 1], text[3 * LINE_MAX + 1];
	int width;

	*format_size(size, g->total[way].bytes) = '\0';
	put(&p, TOP_LOOK_DIM, way ? "out" : "in ");
	put_rate(&p, TOP_LOOK_STRONG, g->bits[way], "bit/s");
	put_rate(&p, TOP_LOOK_PLAIN, g->packets[way], "pkt/s");
	snprintf(text, sizeof(text), " %*s  ", FORMAT_SIZE_MAX, size);
	put(&p, TOP_LOOK_PLAIN, text);
	width = c->columns - p.column;
	if (width <= 0)
		return;
	top_gauge_spark(g, way, width < TOP_HISTORY ? width : TOP_HISTORY, c->utf8, text);
	p.column = c->columns - (width < TOP_HISTORY ? width : TOP_HISTORY);
	put(&p, TOP_LOOK_PLAIN, text);
}

static void draw_filter(const struct top_screen *s, struct pen *p)
{
	if (!s->typing && !s->typed[0])
		return;
	put(p, TOP_LOOK_DIM, "   filter: ");
	put(p, s->refused ? TOP_LOOK_BAD : TOP_LOOK_STRONG, s->typed);
	if (s->typing)
		p->c->cursor(p->c->arg, p->line, p->column);
}

static void draw_what(const struct top_screen *s, const struct top_canvas *c)
{
	static const char *const many[] = { "connections", "hosts", "ports", "interfaces", "namespaces" };
	struct pen p = { c, LINE_WHAT, 0 };
	char text[128];

	snprintf(text, sizeof(text), "%u %.*s", s->all, (int)strlen(many[s->by]) - (s->all == 1),
		 many[s->by]);
	put(&p, TOP_LOOK_PLAIN, text);
	snprintf(text, sizeof(text), "   by %s%s", top_columns[s->order.column].name,
		 s->order.reversed ? ", reversed" : "");
	put(&p, TOP_LOOK_DIM, text);
	if (s->first) {
		snprintf(text, sizeof(text), "   from %u on", s->first + 1);
		put(&p, TOP_LOOK_DIM, text);
	}
	draw_filter(s, &p);
	if (s->note[0] && !s->typing) {
		put(&p, TOP_LOOK_PLAIN, "   ");
		put(&p, TOP_LOOK_WARN, s->note);
	}
}

static void draw_heads(const struct top_screen *s, const struct top_canvas *c,
		       const struct top_layout *l)
{
	struct pen p = { c, LINE_HEADS, 0 };
	char buf[4 * LINE_MAX + 1];

	for (int i = 0; i < l->n; i++) {
		enum top_column col = l->column[i];

		top_fit(top_column_head(col, s->by, c->utf8), l->width[i], top_columns[col].right, c->utf8, buf);
		put(&p, col == s->order.column ? TOP_LOOK_SORTED : TOP_LOOK_HEAD, buf);
		put(&p, TOP_LOOK_HEAD, " ");
	}
	if (p.column < c->columns && c->columns - p.column < LINE_MAX) {
		top_fit("", c->columns - p.column, false, c->utf8, buf);
		put(&p, TOP_LOOK_HEAD, buf);
	}
}

static enum top_look look_of(const struct top_screen *s, const struct top_row *row, enum top_column c)
{
	double percent;

	if (c == TOP_RETRANSMISSIONS) {
		percent = top_columns[c].number(s->rows, row);
		if (percent >= 1)
			return percent >= 5 ? TOP_LOOK_BAD : TOP_LOOK_WARN;
	}
	return top_row_state(s->rows, row) == TOP_CLOSED ? TOP_LOOK_DIM : TOP_LOOK_PLAIN;
}

static void draw_row(struct top_screen *s, const struct top_canvas *c, const struct top_layout *l,
		     int line, const struct top_row *row)
{
	char text[TOP_CELL_MAX], buf[4 * LINE_MAX + 1];
	struct pen p = { c, line, 0 };

	for (int i = 0; i < l->n; i++) {
		enum top_column col = l->column[i];

		top_columns[col].text(s->rows, row, text);
		clean(text, c->utf8);
		top_fit(text, l->width[i], top_columns[col].right, c->utf8, buf);
		put(&p, look_of(s, row, col), buf);
		put(&p, TOP_LOOK_PLAIN, " ");
	}
}

/* What names want to be shown whole; never less than before. */
static void measure_names(struct top_screen *s)
{
	char text[TOP_CELL_MAX];

	for (int c = 0; c < TOP_COLUMNS; c++) {
		if (!top_columns[c].stretches || !(top_columns[c].by & 1u << s->by))
			continue;
		for (uint32_t i = s->first; i < s->shown; i++) {
			int width;

			top_columns[c].text(s->rows, &s->rows->v[s->line[i]], text);
			width = top_width(text);
			if (width > s->name_width[c])
				s->name_width[c] = width;
		}
	}
}

/* The health of all, where it says which come first. */
static void read_vitals(struct top_screen *s)
{
	if (s->order.column == TOP_RTT || s->order.column == TOP_RETRANSMISSIONS)
		top_vitals_read_all(s->rows);
}

static int find_lines(struct top_screen *s, uint32_t room)
{
	uint32_t want = s->first + room;

	if (s->first >= s->rows->n)
		s->first = 0;
	if (want > s->rows->n)
		want = s->rows->n;
	if (want > s->n_line) {
		uint32_t *line = reallocarray(s->line, want, sizeof(*line));

		if (!line)
			return fail(-ENOMEM, "cannot hold the screen");
		s->line = line;
		s->n_line = want;
	}
	s->shown = top_order_first(&s->order, s->rows, s->words.filter.idle_ns, want, s->line, &s->all);
	return 0;
}

static void draw_keys(const struct top_screen *s, const struct top_canvas *c)
{
	static const char *const keys[][2] = {
		{ "q", "quit" }, { "h", "help" }, { "/", "filter" }, { "space", "pause" },
		{ "g", "group" }, { "< >", "sort" }, { "r", "reverse" }, { "up down", "scroll" },
	};
	static const char *const typing[][2] = { { "enter", "keep" }, { "esc", "as before" } };
	const char *const(*v)[2] = s->typing ? typing : keys;
	size_t n = s->typing ? ARRAY_SIZE(typing) : ARRAY_SIZE(keys);
	struct pen p = { c, c->lines - 1, 0 };

	if (p.line <= LINE_HEADS)
		return; /* the line is another's */
	for (size_t i = 0; i < n; i++) {
		if (p.column + top_width(v[i][0]) + top_width(v[i][1]) + 1 > c->columns)
			break;
		put(&p, TOP_LOOK_STRONG, v[i][0]);
		put(&p, TOP_LOOK_PLAIN, " ");
		put(&p, TOP_LOOK_DIM, v[i][1]);
		put(&p, TOP_LOOK_PLAIN, "   ");
	}
	if (s->typing && s->refused) {
		put(&p, TOP_LOOK_DIM, "e.g. ");
		put(&p, TOP_LOOK_PLAIN, "tcp 443   host 10.0.0.0/8   dport 53");
	}
}

static void draw_help(const struct top_canvas *c)
{
	static const char *const help[][2] = {
		{ "q", "quit" },
		{ "space", "pause, and go on" },
		{ "g  G", "lines of connections, hosts, ports, interfaces, namespaces" },
		{ "<  >", "sort by the column to the left, to the right (arrow keys, too)" },
		{ "r", "the other way round" },
		{ "t p b", "sort by bits a second, packets, bytes" },
		{ "l x s", "sort by round trip time, retransmissions, state" },
		{ "n", "names of hosts for addresses, as they become known" },
		{ "up  down", "scroll; page up, page down, home, end" },
		{ "/", "filter as you type: tcp 443   host 10.0.0.0/8   dport 53   idle 10s" },
		{ "", "proto saddr sport daddr dport ifindex direction: as in flowctl dump" },
		{ "", "host, port: at either end; name: the interface; idle: of the line" },
		{ "esc", "no filter" },
		{ "", "" },
		{ "RTT", "there and back through this machine, average" },
		{ "RETR", "segments that were sent again, in percent of all packets" },
		{ "", "" },
		{ "", "any key goes back" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(help) && (int)i + LINE_HEADS < c->lines; i++) {
		struct pen p = { c, LINE_HEADS + i, 2 };

		put(&p, TOP_LOOK_STRONG, help[i][0]);
		p.column = 12;
		put(&p, TOP_LOOK_PLAIN, help[i][1]);
	}
}

static int draw_report(struct top_screen *s, const struct top_canvas *c)
{
	int room = c->lines - LINE_FIRST - LAST_LINES, r;
	struct top_layout l;

	read_vitals(s);
	r = find_lines(s, room > 0 ? room : 0);
	if (r < 0)
		return r;
	draw_what(s, c);
	measure_names(s);
	top_layout(s, c->columns, &l);
	draw_heads(s, c, &l);
	for (uint32_t i = s->first; i < s->shown; i++) {
		struct top_row *row = &s->rows->v[s->line[i]];

		top_vitals_read(s->rows, row);
		draw_row(s, c, &l, LINE_FIRST + i - s->first, row);
	}
	return 0;
}

int top_screen_draw(struct top_screen *s, const struct top_canvas *c)
{
	int r = 0;

	c->cursor(c->arg, -1, -1);
	draw_title(s, c);
	draw_gauge(s, c, 0);
	draw_gauge(s, c, 1);
	if (s->help)
		draw_help(c);
	else
		r = draw_report(s, c);
	draw_keys(s, c);
	return r;
}
