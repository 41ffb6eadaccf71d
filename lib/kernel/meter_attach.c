// SPDX-License-Identifier: Apache-2.0
/*
 * Attach: plan every interface and direction, prepare all, commit all, below the folder's
 * lock. Whatever fails, everything before it is undone in reverse, the table included
 * if it was made here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/meter.h"
#include "kernel/meter_hook.h"
#include "kernel/meter_resize.h"
#include "kernel/meter_select.h"
#include "kernel/meter_step.h"
#include "kernel/meter_warn.h"

/* How long a detach may wait for an agent, and a little more. */
#define CLOSING_TRIES 700

struct job {
	const struct netns *ns;
	const struct meter_options *options;
	struct link *links;
	size_t n_links;
	bool *chosen;
	enum hook_kind auto_kind;
	struct table *table;		/* NULL: there is none (dry run) */
	struct table *old;		/* the one that table takes the place of */
	struct meter_table made;
	struct meter_step *steps;
	size_t n_steps;
};

static void job_deinit(struct job *j)
{
	for (size_t i = 0; i < j->n_steps; i++)
		meter_step_deinit(&j->steps[i]);
	free(j->steps);
	free(j->chosen);
	free(j->links);
	table_close(j->table);
	table_close(j->old);
}

static int job_select(struct job *j, const char *const *names, size_t n_names)
{
	int r;

	r = rtnl_links(j->ns->fd, &j->links, &j->n_links);
	if (r < 0)
		return r;
	j->chosen = calloc(j->n_links + 1, sizeof(bool));
	if (!j->chosen)
		return fail(-ENOMEM, "cannot choose interfaces");
	return meter_select(j->links, j->n_links, names, n_names, j->ns->name, j->chosen);
}

static int choose_kind(struct job *j)
{
	const struct hook_ops *ops = j->options->hook < 0 ? NULL : hook_by_kind(j->options->hook);

	if (ops && !ops->probe())
		return fail_system(-EOPNOTSUPP, "this kernel has no %s hook", ops->name);
	/* Also beside XDP, which has no egress. */
	j->auto_kind = hook_tcx.probe() ? HOOK_TCX : HOOK_TC;
	return 0;
}

/* A table whose last meter is being detached: wait until it has gone, or its closer has died. */
static int open_existing(struct job *j)
{
	int r, tries = CLOSING_TRIES;

	for (;;) {
		r = meter_open_locked(j->ns->cookie, &j->table);
		if (r < 0 || !j->table->ctl->closing)
			return r;
		if (!meter_pause(&tries))
			break;
		table_close(take_ptr(j->table));
	}
	if (!j->options->dry_run)
		j->table->ctl->closing = 0;
	return 0;
}

static int make_table(struct job *j)
{
	uint32_t max_flows = j->options->max_flows ? j->options->max_flows : TABLE_MAX_FLOWS_DEFAULT;
	_cleanup_(pin_dir_close) struct pin_dir dir = PIN_DIR_NULL;
	struct table_geometry g;
	int r, parts = libbpf_num_possible_cpus();

	if (parts < 0)
		return fail(parts, "cannot tell the number of CPUs");
	r = pin_dir_acquire(j->ns->cookie, true, &dir);
	if (r < 0)
		return r;
	table_geometry(max_flows, parts, j->options->spread, &g);
	if (j->options->tcp_metrics)
		table_geometry_tcp(&g, j->options->max_connections);
	r = table_create(&dir, &g, j->ns->inode, j->ns->name);
	if (r < 0) {
		pin_dir_remove(&dir);
		return r;
	}
	pin_dir_close(&dir);
	j->made = (struct meter_table){ true, g };
	return meter_open_locked(j->ns->cookie, &j->table);
}

/*
 * What is not asked for stays as it is: connections by default follow the number of flows. A guest
 * asks for a size only where there is no table.
 */
static void wanted_size(const struct meter_options *options, const struct table_ctl *ctl,
			struct table_geometry *ret)
{
	const struct meter_options guest = { .tcp_metrics = options->tcp_metrics };
	const struct meter_options *o = options->guest ? &guest : options;
	uint32_t connections = o->max_connections ? o->max_connections : ctl->max_connections;
	struct table_geometry now;

