/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of traffic that built-in templates are made for, in IPFIX and in NetFlow 9. */
#ifndef FLOWCTL_IPFIX_TEMPLATE_KINDS_H
#define FLOWCTL_IPFIX_TEMPLATE_KINDS_H

#include <stdint.h>

#define TEMPLATE_KINDS 8
#define TEMPLATE_KIND_ELEMENTS 6

struct template_kind {
	uint16_t id;
	const char *own[TEMPLATE_KIND_ELEMENTS];	/* what not all have; NULL-terminated */
};
/* TCP, UDP, ICMP and other over IPv4, then over IPv6. */
extern const struct template_kind template_kinds[TEMPLATE_KINDS];

#endif
