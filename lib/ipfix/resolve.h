/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses without waiting: getaddrinfo() may block for half a minute, so it runs
 * in a detached thread that outlives whoever asked, if need be.
 */
#ifndef FLOWCTL_IPFIX_RESOLVE_H
#define FLOWCTL_IPFIX_RESOLVE_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/parse.h"

#define RESOLVE_MAX 8
struct resolve_addrs {
	size_t n;		/* 1 to RESOLVE_MAX, in the order to be tried */
	struct {
		struct sockaddr_storage addr;
		socklen_t len;
	} v[RESOLVE_MAX];
};

struct resolve;

/* Begin; an address literal is done at once. 0 or fail(-ENOMEM). */
int resolve_start(const struct parse_endpoint *e, struct resolve **ret);
/* -EAGAIN while it works; -ENOENT when there is no such name; 0 and the addresses, copied. */
int resolve_poll(const struct resolve *r, struct resolve_addrs *ret);
/* Why it failed, as getaddrinfo says it. Static. */
const char *resolve_error(const struct resolve *r);
/* Let go; NULL is fine. */
void resolve_free(struct resolve *r);

#endif
