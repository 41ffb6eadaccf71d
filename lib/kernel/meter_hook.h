/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attach, detach and list share: one hook's pins. A meter that was taken off while
 * its namespace's table stays leaves its ledger as past_<ifindex>_<direction> for as
 * long as the table holds flows of it, so that the ledger balances if it comes back.
 */
#ifndef FLOWCTL_KERNEL_METER_HOOK_H
#define FLOWCTL_KERNEL_METER_HOOK_H

#include "flow/tunnel.h"
#include "kernel/hook.h"
#include "kernel/netns.h"
#include "kernel/reader.h"
#include "kernel/table.h"

/* Where @h's meter sits, of its own words. */
struct hook_target meter_target(const struct table *t, const struct table_hook *h);
/* Its place in the chain, or -ENOENT: not there any more. @ns NULL: the namespace is gone, or
 * has no name; then -1 for a place that cannot be told. */
int meter_position(const struct netns *ns, const struct table *t, const struct table_hook *h,
		   int *ret);
/* Was it attached by a command for its own time (visit.h) that was killed? */
bool meter_is_abandoned(const struct table *t, const struct table_hook *h);
/* A leftover: abandoned, or its interface or namespace is gone. */
bool meter_is_left_over(const struct netns *ns, const struct table *t, const struct table_hook *h);
/* How the kernel runs @h's program, which is of kind HOOK_XDP; -ENOENT as above. */
int meter_xdp_mode(const struct netns *ns, const struct table *t, const struct table_hook *h,
		   enum xdp_mode *ret);
/* Take off whatever of ours is attached there: where an attach was killed half way, it may be
 * of another kind than the ledger says. @ns NULL: the namespace is gone. */
int meter_take_off(const struct netns *ns, struct hook_target *target);
/* Take the program off and remove its pins; the ledger stays, with prog_id 0. @ns may be NULL. */
int meter_unhook(const struct netns *ns, const struct table *t, struct table_hook *h);
/* Turn the ledger's pin into a past one, and back (-ENOENT: there is none). Folder locked. */
int meter_make_past(const struct table *t, uint32_t ifindex, uint8_t direction);
int meter_from_past(const struct table *t, uint32_t ifindex, uint8_t direction);
/* Which tunnels that meter looks into. */
struct tunnel_choice meter_decap_of(const struct hook_info *info);
/* Was the flow seen at that hook? */
bool meter_flow_is_of(const struct flow_key *key, uint32_t ifindex, uint8_t direction);
/* Flows of @s that were seen at that hook. */
uint64_t meter_count_flows(const struct snapshot *s, uint32_t ifindex, uint8_t direction);
/* Lock the folder of @cookie and open its table in it, writable: t->dir is locked.
 * -ENOENT as table_open(). */
int meter_open_locked(uint64_t cookie, struct table **ret);

/* Wait a moment (@tries times at most) for another process. False when they are used up. */
bool meter_pause(int *tries);

#endif
