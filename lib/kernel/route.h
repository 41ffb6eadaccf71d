/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's routing of a namespace says of an address or a flow, by rtnetlink. */
#ifndef FLOWCTL_KERNEL_ROUTE_H
#define FLOWCTL_KERNEL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

/* The bits of DSCP; what of them it routes by is the kernel's affair. */
#define ROUTE_TOS_MASK 0xfc

/* What is to be routed. What is 0 is not said to the kernel, but for family and dst. */
struct route_query {
	uint8_t dst[16], src[16];	/* as in flow_key */
	uint32_t iif;		/* where it comes in; 0 = it is made here */
	uint32_t mark;
	uint32_t flow_label;	/* host order; of IPv6, whose hash has it */
	uint32_t reserved;
	__be16 sport, dport;
	uint8_t family;		/* 4 or 6 */
	uint8_t proto;
	uint8_t tos;		/* of which ROUTE_TOS_MASK counts */
	uint8_t len_bits;	/* not asked for; for whoever keeps answers by prefix */
};

enum route_kind {
	ROUTE_UNKNOWN,		/* the kernel has no answer to this question */
	ROUTE_NONE,		/* no route */
	ROUTE_FORWARD,
	ROUTE_LOCAL,		/* this box, broadcast and anycast included */
	ROUTE_MULTICAST,
	ROUTE_BLACKHOLE,
	ROUTE_UNREACHABLE,
	ROUTE_PROHIBIT,
};

#define ROUTE_HOPS_MAX 16
struct route_hop {
	uint8_t gateway[16];	/* of the route's family; 0 = on the link, or of another family */
	uint32_t oif;
};

struct route {
	enum route_kind kind;
	uint8_t prefix_len;	/* bits; of ROUTE_FORWARD, _LOCAL and _MULTICAST */
	bool bgp;		/* made by a daemon of BGP */
	uint8_t n_hops;		/* more than ROUTE_HOPS_MAX are left out */
	struct route_hop hops[ROUTE_HOPS_MAX];
};

/* A socket in one namespace. */
struct routes;

/* @ns_fd: -1 = the caller's. fail(). */
int routes_open(int ns_fd, struct routes **ret);
void routes_close(struct routes *r);
/*
 * The route that @q matches, with its prefix. 0 or a negative errno without a sentence, when
 * the kernel did not answer.
 */
int routes_match(struct routes *r, const struct route_query *q, struct route *ret);
/* The hop that the kernel takes for this very flow, its hash over several included. The same,
 * or -EHOSTUNREACH: it takes none. */
int routes_resolve(struct routes *r, const struct route_query *q, struct route_hop *ret);
/* Parts of a query that answers depend on beside the routes to the destination. */
enum {
	ROUTE_BY_SRC = 1 << 0,
	ROUTE_BY_IIF = 1 << 1,
	ROUTE_BY_MARK = 1 << 2,
	ROUTE_BY_TOS = 1 << 3,
	ROUTE_BY_PORTS = 1 << 4,	/* and the protocol */
	ROUTE_BY_DST = 1 << 5,		/* rules for some destinations only */
};
/* By the namespace's rules for @family (ip-rule(8)). *ret is a mask of the above; the same
 * errors. */
int routes_selectors(struct routes *r, uint8_t family, unsigned *ret);

#endif
