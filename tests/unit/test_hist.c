// SPDX-License-Identifier: Apache-2.0
/* The histogram against the samples themselves, sorted. */
#include "flow/hist.h"

#include <stdlib.h>

#include "test.h"

static struct hist h;

static void fill(const uint32_t *v, size_t n)
{
	memset(&h, 0, sizeof(h));
	for (size_t i = 0; i < n; i++)
		hist_add(&h, v[i]);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool within(uint32_t is, uint32_t exact)
{
	uint32_t off = is > exact ? is - exact : exact - is;

	return exact < 512 ? off == 0 : off <= exact / 500;
}

TEST(an_empty_one_says_nothing)
{
	struct hist_row rows[HIST_ROWS_MAX];
	struct strbuf out = STRBUF_NULL;

	memset(&h, 0, sizeof(h));
	CHECK(hist_mean(&h) == 0 && hist_quantile(&h, 500) == 0);
	CHECK(hist_rows(&h, rows) == 0);
	hist_text(&h, &out);
	CHECK_STR(strbuf_str(&out), "");
}

TEST(the_smallest_and_the_biggest_have_a_place)
{
	const uint32_t v[] = { 0, UINT32_MAX };
	struct hist_row rows[HIST_ROWS_MAX];
	size_t n;

	fill(v, 2);
	CHECK(h.min_us == 0 && h.max_us == UINT32_MAX && h.count == 2);
	CHECK(hist_quantile(&h, 1) == 0);
	CHECK(within(hist_quantile(&h, 1000), UINT32_MAX));
	n = hist_rows(&h, rows);
	CHECK(n == HIST_ROWS_MAX && rows[0].from_us == 0 && rows[n - 1].to_us == UINT32_MAX);
	CHECK(rows[0].count == 1 && rows[n - 1].count == 1);
}

TEST(one_sample_is_all_there_is)
{
	const uint32_t v[] = { 123457 };

	fill(v, 1);
	CHECK(hist_mean(&h) == 123457 && h.min_us == 123457 && h.max_us == 123457);
	CHECK(hist_quantile(&h, 1) == 123457 && hist_quantile(&h, 990) == 123457);
}

TEST(quantiles_are_those_of_the_sorted_samples_within_the_bound)
{
	static const unsigned permille[] = { 1, 10, 250, 500, 900, 990, 999, 1000 };
	static uint32_t v[20011];
	size_t n = sizeof(v) / sizeof(v[0]);

	srandom(7);
	for (unsigned bits = 1; bits <= 31; bits++) {
		uint64_t sum = 0;

		for (size_t i = 0; i < n; i++) {
			v[i] = (uint32_t)random() >> (31 - bits);
			sum += v[i];
		}
		fill(v, n);
		qsort(v, n, sizeof(v[0]), compare);
		CHECK(h.min_us == v[0] && h.max_us == v[n - 1] && h.sum_us == sum);
		for (size_t i = 0; i < sizeof(permille) / sizeof(permille[0]); i++) {
			size_t rank = (n * permille[i] + 999) / 1000;

			CHECK(within(hist_quantile(&h, permille[i]), v[rank - 1]));
		}
	}
}

TEST(rows_hold_every_sample_without_a_gap)
{
	static const uint32_t ranges[][2] = {
		{ 0, 3 }, { 0, 511 }, { 17, 40 }, { 500, 600 }, { 20013, 20790 }, { 30, 3000000 }, { 7, 7 },
	};
	struct hist_row rows[HIST_ROWS_MAX];

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint64_t sum = 0;
		size_t n;

		memset(&h, 0, sizeof(h));
		for (uint32_t us = ranges[i][0]; us <= ranges[i][1]; us++)
			hist_add(&h, us);
		n = hist_rows(&h, rows);
		CHECK(n >= 1 && n <= 22);
		CHECK(rows[0].from_us <= ranges[i][0] && rows[n - 1].to_us >= ranges[i][1]);
		for (size_t r = 0; r < n; r++) {
			uint32_t from = rows[r].from_us > ranges[i][0] ? rows[r].from_us : ranges[i][0];
			uint32_t to = rows[r].to_us < ranges[i][1] ? rows[r].to_us : ranges[i][1];

			CHECK(r == 0 || rows[r].from_us == rows[r - 1].to_us + 1);
			CHECK(rows[r].count == to - from + 1);
			sum += rows[r].count;
		}
		CHECK(sum == h.count);
	}
}

TEST(text_has_a_bar_for_a_single_sample_beside_many)
{
	struct strbuf out = STRBUF_NULL;

	memset(&h, 0, sizeof(h));
	for (int i = 0; i < 1000; i++)
		hist_add(&h, 20);
	hist_add(&h, 22);
	hist_text(&h, &out);
	CHECK_STR(strbuf_str(&out),
		  "      0.020 -       0.020ms       1000 ######################################\n"
		  "      0.021 -       0.021ms          0\n"
		  "      0.022 -       0.022ms          1 #\n");
	strbuf_deinit(&out);
}

TEST(text_fits_80_columns_whatever_it_holds)
{
	const uint32_t v[] = { 0, 1, 77, 1234567, UINT32_MAX };
	struct strbuf out = STRBUF_NULL;
	size_t column = 0, widest = 0;

	fill(v, 5);
	h.bucket[77] += UINT64_C(9999999999);
	h.count += UINT64_C(9999999999);
	hist_text(&h, &out);
	for (const char *p = strbuf_str(&out); *p; p++) {
		column = *p == '\n' ? 0 : column + 1;
		widest = column > widest ? column : widest;
	}
	CHECK(widest <= 80);
	strbuf_deinit(&out);
}
