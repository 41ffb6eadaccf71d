// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/words.h"
#include "test.h"

/* The words with | between them. As `printf '%s|' LINE` of dash and bash prints them. */
static const char *words(const char *line)
{
	static char text[256];
	_cleanup_(freep) char **w = NULL;

	text[0] = '\0';
	if (words_split(line, &w) < 0)
		return "refused";
	for (size_t i = 0; w[i]; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s|", w[i]);
	return text;
}

TEST(blanks_part_words)
{
	CHECK_STR(words("jq"), "jq|");
	CHECK_STR(words("  jq \t-c\n . "), "jq|-c|.|");
	CHECK_STR(words("a b c d e"), "a|b|c|d|e|");
}

TEST(quotes_join_them)
{
	CHECK_STR(words("jq 'map(. + {site: \"tokyo\"})'"), "jq|map(. + {site: \"tokyo\"})|");
	CHECK_STR(words("x \"a b\"'c d'e\\ f"), "x|a bc de f|");
	CHECK_STR(words("x \"\\\"\\$\\`\\\\ \\n\""), "x|\"$`\\ \\n|");
	CHECK_STR(words("x '\\n' '' \"\""), "x|\\n|||");
}

TEST(nothing_is_expanded)
{
	CHECK_STR(words("echo $HOME * ~ # a;b|c>d"), "echo|$HOME|*|~|#|a;b|c>d|");
}

TEST(an_open_quote_and_no_word_at_all_are_refused)
{
	static const char *const bad[] = { "a 'b", "a \"b", "a \"b\\\"", "a \\", "", "  \n" };
	char **w = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(words_split(bad[i], &w) == -EINVAL && !w);
	CHECK_STR(error_message(), "no program is named in '  ?'");
	words_split("a 'b", &w);
	CHECK_STR(error_message(), "a quote is left open in 'a 'b'");
}
