// SPDX-License-Identifier: Apache-2.0
/* cJSON is the other opinion: what is right here is right there. */
#include <cjson/cJSON.h>

#include "base/cleanup.h"
#include "base/json_scan.h"
#include "test.h"

/* The text without white space, or "wrong"; all of it has to be one value. */
static const char *scan_len(const char *text, size_t len)
{
	static char copy[4096];
	_cleanup_(strbuf_deinit) struct strbuf out = STRBUF_NULL;
	/* Without a final zero, so that a sanitizer sees who reads on. */
	_cleanup_(freep) char *exact = malloc(len + !len);
	struct json_scan s = { exact, exact + len };

	memcpy(exact, text, len);
	if (!json_scan_value(&s, &out) || json_scan_peek(&s) || s.at != s.end)
		return "wrong";
	snprintf(copy, sizeof(copy), "%s", strbuf_str(&out));
	return copy;
}

static const char *scan(const char *text)
{
	return scan_len(text, strlen(text));
}

TEST(white_space_goes_and_all_else_stays)
{
	CHECK_STR(scan(" { \"a b\" : [ 1 ,\t2 ] ,\n\"c\":\r\n{ } , \"d\" : [ ] } "),
		  "{\"a b\":[1,2],\"c\":{},\"d\":[]}");
	CHECK_STR(scan("[true,false,null]"), "[true,false,null]");
	CHECK_STR(scan("\"\\u00e9\\n\\\\ \\\" \xc3\xa9 \xf0\x9f\x98\x80\""),
		  "\"\\u00e9\\n\\\\ \\\" \xc3\xa9 \xf0\x9f\x98\x80\"");
}

TEST(numbers_are_copied_digit_by_digit)
{
	static const char *const numbers[] = {
		"18446744073709551615", "9007199254740993", "-0", "0.10", "1E+2", "1e-300", "-12.50e3",
		"100000000000000000000000000000000000000001",
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		CHECK_STR(scan(numbers[i]), numbers[i]);
}

/* RFC 8259, one way each to be wrong. */
static const char *const wrong[] = {
	"", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
	"{a:1}", "{'a':1}", "{1:1}", "{\"a\":1 \"b\":2}", "]", "01", "+1", "1.", ".5", "-", "1e", "1e+",
	"0x10", "NaN", "Infinity", "-Infinity", "tru", "nul", "True", "\"", "\"a", "\"\\\"", "\"\\x\"",
	"\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "\"a\tb\"", "\"\x01\"", "\"\xff\"", "\"\xc3\"",
	"\"\xc0\x80\"", "\"\xed\xa0\x80\"", "[1]]", "1 1", "[1]x", "// a\n1", "[1/**/]", "\xef\xbb\xbf[]",
};

TEST(what_is_not_right_is_found)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK_STR(scan(wrong[i]), "wrong");
	CHECK_STR(scan_len("[1,\0]", 5), "wrong");
	CHECK_STR(scan_len("\"a\0b\"", 5), "wrong");
}

TEST(depth_has_an_end)
{
	char deep[2 * JSON_SCAN_DEPTH + 3] = "";

	memset(deep, '[', JSON_SCAN_DEPTH);
	memset(deep + JSON_SCAN_DEPTH, ']', JSON_SCAN_DEPTH);
	CHECK_STR(scan(deep), deep);
	memset(deep, '[', JSON_SCAN_DEPTH + 1);
	memset(deep + JSON_SCAN_DEPTH + 1, ']', JSON_SCAN_DEPTH + 1);
	CHECK_STR(scan(deep), "wrong");
}

/* Every text of five of these characters. */
TEST(what_is_right_is_right_for_cjson_too)
{
	static const char set[] = "[]{},:\"1-.e0 a\\";
	unsigned right = 0;

	for (unsigned long n = 0; n < 15 * 15 * 15 * 15 * 15; n++) {
		char text[6] = "";
		unsigned long rest = n;
		cJSON *tree;

		for (int i = 0; i < 5; i++, rest /= 15)
			text[i] = set[rest % 15];
		if (strcmp(scan(text), "wrong") == 0)
			continue;
		right++;
		tree = cJSON_ParseWithOpts(text, NULL, true);
		if (!tree)
			printf("# %s\n", text);
		CHECK(tree);
		cJSON_Delete(tree);
	}
	CHECK(right > 1000);
}
