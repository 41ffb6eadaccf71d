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
#include <sys/socket.h>

#include "base/parse.h"
#include "base/sending.h"
#include "ipfix/resolve.h"
#include "ipfix/session.h"

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
	bool full;			/* ... because there is no room for more to be on its way */
	bool segments;			/* UDP_SEGMENT works, as far as we know */
	bool one_by_one;		/* sendmmsg() does not */
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
/* Will a batch find room to be on its way? Only asks when the last one did not. */
bool udp_is_writable(struct udp *u);
/* 0, or a negative errno: not sent. A refusal of an earlier datagram is noted, not returned. */
int udp_send(struct udp *u, const void *data, size_t len);

/* Datagrams that leave by as few system calls as possible. */
#define UDP_BATCH_MAX SENDING_MESSAGES_MAX
struct udp_batch {
	struct iovec *v;		/* the datagrams */
	unsigned n;
	/* Some of them each, in order; the kernel notes in msg_len those that it took. */
	struct mmsghdr *units;
	unsigned n_units, at;		/* units before units[at] are done with */
	unsigned n_done;		/* datagrams that are */
	int patience_ms;		/* to wait for room, in all */
	union udp_segment {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
	} segments[UDP_BATCH_MAX];
};
/* @v: 1 to UDP_BATCH_MAX datagrams; @units: as many places. Both are borrowed. */
void udp_batch_init(const struct udp *u, struct udp_batch *b, struct iovec *v, unsigned n,
		    struct mmsghdr *units);
/*
 * Send what is left, in order. *ret_sent: datagrams sent by this call. 0 when all are, and
 * also, with some left, when a refusal came in between: the rest is sent by calling again.
 * A negative errno: the unit at @at was not sent; udp_batch_skip() goes on behind it.
 */
int udp_batch_send(struct udp *u, struct udp_batch *b, unsigned *ret_sent);
/* Give up the unit that failed. Returns how many datagrams those were. */
unsigned udp_batch_skip(struct udp_batch *b);

/*
 * How many refusals there were so far. Asks the socket, and ends the trouble of the last one
 * when the datagrams after it had time enough to be refused. @now_ns: CLOCK_BOOTTIME.
 */
uint64_t udp_refusals(struct udp *u, uint64_t now_ns);

#endif
