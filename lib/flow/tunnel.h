/* SPDX-License-Identifier: Apache-2.0 */
/* The names of tunnels, which of them a meter looks into, and what became of their packets. */
#ifndef FLOWCTL_FLOW_TUNNEL_H
#define FLOWCTL_FLOW_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

/* Which tunnels to look into, and by which UDP ports (host order) two of them are known. */
struct tunnel_choice {
	uint8_t decap;			/* DECAP_* */
	uint16_t geneve_port;		/* 0: DECAP_GENEVE_PORT */
	uint16_t vxlan_port;		/* 0: DECAP_VXLAN_PORT */
};

/* What may be chosen, for help and sentences. */
#define TUNNEL_CHOICES "geneve[:PORT],vxlan[:PORT],gre,ipip"

/* "geneve", "vxlan", "gre", "erspan", "ipip", "6in4", "4in6", "6in6"; NULL for TUNNEL_NONE. */
const char *tunnel_name(enum tunnel kind);
/* Do packets of that kind always have a number (vni)? Of GRE 0 says that there was none. */
bool tunnel_has_vni(enum tunnel kind);
/* "decapsulated", "fragment", ...: JSON keys and words of tables. */
const char *tunnel_result_name(enum decap_result result);

/*
 * "none", "all", or some of geneve[:PORT] vxlan[:PORT] gre ipip with commas between. 0, or
 * fail_usage().
 */
int tunnel_choice_parse(const char *text, struct tunnel_choice *ret);
/* The same as text, with the ports that are not the usual ones; "none". @buf: 64 octets do. */
const char *tunnel_choice_format(const struct tunnel_choice *choice, char *buf, size_t size);

#endif
