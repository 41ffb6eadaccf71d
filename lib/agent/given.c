// SPDX-License-Identifier: Apache-2.0
/*
 * What each output was handed, by hook, for `flowctl audit`. Records are added up in a batch, and
 * a batch is added to the pinned counts when it has left: a reader never sees half of one.
 */
#include "agent/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"

struct given_count {
	size_t output;
	struct hook_id hook;
	uint64_t records, packets, bytes;	/* of the open batch */
};

static struct given_count *count_of(struct given *g, size_t output, const struct record *rec)
{
	struct given_count *grown;

	for (size_t i = 0; i < g->n; i++) {
		struct given_count *c = &g->v[i];

		if (c->output == output && c->hook.ifindex == rec->ifindex &&
		    c->hook.direction == rec->key.direction)
			return c;
	}
	grown = reallocarray(g->v, g->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	g->v = grown;
	g->v[g->n] = (struct given_count) {
		.output = output, .hook = { rec->ifindex, rec->key.direction },
	};
	return &g->v[g->n++];
}

void given_add(struct agent_table *t, size_t output, const struct record *rec)
{
	struct given_count *c = count_of(&t->given, output, rec);

	if (!c)
		return;
	c->records++;
	c->packets += rec->packets;
	c->bytes += rec->bytes;
}

static bool is_open(struct agent_table *t)
{
	struct given *g = &t->given;

	if (g->counts.v)
		return true;
	if (g->failed)
		return false;
	g->failed = output_counts_open(t->table, &g->counts) < 0;
	/* It is told, and nothing depends on it. */
	if (g->failed)
		log_debug("%s", error_message());
	return !g->failed;
}

static void add_to(struct output_count *to, const struct given_count *c)
{
	if (!to)
		return;
	__atomic_store_n(&to->records, to->records + c->records, __ATOMIC_RELAXED);
	__atomic_store_n(&to->packets, to->packets + c->packets, __ATOMIC_RELAXED);
	__atomic_store_n(&to->bytes, to->bytes + c->bytes, __ATOMIC_RELAXED);
}

void given_commit(struct agent_table *t, const struct agent_outputs *o)
{
	struct given *g = &t->given;

	for (size_t i = 0; g->n && is_open(t) && i < g->n; i++) {
		struct given_count *c = &g->v[i];

		if (c->output < o->n && c->records)
			add_to(output_counts_of(&g->counts, o->v[c->output].sink->label, c->hook.ifindex,
						c->hook.direction), c);
	}
	g->n = 0;
}

void given_close(struct given *g)
{
	output_counts_close(&g->counts);
	free(g->v);
	*g = (struct given) { 0 };
}
