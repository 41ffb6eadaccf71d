// SPDX-License-Identifier: Apache-2.0
/*
 * What every transport needs of addresses: IPv4 and IPv6 in one form, as flow keys have
 * them, and a local end that may be said as "any" whatever the family turns out to be.
 */
#include "ipfix/addr.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "ipfix/resolve.h"

int addr_parse(const char *remote, const char *local, struct parse_endpoint *ret_remote,
	       struct parse_endpoint *ret_local)
{
	if (parse_endpoint(remote, ret_remote) < 0 || !ret_remote->port)
		return fail_usage("'%s' is no address of a collector "
				  "(as 192.0.2.1:4739 or [2001:db8::1]:4739)", remote);
	if (local && parse_endpoint(local, ret_local) < 0)
		return fail_usage("'%s' is no local address (as 0.0.0.0:0 or [::]:4740)", local);
	return 0;
}

static void split_addr(const struct sockaddr_storage *a, uint8_t addr[16], uint16_t *port)
{
	memset(addr, 0, 16);
	if (a->ss_family == AF_INET) {
		memcpy(addr, &((const struct sockaddr_in *)a)->sin_addr, 4);
		*port = be16toh(((const struct sockaddr_in *)a)->sin_port);
	} else {
		memcpy(addr, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
		*port = be16toh(((const struct sockaddr_in6 *)a)->sin6_port);
	}
}

bool addr_is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	uint8_t x[16], y[16];
	uint16_t p, q;

	split_addr(a, x, &p);
	split_addr(b, y, &q);
	return a->ss_family == b->ss_family && memcmp(x, y, sizeof(x)) == 0 && p == q;
}

/* "Any" is of either family: the collector's is taken. */
static bool is_any(const struct parse_endpoint *e)
{
	return !e->host[0] || strcmp(e->host, "0.0.0.0") == 0 || strcmp(e->host, "::") == 0;
}

int addr_bind(const struct parse_endpoint *local, int fd, int family)
{
	struct sockaddr_storage addr = { .ss_family = family };
	socklen_t len = sizeof(struct sockaddr_in6);
	struct resolve_addrs own = { 0 };
	struct resolve *question = NULL;
	int r = 0;

	if (!is_any(local)) {
		r = resolve_start(local, &question);
		if (r == 0)
			r = resolve_poll(question, &own);
		resolve_free(question);
		if (r < 0 || own.v[0].addr.ss_family != family)
			return fail_usage("the local address '%s' is not of the collector's family",
					  local->host);
		addr = own.v[0].addr;
		len = own.v[0].len;
	} else if (family == AF_INET) {
		len = sizeof(struct sockaddr_in);
		((struct sockaddr_in *)&addr)->sin_port = htobe16(local->port);
	} else {
		((struct sockaddr_in6 *)&addr)->sin6_port = htobe16(local->port);
	}
	if (bind(fd, (struct sockaddr *)&addr, len) < 0)
		return fail(-errno, "cannot bind to the local address %s:%u", local->host,
			    local->port);
	return 0;
}

int addr_tuple_to(int fd, const struct sockaddr_storage *remote, struct session_tuple *ret)
{
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);

	if (getsockname(fd, (struct sockaddr *)&local, &len) < 0)
		return fail(-errno, "cannot read the addresses of a socket");
	ret->family = local.ss_family == AF_INET ? 4 : 6;
	split_addr(&local, ret->local, &ret->local_port);
	split_addr(remote, ret->remote, &ret->remote_port);
	return 0;
}

int addr_tuple(int fd, struct session_tuple *ret)
{
	struct sockaddr_storage remote;
	socklen_t len = sizeof(remote);

	if (getpeername(fd, (struct sockaddr *)&remote, &len) < 0)
		return fail(-errno, "cannot read the addresses of a socket");
	return addr_tuple_to(fd, &remote, ret);
}
