/* SPDX-License-Identifier: Apache-2.0 */
/* Records on stdout, for dump and its kin: sorted, limited, in the format asked for. */
#ifndef FLOWCTL_SINK_PRINT_H
#define FLOWCTL_SINK_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/columns.h"
#include "flow/field.h"
#include "flow/record.h"

enum print_format { PRINT_TABLE, PRINT_WIDE, PRINT_JSON, PRINT_NDJSON, PRINT_CSV };
/* NULL-terminated: "table", "wide", "json", "ndjson", "csv". */
extern const char *const print_format_names[];

struct print_config {
	enum print_format format;
	const char *columns;	/* "a,b,c" or NULL */
	const char *sort;	/* "KEY" descending, "-KEY" ascending, NULL = as they come */
	size_t limit;		/* 0 = all */
	bool names;		/* of hosts (flow/field_name.h): the extra keys, and SRC and DST */
	struct columns_style style;	/* of tables */
	FILE *out;		/* NULL = stdout */
};

/* Every key as a column: those of field_all(), then those of field_extra(). */
const struct column *print_columns(size_t *ret_n);
/* Do the columns or the order that are asked for need names of hosts? */
bool print_wants_names(const struct print_config *config);
/* Check columns and sort key. fail_usage() with a near miss as hint. */
int print_check(const struct print_config *config);
/* Print @n records (may be reordered). 0; -EPIPE quietly when the reader closed; fail(). */
int print_records(const struct print_config *config, struct record *records, size_t n);

#endif
