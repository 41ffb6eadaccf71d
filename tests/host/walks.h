/* SPDX-License-Identifier: Apache-2.0 */
/* How the parsers of the kernel program call their walks where they are compiled for the host. */
#ifndef FLOWCTL_TEST_HOST_WALKS_H
#define FLOWCTL_TEST_HOST_WALKS_H

#include "parse.h"

static bool call_walk_extensions(struct packet *p, struct ip6_chain *c)
{
	return walk_extensions(p, c);
}

static void call_walk_options(struct packet *p, __u32 off, __u32 stop, struct tcp_found *ret)
{
	struct facts f;
	struct packet q = *p;

	facts_init(&f);
	q.f = &f;
	q.off = off;
	if (off > stop)
		return;
	packet_cut(&q, stop - off);
	walk_options(&q, ret);
}

#endif
