// SPDX-License-Identifier: Apache-2.0
/* One hook's pins; see the header. */
#include "kernel/meter_hook.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/hook_link.h"

struct hook_target meter_target(const struct table *t, const struct table_hook *h)
{
	return (struct hook_target){
		.dir = &t->dir,
		.ifindex = h->ifindex,
		.direction = h->direction,
		.pref = h->info->tc_pref,
		.handle = h->info->tc_handle,
		.made_clsact = h->info->made_clsact,
	};
}

int meter_position(const struct netns *ns, const struct table *t, const struct table_hook *h,
		   int *ret)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	const struct hook_ops *ops = hook_by_kind(h->info->kind);
	struct hook_target target = meter_target(t, h);
	int r;

	if (!ops || h->info->prog_id == 0)
		return -ENOENT;
	/* Nobody can name the namespace; an open descriptor may keep it all the same. */
	if (!ns) {
		*ret = -1;
		return ops->attached && ops->attached(&target) ? 0 : -ENOENT;
	}
	r = netns_enter(&scope, ns->fd);
	return r < 0 ? r : ops->position(&target, h->info->prog_id, ret);
}

bool meter_is_abandoned(const struct table *t, const struct table_hook *h)
{
	return h->info->guest && !pin_dir_has_sign(&t->dir, PIN_SIGN_VISITOR);
}

bool meter_is_left_over(const struct netns *ns, const struct table *t, const struct table_hook *h)
{
	int position;

	return meter_is_abandoned(t, h) || meter_position(ns, t, h, &position) == -ENOENT;
}

int meter_xdp_mode(const struct netns *ns, const struct table *t, const struct table_hook *h,
		   enum xdp_mode *ret)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	struct hook_target target = meter_target(t, h);
	int r = netns_enter(&scope, ns->fd);

	return r < 0 ? r : hook_xdp_mode(&target, h->info->prog_id, ret);
}

static int unlink_pin(const struct hook_target *target, const char *what)
{
	char path[512];

	pin_hook_path(target->dir, what, target->ifindex, target->direction, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return fail(-errno, "cannot remove '%s'", path);
	return 0;
}

int meter_take_off(const struct netns *ns, struct hook_target *target)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	int r;

	r = ns ? netns_enter(&scope, ns->fd) : 0;
	if (r == 0)
		r = hook_link_detach(target);
	/* tc objects went with their namespace; a link's pin did not. */
	return r == 0 && ns ? hook_tc.detach(target) : r;
}

int meter_unhook(const struct netns *ns, const struct table *t, struct table_hook *h)
{
	struct hook_target target = meter_target(t, h);
	int r;

	if (target.direction == FLOW_INGRESS)
		table_tcp_ingress(t, target.ifindex, false);
	r = meter_take_off(ns, &target);
	if (r == 0)
		r = unlink_pin(&target, "prog");
	if (r == 0)
		r = unlink_pin(&target, "next");
	if (r < 0)
		return r;
	h->info->prog_id = 0;
	h->info->made_clsact = 0;
	h->info->tcp_metrics = 0;
	return 0;
}

static int rename_pin(const struct table *t, uint32_t ifindex, uint8_t direction, const char *from,
		      const char *to)
{
	char a[512], b[512];

	pin_hook_path(&t->dir, from, ifindex, direction, a);
	pin_hook_path(&t->dir, to, ifindex, direction, b);
	if (rename(a, b) == 0)
		return 0;
	return errno == ENOENT ? -ENOENT : fail(-errno, "cannot rename '%s'", a);
}

int meter_make_past(const struct table *t, uint32_t ifindex, uint8_t direction)
{
	return rename_pin(t, ifindex, direction, "hook", "past");
}

int meter_from_past(const struct table *t, uint32_t ifindex, uint8_t direction)
{
	return rename_pin(t, ifindex, direction, "past", "hook");
}

struct tunnel_choice meter_decap_of(const struct hook_info *info)
{
	return (struct tunnel_choice) {
		.decap = info->decap,
		.geneve_port = info->geneve_port,
		.vxlan_port = info->vxlan_port,
	};
}

bool meter_flow_is_of(const struct flow_key *key, uint32_t ifindex, uint8_t direction)
{
	return key->direction == direction &&
	       ifindex == (direction == FLOW_INGRESS ? key->ingress_ifindex : key->egress_ifindex);
}

uint64_t meter_count_flows(const struct snapshot *s, uint32_t ifindex, uint8_t direction)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += meter_flow_is_of(&s->flows[i].key, ifindex, direction);
	return n;
}

int meter_open_locked(uint64_t cookie, struct table **ret)
{
	_cleanup_(pin_dir_close) struct pin_dir dir = PIN_DIR_NULL;
	struct table *t;
	int r;

	r = pin_dir_acquire(cookie, false, &dir);
	if (r == 0)
		r = table_open_in(&dir, true, &t);
	if (r < 0)
		return r;
	t->dir = dir;
	dir.fd = -1;
	*ret = t;
	return 0;
}

bool meter_pause(int *tries)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	if ((*tries)-- <= 0)
		return false;
	nanosleep(&pause, NULL);
	return true;
}
