// SPDX-License-Identifier: Apache-2.0
/*
 * One socket is told of changes, another lists routes: a full table of the Internet is read
 * in pieces, as the kernel goes on with a dump only when it is read. That a link went down
 * takes IPv4 routes with it and tells of none, so changes are those of links too.
 */
#include "kernel/route_watch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/rtnl.h"

static const int groups[] = {
	RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
	RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP,
};

struct route_watch {
	struct nl_sock *hear, *list;
	uint32_t seq;
	uint8_t listing;	/* family of the dump under way */
	union {
		struct nlmsghdr align;
		uint8_t bytes[64 * 1024];
	} buf;
};

void route_watch_close(struct route_watch *w)
{
	if (!w)
		return;
	if (w->hear)
		nl_socket_free(w->hear);
	if (w->list)
		nl_socket_free(w->list);
	free(w);
}

DEFINE_CLEANUP(struct route_watch, route_watch_close)

int route_watch_open(int ns_fd, struct route_watch **ret)
{
	_cleanup_(route_watch_closep) struct route_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return fail(-ENOMEM, "cannot watch routes");
	r = rtnl_open(ns_fd, &w->hear);
	if (r == 0)
		r = rtnl_open(ns_fd, &w->list);
	if (r < 0)
		return r;
	/* A group that an older kernel does not have tells of what it does not have either. */
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		nl_socket_add_membership(w->hear, groups[i]);
	*ret = take_ptr(w);
	return 0;
}

static void tell_route(const struct nlmsghdr *h, route_prefix_fn fn, void *arg)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	const struct rtattr *a = RTM_RTA(m);
	struct parse_prefix p = { .family = m->rtm_family == AF_INET ? 4 : 6, .len_bits = m->rtm_dst_len };
	int len = RTM_PAYLOAD(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
	    (m->rtm_family != AF_INET && m->rtm_family != AF_INET6))
		return;
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == RTA_DST && RTA_PAYLOAD(a) <= sizeof(p.addr))
			memcpy(p.addr, RTA_DATA(a), RTA_PAYLOAD(a));
	}
	fn(arg, &p, m->rtm_src_len);
}

static unsigned tell_change(const struct nlmsghdr *h, route_prefix_fn fn, void *arg)
{
	switch (h->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		tell_route(h, fn, arg);
		return 0;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		return ROUTE_CHANGE_RULES;
	default:
		return ROUTE_CHANGE_ANY;
	}
}

unsigned route_watch_look(struct route_watch *w, route_prefix_fn fn, void *arg)
{
	int fd = nl_socket_get_fd(w->hear);
	unsigned changes = 0;

	for (;;) {
		const struct nlmsghdr *h = &w->buf.align;
		ssize_t n = recv(fd, w->buf.bytes, sizeof(w->buf.bytes), MSG_DONTWAIT);

		if (n < 0 && errno == ENOBUFS)
			changes |= ROUTE_CHANGE_LOST;
		else if (n < 0 && errno != EINTR)
			return changes;
		for (; n > 0 && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			changes |= tell_change(h, fn, arg);
	}
}

static int list_family(struct route_watch *w, uint8_t family)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg m;
	} ask = {
		.h = { .nlmsg_len = sizeof(ask), .nlmsg_type = RTM_GETROUTE, .nlmsg_seq = ++w->seq,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.m = { .rtm_family = family },
	};

	if (send(nl_socket_get_fd(w->list), &ask, sizeof(ask), 0) < 0)
		return -errno;
	w->listing = family;
	return 0;
}

/* What is left of a list that was given up is read away. */
int route_watch_list(struct route_watch *w)
{
	while (recv(nl_socket_get_fd(w->list), w->buf.bytes, sizeof(w->buf.bytes), MSG_DONTWAIT) > 0)
		;
	return list_family(w, AF_INET);
}

/*
 * 0: the family's list has ended. IPv4 goes on behind the last key, and whoever was there all
 * the time is told; IPv6 counts, and may miss one when others went.
 */
static int read_list(const struct route_watch *w, size_t n, route_prefix_fn fn, void *arg)
{
	const struct nlmsghdr *h = &w->buf.align;

	for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_seq != w->seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR && w->listing == AF_INET6)
			return -EINTR;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		if (h->nlmsg_type == RTM_NEWROUTE)
			tell_route(h, fn, arg);
	}
	return -EAGAIN;
}

int route_watch_list_more(struct route_watch *w, size_t messages, route_prefix_fn fn, void *arg)
{
	int fd = nl_socket_get_fd(w->list), r = -EAGAIN;

	while (r == -EAGAIN && messages--) {
		ssize_t n = recv(fd, w->buf.bytes, sizeof(w->buf.bytes), MSG_DONTWAIT);

		if (n < 0)
			return errno == EINTR ? -EAGAIN : -errno;
		r = read_list(w, n, fn, arg);
		if (r == 0 && w->listing == AF_INET)
			r = list_family(w, AF_INET6) < 0 ? -EIO : -EAGAIN;
	}
	return r;
}
