/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say how tables look, common to all commands that print one. */
#ifndef FLOWCTL_CMD_STYLE_H
#define FLOWCTL_CMD_STYLE_H

#include "base/columns.h"
#include "base/opt.h"

struct style_args {
	const char *columns;
	int color;			/* index into style_colors */
	bool human;
};

extern const char *const style_colors[];

/* The choices of --output where there are these two. */
enum style_format { STYLE_TABLE, STYLE_JSON };
extern const char *const style_formats[];
#define STYLE_FORMAT_OPT(args_)                                                                 \
	OPT(CHOICE, args_, format, .name = "output", .letter = 'o', .arg = "FORMAT",            \
	    .choices = style_formats, .help = "table (default) or json")

/* Rows for a command whose argument struct @args_ has a member `style`. */
#define STYLE_OPTS(args_)                                                                       \
	OPT(STR, args_, style.columns, .name = "columns", .arg = "A,B,...",                     \
	    .help = "these columns only, in this order\n(help: what there is)"),                \
	OPT(FLAG, args_, style.human, .name = "human", .letter = 'H',                           \
	    .help = "sizes as people read them: 11.45 KiB"),                                    \
	OPT(CHOICE, args_, style.color, .name = "color", .arg = "WHEN", .choices = style_colors, \
	    .help = "auto (on a terminal), always or never")

/* What @args mean for standard output. By itself: colours on a terminal, unless $NO_COLOR is set. */
struct columns_style style_of(const struct style_args *args);
/* fail_usage() where columns are chosen of what is no table. */
int style_check(const struct style_args *args, enum style_format format);

#endif
