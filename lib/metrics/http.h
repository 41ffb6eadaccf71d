/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP by libmicrohttpd, on the caller's loop: no thread, and nothing a client does is waited
 * for. A build without that library has http_none.c in its place.
 */
#ifndef FLOWCTL_METRICS_HTTP_H
#define FLOWCTL_METRICS_HTTP_H

#include "base/loop.h"
#include "metrics/serve.h"

struct http;

/*
 * Listen at @listen ("127.0.0.1:9999", "[::1]:9999", in this process' network namespace) and
 * answer what @serve says; it is borrowed. @old, which may be NULL, goes on listening, until it is
 * closed, even where its address is a part of the new one, or the other way round. 0, fail()
 * (-EADDRINUSE: somebody else listens there), or fail_system() without libmicrohttpd.
 */
int http_open(struct loop *loop, const char *listen, struct http *old, struct serve *serve,
	      struct http **ret);
/* @old, which may be NULL, is @h's from now on: it takes no more connections, answers those there
 * are, and goes soon. */
void http_take_over(struct http *h, struct http *old);
/* NULL is fine. Connections are closed. */
void http_close(struct http *h);

/* http_socket.c: a listening socket for that. @old: so many listening sockets of ours. */
int http_socket(const char *listen, const int *old, size_t n_old, int *ret_fd);
/* New connections are not for that socket any more; those that have begun still are. */
void http_socket_retire(int fd);

#endif
