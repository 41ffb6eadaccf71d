/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses: compared, bound to, read from sockets. */
#ifndef FLOWCTL_IPFIX_ADDR_H
#define FLOWCTL_IPFIX_ADDR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/parse.h"
#include "ipfix/session.h"

/*
 * A collector's "host:port", and the local "addr:port", which may be NULL: any; *ret_local is
 * left as it is then. fail_usage() for what is neither.
 */
int addr_parse(const char *remote, const char *local, struct parse_endpoint *ret_remote,
	       struct parse_endpoint *ret_local);
/* Of one family, address and port? */
bool addr_is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
/*
 * Bind @fd, of @family, to @local; "any" is of either family. fail_usage() when it is of the
 * other one, fail() when the system does not let us.
 */
int addr_bind(const struct parse_endpoint *local, int fd, int family);
/* Both ends of the connected socket @fd, or fail(). */
int addr_tuple(int fd, struct session_tuple *ret);
/* The same of a socket that is being connected to @remote. */
int addr_tuple_to(int fd, const struct sockaddr_storage *remote, struct session_tuple *ret);

#endif
