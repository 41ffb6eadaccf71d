/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of a replay, put together of the generations that slots and ring hand over: in
 * memory of this process, so there may be any number of them.
 */
#ifndef FLOWCTL_KERNEL_REPLAY_FLOWS_H
#define FLOWCTL_KERNEL_REPLAY_FLOWS_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/health.h"
#include "kernel/key_index.h"

struct replay_flow {
	struct flow_key key;
	uint32_t frame;		/* number of its first one */
	uint32_t before;	/* that of the same key which this one follows, or KEY_INDEX_NONE */
	struct flow_part part;	/* times: the replay's clock; nothing in it: joined with `before` */
};

struct replay_flows {
	struct replay_flow *v;
	size_t n, cap;
	struct key_index by_key;	/* the last flow of each key */
};

/* 0 or fail(-ENOMEM). */
int replay_flows_init(struct replay_flows *f);
void replay_flows_deinit(struct replay_flows *f);
/*
 * One generation, complete, whose c.mark is the number of its first frame. Those of one key in
 * the order they had. 0 or fail(-ENOMEM).
 */
int replay_flows_add(struct replay_flows *f, const struct flow_slot *s);
/*
 * A SYN alone does not say that another connection begins: join what is the same one, as @h says.
 * Nothing may be added afterwards.
 */
void replay_flows_join(struct replay_flows *f, struct health *h);
/* Order them by their first frames; nothing may be added or joined afterwards. */
void replay_flows_sort(struct replay_flows *f);

#endif
