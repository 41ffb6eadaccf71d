/* SPDX-License-Identifier: Apache-2.0 */
/* A session and the collector it talks to, on loopback, for the tests of lib/ipfix/session.c. */
#ifndef FLOWCTL_SESSION_BENCH_H
#define FLOWCTL_SESSION_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/session.h"
#include "say.h"
#include "test.h"

static const struct template_field names[] = {
	{ "sourceIPv4Address" }, { "octetDeltaCount" }, { "packetDeltaCount" }
};
#define RECORD_LEN 20
#define SETS_2_LEN (16 + 4 + 4 + 3 * 4)

struct bench {
	int fd;				/* the collector */
	struct sockaddr_storage at;
	socklen_t at_len;
	char remote[64];
	struct template_set *set;
	struct sink *sink;
};

struct heard {
	size_t len;
	uint16_t version, header_len, set_id;
	uint32_t sequence, domain;
	int templates;			/* in the first set, when that is one of templates */
	struct sockaddr_storage from;
};

static inline int listen_at(struct bench *b)
{
	b->fd = socket(b->at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (b->fd < 0 || bind(b->fd, (struct sockaddr *)&b->at, b->at_len) < 0)
		return -errno;
	return getsockname(b->fd, (struct sockaddr *)&b->at, &b->at_len) < 0 ? -errno : 0;
}

static inline void hang_up(struct bench *b)
{
	closep(&b->fd);
	b->fd = -1;
}

static inline int bench_init(struct bench *b, int family)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&b->at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&b->at;

	*b = (struct bench) { .fd = -1, .at.ss_family = family };
	b->at_len = family == AF_INET ? sizeof(*v4) : sizeof(*v6);
	if (family == AF_INET)
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		v6->sin6_addr = in6addr_loopback;
	if (listen_at(b) < 0)
		return -1;
	snprintf(b->remote, sizeof(b->remote), "%s:%u", family == AF_INET ? "127.0.0.1" : "[::1]",
		 ntohs(v4->sin_port));
	if (template_set_new(&b->set) < 0)
		return -1;
	return template_set_add(b->set, 256, names, 3);
}

static inline void bench_deinit(struct bench *b)
{
	if (b->sink)
		b->sink->ops->close(b->sink);
	template_set_free(b->set);
	closep(&b->fd);
}

static inline int open_session(struct bench *b, const char *local,
			       const struct sequence_ops *sequence)
{
	struct session_config c = {
		.remote = b->remote, .local = local, .max_message_len = 1400,
		.template_flush_s = 60, .templates = b->set,
	};

	if (sequence)
		c.sequence = *sequence;
	return session_udp_new(&c, &b->sink);
}

static inline uint32_t be32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* The next datagram, within a second; false when none came. */
static inline bool hear(const struct bench *b, struct heard *ret)
{
	struct pollfd pfd = { .fd = b->fd, .events = POLLIN };
	socklen_t len = sizeof(ret->from);
	uint8_t buf[65536];
	ssize_t n;

	if (poll(&pfd, 1, 1000) != 1)
		return false;
	n = recvfrom(b->fd, buf, sizeof(buf), 0, (struct sockaddr *)&ret->from, &len);
	if (n < 20)
		return false;
	ret->len = n;
	ret->version = buf[0] << 8 | buf[1];
	ret->header_len = buf[2] << 8 | buf[3];
	ret->sequence = be32_at(buf + 8);
	ret->domain = be32_at(buf + 12);
	ret->set_id = buf[16] << 8 | buf[17];
	ret->templates = 0;
	for (ssize_t at = 20; ret->set_id == 2 && at < n; ret->templates++)
		at += 4 + 4 * (buf[at + 2] << 8 | buf[at + 3]);
	return ret->version == 10 && ret->header_len == ret->len;
}

static inline uint16_t port_of(const struct heard *h)
{
	return ntohs(((const struct sockaddr_in *)&h->from)->sin_port);
}

static inline bool hears(const struct bench *b, uint16_t set_id, uint32_t domain, uint32_t sequence)
{
	struct heard h;

	if (!hear(b, &h)) {
		printf("# heard nothing\n");
		return false;
	}
	if (h.set_id == set_id && h.domain == domain && h.sequence == sequence)
		return true;
	printf("# heard set %u, domain %u, sequence %u\n", h.set_id, h.domain, h.sequence);
	return false;
}

static inline bool hears_nothing(const struct bench *b)
{
	struct pollfd pfd = { .fd = b->fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

/* Put @n records of @domain, and send them as the agent does. */
static inline int say(struct bench *b, uint32_t domain, unsigned n)
{
	int r = put_records(b->sink, domain, n);

	if (r < 0)
		return r;
	b->sink->ops->prepare(b->sink);
	return b->sink->ops->flush(b->sink);
}

#endif
