// SPDX-License-Identifier: Apache-2.0
/*
 * Connections. A stream is cut by the length in each header; where a header is none, there
 * is no way to find the next one, so the connection is closed (RFC 7011 9.1, 10.4.3).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "collect/receive_parts.h"

enum { MESSAGE_MAX = 65535, READ_AT_LEAST = 1 << 16, ROUNDS = 16 };

struct receive_conn {
	struct receive *owner;
	struct receive_conn *next;
	int fd;
	struct decode_session *session;
	struct receive_cutter cutter;
	struct receive_tls_conn *tls;
	uint32_t events; /* that are waited for */
};

void receive_cutter_deinit(struct receive_cutter *c)
{
	free(c->data);
	*c = (struct receive_cutter){ 0 };
}

int receive_cutter_room(struct receive_cutter *c, size_t room)
{
	uint8_t *data;

	if (c->cap - c->len >= room)
		return 0;
	data = realloc(c->data, c->len + room);
	if (!data)
		return -ENOMEM;
	c->data = data;
	c->cap = c->len + room;
	return 0;
}

int receive_cutter_run(struct receive_cutter *c, struct receive *r, struct decode_session *s)
{
	uint64_t now_ns = clock_real_ns();
	size_t at = 0;
	int err = 0;

	while (c->len - at >= 4 && err == 0 && !r->stopped) {
		size_t len = decode_message_len(c->data + at, c->len - at);

		if (len < 16) /* let the decoder say why */
			len = c->len - at;
		if (len > c->len - at)
			break;
		err = decode_message(&r->decode, s, c->data + at, len, now_ns);
		at += len;
	}
	memmove(c->data, c->data + at, c->len - at);
	c->len -= at;
	return err;
}

void receive_cutter_end(const struct receive_cutter *c, struct receive *r, struct decode_session *s)
{
	struct finding f = { .rule = RULE_STREAM_CUT, .session = s, .message = s->n_messages + 1 };

	if (!c->len)
		return;
	snprintf(f.text, sizeof(f.text), "the stream ends %zu bytes into a message", c->len);
	r->config.handler.finding(r->config.handler.arg, &f);
}

static void close_conn(struct receive_conn *conn)
{
	struct receive *r = conn->owner;
	struct receive_conn **p = &r->conns;

	while (*p != conn)
		p = &(*p)->next;
	*p = conn->next;
	r->n_conns--;
	loop_remove_fd(r->loop, conn->fd);
	receive_tls_close(conn->tls);
	close(conn->fd);
	receive_cutter_deinit(&conn->cutter);
	decode_session_free(&r->decode, conn->session);
	free(conn);
}

static int on_ready(struct loop *loop, int fd, uint32_t events, void *arg);

/* TLS may have to write before it can read on. */
static void watch(struct receive_conn *conn, uint32_t events)
{
	if (events == conn->events)
		return;
	loop_remove_fd(conn->owner->loop, conn->fd);
	if (loop_add_fd(conn->owner->loop, conn->fd, events, on_ready, conn) < 0)
		error_clear();
	conn->events = events;
}

/* Bytes, 0 at the end, -EAGAIN, or why it broke. */
static ssize_t read_conn(struct receive_conn *conn)
{
	struct receive_cutter *c = &conn->cutter;
	uint32_t events = EPOLLIN;
	ssize_t n;

	if (receive_cutter_room(c, READ_AT_LEAST) < 0)
		return -ENOMEM;
	if (conn->tls) {
		n = receive_tls_read(conn->tls, c->data + c->len, c->cap - c->len, &events);
		watch(conn, events);
	} else {
		n = recv(conn->fd, c->data + c->len, c->cap - c->len, MSG_DONTWAIT);
		if (n < 0)
			n = errno == EINTR ? -EAGAIN : -errno;
	}
	if (n > 0) {
		c->len += (size_t)n;
		conn->owner->counts.bytes += (size_t)n;
	}
	return n;
}

static int on_ready(struct loop *loop, int fd, uint32_t events, void *arg)
{
	struct receive_conn *conn = arg;
	struct receive *r = conn->owner;
	ssize_t n = 1;

	for (int round = 0; round < ROUNDS && n > 0 && !r->stopped; round++) {
		n = read_conn(conn);
		if (n > 0 && receive_cutter_run(&conn->cutter, r, conn->session) < 0)
			n = -EBADMSG;
	}
	if (n == 0)
		receive_cutter_end(&conn->cutter, r, conn->session);
	if (n <= 0 && n != -EAGAIN)
		close_conn(conn);
	return r->config.settled ? r->config.settled(r->config.handler.arg) : 0;
}

static struct receive_conn *make_conn(struct receive_listener *l, int fd,
				      const struct sockaddr *from, socklen_t len)
{
	struct receive_conn *conn = calloc(1, sizeof(*conn));
	char name[PEERS_NAME_MAX];

	if (!conn)
		return NULL;
	conn->owner = l->owner;
	conn->fd = fd;
	conn->session = decode_session_new(l->transport, peers_name(from, len, name));
	if (l->transport == DECODE_TLS)
		conn->tls = receive_tls_accept(l->owner->tls, fd);
	if (!conn->session || (l->transport == DECODE_TLS && !conn->tls)) {
		decode_session_free(&l->owner->decode, conn->session);
		free(conn);
		return NULL;
	}
	conn->next = l->owner->conns;
	l->owner->conns = conn;
	l->owner->n_conns++;
	return conn;
}

static int on_connection(struct loop *loop, int fd, uint32_t events, void *arg)
{
	struct receive_listener *l = arg;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	_cleanup_(closep) int accepted =
		accept4(fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct receive_conn *conn;

	if (accepted < 0) {
		/* Whoever it was has gone again; or there is no descriptor left, and they wait
		 * in the kernel until there is one: to ask at once again would be all we do. */
		if (errno == EMFILE || errno == ENFILE)
			clock_sleep_ns(NSEC_PER_MSEC);
		return 0;
	}
	if (l->owner->n_conns == RECEIVE_CONNECTIONS_MAX) {
		l->owner->counts.refused++;
		return l->owner->config.settled
			       ? l->owner->config.settled(l->owner->config.handler.arg)
			       : 0;
	}
	conn = make_conn(l, accepted, (struct sockaddr *)&from, len);
	if (!conn)
		return 0;
	take_fd(&accepted);
	l->owner->counts.connections++;
	watch(conn, EPOLLIN);
	return 0;
}

int receive_stream_start(struct receive_listener *l)
{
	return loop_add_fd(l->owner->loop, l->fd, EPOLLIN, on_connection, l);
}

void receive_stream_stop(struct receive *r)
{
	while (r->conns)
		close_conn(r->conns);
}
