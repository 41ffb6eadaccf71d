// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/text.h"
#include "test.h"

DEFINE_CLEANUP(struct text_table, text_table_free)

static const char *const heads[] = { "NAME", "N", "LAST", NULL };

TEST(a_table_without_rows_is_its_head)
{
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	CHECK(text_table_new(heads, NULL, &t) == 0);
	CHECK(text_table_print(t, &b) == 0);
	CHECK_STR(strbuf_str(&b), "NAME  N  LAST\n");
}

TEST(columns_are_as_wide_as_their_widest_cell)
{
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	CHECK(text_table_new(heads, NULL, &t) == 0);
	text_table_cell(t, "%s", "longer");
	text_table_cell(t, "%d", 12345);
	text_table_cell(t, "x");
	text_table_cell(t, "a");
	text_table_cell(t, "1");
	text_table_cell(t, "longest");
	CHECK(text_table_print(t, &b) == 0);
	CHECK_STR(strbuf_str(&b), "NAME    N      LAST\n"
				  "longer  12345  x\n"
				  "a       1      longest\n");
}

TEST(numbers_may_stand_at_the_right)
{
	static const bool right[] = { false, true, true };
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	CHECK(text_table_new(heads, right, &t) == 0);
	text_table_cell(t, "a");
	text_table_cell(t, "123");
	text_table_cell(t, "7");
	CHECK(text_table_print(t, &b) == 0);
	CHECK_STR(strbuf_str(&b), "NAME    N  LAST\n"
				  "a     123     7\n");
}

TEST(no_line_ends_with_a_space)
{
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	CHECK(text_table_new(heads, NULL, &t) == 0);
	for (int i = 0; i < 3; i++)
		text_table_cell(t, "%s", i ? "" : "a");
	for (int i = 0; i < 3; i++)
		text_table_cell(t, "%s", "");
	CHECK(text_table_print(t, &b) == 0);
	CHECK_STR(strbuf_str(&b), "NAME  N  LAST\na\n\n");
}

TEST(widths_are_counted_in_characters)
{
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	CHECK(text_table_new(heads, NULL, &t) == 0);
	text_table_cell(t, "\xc3\xa4\xc3\xb6\xc3\xbc");
	text_table_cell(t, "1");
	text_table_cell(t, "x");
	CHECK(text_table_print(t, &b) == 0);
	CHECK_STR(strbuf_str(&b), "NAME  N  LAST\n\xc3\xa4\xc3\xb6\xc3\xbc   1  x\n");
}

TEST(a_table_is_added_to_what_was_there)
{
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	strbuf_puts(&b, "before ");
	CHECK(text_table_new(heads, NULL, &t) == 0);
	CHECK(text_table_print(t, &b) == 0);
	CHECK_STR(strbuf_str(&b), "before NAME  N  LAST\n");
}

TEST(many_rows_are_kept)
{
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;
	size_t lines = 0;

	CHECK(text_table_new(heads, NULL, &t) == 0);
	for (int i = 0; i < 3000; i++)
		text_table_cell(t, "%d", i);
	CHECK(text_table_print(t, &b) == 0);
	for (const char *p = strbuf_str(&b); *p; p++)
		lines += *p == '\n';
	CHECK(lines == 1001);
	CHECK(strstr(strbuf_str(&b), "\n2997  2998  2999\n"));
	text_table_free(NULL);
}

/* Linux lets an interface be called "\x1b[31m": it must not colour the terminal. */
TEST(control_characters_are_shown_not_sent)
{
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	CHECK(text_table_new(heads, NULL, &t) == 0);
	text_table_cell(t, "%s", "\x1b[31m\x07");
	text_table_cell(t, "a\nb");
	text_table_cell(t, "\x7f\xc3\xa4");
	CHECK(text_table_print(t, &b) == 0);
	CHECK_STR(strbuf_str(&b), "NAME    N    LAST\n?[31m?  a?b  ?\xc3\xa4\n");
}

TEST(a_table_without_columns_is_nothing)
{
	static const char *const none[] = { NULL };
	_cleanup_(text_table_freep) struct text_table *t = NULL;
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	CHECK(text_table_new(none, NULL, &t) == 0);
	CHECK(text_table_print(t, &b) == 0);
	CHECK_STR(strbuf_str(&b), "");
}
