/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of rows.h share; nobody else includes it. */
#ifndef FLOWCTL_TOP_ROWS_PARTS_H
#define FLOWCTL_TOP_ROWS_PARTS_H

#include "top/rows.h"

/*
 * follow_flow.owner of a flow that is in lines: a line's number, shifted by one, and in the lowest
 * bit which way of it. A host's flow is in two lines, any other in one.
 */
#define TOP_FLOW_HIDDEN (FOLLOW_NONE - 1)	/* nobody wants it */
#define TOP_FIRST_ROWS 1024

/* The sentence for want of memory; returns -ENOMEM. */
int top_rows_no_memory(void);
/* Give @f, a flow of that place (its index), its lines, new ones where need be. 0 or fail(-ENOMEM). */
int top_rows_bind(struct top_rows *r, uint16_t place, struct follow_flow *f);

#endif
