// SPDX-License-Identifier: Apache-2.0
#include <wchar.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "test.h"

TEST(an_empty_string_reads_as_empty)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	CHECK_STR(strbuf_str(&b), "");
	CHECK(b.len == 0 && !b.failed);
	strbuf_deinit(&b);
	CHECK_STR(strbuf_str(&b), "");
}

TEST(pieces_come_one_after_the_other)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	strbuf_puts(&b, "ab");
	strbuf_putc(&b, 'c');
	strbuf_add(&b, "defg", 2);
	strbuf_printf(&b, "%d-%s", 42, "x");
	strbuf_u64(&b, UINT64_MAX);
	CHECK_STR(strbuf_str(&b), "abcde42-x18446744073709551615");
	CHECK(b.len == 29);
}

TEST(every_length_around_a_doubling_fits)
{
	for (size_t n = 200; n < 1100; n++) {
		_cleanup_(strbuf_deinit) struct strbuf a = STRBUF_NULL, b = STRBUF_NULL;

		for (size_t i = 0; i < n; i++)
			strbuf_putc(&a, 'x');
		strbuf_printf(&b, "%s", strbuf_str(&a));
		CHECK(a.len == n && b.len == n && strlen(a.data) == n);
		CHECK_STR(strbuf_str(&b), strbuf_str(&a));
	}
}

TEST(bytes_of_any_value_are_kept)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	strbuf_add(&b, "a\0b", 3);
	CHECK(b.len == 3 && memcmp(b.data, "a\0b", 4) == 0);
}

TEST(reset_keeps_the_memory_and_forgets_the_text)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;
	size_t cap;

	strbuf_reset(&b);
	strbuf_printf(&b, "%500s", "");
	cap = b.cap;
	strbuf_reset(&b);
	CHECK_STR(strbuf_str(&b), "");
	CHECK(b.len == 0 && b.cap == cap);
	strbuf_puts(&b, "new");
	CHECK_STR(strbuf_str(&b), "new");
}

TEST(a_failure_is_remembered_and_stops_further_text)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	strbuf_puts(&b, "kept");
	b.failed = true;
	strbuf_puts(&b, "lost");
	strbuf_printf(&b, "%d", 1);
	CHECK_STR(strbuf_str(&b), "kept");
	strbuf_reset(&b);
	CHECK(!b.failed);
}

TEST(nothing_may_be_added)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	strbuf_add(&b, NULL, 0);
	strbuf_puts(&b, "");
	strbuf_printf(&b, "%s", "");
	CHECK_STR(strbuf_str(&b), "");
	CHECK(!b.failed);
}

TEST(what_cannot_be_written_is_remembered_too)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;
	const wchar_t bad[] = { 0x110000, 0 };	/* beyond Unicode */

	strbuf_puts(&b, "kept");
	/* vsnprintf refuses. */
	strbuf_printf(&b, "%ls", bad);
	CHECK(b.failed);
	strbuf_reset(&b);
	strbuf_puts(&b, "kept");
	/* Refused before a byte of it is read. */
	strbuf_add(&b, "", SIZE_MAX / 2);
	CHECK(b.failed);
	CHECK_STR(strbuf_str(&b), "kept");
}
