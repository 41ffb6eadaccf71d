/* SPDX-License-Identifier: Apache-2.0 */
/* One interface and direction on its way to being metered: planned, prepared,
 * committed or undone. */
#ifndef FLOWCTL_KERNEL_METER_STEP_H
#define FLOWCTL_KERNEL_METER_STEP_H

#include "kernel/meter.h"
#include "kernel/rtnl.h"

enum step_action {
	STEP_KEEP,	/* as wanted already */
	STEP_NEW,	/* nothing of ours runs there */
	STEP_REPLACE,	/* another program in the same place */
	STEP_MOVE,	/* another place: hook kind, pref or handle */
};

struct meter_step {
	const struct link *link;
	uint8_t direction;
	enum step_action action;
	enum hook_kind kind;		/* wanted */
	uint32_t pref, handle;		/* wanted; 0 if not tc */
	uint32_t sample;
	bool guest;			/* wanted: nobody but a visitor does */
	uint32_t forward;		/* wanted; 0 = of none */
	struct tunnel_choice decap;	/* wanted; with ports where it is known by one, else 0 */
	bool tcp;			/* wanted: it counts the health of connections */
	enum xdp_mode xdp_mode, old_xdp_mode;	/* wanted; as it was, auto = not by XDP */
	struct table_hook hook;		/* entries NULL: has none yet */
	struct hook_info old;		/* as it was; of prog_id 0 when it had none */
	bool hook_made, hook_from_past;	/* by meter_step_prepare() */
	bool touched;			/* meter_step_commit() changed something in the kernel */
	int prog_fd, old_prog_fd;
};
#define METER_STEP_NULL { .hook = { .fd = -1 }, .prog_fd = -1, .old_prog_fd = -1 }

/* Find out what is there and what is to be done. @t NULL: no table yet. */
int meter_step_plan(struct meter_step *s, const struct netns *ns, const struct table *t,
		    const struct meter_options *o, enum hook_kind auto_kind);
/* All that traffic does not see: ledger, program, its pin. */
int meter_step_prepare(struct meter_step *s, const struct netns *ns, struct table *t);
/* Put the program in its place. */
int meter_step_commit(struct meter_step *s, const struct netns *ns, struct table *t);
/* Bring back what was before meter_step_prepare(). */
void meter_step_undo(struct meter_step *s, const struct netns *ns, struct table *t);
/* Descriptors and mappings only. */
void meter_step_deinit(struct meter_step *s);

#endif
