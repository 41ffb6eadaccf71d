// SPDX-License-Identifier: Apache-2.0
/* See peers.h. Anybody can send from another port each time, so what that costs is bounded. */
#include "collect/peers.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer {
	struct peer *next;
	unsigned listener;
	socklen_t len;
	struct sockaddr_storage addr;
	uint64_t heard_ns;
	struct decode_session *session;
};

const char *peers_name(const struct sockaddr *addr, socklen_t len, char buf[PEERS_NAME_MAX])
{
	char host[64], port[8];

	if (getnameinfo(addr, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(buf, PEERS_NAME_MAX, "unknown");
	else if (addr->sa_family == AF_INET6)
		snprintf(buf, PEERS_NAME_MAX, "[%s]:%s", host, port);
	else
		snprintf(buf, PEERS_NAME_MAX, "%s:%s", host, port);
	return buf;
}

static size_t bucket_of(unsigned listener, const struct sockaddr *addr, socklen_t len)
{
	const uint8_t *p = (const uint8_t *)addr;
	uint32_t h = 2166136261u ^ listener; /* FNV-1a */

	for (socklen_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h % PEERS_BUCKETS;
}

static bool is_it(const struct peer *p, unsigned listener, const struct sockaddr *addr,
		  socklen_t len)
{
	return p->listener == listener && p->len == len && memcmp(&p->addr, addr, len) == 0;
}

static void drop(struct peers *p, const struct decode *d, struct peer **at)
{
	struct peer *gone = *at;

	*at = gone->next;
	if (p->last == gone)
		p->last = NULL;
	decode_session_free(d, gone->session);
	free(gone);
	p->n--;
}

/* Rather one that never told a template, else the longest silent. */
static bool is_worse(const struct peer *a, const struct peer *b)
{
	bool a_empty = !a->session->schema_bytes, b_empty = !b->session->schema_bytes;

	return a_empty != b_empty ? a_empty : a->heard_ns < b->heard_ns;
}

static void make_place(struct peers *p, const struct decode *d)
{
	struct peer **worst = NULL;

	for (size_t i = 0; i < PEERS_BUCKETS; i++) {
		for (struct peer **at = &p->bucket[i]; *at; at = &(*at)->next) {
			if (!worst || is_worse(*at, *worst))
				worst = at;
		}
	}
	drop(p, d, worst);
	p->forgotten++;
}

/* Templates of these have expired, and who restarts comes from another port. */
static void drop_stale(struct peers *p, const struct decode *d, uint64_t now_ns)
{
	for (size_t i = 0; i < PEERS_BUCKETS && d->lifetime_ns; i++) {
		struct peer **at = &p->bucket[i];

		while (*at) {
			if (now_ns > (*at)->heard_ns && now_ns - (*at)->heard_ns > d->lifetime_ns)
				drop(p, d, at);
			else
				at = &(*at)->next;
		}
	}
}

static struct peer *add(struct peers *p, const struct decode *d, unsigned listener,
			const struct sockaddr *addr, socklen_t len, uint64_t now_ns)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	char name[PEERS_NAME_MAX];
	size_t i;

	if (!peer)
		return NULL;
	peer->session = decode_session_new(DECODE_UDP, peers_name(addr, len, name));
	if (!peer->session) {
		free(peer);
		return NULL;
	}
	if (p->n == PEERS_MAX || *d->budget_bytes < DECODE_SESSION_BYTES)
		drop_stale(p, d, now_ns);
	if (p->n == PEERS_MAX)
		make_place(p, d);
	peer->listener = listener;
	peer->len = len;
	memcpy(&peer->addr, addr, len);
	i = bucket_of(listener, addr, len);
	peer->next = p->bucket[i];
	p->bucket[i] = peer;
	p->n++;
	return peer;
}

struct decode_session *peers_get(struct peers *p, const struct decode *d, unsigned listener,
				 const struct sockaddr *addr, socklen_t len, uint64_t now_ns)
{
	struct peer *peer = p->last;

	if (len > sizeof(peer->addr))
		return NULL;
	if (!peer || !is_it(peer, listener, addr, len)) {
		peer = p->bucket[bucket_of(listener, addr, len)];
		while (peer && !is_it(peer, listener, addr, len))
			peer = peer->next;
	}
	if (!peer)
		peer = add(p, d, listener, addr, len, now_ns);
	if (!peer)
		return NULL;
	peer->heard_ns = now_ns;
	p->last = peer;
	return peer->session;
}

void peers_deinit(struct peers *p, const struct decode *d)
{
	for (size_t i = 0; i < PEERS_BUCKETS; i++) {
		while (p->bucket[i])
			drop(p, d, &p->bucket[i]);
	}
}
