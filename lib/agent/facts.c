// SPDX-License-Identifier: Apache-2.0
/*
 * What options data say of a domain: the sum of the ledgers of its hooks, in the words of
 * RFC 7011 4, and its interfaces. Asked about once a minute.
 */
#include "agent/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

static bool is_of(const struct agent *a, const struct agent_table *t, uint32_t domain)
{
	return !t->gone && (a->conf->domain ? a->conf->domain : t->names.domain) == domain;
}

/*
 * Which sum a reason of the ledger goes into; those that are exported go into none. What no
 * template carries (LEDGER_UNDELIVERED) each output counts itself, with what it could not send.
 */
static void add_hook(struct table *t, const struct hook_id *id, struct options_facts *f)
{
	static const enum ledger_reason ignored[] = {
		LEDGER_FULL, LEDGER_UNPARSED, LEDGER_NON_IP, LEDGER_SAMPLED_OUT,
	};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		struct ledger_count c = table_hook_count(t, id->ifindex, id->direction, ignored[i]);

		f->ignored_packets += c.packets;
		f->ignored_bytes += c.bytes;
	}
}

static uint32_t sample_of(struct table *t, uint32_t ifindex)
{
	uint32_t sample = 0;

	for (uint8_t direction = FLOW_INGRESS; !sample && direction <= FLOW_EGRESS; direction++) {
		struct table_hook h;

		if (table_hook_open(t, ifindex, direction, false, &h) < 0)
			continue;
		sample = h.info->sample;
		table_hook_close(&h);
	}
	return sample;
}

static int add_interfaces(struct facts *facts, const struct agent_table *t)
{
	struct options_interface *grown;

	grown = reallocarray(facts->interfaces, facts->n + t->names.n_links + 1, sizeof(*grown));
	if (!grown)
		return fail(-ENOMEM, "cannot tell of the interfaces");
	facts->interfaces = grown;
	for (size_t i = 0; i < t->names.n_links; i++) {
		const struct link *l = &t->names.links[i];

		facts->interfaces[facts->n++] = (struct options_interface) {
			.ifindex = l->ifindex,
			.name = l->name,
			.description = l->alias[0] ? l->alias : NULL,
			.sample = sample_of(t->table, l->ifindex),
		};
	}
	return 0;
}

static void add_times(const struct agent_table *t, struct options_facts *f)
{
	if (t->lost_first_ns && (!f->first_lost_ns || t->lost_first_ns < f->first_lost_ns))
		f->first_lost_ns = t->lost_first_ns;
	if (t->lost_last_ns > f->last_lost_ns)
		f->last_lost_ns = t->lost_last_ns;
}

static int facts_get(void *arg, uint32_t domain, struct options_facts *ret)
{
	struct agent *a = arg;
	size_t n = 0;
	int r = -ENOENT;

	*ret = (struct options_facts) { 0 };
	a->facts.n = 0;
	for (size_t i = 0; i < a->n_tables; i++) {
		struct agent_table *t = &a->tables[i];

		if (!is_of(a, t, domain))
			continue;
		for (size_t k = 0; k < t->names.n_hooks; k++)
			add_hook(t->table, &t->names.hooks[k], ret);
		add_times(t, ret);
		r = add_interfaces(&a->facts, t);
		if (r < 0)
			return r;
		ret->domain_name = n++ ? NULL : t->names.netns;
	}
	ret->interfaces = a->facts.interfaces;
	ret->n_interfaces = a->facts.n;
	return r;
}

struct options_source facts_of(struct agent *a)
{
	return (struct options_source) { facts_get, a };
}

void facts_deinit(struct facts *f)
{
	free(f->interfaces);
	*f = (struct facts) { 0 };
}
