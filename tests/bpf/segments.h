/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of connections: the client is 10.x.x.x:1024+, where x is the connection's number, the
 * server 10.255.0.1:80. */
#ifndef FLOWCTL_TEST_BPF_SEGMENTS_H
#define FLOWCTL_TEST_BPF_SEGMENTS_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "harness.h"
#include "tcp_key.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10

#define OTHER_IFINDEX 7
#define SERVER_ADDR 0x0aff0001
#define SERVER_PORT 80
#define OPTIONS_MAX 40
#define PAYLOAD_MAX 4096

struct segment {
	uint32_t connection;
	bool reply;		/* from the server */
	uint8_t flags;
	uint8_t ecn;
	uint32_t seq, ack;
	uint16_t window;
	uint16_t len;		/* of the payload */
	uint16_t vlan;		/* id of a tag in the frame, 0 = none */
	uint8_t options[OPTIONS_MAX];
	uint8_t options_len;	/* a multiple of 4 */
	uint32_t segments, size;	/* of a super-packet */
	uint32_t came_by;	/* ingress_ifindex */
};

static inline void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static inline uint16_t client_port(uint32_t connection)
{
	return 1024 + connection % 60000;
}

static inline uint32_t segment_frame(const struct segment *s, uint8_t *p)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	uint32_t client = 0x0a000000 | s->connection, header = 20 + s->options_len, off = 12;

	memcpy(p, macs, sizeof(macs));
	if (s->vlan) {
		put16(p + off, 0x8100);
		put16(p + off + 2, s->vlan);
		off += 4;
	}
	put16(p + off, 0x0800);
	p += off + 2;
	memset(p, 0, 20 + header + s->len);
	p[0] = 0x45;
	p[1] = s->ecn;
	put16(p + 2, 20 + header + s->len);
	p[8] = 64;
	p[9] = IPPROTO_TCP;
	put32(p + 12, s->reply ? SERVER_ADDR : client);
	put32(p + 16, s->reply ? client : SERVER_ADDR);
	p += 20;
	put16(p, s->reply ? SERVER_PORT : client_port(s->connection));
	put16(p + 2, s->reply ? client_port(s->connection) : SERVER_PORT);
	put32(p + 4, s->seq);
	put32(p + 8, s->ack);
	p[12] = header / 4 << 4;
	p[13] = s->flags;
	put16(p + 14, s->window);
	memcpy(p + 20, s->options, s->options_len);
	return off + 2 + 20 + header + s->len;
}

static inline int segment_send(const struct harness *h, const struct segment *s)
{
	uint8_t frame[PAYLOAD_MAX + 128];
	struct harness_packet p = {
		.data = frame,
		.len = segment_frame(s, frame),
		.gso_segs = s->segments,
		.gso_size = s->size,
		.ingress_ifindex = s->came_by,
	};

	return harness_run(h, &p);
}

/* Which side of the entry the client is. */
static inline unsigned client_side(const struct tcp_conn *c)
{
	return c->key.port[0] == htons(SERVER_PORT);
}

static inline uint32_t connection_of(const struct tcp_conn *c)
{
	const uint8_t *a = c->key.addr[client_side(c)];

	return a[1] << 16 | a[2] << 8 | a[3];
}

/* The @n-th entry (from 0) of that connection in @n_buckets from number @first on; NULL. */
static inline struct tcp_conn *segment_entry(const struct harness *h, uint32_t first,
					     uint32_t n_buckets, uint32_t connection, unsigned n)
{
	for (uint32_t i = first * TCP_WAYS; i < (first + n_buckets) * TCP_WAYS; i++) {
		struct tcp_conn *c = &h->conns[i];

		if (h->tcp[i / TCP_WAYS].tag[i % TCP_WAYS] && connection_of(c) == connection && n-- == 0)
			return c;
	}
	return NULL;
}

/* No more half-open. */
static inline struct tcp_conn *in_table(const struct harness *h, uint32_t connection)
{
	return segment_entry(h, 0, h->tcp_buckets + h->tcp_more_buckets, connection, 0);
}

/* A test's own harness, h, with connections. */
#define OPEN(...)                                                                                  \
	struct harness h = { __VA_ARGS__ };                                                        \
	h.tcp_buckets = h.tcp_buckets ? h.tcp_buckets : 1;                                         \
	const char *why_ = harness_open(&h);                                                       \
	if (why_)                                                                                  \
	SKIP(why_)

#define CLOSE() harness_close(&h)

#endif
