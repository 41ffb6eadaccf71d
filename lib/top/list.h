/* SPDX-License-Identifier: Apache-2.0 */
/* The plain list: for pipes, logs, and terminals that cannot do more. */
#ifndef FLOWCTL_TOP_LIST_H
#define FLOWCTL_TOP_LIST_H

#include "base/strbuf.h"
#include "top/column.h"

struct top_list {
	const struct top_rows *rows;	/* by anything */
	enum top_by by;			/* what they are by */
	struct top_order order;
	uint64_t idle_ns;		/* only lines silent for so long */
	uint64_t limit;			/* lines, 0 = all */
};

/* Heads and lines, what they counted since the beginning. 0 or fail(-ENOMEM). */
int top_list_print(const struct top_list *l, struct strbuf *out);
/* "325 ms", "12.5 s", "3m05s" */
void top_list_duration(uint64_t ns, char buf[TOP_CELL_MAX]);

#endif
