// SPDX-License-Identifier: Apache-2.0
/*
 * One interface and direction. A new program is pinned as next_* before it goes in and
 * becomes prog_* by a rename afterwards, so that whatever the kernel runs for us is
 * pinned at every moment, also when this process is killed in between. The ledger's array
 * survives every replacement: the counts of a hook go on.
 *
 * In the same place one program takes the other's in one step of the kernel. Between two
 * kinds of hook there is no such step: there the old one goes first, so that no packet
 * is counted twice, and the few packets between are not seen at all.
 */
#include "kernel/meter_step.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "config.h"
#include "kernel/meter_hook.h"
#include "kernel/program.h"

static const char *const direction_words[] = { "ingress", "egress" };

static int step_fault(const struct meter_step *s, int err)
{
	return fail_context(err, "interface '%s' %s", s->link->name, direction_words[s->direction]);
}

/* Ports only of what is chosen, and then in words: so two are the same if their parts are. */
static struct tunnel_choice plain_choice(const struct tunnel_choice *c)
{
	struct tunnel_choice ret = { .decap = c->decap };

	if (c->decap & DECAP_GENEVE)
		ret.geneve_port = c->geneve_port ? c->geneve_port : DECAP_GENEVE_PORT;
	if (c->decap & DECAP_VXLAN)
		ret.vxlan_port = c->vxlan_port ? c->vxlan_port : DECAP_VXLAN_PORT;
	return ret;
}

static bool same_decap(const struct tunnel_choice *a, const struct hook_info *b)
{
	return a->decap == b->decap && a->geneve_port == b->geneve_port &&
	       a->vxlan_port == b->vxlan_port;
}

static enum step_action choose(const struct meter_step *s, const struct meter_options *o)
{
	const struct hook_info *old = &s->old;

	if (s->kind != old->kind || s->pref != old->tc_pref || s->handle != old->tc_handle)
		return STEP_MOVE;
	if (s->xdp_mode != s->old_xdp_mode)
		return STEP_MOVE;
	if (o->force || s->sample != old->sample || s->forward != old->forward || s->tcp != old->tcp_metrics ||
	    !same_decap(&s->decap, old) ||
	    strcmp(old->version, FLOWCTL_VERSION) != 0)
		return STEP_REPLACE;
	return STEP_KEEP;
}

/* Of some packets only, there is no health to be told. @t NULL: it will be made as asked for. */
static bool wants_tcp(const struct meter_step *s, const struct table *t,
		      const struct meter_options *o, bool attached)
{
	if (o->sample > 1 || (t && !t->ctl->tcp_buckets))
		return false;
	return o->tcp_metrics < 0 && attached && s->old.sample == 1 ? s->old.tcp_metrics :
								      o->tcp_metrics != 0;
}

/* What is wanted where the options leave it open: what is there. */
static void want(struct meter_step *s, const struct meter_options *o, bool attached,
		 enum hook_kind auto_kind)
{
	/* XDP has no egress. */
	bool open = o->hook < 0 || (o->hook == HOOK_XDP && s->direction == FLOW_EGRESS);
	const struct tunnel_choice there = meter_decap_of(&s->old), none = { 0 };

	s->sample = o->sample;
	s->forward = o->forward ? o->forward : attached ? s->old.forward : 0;
	if (s->forward == METER_FORWARD_OFF)
		s->forward = 0;
	s->guest = o->guest;
	s->decap = plain_choice(o->decap ? o->decap : attached ? &there : &none);
	s->kind = !open ? (enum hook_kind)o->hook : attached ? s->old.kind : auto_kind;
	s->pref = s->handle = 0;
	if (s->kind == HOOK_XDP)
		s->xdp_mode = o->xdp_mode ? o->xdp_mode : s->old_xdp_mode;
	if (s->kind != HOOK_TC)
		return;
	s->pref = open && attached ? s->old.tc_pref : o->pref;
	s->handle = open && attached ? s->old.tc_handle : o->handle;
}

