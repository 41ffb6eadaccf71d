/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcx: a link a meter, at the head of the chain, kept by its pin. libbpf before 1.3 does
 * not know it and the installed uapi header may be older than the running kernel, so two
 * calls are made plainly, with the part of union bpf_attr they need written out here
 * (include/uapi/linux/bpf.h of Linux 6.6).
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/hook_link.h"

/* enum bpf_attach_type */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
/* BPF_F_BEFORE: with nothing relative to it, the head. */
#define TCX_F_BEFORE (1U << 3)

/* union bpf_attr, .link_create with .tcx */
struct link_create_attr {
	__u32 prog_fd;
	__u32 target_ifindex;
	__u32 attach_type;
	__u32 flags;
	__u32 relative_fd;
	__u32 pad;
	__u64 expected_revision;
};

/* union bpf_attr, .query, as far as tcx writes it */
struct query_attr {
	__u32 target_ifindex;
	__u32 attach_type;
	__u32 query_flags;
	__u32 attach_flags;
	__aligned_u64 prog_ids;
	__u32 count;
	__u32 pad;
	__aligned_u64 prog_attach_flags;
	__aligned_u64 link_ids;
	__aligned_u64 link_attach_flags;
	__u64 revision;
};

static uint32_t attach_type(uint8_t direction)
{
	return direction == FLOW_INGRESS ? TCX_INGRESS : TCX_EGRESS;
}

static int sys_bpf(int cmd, void *attr, size_t size)
{
	int r = syscall(__NR_bpf, cmd, attr, size);

	return r < 0 ? -errno : r;
}

/* The ids of the programs in chain order; *n: room, then how many there are. */
static int query(uint32_t ifindex, uint8_t direction, uint32_t *ids, uint32_t *n)
{
	struct query_attr attr = {
		.target_ifindex = ifindex,
		.attach_type = attach_type(direction),
		.prog_ids = (uintptr_t)ids,
		.count = *n,
	};
	int r = sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr));

	if (r == -ENOENT)	/* no program was ever attached */
		attr.count = r = 0;
	if (r == 0)
		*n = attr.count;
	return r;
}

/* Interface 1 is lo in every namespace. A kernel without tcx does not know the attach type. */
static bool tcx_probe(void)
{
	uint32_t n = 0;

	return query(1, FLOW_INGRESS, NULL, &n) == 0;
}

static int tcx_attach(struct hook_target *t, int prog_fd)
{
	struct link_create_attr attr = {
		.prog_fd = prog_fd,
		.target_ifindex = t->ifindex,
		.attach_type = attach_type(t->direction),
		.flags = TCX_F_BEFORE,
	};
	_cleanup_(closep) int fd = -1;

	fd = sys_bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return fail(fd, "cannot attach the program by tcx");
	return hook_link_pin(t, fd);
}

#define CHAIN_MAX 64	/* BPF_MPROG_MAX */

static int tcx_position(const struct hook_target *t, uint32_t prog_id, int *ret)
{
	uint32_t ids[CHAIN_MAX], n = CHAIN_MAX;
	struct hook_link link;
	int r;

	r = hook_link_look(t, &link);
	if (r < 0)
		return r;
	if (link.ifindex != t->ifindex)
		return -ENOENT;
	r = query(t->ifindex, t->direction, ids, &n);
	if (r < 0)
		return r == -ENODEV ? -ENOENT : fail(r, "cannot list the tcx programs");
	for (uint32_t i = 0; i < n; i++) {
		if (ids[i] == prog_id) {
			*ret = i;
			return 0;
		}
	}
	return -ENOENT;
}

const struct hook_ops hook_tcx = {
	.name = "tcx",
	.probe = tcx_probe,
	.attach = tcx_attach,
	.replace = hook_link_replace,
	.detach = hook_link_detach,
	.position = tcx_position,
	.attached = hook_link_attached,
};
