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

/* Abstract data types of RFC 7012 that occur, with how the value lies in struct record. */
enum ie_type {
	IE_U8,
	IE_U16,		/* host order in the record */
	IE_U32,
	IE_U64,
	IE_BE16,	/* big-endian in the record (ports) */
	IE_IPV4,	/* the first four bytes of sixteen */
	IE_IPV6,
	IE_MAC,
	IE_SEC,		/* dateTimeSeconds, from ns in the record, as are all below */
	IE_MSEC,	/* dateTimeMilliseconds */
	IE_NTP_US,	/* dateTimeMicroseconds: NTP format, RFC 7011 6.1.9 */
	IE_NTP_NS,	/* dateTimeNanoseconds: NTP format, RFC 7011 6.1.10 */
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
};

struct ie {
	uint32_t pen;		/* enterprise number, 0 = IANA */
	uint16_t id;
	const char *name;	/* as in the registry, "octetDeltaCount" */
	enum ie_type type;
	uint16_t len_bytes;	/* on the wire */
	unsigned applies;	/* all of these must hold (enum ie_applies) */
	uint16_t offset;	/* of the value in struct record, unless it is derived */
	uint16_t without;	/* IE_U16: these bits of it are not the value's */
	uint8_t shift;		/* IE_U8: the value begins at this bit */
	unsigned gate;		/* IE_PORTS, IE_ICMP or IE_ANY: where it does not hold, 0 */
	/* a derived value: write len_bytes of network order at @out. NULL = the value at offset. */
	void (*put)(const struct record *r, uint8_t *out);
	const char *source;	/* where the value comes from, for `flowctl ie` */
};

/* All rows, by number; *ret_n gets how many. */
const struct ie *ie_all(size_t *ret_n);
/* By name, first letter in either case; NULL when unknown. */
const struct ie *ie_find(const char *name);
/*
 * The same, or fail_usage() with the reason: IANA knows no such element, or it does and this
 * version does not export it. *ret points into the table.
 */
int ie_require(const char *name, const struct ie **ret);
/* Write the value of @e in @r, e->len_bytes of network order, at @out. */
void ie_put(const struct ie *e, const struct record *r, uint8_t *out);
/* The IE_* bits that @r fulfils. */
unsigned ie_record_applies(const struct record *r);

/* Is @name in the IANA registry, first letter in either case? ie_registry.c */
bool ie_is_registered(const char *name);

#endif
