/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of hooks by number, and what all of them ask of a program's pin. */
#include "kernel/hook.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "base/cleanup.h"

static const struct hook_ops *const hooks[HOOK_KINDS] = {
	[HOOK_TCX] = &hook_tcx,
	[HOOK_TC] = &hook_tc,
	[HOOK_XDP] = &hook_xdp,
};

const struct hook_ops *hook_by_kind(enum hook_kind kind)
{
	return kind < HOOK_KINDS ? hooks[kind] : NULL;
}

int hook_kind_by_name(const char *name)
{
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		if (strcmp(hooks[kind]->name, name) == 0)
			return kind;
	}
	return -1;
}

int hook_prog_id(int prog_fd, uint32_t *ret)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len) < 0)
		return -errno;
	*ret = info.id;
	return 0;
}

int hook_trivial_prog(int type, int verdict, uint32_t flags)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags);
	int fd = bpf_prog_load(type, "flowctl_probe", "GPL", insns, ARRAY_SIZE(insns), &opts);

	return fd < 0 ? -errno : fd;
}

uint32_t hook_pinned_prog(const struct hook_target *t, const char *what)
{
	_cleanup_(closep) int fd = -1;
	char path[512];
	uint32_t id;

	fd = bpf_obj_get(pin_hook_path(t->dir, what, t->ifindex, t->direction, path));
	return fd >= 0 && hook_prog_id(fd, &id) == 0 ? id : 0;
}
