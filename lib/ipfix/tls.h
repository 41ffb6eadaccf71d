/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends of a TLS connection need of OpenSSL: exporter and collector. */
#ifndef FLOWCTL_IPFIX_TLS_H
#define FLOWCTL_IPFIX_TLS_H

#include <openssl/ssl.h>

/* What OpenSSL has to say, shortly; it is forgotten then. Valid as long as the program runs. */
const char *tls_reason(void);
/*
 * Who we are: the chain and the key of these PEM files; @key NULL: it is in the certificate's.
 * Both may be NULL. A key that asks for a passphrase cannot be used. 0 or fail(); fail_usage() for
 * a key without a certificate, or of another one.
 */
int tls_load_own(SSL_CTX *ctx, const char *certificate, const char *key);

#endif
