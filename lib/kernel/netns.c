/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces: found, named and entered.
 *
 * A namespace is its cookie. The cookie is only told by a socket that lives inside, so
 * each one is entered for the making of a socket and left at once; the caller's own needs
 * no entering, so that it can be named without privilege.
 */
#include "kernel/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

#define NETNS_DIR "/run/netns"
#define NETNS_SELF "/proc/thread-self/ns/net"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* The initial namespace: a fixed inode since Linux 6.17 (include/uapi/linux/nsfs.h), and
 * below that the first cookie ever given (setup_net() in net/core/net_namespace.c). */
#define NETNS_INIT_INODE 0xEFFFFFF9
#define NETNS_INIT_COOKIE 1

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static bool is_initial(const struct netns *ns)
{
	return ns->inode == NETNS_INIT_INODE || ns->cookie == NETNS_INIT_COOKIE;
}

int netns_enter(struct netns_scope *scope, int fd)
{
	_cleanup_(closep) int old = -1;
	struct stat own, other;

	old = open(NETNS_SELF, O_RDONLY | O_CLOEXEC);
	if (old < 0 || fstat(old, &own) < 0 || fstat(fd, &other) < 0)
		return fail(-errno, "cannot tell the network namespace");
	if (own.st_dev == other.st_dev && own.st_ino == other.st_ino)
		return 0;
	if (setns(fd, CLONE_NEWNET) < 0) {
		int err = -errno;

		if (err != -EPERM)
			return fail(err, "cannot enter the network namespace");
		fail_system(err, "cannot enter the network namespace: %s", strerror(-err));
		error_hint("needs CAP_SYS_ADMIN");
		return err;
	}
	scope->old_fd = take_fd(&old);
	return 0;
}

void netns_leave(struct netns_scope *scope)
{
	if (scope->old_fd < 0)
		return;
	/* To go on in the wrong namespace would act on somebody else's interfaces. */
	if (setns(scope->old_fd, CLONE_NEWNET) < 0)
		abort();
	close(scope->old_fd);
	scope->old_fd = -1;
}

int netns_scratch(struct netns_scope *scope)
{
	_cleanup_(closep) int old = -1;

	old = open(NETNS_SELF, O_RDONLY | O_CLOEXEC);
	if (old < 0 || unshare(CLONE_NEWNET) < 0)
		return -errno;
	scope->old_fd = take_fd(&old);
	return 0;
}

static int read_cookie(int ns_fd, uint64_t *ret)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	_cleanup_(closep) int fd = -1;
	socklen_t len = sizeof(*ret);
	uint64_t cookie;
	int r;

	r = netns_enter(&scope, ns_fd);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(-errno, "cannot make a socket");
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return fail_system(-errno,
				   "the kernel tells no network namespace cookies (Linux 5.14)");
	*ret = cookie;
	return 0;
}

/* The name below /run/netns with that inode, into @name;
 * names too long to print are passed over. */
static bool find_name(dev_t dev, ino_t inode, char name[NETNS_NAME_MAX])
{
	_cleanup_(closedirp) DIR *dir = opendir(NETNS_DIR);
	struct dirent *d;
	struct stat st;

	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.' || fstatat(dirfd(dir), d->d_name, &st, 0) < 0)
			continue;
		if (st.st_dev != dev || st.st_ino != inode || strlen(d->d_name) >= NETNS_NAME_MAX)
			continue;
		memcpy(name, d->d_name, strlen(d->d_name) + 1);
		return true;
	}
	return false;
}

static void give_name(struct netns *ns, dev_t dev)
{
	if (find_name(dev, ns->inode, ns->name))
		return;
	if (is_initial(ns))
		snprintf(ns->name, sizeof(ns->name), "default");
	else
		snprintf(ns->name, sizeof(ns->name), "net:[%llu]", (unsigned long long)ns->inode);
}

/* Open @path as the namespace that errors call @what. */
static int open_path(const char *path, const char *what, struct netns *ret)
{
	_cleanup_(netns_close) struct netns ns = NETNS_NULL;
	struct stat st;
	int r;

	ns.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ns.fd < 0 || fstat(ns.fd, &st) < 0)
		return fail(-errno, "cannot open network namespace '%s'", what);
	if (ioctl(ns.fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return fail_plain(-EINVAL, "'%s' is not a network namespace", what);
	ns.inode = st.st_ino;
	r = read_cookie(ns.fd, &ns.cookie);
	if (r < 0)
		return fail_context(r, "network namespace '%s'", what);
	give_name(&ns, st.st_dev);
	*ret = ns;
	ns.fd = -1;
	return 0;
}

static int open_pid(const char *spec, struct netns *ret)
{
	char path[64];
	uint64_t pid;

	if (parse_u64(spec + strlen("pid:"), INT32_MAX, &pid) < 0 || pid == 0)
		return fail_usage("malformed process id in '%s'", spec);
	snprintf(path, sizeof(path), "/proc/%u/ns/net", (unsigned)pid);
	return open_path(path, spec, ret);
}

int netns_open(const char *spec, struct netns *ret)
{
	char path[sizeof(NETNS_DIR) + 256];

	if (!spec)
		return open_path(NETNS_SELF, "of this process", ret);
	if (!*spec || strcmp(spec, ".") == 0 || strcmp(spec, "..") == 0)
		return fail_usage("'%s' is no name of a network namespace", spec);
	if (strchr(spec, '/'))
		return open_path(spec, spec, ret);
	if (strncmp(spec, "pid:", 4) == 0)
		return open_pid(spec, ret);
	if (strlen(spec) > NAME_MAX)
		return fail(-ENAMETOOLONG, "cannot open network namespace '%s'", spec);
	snprintf(path, sizeof(path), "%s/%s", NETNS_DIR, spec);
	return open_path(path, spec, ret);
}

void netns_close(struct netns *ns)
{
	if (ns->fd >= 0)
		close(ns->fd);
	ns->fd = -1;
}

uint32_t netns_domain(const struct netns *ns)
{
	uint32_t hash = 2166136261u;	/* FNV-1a, 32 bits */

	if (is_initial(ns))
		return 1;
	for (const char *c = ns->name; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	return hash > 1 ? hash : hash + 2;
}

bool netns_is_deleted(const struct netns *ns)
{
	char path[sizeof(NETNS_DIR) + NETNS_NAME_MAX];
	struct stat named, ours;

	if (is_initial(ns) || strncmp(ns->name, "net:[", 5) == 0)
		return false;
	snprintf(path, sizeof(path), NETNS_DIR "/%s", ns->name);
	if (stat(path, &named) < 0)
		return errno == ENOENT;
	return fstat(ns->fd, &ours) == 0 &&
	       (named.st_dev != ours.st_dev || named.st_ino != ours.st_ino);
}
