/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a collector that is made, watched, and made again. Nothing here blocks, and
 * nothing knows what the bytes mean.
 */
#ifndef FLOWCTL_IPFIX_STREAM_LINK_H
#define FLOWCTL_IPFIX_STREAM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/parse.h"
#include "ipfix/resolve.h"
#include "ipfix/stream.h"

struct link;
struct tls;

/* What the kinds of connections do otherwise. */
struct link_ops {
	const char *name;		/* "tcp" */
	int protocol;			/* IPPROTO_ */
	/* Is there such a thing here? 0 or fail_system(). NULL: always. */
	int (*probe)(void);
	/* The socket is new. */
	void (*set_options)(int fd);
	/* The socket is connected: go on with what comes before data. 0 when that is done,
	 * -EAGAIN, or fail(). NULL: nothing. */
	int (*shake)(struct link *l);
	/* Hand over; the whole of a message where it may not be cut. Bytes taken, -EAGAIN, or fail(). */
	ssize_t (*send)(struct link *l, const uint8_t *data, size_t len);
	/* Is the other end still there? Reads what it says. 0 or fail(). */
	int (*look)(struct link *l);
	/* Up to which of the connection's bytes were acknowledged, and have left. */
	void (*progress)(const struct link *l, uint64_t *ret_acked, uint64_t *ret_left);
	/* Say good-bye and let go of what shake() made; the socket is closed behind it. NULL: no. */
	void (*end)(struct link *l);
};

enum link_state { LINK_IDLE, LINK_ASKING, LINK_CONNECTING, LINK_SHAKING, LINK_UP };

struct link {
	const struct link_ops *ops;
	struct parse_endpoint remote, local;
	enum link_state state;
	int fd;				/* -1 while there is no socket */
	unsigned connections;		/* that were up so far */
	uint64_t written;		/* bytes of this connection handed to the kernel */
	uint64_t acked, left;		/* of the last one, as it was when it broke */
	struct session_tuple tuple;	/* of the last attempt; family 0 = there was none */
	uint64_t errors;		/* attempts and connections that failed */
	char trouble[160];		/* why there is no connection; stands until there is one */
	struct resolve *resolve;
	struct resolve_addrs addrs;
	size_t at, tries;		/* the address in use, how many were tried this time */
	uint64_t next_ns;		/* CLOCK_BOOTTIME of the next attempt */
	uint64_t backoff_ns;
	uint64_t deadline_ns;		/* of what is going on */
	uint64_t up_ns;			/* since when it is up */
	struct tls_context *context;	/* transport_tls.c */
	struct tls *tls;
};

/* fail_usage() for malformed addresses, fail_system() where there is no such thing. */
int link_init(struct link *l, const struct link_ops *ops, const char *remote, const char *local);
void link_deinit(struct link *l);
/* Say good-bye to the collector; link_step() may connect again. */
void link_close(struct link *l);
/*
 * Go on as far as it goes without waiting. 0 when the connection is up, -EAGAIN while it is
 * being made or it is too early to try again, else it has just failed: l->trouble.
 */
int link_step(struct link *l, uint64_t now_ns);
/* Bytes taken, 0 when there is no room; a negative errno: the connection is gone. */
ssize_t link_send(struct link *l, const uint8_t *data, size_t len, uint64_t now_ns);
/* Up to which byte the peer has acknowledged. */
uint64_t link_acked(const struct link *l);

extern const struct link_ops link_tcp, link_tls, link_sctp;

/* However much it says, it is not listened to for long. */
#define LINK_READS_MAX 64
/* For kinds that do not otherwise. */
ssize_t link_socket_send(struct link *l, const uint8_t *data, size_t len);
int link_socket_look(struct link *l);
/* For the kinds that are TCP below. */
void tcp_set_options(int fd);
void tcp_progress(const struct link *l, uint64_t *ret_acked, uint64_t *ret_left);

/* TLS: who we are and whom we trust; before the first step. fail() for unusable files. */
int link_set_tls(struct link *l, const struct stream_config *config);
/* Read certificates again. On failure those that were there stay. */
int link_reload_tls(struct link *l);
/* After link_deinit(). NULL is fine. */
void tls_context_free(struct tls_context *c);

#endif