static int look_at_old(struct meter_step *s, const struct netns *ns, const struct table *t)
{
	int r, position;

	r = table_hook_open(t, s->link->ifindex, s->direction, true, &s->hook);
	if (r < 0)
		return r;
	s->old = *s->hook.info;
	r = meter_position(ns, t, &s->hook, &position);
	if (r == 0 && s->old.kind == HOOK_XDP)
		r = meter_xdp_mode(ns, t, &s->hook, &s->old_xdp_mode);
	return r;
}

static int check_room(const struct meter_step *s, const struct netns *ns, const struct table *t)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	const struct hook_ops *ops = hook_by_kind(s->kind);
	struct hook_target target = {
		.dir = t ? &t->dir : NULL, .ifindex = s->link->ifindex, .direction = s->direction,
	};
	int r;

	if (!ops->check || (s->action != STEP_NEW && s->action != STEP_MOVE))
		return 0;
	r = netns_enter(&scope, ns->fd);
	if (r == 0)
		r = ops->check(&target);
	return r < 0 ? step_fault(s, r) : 0;
}

int meter_step_plan(struct meter_step *s, const struct netns *ns, const struct table *t,
		    const struct meter_options *o, enum hook_kind auto_kind)
{
	int r = t ? look_at_old(s, ns, t) : -ENOENT;
	bool attached = r == 0;

	if (r < 0 && r != -ENOENT)
		return r;
	want(s, o, attached, auto_kind);
	s->tcp = wants_tcp(s, t, o, attached);
	s->action = attached ? choose(s, o) : STEP_NEW;
	return check_room(s, ns, t);
}

static int open_ledger(struct meter_step *s, const struct table *t)
{
	uint32_t ifindex = s->link->ifindex;
	int r;

	if (s->hook.entries)
		return 0;
	r = meter_from_past(t, ifindex, s->direction);
	if (r == 0) {
		s->hook_from_past = true;
		r = table_hook_open(t, ifindex, s->direction, true, &s->hook);
	} else if (r == -ENOENT) {
		r = table_hook_create(t, ifindex, s->direction, &s->hook);
		s->hook_made = r == 0;
	}
	if (r == 0)
		s->old = *s->hook.info;
	return r;
}

static int open_old_prog(struct meter_step *s, const struct table *t)
{
	char path[512];

	pin_hook_path(&t->dir, "prog", s->link->ifindex, s->direction, path);
	s->old_prog_fd = bpf_obj_get(path);
	return s->old_prog_fd < 0 ? fail(-errno, "cannot open '%s'", path) : 0;
}

static int pin_next(const struct meter_step *s, const struct table *t, int prog_fd)
{
	char path[512];

	pin_hook_path(&t->dir, "next", s->link->ifindex, s->direction, path);
	unlink(path);	/* of one who was killed */
	if (bpf_obj_pin(prog_fd, path) < 0)
		return fail(-errno, "cannot pin '%s'", path);
	return 0;
}

static int promote_next(const struct meter_step *s, const struct table *t)
{
	char next[512], prog[512];

	pin_hook_path(&t->dir, "next", s->link->ifindex, s->direction, next);
	pin_hook_path(&t->dir, "prog", s->link->ifindex, s->direction, prog);
	return rename(next, prog) < 0 ? fail(-errno, "cannot rename '%s'", next) : 0;
}

/* What one who was killed did not end, while the pins stand by which it is known to be ours. */
static int clear_leftovers(const struct meter_step *s, const struct netns *ns,
			   const struct table *t)
{
	struct hook_target target = {
		.dir = &t->dir, .ifindex = s->link->ifindex, .direction = s->direction,
	};

	if (s->action == STEP_NEW)
		return meter_take_off(ns, &target);
	/* All but the last: the program has its place, and not its name. */
	return hook_pinned_prog(&target, "next") == s->old.prog_id ? promote_next(s, t) : 0;
}

