// SPDX-License-Identifier: Apache-2.0
/*
 * Which namespaces there are. The kernel keeps no list that user space could read; a
 * namespace is found by what keeps it: a process, or a mount of its nsfs file. `ip netns`
 * mounts them at /run/netns, container engines at places of their own. One that only an
 * open file keeps is not found.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/netns.h"

#define MOUNTS "/proc/thread-self/mountinfo"
#define NETNS_DIR "/run/netns"
#define NETNS_SELF "/proc/thread-self/ns/net"

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

struct netns_set {
	struct netns *list;
	size_t n;
};

static bool set_has_inode(const struct netns_set *set, uint64_t inode)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->list[i].inode == inode)
			return true;
	return false;
}

/* Add the namespace at @path, unless it is there already or has just gone. */
static int set_add(struct netns_set *set, const char *path)
{
	struct netns ns = NETNS_NULL, *grown;
	struct stat st;
	int r;

	if (stat(path, &st) < 0 || set_has_inode(set, st.st_ino))
		return 0;
	r = netns_open(path, &ns);
	/* A process ended, or what lies in /run/netns is a leftover file: not there. */
	if (r == -ENOENT || r == -EINVAL || r == -EACCES || r == -ESRCH) {
		error_clear();
		return 0;
	}
	if (r < 0)
		return r;
	if (set_has_inode(set, ns.inode)) {
		netns_close(&ns);
		return 0;
	}
	grown = realloc(set->list, (set->n + 1) * sizeof(*grown));
	if (!grown) {
		netns_close(&ns);
		return fail(-ENOMEM, "cannot list the network namespaces");
	}
	set->list = grown;
	set->list[set->n++] = ns;
	return 0;
}

/* Every entry of @dir (only numbers, for /proc), with @suffix behind it. */
static int set_add_dir(struct netns_set *set, const char *dir, bool numbers, const char *suffix)
{
	_cleanup_(closedirp) DIR *d = opendir(dir);
	struct dirent *entry;
	char path[600];
	int r = 0;

	while (d && r == 0 && (entry = readdir(d))) {
		bool number = entry->d_name[0] >= '1' && entry->d_name[0] <= '9';

		if (entry->d_name[0] == '.' || (numbers && !number))
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", dir, entry->d_name, suffix);
		r = set_add(set, path);
	}
	return r;
}

/* Spaces and their like are written as three octal digits (proc_pid_mountinfo(5)). */
static void unescape(char *s)
{
	char *to = s;
	unsigned byte;

	for (; *s; s++) {
		if (*s == '\\' && sscanf(s + 1, "%3o", &byte) == 1) {
			*to++ = byte;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/*
 * What container engines mount elsewhere: "ID PARENT MAJ:MIN net:[INODE] PATH ...". Last,
 * because it cannot be unmounted while it is open: only what nothing else leads to is.
 */
static int set_add_mounts(struct netns_set *set)
{
	_cleanup_(fclosep) FILE *f = fopen(MOUNTS, "re");
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;
	int r = 0;

	while (f && r == 0 && getline(&line, &size, f) > 0) {
		int from = 0, to = 0;

		if (sscanf(line, "%*s %*s %*s net:[%*[0-9]] %n%*s%n", &from, &to) < 0 || !to)
			continue;
		line[to] = '\0';
		unescape(line + from);
		r = set_add(set, line + from);
	}
	return r;
}

int netns_list(struct netns **ret, size_t *ret_n)
{
	struct netns_set set = { 0 };
	int r;

	r = set_add(&set, NETNS_SELF);
	if (r == 0)
		r = set_add_dir(&set, NETNS_DIR, false, "");
	if (r == 0)
		r = set_add_dir(&set, "/proc", true, "/ns/net");
	if (r == 0)
		r = set_add_mounts(&set);
	if (r < 0) {
		netns_list_free(set.list, set.n);
		return r;
	}
	*ret = set.list;
	*ret_n = set.n;
	return 0;
}

void netns_list_free(struct netns *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		netns_close(&list[i]);
	free(list);
}

const struct netns *netns_find(const struct netns *list, size_t n, uint64_t cookie)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].cookie == cookie)
			return &list[i];
	return NULL;
}