	table_geometry(ctl->max_flows, ctl->parts, ctl->spread, &now);
	table_geometry_tcp(&now, 0);
	if (!o->max_connections && ctl->max_connections == now.max_connections)
		connections = 0;
	table_geometry(o->max_flows ? o->max_flows : ctl->max_flows, ctl->parts,
		       o->spread ? o->spread : ctl->spread, ret);
	if (ctl->max_connections || o->max_connections || o->tcp_metrics > 0)
		table_geometry_tcp(ret, connections);
}

static int wrong_size(const struct job *j, const struct table_geometry *g)
{
	const struct table_ctl *ctl = j->table->ctl;
	const char *name = j->ns->name;

	error_hint("--force makes it another size, and loses no flow it holds");
	if (g->max_flows != ctl->max_flows)
		return fail_plain(-EEXIST, "the table of '%s' was made for %u flows, not %u", name,
				  ctl->max_flows, g->max_flows);
	if (g->spread != ctl->spread)
		return fail_plain(-EEXIST, "the table of '%s' was made for a spread over %u CPUs, not %u",
				  name, ctl->spread, g->spread);
	if (!ctl->max_connections)
		return fail_plain(-EEXIST, "the table of '%s' was made without TCP metrics", name);
	return fail_plain(-EEXIST, "the table of '%s' was made for %u connections, not %u", name,
			  ctl->max_connections, g->max_connections);
}

static int check_size(struct job *j)
{
	const struct table_ctl *ctl = j->table->ctl;
	struct table_geometry g;
	struct table *t;
	int r;

	wanted_size(j->options, ctl, &g);
	if (g.max_flows == ctl->max_flows && g.spread == ctl->spread &&
	    g.max_connections == ctl->max_connections)
		return 0;
	if (!j->options->force)
		return wrong_size(j, &g);
	if (j->options->dry_run)
		return 0;
	r = resize_begin(j->table, &g, &t);
	if (r < 0)
		return r;
	j->old = j->table;
	j->table = t;
	return 0;
}

/* Choose also the links of these hooks. */
static void choose_hooked(struct job *j, const struct hook_id *hooks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct link *link = rtnl_find(j->links, j->n_links, hooks[i].ifindex);

		if (link)
			j->chosen[link - j->links] = true;
	}
}

/* Maps of another layout and --force: take everything of that folder away. */
static int sweep(struct job *j)
{
	_cleanup_(pin_dir_close) struct pin_dir dir = PIN_DIR_NULL;
	_cleanup_(freep) struct hook_id *hooks = NULL;
	size_t n = 0;
	int r;

	r = pin_dir_acquire(j->ns->cookie, false, &dir);
	if (r == 0)
		r = pin_hooks(&dir, &hooks, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct hook_target target = {
			.dir = &dir, .ifindex = hooks[i].ifindex, .direction = hooks[i].direction,
		};

		r = meter_take_off(j->ns, &target);
	}
	if (r < 0)
		return r;
	choose_hooked(j, hooks, n);	/* what was metered is metered again */
	return pin_dir_remove(&dir);
}

static int job_open_table(struct job *j)
{
	int r = open_existing(j);

	if (r == -EPROTO && j->options->force && !j->options->dry_run) {
		error_clear();
		r = sweep(j);
		if (r == 0)
			r = -ENOENT;
	}
	if (r == -ENOENT)
		return j->options->dry_run ? 0 : make_table(j);
	return r < 0 ? r : check_size(j);
}

static int add_step(struct job *j, const struct link *link, uint8_t direction,
		    const struct meter_options *options)
{
	struct meter_step step = METER_STEP_NULL, *grown;

	grown = reallocarray(j->steps, j->n_steps + 1, sizeof(*grown));
	if (!grown)
		return fail(-ENOMEM, "cannot plan the meters");
	j->steps = grown;
	step.link = link;
	step.direction = direction;
	j->steps[j->n_steps] = step;
	return meter_step_plan(&j->steps[j->n_steps++], j->ns, j->table, options, j->auto_kind);
}

static bool is_planned(const struct job *j, const struct hook_id *id)
{
	for (size_t i = 0; i < j->n_steps; i++) {
		if (j->steps[i].link->ifindex == id->ifindex &&
		    j->steps[i].direction == id->direction)
			return true;
	}
	return false;
}

