// SPDX-License-Identifier: Apache-2.0
/* Of a key that belongs to another certificate OpenSSL says so in words that nobody understands. */
#include "ipfix/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

const char *tls_reason(void)
{
	unsigned long err = ERR_peek_error();
	const char *text = err ? ERR_reason_error_string(err) : NULL;

	if (err && ERR_GET_LIB(err) == ERR_LIB_SYS)
		text = strerror(ERR_GET_REASON(err));
	ERR_clear_error();
	return text ? text : "unknown error";
}

/* Nobody may be at the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	return -1;
}

/* The key could be read, and is another certificate's. One of another kind is no error yet. */
static bool is_of_another(void)
{
	unsigned long err = ERR_peek_error();

	return ERR_GET_LIB(err) == ERR_LIB_X509 && (ERR_GET_REASON(err) == X509_R_KEY_VALUES_MISMATCH ||
						    ERR_GET_REASON(err) == X509_R_KEY_TYPE_MISMATCH);
}

int tls_load_own(SSL_CTX *ctx, const char *certificate, const char *key)
{
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
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
