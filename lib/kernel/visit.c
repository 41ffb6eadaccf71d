// SPDX-License-Identifier: Apache-2.0
/*
 * Whose meter it is is known by meter_attach() itself, which says what it changed, below the
 * folder's lock. Those that were there before are not given to it at all: it would apply our
 * options to them.
 */
#include "kernel/visit.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/meter_hook.h"
#include "kernel/meter_select.h"
#include "kernel/rtnl.h"

static bool hook_pinned(const struct visit *v, uint32_t ifindex, uint8_t direction)
{
	char path[512];

	return access(pin_hook_path(&v->table->dir, "hook", ifindex, direction, path), F_OK) == 0;
}

static int choose(struct visit *v, const char *const *names, size_t n_names)
{
	_cleanup_(freep) struct link *links = NULL;
	_cleanup_(freep) bool *chosen = NULL;
	size_t n = 0;
	int r;

	r = rtnl_links(v->ns.fd, &links, &n);
	if (r < 0)
		return r;
	chosen = calloc(n + 1, sizeof(*chosen));
	v->ifaces = calloc(n + 1, sizeof(*v->ifaces));
	if (!chosen || !v->ifaces)
		return fail(-ENOMEM, "cannot choose interfaces");
	r = meter_select(links, n, names, n_names, v->ns.name, chosen);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct visit_iface *iface = &v->ifaces[v->n_ifaces];

		if (!chosen[i])
			continue;
		iface->ifindex = links[i].ifindex;
		iface->loopback = links[i].loopback;
		memcpy(iface->name, links[i].name, sizeof(iface->name));
		v->n_ifaces++;
	}
	return r;
}

/* Is there a meter, and does it run? One that vanished is attach's to repair. */
static int look_at_hook(struct visit *v, struct visit_iface *iface, uint8_t direction)
{
	_cleanup_(table_hook_close) struct table_hook hook = { .fd = -1 };
	int r, position;

	r = table_hook_open(v->table, iface->ifindex, direction, false, &hook);
	if (r == 0)
		r = meter_position(&v->ns, v->table, &hook, &position);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	iface->had[direction] = true;
	iface->no_tcp |= !hook.info->tcp_metrics;
	return 0;
}

static int look_at_meters(struct visit *v)
{
	int r;

	r = table_open(v->ns.cookie, true, &v->table);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; r == 0 && i < v->n_ifaces; i++) {
		r = look_at_hook(v, &v->ifaces[i], FLOW_INGRESS);
		if (r == 0)
			r = look_at_hook(v, &v->ifaces[i], FLOW_EGRESS);
	}
	return r;
}

static void note_attached(const struct meter_change *change, void *arg)
{
	struct visit *v = arg;

	for (size_t i = 0; i < v->n_ifaces; i++) {
		if (strcmp(v->ifaces[i].name, change->iface) == 0)
			v->ifaces[i].ours |= change->changed;
	}
}

static int attach_missing(struct visit *v, const struct meter_options *wanted, char **ret_warning)
{
	_cleanup_(freep) const char **names = calloc(v->n_ifaces + 1, sizeof(*names));
	struct meter_options options = *wanted;
	size_t n = 0;

	if (!names)
		return fail(-ENOMEM, "cannot attach meters");
	options.guest = true;
	for (size_t i = 0; i < v->n_ifaces; i++) {
		if (!v->ifaces[i].had[FLOW_INGRESS] && !v->ifaces[i].had[FLOW_EGRESS])
			names[n++] = v->ifaces[i].name;
	}
	if (n == 0)
		return 0;
	return meter_attach(&v->ns, names, n, &options, note_attached, v, NULL, ret_warning);
}

/* What others were killed over. Only where nobody else looks: who is alive may use it. */
static int clear_abandoned(const struct netns *ns)
{
	struct table *t;
	size_t n, left = 0;
	int r;

	r = table_open(ns->cookie, false, &t);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = meter_count_gone(ns, t, &n, &left);
	table_close(t);
	if (r < 0 || !left)
		return r;
	r = meter_detach_gone(ns, ns->cookie);
	return r == -ENOENT ? 0 : r;
}

/* From before the first attach on, or our own meters would look like those of a dead one. */
static int tell_visit(struct visit *v)
{
	int r = pin_dir_open(v->ns.cookie, true, &v->dir);

	return r < 0 ? r : pin_dir_sign(&v->dir, PIN_SIGN_VISITOR);
}

static int open_table(struct visit *v)
{
	int r = v->table ? 0 : table_open(v->ns.cookie, true, &v->table);

	/* The folder may be another one now, if all meters were detached meanwhile. */
	return r < 0 ? r : pin_dir_sign(&v->table->dir, PIN_SIGN_VISITOR);
}

