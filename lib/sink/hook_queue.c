// SPDX-License-Identifier: Apache-2.0
/*
 * One thread a log. What was put while the hooks were at work goes to them together: starting
 * a program costs the same for a record and for a thousand. The thread owns the queue once it
 * was left, and frees it when it is done.
 */
#include "sink/hook_queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "sink/hook.h"

struct batch {
	struct strbuf lines;
	uint64_t n;
	struct batch *next;
};

struct hook_queue {
	struct log_out *out;
	struct hook_dir dir;
	struct hook *hooks;
	size_t n_hooks;
	int wake_fd;			/* eventfd: deadline_ns was set */
	uint64_t deadline_ns;		/* atomic; CLOCK_BOOTTIME, 0 = none */
	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t changed;
	struct batch *first, **last;	/* waiting */
	size_t waiting_bytes;
	bool busy;			/* the thread holds some */
	bool full;			/* it was, and nobody has taken all of it since */
	bool left;
	/* What was told last: the same is told once. */
	const struct hook *told_hook;
	enum hook_fault told_fault;
};

/* Queues that were left and have not ended. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t n;
} leaving = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };

static void batch_free(struct batch *b)
{
	strbuf_deinit(&b->lines);
	free(b);
}

static void queue_free(struct hook_queue *q)
{
	for (size_t i = 0; i < q->n_hooks; i++)
		hook_deinit(&q->hooks[i]);
	free(q->hooks);
	hook_dir_deinit(&q->dir);
	closep(&q->wake_fd);
	log_out_let_go(q->out);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->changed);
	free(q);
}

/* The lock is held. */
static void tell(struct hook_queue *q, const struct hook *h, enum hook_fault fault, const char *why)
{
	char trouble[sizeof(((struct sink *)0)->trouble)] = "";

	/* The end of its time came early: that is no news of a hook that has trouble anyway. */
	if (q->told_hook == h && (q->told_fault == fault || fault == HOOK_STOPPED))
		return;
	q->told_hook = h;
	q->told_fault = fault;
	if (h)
		snprintf(trouble, sizeof(trouble), "hook '%s' %s; its records are logged without hooks",
			 h->name, why);
	else if (fault == HOOK_SLOW)
		snprintf(trouble, sizeof(trouble),
			 "hooks are too slow; what finds no room to wait is logged without them");
	log_out_hook_trouble(q->out, trouble);
}

static void tell_outcome(struct hook_queue *q, const struct hook *h, enum hook_fault fault,
			 const char *why)
{
	pthread_mutex_lock(&q->lock);
	tell(q, h, fault == HOOK_OK && q->full ? HOOK_SLOW : fault, why);
	pthread_mutex_unlock(&q->lock);
}

/* Through all hooks, one after the other. False: one failed, and was told. */
static bool run_hooks(struct hook_queue *q, const struct strbuf *in, struct strbuf *ret_out,
		      uint64_t *n)
{
	struct hook_limit limit = { q->wake_fd, &q->deadline_ns };
	_cleanup_(strbuf_deinit) struct strbuf given = STRBUF_NULL;
	char why[HOOK_WHY_MAX];

	for (size_t i = 0; i < q->n_hooks; i++) {
		const struct strbuf *from = i ? &given : in;
		enum hook_fault fault;

		if (!*n)
			break;
		strbuf_reset(ret_out);
		fault = hook_run(&q->hooks[i], &q->dir, &limit, from, ret_out, n, why);
		if (fault != HOOK_OK) {
			tell_outcome(q, &q->hooks[i], fault, why);
			return false;
		}
		strbuf_deinit(&given);
		given = *ret_out;
		*ret_out = (struct strbuf) STRBUF_NULL;
	}
	*ret_out = given;
	given = (struct strbuf) STRBUF_NULL;
	tell_outcome(q, NULL, HOOK_OK, NULL);
	return true;
}

static bool is_over(struct hook_queue *q)
{
	uint64_t deadline = __atomic_load_n(&q->deadline_ns, __ATOMIC_ACQUIRE);

	return deadline && clock_boot_ns() >= deadline;
}

static void work(struct hook_queue *q, const struct batch *b)
{
	_cleanup_(strbuf_deinit) struct strbuf hooked = STRBUF_NULL;
	uint64_t n = b->n;

	if (!is_over(q) && !b->lines.failed && run_hooks(q, &b->lines, &hooked, &n))
		log_out_write_json(q->out, &hooked, n, false);
	else
		log_out_write_json(q->out, &b->lines, b->n, true);
}

static struct batch *pop(struct hook_queue *q)
{
	struct batch *b = q->first;

	q->first = b->next;
	if (!q->first)
		q->last = &q->first;
	q->waiting_bytes -= b->lines.len;
	return b;
}

/* The oldest that wait, as one. */
static struct batch *pop_some(struct hook_queue *q)
{
	struct batch *b = pop(q);

