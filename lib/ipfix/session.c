// SPDX-License-Identifier: Apache-2.0
/*
 * One long-lived, connected UDP socket a collector. Connected, because then the kernel
 * tells of ICMP "port unreachable": while a collector is away, templates go ahead of every
 * message, so that the first thing it hears when it is back is what it needs.
 *
 * Sequence numbers count data records handed to the network (RFC 7011 3.1). With a fixed
 * local port they are written down before the send; killed between the two, the next
 * process goes on behind the gap, and the collector sees it.
 */
#include "ipfix/session.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "ipfix/message.h"
#include "ipfix/resolve.h"

#define RESOLVE_RETRY_NS (5 * NSEC_PER_SEC)
#define SEND_BUFFER_BYTES (4 * 1024 * 1024)
/* An ICMP answer of a near host is here by then. */
#define REFUSAL_NS (20 * NSEC_PER_MSEC)

struct domain_state {
	uint32_t domain;
	uint32_t sequence;
	uint64_t templates_ns;		/* CLOCK_BOOTTIME they were last sent, 0 = never */
};

struct session {
	struct sink sink;
	struct parse_endpoint remote, local;
	uint64_t id;			/* for sequence_ops; 0 = the port is not fixed */
	uint64_t template_flush_ns;
	const struct template_set *templates;
	struct sequence_ops sequence;
	struct resolve *resolve;
	uint64_t resolve_at_ns;		/* when to try again */
	int fd;				/* -1 while unresolved */
	bool refused;
	uint64_t sent_ns;		/* of the last datagram */
	struct message data, template;
	struct domain_state *domains;
	size_t n_domains;
};

static struct session *session_of(const struct sink *s)
{
	return (struct session *)s;
}

static void trouble(struct session *s, const char *what, const char *why)
{
	snprintf(s->sink.trouble, sizeof(s->sink.trouble), "%s: %s", what, why);
}

static int bind_local(const struct session *s, int fd, int family)
{
	bool any = strcmp(s->local.host, "0.0.0.0") == 0 || strcmp(s->local.host, "::") == 0;
	struct sockaddr_storage addr = { .ss_family = family };
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	struct resolve *local;
	int r = 0;

	if (!s->local.host[0])
		return 0;
	if (!any) {
		r = resolve_start(&s->local, &local);
		if (r < 0)
			return r;
		r = resolve_poll(local, &addr, &len);
		resolve_free(local);
	}
	if (r < 0 || addr.ss_family != family)
		return fail_usage("the local address '%s' is no address of the collector's family",
				  s->local.host);
	if (any && family == AF_INET)
		((struct sockaddr_in *)&addr)->sin_port = htobe16(s->local.port);
	else if (any)
		((struct sockaddr_in6 *)&addr)->sin6_port = htobe16(s->local.port);
	if (bind(fd, (struct sockaddr *)&addr, len) < 0)
		return fail(-errno, "cannot bind to the local address %s:%u", s->local.host, s->local.port);
	return 0;
}

