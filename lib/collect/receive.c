// SPDX-License-Identifier: Apache-2.0
/*
 * Words to sockets: which transport, which addresses, bound. What then happens on a socket is
 * in receive_udp.c and receive_stream.c.
 */
#include "collect/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "collect/receive_parts.h"

static const struct scheme {
	const char *prefix;
	enum decode_transport transport;
	int type, protocol;
} schemes[] = {
	{ "udp://", DECODE_UDP, SOCK_DGRAM, IPPROTO_UDP },
	{ "tcp://", DECODE_TCP, SOCK_STREAM, IPPROTO_TCP },
	{ "tls://", DECODE_TLS, SOCK_STREAM, IPPROTO_TCP },
	{ "sctp://", DECODE_SCTP, SOCK_STREAM, IPPROTO_SCTP },
};

int receive_new(const struct receive_config *config, struct loop *loop, struct receive **ret)
{
	struct receive *r = calloc(1, sizeof(*r));

	if (r)
		r->nobody = decode_session_new(DECODE_UDP, "");
	if (!r || !r->nobody) {
		free(r);
		return fail(-ENOMEM, "cannot make a receiver");
	}
	r->config = *config;
	r->loop = loop;
	r->budget_bytes = DECODE_BUDGET_BYTES;
	r->decode.handler = config->handler;
	r->decode.lifetime_ns = config->lifetime_ns;
	r->decode.budget_bytes = &r->budget_bytes;
	*ret = r;
	return 0;
}

void receive_free(struct receive *r)
{
	if (!r)
		return;
	receive_stream_stop(r);
	receive_udp_stop(r);
	for (unsigned i = 0; i < r->n_listeners; i++) {
		loop_remove_fd(r->loop, r->listeners[i].fd);
		close(r->listeners[i].fd);
	}
	peers_deinit(&r->peers, &r->decode);
	decode_session_free(&r->decode, r->nobody);
	receive_tls_free(r->tls);
	free(r);
}

void receive_stop(struct receive *r)
{
	r->stopped = true;
}

int receive_drain(struct receive *r)
{
	uint64_t begin = r->counts.bytes;
	int err = 0;

	for (unsigned i = 0; i < r->n_listeners && err == 0; i++) {
		while (r->listeners[i].transport == DECODE_UDP && err == 0 &&
		       receive_udp_take(&r->listeners[i]) &&
		       r->counts.bytes - begin < RECEIVE_BUFFER_BYTES) {
			if (r->config.settled)
				err = r->config.settled(r->config.handler.arg);
		}
	}
	return err;
}

const struct receive_counts *receive_counts(const struct receive *r)
{
	return &r->counts;
}

const char *receive_listening(const struct receive *r, unsigned i)
{
	return i < r->n_listeners ? r->listeners[i].name : NULL;
}

static const struct scheme *scheme_of(const char *url)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			return &schemes[i];
	}
	return NULL;
}

static int bind_one(const struct scheme *scheme, const struct addrinfo *a, int *ret)
{
	_cleanup_(closep) int fd =
		socket(a->ai_family, scheme->type | SOCK_CLOEXEC | SOCK_NONBLOCK, scheme->protocol);
	int on = 1;

	if (fd < 0)
		return -errno;
	if (scheme->type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* So that udp://0.0.0.0 and udp://[::] can be had together. */
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0)
		return -errno;
	if (scheme->type == SOCK_STREAM && listen(fd, 64) < 0)
		return -errno;
	*ret = take_fd(&fd);
	return 0;
}

static int bind_to(const struct scheme *scheme, const char *url, int *ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE }, *found;
	struct parse_endpoint e;
	char port[8];
	int r;

	if (parse_endpoint(url + strlen(scheme->prefix), &e) < 0)
		return fail_usage("'%s' is no address to listen on, such as %s127.0.0.1:4739", url,
				  scheme->prefix);
	snprintf(port, sizeof(port), "%u", e.port);
	r = getaddrinfo(e.host, port, &hints, &found);
	if (r)
		return fail_plain(-ENOENT, "cannot listen on %s: %s", url, gai_strerror(r));
	r = -EADDRNOTAVAIL;
	for (const struct addrinfo *a = found; a && r < 0; a = a->ai_next)
		r = bind_one(scheme, a, ret);
	freeaddrinfo(found);
	if (r == -EPROTONOSUPPORT)
		return fail_system(r, "this kernel has no SCTP (try: modprobe sctp)");
	return r < 0 ? fail(r, "cannot listen on %s", url) : 0;
}

static void name_listener(struct receive_listener *l, const char *prefix)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	char name[PEERS_NAME_MAX];

	getsockname(l->fd, (struct sockaddr *)&addr, &len);
	snprintf(l->name, sizeof(l->name), "%s%s", prefix,
		 peers_name((struct sockaddr *)&addr, len, name));
}

int receive_listen(struct receive *r, const char *url)
{
	const struct scheme *scheme = scheme_of(url);
	struct receive_listener *l = &r->listeners[r->n_listeners];
	int err;

	if (!scheme) {
		error_hint("udp://, tcp://, tls:// and sctp:// are known");
		return fail_usage("'%s' names no transport", url);
	}
	if (r->n_listeners == RECEIVE_LISTENERS_MAX)
		return fail_usage("at most %d addresses can be listened on", RECEIVE_LISTENERS_MAX);
	if (scheme->transport == DECODE_TLS && !r->tls) {
		err = receive_tls_new(&r->config, &r->counts, &r->tls);
		if (err < 0)
			return err;
	}
	*l = (struct receive_listener){ .owner = r,
					.transport = scheme->transport,
					.number = r->n_listeners };
	err = bind_to(scheme, url, &l->fd);
	if (err < 0)
		return err;
	r->n_listeners++;
	name_listener(l, scheme->prefix);
	return scheme->type == SOCK_DGRAM ? receive_udp_start(l) : receive_stream_start(l);
}

static int read_some(struct receive_cutter *c, int fd, const char *path)
{
	ssize_t n;

	if (receive_cutter_room(c, 1 << 16) < 0)
		return fail(-ENOMEM, "cannot read '%s'", path);
	do {
		n = read(fd, c->data + c->len, c->cap - c->len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(-errno, "cannot read '%s'", path);
	c->len += (size_t)n;
	return n > 0;
}

int receive_file(struct receive *r, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	_cleanup_(closep) int own = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(receive_cutter_deinit) struct receive_cutter c = { 0 };
	struct decode_session *s;
	int err = 1;

	if (!is_stdin && own < 0)
		return fail(-errno, "cannot open '%s'", path);
	s = decode_session_new(DECODE_FILE, path);
	if (!s)
		return fail(-ENOMEM, "cannot read '%s'", path);
	while (err > 0 && !r->stopped) {
		err = read_some(&c, is_stdin ? STDIN_FILENO : own, path);
		if (err > 0 && receive_cutter_run(&c, r, s) < 0)
			err = fail_plain(-EBADMSG, "'%s' is no file of IPFIX messages", path);
		if (err >= 0 && r->config.settled) {
			int settled = r->config.settled(r->config.handler.arg);

			err = settled < 0 ? settled : err;
		}
	}
	if (err == 0 && !r->stopped)
		receive_cutter_end(&c, r, s);
	decode_session_free(&r->decode, s);
	return err < 0 ? err : 0;
}
