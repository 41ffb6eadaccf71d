/* SPDX-License-Identifier: Apache-2.0 */
/* The link types of capture files: what their frames begin with, as Ethernet's header. */
#ifndef FLOWCTL_CAPTURE_LINK_H
#define FLOWCTL_CAPTURE_LINK_H

#include <stddef.h>
#include <stdint.h>

struct link_header {
	uint32_t len;		/* octets of it in the frame; all are there */
	uint16_t ethertype;	/* of what follows, host order; LINK_LLC; 0: nothing that is known */
};
/* 802.2 LLC follows, as it does behind a length in Ethernet's header. */
#define LINK_LLC 1

struct link_type {
	int number;	/* as libpcap tells it (DLT_*) */
	/* @captured octets are at @p. A header cut short: all of it, and ethertype 0. NULL: the
	 * frames have Ethernet's own header. */
	struct link_header (*read)(const uint8_t *p, uint32_t captured);
};

/* NULL: nobody here reads it. */
const struct link_type *link_type_find(int number);

#endif