static int open_socket(struct session *s, const struct sockaddr_storage *addr, socklen_t len)
{
	_cleanup_(closep) int fd = socket(addr->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = SEND_BUFFER_BYTES, r;

	if (fd < 0)
		return fail(-errno, "cannot make a socket");
	/* As much as this process may have; less is no error. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	r = bind_local(s, fd, addr->ss_family);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)addr, len) < 0)
		return fail(-errno, "cannot reach the collector %s", s->sink.label);
	s->fd = take_fd(&fd);
	s->sink.trouble[0] = '\0';
	return 0;
}

/* Go on with resolving, if there is need. Returns 0 when the socket is there. */
static int try_open(struct session *s, uint64_t now)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int r;

	if (s->fd >= 0)
		return 0;
	if (!s->resolve) {
		if (now < s->resolve_at_ns)
			return -EAGAIN;
		r = resolve_start(&s->remote, &s->resolve);
		if (r < 0)
			return r;
	}
	r = resolve_poll(s->resolve, &addr, &len);
	if (r == -EAGAIN)
		return r;
	if (r == -ENOENT)
		trouble(s, "cannot resolve the collector's name", resolve_error(s->resolve));
	else
		r = open_socket(s, &addr, len);
	if (r < 0 && r != -ENOENT)
		trouble(s, "cannot open the session", error_message());
	resolve_free(take_ptr(s->resolve));
	s->resolve_at_ns = now + RESOLVE_RETRY_NS;
	return r;
}

static struct domain_state *domain_of(struct session *s, uint32_t domain)
{
	struct domain_state *grown, new = { .domain = domain };

	for (size_t i = 0; i < s->n_domains; i++) {
		if (s->domains[i].domain == domain)
			return &s->domains[i];
	}
	grown = reallocarray(s->domains, s->n_domains + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	s->domains = grown;
	if (s->id && s->sequence.get)
		s->sequence.get(s->sequence.arg, s->id, domain, &new.sequence);
	s->domains[s->n_domains] = new;
	return &s->domains[s->n_domains++];
}

/* Send @m. A refusal that is reported here belongs to an earlier datagram: once more. */
static int send_message(struct session *s, const struct message *m)
{
	ssize_t n = -1;

	for (int i = 0; i < 2 && n < 0; i++) {
		n = send(s->fd, m->buf, m->len, MSG_NOSIGNAL);
		if (n < 0 && errno != ECONNREFUSED)
			break;
		if (n < 0) {
			s->refused = true;
			s->sink.stats.errors++;
			trouble(s, "the collector refuses", strerror(ECONNREFUSED));
		}
	}
	s->sent_ns = clock_boot_ns();
	if (n >= 0)
		return 0;
	s->sink.stats.errors++;
	trouble(s, "cannot send", strerror(errno));
	return -errno;
}

static int send_templates(struct session *s, struct domain_state *d, uint64_t now)
{
	size_t n = template_set_count(s->templates);
	struct message *m = &s->template;
	uint32_t export_time = clock_real_ns() / NSEC_PER_SEC;
	int r = 0;

	message_begin(m, d->domain);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct template *t = template_set_get(s->templates, i);

		if (message_add_template(m, t) == 0)
			continue;
		message_finish(m, d->sequence, export_time);
		r = send_message(s, m);
		message_begin(m, d->domain);
		if (message_add_template(m, t) < 0)
			trouble(s, "cannot send a template", "longer than a message may be");
	}
	if (r == 0 && !message_is_empty(m)) {
		message_finish(m, d->sequence, export_time);
		r = send_message(s, m);
	}
	if (r == 0)
		d->templates_ns = now;
	return r;
}

/* Did what was sent last come through? Only asked when it did not before. */
static void notice_return(struct session *s, uint64_t now)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (!s->refused || now < s->sent_ns + REFUSAL_NS)
		return;
	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err)
		return;
	s->refused = false;
	s->sink.trouble[0] = '\0';
}

static bool session_room(struct sink *sink, const struct record *r)
{
	struct session *s = session_of(sink);
	const struct template *t;

	if (!s->data.records)
		return true;
	if (s->data.domain != r->domain)
		return false;
	t = template_set_choose(s->templates, r);
	return !t || message_has_room(&s->data, t);
}

static int session_put(struct sink *sink, const struct record *r)
{
	struct session *s = session_of(sink);
	const struct template *t = template_set_choose(s->templates, r);

	if (!s->data.records)
		message_begin(&s->data, r->domain);
	if (t && message_add_record(&s->data, t, r) == 0)
		return 0;
	sink->stats.uncarried_records++;
	return -ENOENT;
}

static void session_prepare(struct sink *sink)
{
	struct session *s = session_of(sink);
	struct domain_state *d;

	if (!s->data.records || s->fd < 0 || !s->id || !s->sequence.set)
		return;
	d = domain_of(s, s->data.domain);
	if (d)
		s->sequence.set(s->sequence.arg, s->id, d->domain, d->sequence + s->data.records);
}

static int flush_to(struct session *s, struct domain_state *d, uint64_t now)
{
	struct message *m = &s->data;
	int r = 0;

	notice_return(s, now);
	if (s->refused || !d->templates_ns || now >= d->templates_ns + s->template_flush_ns)
		r = send_templates(s, d, now);
	if (r < 0)
		return r;
	message_finish(m, d->sequence, clock_real_ns() / NSEC_PER_SEC);
	r = send_message(s, m);
	if (r < 0)
		return r;
	d->sequence += m->records;
	s->sink.stats.records += m->records;
	s->sink.stats.bytes += m->len;
	s->sink.stats.last_export_ns = clock_real_ns();
	if (!s->refused)
		s->sink.trouble[0] = '\0';
	return 0;
}

static int session_flush(struct sink *sink)
{
	struct session *s = session_of(sink);
	uint64_t now = clock_boot_ns();
	struct domain_state *d;
	int r;

	if (!s->data.records)
		return 0;
	r = try_open(s, now);
	d = r == 0 ? domain_of(s, s->data.domain) : NULL;
	if (d)
		r = flush_to(s, d, now);
	if (!d || r < 0)
		sink->stats.lost_records += s->data.records;
	s->data.records = 0;
	return r;
}

