// SPDX-License-Identifier: Apache-2.0
/*
 * What is due leaves. Records are put into every output's open batch; when one of them has
 * no more room, the batch is committed: sequences and journal are written first, then the
 * outputs send. Killed in between, the batch is the one message in flight: never repeated,
 * and if it was lost, the sequence shows it.
 */
#include "agent/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

/* More than any message holds; a commit is due when it is full. */
#define BATCH_MAX 4096

struct batch {
	struct agent *agent;
	struct agent_table *t;
	struct pending {
		struct flow *flow;
		bool closed_only;
		enum ledger_reason reason;
	} pending[BATCH_MAX];
	size_t n;
};

static int commit(struct batch *b)
{
	struct agent_outputs *o = &b->agent->outputs;
	int r = 0;

	for (size_t i = 0; i < o->n; i++) {
		if (o->sinks[i]->ops->prepare)
			o->sinks[i]->ops->prepare(o->sinks[i]);
	}
	for (size_t i = 0; r == 0 && i < b->n; i++) {
		const struct pending *p = &b->pending[i];

		r = journal_take(b->t->table, &b->t->snapshot, p->flow, p->closed_only, p->reason);
	}
	b->n = 0;
	for (size_t i = 0; i < o->n; i++)
		o->sinks[i]->ops->flush(o->sinks[i]);
	return r;
}

static bool all_have_room(const struct agent_outputs *o, const struct record *rec)
{
	for (size_t i = 0; i < o->n; i++) {
		if (!o->sinks[i]->ops->room(o->sinks[i], rec))
			return false;
	}
	return true;
}

static int batch_add(struct batch *b, struct flow *f, bool closed_only, enum ledger_reason reason)
{
	int r = b->n == BATCH_MAX ? commit(b) : 0;

	b->pending[b->n++] = (struct pending) { f, closed_only, reason };
	return r;
}

/* Put @rec into every output; the flow is gone when the batch is committed. */
static int batch_export(struct batch *b, struct flow *f, bool closed_only, const struct record *rec)
{
	struct agent_outputs *o = &b->agent->outputs;
	bool carried = false;
	int r = 0;

	if (b->n == BATCH_MAX || !all_have_room(o, rec))
		r = commit(b);
	for (size_t i = 0; i < o->n; i++) {
		if (o->sinks[i]->ops->put(o->sinks[i], rec) == 0)
			carried = true;
	}
	if (r == 0)
		r = batch_add(b, f, closed_only, carried ? LEDGER_EXPORTED : LEDGER_UNDELIVERED);
	return r;
}

static int leave(struct batch *b, struct flow *f, bool closed_only, enum flow_end_reason reason,
		 const struct record_context *ctx)
{
	struct record rec;

	record_from_part(&f->key, closed_only ? &f->closed : &f->all, ctx, &rec);
	rec.end_reason = reason;
	if (outputs_is_self(&b->agent->outputs, &f->key))
		return batch_add(b, f, closed_only, LEDGER_SELF);
	if (!b->agent->conf->count_all &&
	    once_classify(b->t->once, &rec, &rec.key.egress_ifindex) == ONCE_DUPLICATE)
		return batch_add(b, f, closed_only, LEDGER_DUPLICATE);
	return batch_export(b, f, closed_only, &rec);
}

static struct expire_policy policy_of(const struct conf *conf)
{
	return (struct expire_policy) {
		.idle_ns = conf->idle_s * NSEC_PER_SEC,
		.active_ns = conf->active_s * NSEC_PER_SEC,
		.finished_ns = conf->finished_s * NSEC_PER_SEC,
		.tick_ns = clock_tick_ns(),
	};
}

static enum expire_action decide(enum scan_kind kind, const struct expire_policy *policy,
				 const struct flow *f, uint64_t now, enum flow_end_reason *reason)
{
	enum expire_action action = expire_decide(policy, &f->all, &f->closed, now, reason);

	if (action == EXPIRE_ALL || kind == SCAN_EXPIRED)
		return action;
	*reason = kind == SCAN_FORCED ? FLOW_END_FORCED : FLOW_END_LACK;
	if (kind == SCAN_FORCED)
		return EXPIRE_ALL;
	return f->closed.packets ? EXPIRE_CLOSED : action;
}

/* Egress records teach where an ingress record left the box, before any of either leaves. */
static void learn(struct agent_table *t, const struct record_context *ctx)
{
	for (size_t i = 0; i < t->snapshot.n; i++) {
		struct record rec;

		if (t->snapshot.flows[i].key.direction != FLOW_EGRESS)
			continue;
		record_from_part(&t->snapshot.flows[i].key, &t->snapshot.flows[i].all, ctx, &rec);
		once_learn(t->once, &rec);
	}
}

int export_scan(struct agent *a, struct agent_table *t, enum scan_kind kind)
{
	struct expire_policy policy = policy_of(a->conf);
	_cleanup_(freep) struct batch *b = NULL;
	struct record_context ctx;
	bool rotate = false;
	int r;

	/* Without any output (a reload that failed) what is due stays held. */
	if (!a->outputs.n)
		return 0;
	b = calloc(1, sizeof(*b));
	if (!b)
		return fail(-ENOMEM, "cannot export");
	b->agent = a;
	b->t = t;
	r = snapshot_read(t->table, &t->snapshot);
	if (r < 0)
		return r;
	record_context_init(&ctx, &t->names, a->conf->domain);
	if (!a->conf->count_all)
		learn(t, &ctx);
	for (size_t i = 0; r == 0 && i < t->snapshot.n; i++) {
		struct flow *f = &t->snapshot.flows[i];
		enum flow_end_reason reason = FLOW_ACTIVE;
		enum expire_action action = decide(kind, &policy, f, t->snapshot.taken_ns, &reason);

		if (action == EXPIRE_ALL || action == EXPIRE_CLOSED)
			r = leave(b, f, action == EXPIRE_CLOSED, reason, &ctx);
		rotate |= action == EXPIRE_ROTATE;
	}
	if (r == 0)
		r = commit(b);
	if (rotate)
		journal_bump_epoch(t->table);
	return r;
}
