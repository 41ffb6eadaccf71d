/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All of one packet: link, IP, transport, and what it amounts to on the wire. */
#ifndef FLOWCTL_PARSE_H
#define FLOWCTL_PARSE_H

#include "gso.h"
#include "packet.h"
#include "parse_ip.h"
#include "parse_l4.h"
#include "parse_link.h"

/*
 * Fill in p->f, which facts_init() has cleared. @ethernet, @proto: see parse_link().
 * Returns LEDGER_SEEN when there is a flow for it, else the reason why not. Counts it as
 * one packet: see gso.h for those that are more.
 */
static __always_inline enum ledger_reason parse(struct packet *p, bool ethernet, __be16 proto)
{
	struct facts *f = p->f;
	bool ok;

	proto = parse_link(p, ethernet, proto);
	f->ip_off = p->off;
	f->bytes = p->left;
	if (proto == bpf_htons(ETH_P_IP))
		ok = parse_ip4(p);
	else if (proto == bpf_htons(ETH_P_IPV6))
		ok = parse_ip6(p);
	else
		return LEDGER_NON_IP;
	if (!ok)
		return LEDGER_UNPARSED;
	/* No transport header is in a later fragment; forward() reads what is in its place. */
	f->l4_off = p->off;
	if (f->fragment != FRAGMENT_LATER)
		parse_l4(p, true);
	return LEDGER_SEEN;
}

#endif
