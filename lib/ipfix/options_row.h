/* SPDX-License-Identifier: Apache-2.0 */
/* For options.c: the rows of options_row.c, an options template each. */
#ifndef FLOWCTL_IPFIX_OPTIONS_ROW_H
#define FLOWCTL_IPFIX_OPTIONS_ROW_H

#include "ipfix/options.h"

/* Everything that a record may say. Numbers are in host order, texts borrowed or NULL. */
struct options_values {
	uint64_t domain, process;
	uint64_t messages, bytes, records;
	uint64_t ignored_packets, ignored_bytes, ignored_first_ms, ignored_last_ms;
	uint64_t not_sent_flows, not_sent_packets, not_sent_bytes;
	uint64_t not_sent_first_ms, not_sent_last_ms;
	/* of the interface at hand */
	uint64_t ifindex, interval, space, one;
	uint64_t algorithm, selector_algorithm;	/* IANA's elements 35 and 304 */
	uint64_t probability;			/* the bits of a float64 */
	const char *name, *description;		/* or of the element at hand */
	/* of the element at hand */
	uint64_t enterprise, element, type, semantics, units, range_begin, range_end;
};

struct options_field {
	uint16_t id;		/* of IANA; 0 ends a row */
	uint16_t len;		/* bytes; of a text those of the fixed shape */
	uint16_t offset;	/* in struct options_values */
	bool text;
};

#define OPTIONS_FIELDS_MAX 10
struct options_row {
	unsigned option;		/* OPTIONS_* */
	int shape;			/* of the profile's sampling or interfaces, -1 = any */
	bool netflow9;			/* NetFlow v9 can say it: numbers and scopes that it has */
	/* Of what there is a record each: fill in the @i'th. False: not this one. */
	size_t (*count)(const struct options_facts *f);
	bool (*pick)(const struct options_facts *f, size_t i, struct options_values *v);
	uint16_t n_scopes;		/* the first so many fields */
	struct options_field fields[OPTIONS_FIELDS_MAX];
};

/* All rows; *ret_n gets how many. A row's number gives the template its id: add at the end. */
#define OPTIONS_ROWS_MAX OPTIONS_SETS_MAX
const struct options_row *options_rows(size_t *ret_n);

#endif
