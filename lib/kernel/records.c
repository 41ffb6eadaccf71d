// SPDX-License-Identifier: Apache-2.0
/* See records.h. Names are looked up once a reading, not once a record. */
#include "kernel/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "flow/once.h"
#include "kernel/extra.h"
#include "kernel/health.h"
#include "kernel/health_order.h"
#include "kernel/store.h"

#define READ_TRIES 3
/* So many flows before one is looked at, its connection is asked for; its place twice as many. */
#define AHEAD 8

const struct link *record_names_link(const struct record_names *names, uint32_t ifindex)
{
	return rtnl_find(names->links, names->n_links, ifindex);
}

/* An interface that is gone is still known by its meter: its flows keep their name. */
static int add_gone_links(struct record_names *names, const struct table *t)
{
	size_t known = names->n_links, n = known;
	struct link *grown = reallocarray(names->links, n + names->n_hooks + 1, sizeof(*grown));

	if (!grown)
		return fail(-ENOMEM, "cannot name the interfaces");
	names->links = grown;
	for (size_t i = 0; i < names->n_hooks; i++) {
		const struct hook_id *id = &names->hooks[i];
		struct table_hook h;

		names->n_links = known;
		if (record_names_link(names, id->ifindex) ||
		    (n > known && grown[n - 1].ifindex == id->ifindex) ||
		    table_hook_open(t, id->ifindex, id->direction, false, &h) < 0)
			continue;
		grown[n] = (struct link) { .ifindex = id->ifindex };
		snprintf(grown[n++].name, IFACE_NAME_MAX, "%.*s", IFACE_NAME_MAX - 1,
			 h.info->ifname);
		table_hook_close(&h);
	}
	names->n_links = n;
	rtnl_sort(grown, n);
	return 0;
}

int record_names_init(struct record_names *names, const struct table *t, const struct netns *ns)
{
	struct record_names n = { 0 };
	int r;

	if (ns) {
		snprintf(n.netns, sizeof(n.netns), "%s", ns->name);
		n.domain = netns_domain(ns);
		r = rtnl_links(ns->fd, &n.links, &n.n_links);
	} else {
		struct netns gone = { .cookie = t->ctl->netns_cookie, .inode = t->ctl->netns_inode, .fd = -1 };

		snprintf(gone.name, sizeof(gone.name), "%.*s", (int)sizeof(gone.name) - 1,
			 t->ctl->netns_name);
		snprintf(n.netns, sizeof(n.netns), "%s", gone.name);
		n.domain = netns_domain(&gone);
		r = 0;
	}
	if (r == 0)
		r = pin_hooks(&t->dir, &n.hooks, &n.n_hooks);
	if (r == 0)
		r = add_gone_links(&n, t);
	if (r < 0) {
		record_names_deinit(&n);
		return r;
	}
	for (size_t i = 0; i < n.n_links; i++) {
		if (n.links[i].loopback)
			n.loopback = n.links[i].ifindex;
	}
	n.cookie = t->dir.cookie;
	*names = n;
	return 0;
}

void record_names_deinit(struct record_names *names)
{
	free(names->links);
	free(names->hooks);
	*names = (struct record_names) { 0 };
}

void record_context_init(struct record_context *ctx, const struct record_names *names,
			 uint32_t domain)
{
	*ctx = (struct record_context) {
		.names = names,
		.real_offset_ns = clock_real_offset_ns(),
		.domain = domain ? domain : names->domain,
	};
}

void record_from_part(const struct flow_key *key, const struct flow_part *part,
		      const struct record_context *ctx, struct record *ret)
{
	struct ledger_count total = part_total(part);
	uint32_t ifindex = key_ifindex(key);
	const struct link *link = record_names_link(ctx->names, ifindex);

	*ret = (struct record) {
		.key = *key,
		.packets = part->packets,
		.bytes = part->bytes,
		.first_ns = part->first_ns + ctx->real_offset_ns,
		.last_ns = part->last_ns + ctx->real_offset_ns,
		.mark = part->mark,
		.ifindex = ifindex,
		.domain = ctx->domain,
		.tcp_flags = part->tcp_flags,
		.tos = part->tos,
		.min_ttl = part->min_ttl,
		.max_ttl = part->max_ttl,
		.total_packets = total.packets,
		.total_bytes = total.bytes,
		.netns = ctx->names->netns,
		.iface = link ? link->name : NULL,
		.description = link && link->alias[0] ? link->alias : NULL,
		.cloud = link ? link->cloud : NULL,
	};
	memcpy(ret->src_mac, part->src_mac, sizeof(ret->src_mac));
	memcpy(ret->dst_mac, part->dst_mac, sizeof(ret->dst_mac));
	extra_unfold(part->extra, ret);
}

DEFINE_CLEANUP(struct health, health_close)

