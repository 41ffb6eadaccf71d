// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/cleanup.h"
#include "base/columns.h"
#include "base/error.h"
#include "test.h"

struct row {
	const char *name;
	unsigned long count, octets;
};

static void name_cell(const struct column *c, const void *row, struct column_cell *ret)
{
	column_text(ret, "%s", ((const struct row *)row)->name);
}

static void count_cell(const struct column *c, const void *row, struct column_cell *ret)
{
	column_number(ret, ((const struct row *)row)->count);
}

static void octets_cell(const struct column *c, const void *row, struct column_cell *ret)
{
	column_number(ret, ((const struct row *)row)->octets);
}

static void none_cell(const struct column *c, const void *row, struct column_cell *ret)
{
}

static void change_cell(const struct column *c, const void *row, struct column_cell *ret)
{
	column_text(ret, "%+.1f", ((const struct row *)row)->count / 2.0 - 13);
}

static const struct column all[] = {
	{ "name", NULL, "what it is called", 0, name_cell },
	{ "count", NULL, "how many", 0, count_cell },
	{ "octets", "BYTES", "how much", COLUMN_OCTETS, octets_cell },
	{ "rare", NULL, "seldom wanted", COLUMN_MORE, none_cell },
	{ "change", NULL, "more or less", COLUMN_MORE | COLUMN_NUMERIC, change_cell },
};
static const struct row rows[] = { { "eth0", 7, 11725 }, { "a\033b", 0, 882 } };

static char *printed(const char *list, struct columns_style style)
{
	struct strbuf out = STRBUF_NULL;
	struct columns picked;

	if (columns_pick(all, 5, list, &picked) < 0 ||
	    columns_print(&picked, rows, 2, sizeof(rows[0]), &style, &out) < 0) {
		strbuf_deinit(&out);
		return NULL;
	}
	return out.data;
}

TEST(a_pipe_gets_all_to_the_left_and_no_colour)
{
	_cleanup_(freep) char *text = printed(NULL, (struct columns_style) { 0 });

	CHECK_STR(text, "NAME  COUNT  BYTES\neth0  7      11725\na?b   0      882\n");
}

TEST(a_terminal_gets_numbers_to_the_right)
{
	_cleanup_(freep) char *text = printed(NULL, (struct columns_style) { .aligned = true });

	CHECK_STR(text, "NAME  COUNT  BYTES\neth0      7  11725\na?b       0    882\n");
}

TEST(a_terminal_gets_texts_that_are_numbers_to_the_right)
{
	_cleanup_(freep) char *text = printed("change,name", (struct columns_style) { .aligned = true });

	CHECK_STR(text, "CHANGE  NAME\n  -9.5  eth0\n -13.0  a?b\n");
}

TEST(colour_makes_heads_bold_and_nothings_dim)
{
	_cleanup_(freep) char *text = printed("count,rare", (struct columns_style) { .color = true });

	CHECK_STR(text, "\033[1mCOUNT\033[0m  \033[1mRARE\033[0m\n7      \033[2m-\033[0m\n"
			"\033[2m0\033[0m      \033[2m-\033[0m\n");
}

TEST(octets_are_sizes_where_asked_for_and_nothing_else_is)
{
	_cleanup_(freep) char *text = printed("octets,count", (struct columns_style) { .human = true });

	CHECK_STR(text, "BYTES      COUNT\n11.45 KiB  7\n882        0\n");
}

TEST(columns_come_in_the_order_asked_for_and_may_repeat)
{
	_cleanup_(freep) char *text = printed("rare,name,rare", (struct columns_style) { 0 });

	CHECK_STR(text, "RARE  NAME  RARE\n-     eth0  -\n-     a?b   -\n");
}

TEST(a_key_that_is_none_is_refused_with_the_nearest)
{
	struct columns picked;

	CHECK(columns_pick(all, 5, "name,cuont", &picked) == -EINVAL);
	CHECK_STR(error_message(), "--columns: unknown key 'cuont'");
	CHECK_STR(error_hint_text(), "did you mean 'count'?");
	CHECK(columns_pick(all, 5, ",", &picked) == -EINVAL);
	CHECK(error_exit_status() == ERROR_USAGE);
	error_clear();
}

TEST(help_tells_every_column)
{
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;

	CHECK(columns_wants_help("help") && !columns_wants_help("name") && !columns_wants_help(NULL));
	CHECK(columns_help(all, 4, &out) == 0);
	CHECK_STR(strbuf_str(&out), "COLUMN  MEANING\nname    what it is called\ncount   how many\n"
				    "octets  how much\nrare    seldom wanted\n");
}
