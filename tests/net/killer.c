// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded into flowctl: kills it, by SIGKILL, at the one moment that a killing from
 * outside never meets. $KILL_AT is which message with data (KILL_CALL=send), batch of such
 * messages (KILL_CALL=sendmmsg), batch of log lines (KILL_CALL=write), or change of links and
 * pins (KILL_CALL=change), from 1; $KILL_WHEN is before, after, or (write) half: within a
 * line. With $SPOIL_LOAD it kills nothing: the kernel is handed programs that begin with r0 = r2,
 * which no verifier takes; with SPOIL_LOAD=EPERM it is not asked.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int wanted(const char *call)
{
	static int n;
	const char *which = getenv("KILL_CALL"), *at = getenv("KILL_AT");

	return which && at && strcmp(which, call) == 0 && ++n == atoi(at);
}

static int when(const char *what)
{
	const char *w = getenv("KILL_WHEN");

	return w && strcmp(w, what) == 0;
}

/* The first set of a message has records, no templates. */
static int has_data(const unsigned char *p, size_t len)
{
	return len > 18 && p[0] == 0 && p[1] == 10 && p[16] > 0;
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
	int now = has_data(buf, len) && wanted("send");
	ssize_t r;

	if (now && when("before"))
		kill(getpid(), SIGKILL);
	r = real(fd, buf, len, flags);
	if (now)
		kill(getpid(), SIGKILL);
	return r;
}

int sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	int (*real)(int, struct mmsghdr *, unsigned, int) = dlsym(RTLD_NEXT, "sendmmsg");
	const struct iovec *first = v->msg_hdr.msg_iov;
	int now = has_data(first->iov_base, first->iov_len) && wanted("sendmmsg");
	int r;

	if (now && when("before"))
		kill(getpid(), SIGKILL);
	r = real(fd, v, n, flags);
	if (now)
		kill(getpid(), SIGKILL);
	return r;
}

ssize_t write(int fd, const void *buf, size_t len)
{
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
	int now = len && *(const char *)buf == '{' && wanted("write");
	ssize_t r;

	if (now && when("before"))
		kill(getpid(), SIGKILL);
	r = real(fd, buf, now && when("half") ? len / 2 - 7 : len);
	if (now)
		kill(getpid(), SIGKILL);
	return r;
}

/* Calls @real_, and kills on the side of it that is asked for. */
#define CHANGE(real_)                                   \
	({                                              \
		int now_ = wanted("change");            \
		long r_;                                \
                                                        \
		if (now_ && when("before"))             \
			kill(getpid(), SIGKILL);        \
		r_ = real_;                             \
		if (now_)                               \
			kill(getpid(), SIGKILL);        \
		r_;                                     \
	})

static int changes_links(long cmd)
{
	return cmd == BPF_OBJ_PIN || cmd == BPF_LINK_CREATE || cmd == BPF_LINK_UPDATE ||
	       cmd == BPF_LINK_DETACH;
}

/* A meter is long; what only tries the kernel is not. */
static int spoil(union bpf_attr *attr)
{
	const char *how = getenv("SPOIL_LOAD");

	if (!how || attr->insn_cnt < 100)
		return 0;
	if (strcmp(how, "EPERM") == 0)
		return EPERM;
	*(struct bpf_insn *)(unsigned long)attr->insns = (struct bpf_insn) {
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 0, .src_reg = 2,
	};
	return 0;
}

long syscall(long number, ...)
{
	long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall"), a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_bpf && a[0] == BPF_PROG_LOAD) {
		errno = spoil((union bpf_attr *)a[1]);
		if (errno)
			return -1;
	}
	if (number != SYS_bpf || !changes_links(a[0]))
		return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return CHANGE(real(number, a[0], a[1], a[2]));
}

int rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");

	return CHANGE(real(from, to));
}

int unlink(const char *path)
{
	int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");

	return CHANGE(real(path));
}
