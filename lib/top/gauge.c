// SPDX-License-Identifier: Apache-2.0
/*
 * The numbers are the hooks' own ledgers, so what found no room in a table is in them, too. A
 * counter that went back (its meter was made anew) begins again.
 */
#include "top/gauge.h"

#include <string.h>

#include "base/clock.h"

static uint64_t growth(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

void top_gauge_add(struct top_gauge *g, const struct ledger_count now[2], uint64_t interval_ns)
{
	double seconds = interval_ns / (double)NSEC_PER_SEC;

	for (int way = 0; way < 2; way++) {
		uint64_t packets = growth(now[way].packets, g->total[way].packets);
		uint64_t bytes = growth(now[way].bytes, g->total[way].bytes);

		g->total[way] = now[way];
		if (!interval_ns)
			continue;
		g->packets[way] = packets / seconds;
		g->bits[way] = 8 * bytes / seconds;
		g->history[way][g->n % TOP_HISTORY] = g->bits[way];
	}
	g->n += interval_ns != 0;
}

/* Of the interval @back before the last; 0 where there was none. */
static double bits_at(const struct top_gauge *g, int way, size_t back)
{
	if (back >= g->n || back >= TOP_HISTORY)
		return 0;
	return g->history[way][(g->n - 1 - back) % TOP_HISTORY];
}

double top_gauge_most(const struct top_gauge *g, int way, size_t intervals)
{
	double most = 0;

	for (size_t i = 0; i < intervals; i++)
		most = bits_at(g, way, i) > most ? bits_at(g, way, i) : most;
	return most;
}

void top_gauge_spark(const struct top_gauge *g, int way, size_t width, bool utf8, char *buf)
{
	static const char *const marks[2][9] = {
		{ " ", ".", ":", "-", "=", "+", "*", "#", "@" },
		{ " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" },
	};
	double most = top_gauge_most(g, way, width);

	for (size_t i = width; i-- > 0;) {
		double v = bits_at(g, way, i);
		/* Little is not nothing. */
		int height = v <= 0 ? 0 : 1 + (int)(v / most * 7.999);

		buf = stpcpy(buf, marks[utf8][height]);
	}
	*buf = '\0';
}
