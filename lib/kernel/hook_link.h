/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tcx and XDP share: a link, kept by its pin and by nothing else. Both have the pin of
 * the same name, so a link that a killed attach left is taken away by either.
 */
#ifndef FLOWCTL_KERNEL_HOOK_LINK_H
#define FLOWCTL_KERNEL_HOOK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/hook.h"

/* Pin the link @fd as that of @t; the caller keeps the descriptor. fail(). */
int hook_link_pin(const struct hook_target *t, int fd);

struct hook_link {
	uint32_t ifindex;	/* 0: a link outlives its device, and then names none */
	uint32_t prog_id;
};
/* What the pinned link of @t says. -ENOENT without a sentence when there is none, else fail(). */
int hook_link_look(const struct hook_target *t, struct hook_link *ret);

/* These three are members of struct hook_ops. Replacing is BPF_LINK_UPDATE: one pointer,
 * between two packets. */
int hook_link_replace(struct hook_target *t, int prog_fd);
int hook_link_detach(struct hook_target *t);
bool hook_link_attached(const struct hook_target *t);

#endif
