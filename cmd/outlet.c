// SPDX-License-Identifier: Apache-2.0
/*
 * poll() says that a pipe takes PIPE_BUF bytes, and so much is written at a time. O_NONBLOCK
 * would be shared with everybody who has the same terminal open.
 */
#include "outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/error.h"

static int write_some(struct outlet *o)
{
	size_t left = outlet_waiting(o);
	size_t len = left < PIPE_BUF ? left : PIPE_BUF;
	ssize_t n = write(STDOUT_FILENO, o->pending.data + o->done, len);

	if (n >= 0) {
		o->done += n;
		return 0;
	}
	if (errno == EINTR || errno == EAGAIN)
		return 0;
	return errno == EPIPE ? -EPIPE : fail(-errno, "cannot write to standard output");
}

int outlet_push(struct outlet *o, int timeout_ms)
{
	int r;

	if (o->pending.failed)
		return fail(-ENOMEM, "cannot keep the output");
	for (;;) {
		struct pollfd p = { STDOUT_FILENO, outlet_waiting(o) ? POLLOUT : 0, 0 };

		r = poll(&p, 1, outlet_waiting(o) ? timeout_ms : 0);
		if (r < 0 && errno != EINTR)
			return fail(-errno, "cannot wait for standard output");
		if (r > 0 && p.revents & (POLLERR | POLLHUP))
			return -EPIPE;
		if (r <= 0 || !(p.revents & (POLLOUT | POLLNVAL)))
			return 0;
		r = write_some(o);
		if (r < 0)
			return r;
		if (outlet_waiting(o) == 0) {
			strbuf_reset(&o->pending);
			o->done = 0;
		}
	}
}

size_t outlet_waiting(const struct outlet *o)
{
	return o->pending.len - o->done;
}

void outlet_deinit(struct outlet *o)
{
	strbuf_deinit(&o->pending);
}
