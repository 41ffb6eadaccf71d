/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log of format vpc knows: entries come in, lines go out. The same entries make the same
 * lines, whoever reads them: so they are what is spooled.
 */
#ifndef FLOWCTL_SINK_VPC_BOOK_H
#define FLOWCTL_SINK_VPC_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "flow/vpc_field.h"
#include "sink/vpc_lines.h"

enum vpc_entry {
	VPC_ENTRY_PLACE = 1,	/* an interface; its number is how many came before */
	VPC_ENTRY_PIECE,	/* struct vpc_piece */
	VPC_ENTRY_STATUS,	/* struct vpc_told */
	/* uint32_t, seconds since 1970: */
	VPC_ENTRY_END,		/* intervals before it are ended */
	VPC_ENTRY_FILE,		/* a folder's file is complete, as of now */
	VPC_ENTRY_ALL,		/* that, and all lines are written before, whatever their interval */
};

/* NODATA or SKIPDATA. */
struct vpc_told {
	uint32_t place;
	uint32_t status;	/* enum vpc_status */
	uint64_t from_ns, to_ns;
};

/* An interface, as so many strings of VPC_PLACE_STRINGS behind each other, "" where not known. */
#define VPC_PLACE_STRINGS 9	/* netns, iface, and struct vpc_place's in its order */
struct vpc_known {
	char *strings;
	size_t len;
	struct vpc_place place;
	uint32_t wrote;		/* the last interval of which a line was written at once */
	/* When the first interval of these begins, 0 = there are none: */
	uint32_t fresh;		/* lines in out behind what was tried */
	uint32_t lost;		/* lines that were lost, which nobody was told of */
};

struct vpc_book {
	struct vpc_format format;
	struct vpc_lines lines;
	struct vpc_known *places;
	size_t n_places;
	uint32_t ended;		/* seconds since 1970 */
	struct strbuf out;	/* lines that are to be written */
	uint64_t n_out;
	size_t tried;		/* so many bytes of it could not be, and wait for room */
	struct strbuf told;	/* NODATA, SKIPDATA: behind the lines of their interval */
	uint64_t n_told;
	/* Takes what is in out, when it grew long: by whoever has the book. */
	void (*full)(void *arg);
	void *arg;
};

/* @format is copied. @max_lines: lines that are held at a time. */
void vpc_book_init(struct vpc_book *b, const struct vpc_format *format, size_t max_lines);
void vpc_book_deinit(struct vpc_book *b);
/* The number of the place of these strings, or @b->n_places. */
size_t vpc_book_find(const struct vpc_book *b, const char *strings, size_t len);
/* -EBADMSG: it is no entry; -ENOMEM. Nothing is done then. */
int vpc_book_enter(struct vpc_book *b, uint32_t type, const void *data, size_t len);
/*
 * The first @bytes of out got to where they belong. Whole lines of them go; how much of a line is
 * there whose rest is not is returned. All that is left counts as tried.
 */
size_t vpc_book_took(struct vpc_book *b, size_t bytes);
/* Lose what is in out behind what was tried, and know whose lines that were. How many lines. */
uint64_t vpc_book_lose(struct vpc_book *b);
/* @p could not be entered: its place has lost a line. */
void vpc_book_missed(struct vpc_book *b, const struct vpc_piece *p);
/* Lines that were thought to be written are not: they come before what is in out. -ENOMEM. */
int vpc_book_put_back(struct vpc_book *b, const struct strbuf *lines);
/* How many lines end there. */
uint64_t vpc_book_count_lines(const char *data, size_t len);
/* Has that place a line of the interval, counted up or written? @ret: by number, n_places long. */
void vpc_book_has(const struct vpc_book *b, uint32_t interval, bool *ret);
/* Forget places of which there are no lines, and append what makes the same book anew. -ENOMEM. */
int vpc_book_entries(struct vpc_book *b, struct strbuf *entries);

#endif