/* The records of @s, from ret->v[from] on. */
static int append(struct records *ret, size_t from, struct table *t, const struct snapshot *s,
		  const struct record_names *names, struct health *health)
{
	struct record *grown = reallocarray(ret->v, from + s->n + 1, sizeof(*grown));
	_cleanup_(freep) uint32_t *order = NULL;
	struct record_context ctx;

	if (!grown)
		return fail(-ENOMEM, "cannot hold the flows that were read");
	ret->v = grown;
	ret->n = from + s->n;
	record_context_init(&ctx, names, 0);
	if (health_order(health, s, &order) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		const struct flow *f = &s->flows[order[i]];
		struct record *rec = &ret->v[from + i];

		if (i + 3 * AHEAD < s->n)
			__builtin_prefetch(&s->flows[order[i + 3 * AHEAD]]);
		if (i + 2 * AHEAD < s->n)
			health_prefetch(health, &s->flows[order[i + 2 * AHEAD]].key);
		if (i + AHEAD < s->n)
			health_prefetch_entry(health, &s->flows[order[i + AHEAD]].key);
		record_from_part(&f->key, &f->part, &ctx, rec);
		table_outer(t, &f->key, &rec->outer);
		health_read(health, &f->key, &f->part, &rec->tcp, NULL);
	}
	return 0;
}

/* -EAGAIN: what a flow holds was taken meanwhile, and what of its health went with it. */
static int read_flows(struct table *t, struct snapshot *s, struct health *health,
		      const struct record_names *names, size_t from, struct records *ret)
{
	int r;

	r = snapshot_read(t, s);
	if (r == 0)
		r = health_look(health);
	if (r == 0)
		r = append(ret, from, t, s, names, health);
	return r < 0 || !t->tcp || snapshot_is_valid(t, s) ? r : -EAGAIN;
}

/* The last time nobody gets in between. */
static int read_patiently(struct table *t, const struct record_names *names, struct records *ret)
{
	_cleanup_(snapshot_deinit) struct snapshot s = { 0 };
	_cleanup_(health_closep) struct health *health = NULL;
	size_t from = ret->n;
	int r;

	r = health_open(t, &health);
	if (r < 0)
		return r;
	for (int i = 0; i < READ_TRIES; i++) {
		r = read_flows(t, &s, health, names, from, ret);
		if (r != -EAGAIN)
			return r;
	}
	r = pin_dir_lock(&t->dir);
	if (r < 0)
		return r;
	r = read_flows(t, &s, health, names, from, ret);
	pin_dir_unlock(&t->dir);
	/* Somebody has written who was killed then: what was read is at most a batch apart. */
	return r == -EAGAIN ? 0 : r;
}

DEFINE_CLEANUP(struct table, table_close)

static int read_table(uint64_t cookie, const struct netns *ns, struct records *ret)
{
	_cleanup_(table_closep) struct table *t = NULL;
	struct record_names *names = &ret->names[ret->n_names];
	int r;

	r = table_open(cookie, false, &t);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = record_names_init(names, t, ns);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	ret->first[ret->n_names++] = ret->n;
	r = read_patiently(t, names, ret);
	if (r == -ENOENT) {
		/* The table went meanwhile. */
		ret->n = ret->first[ret->n_names - 1];
		r = 0;
	}
	ret->first[ret->n_names] = ret->n;
	return r;
}

static int read_tables(const struct netns *only, const uint64_t *cookies, size_t n,
		       struct records *ret)
{
	struct netns *list = NULL;
	size_t n_list = 0;
	int r;

	r = netns_list(&list, &n_list);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!only || only->cookie == cookies[i])
			r = read_table(cookies[i], netns_find(list, n_list, cookies[i]), ret);
	}
	netns_list_free(list, n_list);
	return r;
}

int records_read(const char *netns, struct records *ret)
{
	_cleanup_(netns_close) struct netns only = NETNS_NULL;
	_cleanup_(freep) uint64_t *cookies = NULL;
	struct records all = { 0 };
	size_t n = 0;
	int r;

	r = netns ? netns_open(netns, &only) : 0;
	if (r == 0)
		r = pin_dirs(&cookies, &n);
	if (r < 0)
		return r;
	all.names = calloc(n + 1, sizeof(*all.names));
	all.first = calloc(n + 1, sizeof(*all.first));
	if (!all.names || !all.first)
		r = fail(-ENOMEM, "cannot hold the flows that were read");
	else
		r = read_tables(netns ? &only : NULL, cookies, n, &all);
	if (r < 0) {
		records_deinit(&all);
		return r;
	}
	*ret = all;
	return 0;
}

int records_once(struct records *all)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->n_names; i++) {
		const struct record_names *names = &all->names[i];
		struct record *first = &all->v[all->first[i]];
		size_t n = all->first[i + 1] - all->first[i];
		struct once *once;
		int r;

		r = once_new(UINT64_MAX, &once);
		if (r < 0)
			return r;
		r = once_set_hooks(once, names->hooks, names->n_hooks, names->loopback);
		if (r == 0)
			n = once_filter(once, first, n);
		once_free(once);
		if (r < 0)
			return r;
		memmove(&all->v[kept], first, n * sizeof(*first));
		all->first[i] = kept;
		kept += n;
	}
	if (all->n_names)
		all->first[all->n_names] = kept;
	all->n = kept;
	return 0;
}

void records_deinit(struct records *r)
{
	for (size_t i = 0; i < r->n_names; i++)
		record_names_deinit(&r->names[i]);
	free(r->names);
	free(r->first);
	free(r->v);
	*r = (struct records) { 0 };
}
