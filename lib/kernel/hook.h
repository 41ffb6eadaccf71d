/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place in the kernel's packet path where the program sits: tcx (Linux 6.6), a clsact
 * filter, or XDP (ingress only). One ops struct a kind; the caller is inside the right namespace.
 */
#ifndef FLOWCTL_KERNEL_HOOK_H
#define FLOWCTL_KERNEL_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/pin.h"

/* Stored in hook_info.kind: only append. */
enum hook_kind { HOOK_TCX, HOOK_TC, HOOK_XDP, HOOK_KINDS };

/* Auto: native where the driver has it, else generic. */
enum xdp_mode { XDP_MODE_AUTO, XDP_MODE_NATIVE, XDP_MODE_GENERIC };

struct hook_target {
	const struct pin_dir *dir;
	uint32_t ifindex;
	uint8_t direction;
	uint32_t pref;		/* tc */
	uint32_t handle;	/* tc */
	bool made_clsact;	/* tc, set by attach */
	enum xdp_mode xdp_mode;	/* xdp, wanted by attach */
};

struct hook_ops {
	const char *name;
	/* Does this kernel have it? Tries, never asks for a version. */
	bool (*probe)(void);
	/* Is there room for ours? To be asked before anything is changed; NULL: attach tells.
	 * @t->dir may be NULL. fail(). */
	int (*check)(const struct hook_target *t);
	/* Attach @prog_fd ahead of others and pin what keeps it there; the caller has pinned
	 * the program itself already. fail(). */
	int (*attach)(struct hook_target *t, int prog_fd);
	/* Put @prog_fd in the place of the one attached, in one step;
	 * no packet passes unmetered. */
	int (*replace)(struct hook_target *t, int prog_fd);
	/* Remove ours and nothing else. */
	int (*detach)(struct hook_target *t);
	/* 0 and its place among the programs of that hook (0 = first),
	 * or -ENOENT when it is gone. */
	int (*position)(const struct hook_target *t, uint32_t prog_id, int *ret);
	/* Is it attached still? Told from outside the namespace; NULL: that cannot be told. */
	bool (*attached)(const struct hook_target *t);
};

extern const struct hook_ops hook_tcx, hook_tc, hook_xdp;
/* By enum hook_kind; NULL when @kind is none, as of a later version's meter. */
const struct hook_ops *hook_by_kind(enum hook_kind kind);
/* The enum hook_kind of that name, or -1. */
int hook_kind_by_name(const char *name);

/* The kernel's id of a program. 0 or -errno without a sentence. */
int hook_prog_id(int prog_fd, uint32_t *ret);
/* The id of the program pinned as @what ("prog", "next") for @t; 0 = none. */
uint32_t hook_pinned_prog(const struct hook_target *t, const char *what);
/* A program of that enum bpf_prog_type that only returns @verdict, to try things with; @flags:
 * of BPF_PROG_LOAD. Its descriptor or -errno. */
int hook_trivial_prog(int type, int verdict, uint32_t flags);

/* How the kernel runs that program of @t. 0, or -ENOENT when it is not there; fail(). */
int hook_xdp_mode(const struct hook_target *t, uint32_t prog_id, enum xdp_mode *ret);
/* "native", "generic"; NULL for auto, and the way back. */
const char *hook_xdp_mode_name(enum xdp_mode mode);
enum xdp_mode hook_xdp_mode_by_name(const char *name);

#endif
