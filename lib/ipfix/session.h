/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transport session to one collector as a sink: templates first and again by time,
 * records in messages of bounded length, one sequence a domain, one long-lived socket.
 */
#ifndef FLOWCTL_IPFIX_SESSION_H
#define FLOWCTL_IPFIX_SESSION_H

#include <stdint.h>

#include "base/sending.h"
#include "ipfix/options.h"
#include "ipfix/template.h"
#include "sink/sink.h"

/*
 * Where sequences outlive the process. @session is a hash of the transport and both
 * addresses, 0 never; a session with an ephemeral port is never looked up.
 */
struct sequence_ops {
	/* 0 and *ret, or -ENOENT. */
	int (*get)(void *arg, uint64_t session, uint32_t domain, uint32_t *ret);
	void (*set)(void *arg, uint64_t session, uint32_t domain, uint32_t sequence);
	void *arg;
};

struct session_config {
	const char *remote;		/* "host:port" */
	const char *local;		/* "addr:port", NULL or port 0: any */
	uint16_t max_message_len;
	uint32_t template_flush_s;
	/*
	 * How many messages a batch may have: 0 and 1 are one; more, up to 64 and 64 KiB, leave
	 * by one system call. All of a batch is in doubt when the process is killed at it, unless
	 * session_note() is used.
	 */
	unsigned batch_messages;
	uint64_t max_bytes_per_s;	/* of messages: 0 = no limit, PACE_AUTO (ipfix/pace.h) */
	const struct template_set *templates;	/* borrowed, outlives the session */
	const struct profile *profile;	/* the same; NULL = profile_default() */
	unsigned version;		/* 10 IPFIX (0 too), 9 NetFlow: its sequences are not kept */
	uint32_t enterprise;
	uint64_t options_s;		/* seconds between options data; 0 = none */
	struct options_source options;	/* get NULL: none */
	struct sequence_ops sequence;		/* get NULL: not kept */
};

/*
 * Open a UDP session. The name is resolved without blocking, and again after trouble; a
 * collector that cannot be resolved or reached is no error here. fail_usage() for malformed
 * addresses, for a template that does not fit into a message, and for one that NetFlow v9
 * cannot say, fail() when the local address cannot be bound. With a kept sequence, prepare() goes before each flush().
 */
int session_udp_new(const struct session_config *config, struct sink **ret);
/*
 * The local and remote socket addresses, for self-exclusion. 0, or -ENOTCONN while unresolved
 * and for other sinks. No system call.
 */
struct session_tuple {
	uint8_t family;			/* 4 or 6 */
	uint8_t local[16], remote[16];	/* as in flow_key */
	uint16_t local_port, remote_port;	/* host order */
};
int session_tuple(const struct sink *s, struct session_tuple *ret);
/*
 * Note in @where what becomes of the batch that is open, which prepare() and flush() follow.
 * The sequence is written down after the send then, and by whoever finds the note.
 */
void session_note(struct sink *s, struct sending *where);
/* Which message of the open batch the record is in that was put last. */
uint8_t session_message(const struct sink *s);
/*
 * Wait until there is a socket, or @timeout_ns passed (-EAGAIN): for --once and the final
 * export. 0 for other sinks, else why there is none.
 */
int session_wait_ready(struct sink *s, uint64_t timeout_ns);

#endif
