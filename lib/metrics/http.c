// SPDX-License-Identifier: Apache-2.0
/*
 * libmicrohttpd polls by an epoll descriptor of its own, which the caller's loop watches; all it
 * does happens in MHD_run(), when there is something to do or a timer says so.
 *
 * Nobody can keep others out: there is room for CONNECTIONS; from CROWDED on, each that comes
 * makes the one go that has been there the longest without having asked anything. One that asks
 * too slowly, or takes its answer too slowly, goes after a time. Requests have bounded memory.
 */
#include "metrics/http.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "metrics/http_library.h"

#define CONNECTIONS  64
#define CROWDED	     48
#define SILENT_S     15
#define SLOW_NS	     (30 * NSEC_PER_SEC)
#define MEMORY_BYTES (16 * 1024)
#define LOOK_NS	     (250 * NSEC_PER_MSEC)
#define RETIRE_NS    (100 * NSEC_PER_MSEC)
#define SOON_NS	     NSEC_PER_MSEC
#define TURNS	     16
#define RETIRED_MAX  8

struct client {
	struct client *next;
	int fd;			/* libmicrohttpd's */
	uint64_t since_ns;	/* that it came, or was last answered */
	bool leaving;
};

struct http {
	struct loop *loop;
	struct serve *serve;
	struct MHD_Daemon *daemon;
	int listen_fd;		/* the daemon's */
	int epoll_fd;		/* the same */
	int timer;		/* -1: none */
	struct client *clients;
	size_t n_clients;	/* not leaving */
	struct http *retired;	/* whom this one followed */
	uint64_t retired_ns;
};

/* It is told to libmicrohttpd by the connection itself. */
static void let_go(struct http *h, struct client *c)
{
	shutdown(c->fd, SHUT_RDWR);
	c->leaving = true;
	h->n_clients--;
}

static void make_room(struct http *h)
{
	struct client *oldest = NULL;

	for (struct client *c = h->clients; c; c = c->next) {
		if (!c->leaving && (!oldest || c->since_ns < oldest->since_ns))
			oldest = c;
	}
	if (h->n_clients > CROWDED && oldest)
		let_go(h, oldest);
}

static void came(struct http *h, struct MHD_Connection *connection, void **context)
{
	const union MHD_ConnectionInfo *info =
		mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *c = calloc(1, sizeof(*c));

	if (!c || !info) {
		free(c);
		return;
	}
	c->fd = info->connect_fd;
	c->since_ns = clock_boot_ns();
	c->next = h->clients;
	h->clients = c;
	h->n_clients++;
	*context = c;
	make_room(h);
}

static void went(struct http *h, struct client *gone)
{
	struct client **c = &h->clients;

	while (*c && *c != gone)
		c = &(*c)->next;
	if (!*c)
		return;
	*c = gone->next;
	if (!gone->leaving)
		h->n_clients--;
	free(gone);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		came(arg, connection, context);
	else
		went(arg, *context);
}

static enum MHD_Result reply(struct MHD_Connection *connection, const struct serve_answer *a)
{
	struct MHD_Response *response;
	enum MHD_Result r;

	/* Copied: it may be sent when the page is another one. */
	response = mhd.create_response_from_buffer(a->len, (void *)(uintptr_t)a->body,
						   MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	mhd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->content_type);
	if (a->allow)
		mhd.add_response_header(response, MHD_HTTP_HEADER_ALLOW, a->allow);
	r = mhd.queue_response(connection, a->status, response);
	mhd.destroy_response(response);
	return r;
}

static bool is_read(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/*
 * Called with the header, then with what may come behind it, then with its end. An answer to the
 * header alone ends the connection: that is for whom we do not want to listen to.
 */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload_data,
				  size_t *upload_data_size, void **request)
{
	const union MHD_ConnectionInfo *info =
		mhd.get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *c = info ? info->socket_context : NULL;
	struct serve_answer answer;
	struct http *h = arg;

	if (is_read(method) && (!*request || *upload_data_size)) {
		*request = h;
		*upload_data_size = 0;
		return MHD_YES;
	}
	if (c)
		c->since_ns = clock_boot_ns();
	serve_request(h->serve, method, url,
		      mhd.lookup_connection_value(connection, MHD_HEADER_KIND, "Accept"), &answer);
	return reply(connection, &answer);
}