/* Into another table go all programs of the namespace,
 * those not meant with the options they have. */
static int plan_others(struct job *j)
{
	_cleanup_(freep) struct hook_id *hooks = NULL;
	size_t n = 0;
	int r;

	r = pin_hooks(&j->table->dir, &hooks, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct meter_options same = { .hook = -1, .force = true };
		struct tunnel_choice decap;
		const struct link *link;
		_cleanup_(table_hook_close) struct table_hook hook = { .fd = -1 };

		if (is_planned(j, &hooks[i]))
			continue;
		r = table_hook_open(j->table, hooks[i].ifindex, hooks[i].direction, false, &hook);
		if (r == 0) {
			same.sample = hook.info->sample;
			same.forward = hook.info->forward;
			same.tcp_metrics = hook.info->tcp_metrics;
			same.guest = hook.info->guest;
			decap = meter_decap_of(hook.info);
			same.decap = &decap;
		}
		link = rtnl_find(j->links, j->n_links, hooks[i].ifindex);
		if (r == 0 && link)
			r = add_step(j, link, hooks[i].direction, &same);
	}
	return r;
}

static int job_plan(struct job *j)
{
	int r = 0;

	for (size_t i = 0; i < j->n_links && r == 0; i++) {
		if (!j->chosen[i])
			continue;
		if (j->options->ingress)
			r = add_step(j, &j->links[i], FLOW_INGRESS, j->options);
		if (r == 0 && j->options->egress)
			r = add_step(j, &j->links[i], FLOW_EGRESS, j->options);
	}
	return r == 0 && j->old ? plan_others(j) : r;
}

static int job_commit(struct job *j)
{
	int r = 0;

	for (size_t i = 0; i < j->n_steps && r == 0; i++)
		r = meter_step_prepare(&j->steps[i], j->ns, j->table);
	for (size_t i = 0; i < j->n_steps && r == 0; i++)
		r = meter_step_commit(&j->steps[i], j->ns, j->table);
	return r == 0 && j->old ? resize_finish(j->old, j->table) : r;
}

static void job_undo(struct job *j)
{
	for (size_t i = j->n_steps; i-- > 0;)
		meter_step_undo(&j->steps[i], j->ns, j->table);
	if (j->old)
		resize_undo(j->old, j->table);
	else if (j->made.made)
		pin_dir_remove(&j->table->dir);
}

static void job_tell(const struct job *j, meter_change_fn fn, void *arg)
{
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct meter_change change = {
			.netns = j->ns->name,
			.iface = j->steps[i].link->name,
			.direction = j->steps[i].direction,
			.changed = j->steps[i].action != STEP_KEEP,
		};

		fn(&change, arg);
	}
}

/* Of stacked links: among all that is metered now, whenever it was attached. */
static char *job_warning(struct job *j)
{
	_cleanup_(freep) struct hook_id *hooks = NULL;
	struct strbuf out = STRBUF_NULL;
	size_t n = 0;

	if (j->table && pin_hooks(&j->table->dir, &hooks, &n) == 0)
		choose_hooked(j, hooks, n);
	meter_warn_xdp(j->steps, j->n_steps, &out);
	meter_warn_stacked(j->links, j->n_links, j->chosen, &out);
	return out.data;
}

static int job_run(struct job *j)
{
	int r = job_open_table(j);

	if (r == 0)
		r = job_plan(j);
	if (r == 0 && !j->options->dry_run)
		r = job_commit(j);
	if (r < 0 && j->table && !j->options->dry_run)
		job_undo(j);
	return r;
}

int meter_attach(const struct netns *ns, const char *const *names, size_t n_names,
		 const struct meter_options *options, meter_change_fn fn, void *arg,
		 struct meter_table *ret_table, char **ret_warning)
{
	_cleanup_(job_deinit) struct job j = { .ns = ns, .options = options };
	int r;

	r = job_select(&j, names, n_names);
	if (r == 0)
		r = choose_kind(&j);
	if (r == 0)
		r = job_run(&j);
	if (r < 0)
		return r;
	if (fn)
		job_tell(&j, fn, arg);
	if (ret_table)
		*ret_table = j.made;
	if (ret_warning)
		*ret_warning = job_warning(&j);
	return 0;
}
