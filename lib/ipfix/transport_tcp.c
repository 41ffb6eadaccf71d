// SPDX-License-Identifier: Apache-2.0
/*
 * TCP (RFC 7011 10.4). The kernel says how much of what it was given the other end has not
 * acknowledged, and how much has not left at all: so what is in doubt when a connection
 * breaks is known to the byte.
 */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "ipfix/stream_link.h"

#ifndef SIOCOUTQNSD
#define SIOCOUTQNSD 0x894B
#endif

/* A peer that vanished is found out in a minute when nothing is sent, in two when it is. */
void tcp_set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 30 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 120 * 1000 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			   sizeof(options[i].value));
}

void tcp_progress(const struct link *l, uint64_t *ret_acked, uint64_t *ret_left)
{
	int unacked, unsent;

	*ret_acked = 0;
	*ret_left = l->written;
	if (ioctl(l->fd, SIOCOUTQ, &unacked) == 0 && (uint64_t)unacked <= l->written)
		*ret_acked = l->written - unacked;
	if (ioctl(l->fd, SIOCOUTQNSD, &unsent) == 0 && (uint64_t)unsent <= l->written)
		*ret_left = l->written - unsent;
}

const struct link_ops link_tcp = {
	.name = "tcp",
	.protocol = IPPROTO_TCP,
	.set_options = tcp_set_options,
	.send = link_socket_send,
	.look = link_socket_look,
	.progress = tcp_progress,
};
