// SPDX-License-Identifier: Apache-2.0
/*
 * curses keeps what the terminal shows and writes differences only: nothing flickers. Its own
 * handlers of signals are not needed, for the loop takes signals by descriptor; so after a resize
 * it is told the size.
 */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "top/view.h"

const bool view_built_in = true;

struct view {
	SCREEN *screen;
	attr_t looks[TOP_LOOKS];
	bool utf8;
	int cursor_line, cursor_column;
};

enum { PAIR_WARN = 1, PAIR_BAD };

static void set_looks(struct view *v, bool color)
{
	v->looks[TOP_LOOK_STRONG] = A_BOLD;
	v->looks[TOP_LOOK_DIM] = A_DIM;
	v->looks[TOP_LOOK_HEAD] = A_REVERSE;
	v->looks[TOP_LOOK_SORTED] = A_REVERSE | A_BOLD;
	v->looks[TOP_LOOK_WARN] = A_BOLD;
	v->looks[TOP_LOOK_BAD] = A_BOLD | A_UNDERLINE;
	if (!color || !has_colors() || start_color() != OK)
		return;
	use_default_colors();
	init_pair(PAIR_WARN, COLOR_YELLOW, -1);
	init_pair(PAIR_BAD, COLOR_RED, -1);
	v->looks[TOP_LOOK_WARN] = COLOR_PAIR(PAIR_WARN);
	v->looks[TOP_LOOK_BAD] = COLOR_PAIR(PAIR_BAD) | A_BOLD;
}

/* Can it go to a place, and clear the screen? */
static bool is_full_screen(void)
{
	const char *term = getenv("TERM");

	return !(term && strcmp(term, "dumb") == 0) && tigetstr("cup") && tigetstr("clear");
}

int view_open(bool color, struct view **ret)
{
	struct view *v;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	v = calloc(1, sizeof(*v));
	if (!v)
		return fail(-ENOMEM, "cannot take the terminal over");
	setlocale(LC_CTYPE, "");
	v->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	v->screen = newterm(NULL, stdout, stdin);
	if (!v->screen || !is_full_screen()) {
		view_close(v);
		return -ENOTTY;
	}
	set_looks(v, color);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	leaveok(stdscr, FALSE);
	curs_set(0);
	*ret = v;
	return 0;
}

void view_close(struct view *v)
{
	if (!v)
		return;
	if (v->screen) {
		curs_set(1);
		endwin();
		delscreen(v->screen);
	}
	free(v);
}

static void put(void *arg, int line, int column, enum top_look look, const char *text)
{
	struct view *v = arg;

	attrset(v->looks[look]);
	mvaddstr(line, column, text);
}

static void cursor(void *arg, int line, int column)
{
	struct view *v = arg;

	v->cursor_line = line;
	v->cursor_column = column;
}

int view_draw(struct view *v, struct top_screen *s)
{
	struct top_canvas c = { .utf8 = v->utf8, .put = put, .cursor = cursor, .arg = v };
	bool typing;
	int r;

	getmaxyx(stdscr, c.lines, c.columns);
	erase();
	r = top_screen_draw(s, &c);
	typing = v->cursor_line >= 0 && v->cursor_column < c.columns;
	curs_set(typing);
	if (typing)
		move(v->cursor_line, v->cursor_column);
	wnoutrefresh(stdscr);
	doupdate();
	return r;
}

void view_resize(struct view *v)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		return;
	resizeterm(size.ws_row, size.ws_col);
	clearok(stdscr, TRUE);
}

static const struct {
	wint_t code;
	uint32_t key;
} keys[] = {
	{ KEY_ENTER, TOP_KEY_ENTER }, { KEY_BACKSPACE, TOP_KEY_BACKSPACE }, { KEY_DC, TOP_KEY_BACKSPACE },
	{ KEY_UP, TOP_KEY_UP }, { KEY_DOWN, TOP_KEY_DOWN }, { KEY_PPAGE, TOP_KEY_PAGE_UP },
	{ KEY_NPAGE, TOP_KEY_PAGE_DOWN }, { KEY_HOME, TOP_KEY_HOME }, { KEY_END, TOP_KEY_END },
	{ KEY_LEFT, TOP_KEY_LEFT }, { KEY_RIGHT, TOP_KEY_RIGHT },
};

static const struct {
	wint_t character;
	uint32_t key;
} characters[] = {
	{ '\r', TOP_KEY_ENTER }, { '\n', TOP_KEY_ENTER }, { 27, TOP_KEY_ESCAPE },
	{ 8, TOP_KEY_BACKSPACE }, { 127, TOP_KEY_BACKSPACE },
};

bool view_key(struct view *v, uint32_t *ret)
{
	wint_t w;
	int r = get_wch(&w);

	if (r == ERR)
		return false;
	*ret = r == KEY_CODE_YES ? 0 : w;
	for (size_t i = 0; r == KEY_CODE_YES && i < ARRAY_SIZE(keys); i++) {
		if (keys[i].code == w)
			*ret = keys[i].key;
	}
	for (size_t i = 0; r == OK && i < ARRAY_SIZE(characters); i++) {
		if (characters[i].character == w)
			*ret = characters[i].key;
	}
	return true;
}
