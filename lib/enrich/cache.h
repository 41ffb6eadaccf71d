/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's answers about routes in one namespace, as long as nothing changes there. */
#ifndef FLOWCTL_ENRICH_CACHE_H
#define FLOWCTL_ENRICH_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/route.h"

struct cache;

/* @ns_fd as for routes_open(). fail(). */
int cache_new(int ns_fd, struct cache **ret);
void cache_free(struct cache *c);
/*
 * The route that @q matches; what it says beyond the destination counts where rules make it
 * count. NULL when the kernel did not answer. Valid until the next question.
 */
const struct route *cache_match(struct cache *c, const struct route_query *q);
/* The hop that the kernel takes for this very flow; nothing is kept. As routes_resolve(). */
int cache_resolve(struct cache *c, const struct route_query *q, struct route_hop *ret);
/* Forget what routing changed. @now_ns: CLOCK_BOOTTIME. */
void cache_check(struct cache *c, uint64_t now_ns);

#endif
