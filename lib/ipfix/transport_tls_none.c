// SPDX-License-Identifier: Apache-2.0
/* A build without OpenSSL: what TLS is asked for says so. */
#include <errno.h>
#include <netinet/in.h>

#include "base/error.h"
#include "ipfix/stream.h"
#include "ipfix/stream_link.h"

static int tls_probe(void)
{
	return fail_system(-EOPNOTSUPP, "this flowctl was built without TLS (OpenSSL)");
}

int link_set_tls(struct link *l, const struct stream_config *config)
{
	return tls_probe();
}

int stream_check_tls(const struct stream_config *config)
{
	return tls_probe();
}

int link_reload_tls(struct link *l)
{
	return 0;
}

void tls_context_free(struct tls_context *c)
{
}

const struct link_ops link_tls = {
	.name = "tls",
	.protocol = IPPROTO_TCP,
	.probe = tls_probe,
	.set_options = tcp_set_options,
	.send = link_socket_send,
	.look = link_socket_look,
	.progress = tcp_progress,
};
