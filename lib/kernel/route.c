// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel is asked, not imitated: policy rules, VRFs, metrics, nexthop objects and the
 * hash over several hops are its own affair. A question is one send and one receive; it is
 * answered within the send. With RTM_F_FIB_MATCH the answer is the route that was found,
 * with its prefix and all its hops; without, the one way that this flow goes.
 *
 * A route of the kinds blackhole, unreachable and prohibit is not told but obeyed: its error
 * is the answer.
 */
#include "kernel/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/rtnl.h"

#define TIMEOUT_MS 200

/* Not in the headers of every system. */
#ifndef RTM_F_FIB_MATCH
#define RTM_F_FIB_MATCH 0x2000
#endif

/* Of Linux 6.13; older ones do not look at it. */
enum { RTA_FLOW_LABEL = 31 };

struct routes {
	struct nl_sock *ask;
	uint32_t seq;
	union {
		struct nlmsghdr align;
		uint8_t bytes[32 * 1024];
	} buf;
};

void routes_close(struct routes *r)
{
	if (!r)
		return;
	if (r->ask)
		nl_socket_free(r->ask);
	free(r);
}

DEFINE_CLEANUP(struct routes, routes_close)

int routes_open(int ns_fd, struct routes **ret)
{
	const struct timeval timeout = { .tv_usec = TIMEOUT_MS * 1000 };
	_cleanup_(routes_closep) struct routes *new = calloc(1, sizeof(*new));
	int r;

	if (!new)
		return fail(-ENOMEM, "cannot ask for routes");
	r = rtnl_open(ns_fd, &new->ask);
	if (r < 0)
		return r;
	setsockopt(nl_socket_get_fd(new->ask), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	*ret = take_ptr(new);
	return 0;
}

static size_t address_len(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

static void put_attr(struct nlmsghdr *h, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((uint8_t *)h + NLMSG_ALIGN(h->nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static bool is_zero(const uint8_t addr[16])
{
	static const uint8_t zero[16];

	return memcmp(addr, zero, 16) == 0;
}

/* The query as a message in r->buf. */
static struct nlmsghdr *make_query(struct routes *r, const struct route_query *q, bool match)
{
	struct nlmsghdr *h = &r->buf.align;
	struct rtmsg *m = NLMSG_DATA(h);
	size_t len = address_len(q->family);
	bool has_src = !is_zero(q->src);
	uint32_t label = htonl(q->flow_label);

	memset(h, 0, NLMSG_LENGTH(sizeof(*m)));
	h->nlmsg_len = NLMSG_LENGTH(sizeof(*m));
	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = ++r->seq;
	m->rtm_family = q->family == 4 ? AF_INET : AF_INET6;
	m->rtm_dst_len = 8 * len;
	m->rtm_src_len = has_src ? 8 * len : 0;
	m->rtm_tos = q->tos & ROUTE_TOS_MASK;
	m->rtm_flags = match ? RTM_F_FIB_MATCH : 0;
	put_attr(h, RTA_DST, q->dst, len);
	if (has_src)
		put_attr(h, RTA_SRC, q->src, len);
	if (q->iif)
		put_attr(h, RTA_IIF, &q->iif, sizeof(q->iif));
	if (q->mark)
		put_attr(h, RTA_MARK, &q->mark, sizeof(q->mark));
	if (q->flow_label)
		put_attr(h, RTA_FLOW_LABEL, &label, sizeof(label));
	if (q->proto == IPPROTO_TCP || q->proto == IPPROTO_UDP) {	/* it knows no others */
		put_attr(h, RTA_IP_PROTO, &q->proto, sizeof(q->proto));
		put_attr(h, RTA_SPORT, &q->sport, sizeof(q->sport));
		put_attr(h, RTA_DPORT, &q->dport, sizeof(q->dport));
	}
	return h;
}

/* Send @h and receive the answer into the buffer: its first message, or the error in it. */
static int converse(struct routes *r, const struct nlmsghdr *h, const struct nlmsghdr **ret)
{
	int fd = nl_socket_get_fd(r->ask);

	if (send(fd, h, h->nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		const struct nlmsghdr *answer = &r->buf.align;
		ssize_t n = recv(fd, r->buf.bytes, sizeof(r->buf.bytes), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!NLMSG_OK(answer, n) || answer->nlmsg_seq != r->seq)
			continue;
		if (answer->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = NLMSG_DATA(answer);

			return e->error ? e->error : -EIO;
		}
		*ret = answer;
		return 0;
	}
}

static void read_gateway(const struct rtattr *a, uint8_t family, struct route_hop *hop)
{
	const struct rtvia *via = RTA_DATA(a);
	size_t len = address_len(family);

	if (a->rta_type == RTA_GATEWAY && RTA_PAYLOAD(a) == len)
		memcpy(hop->gateway, RTA_DATA(a), len);
	else if (a->rta_type == RTA_VIA && RTA_PAYLOAD(a) == sizeof(*via) + len &&
		 via->rtvia_family == (family == 4 ? AF_INET : AF_INET6))
		memcpy(hop->gateway, via->rtvia_addr, len);
}

static void read_hops(const struct rtattr *list, uint8_t family, struct route *to)
{
	const struct rtnexthop *nh = RTA_DATA(list);
	int left = RTA_PAYLOAD(list);

	for (; RTNH_OK(nh, left) && to->n_hops < ROUTE_HOPS_MAX; nh = RTNH_NEXT(nh)) {
		const struct rtattr *a = RTNH_DATA(nh);
		int len = nh->rtnh_len - RTNH_LENGTH(0);
		struct route_hop *hop = &to->hops[to->n_hops++];

		*hop = (struct route_hop) { .oif = nh->rtnh_ifindex };
		for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
			read_gateway(a, family, hop);
		left -= RTNH_ALIGN(nh->rtnh_len);
	}
}

static enum route_kind kind_of(uint8_t type)
{
	static const uint8_t kinds[] = {
		[RTN_UNICAST] = ROUTE_FORWARD, [RTN_LOCAL] = ROUTE_LOCAL,
		[RTN_BROADCAST] = ROUTE_LOCAL, [RTN_ANYCAST] = ROUTE_LOCAL,
		[RTN_MULTICAST] = ROUTE_MULTICAST, [RTN_BLACKHOLE] = ROUTE_BLACKHOLE,
		[RTN_UNREACHABLE] = ROUTE_UNREACHABLE, [RTN_PROHIBIT] = ROUTE_PROHIBIT,
	};

	return type < ARRAY_SIZE(kinds) ? kinds[type] : ROUTE_UNKNOWN;
}

/* BGP's own number came late: zebra and BIRD set theirs on routes of every origin. */
static bool is_bgp(uint8_t protocol)
{
	return protocol == RTPROT_ZEBRA || protocol == RTPROT_BIRD || protocol == 186;
}

static void read_route(const struct nlmsghdr *h, struct route *ret)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	const struct rtattr *a = RTM_RTA(m);
	uint8_t family = m->rtm_family == AF_INET ? 4 : 6;
	struct route_hop one = { 0 };
	int len = RTM_PAYLOAD(h);

	ret->kind = kind_of(m->rtm_type);
	ret->prefix_len = m->rtm_dst_len;
	ret->bgp = is_bgp(m->rtm_protocol);
	ret->n_hops = 0;
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == RTA_OIF)
			memcpy(&one.oif, RTA_DATA(a), sizeof(one.oif));
		else if (a->rta_type == RTA_MULTIPATH)
			read_hops(a, family, ret);
		else
			read_gateway(a, family, &one);
	}
	if (!ret->n_hops)
		ret->hops[ret->n_hops++] = one;
}

/* What the kernel says instead of a route (fib_props[], net/ipv4/fib_semantics.c). */
static int read_refusal(int err, enum route_kind *ret)
{
	switch (err) {
	case -EINVAL:
		*ret = ROUTE_BLACKHOLE;
		return 0;
	case -EHOSTUNREACH:
		*ret = ROUTE_UNREACHABLE;
		return 0;
	case -EACCES:
		*ret = ROUTE_PROHIBIT;
		return 0;
	case -ENETUNREACH:
	case -ESRCH:
		*ret = ROUTE_NONE;
		return 0;
	/* throw in the last table; the filter of reverse paths; an interface that is gone */
	case -EAGAIN:
	case -EXDEV:
	case -ENODEV:
		*ret = ROUTE_UNKNOWN;
		return 0;
	default:
		return err;
	}
}

int routes_match(struct routes *r, const struct route_query *q, struct route *ret)
{
	struct route found = { 0 };
	const struct nlmsghdr *answer;
	int err = converse(r, make_query(r, q, true), &answer);

	if (err == 0)
		read_route(answer, &found);
	else
		err = read_refusal(err, &found.kind);
	if (err == 0)
		*ret = found;
	return err;
}

int routes_resolve(struct routes *r, const struct route_query *q, struct route_hop *ret)
{
	const struct nlmsghdr *answer;
	struct route found = { 0 };
	enum route_kind kind;
	int err = converse(r, make_query(r, q, false), &answer);

	if (err < 0)
		return read_refusal(err, &kind) == 0 ? -EHOSTUNREACH : err;
	read_route(answer, &found);
	*ret = found.hops[0];
	return 0;
}

/* By attribute of a rule. On one that is not here everything may depend. */
#define RULE_ATTRS 64
enum { KNOWN = 1 << 7, BY_ALL = KNOWN - 1 };
static const uint8_t selectors[RULE_ATTRS] = {
	[FRA_DST] = KNOWN | ROUTE_BY_DST, [FRA_GOTO] = KNOWN, [FRA_PRIORITY] = KNOWN, [FRA_TABLE] = KNOWN,
	[FRA_FLOW] = KNOWN, [FRA_SUPPRESS_IFGROUP] = KNOWN, [FRA_SUPPRESS_PREFIXLEN] = KNOWN,
	[FRA_OIFNAME] = KNOWN, [FRA_PAD] = KNOWN, [FRA_PROTOCOL] = KNOWN, [FRA_UID_RANGE] = KNOWN,
	[FRA_TUN_ID] = KNOWN,
	[FRA_SRC] = KNOWN | ROUTE_BY_SRC,
	[FRA_IIFNAME] = KNOWN | ROUTE_BY_IIF, [FRA_L3MDEV] = KNOWN | ROUTE_BY_IIF,
	[FRA_FWMARK] = KNOWN | ROUTE_BY_MARK, [FRA_FWMASK] = KNOWN | ROUTE_BY_MARK,
	[FRA_IP_PROTO] = KNOWN | ROUTE_BY_PORTS, [FRA_SPORT_RANGE] = KNOWN | ROUTE_BY_PORTS,
	[FRA_DPORT_RANGE] = KNOWN | ROUTE_BY_PORTS,
	/* Linux 6.13 and later: DSCP, flow label and its mask, masks of ports, mask of DSCP */
	[25] = KNOWN | ROUTE_BY_TOS, [26] = KNOWN, [27] = KNOWN, [28] = KNOWN | ROUTE_BY_PORTS,
	[29] = KNOWN | ROUTE_BY_PORTS, [30] = KNOWN | ROUTE_BY_TOS,
};

static int on_rule(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[RULE_ATTRS] = { 0 };
	const struct fib_rule_hdr *rule = nlmsg_data(nlmsg_hdr(msg));
	unsigned *mask = arg;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*rule), tb, RULE_ATTRS - 1, NULL) < 0)
		return NL_SKIP;
	for (size_t i = 0; i < RULE_ATTRS; i++) {
		if (tb[i])
			*mask |= selectors[i] ? selectors[i] & ~KNOWN : BY_ALL;
	}
	if (rule->tos)
		*mask |= ROUTE_BY_TOS;
	return NL_OK;
}

int routes_selectors(struct routes *r, uint8_t family, unsigned *ret)
{
	struct rtmsg m = { .rtm_family = family == 4 ? AF_INET : AF_INET6 };
	unsigned mask = 0;
	int err;

	nl_socket_modify_cb(r->ask, NL_CB_VALID, NL_CB_CUSTOM, on_rule, &mask);
	err = nl_send_simple(r->ask, RTM_GETRULE, NLM_F_DUMP, &m, sizeof(m));
	if (err >= 0)
		err = nl_recvmsgs_default(r->ask);
	if (err < 0)
		return -EIO;
	*ret = mask;
	return 0;
}

