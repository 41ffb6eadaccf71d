/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that routing cannot tell apart: those of which the same routes are longest. */
#ifndef FLOWCTL_ENRICH_CLASSES_H
#define FLOWCTL_ENRICH_CLASSES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/parse.h"
#include "enrich/lpm.h"
#include "kernel/route_watch.h"

struct classes {
	struct lpm *now;	/* all prefixes there are routes for, and maybe more; or NULL */
	struct lpm *next;	/* is being collected, or NULL */
	bool by_source;		/* routes for some sources only were among them */
	uint64_t again_ns;	/* CLOCK_BOOTTIME, not before then it is done again */
	uint64_t spent_ns;	/* on what is being collected */
	uint64_t ticked_ns;	/* CLOCK_BOOTTIME of the last tick */
};

/*
 * The class of @addr, as its longest prefix: *ret_len bits of it, or CLASS_NONE. False: it is
 * alone in its class, as far as we know.
 */
#define CLASS_NONE 255
bool classes_find(const struct classes *c, uint8_t family, const uint8_t *addr, uint8_t *ret_len);
/* A route for @p came or went. */
void classes_changed(struct classes *c, const struct parse_prefix *p, bool by_source);
/* Nothing is known any more. */
void classes_forget(struct classes *c);
/* Go on with collecting, for some milliseconds at most. True: there are classes since now.
 * @now_ns: CLOCK_BOOTTIME. */
bool classes_tick(struct classes *c, struct route_watch *w, uint64_t now_ns);

#endif
