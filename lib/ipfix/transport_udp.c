// SPDX-License-Identifier: Apache-2.0
/*
 * One socket lives as long as it works. While it does not, the name is asked for again: an
 * address that moved, or the next one of several, gets a new socket, as does a socket that
 * fails by itself (its source address may be gone). A refusal alone is no reason: the
 * collector comes back to the same address.
 */
#include "ipfix/transport_udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/addr.h"

#define RESOLVE_RETRY_NS (5 * NSEC_PER_SEC)
/* A burst of an active timeout is sent at once; as much as the system lets us have. */
#define SEND_BUFFER_BYTES (4 * 1024 * 1024)

int udp_init(struct udp *u, const char *remote, const char *local)
{
	*u = (struct udp) { .fd = -1 };
	return addr_parse(remote, local, &u->remote, &u->local);
}

void udp_deinit(struct udp *u)
{
	resolve_free(take_ptr(u->resolve));
	closep(&u->fd);
	u->fd = -1;
}

/* Can the kernel cut what it is given at once into datagrams? */
static bool can_segment(int fd)
{
	socklen_t len = sizeof(int);
	int size;

	return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &len) == 0;
}

/* The socket that was there is closed first: both may want the same port. */
static int open_socket(struct udp *u, const struct sockaddr_storage *addr, socklen_t len)
{
	_cleanup_(closep) int fd = -1;
	int size = SEND_BUFFER_BYTES, r;

	closep(&u->fd);
	u->fd = -1;
	fd = socket(addr->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, "cannot make a socket");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	r = u->local.host[0] ? addr_bind(&u->local, fd, addr->ss_family) : 0;
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)addr, len) < 0)
		return fail(-errno, "cannot reach the collector");
	r = addr_tuple(fd, &u->tuple);
	if (r < 0)
		return r;
	u->fd = take_fd(&fd);
	u->peer = *addr;
	u->opened++;
	u->refused = u->failed = u->full = false;
	u->segments = can_segment(u->fd);
	u->trouble[0] = '\0';
	return 0;
}

/* The first of the addresses, from u->turn on, that a socket can be had for. */
static int open_any(struct udp *u, const struct resolve_addrs *addrs)
{
	int r = -ENOENT;

	for (size_t i = 0; i < addrs->n; i++) {
		size_t k = (u->turn + i) % addrs->n;

		if (u->fd >= 0 && !u->failed && addr_is_same(&u->peer, &addrs->v[k].addr))
			return 0;
		r = open_socket(u, &addrs->v[k].addr, addrs->v[k].len);
		if (r == 0)
			break;
	}
	return r;
}

static bool has_trouble(const struct udp *u)
{
	return u->fd < 0 || u->refused || u->failed;
}

static int start_question(struct udp *u, uint64_t now)
{
	if (now < u->resolve_at_ns)
		return -EAGAIN;
	u->resolve_at_ns = now + RESOLVE_RETRY_NS;
	if (u->fd >= 0)
		u->turn++;
	return resolve_start(&u->remote, &u->resolve);
}

int udp_open(struct udp *u, uint64_t now)
{
	struct resolve_addrs addrs;
	int r = 0;

	if (!u->resolve && !has_trouble(u))
		return 0;
	if (!u->resolve)
		r = start_question(u, now);
	if (r == 0)
		r = resolve_poll(u->resolve, &addrs);
	if (r == -EAGAIN)
		return u->fd >= 0 ? 0 : r;
	if (r == 0) {
		r = open_any(u, &addrs);
		if (r < 0)
			snprintf(u->trouble, sizeof(u->trouble), "%s", error_message());
	} else if (u->resolve && u->fd < 0) {
		snprintf(u->trouble, sizeof(u->trouble),
			 "cannot resolve the collector's name: %.100s", resolve_error(u->resolve));
	}
	resolve_free(take_ptr(u->resolve));
	return u->fd >= 0 ? 0 : r;
}
