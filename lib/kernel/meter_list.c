// SPDX-License-Identifier: Apache-2.0
/*
 * What is metered, and what is left over: a meter whose interface or namespace vanished
 * has pins still, and one that a killed command had for itself runs on. list shows them once, and
 * clear removes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "flow/forwarded.h"
#include "kernel/forward.h"
#include "kernel/meter.h"
#include "kernel/meter_hook.h"
#include "kernel/rtnl.h"
#include "kernel/table_outer.h"

DEFINE_CLEANUP(struct table, table_close)

#define LOOK_TRIES 4

struct list {
	struct meter_status *v;
	size_t n;
	bool with_past;		/* ledgers of meters that were taken off, too */
};

/* What is read once of a table, and told of each of its hooks. */
struct seen {
	struct snapshot flows;
	struct forward_way *ways;	/* NULL: never measured */
	size_t n_ways;
	struct forward_stats forward;
};

/* What a table has ledgers of; the first `n_hooks` are meters. */
struct places {
	struct hook_id *v;
	size_t n_hooks, n;
};

static void add(struct ledger_count *sum, uint64_t packets, uint64_t bytes)
{
	sum->packets += packets;
	sum->bytes += bytes;
}

static void fill_ledger(struct meter_ledger *l, const struct table *t, const struct table_hook *h,
			const struct snapshot *s)
{
	for (int reason = 0; reason < LEDGER_REASONS; reason++)
		l->by[reason] = table_hook_sum(t, h, reason);
	l->aged = table_aged(t, h->ifindex, h->direction);
	for (int result = 0; result < DECAP_RESULTS; result++)
		l->decap[result] = table_hook_decap(t, h, result);
	for (size_t i = 0; i < s->n; i++) {
		if (meter_flow_is_of(&s->flows[i].key, h->ifindex, h->direction))
			add(&l->held, s->flows[i].part.packets, s->flows[i].part.bytes);
	}
}

static void fill_unmetered(struct meter_status *st)
{
	const struct ledger_count parts[] = {
		st->ledger.by[LEDGER_FULL], st->ledger.by[LEDGER_UNPARSED], st->ledger.aged,
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		st->unmetered_packets += parts[i].packets;
		st->unmetered_bytes += parts[i].bytes;
	}
}

static void fill_forward(struct meter_status *st, const struct seen *seen)
{
	bool ingress = st->direction == FLOW_INGRESS;

	st->forward_stats = seen->forward;
	for (size_t i = 0; i < seen->n_ways; i++) {
		const struct forward_pair *pair = &seen->ways[i].pair;

		if ((ingress ? pair->ingress : pair->egress) == st->ifindex)
			forwarded_add(&st->forwarded, &seen->ways[i].latency);
	}
}

static const char *name_now(const struct link *links, size_t n, const struct table_hook *h)
{
	const struct link *link = rtnl_find(links, n, h->ifindex);

	return link ? link->name : h->info->ifname;
}

static void fill(struct meter_status *st, const struct netns *ns, const struct table *t,
		 const struct table_hook *h, const struct seen *seen)
{
	struct table_geometry g;

	table_geometry_of(t->ctl, &g);
	st->cookie = t->dir.cookie;
	st->ifindex = h->ifindex;
	st->direction = h->direction;
	st->hook = h->info->kind;
	st->prog_id = h->info->prog_id;
	st->sample = h->info->sample;
	st->forward = h->info->forward;
	st->tcp_metrics = h->info->tcp_metrics;
	st->decap = meter_decap_of(h->info);
	st->max_flows = t->ctl->max_flows;
	st->max_connections = t->ctl->max_connections;
	table_tcp_stats(t, &st->tcp);
	st->flows = meter_count_flows(&seen->flows, h->ifindex, h->direction);
	fill_ledger(&st->ledger, t, h, &seen->flows);
	fill_forward(st, seen);
	fill_unmetered(st);
	st->packets = st->ledger.by[LEDGER_SEEN].packets;
	st->bytes = st->ledger.by[LEDGER_SEEN].bytes;
	st->attached_ns = h->info->attached_ns;
	st->memory_bytes = g.memory_bytes + table_outers_bytes(t);
	st->agent_pid = pin_agent_alive() ? t->ctl->agent_pid : 0;
	snprintf(st->netns, sizeof(st->netns), "%s", ns ? ns->name : t->ctl->netns_name);
	snprintf(st->version, sizeof(st->version), "%s", h->info->version);
	if (ns) {
		st->domain = netns_domain(ns);
	} else {
		struct netns gone = { .fd = -1 };

		snprintf(gone.name, sizeof(gone.name), "%s", st->netns);
		st->domain = netns_domain(&gone);
	}
}

