/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets and files that messages come from: UDP, TCP, TLS over TCP, SCTP, and RFC 5655 files.
 * What arrives is decoded at once; the decoder's handler gets it.
 */
#ifndef FLOWCTL_COLLECT_RECEIVE_H
#define FLOWCTL_COLLECT_RECEIVE_H

#include "base/loop.h"
#include "collect/decode.h"

#define RECEIVE_BUFFER_BYTES	(32 << 20) /* asked of the kernel for a UDP socket */
#define RECEIVE_CONNECTIONS_MAX 256

struct receive_config {
	const char *certificate, *key,
		*ca;	      /* TLS: PEM files; ca NULL: no client is asked for one */
	uint64_t lifetime_ns; /* as in struct decode */
	struct decode_handler handler;
	/* Nothing more is waiting, or a good deal came: write out what was made of it. May be
	 * NULL. 0, or a negative errno that ends the loop with it. */
	int (*settled)(void *arg);
};

/* Events that are no findings; add up over all sockets. */
struct receive_counts {
	uint64_t datagrams, bytes;
	uint64_t dropped;	       /* by the kernel: a receive buffer was full (SO_RXQ_OVFL) */
	uint64_t foreign;	       /* datagrams that are no message: they make no session */
	uint64_t connections, refused; /* accepted; turned away, for there are too many */
	uint64_t tls_failures;		/* handshakes, and connections that broke off */
	const char *tls_reason;		/* of the last one, or NULL; static */
};

struct receive;

/* @config is copied, @loop borrowed; NULL where only files are read. 0 or fail(). */
int receive_new(const struct receive_config *config, struct loop *loop, struct receive **ret);
void receive_free(struct receive *r);
/*
 * Listen on "udp://HOST:PORT", "tcp://", "tls://" or "sctp://". fail_usage() for what is no
 * such word, fail_system() for what this build or kernel does not have, fail() else.
 */
int receive_listen(struct receive *r, const char *url);
/* Where it listens, "udp://127.0.0.1:4739": with the port that the system chose. NULL behind the
 * last. */
const char *receive_listening(const struct receive *r, unsigned i);
/* Read a whole file of messages ("-": standard input). 0 at its end, or fail(). Stops early,
 * with 0, once receive_stop() was called. */
int receive_file(struct receive *r, const char *path);
/* Take what waits in UDP sockets already, before the end: as much as their buffers hold. 0, or
 * what settled() said. */
int receive_drain(struct receive *r);
/* Nothing more is to be decoded. */
void receive_stop(struct receive *r);
const struct receive_counts *receive_counts(const struct receive *r);

#endif
