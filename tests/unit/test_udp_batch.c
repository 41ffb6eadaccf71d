// SPDX-License-Identifier: Apache-2.0
/*
 * Batches against a collector inside the test, by a sendmmsg() that fails as it is told: the
 * library's own is not linked where this one is.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ipfix/session.h"

#include <netinet/udp.h>
#include <sys/syscall.h>

#include "ipfix/burst.h"
#include "session_bench.h"
#include "test.h"

/* What the next calls do, in their order; beyond the script they do what is asked for. */
static struct step {
	int error;		/* fail by it */
	unsigned most;		/* 0, or send no more units than that */
	bool segments_only;	/* fail only if the first unit wants segments */
} script[8];
static unsigned calls, units, datagrams, n_script;

int sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	const struct step *s = calls < n_script ? &script[calls] : NULL;

	calls++;
	if (s && s->error && (!s->segments_only || v->msg_hdr.msg_controllen)) {
		errno = s->error;
		return -1;
	}
	if (s && s->most && s->most < n)
		n = s->most;
	for (unsigned i = 0; i < n; i++)
		datagrams += v[i].msg_hdr.msg_iovlen;
	units += n;
	return syscall(SYS_sendmmsg, fd, v, n, flags);
}

static bool is_full;

/*
 * As the library asks whether there is room; whoever listens is not told lies. glibc's
 * declaration has it that poll() only writes to @v, so the compiler must not see the reading.
 */
int poll(struct pollfd *v, nfds_t n, int timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	const struct pollfd *volatile asked = v;

	if (is_full && n == 1 && asked->events == POLLOUT) {
		ppoll(NULL, 0, &timeout, NULL);
		return 0;
	}
	return ppoll(v, n, timeout_ms < 0 ? NULL : &timeout, NULL);
}

static void play(const struct step *steps, unsigned n)
{
	memcpy(script, steps, n * sizeof(*steps));
	n_script = n;
	calls = units = datagrams = 0;
}

#define PLAY(...) play((const struct step[]){ __VA_ARGS__ }, \
		       sizeof((const struct step[]){ __VA_ARGS__ }) / sizeof(struct step))

/* 69 records of 20 bytes fill a message. */
#define FULL 69

static int open_batches(struct bench *b)
{
	struct session_config c = {
		.remote = b->remote, .max_message_len = 1400, .template_flush_s = 60,
		.templates = b->set, .batch_messages = BURST_MESSAGES_MAX,
	};
	int size = 4 << 20;

	setsockopt(b->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return session_udp_new(&c, &b->sink);
}

/* Messages of one domain, their sequences without a gap from @sequence on. */
static bool hears_in_a_row(const struct bench *b, unsigned n, uint32_t sequence)
{
	for (unsigned i = 0; i < n; i++) {
		if (!hears(b, 256, 1, sequence + i * FULL))
			return false;
	}
	return true;
}

TEST(a_batch_is_one_call_and_many_messages)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_batches(&b) == 0);
	PLAY({ 0 });
	CHECK(say(&b, 1, 46 * FULL) == 0);
	CHECK(calls == 1 && units == 1 && datagrams == 46);
	CHECK(hears(&b, 2, 1, 0) && hears_in_a_row(&b, 46, 0) && hears_nothing(&b));
	CHECK(say(&b, 1, 2 * FULL + 1) == 0 && calls == 2 && units == 2 && datagrams == 49);
	CHECK(hears_in_a_row(&b, 3, 46 * FULL) && hears_nothing(&b));
	CHECK(b.sink->stats.records == 48 * FULL + 1 && b.sink->stats.lost_records == 0);
	CHECK(b.sink->stats.bytes == SETS_2_LEN + 48 * 1400 + 40);
	CHECK(b.sink->stats.errors == 0);
}

TEST(a_batch_has_room_for_what_a_datagram_may_hold)
{
	_cleanup_(bench_deinit) struct bench b;
	struct record r = record_of(1), other = record_of(2);
	unsigned n = 0;

	CHECK(bench_init(&b, AF_INET) == 0 && open_batches(&b) == 0);
	for (; b.sink->ops->room(b.sink, &r); n++)
		CHECK(b.sink->ops->put(b.sink, &r) == 0);
	CHECK(n == 46 * FULL && !b.sink->ops->room(b.sink, &other));
}

TEST(without_segments_messages_go_one_by_one)
{
	static const int errors[] = { EINVAL, EIO, EMSGSIZE };

	for (int i = 0; i < 3; i++) {
		_cleanup_(bench_deinit) struct bench b;

		CHECK(bench_init(&b, AF_INET) == 0 && open_batches(&b) == 0);
		PLAY({ .error = errors[i], .segments_only = true });
		CHECK(say(&b, 1, 10 * FULL) == 0);
		CHECK(calls == 2 && units == 10 && datagrams == 10);
		CHECK(hears(&b, 2, 1, 0) && hears_in_a_row(&b, 10, 0));
		/* that is known from then on */
		CHECK(say(&b, 1, 10 * FULL) == 0 && calls == 3 && units == 20);
		CHECK(hears_in_a_row(&b, 10, 10 * FULL) && hears_nothing(&b));
		CHECK(b.sink->stats.errors == 0 && b.sink->stats.records == 20 * FULL);
	}
}

/* Lengths as a path without segments would have: units are messages from the start on. */
static void without_segments(struct bench *b)
{
	PLAY({ .error = EIO, .segments_only = true });
	say(b, 1, 2 * FULL);
	hears(b, 2, 1, 0);
	hears_in_a_row(b, 2, 0);
}

