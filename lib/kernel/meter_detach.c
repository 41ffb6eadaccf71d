// SPDX-License-Identifier: Apache-2.0
/*
 * Detach. A meter goes at once; its flows stay held while another meter keeps the table.
 * With the last meter the table goes too: a running agent is asked to export first, and
 * the folder is unlocked while it does; otherwise what is dropped is said.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/meter.h"
#include "kernel/meter_hook.h"
#include "kernel/meter_select.h"

/* Of 10 ms: five seconds. */
#define AGENT_TRIES 500

struct job {
	const struct netns *ns;		/* NULL: gone */
	struct table *table;
	struct link *links;
	size_t n_links;
	struct hook_id *hooks;
	size_t n_hooks;
	bool dry_run;
	bool gone_only;			/* leftovers */
	const char *const *names;
	size_t n_names;
	meter_change_fn fn;
	void *arg;
	uint64_t n_dropped;		/* flows that went with the table */
};

static void job_deinit(struct job *j)
{
	free(j->hooks);
	free(j->links);
	table_close(j->table);
}

static bool is_meant(const char *iface, bool loopback, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++) {
		if (meter_name_matches(names[i], iface, loopback))
			return true;
	}
	return n_names == 0;
}

/* Of one interface both directions; the ledger's pin stays as a past one while the table does. */
static int unhook(struct job *j, const struct hook_id *id, char iface[IFACE_NAME_MAX])
{
	_cleanup_(table_hook_close) struct table_hook hook = { .fd = -1 };
	const struct link *link = rtnl_find(j->links, j->n_links, id->ifindex);
	int r;

	r = table_hook_open(j->table, id->ifindex, id->direction, true, &hook);
	if (r < 0)
		return r;
	snprintf(iface, IFACE_NAME_MAX, "%s", link ? link->name : hook.info->ifname);
	if (j->dry_run)
		return 0;
	r = meter_unhook(link ? j->ns : NULL, j->table, &hook);
	return r < 0 ? r : meter_make_past(j->table, id->ifindex, id->direction);
}

static bool hook_is_meant(const struct job *j, const struct hook_id *id, const char *const *names,
			  size_t n_names)
{
	const struct link *link = rtnl_find(j->links, j->n_links, id->ifindex);
	_cleanup_(table_hook_close) struct table_hook hook = { .fd = -1 };

	if (link && !j->gone_only)
		return is_meant(link->name, link->loopback, names, n_names);
	if (table_hook_open(j->table, id->ifindex, id->direction, false, &hook) < 0)
		return n_names == 0;
	if (j->gone_only)
		return meter_is_left_over(j->ns, j->table, &hook);
	return is_meant(hook.info->ifname, false, names, n_names);
}

static int unhook_meant(struct job *j, size_t *n_left)
{
	const char *where = j->ns ? j->ns->name : j->table->ctl->netns_name;
	uint32_t told = 0;

	*n_left = 0;
	for (size_t i = 0; i < j->n_hooks; i++) {
		char iface[IFACE_NAME_MAX];
		int r;

		if (!hook_is_meant(j, &j->hooks[i], j->names, j->n_names)) {
			++*n_left;
			continue;
		}
		r = unhook(j, &j->hooks[i], iface);
		if (r < 0)
			return r;
		if (j->fn && told != j->hooks[i].ifindex)
			j->fn(&(struct meter_change) { where, iface, j->hooks[i].direction, true }, j->arg);
		told = j->hooks[i].ifindex;
	}
	return 0;
}

/* Names that exist but were not metered: unchanged. One that does not exist is an error. */
static int tell_unmetered(const struct job *j)
{
	_cleanup_(freep) bool *chosen = calloc(j->n_links + 1, sizeof(*chosen));
	int r;

	if (!chosen)
		return fail(-ENOMEM, "cannot choose interfaces");
	if (!j->ns || !j->n_names)
		return 0;
	for (size_t i = 0; i < j->n_names; i++) {
		const char *one[] = { j->names[i] };
		bool metered = false;

		for (size_t h = 0; h < j->n_hooks; h++)
			metered |= hook_is_meant(j, &j->hooks[h], one, 1);
		if (metered)
			continue;
		r = meter_select(j->links, j->n_links, one, 1, j->ns->name, chosen);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; j->fn && i < j->n_links; i++) {
		if (chosen[i])
			j->fn(&(struct meter_change) { j->ns->name, j->links[i].name, FLOW_INGRESS, false },
			      j->arg);
	}
	return 0;
}

/* A running agent takes what is left, with the folder unlocked. */
static void let_agent_export(struct job *j)
{
	int tries = AGENT_TRIES;

	if (!j->table->ctl->agent_pid || !pin_agent_alive())
		return;
	if (j->table->ctl->agent_pid == (uint32_t)getpid())
		return;
	__atomic_store_n(&j->table->ctl->closing, TABLE_CLOSING, __ATOMIC_RELEASE);
	pin_dir_unlock(&j->table->dir);
	while (__atomic_load_n(&j->table->ctl->closing, __ATOMIC_ACQUIRE) == TABLE_CLOSING &&
	       pin_agent_alive() && meter_pause(&tries))
		;
}

static int remove_table(struct job *j)
{
	_cleanup_(snapshot_deinit) struct snapshot s = { 0 };
	int r = 0;

	let_agent_export(j);
	if (!j->table->dir.locked)
		r = pin_dir_lock(&j->table->dir);
	if (r == 0)
		r = snapshot_count(j->table, &s);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	j->n_dropped = s.n;
	return pin_dir_remove(&j->table->dir);
}

static int job_open(struct job *j, uint64_t cookie)
{
	int r;

	r = j->ns ? rtnl_links(j->ns->fd, &j->links, &j->n_links) : 0;
	if (r == 0)
		r = meter_open_locked(cookie, &j->table);
	return r < 0 ? r : pin_hooks(&j->table->dir, &j->hooks, &j->n_hooks);
}

static int job_run(struct job *j, uint64_t cookie)
{
	size_t left = 0;
	int r;

	r = job_open(j, cookie);
	if (r == 0)
		r = tell_unmetered(j);
	if (r == 0)
		r = unhook_meant(j, &left);
	if (r < 0 || left || j->dry_run)
		return r;
	return remove_table(j);
}

int meter_detach(const struct netns *ns, uint64_t cookie, const char *const *names, size_t n_names,
		 bool dry_run, meter_change_fn fn, void *arg, uint64_t *ret_dropped)
{
	_cleanup_(job_deinit) struct job j = {
		.ns = ns, .names = names, .n_names = n_names, .dry_run = dry_run, .fn = fn, .arg = arg,
	};
	int r = job_run(&j, cookie);

	if (r == 0 && ret_dropped)
		*ret_dropped = j.n_dropped;
	return r;
}

int meter_count_gone(const struct netns *ns, const struct table *t, size_t *ret_n, size_t *ret_gone)
{
	_cleanup_(freep) struct hook_id *hooks = NULL;
	size_t n = 0, gone = 0;
	int r;

	r = pin_hooks(&t->dir, &hooks, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		_cleanup_(table_hook_close) struct table_hook hook = { .fd = -1 };

		if (table_hook_open(t, hooks[i].ifindex, hooks[i].direction, false, &hook) == 0)
			gone += meter_is_left_over(ns, t, &hook);
	}
	*ret_n = n;
	*ret_gone = gone;
	return 0;
}

int meter_detach_gone(const struct netns *ns, uint64_t cookie)
{
	_cleanup_(job_deinit) struct job j = { .ns = ns, .gone_only = true };

	return job_run(&j, cookie);
}
