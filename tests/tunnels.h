/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies between an outer packet and the one inside, by the RFCs and drafts that define it.
 * Whatever row of frames.h lies in any of these, a meter that looks into tunnels must make of it
 * what it makes of that frame when it comes alone.
 */
#ifndef FLOWCTL_TEST_TUNNELS_H
#define FLOWCTL_TEST_TUNNELS_H

#include <stdbool.h>

#include "frames.h"

#define TUNNEL_FRAME_MAX (FRAME_MAX + 512)
#define OUTER_TAG	 TAG(33) /* of the outer frame, where that may be seen */

struct tunnel_row {
	const char *name;
	const char *head;	/* as hex, behind IP (and UDP) */
	unsigned zeros;		/* bytes of 0 that follow, before what is inside */
	unsigned port;		/* UDP's; 0: none */
	unsigned proto;		/* of the outer IP header, if not UDP */
	bool outer6;
	bool extension;		/* a destination option behind the outer IPv6 header (RFC 2473) */
	unsigned inside;	/* 0: Ethernet; 4 or 6: IP of that version */

	enum tunnel kind;
	unsigned vni;
	unsigned has;		/* OUTER_GWLB_* */
};

extern const struct tunnel_row tunnel_rows[];
extern const size_t n_tunnel_rows;

/* What of @f may lie in @t: its bytes without the Ethernet header, where it has to do without.
 * 0: @f does not fit there. */
size_t tunnel_inside(const struct tunnel_row *t, const struct frame *f, uint8_t buf[FRAME_MAX]);
/* The whole frame; returns its length. *ret_inner: where @inner begins. */
size_t tunnel_frame(const struct tunnel_row *t, const uint8_t *inner, size_t len,
		    uint8_t buf[TUNNEL_FRAME_MAX], size_t *ret_inner);
/* The tags that the flow of @f has in @t. */
unsigned tunnel_vlan_outer(const struct tunnel_row *t, const struct frame *f);
unsigned tunnel_vlan_inner(const struct tunnel_row *t, const struct frame *f);

/* Frames that cannot be looked into, and why not. */
struct tunnel_fault {
	const char *name;
	struct tunnel_row t;
	const char *inside;	/* as hex */
	enum decap_result why;
};
extern const struct tunnel_fault tunnel_faults[];
extern const size_t n_tunnel_faults;
size_t tunnel_fault_frame(const struct tunnel_fault *f, uint8_t buf[TUNNEL_FRAME_MAX]);

#endif
