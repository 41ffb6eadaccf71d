/* SPDX-License-Identifier: Apache-2.0 */
/* A stream and the collector it talks to, over loopback, for the tests of lib/ipfix/stream*.c. */
#ifndef FLOWCTL_STREAM_BENCH_H
#define FLOWCTL_STREAM_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/stream.h"
#include "say.h"
#include "test.h"

#define RECORD_LEN 20
#define SET_2_LEN (16 + 4 + 4 + 3 * 4)

struct bench {
	int listener, fd;		/* the collector, and its connection */
	int protocol;			/* 0 = TCP */
	struct sockaddr_in at;
	char remote[64];
	char dir[32], file[64];		/* for files, made on demand */
	struct template_set *set;
	struct stream_config config;
	struct sink *sink;
	uint64_t ahead_ns;		/* the stream's clock is so much ahead of ours */
};

struct heard {
	size_t len;
	uint16_t set_id;		/* of the first set */
	uint16_t id;			/* that begins it: of a template, if it is one of templates */
	uint16_t fields;
	uint32_t sequence, domain;
	unsigned sets;
};

static inline int listen_at(struct bench *b)
{
	socklen_t len = sizeof(b->at);
	int one = 1;

	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, b->protocol);
	setsockopt(b->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(b->listener, (struct sockaddr *)&b->at, len) < 0 || listen(b->listener, 8) < 0)
		return -errno;
	return getsockname(b->listener, (struct sockaddr *)&b->at, &len) < 0 ? -errno : 0;
}

static inline void hang_up(struct bench *b)
{
	closep(&b->fd);
	b->fd = -1;
}

static inline void stop_listening(struct bench *b)
{
	closep(&b->listener);
	b->listener = -1;
}

static inline struct template_set *templates_of(uint16_t id, bool more)
{
	static const struct template_field fields[] = {
		{ .name = "sourceIPv4Address" }, { .name = "octetDeltaCount" },
		{ .name = "packetDeltaCount" },  { .name = "protocolIdentifier" },
	};
	struct template_set *set = NULL;

	if (template_set_new(&set) == 0 && template_set_add(set, id, fields, more ? 4 : 3) == 0)
		return set;
	template_set_free(set);
	return NULL;
}

static inline int bench_init_of(struct bench *b, int protocol)
{
	*b = (struct bench) {
		.listener = -1, .fd = -1, .at.sin_family = AF_INET, .protocol = protocol,
	};
	b->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listen_at(b) < 0)
		return -1;
	snprintf(b->remote, sizeof(b->remote), "127.0.0.1:%u", ntohs(b->at.sin_port));
	strcpy(b->dir, "/tmp/flowctl-test-XXXXXX");
	if (!mkdtemp(b->dir))
		return -1;
	snprintf(b->file, sizeof(b->file), "%s/ipfix", b->dir);
	b->set = templates_of(256, false);
	b->config = (struct stream_config) {
		.kind = STREAM_TCP, .remote = b->remote, .max_message_len = 1400,
		.templates = b->set, .backlog_bytes = 1 << 20, .backlog_file_bytes = 1 << 30,
	};
	return b->set ? 0 : -1;
}

static inline int bench_init(struct bench *b)
{
	return bench_init_of(b, 0);
}

static inline void bench_deinit(struct bench *b)
{
	char beside[80];

	if (b->sink)
		b->sink->ops->close(b->sink);
	template_set_free(b->set);
	hang_up(b);
	stop_listening(b);
	snprintf(beside, sizeof(beside), "%s.sent", b->file);
	unlink(beside);
	snprintf(beside, sizeof(beside), "%s.1", b->file);
	unlink(beside);
	unlink(b->file);
	rmdir(b->dir);
}

static inline int open_stream(struct bench *b)
{
	return stream_new(&b->config, &b->sink);
}

static inline void close_stream(struct bench *b)
{
	b->sink->ops->close(b->sink);
	b->sink = NULL;
}

static inline void tick(struct bench *b)
{
	b->sink->ops->tick(b->sink, clock_boot_ns() + b->ahead_ns);
}

/* The next attempt to connect is due, whenever it was to be. */
static inline void pass_time(struct bench *b)
{
	b->ahead_ns += 61 * NSEC_PER_SEC;
	tick(b);
}

/* Accept the stream's connection, within a second. */
static inline bool answer(struct bench *b)
{
	for (int i = 0; i < 200; i++) {
		if (b->sink)
			tick(b);
		b->fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (b->fd >= 0) {
			if (b->sink)
				tick(b);
			return true;
		}
		poll(NULL, 0, 5);
	}
	return false;
}

static inline bool read_whole(struct bench *b, uint8_t *buf, size_t len)
{
	struct pollfd p = { .fd = b->fd, .events = POLLIN };
	size_t got = 0;

	for (int i = 0; got < len && i < 200; i++) {
		ssize_t n = recv(b->fd, buf + got, len - got, 0);

		if (n > 0) {
			got += n;
			continue;
		}
		if (n == 0)
			return false;
		if (b->sink)
			tick(b);
		poll(&p, 1, 5);
	}
	return got == len;
}

static inline bool parse_message(const uint8_t *buf, size_t len, struct heard *ret)
{
	size_t at = 16;

	*ret = (struct heard) { .len = len };
	ret->sequence = get_be32(buf + 8);
	ret->domain = get_be32(buf + 12);
	if (get_be16(buf) != 10 || get_be16(buf + 2) != len)
		return false;
	for (; at + 4 <= len; ret->sets++) {
		size_t set = get_be16(buf + at + 2);

		if (set < 4 || at + set > len)
			return false;
		at += set;
	}
	if (at != len || len < 24)
		return at == len;
	ret->set_id = get_be16(buf + 16);
	ret->id = get_be16(buf + 20);
	ret->fields = get_be16(buf + 22);
	return true;
}

/* The next message, within a second; false when none came. */
static inline bool hear(struct bench *b, struct heard *ret)
{
	static uint8_t buf[65536];
	size_t len;

	if (!read_whole(b, buf, 16))
		return false;
	len = get_be16(buf + 2);
	return len >= 16 && read_whole(b, buf + 16, len - 16) && parse_message(buf, len, ret);
}

static inline bool hears(struct bench *b, uint16_t set_id, uint32_t domain, uint32_t sequence)
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

static inline bool hears_nothing(struct bench *b)
{
	struct pollfd p = { .fd = b->fd, .events = POLLIN };

	tick(b);
	return poll(&p, 1, 20) == 0;
}

/* Put @n records of @domain, as many as fit, and send them as the agent does. */
static inline int say(struct bench *b, uint32_t domain, unsigned n)
{
	int r = put_records(b->sink, domain, n);

	if (r < 0)
		return r;
	return b->sink->ops->flush(b->sink);
}

/* Message by message of what is in @path: how many, 0 when they are not all whole. */
static inline unsigned read_file(const char *path, struct heard *v, unsigned max)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) uint8_t *buf = malloc(1 << 22);
	ssize_t len = fd >= 0 && buf ? read(fd, buf, 1 << 22) : -1, at = 0;
	unsigned n = 0;

	for (; len - at >= 16 && n < max; n++) {
		size_t one = get_be16(buf + at + 2);

		if (one < 16 || at + (ssize_t)one > len || !parse_message(buf + at, one, &v[n]))
			return 0;
		at += one;
	}
	return at == len ? n : 0;
}

#endif
