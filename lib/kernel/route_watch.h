/* SPDX-License-Identifier: Apache-2.0 */
/* Which prefixes a namespace has routes for, and what of its routing changes. */
#ifndef FLOWCTL_KERNEL_ROUTE_WATCH_H
#define FLOWCTL_KERNEL_ROUTE_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/parse.h"

struct route_watch;

/* A route, of whatever table. @by_source: it is for some sources only (IPv6). */
typedef void (*route_prefix_fn)(void *arg, const struct parse_prefix *p, bool by_source);

/* @ns_fd: -1 = the caller's. fail(). */
int route_watch_open(int ns_fd, struct route_watch **ret);
void route_watch_close(struct route_watch *w);

enum route_change {
	ROUTE_CHANGE_ANY = 1 << 0,	/* links, addresses, next hops: any route may be another */
	ROUTE_CHANGE_RULES = 1 << 1,
	ROUTE_CHANGE_LOST = 1 << 2,	/* more than was told */
};
/*
 * What changed since this was last asked: @fn is called for every route that came or went,
 * the rest is a mask of the above. Never blocks.
 */
unsigned route_watch_look(struct route_watch *w, route_prefix_fn fn, void *arg);

/* Begin to list all routes; one list at a time. 0 or a negative errno, without a sentence. */
int route_watch_list(struct route_watch *w);
/*
 * Go on with it, by no more than @messages of some 32 KiB: @fn is called for every route, some
 * perhaps twice. 0 at its end; -EAGAIN: there is more; else it failed, as with -EINTR when
 * routes changed meanwhile: it is to be begun again.
 */
int route_watch_list_more(struct route_watch *w, size_t messages, route_prefix_fn fn, void *arg);

#endif
