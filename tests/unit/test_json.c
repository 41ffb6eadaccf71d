// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/json.h"
#include "test.h"

/* What the writer makes of the string @s. */
static const char *quoted(struct strbuf *b, const char *s)
{
	struct json j;

	strbuf_reset(b);
	json_init(&j, b, false);
	json_str(&j, NULL, s);
	return strbuf_str(b);
}

TEST(an_object_keeps_the_order_of_its_keys)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;
	struct json j;

	json_init(&j, &b, false);
	json_object_begin(&j, NULL);
	json_u64(&j, "b", 1);
	json_s64(&j, "a", -1);
	json_bool(&j, "t", true);
	json_bool(&j, "f", false);
	json_null(&j, "n");
	json_str(&j, "s", "x");
	json_str(&j, "z", NULL);
	json_object_end(&j);
	CHECK_STR(strbuf_str(&b),
		  "{\"b\":1,\"a\":-1,\"t\":true,\"f\":false,\"n\":null,\"s\":\"x\",\"z\":null}");
}

TEST(integers_are_exact_to_the_last_digit)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;
	struct json j;

	json_init(&j, &b, false);
	json_array_begin(&j, NULL);
	json_u64(&j, NULL, UINT64_C(9007199254740993));
	json_u64(&j, NULL, UINT64_MAX);
	json_s64(&j, NULL, INT64_MIN);
	json_array_end(&j);
	CHECK_STR(strbuf_str(&b), "[9007199254740993,18446744073709551615,-9223372036854775808]");
}

TEST(nesting_puts_commas_where_they_belong)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;
	struct json j;

	json_init(&j, &b, false);
	json_array_begin(&j, NULL);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "e");
	json_array_end(&j);
	json_array_begin(&j, "l");
	json_u64(&j, NULL, 1);
	json_u64(&j, NULL, 2);
	json_array_end(&j);
	json_null(&j, "x");
	json_object_end(&j);
	json_object_begin(&j, NULL);
	json_object_end(&j);
	json_array_end(&j);
	CHECK_STR(strbuf_str(&b), "[{\"e\":[],\"l\":[1,2],\"x\":null},{}]");
	CHECK(j.depth == 0);
}

TEST(pretty_output_stands_on_several_lines)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;
	struct json j;

	json_init(&j, &b, true);
	json_array_begin(&j, NULL);
	json_object_begin(&j, NULL);
	json_u64(&j, "a", 1);
	json_array_begin(&j, "e");
	json_array_end(&j);
	json_object_end(&j);
	json_array_end(&j);
	CHECK_STR(strbuf_str(&b), "[\n  {\n    \"a\": 1,\n    \"e\": []\n  }\n]");
}

/* RFC 8259 section 7: quotation mark, reverse solidus and U+0000 to U+001F must be escaped. */
TEST(what_must_be_escaped_is)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	CHECK_STR(quoted(&b, "a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	CHECK_STR(quoted(&b, "\n"), "\"\\n\"");
	CHECK_STR(quoted(&b, "\t\x01\x1f\x1b[0m"), "\"\\u0009\\u0001\\u001f\\u001b[0m\"");
	for (int c = 1; c < 0x20; c++) {
		char s[2] = { (char)c, 0 };

		CHECK(quoted(&b, s)[1] == '\\');
	}
}

TEST(keys_are_escaped_like_strings)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;
	struct json j;

	json_init(&j, &b, false);
	json_object_begin(&j, NULL);
	json_null(&j, "a\"b");
	json_object_end(&j);
	CHECK_STR(strbuf_str(&b), "{\"a\\\"b\":null}");
}

/* RFC 3629 section 4, the bounds of its grammar. */
TEST(well_formed_utf_8_passes_unchanged)
{
	static const char *const rows[] = {
		"\xc2\x80",	    "\xdf\xbf",		"\xe0\xa0\x80",
		"\xed\x9f\xbf",	    "\xee\x80\x80",	"\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xe6\x97\xa5\xe6\x9c\xac",
	};
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i]);

		CHECK(strncmp(quoted(&b, rows[i]) + 1, rows[i], len) == 0 && b.len == len + 2);
	}
}

TEST(what_is_not_utf_8_becomes_a_replacement_character)
{
	static const struct {
		const char *text;
		int n; /* replacements, before the 'x' at the end */
	} rows[] = {
		{ "\x80x", 1 },	    /* a continuation byte alone */
		{ "\xc0\x80x", 2 }, /* U+0000, too long */
		{ "\xc1\xbfx", 2 },
		{ "\xe0\x9f\xbfx", 3 },	    /* too long */
		{ "\xed\xa0\x80x", 3 },	    /* a surrogate */
		{ "\xf0\x8f\xbf\xbfx", 4 }, /* too long */
		{ "\xf4\x90\x80\x80x", 4 }, /* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80x", 4 },
		{ "\xc2x", 1 }, /* cut short */
		{ "\xe6\x97x", 2 },
		{ "\xffx", 1 },
	};
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *s = quoted(&b, rows[i].text) + 1;

		for (int n = 0; n < rows[i].n; n++, s += 3)
			CHECK(strncmp(s, "\xef\xbf\xbd", 3) == 0);
		CHECK_STR(s, "x\"");
	}
	CHECK_STR(quoted(&b, "\xe6\x97"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}