int meter_step_prepare(struct meter_step *s, const struct netns *ns, struct table *t)
{
	const struct program_knobs knobs = {
		.direction = s->direction,
		.ethernet = s->link->ethernet,
		.sample = s->sample,
		.forward = s->forward,
		.xdp = s->kind == HOOK_XDP,
		.tcp = s->tcp,
		.decap = s->decap,
		.software = s->link->software,
	};
	int r;

	if (s->action == STEP_KEEP)
		return 0;
	r = clear_leftovers(s, ns, t);
	if (r == 0)
		r = open_ledger(s, t);
	if (r == 0 && s->action != STEP_NEW)
		r = open_old_prog(s, t);
	if (r == 0 && s->decap.decap)
		r = table_outers(t);
	if (r == 0)
		r = program_load(t, s->hook.fd, &knobs, &s->prog_fd);
	return r < 0 ? r : pin_next(s, t, s->prog_fd);
}

static struct hook_target wanted_target(const struct meter_step *s, const struct table *t)
{
	struct hook_target target = {
		.dir = &t->dir,
		.ifindex = s->link->ifindex,
		.direction = s->direction,
		.pref = s->pref,
		.handle = s->handle,
		.xdp_mode = s->xdp_mode,
	};
	_cleanup_(table_hook_close) struct table_hook other = { .fd = -1 };

	if (s->kind != HOOK_TC)
		return target;
	/* Whose qdisc it is is known to the meters of both sides, so that the last one can tell. */
	target.made_clsact = s->action != STEP_NEW && s->old.kind == HOOK_TC && s->old.made_clsact;
	if (table_hook_open(t, target.ifindex, !s->direction, false, &other) == 0)
		target.made_clsact |= other.info->made_clsact;
	return target;
}

static void write_info(struct meter_step *s, const struct hook_target *target, uint32_t prog_id)
{
	struct hook_info *info = s->hook.info;

	info->ifindex = target->ifindex;
	info->direction = s->direction;
	info->sample = s->sample;
	info->forward = s->forward;
	info->kind = s->kind;
	info->made_clsact = target->made_clsact;
	info->link_layer = s->link->ethernet;
	info->tcp_metrics = s->tcp;
	info->guest = s->guest;
	info->decap = s->decap.decap;
	info->geneve_port = s->decap.geneve_port;
	info->vxlan_port = s->decap.vxlan_port;
	info->prog_id = prog_id;
	info->tc_pref = s->pref;
	info->tc_handle = s->handle;
	if (s->action == STEP_NEW)
		info->attached_ns = clock_real_ns();
	snprintf(info->ifname, sizeof(info->ifname), "%s", s->link->name);
	snprintf(info->version, sizeof(info->version), "%s", FLOWCTL_VERSION);
}

/* Take the old one out of the way; where it is NEW there can only be leftovers. */
static int clear_place(struct meter_step *s, const struct hook_target *wanted,
		       const struct table *t)
{
	const struct hook_ops *ops = hook_by_kind(s->old.kind);
	struct hook_target old = meter_target(t, &s->hook);

	if (!ops || s->old.prog_id == 0)
		return 0;
	/* From tc to tc the qdisc stays where it is. */
	if (s->kind == HOOK_TC && s->old.kind == HOOK_TC)
		old.made_clsact = false;
	s->touched = true;
	return ops->detach(&old);
}

static int put_in_place(struct meter_step *s, struct hook_target *target, const struct table *t)
{
	const struct hook_ops *ops = hook_by_kind(s->kind);
	int r;

	if (s->action == STEP_REPLACE) {
		r = ops->replace(target, s->prog_fd);
	} else {
		r = clear_place(s, target, t);
		if (r == 0)
			r = ops->attach(target, s->prog_fd);
	}
	s->touched |= r == 0;
	return r;
}

/* While both ends of a forwarded packet's way count, only the first does (bpf/tcp_owner.h); so
 * ingress begins before it is told, and ends after. */
