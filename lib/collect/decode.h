/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to records, safe against any bytes: IPFIX (RFC 7011) and NetFlow 9 (RFC 3954).
 * Memory is bounded whatever is sent; nothing is assumed of a length until it was checked.
 *
 * A session is a transport session: one connection, one file, or one UDP peer.
 */
#ifndef FLOWCTL_COLLECT_DECODE_H
#define FLOWCTL_COLLECT_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/element.h"
#include "collect/interfaces.h"
#include "collect/rules.h"
#include "collect/schema.h"
#include "collect/sequence.h"

enum decode_transport { DECODE_UDP, DECODE_TCP, DECODE_TLS, DECODE_SCTP, DECODE_FILE };
extern const char *const decode_transport_names[]; /* "udp", ... by number */

#define DECODE_DOMAINS_MAX   256	 /* of a session */
#define DECODE_BUDGET_BYTES  (64u << 20) /* of all templates of all sessions */
#define DECODE_SESSION_BYTES (4u << 20)	 /* of those of one session */
#define DECODE_LIFETIME_S    1800	 /* of a template over UDP, RFC 6728 4.5.2 */

struct decode_domain {
	struct decode_domain *next;
	uint32_t id;
	unsigned version;
	struct schema_set schemas;
	struct interfaces interfaces;
	struct sequence sequence;
	bool whole; /* from sequence 0 on, nothing was missed: templates too */
	bool had_message;
	uint32_t last_export_s;
};

struct decode_session {
	enum decode_transport transport;
	char peer[112];		       /* "127.0.0.1:2055", "[::1]:4739", a file's path */
	struct decode_domain *domains; /* the last used one first */
	size_t n_domains;
	struct element_table elements;
	bool renamed;	     /* elements changed since templates were named */
	size_t schema_bytes; /* of all its templates, and of names of interfaces */
	uint64_t n_messages, n_records, n_unread_sets;
};

/* One message, while it is decoded. All borrowed. */
struct decode_message {
	struct decode_session *session;
	struct decode_domain *domain; /* NULL while the header is read */
	const struct decode *decode;
	uint64_t number;  /* in its session, from 1 */
	unsigned version; /* 10 or 9 */
	uint32_t domain_id, sequence, export_s;
	uint32_t uptime_ms;   /* NetFlow 9 only */
	uint64_t received_ns; /* CLOCK_REALTIME */
	const uint8_t *data;
	size_t len;
	uint32_t n_records; /* data records so far, of options too */
	uint32_t n_templates;
	uint32_t unread_bytes; /* of sets whose records could not be counted */
};

/* One data record, whole: its values are known to fit (schema_take() in a row). */
struct decode_record {
	const struct decode_message *message;
	const struct schema *schema;
	const uint8_t *data;
	size_t len;
};

/* Something that rules.h has a row for. */
struct finding {
	enum rule rule;
	const struct decode_session *session;
	uint64_t message; /* its number in the session */
	bool has_domain;
	uint32_t domain;
	size_t offset;	/* into the message */
	char text[160]; /* what exactly, lower case, one line */
};

/* Who is told. Any may be NULL but finding. */
struct decode_handler {
	void (*finding)(void *arg, const struct finding *f);
	void (*message)(void *arg, const struct decode_message *m); /* before its sets */
	/* A template that is new or becomes another, before it is used. It stands at @at. */
	void (*schema)(void *arg, const struct decode_message *m, const struct schema *s,
		       const uint8_t *at);
	void (*record)(void *arg, const struct decode_record *r);
	void *arg;
};

/* What all sessions share. */
struct decode {
	struct decode_handler handler;
	uint64_t lifetime_ns; /* of templates over UDP; 0 = for ever */
	size_t *budget_bytes; /* what is left for templates */
};

/* A session; @peer is cut to fit. NULL: no memory. */
struct decode_session *decode_session_new(enum decode_transport transport, const char *peer);
/* Gives what it held back to the budget. NULL is fine. */
void decode_session_free(const struct decode *d, struct decode_session *s);

/* The length in the header of an IPFIX message, 0 where @data is none. @len: at least 4. */
size_t decode_message_len(const uint8_t *data, size_t len);
/* Is that the beginning of a message of either version? Says nothing of the rest. */
bool decode_is_message(const uint8_t *data, size_t len);
/*
 * Decode one message of @len bytes, a datagram or what decode_message_len() cut off a stream.
 * @received_ns: CLOCK_REALTIME. 0, or -EBADMSG: not one, told as a finding; over a stream
 * nothing behind it can be trusted.
 */
int decode_message(const struct decode *d, struct decode_session *s, const uint8_t *data,
		   size_t len, uint64_t received_ns);

/* Tell of something at @at (in m->data, or NULL: the message as a whole). */
void decode_find(const struct decode_message *m, enum rule rule, const uint8_t *at, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));

#endif