static int fill(struct visit *v, const char *const *names, size_t n_names,
		const struct meter_options *options, char **ret_warning)
{
	int r;

	r = choose(v, names, n_names);
	if (r == 0)
		r = clear_abandoned(&v->ns);
	if (r == 0)
		r = tell_visit(v);
	if (r == 0)
		r = look_at_meters(v);
	if (r == 0)
		r = attach_missing(v, options, ret_warning);
	if (r == 0)
		r = open_table(v);
	if (r == -ENOENT && !error_message()[0])
		return fail_plain(r, "the meters of '%s' were just detached", v->ns.name);
	return r;
}

int visit_open(struct netns *ns, const char *const *names, size_t n_names,
	       const struct meter_options *options, struct visit **ret, char **ret_warning)
{
	struct visit *v = calloc(1, sizeof(*v));
	int r;

	if (!v) {
		netns_close(ns);
		return fail(-ENOMEM, "cannot look at meters");
	}
	v->ns = *ns;
	v->dir.fd = -1;
	ns->fd = -1;
	r = fill(v, names, n_names, options, ret_warning);
	if (r < 0) {
		visit_close(v);
		return r;
	}
	*ret = v;
	return 0;
}

/* Whoever attached it meanwhile, too, wants it to stay. */
static bool still_ours(const struct visit *v, const struct visit_iface *iface)
{
	bool guest = !v->table && iface->ours;

	for (uint8_t direction = 0; v->table && iface->ours && direction < 2; direction++) {
		_cleanup_(table_hook_close) struct table_hook hook = { .fd = -1 };

		if (table_hook_open(v->table, iface->ifindex, direction, false, &hook) == 0)
			guest |= hook.info->guest;
	}
	return guest;
}

static const char *name_now(const struct link *links, size_t n, const struct visit_iface *iface)
{
	const struct link *link = rtnl_find(links, n, iface->ifindex);

	return link ? link->name : iface->name;	/* gone: its meter knows it by that */
}

static int detach_ours(struct visit *v)
{
	_cleanup_(freep) const char **names = calloc(v->n_ifaces + 1, sizeof(*names));
	_cleanup_(freep) struct link *links = NULL;
	size_t n = 0, n_links = 0;
	int r;

	if (!names)
		return fail(-ENOMEM, "cannot detach meters");
	r = rtnl_links(v->ns.fd, &links, &n_links);
	for (size_t i = 0; r == 0 && i < v->n_ifaces; i++) {
		if (still_ours(v, &v->ifaces[i]))
			names[n++] = name_now(links, n_links, &v->ifaces[i]);
	}
	if (r < 0 || n == 0)
		return r;
	r = meter_detach(&v->ns, v->ns.cookie, names, n, false, NULL, NULL, NULL);
	return r == -ENOENT ? 0 : r;
}

int visit_close(struct visit *v)
{
	int r;

	if (!v)
		return 0;
	r = detach_ours(v);
	table_close(v->table);
	if (v->dir.fd >= 0)
		pin_dir_remove_empty(&v->dir);
	pin_dir_close(&v->dir);
	netns_close(&v->ns);
	free(v->ifaces);
	free(v);
	return r;
}

const struct visit_iface *visit_find(const struct visit *v, uint32_t ifindex)
{
	for (size_t i = 0; i < v->n_ifaces; i++) {
		if (v->ifaces[i].ifindex == ifindex)
			return &v->ifaces[i];
	}
	return NULL;
}

/* Those that are looked at: what was there at the beginning, or both directions of ours. */
static bool meters_stand(const struct visit *v, const struct visit_iface *iface)
{
	for (uint8_t direction = 0; direction < 2; direction++) {
		if ((iface->ours || iface->had[direction]) &&
		    !hook_pinned(v, iface->ifindex, direction))
			return false;
	}
	return true;
}

int visit_check(const struct visit *v)
{
	_cleanup_(netns_leave) struct netns_scope scope = NETNS_SCOPE_NULL;
	uint32_t closing = __atomic_load_n(&v->table->ctl->closing, __ATOMIC_ACQUIRE);
	char name[IF_NAMESIZE];
	struct stat st;
	int r;

	if (closing == TABLE_MOVED)
		return fail_plain(-ESTALE, "the meters of '%s' were attached anew", v->ns.name);
	if (closing != TABLE_OPEN || fstat(v->table->dir.fd, &st) < 0 || st.st_nlink == 0)
		return fail_plain(-ESTALE, "the meters of '%s' were detached", v->ns.name);
	if (netns_is_deleted(&v->ns))
		return fail_plain(-ENOENT, "network namespace '%s' is gone", v->ns.name);
	r = netns_enter(&scope, v->ns.fd);
	for (size_t i = 0; r == 0 && i < v->n_ifaces; i++) {
		const struct visit_iface *iface = &v->ifaces[i];

		if (!if_indextoname(iface->ifindex, name))
			r = fail_plain(-ENODEV, "interface '%s' is gone", iface->name);
		else if (!meters_stand(v, iface))
			r = fail_plain(-ESTALE, "the meter of '%s' was detached", iface->name);
	}
	return r;
}
