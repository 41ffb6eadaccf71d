/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tc: a direct-action bpf filter of a clsact qdisc, for kernels without tcx. A filter has
 * no link, so it is ours only while its program is the one we pinned (prog_*, or next_*
 * while one takes the other's place); whatever else stands at our pref and handle is
 * somebody's and is left alone. The qdisc goes only when we made it and both its sides
 * are empty.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/hook.h"
#include "kernel/netns.h"
#include "kernel/tcnl.h"

/* libbpf wants 0 behind the last member, which a compiler (clang) need not leave in padding. */
#define HOOK_SIZE (offsetof(struct bpf_tc_hook, parent) + sizeof(uint32_t))

static struct bpf_tc_hook side_of(uint32_t ifindex, uint8_t direction)
{
	return (struct bpf_tc_hook){
		.sz = HOOK_SIZE,
		.ifindex = ifindex,
		.attach_point = direction == FLOW_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS,
	};
}

/* The whole qdisc: libbpf takes both sides at once to mean that. */
static struct bpf_tc_hook qdisc_of(uint32_t ifindex)
{
	return (struct bpf_tc_hook){
		.sz = HOOK_SIZE,
		.ifindex = ifindex,
		.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS,
	};
}

/* In a namespace made for the purpose: the filter and the qdisc are really tried. */
static bool tc_probe(void)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	_cleanup_(closep) int prog_fd = -1;
	struct bpf_tc_hook qdisc = qdisc_of(1), side = side_of(1, FLOW_EGRESS);

	prog_fd = hook_trivial_prog(BPF_PROG_TYPE_SCHED_CLS, TC_ACT_UNSPEC, 0);
	if (prog_fd < 0 || netns_scratch(&scope) < 0)
		return false;
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = 1, .priority = 1);
	return bpf_tc_hook_create(&qdisc) == 0 && bpf_tc_attach(&side, &opts) == 0;
}

/* 1 made, 0 was there. */
static int make_clsact(const struct hook_target *t)
{
	struct bpf_tc_hook qdisc = qdisc_of(t->ifindex);
	char kind[16];
	int r;

	r = tcnl_ingress_qdisc(t->ifindex, kind);
	if (r < 0)
		return r;
	/* Egress filters given to the older qdisc would land at ingress (ingress_tcf_block()). */
	if (strcmp(kind, "ingress") == 0 && t->direction == FLOW_EGRESS)
		return fail_plain(-EBUSY, "the interface has an 'ingress' qdisc where clsact must "
				  "stand to meter egress");
	if (kind[0])
		return 0;
	r = bpf_tc_hook_create(&qdisc);
	if (r < 0 && r != -EEXIST)
		return fail(r, "cannot add a clsact qdisc");
	return r == 0;
}

/* Remove the qdisc we made unless somebody has filters there. */
static void drop_clsact(const struct hook_target *t)
{
	struct bpf_tc_hook qdisc = qdisc_of(t->ifindex);
	char kind[16];

	if (!t->made_clsact || tcnl_ingress_qdisc(t->ifindex, kind) < 0 ||
	    strcmp(kind, "clsact") != 0)
		return;
	for (uint8_t direction = FLOW_INGRESS; direction <= FLOW_EGRESS; direction++) {
		_cleanup_(freep) struct tc_filter *filters = NULL;
		size_t n;

		if (tcnl_filters(t->ifindex, direction, &filters, &n) < 0 || n > 0)
			return;
	}
	bpf_tc_hook_destroy(&qdisc);
}

static bool is_ours(const struct hook_target *t, const struct tc_filter *f)
{
	return strcmp(f->kind, "bpf") == 0 && f->handle != 0 && f->prog_id != 0 &&
	       (f->prog_id == hook_pinned_prog(t, "prog") ||
		f->prog_id == hook_pinned_prog(t, "next"));
}

/* Is the place of @t free for a bpf filter? */
static int check_place(const struct hook_target *t)
{
	_cleanup_(freep) struct tc_filter *filters = NULL;
	size_t n;
	int r;

	r = tcnl_filters(t->ifindex, t->direction, &filters, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct tc_filter *f = &filters[i];
		bool same_kind = strcmp(f->kind, "bpf") == 0 && f->protocol == ETH_P_ALL;

		if (f->pref == t->pref && (!same_kind || f->handle == t->handle))
			return fail_plain(-EEXIST,
					  "pref %u handle %u is taken by another '%s' filter: "
					  "choose another --pref",
					  t->pref, t->handle, f->kind);
	}
	return r;
}

static int tc_attach(struct hook_target *t, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = t->handle,
		    .priority = t->pref);
	struct bpf_tc_hook side = side_of(t->ifindex, t->direction);
	bool made;
	int r;

	r = make_clsact(t);
	if (r < 0)
		return r;
	made = r;
	r = check_place(t);
	if (r == 0) {
		r = bpf_tc_attach(&side, &opts);
		if (r < 0)
			fail(r, "cannot attach the program as a tc filter");
	}
	t->made_clsact |= made;
	if (r < 0 && made)
		drop_clsact(t);
	return r;
}

/* Our filter, wherever it stands; -ENOENT when there is none. */
static int find_ours(const struct hook_target *t, struct tc_filter *ret)
{
	_cleanup_(freep) struct tc_filter *filters = NULL;
	size_t n;
	int r;

	r = tcnl_filters(t->ifindex, t->direction, &filters, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (is_ours(t, &filters[i])) {
			*ret = filters[i];
			return 0;
		}
	}
	return r < 0 ? r : -ENOENT;
}

static int tc_replace(struct hook_target *t, int prog_fd)
{
	struct bpf_tc_hook side = side_of(t->ifindex, t->direction);
	struct tc_filter f;
	int r;

	r = find_ours(t, &f);
	if (r == -ENOENT)
		return fail(r, "cannot find the tc filter to replace");
	if (r < 0)
		return r;
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = f.handle, .priority = f.pref,
		    .flags = BPF_TC_F_REPLACE);
	r = bpf_tc_attach(&side, &opts);
	return r < 0 ? fail(r, "cannot replace the tc filter") : 0;
}

static int tc_detach(struct hook_target *t)
{
	struct bpf_tc_hook side = side_of(t->ifindex, t->direction);
	struct tc_filter f;
	int r;

	r = find_ours(t, &f);
	if (r == 0) {
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = f.handle, .priority = f.pref);
		r = bpf_tc_detach(&side, &opts);
		if (r < 0)
			return fail(r, "cannot remove the tc filter");
	}
	if (r < 0 && r != -ENOENT)
		return r;
	drop_clsact(t);
	return 0;
}

static int tc_position(const struct hook_target *t, uint32_t prog_id, int *ret)
{
	_cleanup_(freep) struct tc_filter *filters = NULL;
	uint32_t pref = 0;
	int position = 0, r;
	size_t n;

	r = tcnl_filters(t->ifindex, t->direction, &filters, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const struct tc_filter *f = &filters[i];

		if (f->prog_id == prog_id && f->handle != 0) {
			*ret = position;
			return 0;
		}
		/* Another kind counts once a pref: its hash tables are filters of their own in
		 * the dump. */
		if (strcmp(f->kind, "bpf") == 0 ? f->handle != 0 : f->pref != pref)
			position++;
		pref = f->pref;
	}
	return -ENOENT;
}

const struct hook_ops hook_tc = {
	.name = "tc",
	.probe = tc_probe,
	.attach = tc_attach,
	.replace = tc_replace,
	.detach = tc_detach,
	.position = tc_position,
};
