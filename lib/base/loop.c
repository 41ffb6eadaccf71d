// SPDX-License-Identifier: Apache-2.0
/* See loop.h. A source removed by a callback is freed at the end of the round, since epoll may
 * have reported it already. */
#include "base/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_SIGNAL };

struct source {
	enum source_kind kind;
	int fd;			/* timers and signals: ours */
	bool dead;
	loop_fd_fn on_fd;
	loop_timer_fn on_timer;
	loop_signal_fn on_signal;
	void *arg;
	struct source *next;
};

struct loop {
	int epoll_fd;
	bool stop;
	struct source *sources;
};

int loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return fail(-ENOMEM, "cannot make an event loop");
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		int err = -errno;

		free(l);
		return fail(err, "cannot make an event loop");
	}
	*ret = l;
	return 0;
}

static void source_free(struct source *s)
{
	if (s->kind != SOURCE_FD)
		close(s->fd);
	free(s);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->sources) {
		struct source *s = loop->sources;

		loop->sources = s->next;
		source_free(s);
	}
	close(loop->epoll_fd);
	free(loop);
}

static int add(struct loop *loop, struct source source, uint32_t events)
{
	struct source *s = malloc(sizeof(*s));
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (!s)
		return fail(-ENOMEM, "cannot watch a descriptor");
	*s = source;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, s->fd, &ev) < 0) {
		int err = -errno;

		free(s);
		return fail(err, "cannot watch a descriptor");
	}
	s->next = loop->sources;
	loop->sources = s;
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *arg)
{
	return add(loop, (struct source) { .kind = SOURCE_FD, .fd = fd, .on_fd = fn, .arg = arg }, events);
}

void loop_remove_fd(struct loop *loop, int fd)
{
	for (struct source *s = loop->sources; s; s = s->next) {
		if (s->fd != fd || s->dead)
			continue;
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		s->dead = true;
	}
}

int loop_set_timer(struct loop *loop, int id, uint64_t period_ns)
{
	struct timespec t = { period_ns / NSEC_PER_SEC, period_ns % NSEC_PER_SEC };
	struct itimerspec spec = { .it_interval = t, .it_value = t };

	if (timerfd_settime(id, 0, &spec, NULL) < 0)
		return fail(-errno, "cannot set a timer");
	return 0;
}

int loop_add_timer(struct loop *loop, uint64_t period_ns, loop_timer_fn fn, void *arg, int *ret_id)
{
	_cleanup_(closep) int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (fd < 0)
		return fail(-errno, "cannot make a timer");
	r = loop_set_timer(loop, fd, period_ns);
	if (r == 0)
		r = add(loop, (struct source) { .kind = SOURCE_TIMER, .fd = fd, .on_timer = fn, .arg = arg },
			EPOLLIN);
	if (r < 0)
		return r;
	*ret_id = take_fd(&fd);
	return 0;
}

void loop_end_signals(sigset_t *ret)
{
	struct sigaction old;

	sigemptyset(ret);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGQUIT);
	/* Below nohup it is. */
	if (sigaction(SIGHUP, NULL, &old) < 0 || old.sa_handler != SIG_IGN)
		sigaddset(ret, SIGHUP);
}

int loop_add_signals(struct loop *loop, const sigset_t *set, loop_signal_fn fn, void *arg)
{
	_cleanup_(closep) int fd = -1;
	int r;

	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return fail(-errno, "cannot block signals");
	/* A signal that is ignored (nohup, a shell's background job) would never reach a
	 * signalfd. */
	for (int signo = 1; signo < 32; signo++) {
		if (sigismember(set, signo) == 1)
			signal(signo, SIG_DFL);
	}
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return fail(-errno, "cannot wait for signals");
	r = add(loop, (struct source) { .kind = SOURCE_SIGNAL, .fd = fd, .on_signal = fn, .arg = arg },
		EPOLLIN);
	if (r == 0)
		take_fd(&fd);
	return r;
}

static int dispatch(struct loop *loop, struct source *s, uint32_t events)
{
	struct signalfd_siginfo info;
	uint64_t expirations;

	if (s->dead)
		return 0;
	switch (s->kind) {
	case SOURCE_FD:
		return s->on_fd(loop, s->fd, events, s->arg);
	case SOURCE_TIMER:
		if (read(s->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
			return 0;
		return s->on_timer(loop, s->arg);
	case SOURCE_SIGNAL:
		if (read(s->fd, &info, sizeof(info)) != sizeof(info))
			return 0;
		return s->on_signal(loop, info.ssi_signo, s->arg);
	}
	return 0;
}

static void bury(struct loop *loop)
{
	struct source **p = &loop->sources;

	while (*p) {
		struct source *s = *p;

		if (!s->dead) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		source_free(s);
	}
}

int loop_run(struct loop *loop)
{
	struct epoll_event ev[16];
	int n, r = 0;

	loop->stop = false;
	while (r == 0 && !loop->stop) {
		n = epoll_wait(loop->epoll_fd, ev, ARRAY_SIZE(ev), -1);
		if (n < 0 && errno != EINTR)
			return fail(-errno, "cannot wait for events");
		for (int i = 0; r == 0 && i < n; i++)
			r = dispatch(loop, ev[i].data.ptr, ev[i].events);
		bury(loop);
	}
	return r;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}
