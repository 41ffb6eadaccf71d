/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP peers that are heard: an address and port is a transport session (RFC 7011 2). As
 * many as PEERS_MAX; a new one then takes the place of the one that was silent longest, of
 * those first that never sent a template.
 */
#ifndef FLOWCTL_COLLECT_PEERS_H
#define FLOWCTL_COLLECT_PEERS_H

#include <sys/socket.h>

#include "collect/decode.h"

#define PEERS_MAX     1024
#define PEERS_BUCKETS 1024

struct peer;

struct peers {
	struct peer *bucket[PEERS_BUCKETS];
	struct peer *last; /* the one that was asked for last */
	size_t n;
	uint64_t forgotten; /* that gave their place away */
};

/* The session of @addr on the socket of number @listener, new if need be. NULL: no memory. */
struct decode_session *peers_get(struct peers *p, const struct decode *d, unsigned listener,
				 const struct sockaddr *addr, socklen_t len, uint64_t now_ns);
void peers_deinit(struct peers *p, const struct decode *d);

#define PEERS_NAME_MAX 80
/* "192.0.2.1:4739", "[2001:db8::1]:4739", "[fe80::1%eth0]:4739". Returns @buf. */
const char *peers_name(const struct sockaddr *addr, socklen_t len, char buf[PEERS_NAME_MAX]);

#endif