static void session_tick(struct sink *sink, uint64_t now_ns)
{
	struct session *s = session_of(sink);

	if (try_open(s, now_ns) < 0)
		return;
	for (size_t i = 0; i < s->n_domains; i++) {
		struct domain_state *d = &s->domains[i];

		notice_return(s, now_ns);
		if (s->refused || now_ns >= d->templates_ns + s->template_flush_ns)
			send_templates(s, d, now_ns);
	}
}

static void session_close(struct sink *sink)
{
	struct session *s = session_of(sink);

	resolve_free(s->resolve);
	closep(&s->fd);
	message_deinit(&s->data);
	message_deinit(&s->template);
	free(s->domains);
	free(s);
}

static const struct sink_ops session_ops = {
	.name = "ipfix",
	.room = session_room,
	.put = session_put,
	.prepare = session_prepare,
	.flush = session_flush,
	.tick = session_tick,
	.close = session_close,
};

static uint64_t session_id(const struct session_config *c)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	const char *parts[] = { "udp", c->remote, c->local };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (const char *p = parts[i]; *p; p++)
			h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
		h = (h ^ '|') * UINT64_C(0x100000001b3);
	}
	return h ? h : 1;
}

static int parse_addresses(struct session *s, const struct session_config *c)
{
	if (parse_endpoint(c->remote, &s->remote) < 0 || !s->remote.port)
		return fail_usage("'%s' is no address of a collector (as 192.0.2.1:4739 or [2001:db8::1]:4739)",
				  c->remote);
	if (c->local && parse_endpoint(c->local, &s->local) < 0)
		return fail_usage("'%s' is no local address (as 0.0.0.0:0 or [::]:4740)", c->local);
	if (c->local && s->local.port)
		s->id = session_id(c);
	return 0;
}

int session_udp_new(const struct session_config *config, struct sink **ret)
{
	struct session *s = calloc(1, sizeof(*s));
	uint64_t now = clock_boot_ns();
	int r;

	if (!s)
		return fail(-ENOMEM, "cannot open a session");
	s->sink.ops = &session_ops;
	s->fd = -1;
	s->templates = config->templates;
	s->template_flush_ns = config->template_flush_s * NSEC_PER_SEC;
	s->sequence = config->sequence;
	snprintf(s->sink.label, sizeof(s->sink.label), "udp://%s", config->remote);
	r = parse_addresses(s, config);
	if (r == 0)
		r = message_init(&s->data, config->max_message_len);
	if (r == 0)
		r = message_init(&s->template, config->max_message_len);
	if (r == 0) {
		r = try_open(s, now);
		/* Trouble with the name is told and tried again; with our own address it is fatal. */
		if (r == -EAGAIN || r == -ENOENT || r == -ENETUNREACH || r == -EHOSTUNREACH)
			r = 0;
	}
	if (r < 0) {
		session_close(&s->sink);
		return r;
	}
	*ret = &s->sink;
	return 0;
}

static void split_addr(const struct sockaddr_storage *a, uint8_t addr[16], uint16_t *port)
{
	memset(addr, 0, 16);
	if (a->ss_family == AF_INET) {
		memcpy(addr, &((const struct sockaddr_in *)a)->sin_addr, 4);
		*port = be16toh(((const struct sockaddr_in *)a)->sin_port);
	} else {
		memcpy(addr, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
		*port = be16toh(((const struct sockaddr_in6 *)a)->sin6_port);
	}
}

int session_tuple(const struct sink *sink, struct session_tuple *ret)
{
	const struct session *s = session_of(sink);
	struct sockaddr_storage local, remote;
	socklen_t len = sizeof(local), rlen = sizeof(remote);

	if (sink->ops != &session_ops || s->fd < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&local, &len) < 0 ||
	    getpeername(s->fd, (struct sockaddr *)&remote, &rlen) < 0)
		return -ENOTCONN;
	ret->family = local.ss_family == AF_INET ? 4 : 6;
	split_addr(&local, ret->local, &ret->local_port);
	split_addr(&remote, ret->remote, &ret->remote_port);
	return 0;
}

int session_wait_ready(struct sink *sink, uint64_t timeout_ns)
{
	uint64_t end = clock_boot_ns() + timeout_ns;
	int r;

	if (sink->ops != &session_ops)
		return 0;
	for (;;) {
		r = try_open(session_of(sink), clock_boot_ns());
		if (r != -EAGAIN || clock_boot_ns() >= end)
			return r;
		poll(NULL, 0, 10);
	}
}
