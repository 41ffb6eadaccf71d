// SPDX-License-Identifier: Apache-2.0
/*
 * Waiting for a stream: at the start for its connection, at the end for the acknowledgement
 * of all that was sent. Nothing else here ever waits.
 */
#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "ipfix/stream_internal.h"

/* Wait until @is_done says 0, or something but -EAGAIN. */
static int wait_for(struct sink *sink, uint64_t timeout_ns, int (*is_done)(const struct stream *))
{
	struct stream *s = stream_of_net(sink);
	uint64_t end = clock_boot_ns() + timeout_ns;
	int r;

	if (!s)
		return 0;
	for (;;) {
		s->outlet->go_on(s, clock_boot_ns());
		r = is_done(s);
		if (r != -EAGAIN || clock_boot_ns() >= end)
			return r;
		poll(NULL, 0, 5);
	}
}

static int is_ready(const struct stream *s)
{
	if (s->net.up)
		return 0;
	return s->net.link.state == LINK_IDLE ? -ENOTCONN : -EAGAIN;
}

static int is_drained(const struct stream *s)
{
	if (backlog_is_empty(&s->net.backlog) && !s->net.backlog.flying.first)
		return 0;
	return s->net.up ? -EAGAIN : is_ready(s);
}

uint64_t stream_waiting(const struct sink *sink)
{
	const struct stream *s = stream_of_net(sink);

	return s ? backlog_records(&s->net.backlog) : 0;
}

int stream_wait_ready(struct sink *s, uint64_t timeout_ns)
{
	return wait_for(s, timeout_ns, is_ready);
}

int stream_drain(struct sink *s, uint64_t timeout_ns)
{
	return wait_for(s, timeout_ns, is_drained);
}

int stream_finish(struct sink *sink, uint64_t timeout_ns)
{
	int r = stream_drain(sink, timeout_ns);

	if (r < 0)
		stream_of_net(sink)->outlet->give_up(stream_of_net(sink));
	return r;
}
