// SPDX-License-Identifier: Apache-2.0
/*
 * Ask for the name, try each of its addresses, shake hands, watch. Whatever goes wrong, the
 * next attempt begins with the name again, for the address may have moved; attempts come ever
 * more seldom, at times of their own, so that a collector that comes back is not overrun by
 * all its exporters at once.
 */
#include "ipfix/stream_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/addr.h"

/* An attempt is made half of the pause to all of it after the last: 1 s to 60 s. */
#define PAUSE_MIN_NS (2 * NSEC_PER_SEC)
#define PAUSE_MAX_NS (60 * NSEC_PER_SEC)
/* Connecting, and shaking hands, may take so long each. */
#define DEADLINE_NS (10 * NSEC_PER_SEC)
/* What was up for less was no success. */
#define STABLE_NS (10 * NSEC_PER_SEC)

int link_init(struct link *l, const struct link_ops *ops, const char *remote, const char *local)
{
	int r;

	*l = (struct link) { .ops = ops, .fd = -1, .backoff_ns = PAUSE_MIN_NS };
	r = addr_parse(remote, local, &l->remote, &l->local);
	return r == 0 && ops->probe ? ops->probe() : r;
}

static void hang_up(struct link *l)
{
	if (l->fd >= 0 && l->ops->end)
		l->ops->end(l);
	closep(&l->fd);
	l->fd = -1;
}

void link_deinit(struct link *l)
{
	resolve_free(take_ptr(l->resolve));
	if (l->fd >= 0)
		hang_up(l);
}

void link_close(struct link *l)
{
	hang_up(l);
	l->state = LINK_IDLE;
}

static uint64_t random_below(uint64_t n)
{
	uint64_t v = 0;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v))
		v = clock_boot_ns();
	return v % n;
}

static void pause_until(struct link *l, uint64_t now)
{
	l->state = LINK_IDLE;
	l->next_ns = now + l->backoff_ns / 2 + random_below(l->backoff_ns / 2);
	l->backoff_ns = l->backoff_ns * 2 < PAUSE_MAX_NS ? l->backoff_ns * 2 : PAUSE_MAX_NS;
}

static void note(struct link *l, const char *what, const char *why)
{
	snprintf(l->trouble, sizeof(l->trouble), "%s%s%.120s", what, what[0] ? ": " : "", why);
	l->errors++;
}

/* It was up. What became of what was sent is asked while there is somebody to ask. */
static int broke(struct link *l, int err, const char *why, uint64_t now)
{
	note(l, "", why);
	l->ops->progress(l, &l->acked, &l->left);
	hang_up(l);
	if (now >= l->up_ns + STABLE_NS)
		l->backoff_ns = PAUSE_MIN_NS;
	pause_until(l, now);
	return err;
}

static int open_socket(struct link *l, const struct sockaddr_storage *addr, socklen_t len)
{
	int one = 1, r;

	l->fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       l->ops->protocol);
	if (l->fd < 0)
		return fail(-errno, "cannot make a socket");
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	l->ops->set_options(l->fd);
	r = l->local.host[0] ? addr_bind(&l->local, l->fd, addr->ss_family) : 0;
	if (r < 0)
		return r;
	if (connect(l->fd, (const struct sockaddr *)addr, len) < 0 && errno != EINPROGRESS)
		return fail(-errno, "cannot connect to the collector");
	return addr_tuple_to(l->fd, addr, &l->tuple);
}

/* The next of the addresses that a connection can be begun to. */
static int connect_next(struct link *l, uint64_t now)
{
	int r = -ENOENT;

	while (l->tries < l->addrs.n) {
		size_t k = l->at++ % l->addrs.n;

		l->tries++;
		hang_up(l);
		r = open_socket(l, &l->addrs.v[k].addr, l->addrs.v[k].len);
		if (r == 0) {
			l->state = LINK_CONNECTING;
			l->deadline_ns = now + DEADLINE_NS;
			return 0;
		}
		note(l, "", error_message());
	}
	hang_up(l);
	pause_until(l, now);
	return r;
}

