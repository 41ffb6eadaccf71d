// SPDX-License-Identifier: Apache-2.0
/*
 * See hook_dir.h. A folder whose lock is free has lost its owner. Between making a folder and
 * locking it another process may take it for such a one: then it is gone, and another is made.
 */
#include "sink/hook_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define PREFIX "flowctl-hooks-"
#define TRIES 10
#define DEPTH_FDS 16

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static const char *tmp_dir(void)
{
	const char *dir = secure_getenv("TMPDIR");

	return dir && dir[0] == '/' ? dir : "/tmp";
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	remove(path);
	return 0;
}

/* Links are not followed, other file systems not entered. */
static void remove_tree(const char *path)
{
	nftw(path, remove_one, DEPTH_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* The folder, locked, if it is ours and nobody's; -1 if not. */
static int lock_free(int tmp_fd, const char *name)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	fd = openat(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	return take_fd(&fd);
}

static void remove_stale(const char *tmp)
{
	_cleanup_(closedirp) DIR *dir = opendir(tmp);

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		_cleanup_(closep) int fd = -1;
		char path[PATH_MAX];

		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		fd = lock_free(dirfd(dir), e->d_name);
		if (fd >= 0 && snprintf(path, sizeof(path), "%s/%s", tmp, e->d_name) < PATH_MAX)
			remove_tree(path);
	}
}

/* 0, -EAGAIN when somebody took it for a stale one. */
static int make(const char *tmp, struct hook_dir *d)
{
	struct stat st;

	if (asprintf(&d->path, "%s/" PREFIX "XXXXXX", tmp) < 0) {
		d->path = NULL;
		return -ENOMEM;
	}
	if (!mkdtemp(d->path)) {
		free(take_ptr(d->path));
		return -errno;
	}
	d->lock_fd = open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->lock_fd < 0 || flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0 ||
	    fstat(d->lock_fd, &st) < 0 || st.st_nlink == 0)
		return -EAGAIN;
	return asprintf(&d->work, "%s/work", d->path) < 0 ? -ENOMEM : 0;
}

int hook_dir_init(struct hook_dir *d)
{
	const char *tmp = tmp_dir();
	int r = -EAGAIN;

	remove_stale(tmp);
	*d = (struct hook_dir) { .lock_fd = -1 };
	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		hook_dir_deinit(d);
		r = make(tmp, d);
	}
	if (r < 0) {
		hook_dir_deinit(d);
		return fail(r, "cannot make a folder for hooks in '%s'", tmp);
	}
	return 0;
}

void hook_dir_deinit(struct hook_dir *d)
{
	if (d->path)
		remove_tree(d->path);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d->path);
	free(d->work);
	*d = (struct hook_dir) { .lock_fd = -1 };
}

int hook_dir_begin(const struct hook_dir *d)
{
	remove_tree(d->work);
	return mkdir(d->work, 0700) < 0 ? -errno : 0;
}

void hook_dir_end(const struct hook_dir *d)
{
	remove_tree(d->work);
}
