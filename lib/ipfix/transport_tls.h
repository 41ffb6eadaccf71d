/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the TLS transport share; no other includes it. */
#ifndef FLOWCTL_IPFIX_TRANSPORT_TLS_H
#define FLOWCTL_IPFIX_TRANSPORT_TLS_H

#include <openssl/ssl.h>

#include "ipfix/stream_link.h"

struct tls_context {
	SSL_CTX *ctx;
	BIO_METHOD *method;
	char *ca, *certificate, *key, *name;
};

/* A BIO's that is a link, its data. NULL: no memory. */
BIO_METHOD *tls_link_method(void);

#endif
