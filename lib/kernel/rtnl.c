/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One dump of a namespace's links. IFLA_LINK means a lower device only where it names one
 * of the same namespace (no IFLA_LINK_NETNSID) and the kind is one that passes the same
 * frames on: a veth's IFLA_LINK is its peer, a tunnel's is where other packets leave.
 */
#include "kernel/rtnl.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/netns.h"

static void nl_socket_freep(struct nl_sock **sk)
{
	if (*sk)
		nl_socket_free(*sk);
}

static void nl_cache_freep(struct nl_cache **cache)
{
	if (*cache)
		nl_cache_free(*cache);
}

int rtnl_open(int ns_fd, struct nl_sock **ret)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	_cleanup_(nl_socket_freep) struct nl_sock *sk = NULL;
	int r;

	sk = nl_socket_alloc();
	if (!sk)
		return fail(-ENOMEM, "cannot make a netlink socket");
	if (ns_fd >= 0) {
		r = netns_enter(&scope, ns_fd);
		if (r < 0)
			return r;
	}
	r = nl_connect(sk, NETLINK_ROUTE);
	if (r < 0)
		return fail_plain(-EIO, "cannot make a netlink socket: %s", nl_geterror(r));
	*ret = take_ptr(sk);
	return 0;
}

static const char *const stacking_kinds[] = { "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", NULL };

static bool is_stacking(const char *kind)
{
	for (size_t i = 0; stacking_kinds[i]; i++)
		if (strcmp(kind, stacking_kinds[i]) == 0)
			return true;
	return false;
}

static void link_fill(struct rtnl_link *from, struct link *to)
{
	unsigned type = rtnl_link_get_arptype(from), flags = rtnl_link_get_flags(from);
	const char *name = rtnl_link_get_name(from), *kind = rtnl_link_get_type(from);
	const char *alias = rtnl_link_get_ifalias(from);
	struct nl_addr *mac = rtnl_link_get_addr(from);
	int netnsid, lower = rtnl_link_get_link(from);

	*to = (struct link){
		.ifindex = rtnl_link_get_ifindex(from),
		.up = flags & IFF_UP,
		.loopback = flags & IFF_LOOPBACK,
		.ethernet = type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK,
		.master = rtnl_link_get_master(from),
	};
	snprintf(to->name, sizeof(to->name), "%s", name ? name : "");
	snprintf(to->kind, sizeof(to->kind), "%s", kind ? kind : "");
	snprintf(to->alias, sizeof(to->alias), "%s", alias ? alias : "");
	to->software = to->kind[0] || to->loopback;
	if (mac && nl_addr_get_len(mac) == sizeof(to->mac))
		memcpy(to->mac, nl_addr_get_binary_addr(mac), sizeof(to->mac));
	if (is_stacking(to->kind) && lower > 0 && rtnl_link_get_link_netnsid(from, &netnsid) < 0)
		to->parent = lower;
}

static int link_compare(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

void rtnl_sort(struct link *links, size_t n)
{
	qsort(links, n, sizeof(*links), link_compare);
}

const struct link *rtnl_find(const struct link *links, size_t n, uint32_t ifindex)
{
	const struct link key = { .ifindex = ifindex };

	return n ? bsearch(&key, links, n, sizeof(key), link_compare) : NULL;
}

int rtnl_links(int ns_fd, struct link **ret, size_t *ret_n)
{
	_cleanup_(nl_socket_freep) struct nl_sock *sk = NULL;
	_cleanup_(nl_cache_freep) struct nl_cache *cache = NULL;
	struct nl_object *object;
	struct link *links;
	size_t n = 0;
	int r;

	r = rtnl_open(ns_fd, &sk);
	if (r < 0)
		return r;
	r = rtnl_link_alloc_cache(sk, AF_UNSPEC, &cache);
	if (r < 0)
		return fail_plain(-EIO, "cannot list the interfaces: %s", nl_geterror(r));
	links = calloc(nl_cache_nitems(cache) + 1, sizeof(*links));
	if (!links)
		return fail(-ENOMEM, "cannot list the interfaces");
	for (object = nl_cache_get_first(cache); object; object = nl_cache_get_next(object))
		link_fill((struct rtnl_link *)object, &links[n++]);
	rtnl_sort(links, n);
	*ret = links;
	*ret_n = n;
	return 0;
}
