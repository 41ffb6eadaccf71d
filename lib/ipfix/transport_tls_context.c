// SPDX-License-Identifier: Apache-2.0
/*
 * Who we are and whom we trust: the files that a TLS connection is made by. They are tried
 * when the output is opened, for then somebody is there to read why they cannot be used.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "ipfix/stream.h"
#include "ipfix/transport_tls.h"

const char *tls_reason(void)
{
	unsigned long err = ERR_peek_error();
	const char *text = err ? ERR_reason_error_string(err) : NULL;

	if (err && ERR_GET_LIB(err) == ERR_LIB_SYS)
		text = strerror(ERR_GET_REASON(err));
	ERR_clear_error();
	return text ? text : "unknown error";
}

/* Nobody is at the terminal of an agent. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	return -1;
}

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

/* The key could be read, and is another certificate's. One of another kind is no error yet. */
static bool is_of_another(void)
{
	unsigned long err = ERR_peek_error();

	return ERR_GET_LIB(err) == ERR_LIB_X509 && (ERR_GET_REASON(err) == X509_R_KEY_VALUES_MISMATCH ||
						    ERR_GET_REASON(err) == X509_R_KEY_TYPE_MISMATCH);
}

/* The key may be in the certificate's file. */
static int load_own(SSL_CTX *ctx, const char *certificate, const char *key)
{
	if (!certificate)
		return key ? fail_usage("a TLS key without a certificate is of no use") : 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		return fail_plain(-EINVAL, "cannot use the certificate '%s': %s", certificate,
				  tls_reason());
	if (!key)
		key = certificate;
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 && !is_of_another())
		return fail_plain(-EINVAL, "cannot use the key '%s': %s", key, tls_reason());
	if (SSL_CTX_check_private_key(ctx) == 1)
		return 0;
	ERR_clear_error();
	return fail_usage("the key '%s' does not belong to the certificate '%s'", key, certificate);
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
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	r = load_ca(ctx, c->ca);
	if (r == 0)
		r = load_own(ctx, c->certificate, c->key);
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
