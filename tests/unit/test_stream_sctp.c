// SPDX-License-Identifier: Apache-2.0
/* SCTP where the kernel has it; tests/vm runs this in a guest that does. */
#include <netinet/in.h>

#include "stream_bench.h"

static const char no_sctp[] = "this kernel has no SCTP";

static bool has_sctp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int open_sctp(struct bench *b)
{
	if (bench_init_of(b, IPPROTO_SCTP) < 0)
		return -1;
	b->config.kind = STREAM_SCTP;
	return open_stream(b);
}

/* One message, as SCTP delimits it. */
static ssize_t one_message(struct bench *b, uint8_t *buf, size_t size)
{
	struct pollfd p = { .fd = b->fd, .events = POLLIN };
	struct iovec v = { buf, size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n;

	if (poll(&p, 1, 1000) != 1)
		return -1;
	n = recvmsg(b->fd, &m, 0);
	return m.msg_flags & MSG_EOR ? n : -1;
}

TEST(messages_are_those_of_sctp)
{
	uint8_t buf[65536];
	struct heard h;
	ssize_t n;

	if (!has_sctp())
		SKIP(no_sctp);

	_cleanup_(bench_deinit) struct bench b;

	CHECK(open_sctp(&b) == 0 && answer(&b) && !strncmp(b.sink->label, "sctp://", 7));
	CHECK(say(&b, 1, 3) == 0 && say(&b, 2, 60) == 0);
	for (unsigned i = 0; i < 4; i++) {
		n = one_message(&b, buf, sizeof(buf));
		CHECK(n >= 16 && parse_message(buf, n, &h) && h.sequence == 0);
		CHECK(h.domain == 1 + i / 2 && h.set_id == (i % 2 ? 256 : 2));
	}
	CHECK(stream_drain(b.sink, 2 * NSEC_PER_SEC) == 0);
	CHECK(b.sink->stats.records == 63 && b.sink->stats.lost_records == 0);
}

TEST(long_messages_pass_whole)
{
	struct record r = record_of(1);
	struct heard h;

	if (!has_sctp())
		SKIP(no_sctp);

	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init_of(&b, IPPROTO_SCTP) == 0);
	b.config.kind = STREAM_SCTP;
	b.config.max_message_len = 65535;
	b.config.backlog_bytes = 8 << 20;
	CHECK(open_stream(&b) == 0 && answer(&b));
	for (unsigned i = 0; i < 20; i++) {
		while (b.sink->ops->room(b.sink, &r))
			b.sink->ops->put(b.sink, &r);
		CHECK(b.sink->ops->flush(b.sink) == 0);
	}
	CHECK(hears(&b, 2, 1, 0));
	for (unsigned i = 0; i < 20; i++)
		CHECK(hear(&b, &h) && h.len > 65000 && h.sequence == i * ((65535 - 20) / RECORD_LEN));
	CHECK(stream_drain(b.sink, 2 * NSEC_PER_SEC) == 0 && b.sink->stats.lost_records == 0);
}

TEST(a_collector_that_comes_back_gets_what_waited)
{
	if (!has_sctp())
		SKIP(no_sctp);

	_cleanup_(bench_deinit) struct bench b;

	CHECK(open_sctp(&b) == 0 && answer(&b) && say(&b, 1, 3) == 0);
	CHECK(hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(stream_drain(b.sink, 2 * NSEC_PER_SEC) == 0);
	hang_up(&b);
	for (int i = 0; i < 200 && stream_is_up(b.sink); i++) {
		tick(&b);
		poll(NULL, 0, 5);
	}
	CHECK(!stream_is_up(b.sink) && b.sink->trouble[0] && say(&b, 1, 4) == 0);
	pass_time(&b);
	CHECK(answer(&b) && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0) && hears_nothing(&b));
	CHECK(stream_drain(b.sink, 2 * NSEC_PER_SEC) == 0);
	CHECK(b.sink->stats.records == 7 && b.sink->stats.lost_records == 0);
}

TEST(nobody_there_is_told)
{
	if (!has_sctp())
		SKIP(no_sctp);

	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init_of(&b, IPPROTO_SCTP) == 0);
	b.config.kind = STREAM_SCTP;
	stop_listening(&b);
	CHECK(open_stream(&b) == 0);
	for (int i = 0; i < 200 && !b.sink->trouble[0]; i++) {
		tick(&b);
		poll(NULL, 0, 5);
	}
	CHECK_STR(b.sink->trouble, "cannot connect to the collector: Connection refused");
}
