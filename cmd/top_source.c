// SPDX-License-Identifier: Apache-2.0
/* See top_source.h. Of a meter that is top's own all counts, of another what comes from now on. */
#include "top_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

/* Of a table made for this alone. */
enum { OWN_FLOWS = 65536, OWN_CONNECTIONS = 16384 };

static int open_hooks(struct top_source *s)
{
	const struct visit *v = s->visit;

	s->hooks = calloc(2 * v->n_ifaces + 1, sizeof(*s->hooks));
	s->ifaces = calloc(v->n_ifaces + 1, sizeof(*s->ifaces));
	if (!s->hooks || !s->ifaces)
		return fail(-ENOMEM, "cannot look at meters");
	for (size_t i = 0; i < v->n_ifaces; i++) {
		const struct visit_iface *from = &v->ifaces[i];
		struct top_iface *to = &s->ifaces[i];

		to->ifindex = from->ifindex;
		to->loopback = from->loopback;
		memcpy(to->name, from->name, sizeof(to->name));
		for (uint8_t direction = 0; direction < 2; direction++) {
			struct table_hook *h = &s->hooks[s->n_hooks];
			int r = table_hook_open(v->table, from->ifindex, direction, false, h);

			if (r < 0 && r != -ENOENT)
				return r;
			to->metered[direction] = r == 0;
			s->n_hooks += r == 0;
		}
	}
	return 0;
}

static int follow(struct top_source *s)
{
	const struct visit *v = s->visit;
	_cleanup_(freep) struct follow_iface *ifaces = calloc(v->n_ifaces + 1, sizeof(*ifaces));

	if (!ifaces)
		return fail(-ENOMEM, "cannot look at meters");
	for (size_t i = 0; i < v->n_ifaces; i++)
		ifaces[i] = (struct follow_iface) { v->ifaces[i].ifindex, v->ifaces[i].ours };
	return follow_open(v->table, ifaces, v->n_ifaces, &s->follow);
}

static void count(const struct top_source *s, struct ledger_count seen[2], struct ledger_count *full,
		  bool others_only)
{
	for (size_t i = 0; i < s->n_hooks; i++) {
		const struct table_hook *h = &s->hooks[i];
		const struct visit_iface *iface = visit_find(s->visit, h->ifindex);

		if (others_only && iface && iface->ours)
			continue;
		ledger_count_add(&seen[h->direction & 1], table_hook_sum(s->visit->table, h, LEDGER_SEEN));
		ledger_count_add(full, table_hook_sum(s->visit->table, h, LEDGER_FULL));
	}
}

static void tell_iface(const struct visit *v, const struct visit_iface *iface)
{
	if (!iface->ours && iface->had[FLOW_INGRESS] != iface->had[FLOW_EGRESS])
		log_warning("'%s' is metered at %s only: the other direction is not seen here",
			    iface->name, iface->had[FLOW_INGRESS] ? "ingress" : "egress");
	log_debug("%s:%s%s", v->ns.name, iface->name, iface->ours ? ", metered for this" : "");
}

int top_source_open(struct top_source *s, struct netns *ns, const struct target *target)
{
	static const struct meter_options options = {
		.ingress = true, .egress = true, .hook = -1, .pref = 100, .handle = 1, .sample = 1,
		.tcp_metrics = -1, .max_flows = OWN_FLOWS, .max_connections = OWN_CONNECTIONS,
	};
	_cleanup_(freep) char *warning = NULL;
	int r;

	r = visit_open(ns, target->names, target->n, &options, &s->visit, &warning);
	if (r == 0)
		r = open_hooks(s);
	if (r == 0)
		r = follow(s);
	if (r == 0)
		r = health_open(s->visit->table, &s->health);
	if (r < 0)
		return r;
	count(s, s->before, &s->full_before, true);
	if (warning)
		log_warning("%s", warning);
	for (size_t i = 0; i < s->visit->n_ifaces; i++)
		tell_iface(s->visit, &s->visit->ifaces[i]);
	return 0;
}

int top_source_close(struct top_source *s)
{
	int r;

	health_close(s->health);
	follow_close(&s->follow);
	for (size_t i = 0; i < s->n_hooks; i++)
		table_hook_close(&s->hooks[i]);
	free(s->hooks);
	free(s->ifaces);
	r = visit_close(s->visit);
	*s = (struct top_source) { 0 };
	return r;
}

int top_source_read(struct top_source *s)
{
	int r = follow_read(&s->follow);

	return r < 0 ? r : health_look(s->health);
}

void top_source_count(const struct top_source *s, struct ledger_count seen[2],
		      struct ledger_count *full)
{
	struct ledger_count all[2] = { { 0 } }, no_room = { 0 };

	count(s, all, &no_room, false);
	for (int i = 0; i < 2; i++) {
		seen[i].packets += all[i].packets - s->before[i].packets;
		seen[i].bytes += all[i].bytes - s->before[i].bytes;
	}
	full->packets += no_room.packets - s->full_before.packets;
	full->bytes += no_room.bytes - s->full_before.bytes;
}

struct top_place top_source_place(struct top_source *s)
{
	return (struct top_place) {
		.netns = s->visit->ns.name, .ifaces = s->ifaces, .n_ifaces = s->visit->n_ifaces,
		.follow = &s->follow, .health = s->health,
	};
}
