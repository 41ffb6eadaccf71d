// SPDX-License-Identifier: Apache-2.0
/*
 * A duration's bucket is its highest bits: their number, 1 + @bits, is the resolution. Below
 * 2^(bits + 1) that is the very number. Every bucket of fewer bits is a whole number of those
 * of more, so that the rows that are printed are exact sums.
 */
#include "flow/hist.h"

#include <stdbool.h>
#include <string.h>

#define ROWS_WANTED 16
#define BAR_COLUMNS 38

/* Buckets of 2^bits an octave; below 2^bits the number itself. */
static uint32_t place(uint32_t us, unsigned bits)
{
	unsigned shift;

	if (us >> bits == 0)
		return us;
	shift = 31 - __builtin_clz(us) - bits;
	return (shift << bits) + (us >> shift);
}

/* The least that place() gives @index for; of one behind the last: 2^32. */
static uint64_t least(uint32_t index, unsigned bits)
{
	uint32_t octave = index >> bits;

	if (octave == 0)
		return index;
	return (uint64_t)((index & ((1u << bits) - 1)) | 1u << bits) << (octave - 1);
}

void hist_add(struct hist *h, uint32_t us)
{
	if (h->count == 0 || us < h->min_us)
		h->min_us = us;
	if (h->count == 0 || us > h->max_us)
		h->max_us = us;
	h->count++;
	h->sum_us += us;
	h->bucket[place(us, HIST_BITS)]++;
}

uint32_t hist_mean(const struct hist *h)
{
	return h->count ? (h->sum_us + h->count / 2) / h->count : 0;
}

uint32_t hist_quantile(const struct hist *h, unsigned permille)
{
	unsigned __int128 product = (unsigned __int128)h->count * permille;
	uint64_t rank = (product + 999) / 1000, seen = 0, middle;
	uint32_t i = 0;

	if (h->count == 0)
		return 0;
	if (rank >= h->count)
		return h->max_us;
	for (; i < HIST_BUCKETS - 1; i++) {
		seen += h->bucket[i];
		if (seen >= rank)
			break;
	}
	middle = (least(i, HIST_BITS) + least(i + 1, HIST_BITS) - 1) / 2;
	if (middle < h->min_us)
		return h->min_us;
	return middle > h->max_us ? h->max_us : middle;
}

/* As fine as possible, where all fits into so many rows; by octaves there are 33 at most. */
static unsigned choose_bits(const struct hist *h)
{
	unsigned bits = HIST_BITS;

	while (bits && place(h->max_us, bits) - place(h->min_us, bits) >= ROWS_WANTED)
		bits--;
	return bits;
}

size_t hist_rows(const struct hist *h, struct hist_row ret[HIST_ROWS_MAX])
{
	unsigned bits = choose_bits(h);
	uint32_t first = place(h->min_us, bits), last = place(h->max_us, bits);
	uint32_t from = place(h->min_us, HIST_BITS), to = place(h->max_us, HIST_BITS);

	if (h->count == 0)
		return 0;
	for (uint32_t i = first; i <= last; i++)
		ret[i - first] = (struct hist_row) { least(i, bits), least(i + 1, bits) - 1, 0 };
	for (uint32_t i = from; i <= to; i++)
		ret[place(least(i, HIST_BITS), bits) - first].count += h->bucket[i];
	return last - first + 1;
}

/* A sample is never invisible: one is a short bar, too. */
static unsigned bar_len(uint64_t count, uint64_t most)
{
	unsigned len = (double)count / most * BAR_COLUMNS + 0.5;

	return count && !len ? 1 : len;
}

void hist_text(const struct hist *h, struct strbuf *out)
{
	static const char bar[BAR_COLUMNS + 1] = "######################################";
	struct hist_row rows[HIST_ROWS_MAX];
	size_t n = hist_rows(h, rows);
	uint64_t most = 0;

	for (size_t i = 0; i < n; i++)
		most = rows[i].count > most ? rows[i].count : most;
	for (size_t i = 0; i < n; i++) {
		strbuf_printf(out, "%11.3f - %11.3fms %10llu", rows[i].from_us / 1e3,
			      rows[i].to_us / 1e3, (unsigned long long)rows[i].count);
		if (rows[i].count)
			strbuf_printf(out, " %.*s", (int)bar_len(rows[i].count, most), bar);
		strbuf_putc(out, '\n');
	}
}
