/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter as people type it: the options of dump as words ("proto tcp dport 443"), with or
 * without dashes or an equals sign, and what says itself what it is: a protocol, an address or
 * prefix, a port.
 */
#ifndef FLOWCTL_TOP_WORDS_H
#define FLOWCTL_TOP_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/filter.h"

#define TOP_ANY_MAX 4
struct top_words {
	struct filter filter;		/* idle_ns is the caller's to judge, by line */
	bool either_way;		/* the caller's: a flow is meant where its other direction is, too */
	/* Each at either end: */
	struct parse_prefix hosts[TOP_ANY_MAX];
	size_t n_hosts;
	uint16_t ports[TOP_ANY_MAX];	/* host order */
	size_t n_ports;
	char iface[IFACE_NAME_MAX];	/* an anchored glob, "" = any */
};

/* 0, or fail_usage(): an unknown word, a value that is none. @line "" means all. */
int top_words_parse(const char *line, struct top_words *ret);
/* @iface: where the flow was metered, or NULL. */
bool top_words_match(const struct top_words *w, const struct flow_key *key, const char *iface);

#endif
