// SPDX-License-Identifier: Apache-2.0
/* A build without OpenSSL: tls:// is refused in a sentence. */
#include <errno.h>

#include "base/error.h"
#include "collect/receive_parts.h"

int receive_tls_new(const struct receive_config *config, struct receive_counts *counts,
		    struct receive_tls **ret)
{
	return fail_system(-EPROTONOSUPPORT, "this flowctl was built without TLS (OpenSSL)");
}

void receive_tls_free(struct receive_tls *t)
{
}

struct receive_tls_conn *receive_tls_accept(struct receive_tls *t, int fd)
{
	return NULL;
}

ssize_t receive_tls_read(struct receive_tls_conn *c, uint8_t *buf, size_t len, uint32_t *ret_events)
{
	return -EPROTO;
}

void receive_tls_close(struct receive_tls_conn *c)
{
}
