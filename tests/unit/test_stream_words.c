// SPDX-License-Identifier: Apache-2.0
/* Messages are written by hand here, after RFC 7011 3.2 to 3.4, 7 and 8.1. */
#include "base/cleanup.h"
#include "ipfix/stream_words.h"
#include "test.h"

DEFINE_CLEANUP(struct stream_words, stream_words_unref)

#define HEADER 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

static int learn(struct stream_words **w, const uint8_t *message, size_t len)
{
	return stream_words_learn(w, message, len);
}

/* 300: sourceIPv4Address, then an element of an enterprise, of variable length. */
static const uint8_t variable[] = {
	HEADER, 0, 2, 0, 20, 1, 44, 0, 2, 0, 8, 0, 4, 0x80, 1, 0xff, 0xff, 0, 0, 0x30, 0x39,
};
/* 301: octetDeltaCount(8); options template 400: scope meteringProcessId(4), and (8); padding */
static const uint8_t fixed[] = {
	HEADER, 0, 2, 0, 12, 1, 45, 0, 1, 0, 1, 0, 8,
	0, 3, 0, 20, 1, 144, 0, 2, 0, 1, 0, 143, 0, 4, 0, 41, 0, 8, 0, 0,
};

TEST(records_of_fixed_length_are_counted_without_padding)
{
	_cleanup_(stream_words_unrefp) struct stream_words *w = stream_words_none();
	static const uint8_t data[] = {
		HEADER, 1, 45, 0, 23, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0,
		1, 144, 0, 16, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8,
		/* an unknown one, and one whose length is a lie */
		9, 9, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 1, 45, 0, 99,
	};

	CHECK(w && learn(&w, fixed, sizeof(fixed)) == 0 && stream_words_have_options(w));
	CHECK(stream_words_count(w, data, sizeof(data)) == 3);
	CHECK(stream_words_count(w, fixed, sizeof(fixed)) == 0);
}

TEST(records_of_variable_length_are_counted_one_by_one)
{
	_cleanup_(stream_words_unrefp) struct stream_words *w = stream_words_none();
	static const uint8_t data[] = {
		HEADER, 1, 44, 0, 28, 10, 0, 0, 1, 2, 'a', 'b', 10, 0, 0, 2, 0,
		10, 0, 0, 3, 255, 0, 1, 'x', 0, 0, 0, 0,
	};
	static const uint8_t lie[] = { HEADER, 1, 44, 0, 16, 10, 0, 0, 1, 200, 'a', 'b', 0, 0, 0, 0, 0 };

	CHECK(w && learn(&w, variable, sizeof(variable)) == 0 && !stream_words_have_options(w));
	CHECK(stream_words_count(w, data, sizeof(data)) == 3);
	CHECK(stream_words_count(w, lie, sizeof(lie)) == 0);
}

TEST(withdrawals_make_forget)
{
	static const uint8_t one[] = { HEADER, 0, 2, 0, 8, 1, 45, 0, 0 };
	static const uint8_t options[] = { HEADER, 0, 3, 0, 8, 0, 3, 0, 0 };
	static const uint8_t data[] = {
		HEADER, 1, 45, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 1, 144, 0, 16, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8,
	};
	_cleanup_(stream_words_unrefp) struct stream_words *w = stream_words_none();
	_cleanup_(stream_words_unrefp) struct stream_words *before = NULL;

	CHECK(w && learn(&w, fixed, sizeof(fixed)) == 0 && stream_words_count(w, data, sizeof(data)) == 2);
	before = stream_words_ref(w);
	CHECK(learn(&w, one, sizeof(one)) == 0 && stream_words_count(w, data, sizeof(data)) == 1);
	CHECK(learn(&w, options, sizeof(options)) == 0);
	CHECK(stream_words_count(w, data, sizeof(data)) == 0 && !stream_words_have_options(w));
	/* who holds them still has them */
	CHECK(w != before && stream_words_count(before, data, sizeof(data)) == 2);
}

/* Every message that a template may be cut to, and every byte of it another. */
TEST(rubbish_is_survived)
{
	for (size_t len = 16; len <= sizeof(variable); len++) {
		for (size_t i = 16; i < len; i++) {
			uint8_t message[sizeof(variable)];
			struct stream_words *w = stream_words_none();

			memcpy(message, variable, len);
			message[i] ^= 0xff;
			CHECK(w && learn(&w, message, len) == 0);
			stream_words_count(w, message, len);
			stream_words_unref(w);
		}
	}
}
