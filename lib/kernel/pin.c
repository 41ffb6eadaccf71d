/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders below $BPFFS/flowctl/, and who may change them when.
 *
 * Two kinds of locks. A flock on a namespace's folder serialises its changes; because the
 * folder may be removed while somebody waits for its lock, the name is looked up again
 * once the lock is held. The agent holds a flock on flowctl/ itself, and beside it a
 * POSIX lock (of the open file description, F_OFD_SETLK), which others can ask about
 * (F_OFD_GETLK) without taking anything: an agent that starts just then is never refused
 * because of somebody who merely looked.
 */
#include "kernel/pin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC 0xcafe4a11
#endif

#define ROOT_MAX 400
#define DEFAULT_ROOT "/sys/fs/bpf"

static char root[ROOT_MAX] = DEFAULT_ROOT;

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

void pin_set_root(const char *path)
{
	size_t len = strlen(path);

	/* Too long for us is also too long to exist: pin_check_root() says so. */
	snprintf(root, sizeof(root), "%s", path);
	while (len > 1 && len < sizeof(root) && root[len - 1] == '/')
		root[--len] = 0;
}

/* The name under /run/netns of the caller's namespace into @buf; false when it has none. */
static bool own_netns_name(char buf[NAME_MAX + 1])
{
	_cleanup_(closedirp) DIR *dir = opendir("/run/netns");
	struct stat own, st;
	struct dirent *d;

	if (!dir || stat("/proc/thread-self/ns/net", &own) < 0)
		return false;
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' || fstatat(dirfd(dir), d->d_name, &st, 0) < 0)
			continue;
		if (st.st_dev == own.st_dev && st.st_ino == own.st_ino) {
			snprintf(buf, NAME_MAX + 1, "%s", d->d_name);
			return true;
		}
	}
	return false;
}

int pin_check_root(void)
{
	char name[NAME_MAX + 1];
	struct statfs fs;

	if (statfs(root, &fs) < 0) {
		int err = -errno;

		fail_system(err, "cannot use the BPF file system at '%s': %s", root,
			    strerror(-err));
		if (err == -EACCES)
			error_hint("needs root");
		return err;
	}
	if ((unsigned long)fs.f_type == BPF_FS_MAGIC)
		return 0;
	fail_system(-ENOENT, "no BPF file system is mounted at '%s'", root);
	if (own_netns_name(name))
		error_hint("below 'ip netns exec' there is none: run flowctl outside, with --netns %s",
			   name);
	else
		error_hint("mount -t bpf bpf %s", root);
	return -ENOENT;
}

static const char *base_path(char buf[512])
{
	snprintf(buf, 512, "%s/flowctl", root);
	return buf;
}

