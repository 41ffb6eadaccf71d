/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What IANA knows of information elements, exported by flowctl or not: the whole registry by
 * number and by name, and the abstract data types of RFC 7012, RFC 6313 and RFC 9740.
 */
#ifndef FLOWCTL_FLOW_IE_REGISTRY_H
#define FLOWCTL_FLOW_IE_REGISTRY_H

#include <stdint.h>

/* Values of informationElementDataType (RFC 5610 3.1): they go over the wire. */
enum ie_data {
	DATA_OCTETS, DATA_U8, DATA_U16, DATA_U32, DATA_U64,
	DATA_S8, DATA_S16, DATA_S32, DATA_S64, DATA_F32, DATA_F64,
	DATA_BOOL,		/* 1 true, 2 false: RFC 7011 6.1.5 */
	DATA_MAC, DATA_STRING,
	DATA_SEC, DATA_MSEC,	/* since 1970 */
	DATA_USEC, DATA_NSEC,	/* NTP format: RFC 7011 6.1.9, 6.1.10 */
	DATA_IPV4, DATA_IPV6,
	DATA_LIST, DATA_STL, DATA_STML,	/* RFC 6313 */
	DATA_U256,
	DATA_N_TYPES,
};

struct ie_data_type {
	const char *name;	/* "unsigned32" */
	uint8_t len_bytes;	/* at full size; 0: of any length */
};

struct ie_registered {
	uint16_t id;
	uint8_t type;		/* enum ie_data */
	const char *name;
};

/* Both point into the table; NULL: not registered. By name: first letter in either case. */
const struct ie_registered *ie_registered_by_id(uint16_t id);
const struct ie_registered *ie_registered_by_name(const char *name);
/* NULL where @type is none. */
const struct ie_data_type *ie_data_type(enum ie_data type);

#endif