/* More than so many turns have to wait until the loop has seen to its other work. */
static int turn(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 1;

	for (int i = 0; i < TURNS; i++) {
		if (mhd.run(h->daemon) != MHD_YES)
			break;
		if (mhd.get_timeout(h->daemon, &wait_ms) != MHD_YES || wait_ms)
			break;
	}
	return loop_set_timer(h->loop, h->timer, wait_ms ? LOOK_NS : SOON_NS);
}

static int on_ready(struct loop *loop, int fd, uint32_t events, void *arg)
{
	return turn(arg);
}

static int on_timer(struct loop *loop, void *arg)
{
	struct http *h = arg;
	uint64_t now = clock_boot_ns();

	if (h->retired && now > h->retired_ns + RETIRE_NS) {
		http_close(h->retired);
		h->retired = NULL;
	}
	for (struct client *c = h->clients; c; c = c->next) {
		if (!c->leaving && now > c->since_ns + SLOW_NS)
			let_go(h, c);
	}
	return turn(h);
}

static struct MHD_Daemon *start(struct http *h, int fd)
{
	return mhd.start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h,
				MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENT_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
				MHD_OPTION_STRICT_FOR_CLIENT, 1,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
}

static int watch(struct http *h, const char *listen)
{
	const union MHD_DaemonInfo *info = mhd.get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r;

	if (!info)
		return fail_plain(-EIO, "cannot serve metrics at '%s'", listen);
	r = loop_add_timer(h->loop, LOOK_NS, on_timer, h, &h->timer);
	if (r < 0)
		return r;
	r = loop_add_fd(h->loop, info->epoll_fd, EPOLLIN, on_ready, h);
	if (r == 0)
		h->epoll_fd = info->epoll_fd;
	return r;
}

DEFINE_CLEANUP(struct http, http_close)

/* @old's, and those of whom it followed a moment ago. */
static size_t sockets_of(const struct http *old, int fds[RETIRED_MAX])
{
	size_t n = 0;

	for (; old && n < RETIRED_MAX; old = old->retired)
		fds[n++] = old->listen_fd;
	return n;
}

int http_open(struct loop *loop, const char *listen, struct http *old, struct serve *serve,
	      struct http **ret)
{
	_cleanup_(http_closep) struct http *h = calloc(1, sizeof(*h));
	_cleanup_(closep) int fd = -1;
	int olds[RETIRED_MAX];
	int r;

	if (!h)
		return fail(-ENOMEM, "cannot serve metrics at '%s'", listen);
	h->loop = loop;
	h->serve = serve;
	h->epoll_fd = h->timer = -1;
	r = http_library_load();
	if (r == 0)
		r = http_socket(listen, olds, sockets_of(old, olds), &fd);
	if (r < 0)
		return r;
	h->daemon = start(h, fd);
	if (!h->daemon)
		return fail_plain(-EIO, "cannot serve metrics at '%s'", listen);
	h->listen_fd = take_fd(&fd);
	r = watch(h, listen);
	if (r < 0)
		return r;
	*ret = take_ptr(h);
	return 0;
}

void http_take_over(struct http *h, struct http *old)
{
	h->retired = old;
	h->retired_ns = clock_boot_ns();
	if (old)
		http_socket_retire(old->listen_fd);
}

void http_close(struct http *h)
{
	if (!h)
		return;
	http_close(h->retired);
	if (h->epoll_fd >= 0)
		loop_remove_fd(h->loop, h->epoll_fd);
	if (h->timer >= 0)
		loop_remove_fd(h->loop, h->timer);
	if (h->daemon)
		mhd.stop_daemon(h->daemon);
	free(h);
}
