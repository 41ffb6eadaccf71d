/* SPDX-License-Identifier: Apache-2.0 */
/* Links of a namespace, by rtnetlink (libnl-route-3). */
#ifndef FLOWCTL_KERNEL_RTNL_H
#define FLOWCTL_KERNEL_RTNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"

/* IFALIASZ of <linux/if.h>. */
#define LINK_ALIAS_MAX 256

struct link {
	uint32_t ifindex;
	char name[IFACE_NAME_MAX];
	bool up;
	bool loopback;
	bool software;		/* no hardware of its own: veth, tap, VLAN, bridge, lo */
	bool ethernet;		/* frames have an Ethernet header (ARPHRD_ETHER, ARPHRD_LOOPBACK) */
	uint32_t parent;	/* ifindex of the device below it here (VLAN, ...); 0 = none */
	uint32_t master;	/* ifindex of bridge or bond, 0 = none */
	char kind[16];		/* "vlan", "veth", ""; IFLA_INFO_KIND */
	uint8_t mac[6];		/* 0 where the device has no address of that length */
	/* Borrowed, or NULL: what the cloud says of it. Filled by whoever knows it (agent/cloud.c). */
	const struct record_cloud *cloud;
	char alias[LINK_ALIAS_MAX];	/* "ip link set ... alias", "" = none; not always UTF-8 */
};

/* A libnl socket of NETLINK_ROUTE in the namespace of @ns_fd (-1: the caller's);
 * nl_socket_free(). */
struct nl_sock;
int rtnl_open(int ns_fd, struct nl_sock **ret);

/* All links of the namespace of @ns_fd, by ifindex. free() the array. */
int rtnl_links(int ns_fd, struct link **ret, size_t *ret_n);
/* By ifindex, as rtnl_links() has them. */
void rtnl_sort(struct link *links, size_t n);
/* That of @links, which are by ifindex, with this number, or NULL. @links may be NULL with @n 0. */
const struct link *rtnl_find(const struct link *links, size_t n, uint32_t ifindex);

#endif
