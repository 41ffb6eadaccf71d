/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of top's lines: what they say, how wide they are, and which line comes first by them. */
#ifndef FLOWCTL_TOP_COLUMN_H
#define FLOWCTL_TOP_COLUMN_H

#include "top/rows.h"

enum top_column {
	TOP_PROTO,
	TOP_SOURCE,
	TOP_DESTINATION,
	TOP_HOST,
	TOP_PORT,
	TOP_NETNS,
	TOP_INTERFACE,
	TOP_RATE,
	TOP_TO_RATE,
	TOP_FROM_RATE,
	TOP_PACKET_RATE,
	TOP_PACKETS,
	TOP_BYTES,
	TOP_RTT,
	TOP_RETRANSMISSIONS,
	TOP_STATE,
	TOP_FLOWS,
	TOP_AGE,
	TOP_COLUMNS
};

#define TOP_CELL_MAX 80
struct top_column_ops {
	const char *name;		/* as --sort knows it */
	const char *head[2];		/* plain, and in UTF-8; of TO and FROM: top_column_head() */
	uint8_t width;			/* characters; of names: at least */
	uint8_t rank;			/* the lower, the rather it is shown; 0: always */
	unsigned by;			/* 1 << enum top_by: of which lines it can tell something */
	bool right;			/* to the right, and sorted from the biggest on */
	bool stretches;			/* a name: takes the room that is left */
	/* What it says of @row; "" = nothing. */
	void (*text)(const struct top_rows *r, const struct top_row *row, char buf[TOP_CELL_MAX]);
	/* Its number, NULL where it is text. */
	double (*number)(const struct top_rows *r, const struct top_row *row);
};
extern const struct top_column_ops top_columns[TOP_COLUMNS];

/* Its head, above lines of that kind. */
const char *top_column_head(enum top_column c, enum top_by by, bool utf8);
/* By --sort's word: TOP_COLUMNS when there is none, with a hint of what may have been meant. */
enum top_column top_column_find(const char *name);
/* Bit per second or the like with three digits and a prefix: "1.21G", "980", "12.4k". */
void top_column_rate(double v, char buf[TOP_CELL_MAX]);
/* Octets in eight characters: "882", "11.4 KiB", "129 MiB", "1.20 GiB". */
void top_column_size(uint64_t bytes, char buf[TOP_CELL_MAX]);
/* "450us", "12.0ms", "1.50s" / "12s", "3m05s", "2h07m", "3d04h". */
void top_column_time(uint64_t us, char buf[TOP_CELL_MAX]);
void top_column_duration(uint64_t ns, char buf[TOP_CELL_MAX]);
/* "10.0.0.1:80", "[2001:db8::1]:80", by field_set_resolver() "host.example:80"; @port -1: none. */
void top_column_end(uint8_t family, const uint8_t addr[16], int port, char buf[TOP_CELL_MAX]);

/* Which lines first: by one column, where that says the same the bigger, and then the older line. */
struct top_order {
	enum top_column column;
	bool reversed;
};
/*
 * The first @want lines of those that are to be shown (idle for @idle_ns at least, as of the last
 * reading), in order, into @ret, which has room for so many. *ret_all: how many there are.
 */
uint32_t top_order_first(const struct top_order *o, const struct top_rows *r, uint64_t idle_ns,
			 uint32_t want, uint32_t *ret, uint32_t *ret_all);

#endif
