/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connected UDP socket to a collector, and whether anybody listens there. Nothing here
 * blocks, and nothing knows what the datagrams hold.
 */
#ifndef FLOWCTL_IPFIX_TRANSPORT_UDP_H
#define FLOWCTL_IPFIX_TRANSPORT_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"
#include "ipfix/resolve.h"
#include "ipfix/session.h"

/* The most that fits into an IPv4 datagram. */
#define UDP_PAYLOAD_MAX 65507

struct udp {
	struct parse_endpoint remote, local;
	int fd;				/* -1 while there is no socket */
	unsigned opened;		/* sockets so far; a new one is a new transport session */
	struct sockaddr_storage peer;
	struct session_tuple tuple;	/* of the socket */
	struct resolve *resolve;	/* a question under way */
	uint64_t resolve_at_ns;		/* CLOCK_BOOTTIME of the next, while there is trouble */
	unsigned turn;			/* which of the name's addresses comes first */
	bool refused;			/* the last datagram we know of was */
	uint64_t refusals;		/* so far */
	bool failed;			/* the last send() did, by the socket's own fault */
	uint64_t sent_ns;
	uint64_t errors;		/* refusals and failed sends */
	char trouble[160];		/* a sentence, "" when there is none */
};

/* @local NULL: any. fail_usage() for what is no address. Makes no socket. */
int udp_init(struct udp *u, const char *remote, const char *local);
void udp_deinit(struct udp *u);
/*
 * Go on with resolving and opening, as far as it goes without waiting; while there is
 * trouble, resolve again every few seconds. 0 when there is a socket; -EAGAIN while the
 * question is under way or it is too early to ask again; else why not (in u->trouble).
 */
int udp_open(struct udp *u, uint64_t now_ns);
/* 0, or a negative errno: not sent. A refusal of an earlier datagram is noted, not returned. */
int udp_send(struct udp *u, const void *data, size_t len);
/*
 * How many refusals there were so far. Asks the socket, and ends the trouble of the last one
 * when the datagrams after it had time enough to be refused. @now_ns: CLOCK_BOOTTIME.
 */
uint64_t udp_refusals(struct udp *u, uint64_t now_ns);

#endif
