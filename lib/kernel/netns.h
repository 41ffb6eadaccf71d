/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces. Identity is the cookie (SO_NETNS_COOKIE, Linux 5.14); an inode is
 * reused at once after deletion and only serves for printing a nameless one.
 */
#ifndef FLOWCTL_KERNEL_NETNS_H
#define FLOWCTL_KERNEL_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"

struct netns {
	uint64_t cookie;
	uint64_t inode;
	char name[NETNS_NAME_MAX];	/* as printed: of /run/netns, "default", "net:[INODE]" */
	int fd;				/* of the namespace; owned */
};

#define NETNS_NULL { .fd = -1 }

/*
 * Open the namespace meant by @spec: NULL = the caller's; a name under /run/netns; a path
 * (with a slash); "pid:PID". fail() (class 1) when it does not exist, fail_usage() for a
 * malformed pid.
 */
int netns_open(const char *spec, struct netns *ret);
void netns_close(struct netns *ns);	/* fine on NETNS_NULL */

/* Every namespace that can be found: the caller's, /run/netns, /proc/PID/ns/net,
 * mounts elsewhere; each cookie once. */
int netns_list(struct netns **ret, size_t *ret_n);
void netns_list_free(struct netns *list, size_t n);
/*
 * Was @ns, opened by a name below /run/netns, taken from there? Whoever holds a descriptor of it, as
 * we do, keeps its interfaces alive, so that nothing else tells.
 */
bool netns_is_deleted(const struct netns *ns);
/* The one of that cookie, or NULL. */
const struct netns *netns_find(const struct netns *list, size_t n, uint64_t cookie);

/* A scope in another namespace; entered only around socket creation and attach. */
struct netns_scope {
	int old_fd;
};
#define NETNS_SCOPE_NULL { .old_fd = -1 }
int netns_enter(struct netns_scope *scope, int fd);
void netns_leave(struct netns_scope *scope);
/* Enter a new, empty namespace that goes when it is left: to try things in.
 * -errno without a sentence. */
int netns_scratch(struct netns_scope *scope);

/* The default observation domain: 1 for the initial namespace, else a stable hash of the
 * name (FNV-1a 32), never 0 or 1. */
uint32_t netns_domain(const struct netns *ns);

#endif
