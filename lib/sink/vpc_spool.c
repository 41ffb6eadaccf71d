// SPDX-License-Identifier: Apache-2.0
/*
 * Appended to by whole writes, and replaced by rename(), so that a kill leaves either all of a
 * batch or, at worst, a part that says by its length that it is one. Nothing is synced: what this
 * is for is a process that dies, not a machine that does.
 */
#include "sink/vpc_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define MAGIC "flowvpc1"

struct entry_head {
	uint32_t len;		/* of the data */
	uint32_t type;
};

static size_t padded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

/* The file of that name, locked. */
static int open_locked(const char *path, int flags)
{
	_cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return take_fd(&fd);
}

int vpc_spool_open(struct vpc_spool *s, const char *path)
{
	int fd = open_locked(path, 0);

	*s = (struct vpc_spool) VPC_SPOOL_NULL;
	if (fd == -EWOULDBLOCK)
		return fail_plain(-EBUSY, "'%s' is in use: another output, or agent, writes that log", path);
	if (fd < 0)
		return fail(fd, "cannot open '%s'", path);
	s->path = strdup(path);
	if (!s->path) {
		close(fd);
		return fail(-ENOMEM, "cannot open '%s'", path);
	}
	s->fd = fd;
	return 0;
}

void vpc_spool_close(struct vpc_spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	*s = (struct vpc_spool) VPC_SPOOL_NULL;
}

int vpc_spool_header(const struct vpc_spool *s, struct vpc_spool_header *ret)
{
	struct vpc_spool_header h;

	if (s->fd < 0 || pread(s->fd, &h, sizeof(h), 0) != sizeof(h) ||
	    memcmp(h.magic, MAGIC, sizeof(h.magic)) != 0)
		return -ENOENT;
	*ret = h;
	return 0;
}

/* Returns how many bytes are whole entries. */
static size_t each_entry(const char *data, size_t size, vpc_spool_fn fn, void *arg)
{
	size_t at = sizeof(struct vpc_spool_header);

	while (size - at >= sizeof(struct entry_head)) {
		const struct entry_head *head = (const void *)(data + at);
		size_t left = size - at - sizeof(*head);

		if (head->len > left || padded(head->len) > left)
			break;
		if (fn(arg, head->type, head + 1, head->len) < 0)
			break;
		at += sizeof(*head) + padded(head->len);
	}
	return at;
}

int vpc_spool_read(struct vpc_spool *s, vpc_spool_fn fn, void *arg)
{
	struct vpc_spool_header h;
	struct stat st;
	size_t whole;
	char *data;

	if (vpc_spool_header(s, &h) < 0)
		return -ENOENT;
	if (fstat(s->fd, &st) < 0)
		return fail(-errno, "cannot read '%s'", s->path);
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, s->fd, 0);
	if (data == MAP_FAILED)
		return fail(-errno, "cannot read '%s'", s->path);
	whole = each_entry(data, st.st_size, fn, arg);
	munmap(data, st.st_size);
	if (ftruncate(s->fd, whole) < 0)
		return fail(-errno, "cannot write '%s'", s->path);
	return 0;
}

void vpc_spool_entry(struct strbuf *entries, uint32_t type, const void *data, size_t len)
{
	static const char zeros[8];
	struct entry_head head = { len, type };

	strbuf_add(entries, &head, sizeof(head));
	strbuf_add(entries, data, len);
	strbuf_add(entries, zeros, padded(len) - len);
}

static int write_whole(int fd, const struct strbuf *b)
{
	off_t end = lseek(fd, 0, SEEK_END);
	size_t done = 0;

	if (b->failed)
		return -ENOMEM;
	while (done < b->len) {
		ssize_t n = pwrite(fd, b->data + done, b->len - done, end + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			return ftruncate(fd, end) < 0 ? -errno : err;
		}
		done += n;
	}
	return 0;
}

int vpc_spool_append(struct vpc_spool *s, const struct strbuf *entries)
{
	return s->fd < 0 ? 0 : write_whole(s->fd, entries);
}

int vpc_spool_set(struct vpc_spool *s, const struct vpc_spool_header *h)
{
	struct vpc_spool_header marked = *h;
	ssize_t n;

	if (s->fd < 0)
		return 0;
	memcpy(marked.magic, MAGIC, sizeof(marked.magic));
	n = pwrite(s->fd, &marked, sizeof(marked), 0);
	if (n < 0)
		return -errno;
	return n == sizeof(marked) ? 0 : -ENOSPC;
}

/* Somebody took it away. */
static int make_folder_of(char *path)
{
	char *slash = strrchr(path, '/');
	int r = 0;

	if (!slash || slash == path)
		return -ENOENT;
	*slash = '\0';
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		r = -errno;
	*slash = '/';
	return r;
}

int vpc_spool_restart(struct vpc_spool *s, const struct vpc_spool_header *h,
		      const struct strbuf *entries)
{
	_cleanup_(strbuf_deinit) struct strbuf path = STRBUF_NULL;
	struct vpc_spool new = VPC_SPOOL_NULL;
	int r;

	if (s->fd < 0)
		return 0;
	strbuf_printf(&path, "%s.new", s->path);
	if (path.failed)
		return -ENOMEM;
	new.fd = open_locked(path.data, O_TRUNC);
	if (new.fd == -ENOENT && make_folder_of(path.data) == 0)
		new.fd = open_locked(path.data, O_TRUNC);
	if (new.fd < 0)
		return new.fd;
	r = vpc_spool_set(&new, h);
	if (r == 0)
		r = write_whole(new.fd, entries);
	if (r == 0 && rename(path.data, s->path) < 0)
		r = -errno;
	if (r < 0) {
		close(new.fd);
		return r;
	}
	close(s->fd);
	s->fd = new.fd;
	return 0;
}
