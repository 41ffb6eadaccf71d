/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say how records are printed, common to dump and replay. */
#ifndef FLOWCTL_CMD_PRINT_ARGS_H
#define FLOWCTL_CMD_PRINT_ARGS_H

#include "sink/print.h"
#include "style.h"

struct print_args {
	int format;
	const char *sort;
	uint64_t limit;
};

/* Rows for a command whose argument struct @args_ has members `print` and `style`. */
#define PRINT_OPTS(args_)                                                                       \
	OPT(CHOICE, args_, print.format, .name = "output", .letter = 'o', .arg = "FORMAT",      \
	    .choices = print_format_names, .help = "table (default), wide, json, ndjson or csv"), \
	STYLE_OPTS(args_),                                                                      \
	OPT(STR, args_, print.sort, .name = "sort", .arg = "KEY",                               \
	    .help = "biggest KEY first; -KEY: smallest first"),                                 \
	OPT(U64, args_, print.limit, .name = "limit", .arg = "N", .min = 1,                     \
	    .help = "the first N only")

static inline struct print_config print_args_config(const struct print_args *print,
						    const struct style_args *style)
{
	return (struct print_config) {
		.format = print->format,
		.columns = style->columns,
		.sort = print->sort,
		.limit = print->limit,
		.style = style_of(style),
	};
}

#endif
