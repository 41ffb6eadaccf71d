// SPDX-License-Identifier: Apache-2.0
/*
 * A pinned link, of whichever hook. The kernel detaches when nothing refers to it any more:
 * what is attached and not pinned yet goes with its process, what is pinned stays.
 */
#include "kernel/hook_link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

static const char *link_path(const struct hook_target *t, char buf[512])
{
	return pin_hook_path(t->dir, "link", t->ifindex, t->direction, buf);
}

int hook_link_pin(const struct hook_target *t, int fd)
{
	char path[512];

	if (bpf_obj_pin(fd, link_path(t, path)) < 0)
		return fail(-errno, "cannot pin '%s'", path);
	return 0;
}

static int open_link(const struct hook_target *t, int *ret)
{
	char path[512];
	int fd = bpf_obj_get(link_path(t, path));

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : fail(-errno, "cannot open '%s'", path);
	*ret = fd;
	return 0;
}

int hook_link_look(const struct hook_target *t, struct hook_link *ret)
{
	_cleanup_(closep) int fd = -1;
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	int r;

	r = open_link(t, &fd);
	if (r < 0)
		return r;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fail(-errno, "cannot ask the link of interface %u", t->ifindex);
	/* info.tcx.ifindex of Linux 6.6 is the first word of the union, as xdp's is. */
	*ret = (struct hook_link) { .ifindex = info.xdp.ifindex, .prog_id = info.prog_id };
	return 0;
}

int hook_link_replace(struct hook_target *t, int prog_fd)
{
	_cleanup_(closep) int fd = -1;
	int r;

	r = open_link(t, &fd);
	if (r == -ENOENT)
		return fail(r, "cannot open the pinned link of interface %u", t->ifindex);
	if (r < 0)
		return r;
	if (bpf_link_update(fd, prog_fd, NULL) < 0)
		return fail(-errno, "cannot replace the program");
	return 0;
}

int hook_link_detach(struct hook_target *t)
{
	_cleanup_(closep) int fd = -1;
	char path[512];
	int r;

	r = open_link(t, &fd);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* Now, and not when the last descriptor that somebody may hold is closed. */
	if (bpf_link_detach(fd) < 0 && errno != ENOLINK)
		return fail(-errno, "cannot detach the program");
	if (unlink(link_path(t, path)) < 0 && errno != ENOENT)
		return fail(-errno, "cannot remove '%s'", path);
	return 0;
}

bool hook_link_attached(const struct hook_target *t)
{
	struct hook_link link;

	return hook_link_look(t, &link) == 0 && link.ifindex != 0;
}