TEST(what_a_call_leaves_the_next_one_sends)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_batches(&b) == 0);
	without_segments(&b);
	PLAY({ .most = 3 }, { .error = EAGAIN }, { .most = 5 }, { .error = EAGAIN });
	CHECK(say(&b, 1, 20 * FULL) == 0 && units == 20);
	CHECK(hears_in_a_row(&b, 3, 2 * FULL));
	/* a call that ended early and does not say why may have met a refusal: see below */
	for (int n = 3; n < 20; n++) {
		struct heard h;

		CHECK(hear(&b, &h));
		if (h.set_id == 2)
			CHECK(h.sequence == (uint32_t)(2 + n--) * FULL);
		else
			CHECK(h.sequence == (uint32_t)(2 + n) * FULL);
	}
	CHECK(hears_nothing(&b) && b.sink->stats.records == 22 * FULL);
	CHECK(b.sink->stats.lost_records == 0);
}

TEST(what_cannot_be_sent_is_lost_by_the_count_and_not_in_the_sequence)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_batches(&b) == 0);
	without_segments(&b);
	PLAY({ .most = 3 }, { .error = EPERM });
	CHECK(say(&b, 1, 20 * FULL) == -EPERM && units == 19);
	CHECK(hears_in_a_row(&b, 19, 2 * FULL) && hears_nothing(&b));
	CHECK(b.sink->stats.records == 21 * FULL && b.sink->stats.lost_records == FULL);
	CHECK(b.sink->stats.errors == 1);
}

TEST(a_device_that_is_full_is_waited_for_but_not_long)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t begin;

	CHECK(bench_init(&b, AF_INET) == 0 && open_batches(&b) == 0);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	PLAY({ .error = EAGAIN }, { .error = EAGAIN });
	CHECK(say(&b, 1, 5 * FULL) == 0 && calls == 3);
	CHECK(hears_in_a_row(&b, 5, 1) && hears_nothing(&b));
	PLAY({ .error = EAGAIN });
	is_full = true;
	begin = clock_boot_ns();
	CHECK(say(&b, 1, 5 * FULL) == -EAGAIN && calls == 1);
	CHECK(clock_boot_ns() - begin < NSEC_PER_SEC / 5);
	CHECK(b.sink->stats.lost_records == 5 * FULL && hears_nothing(&b));
	/* and no other batch is begun before there is room */
	CHECK(b.sink->ops->wait_ns(b.sink, clock_boot_ns()) > 0);
	is_full = false;
	CHECK(b.sink->ops->wait_ns(b.sink, clock_boot_ns()) == 0);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 256, 1, 1 + 5 * FULL));
}

/* A sandbox may know no sendmmsg(). */
TEST(without_sendmmsg_there_is_sendmsg)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_batches(&b) == 0);
	PLAY({ .error = ENOSYS }, { .error = ENOSYS }, { .error = ENOSYS });
	CHECK(say(&b, 1, 10 * FULL) == 0 && calls == 1);
	CHECK(hears(&b, 2, 1, 0) && hears_in_a_row(&b, 10, 0));
	CHECK(say(&b, 1, 10 * FULL) == 0 && calls == 1);
	CHECK(hears_in_a_row(&b, 10, 10 * FULL) && hears_nothing(&b));
	CHECK(b.sink->stats.records == 20 * FULL && b.sink->stats.errors == 0);
}

TEST(a_collector_that_comes_back_between_batches_hears_templates_first)
{
	for (int segments = 0; segments < 2; segments++) {
		_cleanup_(bench_deinit) struct bench b;
		uint32_t at = 0;

		CHECK(bench_init(&b, AF_INET) == 0 && open_batches(&b) == 0);
		if (!segments) {
			without_segments(&b);
			at = 2 * FULL;
		}
		hang_up(&b);
		PLAY({ 0 });
		CHECK(say(&b, 1, 10 * FULL) == 0 && say(&b, 1, 10 * FULL) == 0);
		CHECK(b.sink->stats.errors > 0 && b.sink->stats.lost_records == 0);
		CHECK_STR(b.sink->trouble, "the collector refuses: Connection refused");
		CHECK(listen_at(&b) == 0 && say(&b, 1, 5 * FULL) == 0);
		at += 20 * FULL;
		CHECK(hears(&b, 2, 1, at) && hears_in_a_row(&b, 5, at));
		poll(NULL, 0, 25);
		CHECK(say(&b, 1, 5 * FULL) == 0 && hears_in_a_row(&b, 5, at + 5 * FULL));
		CHECK(hears_nothing(&b));
		CHECK_STR(b.sink->trouble, "");
	}
}

/* sendmmsg() swallows the refusal that stops it. */
TEST(a_refusal_within_a_call_lets_templates_go_before_the_rest)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b, AF_INET) == 0 && open_batches(&b) == 0);
	without_segments(&b);
	PLAY({ .most = 4 });
	CHECK(say(&b, 1, 10 * FULL) == 0 && calls == 3 && units == 10);
	CHECK(b.sink->stats.errors == 1);
	/* the second call sends one, and tells by that */
	CHECK(hears_in_a_row(&b, 5, 2 * FULL) && hears(&b, 2, 1, 7 * FULL));
	CHECK(hears_in_a_row(&b, 5, 7 * FULL) && hears_nothing(&b));
}