static void fill_place(struct meter_status *st, const struct netns *ns, const struct table *t,
		       const struct table_hook *h)
{
	if (meter_position(ns, t, h, &st->position) < 0) {
		st->position = -1;
		st->gone = true;
	} else if (ns && st->hook == HOOK_XDP) {
		meter_xdp_mode(ns, t, h, &st->xdp_mode);
	}
	st->abandoned = meter_is_abandoned(t, h);
	error_clear();
}

static int add_hook(struct list *l, const struct netns *ns, const struct table *t,
		    const struct hook_id *id, bool past, const struct seen *seen)
{
	_cleanup_(table_hook_close) struct table_hook h = { .fd = -1 };
	_cleanup_(freep) struct link *links = NULL;
	struct meter_status *grown, st = { 0 };
	size_t n_links = 0;
	int r;

	r = past ? table_hook_open_past(t, id->ifindex, id->direction, &h) :
	    table_hook_open(t, id->ifindex, id->direction, false, &h);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = ns ? rtnl_links(ns->fd, &links, &n_links) : 0;
	if (r < 0)
		return r;
	fill(&st, ns, t, &h, seen);
	snprintf(st.iface, sizeof(st.iface), "%s", name_now(links, n_links, &h));
	st.taken_off = past;
	st.position = -1;
	if (!past)
		fill_place(&st, ns, t, &h);
	grown = reallocarray(l->v, l->n + 1, sizeof(*grown));
	if (!grown)
		return fail(-ENOMEM, "cannot list the meters");
	l->v = grown;
	l->v[l->n++] = st;
	return 0;
}

static void seen_deinit(struct seen *seen)
{
	snapshot_deinit(&seen->flows);
	free(seen->ways);
}

static int look(struct table *t, struct seen *ret)
{
	int r = snapshot_read(t, &ret->flows);

	if (r < 0)
		return r;
	r = forward_read(t, &ret->ways, &ret->n_ways, &ret->forward);
	return r == -ENOENT ? 0 : r;
}

static int add_hooks(struct list *l, const struct netns *ns, struct table *t,
		     const struct places *places)
{
	_cleanup_(seen_deinit) struct seen seen = { 0 };
	int r = look(t, &seen);

	for (size_t i = 0; r == 0 && i < places->n; i++)
		r = add_hook(l, ns, t, &places->v[i], i >= places->n_hooks, &seen);
	return r;
}

static bool has_gone(const struct list *l, size_t from)
{
	for (size_t i = from; i < l->n; i++) {
		if (l->v[i].gone)
			return true;
	}
	return false;
}

/*
 * What is held and what has left are read one after the other: a flow that leaves in between
 * would be in both. So until no writer was there meanwhile, and at last with writers locked out.
 * So is a hook that has gone: while one is attached or detached, it looks like that.
 */
