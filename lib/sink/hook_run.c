// SPDX-License-Identifier: Apache-2.0
/*
 * One run of a hook. Its three pipes are served together until it has ended or its time is
 * over, for it may answer before it has read, or never read. What it leaves behind in its
 * group goes with it, so a child in the background that holds the pipe is not waited for.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json_scan.h"
#include "base/text.h"
#include "sink/hook.h"
#include "sink/hook_process.h"

#define ERR_MAX 80
#define READ_BYTES (16 * 1024)
#define READS_MAX 128	/* more than the largest pipe holds */

struct run {
	const struct hook *hook;
	const struct hook_limit *limit;
	struct hook_process p;
	uint64_t deadline_ns;
	struct strbuf in;		/* the array it is given */
	size_t in_done;
	struct strbuf out;
	char err[ERR_MAX];		/* how its complaint begins */
	size_t err_len;
};

static void run_deinit(struct run *r)
{
	strbuf_deinit(&r->in);
	strbuf_deinit(&r->out);
}

/* Lines of objects as an array: "[a,b]\n". */
static void put_array(struct strbuf *out, const struct strbuf *lines)
{
	strbuf_putc(out, '[');
	strbuf_add(out, lines->data, lines->len ? lines->len - 1 : 0);
	if (out->failed)
		return;
	for (char *p = out->data; (p = memchr(p, '\n', out->data + out->len - p)); p++)
		*p = ',';
	strbuf_puts(out, "]\n");
}

static void close_one(int *fd)
{
	closep(fd);
	*fd = -1;
}

/* A reader that is gone (EPIPE) has had what it wanted. */
static void feed(struct run *r)
{
	while (r->p.in >= 0) {
		ssize_t n = write(r->p.in, r->in.data + r->in_done, r->in.len - r->in_done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		r->in_done += n > 0 ? n : 0;
		if (n < 0 || r->in_done == r->in.len)
			close_one(&r->p.in);
	}
}

static void keep_out(struct run *r, const char *data, size_t len)
{
	strbuf_add(&r->out, data, len);
}

static void keep_err(struct run *r, const char *data, size_t len)
{
	size_t room = sizeof(r->err) - 1 - r->err_len;

	len = len < room ? len : room;
	memcpy(r->err + r->err_len, data, len);
	r->err_len += len;
}

/* Take what is there; of one that writes without end, so much that time is looked at again. */
static void take(struct run *r, int *fd, void (*keep)(struct run *, const char *, size_t))
{
	char buf[READ_BYTES];

	for (int i = 0; *fd >= 0 && i < READS_MAX && r->out.len <= HOOK_OUTPUT_MAX; i++) {
		ssize_t n = read(*fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			close_one(fd);
		else
			keep(r, buf, n);
	}
}

/* Serves the pipes once. True: it ended. */
static bool serve(struct run *r, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = r->p.in, .events = POLLOUT },
		{ .fd = r->p.out, .events = POLLIN },
		{ .fd = r->p.err, .events = POLLIN },
		{ .fd = r->p.pid_fd, .events = POLLIN },
		{ .fd = r->limit->wake_fd, .events = POLLIN },
	};

	/* Once it is known it would be readable all the time. */
	if (__atomic_load_n(r->limit->deadline_ns, __ATOMIC_ACQUIRE))
		fds[4].fd = -1;
	poll(fds, ARRAY_SIZE(fds), timeout_ms);
	feed(r);
	take(r, &r->p.out, keep_out);
	take(r, &r->p.err, keep_err);
	return fds[3].revents;
}

static enum hook_fault exchange(struct run *r)
{
	for (;;) {
		uint64_t stop = __atomic_load_n(r->limit->deadline_ns, __ATOMIC_ACQUIRE);
		uint64_t until = stop && stop < r->deadline_ns ? stop : r->deadline_ns;
		uint64_t now = clock_boot_ns();

		if (now >= until)
			return until == r->deadline_ns ? HOOK_TIMEOUT : HOOK_STOPPED;
		if (serve(r, (until - now) / NSEC_PER_MSEC + 1)) {
			/* What it wrote last came in with, or before, the news of its end. */
			take(r, &r->p.out, keep_out);
			take(r, &r->p.err, keep_err);
			return r->out.len > HOOK_OUTPUT_MAX ? HOOK_TOO_MUCH : HOOK_OK;
		}
		if (r->out.len > HOOK_OUTPUT_MAX)
			return HOOK_TOO_MUCH;
	}
}

