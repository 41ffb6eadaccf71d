// SPDX-License-Identifier: Apache-2.0
/*
 * Who we are and whom we trust: the files that a TLS connection is made by. They are tried
 * when the output is opened, for then somebody is there to read why they cannot be used.
 */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "ipfix/stream.h"
#include "ipfix/tls.h"
#include "ipfix/transport_tls.h"

static int load_ca(SSL_CTX *ctx, const char *ca)
{
	struct stat st;
	int ok;

	if (!ca)
		return SSL_CTX_set_default_verify_paths(ctx) ?
			       0 :
			       fail_plain(-EIO, "cannot load the system's certificate authorities: %s",
					  tls_reason());
	if (stat(ca, &st) < 0)
		return fail(-errno, "cannot read the certificate authorities '%s'", ca);
	ok = S_ISDIR(st.st_mode) ? SSL_CTX_load_verify_dir(ctx, ca) :
				   SSL_CTX_load_verify_file(ctx, ca);
	return ok ? 0 : fail_plain(-EINVAL, "cannot use the certificate authorities '%s': %s", ca,
				   tls_reason());
}

static int make_context(const struct tls_context *c, SSL_CTX **ret)
{
	SSL_CTX *ctx;
	int r;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return fail_plain(-ENOMEM, "cannot begin with TLS: %s", tls_reason());
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	r = load_ca(ctx, c->ca);
	if (r == 0)
		r = tls_load_own(ctx, c->certificate, c->key);
	if (r < 0) {
		SSL_CTX_free(ctx);
		return r;
	}
	*ret = ctx;
	return 0;
}

static bool copy_name(const char *from, char **ret)
{
	*ret = from ? strdup(from) : NULL;
	return !from || *ret;
}

int link_set_tls(struct link *l, const struct stream_config *config)
{
	struct tls_context *c = calloc(1, sizeof(*c));

	l->context = c;
	if (!c || !copy_name(config->ca, &c->ca) || !copy_name(config->key, &c->key) ||
	    !copy_name(config->certificate, &c->certificate) ||
	    !copy_name(config->server_name ? config->server_name : l->remote.host, &c->name))
		return fail(-ENOMEM, "cannot begin with TLS");
	c->method = tls_link_method();
	if (!c->method)
		return fail_plain(-ENOMEM, "cannot begin with TLS: %s", tls_reason());
	return make_context(c, &c->ctx);
}

int stream_check_tls(const struct stream_config *config)
{
	const struct tls_context c = {
		.ca = (char *)config->ca,
		.certificate = (char *)config->certificate,
		.key = (char *)config->key,
	};
	SSL_CTX *ctx;
	int r = make_context(&c, &ctx);

	if (r == 0)
		SSL_CTX_free(ctx);
	return r;
}

int link_reload_tls(struct link *l)
{
	SSL_CTX *ctx;
	int r = make_context(l->context, &ctx);

	if (r < 0)
		return r;
	SSL_CTX_free(l->context->ctx);
	l->context->ctx = ctx;
	return 0;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	BIO_meth_free(c->method);
	free(c->ca);
	free(c->certificate);
	free(c->key);
	free(c->name);
	free(c);
}
