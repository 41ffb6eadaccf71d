/* SPDX-License-Identifier: Apache-2.0 */
/* The plain list: for pipes, logs, and terminals that cannot do more. */
#ifndef FLOWCTL_TOP_LIST_H
#define FLOWCTL_TOP_LIST_H

#include "base/columns.h"
#include "base/strbuf.h"
#include "top/column.h"

struct top_list {
	const struct top_rows *rows;	/* by anything; what is shown of health is read into them */
	struct columns columns;		/* by top_list_pick() */
	struct columns_style style;	/* sizes are human, whatever it says */
	struct top_order order;
	uint64_t idle_ns;		/* only lines silent for so long */
	uint64_t limit;			/* lines, 0 = all */
};

/* All that there are, *ret_n of them. */
const struct column *top_list_columns(size_t *ret_n);
/*
 * Those of @list, "a,b,c", NULL: the default for lines of that kind. With one that only a whole
 * connection has, *by is made TOP_BY_CONNECTION where it was one direction of it. 0 or fail_usage():
 * there is no such column, or it says nothing of such lines.
 */
int top_list_pick(const char *list, enum top_by *by, struct columns *ret);
/* Is one among them that needs top_vitals_read()? */
bool top_list_wants_vitals(const struct columns *picked);
/* Heads and lines, what they counted since the beginning. 0 or fail(-ENOMEM). */
int top_list_print(const struct top_list *l, struct strbuf *out);
/* "325 ms", "12.5 s", "3m05s" */
void top_list_duration(uint64_t ns, char buf[TOP_CELL_MAX]);

/* Between list.c and list_columns.c: a line, or with @row NULL that of all others. */
struct top_list_line {
	const struct top_list *list;
	const struct top_row *row;
	const struct column *first_name;	/* where the word "others" stands, or NULL */
	int64_t offset_ns;			/* from CLOCK_BOOTTIME to UTC */
};
/* All but the counts, that the others have as well. */
bool top_list_is_name(const struct column *c);

#endif
