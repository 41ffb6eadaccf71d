// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "test.h"

DEFINE_CLEANUP(struct loop, loop_free)

static int calls;

static int stop_now(struct loop *loop, void *arg)
{
	calls++;
	loop_stop(loop);
	return 0;
}

static int count_byte(struct loop *loop, int fd, uint32_t events, void *arg)
{
	char c;

	calls++;
	if (read(fd, &c, 1) != 1)
		return -EIO;
	if (c == 'q')
		loop_stop(loop);
	return c == 'e' ? fail_plain(-EPROTO, "an e") : 0;
}

TEST(what_arrives_is_handed_on_until_stopped)
{
	_cleanup_(loop_freep) struct loop *l = NULL;
	int p[2];

	CHECK(loop_new(&l) == 0 && pipe2(p, O_CLOEXEC) == 0);
	CHECK(loop_add_fd(l, p[0], EPOLLIN, count_byte, NULL) == 0);
	calls = 0;
	CHECK(write(p[1], "abq", 3) == 3);
	CHECK(loop_run(l) == 0 && calls == 3);
	CHECK(write(p[1], "q", 1) == 1);
	CHECK(loop_run(l) == 0 && calls == 4);
	loop_free(take_ptr(l));
	/* The descriptor stays the caller's. */
	CHECK(close(p[0]) == 0 && close(p[1]) == 0);
	loop_free(NULL);
}

TEST(an_error_of_a_callback_ends_the_loop)
{
	_cleanup_(loop_freep) struct loop *l = NULL;
	int p[2];

	CHECK(loop_new(&l) == 0 && pipe2(p, O_CLOEXEC) == 0);
	CHECK(loop_add_fd(l, p[0], EPOLLIN, count_byte, NULL) == 0);
	CHECK(write(p[1], "aeb", 3) == 3);
	calls = 0;
	CHECK(loop_run(l) == -EPROTO && calls == 2);
	CHECK_STR(error_message(), "an e");
	close(p[0]);
	close(p[1]);
}

TEST(a_descriptor_that_cannot_be_watched_is_told)
{
	_cleanup_(loop_freep) struct loop *l = NULL;

	CHECK(loop_new(&l) == 0);
	CHECK(loop_add_fd(l, -1, EPOLLIN, count_byte, NULL) == -EBADF);
	CHECK_STR(error_message(), "cannot watch a descriptor: Bad file descriptor");
}

static int pair[2][2];

/* Both are ready in the same round; whoever comes first takes the other away. */
static int remove_other(struct loop *loop, int fd, uint32_t events, void *arg)
{
	int *other = pair[fd == pair[0][0]];
	char c;

	calls++;
	if (read(fd, &c, 1) != 1)
		return -EIO;
	loop_remove_fd(loop, other[0]);
	close(other[0]);
	return 0;
}

TEST(a_removed_descriptor_is_not_called_in_the_same_round)
{
	_cleanup_(loop_freep) struct loop *l = NULL;
	int id;

	CHECK(loop_new(&l) == 0 && pipe2(pair[0], O_CLOEXEC) == 0 &&
	      pipe2(pair[1], O_CLOEXEC) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK(loop_add_fd(l, pair[i][0], EPOLLIN, remove_other, NULL) == 0);
		CHECK(write(pair[i][1], "x", 1) == 1);
	}
	calls = 0;
	CHECK(loop_add_timer(l, 20 * NSEC_PER_MSEC, stop_now, NULL, &id) == 0);
	CHECK(loop_run(l) == 0);
	CHECK(calls == 2); /* one of the pair, and the timer */
}

static int five(struct loop *loop, void *arg)
{
	if (++*(int *)arg == 5)
		loop_stop(loop);
	return 0;
}

TEST(a_timer_goes_off_every_period_and_not_before)
{
	_cleanup_(loop_freep) struct loop *l = NULL;
	uint64_t start = clock_boot_ns();
	int id, n = 0;

	CHECK(loop_new(&l) == 0);
	CHECK(loop_add_timer(l, 10 * NSEC_PER_MSEC, five, &n, &id) == 0);
	CHECK(loop_run(l) == 0 && n == 5);
	CHECK(clock_boot_ns() - start >= 49 * NSEC_PER_MSEC);
}

TEST(the_period_of_a_timer_can_be_changed)
{
	_cleanup_(loop_freep) struct loop *l = NULL;
	uint64_t start = clock_boot_ns();
	int id, n = 0;

	CHECK(loop_new(&l) == 0);
	CHECK(loop_add_timer(l, 3600 * NSEC_PER_SEC, five, &n, &id) == 0);
	CHECK(loop_set_timer(l, id, NSEC_PER_MSEC) == 0);
	CHECK(loop_run(l) == 0 && n == 5);
	CHECK(clock_boot_ns() - start < 60 * NSEC_PER_SEC);
}

static int note_signal(struct loop *loop, int signo, void *arg)
{
	*(int *)arg |= 1 << signo;
	if (signo == SIGTERM)
		loop_stop(loop);
	return 0;
}

TEST(signals_are_callbacks_even_those_that_were_ignored)
{
	_cleanup_(loop_freep) struct loop *l = NULL;
	sigset_t set;
	int seen = 0;

	signal(SIGHUP, SIG_IGN); /* as nohup leaves it */
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	CHECK(loop_new(&l) == 0);
	CHECK(loop_add_signals(l, &set, note_signal, &seen) == 0);
	raise(SIGHUP);
	raise(SIGTERM);
	CHECK(loop_run(l) == 0);
	CHECK(seen == (1 << SIGHUP | 1 << SIGTERM));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

TEST(a_loop_leaves_no_descriptor_behind)
{
	int before = dup(0), after;
	sigset_t set;

	close(before);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (int i = 0; i < 3; i++) {
		_cleanup_(loop_freep) struct loop *l = NULL;
		int id, seen;

		CHECK(loop_new(&l) == 0);
		CHECK(loop_add_timer(l, NSEC_PER_SEC, stop_now, NULL, &id) == 0);
		CHECK(loop_add_signals(l, &set, note_signal, &seen) == 0);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	after = dup(0);
	close(after);
	CHECK(after == before);
}
