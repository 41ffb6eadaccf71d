/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX templates (RFC 7011 3.4): the built-in set, the user's, and which carries a record. */
#ifndef FLOWCTL_IPFIX_TEMPLATE_H
#define FLOWCTL_IPFIX_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/ie.h"
#include "ipfix/encode.h"
#include "ipfix/profile.h"

/* Kinds of records that one template encodes differently. */
#define TEMPLATE_CLASSES 60

struct template {
	uint16_t id;			/* 256.. */
	uint16_t n_elements;
	uint16_t record_len;		/* bytes of one data record, at the most */
	uint16_t template_len;		/* bytes of the template record in a template set */
	unsigned families;		/* IE_V4 or IE_V6 when it has such addresses, else 0 */
	bool is_variable;		/* records of it differ in length */
	bool reverse;			/* elements of the other direction (RFC 5103) */
	struct ie_field *elements;
	uint16_t index;			/* in its set */
	struct encoder *encoders[TEMPLATE_CLASSES];	/* some the same; template.c knows the order */
	struct encoder *raw;		/* of records with bytes of their own */
};

/* How one kind of records is exported. */
struct template_choice {
	const struct template *template;	/* NULL: not at all */
	const struct encoder *encoder;
};

/*
 * A data record that is sent as it is, whatever its values: for what has not measured them.
 * A struct record with it as .raw needs no more than the domain.
 */
struct record_raw {
	struct template_choice choice;	/* template_choose_raw() */
	const uint8_t *bytes;		/* borrowed */
	uint16_t len_bytes;		/* of them, at most template->record_len, which 0 is too */
};

struct template_set;

/* Empty. 0 or fail(-ENOMEM). */
int template_set_new(struct template_set **ret);
/* With its templates. NULL is fine. */
void template_set_free(struct template_set *set);
/*
 * TCP, UDP, ICMP and other over IPv4 and IPv6: what older exporters of the kind sent, in
 * the lengths of @profile. Ids from 256. With @biflow as many more, from 264 on, that carry the
 * reverse direction too (RFC 5103).
 */
int template_set_add_builtin(struct template_set *set, const struct profile *profile, bool biflow);
/*
 * To the built-in set: of TCP those that carry its health too (IE_HEALTH), which take records
 * that have any. Ids 272 (IPv4) and 276 (IPv6), with @biflow 280 and 284 too.
 */
int template_set_add_health(struct template_set *set, const struct profile *profile, bool biflow);

/*
 * To the built-in set: all of the above once more for flows in a tunnel (IE_TUNNEL), their ids
 * 32 higher where the outer packets are IPv4, 64 where they are IPv6.
 */
int template_set_add_tunnels(struct template_set *set, const struct profile *profile, bool biflow);

/* An element as a user asks for it. */
struct template_field {
	const char *name;
	uint16_t len_bytes;		/* 0 = its own; IE_VARLEN */
};
/*
 * A template of the named elements, copied. fail_usage() for an unknown or repeated name, a
 * length that the element cannot have, an id below 256, a repeated id, no element or more
 * than 64, addresses of both families.
 */
int template_set_add(struct template_set *set, uint16_t id, const struct template_field *fields,
		     size_t n);
size_t template_set_count(const struct template_set *set);
const struct template *template_set_get(const struct template_set *set, size_t i);
/*
 * The template that carries @r, or NULL. Only the address family excludes one. Then one with
 * reverse elements, if there is a reverse record; then the fewest elements that do not apply
 * to the record, then the most elements, then the first.
 */
const struct template *template_set_choose(const struct template_set *set, const struct record *r);
/* The same with the encoder of such records: the choice was made when templates were added. */
const struct template_choice *template_set_look(const struct template_set *set,
						const struct record *r);
/* How raw records of @t are encoded: they choose their template themselves. */
struct template_choice template_choose_raw(const struct template *t);
/* How @t, chosen or not, encodes records such as @r. */
const struct encoder *template_encoder(const struct template *t, const struct record *r);
/* Same templates, of the same fields, in the same order? */
bool template_set_equal(const struct template_set *a, const struct template_set *b);
/* Does any template name @e? */
bool template_set_has(const struct template_set *set, const struct ie *e);
/* Bytes of the longest record, data or the template itself, of any: a message must hold one. */
uint16_t template_set_longest(const struct template_set *set);

#endif
