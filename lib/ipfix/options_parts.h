/* SPDX-License-Identifier: Apache-2.0 */
/* What options.c, options_data.c and options_row.c share. */
#ifndef FLOWCTL_IPFIX_OPTIONS_PARTS_H
#define FLOWCTL_IPFIX_OPTIONS_PARTS_H

#include "ipfix/options.h"

/* Everything that a record may say. Numbers are in host order, texts borrowed or NULL. */
struct options_values {
	uint64_t domain, process;
	uint64_t messages, bytes, records;
	uint64_t ignored_packets, ignored_bytes, ignored_first_ms, ignored_last_ms;
	uint64_t not_sent_flows, not_sent_packets, not_sent_bytes;
	uint64_t not_sent_first_ms, not_sent_last_ms;
	/* of the interface at hand */
	uint64_t least;				/* intervals below this are not told */
	uint64_t ifindex, interval, space, one;
	uint64_t algorithm, selector_algorithm;	/* IANA's elements 35 and 304 */
	uint64_t probability;			/* the bits of a float64 */
	const char *domain_name;
	const char *name, *description;		/* or of the element at hand */
	/* of the element at hand */
	const struct template_set *templates;	/* elements of others are not told; NULL: all are */
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

/* Of options data: the next record. */
struct options_place {
	size_t row, item;
};

struct options {
	const struct profile *profile;
	struct options_source source;
	uint32_t enterprise;
	bool netflow9;
	const struct template_set *templates;	/* borrowed, or NULL */
	uint16_t ids[OPTIONS_ROWS_MAX];
	bool is_open;			/* the last round was not finished, */
	uint32_t open_domain;		/* that of this domain, */
	unsigned open_what;		/* of these OPTIONS_*, */
	struct options_place open_at;	/* and goes on here */
};

/* Is the row among what the profile and the version want? */
bool options_is_wanted(const struct options *o, const struct options_row *row);
/* Is this text of variable length? */
bool options_is_variable(const struct options *o, const struct options_field *f);
size_t options_fields(const struct options_row *row);
/*
 * One round over all records, or what is left of the one that was stopped. @what: OPTIONS_* bits,
 * of those that are wanted. @least: intervals of sampling below that are not told. 0 or what
 * @send said.
 */
int options_round(struct options *o, unsigned what, unsigned least, struct message *m,
		  uint32_t domain, const struct options_session *counts, options_send_fn send,
		  void *arg);

#endif