static int tell_ingress(const struct meter_step *s, const struct table *t, bool on)
{
	return s->direction == FLOW_INGRESS ? table_tcp_ingress(t, s->link->ifindex, on) : 0;
}

int meter_step_commit(struct meter_step *s, const struct netns *ns, struct table *t)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	struct hook_target target = wanted_target(s, t);
	uint32_t id;
	int r;

	if (s->action == STEP_KEEP) {
		snprintf(s->hook.info->ifname, sizeof(s->hook.info->ifname), "%s", s->link->name);
		s->hook.info->guest &= s->guest;
		return 0;
	}
	r = hook_prog_id(s->prog_fd, &id);
	if (r < 0)
		return fail(r, "cannot tell the program's id");
	r = netns_enter(&scope, ns->fd);
	if (r == 0 && !s->tcp)
		r = tell_ingress(s, t, false);
	if (r == 0)
		r = put_in_place(s, &target, t);
	if (r < 0)
		return step_fault(s, r);
	write_info(s, &target, id);
	r = tell_ingress(s, t, s->tcp);
	if (r < 0)
		return r;
	if (s->kind == HOOK_XDP && hook_xdp_mode(&target, id, &s->xdp_mode) < 0)
		error_clear();
	return promote_next(s, t);
}

/* The old program back in its place; it is what prog_* names or is named so again. */
static void restore_old(struct meter_step *s, struct table *t)
{
	const struct hook_ops *ops = hook_by_kind(s->kind), *old_ops = hook_by_kind(s->old.kind);
	struct hook_target target = wanted_target(s, t), old = target;

	if (s->action == STEP_REPLACE) {
		ops->replace(&target, s->old_prog_fd);
	} else {
		target.made_clsact = s->hook.info->made_clsact && s->old.kind != HOOK_TC;
		ops->detach(&target);
	}
	pin_next(s, t, s->old_prog_fd);
	promote_next(s, t);
	if (s->action != STEP_MOVE)
		return;
	old.pref = s->old.tc_pref;
	old.handle = s->old.tc_handle;
	old.xdp_mode = s->old_xdp_mode;
	old_ops->attach(&old, s->old_prog_fd);
}

static void undo_new(struct meter_step *s, struct table *t)
{
	struct hook_target target = wanted_target(s, t);
	char path[512];

	target.made_clsact |= s->hook.info->made_clsact;
	if (s->touched)
		hook_by_kind(s->kind)->detach(&target);
	unlink(pin_hook_path(&t->dir, "prog", s->link->ifindex, s->direction, path));
}

static void undo_pins(struct meter_step *s, struct table *t)
{
	struct hook_info *info = s->hook.info;
	char path[512];

	unlink(pin_hook_path(&t->dir, "next", s->link->ifindex, s->direction, path));
	if (s->hook_made) {
		unlink(pin_hook_path(&t->dir, "hook", s->link->ifindex, s->direction, path));
		return;
	}
	/* Only the options: what was counted meanwhile stays counted. */
	s->old.ledger = info->ledger;
	*info = s->old;
	if (s->action == STEP_NEW)
		info->prog_id = 0;
	if (s->hook_from_past)
		meter_make_past(t, s->link->ifindex, s->direction);
}

void meter_step_undo(struct meter_step *s, const struct netns *ns, struct table *t)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;

	if (s->action == STEP_KEEP || !s->hook.entries)
		return;
	if (netns_enter(&scope, ns->fd) < 0)
		return;
	if (s->action == STEP_NEW)
		undo_new(s, t);
	else if (s->touched)
		restore_old(s, t);
	tell_ingress(s, t, s->action != STEP_NEW && s->old.tcp_metrics);
	undo_pins(s, t);
}

void meter_step_deinit(struct meter_step *s)
{
	table_hook_close(&s->hook);
	closep(&s->prog_fd);
	closep(&s->old_prog_fd);
}
