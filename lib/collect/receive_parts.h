/* SPDX-License-Identifier: Apache-2.0 */
/* What the receiver's own files share; nobody else includes it. */
#ifndef FLOWCTL_COLLECT_RECEIVE_PARTS_H
#define FLOWCTL_COLLECT_RECEIVE_PARTS_H

#include <sys/types.h>

#include "collect/peers.h"
#include "collect/receive.h"

#define RECEIVE_LISTENERS_MAX 16

struct receive;
struct receive_listener {
	struct receive *owner;
	unsigned number;
	enum decode_transport transport;
	int fd;
	char name[96];
	uint32_t dropped; /* SO_RXQ_OVFL's own count */
};

struct receive_conn;
struct receive {
	struct receive_config config;
	struct decode decode;
	size_t budget_bytes;
	struct loop *loop;
	struct peers peers;
	struct decode_session *nobody; /* says what came from whoever sent no message */
	struct receive_counts counts;
	struct receive_listener listeners[RECEIVE_LISTENERS_MAX];
	unsigned n_listeners, n_conns;
	struct receive_conn *conns;
	struct receive_batch *batch; /* receive_udp.c */
	struct receive_tls *tls;     /* receive_tls.c */
	bool stopped;
};

/* receive_udp.c. Watches a bound socket. */
int receive_udp_start(struct receive_listener *l);
/* Take what waits. True: there may be more. */
bool receive_udp_take(struct receive_listener *l);
void receive_udp_stop(struct receive *r);

/* receive_stream.c. Watches a listening socket; closes all connections. */
int receive_stream_start(struct receive_listener *l);
void receive_stream_stop(struct receive *r);

/* A stream cut into messages (RFC 7011 10.4.1): bytes are put at the end, whole ones leave. */
struct receive_cutter {
	uint8_t *data;
	size_t len, cap;
};
void receive_cutter_deinit(struct receive_cutter *c);
/* Room for what is read next, at least @room bytes behind c->data + c->len. 0 or -ENOMEM. */
int receive_cutter_room(struct receive_cutter *c, size_t room);
/* Decode what is whole. 0, or -EBADMSG: nothing behind it can be read, which was told. */
int receive_cutter_run(struct receive_cutter *c, struct receive *r, struct decode_session *s);
/* The stream ended: tell when it did so within a message. */
void receive_cutter_end(const struct receive_cutter *c, struct receive *r,
			struct decode_session *s);

/*
 * TLS, as a server. In a build without it receive_tls_new() is fail_system().
 */
struct receive_tls;
struct receive_tls_conn;
/* What fails later is counted in @counts, which outlives it. */
int receive_tls_new(const struct receive_config *config, struct receive_counts *counts,
		    struct receive_tls **ret);
void receive_tls_free(struct receive_tls *t);
/* @fd stays the caller's. NULL: no memory. */
struct receive_tls_conn *receive_tls_accept(struct receive_tls *t, int fd);
/* Bytes, 0 at the end, -EAGAIN with *ret_events what to wait for (EPOLLIN, EPOLLOUT), -EPROTO. */
ssize_t receive_tls_read(struct receive_tls_conn *c, uint8_t *buf, size_t len,
			 uint32_t *ret_events);
void receive_tls_close(struct receive_tls_conn *c);

#endif
