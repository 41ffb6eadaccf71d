// SPDX-License-Identifier: Apache-2.0
/*
 * Datagrams, as many as wait at once. What the kernel dropped because the receive buffer was
 * full comes along with each datagram.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/receive_parts.h"

enum { BATCH = 32, DATAGRAM_MAX = 65536, ROUNDS = 16 };

/* One for all sockets: they are read in turn. */
struct receive_batch {
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage from[BATCH];
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(uint32_t))];
	} control[BATCH];
	uint8_t data[BATCH][DATAGRAM_MAX];
};

static void note_drops(struct receive_listener *l, struct msghdr *msg)
{
	struct cmsghdr *c;
	uint32_t n;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&n, CMSG_DATA(c), sizeof(n));
		l->owner->counts.dropped += n - l->dropped;
		l->dropped = n;
	}
}

/* What is no message makes no session: anybody could fill the table of peers with it. */
static struct decode_session *session_of(struct receive_listener *l, const struct msghdr *msg,
					 const uint8_t *data, size_t len, uint64_t now_ns)
{
	struct receive *r = l->owner;
	char name[PEERS_NAME_MAX];

	if (decode_is_message(data, len))
		return peers_get(&r->peers, &r->decode, l->number, msg->msg_name, msg->msg_namelen,
				 now_ns);
	r->counts.foreign++;
	snprintf(r->nobody->peer, sizeof(r->nobody->peer), "%s",
		 peers_name(msg->msg_name, msg->msg_namelen, name));
	return r->nobody;
}

static void take(struct receive_listener *l, struct mmsghdr *m, uint64_t now_ns)
{
	struct receive *r = l->owner;
	const uint8_t *data = m->msg_hdr.msg_iov->iov_base;
	struct decode_session *s;

	note_drops(l, &m->msg_hdr);
	r->counts.datagrams++;
	r->counts.bytes += m->msg_len;
	s = session_of(l, &m->msg_hdr, data, m->msg_len, now_ns);
	if (s)
		decode_message(&r->decode, s, data, m->msg_len, now_ns);
}

static int receive_batch(struct receive_listener *l)
{
	struct receive_batch *b = l->owner->batch;

	for (int i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->data[i], DATAGRAM_MAX };
		b->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = &b->control[i],
			.msg_controllen = sizeof(b->control[i]),
		};
	}
	return recvmmsg(l->fd, b->messages, BATCH, MSG_DONTWAIT, NULL);
}

bool receive_udp_take(struct receive_listener *l)
{
	struct receive *r = l->owner;
	int n = receive_batch(l); /* an error is one of the network, and no end */
	uint64_t now_ns = clock_real_ns();

	for (int i = 0; i < n && !r->stopped; i++)
		take(l, &r->batch->messages[i], now_ns);
	return n == BATCH && !r->stopped;
}

static int on_readable(struct loop *loop, int fd, uint32_t events, void *arg)
{
	struct receive_listener *l = arg;
	struct receive *r = l->owner;
	int round = 0;

	while (round < ROUNDS && receive_udp_take(l))
		round++;
	return r->config.settled ? r->config.settled(r->config.handler.arg) : 0;
}

int receive_udp_start(struct receive_listener *l)
{
	struct receive *r = l->owner;
	int size = RECEIVE_BUFFER_BYTES, on = 1;

	if (!r->batch)
		r->batch = calloc(1, sizeof(*r->batch));
	if (!r->batch)
		return fail(-ENOMEM, "cannot listen on %s", l->name);
	/* Beyond net.core.rmem_max where we may, else as much as anybody gets. */
	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(l->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	return loop_add_fd(r->loop, l->fd, EPOLLIN, on_readable, l);
}

void receive_udp_stop(struct receive *r)
{
	free(r->batch);
	r->batch = NULL;
}