static int start_question(struct link *l, uint64_t now)
{
	int r;

	if (now < l->next_ns)
		return -EAGAIN;
	r = resolve_start(&l->remote, &l->resolve);
	if (r < 0) {
		note(l, "", error_message());
		pause_until(l, now);
		return r;
	}
	l->state = LINK_ASKING;
	return 0;
}

static int hear_answer(struct link *l, uint64_t now)
{
	int r = resolve_poll(l->resolve, &l->addrs);

	if (r == -EAGAIN)
		return r;
	if (r < 0) {
		note(l, "cannot resolve the collector's name", resolve_error(l->resolve));
		pause_until(l, now);
	}
	resolve_free(take_ptr(l->resolve));
	l->tries = 0;
	return r < 0 ? r : connect_next(l, now);
}

static int finish_connect(struct link *l, uint64_t now)
{
	struct pollfd p = { .fd = l->fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&p, 1, 0) <= 0) {
		if (now < l->deadline_ns)
			return -EAGAIN;
		err = ETIMEDOUT;
	} else if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0) {
		err = errno;
	}
	if (err) {
		note(l, "cannot connect to the collector", strerror(err));
		return connect_next(l, now);
	}
	l->written = 0;
	l->state = LINK_SHAKING;
	l->deadline_ns = now + DEADLINE_NS;
	return 0;
}

static int finish_shake(struct link *l, uint64_t now)
{
	int r = l->ops->shake ? l->ops->shake(l) : 0;

	if (r == -EAGAIN && now < l->deadline_ns)
		return r;
	if (r < 0) {
		note(l, "", r == -EAGAIN ? "the collector does not answer" : error_message());
		return connect_next(l, now);
	}
	l->state = LINK_UP;
	l->up_ns = now;
	l->connections++;
	l->trouble[0] = '\0';
	return 0;
}

static int watch(struct link *l, uint64_t now)
{
	int r = l->ops->look(l);

	return r < 0 ? broke(l, r, error_message(), now) : 0;
}

int link_step(struct link *l, uint64_t now)
{
	static int (*const steps[])(struct link *, uint64_t) = {
		[LINK_IDLE] = start_question,
		[LINK_ASKING] = hear_answer,
		[LINK_CONNECTING] = finish_connect,
		[LINK_SHAKING] = finish_shake,
		[LINK_UP] = watch,
	};
	bool was_up;
	int r;

	do {
		was_up = l->state == LINK_UP;
		r = steps[l->state](l, now);
	} while (r == 0 && !was_up);
	return r;
}

ssize_t link_send(struct link *l, const uint8_t *data, size_t len, uint64_t now)
{
	ssize_t n = l->ops->send(l, data, len);

	if (n >= 0 || n == -EAGAIN)
		return n < 0 ? 0 : n;
	return broke(l, n, error_message(), now);
}

uint64_t link_acked(const struct link *l)
{
	uint64_t acked, left;

	l->ops->progress(l, &acked, &left);
	return acked;
}

ssize_t link_socket_send(struct link *l, const uint8_t *data, size_t len)
{
	ssize_t n;

	do {
		n = send(l->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -EAGAIN;
	if (n < 0)
		return fail(-errno, "the connection to the collector broke");
	l->written += n;
	return n;
}

/* Collectors say nothing (RFC 7011); if one does, it is read, for closing resets otherwise. */
int link_socket_look(struct link *l)
{
	char rubbish[512];
	ssize_t n = 1;

	for (int i = 0; i < LINK_READS_MAX && (n > 0 || (n < 0 && errno == EINTR)); i++)
		n = recv(l->fd, rubbish, sizeof(rubbish), MSG_DONTWAIT);
	if (n == 0)
		return fail_plain(-EPIPE, "the collector closed the connection");
	if (n > 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return 0;
	return fail(-errno, "the connection to the collector broke");
}
