/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All of one packet: link, IP, transport, and what it amounts to on the wire. */
#ifndef FLOWCTL_PARSE_H
#define FLOWCTL_PARSE_H

#include "gso.h"
#include "packet.h"
#include "parse_ip.h"
#include "parse_l4.h"
#include "parse_link.h"

static __always_inline void parse_transport(struct packet *p)
{
	struct facts *f = p->f;
	__u32 before = f->ip_len - p->left;
	__u32 l4_len;

	if (f->fragment == FRAGMENT_LATER)
		return;
	l4_len = parse_l4(p);
	if (l4_len)
		f->header_len = before + l4_len;
}

/*
 * Fill in p->f (zeroed, but for a tag that the device took off); gso_count() does the
 * rest. @ethernet, @proto: see parse_link(). Returns LEDGER_SEEN when there is a flow for
 * it, else the reason why not.
 */
static __always_inline enum ledger_reason parse(struct packet *p, bool ethernet, __be16 proto)
{
	struct facts *f = p->f;
	__u32 behind_link;
	bool ok;

	proto = parse_link(p, ethernet, proto);
	behind_link = f->ip_len = p->left;
	if (proto == bpf_htons(ETH_P_IP))
		ok = parse_ip4(p);
	else if (proto == bpf_htons(ETH_P_IPV6))
		ok = parse_ip6(p);
	else
		return LEDGER_NON_IP;
	if (ok)
		parse_transport(p);
	else
		f->ip_len = behind_link;
	return ok && !f->beyond ? LEDGER_SEEN : LEDGER_UNPARSED;
}

#endif
