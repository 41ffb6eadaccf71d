// SPDX-License-Identifier: Apache-2.0
/* Sequences after RFC 3629 3 and 4, and the examples of its part 7. */
#include "base/utf8.h"

#include "base/cleanup.h"
#include "test.h"

TEST(characters_are_as_long_as_rfc_3629_has_them)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{ "A", 1 }, { "\x7f", 1 }, { "\xc2\x80", 2 }, { "\xed\x95\x9c", 3 },
		{ "\xf0\xa3\x8e\xb4", 4 }, { "\xf4\x8f\xbf\xbf", 4 },
		/* too long a form, a surrogate, beyond the last, cut, a continuation alone */
		{ "\xc0\x80", 0 }, { "\xe0\x9f\xbf", 0 }, { "\xed\xa0\x80", 0 },
		{ "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 }, { "\xe2\x89", 0 },
		{ "\x80", 0 }, { "\xff", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(utf8_len((const unsigned char *)rows[i].text) == rows[i].len);
}

TEST(a_copy_is_well_formed_and_ends_with_a_whole_character)
{
	uint8_t out[8];

	CHECK(utf8_copy(out, 8, "A\xe2\x89\xa2\xce\x91.") == 7 &&
	      memcmp(out, "A\xe2\x89\xa2\xce\x91.", 7) == 0);
	CHECK(utf8_copy(out, 5, "A\xe2\x89\xa2\xce\x91.") == 4);
	CHECK(utf8_copy(out, 3, "A\xe2\x89\xa2") == 1);
	CHECK(utf8_copy(out, 8, "\xff" "a\xe2\x89") == 4 && memcmp(out, "?a??", 4) == 0);
	CHECK(utf8_copy(out, 0, "a") == 0 && utf8_copy(out, 8, "") == 0);
}
