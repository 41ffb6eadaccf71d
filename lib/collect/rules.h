/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream may not do, one row a rule: the RFC's clause, and how much it matters. The
 * decoder finds the rules of structure on its way, judge.c looks for the rest.
 */
#ifndef FLOWCTL_COLLECT_RULES_H
#define FLOWCTL_COLLECT_RULES_H

#include <stdbool.h>

enum rule {
	RULE_VERSION, RULE_MESSAGE_SHORT, RULE_MESSAGE_LENGTH, RULE_STREAM_CUT,
	RULE_SET_SHORT, RULE_SET_LONG, RULE_SET_ID, RULE_SET_EMPTY, RULE_V9_COUNT,
	RULE_PADDING_LONG, RULE_PADDING_VALUE,
	RULE_TEMPLATE_ID, RULE_TEMPLATE_CUT, RULE_TEMPLATE_CHANGED, RULE_TEMPLATE_REUSED,
	RULE_TEMPLATE_REPEATED, RULE_TEMPLATE_EMPTY, RULE_TEMPLATE_LIMIT,
	RULE_SCOPE_NONE, RULE_SCOPE_COUNT,
	RULE_WITHDRAWAL_UDP, RULE_WITHDRAWAL_UNKNOWN, RULE_WITHDRAWAL_KIND,
	RULE_NO_TEMPLATE, RULE_TEMPLATE_LATE, RULE_TEMPLATE_WITHDRAWN, RULE_TEMPLATE_EXPIRED,
	RULE_RECORD_CUT,
	RULE_SEQUENCE_START, RULE_SEQUENCE_GAP, RULE_SEQUENCE_BACK, RULE_SEQUENCE_LATE,
	RULE_RESTART,
	RULE_FIELD_LENGTH, RULE_FIELD_VARIABLE, RULE_FIELD_UNKNOWN, RULE_FIELD_PEN,
	RULE_FIELD_TWICE,
	RULE_EXPORT_TIME_BACK, RULE_EXPORT_TIME_FAR, RULE_END_BEFORE_START, RULE_TIME_AFTER_EXPORT,
	RULE_NTP_FRACTION, RULE_DOMAIN,
	RULE_VALUE_RANGE, RULE_BOOLEAN, RULE_STRING, RULE_LIST, RULE_TYPE_INFORMATION,
	RULE_N,
};

enum rule_weight {
	RULE_NOTE,		/* worth knowing; no violation */
	RULE_VIOLATION,
};

struct rule_row {
	const char *name;	/* "set-length": what the end's summary calls it */
	const char *clause;	/* "RFC 7011 3.3.2" */
	enum rule_weight weight;
	bool always;		/* told without --strict too: data was lost or cannot be read */
	const char *says;	/* what is wrong, for manuals and summaries */
};

/* All rows, by enum rule; RULE_N of them. */
const struct rule_row *rule_row(enum rule rule);

#endif