static int open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int make_folder(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* Does @path still name what @fd has open? */
static bool still_there(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* flowctl/ may be removed by a last detach between two steps,
 * so a step that misses it is repeated. */
static int make_both(const char *path)
{
	char base[512];
	int r = -ENOENT;

	for (int tries = 0; r == -ENOENT && tries < 100; tries++) {
		r = make_folder(base_path(base));
		if (r == 0)
			r = make_folder(path);
	}
	return r;
}

int pin_dir_open(uint64_t cookie, bool create, struct pin_dir *ret)
{
	struct pin_dir dir = { .cookie = cookie, .fd = -1 };
	int r = 0;

	snprintf(dir.path, sizeof(dir.path), "%s/flowctl/%llu", root, (unsigned long long)cookie);
	if (create)
		r = make_both(dir.path);
	if (r < 0)
		return fail(r, "cannot make '%s'", dir.path);
	dir.fd = open_folder(dir.path);
	if (dir.fd == -ENOENT)
		return -ENOENT;
	if (dir.fd < 0)
		return fail(dir.fd, "cannot open '%s'", dir.path);
	*ret = dir;
	return 0;
}

static int flock_retry(int fd, int operation)
{
	int r;

	do
		r = flock(fd, operation);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int pin_dir_lock(struct pin_dir *dir)
{
	int r = flock_retry(dir->fd, LOCK_EX);

	if (r < 0)
		return fail(r, "cannot lock '%s'", dir->path);
	if (!still_there(dir->fd, dir->path)) {
		flock_retry(dir->fd, LOCK_UN);
		return -ENOENT;
	}
	dir->locked = true;
	return 0;
}

void pin_dir_unlock(struct pin_dir *dir)
{
	if (dir->locked)
		flock_retry(dir->fd, LOCK_UN);
	dir->locked = false;
}

void pin_dir_close(struct pin_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
	dir->locked = false;
}

int pin_dir_acquire(uint64_t cookie, bool create, struct pin_dir *ret)
{
	struct pin_dir dir = PIN_DIR_NULL;
	int r;

	for (;;) {
		r = pin_dir_open(cookie, create, &dir);
		if (r < 0)
			return r;
		r = pin_dir_lock(&dir);
		if (r == 0)
			break;
		pin_dir_close(&dir);
		if (r != -ENOENT || !create)
			return r;
	}
	*ret = dir;
	return 0;
}

/* A listing of @dir from its beginning; the caller's closedir(). */
static int list_folder(const struct pin_dir *dir, DIR **ret)
{
	int fd = open_folder(dir->path);
	DIR *d;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

/* Unlink every pin once; *ret_n says how many went. */
static int unlink_all(const struct pin_dir *dir, size_t *ret_n)
{
	_cleanup_(closedirp) DIR *d = NULL;
	struct dirent *entry;
	size_t n = 0;
	int r;

	r = list_folder(dir, &d);
	if (r < 0)
		return r;
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && unlinkat(dirfd(d), entry->d_name, 0) == 0)
			n++;
	*ret_n = n;
	return 0;
}

/* Without the lock that an agent takes first, an agent starting now could keep a removed folder. */
static void remove_base(void)
{
	_cleanup_(closep) int fd = -1;
	char base[512];

	fd = open_folder(base_path(base));
	if (fd >= 0 && flock_retry(fd, LOCK_EX | LOCK_NB) == 0)
		rmdir(base);
}

int pin_dir_remove(struct pin_dir *dir)
{
	size_t n = 0;
	int r;

	/* Removing while listing may skip entries: until a whole pass finds none. */
	do {
		r = unlink_all(dir, &n);
		if (r < 0)
			return fail(r, "cannot empty '%s'", dir->path);
	} while (n > 0);
	if (rmdir(dir->path) < 0)
		return fail(-errno, "cannot remove '%s'", dir->path);
	remove_base();
	return 0;
}

/* As the agent's sign of life: a directory takes a read lock, and who asks, asks for writing. A
 * byte for each kind, so that they do not meet. */
static struct flock sign_lock(short type, enum pin_sign sign)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = sign, .l_len = 1 };
}

int pin_dir_sign(const struct pin_dir *dir, enum pin_sign sign)
{
	struct flock lock = sign_lock(F_RDLCK, sign);

	if (fcntl(dir->fd, F_OFD_SETLK, &lock) < 0)
		return fail(-errno, "cannot lock '%s'", dir->path);
	return 0;
}

bool pin_dir_has_sign(const struct pin_dir *dir, enum pin_sign sign)
{
	struct flock lock = sign_lock(F_WRLCK, sign);

	return fcntl(dir->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

void pin_dir_remove_empty(struct pin_dir *dir)
{
	if (pin_dir_lock(dir) < 0)
		return;
	if (rmdir(dir->path) == 0)
		remove_base();
	pin_dir_unlock(dir);
}

/* Append @size bytes at @item to the array *@array of *@n items. */
static int array_add(void *array, size_t *n, const void *item, size_t size)
{
	void **a = array, *grown;

	if ((*n & (*n - 1)) == 0) {
		grown = realloc(*a, (*n ? *n * 2 : 1) * size);
		if (!grown)
			return -ENOMEM;
		*a = grown;
	}
	memcpy((char *)*a + *n * size, item, size);
	(*n)++;
	return 0;
}

int pin_dirs(uint64_t **ret, size_t *ret_n)
{
	_cleanup_(closedirp) DIR *d = NULL;
	_cleanup_(freep) uint64_t *list = NULL;
	struct dirent *entry;
	char base[512];
	uint64_t cookie;
	size_t n = 0;

	d = opendir(base_path(base));
	if (!d && errno != ENOENT)
		return fail(-errno, "cannot read '%s'", base);
	while (d && (entry = readdir(d))) {
		if (parse_u64(entry->d_name, UINT64_MAX, &cookie) < 0)
			continue;
		if (array_add(&list, &n, &cookie, sizeof(cookie)) < 0)
			return fail(-ENOMEM, "cannot list '%s'", base);
	}
	*ret = take_ptr(list);
	*ret_n = n;
	return 0;
}

const char *pin_path(const struct pin_dir *dir, const char *name, char buf[512])
{
	snprintf(buf, 512, "%.480s/%.30s", dir->path, name);
	return buf;
}

const char *pin_hook_path(const struct pin_dir *dir, const char *what, uint32_t ifindex,
			  uint8_t direction, char buf[512])
{
	char name[64];

	snprintf(name, sizeof(name), "%.15s_%u_%u", what, ifindex, direction);
	return pin_path(dir, name, buf);
}

static int hook_compare(const void *a_, const void *b_)
{
	const struct hook_id *a = a_, *b = b_;

	if (a->ifindex != b->ifindex)
		return a->ifindex < b->ifindex ? -1 : 1;
	return (int)a->direction - (int)b->direction;
}

/* "<what>_<ifindex>_<direction>" */
static bool parse_hook_name(const char *name, const char *what, struct hook_id *ret)
{
	size_t len = strlen(what);
	char end;

	return strncmp(name, what, len) == 0 &&
	       sscanf(name + len, "_%u_%hhu%c", &ret->ifindex, &ret->direction, &end) == 2;
}

int pin_hooks_of(const struct pin_dir *dir, const char *what, struct hook_id **ret, size_t *ret_n)
{
	_cleanup_(closedirp) DIR *d = NULL;
	_cleanup_(freep) struct hook_id *list = NULL;
	struct dirent *entry;
	struct hook_id hook;
	size_t n = 0;
	int r;

	r = list_folder(dir, &d);
	if (r < 0)
		return fail(r, "cannot read '%s'", dir->path);
	while ((entry = readdir(d))) {
		if (!parse_hook_name(entry->d_name, what, &hook))
			continue;
		if (array_add(&list, &n, &hook, sizeof(hook)) < 0)
			return fail(-ENOMEM, "cannot list '%s'", dir->path);
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), hook_compare);
	*ret = take_ptr(list);
	*ret_n = n;
	return 0;
}

int pin_hooks(const struct pin_dir *dir, struct hook_id **ret, size_t *ret_n)
{
	return pin_hooks_of(dir, "hook", ret, ret_n);
}

bool pin_agent_alive(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_(closep) int fd = -1;
	char base[512];

	fd = open_folder(base_path(base));
	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* One attempt: a descriptor with both locks, -EAGAIN to try again, or another error. */
static int agent_lock_once(const char *base)
{
	/* A directory cannot be opened for writing, so the sign of life is a read lock. */
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	_cleanup_(closep) int fd = -1;
	int r;

	r = make_folder(base);
	if (r < 0)
		return r;
	fd = open_folder(base);
	if (fd < 0)
		return fd == -ENOENT ? -EAGAIN : fd;
	r = flock_retry(fd, LOCK_EX | LOCK_NB);
	if (r < 0)
		return r == -EWOULDBLOCK && pin_agent_alive() ? -EBUSY : r;
	if (!still_there(fd, base))
		return -EAGAIN;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return -errno;
	return take_fd(&fd);
}

int pin_agent_lock(int *ret_fd)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	char base[512];
	int r = -EAGAIN;

	/* Somebody else's flock without a sign of life is a detach that removes the folder. */
	base_path(base);
	for (int tries = 0; r == -EAGAIN && tries < 1000; tries++) {
		if (tries > 0)
			nanosleep(&pause, NULL);
		r = agent_lock_once(base);
	}
	if (r == -EBUSY)
		return fail_plain(r, "another agent is running below '%s'", base);
	if (r < 0)
		return fail(r, "cannot lock '%s'", base);
	*ret_fd = r;
	return 0;
}
