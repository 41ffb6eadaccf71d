// SPDX-License-Identifier: Apache-2.0
/*
 * TLS over TCP as a server (RFC 7011 11.1), by OpenSSL, 1.2 or later. The handshake is part
 * of the first reads. Exporters must show a certificate where an authority is given
 * (11.3 wants that of both sides).
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "collect/receive_parts.h"
#include "ipfix/tls.h"

struct receive_tls {
	SSL_CTX *ctx;
	struct receive_counts *counts;
};

struct receive_tls_conn {
	SSL *ssl;
	struct receive_tls *owner;
};

static int load(SSL_CTX *ctx, const struct receive_config *config)
{
	int r = tls_load_own(ctx, config->certificate, config->key);

	if (r < 0 || !config->ca)
		return r;
	if (SSL_CTX_load_verify_file(ctx, config->ca) != 1)
		return fail_plain(-EINVAL, "cannot use the authorities '%s': %s", config->ca,
				  tls_reason());
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

int receive_tls_new(const struct receive_config *config, struct receive_counts *counts,
		    struct receive_tls **ret)
{
	struct receive_tls *t;
	int r;

	if (!config->certificate)
		return fail_usage("tls:// needs --certificate");
	ERR_clear_error();
	t = calloc(1, sizeof(*t));
	if (t)
		t->ctx = SSL_CTX_new(TLS_server_method());
	if (!t || !t->ctx) {
		free(t);
		return fail(-ENOMEM, "cannot set up TLS");
	}
	t->counts = counts;
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	r = load(t->ctx, config);
	if (r < 0) {
		receive_tls_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void receive_tls_free(struct receive_tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

struct receive_tls_conn *receive_tls_accept(struct receive_tls *t, int fd)
{
	struct receive_tls_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->owner = t;
	c->ssl = SSL_new(t->ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1) {
		receive_tls_close(c);
		return NULL;
	}
	SSL_set_accept_state(c->ssl);
	return c;
}

ssize_t receive_tls_read(struct receive_tls_conn *c, uint8_t *buf, size_t len, uint32_t *ret_events)
{
	size_t n;

	ERR_clear_error();
	if (SSL_read_ex(c->ssl, buf, len, &n))
		return (ssize_t)n;
	switch (SSL_get_error(c->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
		*ret_events = EPOLLIN;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*ret_events = EPOLLOUT;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	}
	/* An end without close_notify comes here too: somebody may have cut the stream. */
	c->owner->counts->tls_failures++;
	c->owner->counts->tls_reason = tls_reason();
	return -EPROTO;
}

void receive_tls_close(struct receive_tls_conn *c)
{
	if (!c)
		return;
	SSL_free(c->ssl);
	free(c);
}