static int add_hooks_settled(struct list *l, const struct netns *ns, struct table *t,
			     const struct places *places)
{
	size_t before = l->n;
	uint64_t seq;
	int r;

	for (int tries = 0; tries < LOOK_TRIES; tries++) {
		seq = __atomic_load_n(&t->ctl->commit_seq, __ATOMIC_ACQUIRE);
		l->n = before;
		r = add_hooks(l, ns, t, places);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (r < 0)
			return r;
		if (has_gone(l, before))
			break;
		if (__atomic_load_n(&t->ctl->commit_seq, __ATOMIC_RELAXED) == seq)
			return 0;
	}
	l->n = before;
	r = pin_dir_lock(&t->dir);
	if (r < 0)
		return r;
	r = add_hooks(l, ns, t, places);
	pin_dir_unlock(&t->dir);
	return r;
}

static void places_deinit(struct places *p)
{
	free(p->v);
}

static int places_of(const struct table *t, bool with_past, struct places *ret)
{
	_cleanup_(freep) struct hook_id *past = NULL;
	struct hook_id *grown;
	size_t n = 0;
	int r;

	r = pin_hooks(&t->dir, &ret->v, &ret->n_hooks);
	if (r == 0 && with_past)
		r = pin_hooks_of(&t->dir, "past", &past, &n);
	if (r < 0)
		return r;
	ret->n = ret->n_hooks;
	if (!n)
		return 0;
	grown = reallocarray(ret->v, ret->n + n, sizeof(*grown));
	if (!grown)
		return fail(-ENOMEM, "cannot list the meters");
	memcpy(grown + ret->n, past, n * sizeof(*past));
	ret->v = grown;
	ret->n += n;
	return 0;
}

static int add_table(struct list *l, const struct netns *ns, uint64_t cookie)
{
	_cleanup_(table_closep) struct table *t = NULL;
	_cleanup_(places_deinit) struct places places = { 0 };
	int r;

	r = table_open(cookie, false, &t);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = places_of(t, l->with_past, &places);
	if (r == 0)
		r = add_hooks_settled(l, ns, t, &places);
	return r == -ENOENT ? 0 : r;	/* its last meter went meanwhile */
}

static int list_all(uint64_t cookie, bool with_past, struct meter_status **ret, size_t *ret_n)
{
	_cleanup_(freep) uint64_t *cookies = NULL;
	struct netns *list = NULL;
	size_t n = 0, n_list = 0;
	struct list l = { .with_past = with_past };
	int r;

	r = pin_dirs(&cookies, &n);
	if (r == 0)
		r = netns_list(&list, &n_list);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!cookie || cookie == cookies[i])
			r = add_table(&l, netns_find(list, n_list, cookies[i]), cookies[i]);
	}
	netns_list_free(list, n_list);
	if (r < 0) {
		free(l.v);
		return r;
	}
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

int meter_list(uint64_t cookie, struct meter_status **ret, size_t *ret_n)
{
	return list_all(cookie, false, ret, ret_n);
}

int meter_list_ledgers(uint64_t cookie, struct meter_status **ret, size_t *ret_n)
{
	return list_all(cookie, true, ret, ret_n);
}

/* A table whose last meter vanished goes, unless an agent is still to export what it holds. */
static int clear_table(const struct netns *ns, uint64_t cookie, size_t *cleared)
{
	_cleanup_(freep) struct meter_status *v = NULL;
	size_t n = 0, gone = 0, held = 0;
	int r;

	r = meter_list(cookie, &v, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		gone += v[i].gone || v[i].abandoned;
		held += v[i].agent_pid ? v[i].flows : 0;
	}
	if (!gone || (gone == n && held))
		return 0;
	r = meter_detach_gone(ns, cookie);
	if (r == 0)
		*cleared += gone;
	return r == -ENOENT ? 0 : r;
}

int meter_clear_leftovers(size_t *ret_n)
{
	_cleanup_(freep) uint64_t *cookies = NULL;
	struct netns *list = NULL;
	size_t n = 0, n_list = 0, cleared = 0;
	int r;

	r = pin_dirs(&cookies, &n);
	if (r == 0)
		r = netns_list(&list, &n_list);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = clear_table(netns_find(list, n_list, cookies[i]), cookies[i], &cleared);
	netns_list_free(list, n_list);
	if (r == 0)
		*ret_n = cleared;
	return r;
}
