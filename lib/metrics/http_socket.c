// SPDX-License-Identifier: Apache-2.0
/*
 * The socket is ours and not libmicrohttpd's, so that a port that is taken is told by its name.
 * Two sockets may share a port only for the moment in which one takes over from the other
 * (127.0.0.1 to 0.0.0.0, say; or back to where one that was followed has not gone yet): at all
 * other times a second agent is refused.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "metrics/http.h"

#define BACKLOG 64

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse_address(const char *listen, union address *ret, socklen_t *ret_len)
{
	struct parse_endpoint e;

	memset(ret, 0, sizeof(*ret));
	if (parse_endpoint(listen, &e) < 0)
		return fail_usage("'%s' is no address and port (127.0.0.1:9999)", listen);
	if (inet_pton(AF_INET, e.host, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(e.port);
		*ret_len = sizeof(ret->v4);
	} else if (inet_pton(AF_INET6, e.host, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(e.port);
		*ret_len = sizeof(ret->v6);
	} else {
		return fail_usage("'%s' is no address and port (127.0.0.1:9999)", listen);
	}
	return 0;
}

static void share(int fd, int on)
{
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

static void share_all(const int *fds, size_t n, int on)
{
	for (size_t i = 0; i < n; i++)
		share(fds[i], on);
}

static int bind_beside(int fd, const union address *a, socklen_t len, const int *old, size_t n_old)
{
	int r = 0;

	if (bind(fd, &a->any, len) == 0)
		return 0;
	if (errno != EADDRINUSE || !n_old)
		return -errno;
	share_all(old, n_old, 1);
	share(fd, 1);
	if (bind(fd, &a->any, len) < 0)
		r = -errno;
	return r;
}

/* A SYN that is dropped comes again, when this socket is gone and another has its port; one that is
 * in the queue of a socket which is closed is answered with a reset. */
void http_socket_retire(int fd)
{
	struct sock_filter no_syn[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct tcphdr, th_flags)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog filter = { ARRAY_SIZE(no_syn), no_syn };

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

int http_socket(const char *listen_at, const int *old, size_t n_old, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;
	union address a;
	socklen_t len = 0;
	int yes = 1, r;

	r = parse_address(listen_at, &a, &len);
	if (r < 0)
		return r;
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, "cannot serve metrics at '%s'", listen_at);
	/* What is left of connections of before a restart is in nobody's way. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	r = bind_beside(fd, &a, len, old, n_old);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	share(fd, 0);
	share_all(old, n_old, 0);
	if (r < 0)
		return fail(r, "cannot serve metrics at '%s'", listen_at);
	*ret_fd = take_fd(&fd);
	return 0;
}
