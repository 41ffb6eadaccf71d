// SPDX-License-Identifier: Apache-2.0
/*
 * TLS over TCP (RFC 7011 11) by OpenSSL, 1.2 or later. The collector's certificate must come
 * from an authority we trust and name the collector. OpenSSL writes through a BIO of ours,
 * because its own would let a broken connection kill the process (SIGPIPE), and so that the
 * bytes that TCP is given are counted.
 *
 * In TLS 1.3 a client is done before the server has looked at its certificate. So the first
 * data waits for a word of the server, or for a while: what a refusal follows is not lost.
 */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/tls.h"
#include "ipfix/transport_tls.h"

#define SETTLE_NS (300 * NSEC_PER_MSEC)

struct tls {
	SSL *ssl;
	bool shaken, heard;
	uint64_t settled_ns;		/* CLOCK_BOOTTIME: no word came, that is fine then */
};

static int bio_write(BIO *bio, const char *data, int len)
{
	struct link *l = BIO_get_data(bio);
	ssize_t n = link_socket_send(l, (const uint8_t *)data, len);

	BIO_clear_retry_flags(bio);
	if (n == -EAGAIN)
		BIO_set_retry_write(bio);
	else if (n < 0)
		errno = -n;
	return n < 0 ? -1 : n;
}

static int bio_read(BIO *bio, char *data, int len)
{
	struct link *l = BIO_get_data(bio);
	ssize_t n;

	do {
		n = recv(l->fd, data, len, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		BIO_set_retry_read(bio);
	return n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	return cmd == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

BIO_METHOD *tls_link_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "flowctl link");

	if (m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) &&
	    BIO_meth_set_ctrl(m, bio_ctrl) && BIO_meth_set_create(m, bio_create))
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* An address is looked for among the addresses in the certificate, a name among the names. */
static int set_name(SSL *ssl, const char *name)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name))
		return 0;
	ERR_clear_error();
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (!SSL_set1_host(ssl, name) || !SSL_set_tlsext_host_name(ssl, name))
		return fail_plain(-EINVAL, "TLS cannot look for the name '%s'", name);
	return 0;
}

static int begin(struct link *l)
{
	struct tls *t = calloc(1, sizeof(*t));
	BIO *bio;

	if (!t)
		return fail(-ENOMEM, "cannot begin with TLS");
	l->tls = t;
	t->ssl = SSL_new(l->context->ctx);
	bio = t->ssl ? BIO_new(l->context->method) : NULL;
	if (!bio)
		return fail_plain(-ENOMEM, "cannot begin with TLS: %s", tls_reason());
	BIO_set_data(bio, l);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_connect_state(t->ssl);
	return set_name(t->ssl, l->context->name);
}

/* Why the last call failed that returned @ret; 0: it is to be called again. */
static int trouble_of(struct link *l, int ret)
{
	long verified = SSL_get_verify_result(l->tls->ssl);
	int err = errno;

	switch (SSL_get_error(l->tls->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return fail_plain(-EPIPE, "the collector closed the connection");
	case SSL_ERROR_SYSCALL:
		if (err && err != EAGAIN)
			return fail(-err, "the connection to the collector broke");
		return fail_plain(-EPIPE, "the collector closed the connection");
	}
	if (verified != X509_V_OK)
		return fail_plain(-EPROTO, "TLS: the certificate is not that of a collector '%s': %s",
				  l->context->name, X509_verify_cert_error_string(verified));
	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		ERR_clear_error();
		return fail_plain(-EPIPE, "the collector closed the connection");
	}
	return fail_plain(-EPROTO, "TLS: %s", tls_reason());
}

/* What the collector says is of TLS itself; a word of it shows that it agreed to us. */
static int tls_look(struct link *l)
{
	size_t before = BIO_number_read(SSL_get_rbio(l->tls->ssl));
	char rubbish[512];
	int n = 1;

	for (int i = 0; i < LINK_READS_MAX && n > 0; i++) {
		ERR_clear_error();
		errno = 0;
		n = SSL_read(l->tls->ssl, rubbish, sizeof(rubbish));
	}
	l->tls->heard |= BIO_number_read(SSL_get_rbio(l->tls->ssl)) != before;
	return n > 0 ? 0 : trouble_of(l, n);
}

static int settle(struct link *l)
{
	uint64_t now = clock_boot_ns();
	int r;

	if (SSL_version(l->tls->ssl) < TLS1_3_VERSION)
		return 0;
	if (!l->tls->settled_ns)
		l->tls->settled_ns = now + SETTLE_NS;
	r = tls_look(l);
	if (r < 0)
		return r;
	return l->tls->heard || now >= l->tls->settled_ns ? 0 : -EAGAIN;
}

static int tls_shake(struct link *l)
{
	int r = l->tls ? 0 : begin(l);

	if (r < 0)
		return r;
	if (!l->tls->shaken) {
		ERR_clear_error();
		errno = 0;
		r = SSL_do_handshake(l->tls->ssl);
		if (r != 1) {
			r = trouble_of(l, r);
			return r ? r : -EAGAIN;
		}
		l->tls->shaken = true;
	}
	return settle(l);
}

static ssize_t tls_send(struct link *l, const uint8_t *data, size_t len)
{
	int n, r;

	ERR_clear_error();
	errno = 0;
	n = SSL_write(l->tls->ssl, data, len);
	if (n > 0)
		return n;
	r = trouble_of(l, n);
	return r ? r : -EAGAIN;
}

static void tls_end(struct link *l)
{
	if (!l->tls)
		return;
	if (l->tls->shaken)
		SSL_shutdown(l->tls->ssl);
	ERR_clear_error();
	SSL_free(l->tls->ssl);
	free(take_ptr(l->tls));
}

const struct link_ops link_tls = {
	.name = "tls",
	.protocol = IPPROTO_TCP,
	.set_options = tcp_set_options,
	.shake = tls_shake,
	.send = tls_send,
	.look = tls_look,
	.progress = tcp_progress,
	.end = tls_end,
};
