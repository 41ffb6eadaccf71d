// SPDX-License-Identifier: Apache-2.0
/*
 * On a terminal a report is made whole, and then written over the one before, line by line, each
 * cleared behind its end: nothing flickers. What is higher than the screen is cut, and lines do
 * not wrap; a screen is no scroll of reports. In a pipe every report is appended.
 */
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define HOME "\033[H"
#define NO_WRAP "\033[?7l"
#define WRAP "\033[?7h"
#define CLEAR_LINE "\033[K\n"
#define CLEAR_BELOW "\033[J"
#define CLEAR HOME CLEAR_BELOW

static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
	stopped = 1;
}

static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static size_t screen_lines(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row - 1 : 23;
}

/* @text over what the screen shows. */
static void show(const char *text)
{
	size_t left = screen_lines();

	fputs(HOME, stdout);
	for (; *text && left; left--) {
		size_t len = strcspn(text, "\n");

		fwrite(text, 1, len, stdout);
		fputs(CLEAR_LINE, stdout);
		text += len + (text[len] == '\n');
	}
	fputs(CLEAR_BELOW, stdout);
}

static int on_screen(int (*fn)(void *arg, FILE *out), void *arg)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return fail(-ENOMEM, "cannot print");
	r = fn(arg, out);
	fclose(out);
	if (r == 0 && text)
		show(text);
	free(text);
	return r;
}

static int flush(void)
{
	if (fflush(stdout) == 0)
		return 0;
	return errno == EPIPE ? -EPIPE : fail(-errno, "cannot write to standard output");
}

/* A signal that comes just before the sleep ends it, too. */
static void sleep_for(uint64_t ns)
{
	const struct timespec t = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	if (!stopped)
		ppoll(NULL, 0, &t, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static int repeat(const struct watch_args *args, bool terminal, int (*fn)(void *arg, FILE *out),
		  void *arg)
{
	uint64_t interval_ns = args->interval_ns ? args->interval_ns : NSEC_PER_SEC;
	int r = 0;

	for (uint64_t n = 0; !stopped && (!args->times || n < args->times); n++) {
		if (n)
			sleep_for(interval_ns);
		if (stopped)
			break;
		r = terminal ? on_screen(fn, arg) : fn(arg, stdout);
		if (r == 0)
			r = flush();
		if (r < 0)
			break;
	}
	return r;
}

int watch_run(const struct watch_args *args, int (*fn)(void *arg, FILE *out), void *arg)
{
	bool terminal = isatty(STDOUT_FILENO);
	int r;

	if (!args->on)
		return args->times ? fail_usage("--times goes with --watch") : fn(arg, stdout);
	catch_signals();
	if (terminal)
		fputs(NO_WRAP CLEAR, stdout);
	r = repeat(args, terminal, fn, arg);
	if (terminal)
		fputs(WRAP, stdout);
	/* A call that was interrupted by the signal is no failure. */
	if (stopped && r == -EINTR)
		r = 0;
	return r;
}
