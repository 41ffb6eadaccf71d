// SPDX-License-Identifier: Apache-2.0
/*
 * XDP: one program an interface and mode, so there is no chain to stand in: whoever came
 * first stays. A link is never given to an interface that has a program, by link or by
 * netlink, and a program attached by netlink never takes a link's place: the kernel sees to
 * both (dev_xdp_attach()), and what it refuses for is said here. Offloaded to the device,
 * somebody else's program may run before ours.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/hook_link.h"
#include "kernel/netns.h"

static const char *const modes[] = {
	[XDP_MODE_NATIVE] = "native",
	[XDP_MODE_GENERIC] = "generic",
};

const char *hook_xdp_mode_name(enum xdp_mode mode)
{
	return mode < ARRAY_SIZE(modes) ? modes[mode] : NULL;
}

enum xdp_mode hook_xdp_mode_by_name(const char *name)
{
	for (enum xdp_mode mode = XDP_MODE_NATIVE; mode <= XDP_MODE_GENERIC; mode++) {
		if (name && strcmp(modes[mode], name) == 0)
			return mode;
	}
	return XDP_MODE_AUTO;
}

static int create_link(const struct hook_target *t, int prog_fd, enum xdp_mode mode)
{
	uint32_t flags = mode == XDP_MODE_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int fd = bpf_link_create(prog_fd, t->ifindex, BPF_XDP, &opts);

	return fd < 0 ? -errno : fd;
}

/* In a namespace made for the purpose, on its lo, which has no driver of its own. */
static bool xdp_probe(void)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	const struct hook_target lo = { .ifindex = 1 };
	_cleanup_(closep) int prog_fd = -1, fd = -1;

	prog_fd = hook_trivial_prog(BPF_PROG_TYPE_XDP, XDP_PASS, 0);
	if (prog_fd < 0 || netns_scratch(&scope) < 0)
		return false;
	fd = create_link(&lo, prog_fd, XDP_MODE_GENERIC);
	return fd >= 0;
}

static int query(uint32_t ifindex, struct bpf_xdp_query_opts *ret)
{
	int r;

	*ret = (struct bpf_xdp_query_opts) { .sz = sizeof(*ret) };
	r = bpf_xdp_query(ifindex, 0, ret);
	return r < 0 ? fail(r, "cannot ask for the XDP programs") : 0;
}

/* Those that leave no room for ours; ours, by its link, is none. */
static int xdp_check(const struct hook_target *t)
{
	struct hook_link own = { 0 };
	struct bpf_xdp_query_opts has;
	uint32_t id;
	int r;

	r = t->dir ? hook_link_look(t, &own) : -ENOENT;
	if (r == 0 || r == -ENOENT)
		r = query(t->ifindex, &has);
	if (r < 0)
		return r;
	id = has.drv_prog_id ? has.drv_prog_id : has.skb_prog_id;
	if (id == 0 || (own.ifindex == t->ifindex && own.prog_id == id))
		return 0;
	error_hint("--hook tcx (or tc) meters ingress beside it");
	return fail_plain(-EBUSY, "another XDP program (id %u) is attached, and there is room for one: "
			  "nothing was changed", id);
}

static int cannot_attach(const struct hook_target *t, int err)
{
	int r = xdp_check(t);

	if (r < 0)
		return r;
	if (err == -EEXIST)
		return fail_plain(err, "an interface above it (a bond, a team) has an XDP program: "
				  "nothing was changed");
	if (t->xdp_mode == XDP_MODE_NATIVE)
		error_hint("--xdp-mode auto takes generic XDP where the driver has no other");
	return fail(err, "cannot attach the program by %s XDP",
		    t->xdp_mode == XDP_MODE_NATIVE ? "native" : "generic");
}

/* Auto: what the driver refuses (it has no XDP, too few queues, too long an MTU, ...) is
 * done by the generic hook, which every device has. */
static int xdp_attach(struct hook_target *t, int prog_fd)
{
	_cleanup_(closep) int fd = -1;

	fd = create_link(t, prog_fd, t->xdp_mode);
	if (fd < 0 && t->xdp_mode == XDP_MODE_AUTO)
		fd = create_link(t, prog_fd, XDP_MODE_GENERIC);
	return fd < 0 ? cannot_attach(t, fd) : hook_link_pin(t, fd);
}

/* -ENOENT when @prog_id is not what runs there. */
static int query_own(uint32_t ifindex, uint32_t prog_id, struct bpf_xdp_query_opts *ret)
{
	int r = query(ifindex, ret);

	if (r < 0)
		return r;
	return prog_id == ret->drv_prog_id || prog_id == ret->skb_prog_id ? 0 : -ENOENT;
}

static int xdp_position(const struct hook_target *t, uint32_t prog_id, int *ret)
{
	struct bpf_xdp_query_opts has;
	struct hook_link link;
	int r;

	r = hook_link_look(t, &link);
	if (r < 0)
		return r;
	if (link.ifindex != t->ifindex)
		return -ENOENT;
	r = query_own(t->ifindex, prog_id, &has);
	if (r < 0)
		return r;
	*ret = has.hw_prog_id != 0;
	return 0;
}

int hook_xdp_mode(const struct hook_target *t, uint32_t prog_id, enum xdp_mode *ret)
{
	struct bpf_xdp_query_opts has;
	int r;

	r = query_own(t->ifindex, prog_id, &has);
	if (r < 0)
		return r;
	*ret = prog_id == has.drv_prog_id ? XDP_MODE_NATIVE : XDP_MODE_GENERIC;
	return 0;
}

const struct hook_ops hook_xdp = {
	.name = "xdp",
	.probe = xdp_probe,
	.check = xdp_check,
	.attach = xdp_attach,
	.replace = hook_link_replace,
	.detach = hook_link_detach,
	.position = xdp_position,
	.attached = hook_link_attached,
};
