// SPDX-License-Identifier: Apache-2.0
/*
 * SCTP (RFC 7011 10.2) as the kernel does it, without a library: a socket of one association
 * that is used like TCP's, but for this: a message is sent whole or not at all, all of them in
 * order on one stream, so that templates come before what needs them. Kernels tell when
 * nothing is left unacknowledged, not how much is.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* Needs the ones above. */
#include <linux/sctp.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "ipfix/stream_link.h"

static int sctp_probe(void)
{
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);

	if (fd >= 0)
		return 0;
	if (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT)
		return fail_system(-errno, "this kernel has no SCTP (try: modprobe sctp)");
	return fail(-errno, "cannot make an SCTP socket");
}

static void sctp_set_options(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &one, sizeof(one));
}

static void sctp_progress(const struct link *l, uint64_t *ret_acked, uint64_t *ret_left)
{
	struct sctp_status status = { 0 };
	socklen_t len = sizeof(status);

	*ret_acked = 0;
	*ret_left = l->written;
	if (getsockopt(l->fd, IPPROTO_SCTP, SCTP_STATUS, &status, &len) == 0 &&
	    !status.sstat_unackdata && !status.sstat_penddata)
		*ret_acked = l->written;
}

const struct link_ops link_sctp = {
	.name = "sctp",
	.protocol = IPPROTO_SCTP,
	.probe = sctp_probe,
	.set_options = sctp_set_options,
	.send = link_socket_send,
	.look = link_socket_look,
	.progress = sctp_progress,
};
