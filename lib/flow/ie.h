/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE table of information elements that flowctl exports: names and numbers of the IANA
 * IPFIX registry, one row an element. Templates, the encoder and `flowctl ie` follow it.
 */
#ifndef FLOWCTL_FLOW_IE_H
#define FLOWCTL_FLOW_IE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"

/* How a value lies in struct record, and with it how it is written. */
enum ie_type {
	IE_U8,
	IE_U16,		/* host order in the record */
	IE_U32,
	IE_U64,
	IE_BE16,	/* big-endian in the record (ports) */
	IE_IPV4,	/* the first four bytes of sixteen */
	IE_IPV6,
	IE_MAC,
	IE_STRING,	/* const char *, NULL = empty */
	IE_SEC,		/* dateTimeSeconds, from ns in the record, as are all below */
	IE_MSEC,	/* dateTimeMilliseconds */
	IE_NTP_US,	/* dateTimeMicroseconds: NTP format, RFC 7011 6.1.9 */
	IE_NTP_NS,	/* dateTimeNanoseconds: NTP format, RFC 7011 6.1.10 */
};

/* What an element is, as type records tell it (and ie_registry.h, the data type). */
enum ie_semantics {		/* RFC 5610 3.6 */
	IE_DEFAULT = 0,
	IE_QUANTITY = 1,
	IE_TOTAL_COUNTER = 2,
	IE_DELTA_COUNTER = 3,
	IE_IDENTIFIER = 4,
	IE_FLAGS = 5,
};

enum ie_units {			/* RFC 5610 3.7 */
	IE_UNITS_NONE = 0,
	IE_UNITS_BITS = 1,
	IE_UNITS_OCTETS = 2,
	IE_UNITS_PACKETS = 3,
	IE_UNITS_SECONDS = 5,
	IE_UNITS_MILLISECONDS = 6,
	IE_UNITS_MICROSECONDS = 7,
	IE_UNITS_NANOSECONDS = 8,
	IE_UNITS_HOPS = 11,
};

/* What a record must be for an element to say something about it. */
enum ie_applies {
	IE_ANY = 0,
	IE_V4 = 1 << 0,
	IE_V6 = 1 << 1,
	IE_PORTS = 1 << 2,
	IE_TCP = 1 << 3,
	IE_UDP = 1 << 4,
	IE_ICMP = 1 << 5,
	IE_VLAN = 1 << 6,
	IE_QINQ = 1 << 7,
	IE_BIFLOW = 1 << 8,	/* the record has a reverse one */
	IE_HEALTH = 1 << 9,	/* TCP's health was observed, of either direction */
	IE_TUNNEL = 1 << 10,
	IE_OUTER_V4 = 1 << 11,	/* in a tunnel over IPv4, or it is not known over what */
	IE_OUTER_V6 = 1 << 12,
	IE_APPLIES_MAX = 1 << 13,
	/* Which of them have to be asked for: no tag, health or tunnel are 0 in the record already. */
	IE_GATES = IE_APPLIES_MAX - 1 - IE_VLAN - IE_QINQ - IE_HEALTH - IE_TUNNEL,
};

/* The length that says: variable (RFC 7011 7), and the bytes of the longest such text. */
#define IE_VARLEN 65535
#define IE_STRING_MAX 255
/* The enterprise of the reverse elements (RFC 5103 6.1), and that of documentation (RFC 5612). */
#define IE_PEN_REVERSE 29305
#define IE_PEN_DOCUMENTATION 32473
/* Of the enterprise's own: this bit makes an element's number its reverse one's (RFC 5103 6.2). */
#define IE_REVERSE_BIT 0x4000

struct ie {
	uint32_t pen;		/* enterprise number, 0 = IANA */
	uint16_t id;
	bool reverse;		/* of the other direction (RFC 5103) */
	const char *name;	/* as in the registry, "octetDeltaCount" */
	enum ie_type type;
	uint8_t data_type;	/* enum ie_data, ie_registry.h */
	uint8_t semantics;	/* enum ie_semantics */
	uint8_t units;		/* enum ie_units */
	uint64_t range_begin;	/* of legal values; both 0: of its type */
	uint64_t range_end;
	uint16_t len_bytes;	/* on the wire where a template says nothing; IE_VARLEN */
	uint16_t max_bytes;	/* the most it takes, IE_VARLEN's own length included */
	unsigned applies;	/* all of these must hold (enum ie_applies), else it is 0 */
	uint16_t offset;	/* of the value in struct record, unless it is derived */
	uint16_t without;	/* IE_U16, IE_U32: these bits of it are not the value's */
	uint8_t shift;		/* IE_U8: the value begins at this bit */
	uint64_t (*get)(const struct record *r);	/* a derived number; NULL = at offset */
	const char *(*get_text)(const struct record *r);	/* the same of IE_STRING */
	const char *source;	/* where the value comes from, in English */
};

/* An element in a template: a field specifier of RFC 7011 3.2. */
struct ie_field {
	const struct ie *ie;
	uint16_t len_bytes;	/* on the wire; IE_VARLEN: each value tells its own */
};

/*
 * All rows, *ret_n gets how many: those of IANA by number, then those of the enterprise and
 * their reverse ones, then the reverse ones of IANA's (pen IE_PEN_REVERSE).
 */
const struct ie *ie_all(size_t *ret_n);
/*
 * The enterprise number of the elements that IANA does not have, IE_PEN_DOCUMENTATION until
 * then. To be called before templates are made.
 */
void ie_set_enterprise(uint32_t pen);
/* By name, first letter in either case; NULL when unknown. */
const struct ie *ie_find(const char *name);
/*
 * The same, or fail_usage() with the reason: IANA knows no such element, or it does and this
 * version does not export it. *ret points into the table.
 */
int ie_require(const char *name, const struct ie **ret);
/*
 * May a template carry @e with @len_bytes? Unsigned numbers may be shorter than their type
 * (RFC 7011 6.2), texts may be of any length up to IE_STRING_MAX or IE_VARLEN, the rest has
 * its own length only. fail_usage() otherwise.
 */
int ie_check_len(const struct ie *e, uint16_t len_bytes);
/*
 * Write the value of @f in @r at @out, 0 or no text where it does not apply: f->len_bytes of
 * network order, or for IE_VARLEN its length and as many. Returns how many bytes that were. A number that does not fit into a
 * reduced length is its greatest number; flags are cut to the low ones (RFC 9565). A text
 * that does not fit is cut, a shorter one is filled up with 0; it is always UTF-8.
 */
size_t ie_put(const struct ie_field *f, const struct record *r, uint8_t *out);
/* Bytes that @f takes at most. */
uint16_t ie_field_max(const struct ie_field *f);
/* As the registry calls them, "unsigned64", "deltaCounter", "octets". Static. */
const char *ie_type_name(const struct ie *e);
const char *ie_semantics_name(const struct ie *e);
const char *ie_units_name(const struct ie *e);
/* The IE_* bits that @r fulfils. */
unsigned ie_record_applies(const struct record *r);

/* For ie.c: the rows as they are written down, without reverse ones. ie_table.c */
#define IE_ROWS_MAX 128
const struct ie *ie_rows(size_t *ret_n);

/* Is @name in the IANA registry, first letter in either case? ie_registry.c */
bool ie_is_registered(const char *name);

#endif