	while (q->first && b->lines.len + q->first->lines.len <= HOOK_BATCH_BYTES) {
		struct batch *more = pop(q);

		strbuf_add(&b->lines, more->lines.data, more->lines.len);
		b->n += more->n;
		batch_free(more);
	}
	q->full = q->full && q->first;
	return b;
}

static void leave_behind(void)
{
	pthread_mutex_lock(&leaving.lock);
	leaving.n--;
	pthread_cond_broadcast(&leaving.changed);
	pthread_mutex_unlock(&leaving.lock);
}

static void *thread_main(void *arg)
{
	struct hook_queue *q = arg;

	pthread_mutex_lock(&q->lock);
	while (q->first || !q->left) {
		struct batch *b;

		if (!q->first) {
			pthread_cond_wait(&q->changed, &q->lock);
			continue;
		}
		b = pop_some(q);
		q->busy = true;
		pthread_mutex_unlock(&q->lock);
		work(q, b);
		batch_free(b);
		pthread_mutex_lock(&q->lock);
		q->busy = false;
		pthread_cond_broadcast(&q->changed);
	}
	pthread_mutex_unlock(&q->lock);
	queue_free(q);
	leave_behind();
	return NULL;
}

/* Who waits for it, waits for `leaving`. */
static int start_thread(struct hook_queue *q)
{
	int r = thread_start(thread_main, q);

	return r < 0 ? fail(r, "cannot start a thread for hooks") : 0;
}

/* Where SIGCHLD is ignored (inherited so) children are reaped by nobody's waitpid(). */
static void expect_children(void)
{
	struct sigaction now;

	if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		signal(SIGCHLD, SIG_DFL);
}

static int prepare(struct hook_queue *q, const struct log_hook *hooks, size_t n_hooks)
{
	int r;

	q->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->wake_fd < 0)
		return fail(-errno, "cannot start hooks");
	r = hook_dir_init(&q->dir);
	if (r < 0)
		return r;
	q->hooks = calloc(n_hooks, sizeof(*q->hooks));
	if (!q->hooks)
		return fail(-ENOMEM, "cannot start hooks");
	for (size_t i = 0; r == 0 && i < n_hooks; i++)
		r = hook_init(&q->hooks[q->n_hooks++], &hooks[i], &q->dir, i);
	expect_children();
	return r < 0 ? r : start_thread(q);
}

int hook_queue_new(const struct log_hook *hooks, size_t n_hooks, struct log_out *out,
		   struct hook_queue **ret)
{
	struct hook_queue *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return fail(-ENOMEM, "cannot start hooks");
	q->last = &q->first;
	q->wake_fd = q->dir.lock_fd = -1;
	q->out = log_out_hold(out);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
	r = prepare(q, hooks, n_hooks);
	if (r < 0) {
		queue_free(q);
		return r;
	}
	*ret = q;
	return 0;
}

bool hook_queue_put(struct hook_queue *q, struct strbuf *lines, uint64_t n)
{
	struct batch *b = malloc(sizeof(*b));
	bool room;

	if (!b)
		return false;
	pthread_mutex_lock(&q->lock);
	room = q->waiting_bytes + lines->len <= HOOK_QUEUE_BYTES;
	if (room) {
		*b = (struct batch) { .lines = *lines, .n = n };
		*lines = (struct strbuf) STRBUF_NULL;
		q->waiting_bytes += b->lines.len;
		*q->last = b;
		q->last = &b->next;
		pthread_cond_broadcast(&q->changed);
	} else {
		q->full = true;
		if (q->told_fault == HOOK_OK)
			tell(q, NULL, HOOK_SLOW, NULL);
		free(b);
	}
	pthread_mutex_unlock(&q->lock);
	return room;
}

/* The lock is held. */
static void set_deadline(struct hook_queue *q)
{
	uint64_t deadline = clock_boot_ns();

	for (size_t i = 0; i < q->n_hooks; i++)
		deadline += q->hooks[i].timeout_ns;
	__atomic_store_n(&q->deadline_ns, deadline, __ATOMIC_RELEASE);
	eventfd_write(q->wake_fd, 1);
}

void hook_queue_drain(struct hook_queue *q)
{
	eventfd_t n;

	pthread_mutex_lock(&q->lock);
	set_deadline(q);
	while (q->first || q->busy)
		pthread_cond_wait(&q->changed, &q->lock);
	__atomic_store_n(&q->deadline_ns, 0, __ATOMIC_RELEASE);
	eventfd_read(q->wake_fd, &n);
	pthread_mutex_unlock(&q->lock);
}

void hook_queue_leave(struct hook_queue *q)
{
	pthread_mutex_lock(&leaving.lock);
	leaving.n++;
	pthread_mutex_unlock(&leaving.lock);
	pthread_mutex_lock(&q->lock);
	q->left = true;
	set_deadline(q);
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

void hook_queue_settle(void)
{
	pthread_mutex_lock(&leaving.lock);
	while (leaving.n)
		pthread_cond_wait(&leaving.changed, &leaving.lock);
	pthread_mutex_unlock(&leaving.lock);
}
