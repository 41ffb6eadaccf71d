/* SPDX-License-Identifier: Apache-2.0 */
/* What session.c, session_domain.c and session_batch.c share. */
#ifndef FLOWCTL_IPFIX_SESSION_PARTS_H
#define FLOWCTL_IPFIX_SESSION_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "ipfix/burst.h"
#include "ipfix/message.h"
#include "ipfix/options.h"
#include "ipfix/pace.h"
#include "ipfix/session.h"
#include "ipfix/transport_udp.h"

struct domain_state {
	uint32_t domain;
	uint32_t sequence;
	uint64_t templates_ns;		/* CLOCK_BOOTTIME they were last sent, 0 = never */
	struct options_clock options;
	uint64_t refusals;		/* known of before they were */
	struct options_session counts;
};

/* The octets and packets that a message of the batch tells of. */
struct held {
	uint64_t packets, bytes;
};

struct session {
	struct sink sink;
	struct udp udp;
	unsigned opened;		/* udp.opened that the domains belong to */
	uint64_t id;			/* for sequence_ops; 0 = the port is not fixed */
	uint64_t template_flush_ns;
	const struct template_set *templates;
	struct sequence_ops sequence;
	struct options *options;	/* NULL: none are sent */
	uint64_t options_ns;		/* from one round of them to the next */
	bool parting;			/* the last round may go when the session ends */
	struct burst data;
	struct message template;	/* and options */
	uint8_t *netflow9;		/* a packet for each of data's slots and one for template */
	size_t netflow9_cap;		/* of each of them */
	struct pace pace;
	size_t message_cost, batch_cost;
	unsigned batch_max;		/* messages of the batch that is open */
	const struct record *asked;	/* about by room(): put() comes with the same, */
	const struct template_choice *choice;	/* which is carried so */
	struct held held[BURST_MESSAGES_MAX];	/* by slot */
	uint64_t sent;			/* of the batch, the messages that left: bits, as ordered */
	struct mmsghdr units[UDP_BATCH_MAX];
	struct sending *note;		/* of the batch that is open, or NULL */
	struct domain_state *domains;
	size_t n_domains;
};

static inline struct session *session_of(const struct sink *s)
{
	return (struct session *)s;
}

/* session.c */
/* The transport's trouble and errors become the sink's. */
void session_tell(struct session *s);
/* Is there a socket? 0 or why not. A new one needs templates; with a port of its own, sequences
 * too. @now: CLOCK_BOOTTIME, ns. */
int session_open(struct session *s, uint64_t now);

/* session_domain.c */
/* NULL: no memory. Valid until the next. */
struct domain_state *domain_of(struct session *s, uint32_t domain);
/* Begin anew in all domains, with another socket. */
void domains_forget(struct session *s);
/*
 * Finish @m, in the session's version; the @slot'th place is used where it must be written
 * anew. *sequence goes on behind it. What to send, valid until the next call for that slot.
 */
struct iovec domain_wire(struct session *s, struct message *m, unsigned slot, uint32_t *sequence);
/* Send @m. 0 or a negative errno, and the sequence as if it had not been tried. */
int domain_send(struct session *s, struct domain_state *d, struct message *m);
/* A message of @len bytes left, with @records of flows. */
void domain_count(struct session *s, struct domain_state *d, size_t len, uint32_t records);
/*
 * Send templates, if they are due: the first time, by time, or because there was a refusal since:
 * nobody may have heard them, or whoever did has forgotten them. 0 or a negative errno: they were
 * not sent. @now: CLOCK_BOOTTIME, ns.
 */
int domain_refresh(struct session *s, struct domain_state *d, uint64_t now);
/* Send the options data that is due then. What cannot be sent is due again. */
void domain_options(struct session *s, struct domain_state *d, enum options_when when, uint64_t now);

/* session_batch.c: the sink's callbacks of these names */
bool session_room(struct sink *sink, const struct record *r);
int session_put(struct sink *sink, const struct record *r);
bool session_pairs(struct sink *sink, const struct record *r);
void session_prepare(struct sink *sink);
int session_flush(struct sink *sink);

#endif