/* An array of objects, one a line. */
static bool take_array(const struct strbuf *text, struct strbuf *out, uint64_t *ret_n)
{
	struct json_scan s = { strbuf_str(text), strbuf_str(text) + text->len };
	bool more = false;

	*ret_n = 0;
	if (text->failed || !json_scan_take(&s, '['))
		return false;
	if (!json_scan_take(&s, ']'))
		more = true;
	while (more) {
		if (json_scan_peek(&s) != '{' || !json_scan_value(&s, out))
			return false;
		strbuf_putc(out, '\n');
		++*ret_n;
		more = json_scan_take(&s, ',');
		if (!more && !json_scan_take(&s, ']'))
			return false;
	}
	json_scan_peek(&s);
	return s.at == s.end && !out->failed;
}

static enum hook_fault judge_status(const struct run *r, int status, char *why)
{
	if (status < 0) {
		snprintf(why, HOOK_WHY_MAX, "could not be waited for: %s", strerror(-status));
		return HOOK_EXIT;
	}
	if (WIFSIGNALED(status)) {
		snprintf(why, HOOK_WHY_MAX, "was killed by signal %d", WTERMSIG(status));
		return HOOK_SIGNAL;
	}
	if (!WEXITSTATUS(status))
		return HOOK_OK;
	snprintf(why, HOOK_WHY_MAX, "ended with exit status %d%s%s", WEXITSTATUS(status),
		 r->err[0] ? ": " : "", r->err);
	return HOOK_EXIT;
}

static enum hook_fault judge(const struct run *r, enum hook_fault fault, int status, char *why)
{
	switch (fault) {
	case HOOK_OK:
		return judge_status(r, status, why);
	case HOOK_TIMEOUT:
		snprintf(why, HOOK_WHY_MAX, "did not end within %g s",
			 (double)r->hook->timeout_ns / NSEC_PER_SEC);
		break;
	case HOOK_TOO_MUCH:
		snprintf(why, HOOK_WHY_MAX, "printed more than %d MiB", HOOK_OUTPUT_MAX >> 20);
		break;
	default:
		snprintf(why, HOOK_WHY_MAX, "did not end in time");
	}
	return fault;
}

static enum hook_fault run_once(struct run *r, const struct hook_dir *d, char *why)
{
	enum hook_fault fault;
	int err;

	err = r->in.failed ? -ENOMEM : hook_dir_begin(d);
	if (err == 0)
		err = hook_process_start(&r->p, r->hook->argv, r->hook->name, d->work);
	if (err < 0) {
		snprintf(why, HOOK_WHY_MAX, "cannot be started: %s", strerror(-err));
		return HOOK_NOT_STARTED;
	}
	r->deadline_ns = clock_boot_ns() + r->hook->timeout_ns;
	fault = exchange(r);
	err = hook_process_end(&r->p);
	r->err[strcspn(r->err, "\n")] = '\0';
	text_printable(r->err);
	return judge(r, fault, err, why);
}

enum hook_fault hook_run(const struct hook *h, const struct hook_dir *d,
			 const struct hook_limit *limit, const struct strbuf *in,
			 struct strbuf *out, uint64_t *ret_n, char why[HOOK_WHY_MAX])
{
	_cleanup_(run_deinit) struct run r = { .hook = h, .limit = limit };
	enum hook_fault fault;

	*ret_n = 0;
	put_array(&r.in, in);
	fault = run_once(&r, d, why);
	hook_dir_end(d);
	if (fault != HOOK_OK)
		return fault;
	if (take_array(&r.out, out, ret_n))
		return HOOK_OK;
	*ret_n = 0;
	strbuf_reset(out);
	snprintf(why, HOOK_WHY_MAX, "printed no JSON array of objects");
	return HOOK_RUBBISH;
}
