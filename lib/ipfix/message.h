/* SPDX-License-Identifier: Apache-2.0 */
/* One IPFIX message being built (RFC 7011 3.1-3.3): header, sets, records. */
#ifndef FLOWCTL_IPFIX_MESSAGE_H
#define FLOWCTL_IPFIX_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipfix/template.h"

#define IPFIX_VERSION 10
#define IPFIX_HEADER_LEN 16
#define IPFIX_SET_HEADER_LEN 4
#define IPFIX_SET_TEMPLATE 2
#define IPFIX_SET_OPTIONS_TEMPLATE 3
#define IPFIX_MESSAGE_MAX 65535

struct message {
	uint8_t *buf;
	size_t cap;		/* maxIpfixMessageLen; buf has ENCODE_SLACK bytes more */
	size_t len;
	size_t set;		/* offset of the open set's header, 0 = none */
	uint16_t set_id;
	bool withdraws;		/* the open set is of withdrawals */
	uint32_t domain;
	uint32_t records;	/* data records in it (those the sequence counts) */
};

/*
 * An empty message of domain 0. @cap: bytes, cut to 65535. fail_usage() when it is too small
 * for a set.
 */
int message_init(struct message *m, size_t cap);
void message_deinit(struct message *m);
/* Empty it for @domain. */
void message_begin(struct message *m, uint32_t domain);
bool message_is_empty(const struct message *m);
/*
 * Room for @len bytes in a set of @set_id, begun where it is not open, for records that are
 * made elsewhere (data records then count in m->records). NULL: they do not fit, and nothing
 * changed.
 */
uint8_t *message_reserve(struct message *m, uint16_t set_id, size_t len);
/* Would the longest data record of @t fit, the set header it may need included? */
bool message_has_room(const struct message *m, const struct template *t);
/*
 * Add @r, of the message's domain, by @t and the encoder of such records, as template_set_look()
 * found both. 0, or -EMSGSIZE without a sentence and nothing changed.
 */
int message_encode(struct message *m, const struct template *t, const struct encoder *e,
		   const struct record *r);
int message_add_template(struct message *m, const struct template *t);
/*
 * Say that template @id is gone (RFC 7011 8.1), over transports that are reliable. @set_id:
 * IPFIX_SET_TEMPLATE or IPFIX_SET_OPTIONS_TEMPLATE, which as @id means all of that kind.
 * Withdrawals have sets of their own. 0 or -EMSGSIZE.
 */
int message_add_withdrawal(struct message *m, uint16_t set_id, uint16_t id);
/*
 * Begin a set of @set_id in an empty message, and say where its records go, which the caller
 * encodes side by side; message_took() tells how many bytes and records those were.
 */
uint8_t *message_begin_set(struct message *m, uint16_t set_id);
void message_took(struct message *m, size_t len, uint32_t records);
/* Close the open set, if one is: what comes next begins another, of whatever id. */
void message_end_set(struct message *m);
/* Move the sets of @from, of the same domain, behind those of @to. False: they do not fit. */
bool message_append(struct message *to, struct message *from);
/* Close the open set, fill in the header. @sequence: data records of this domain sent before
 * this message, mod 2^32. @export_time_s: seconds since 1970. The message is buf[0..len). */
void message_finish(struct message *m, uint32_t sequence, uint32_t export_time_s);

#endif
