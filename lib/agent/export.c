// SPDX-License-Identifier: Apache-2.0
/*
 * What is due leaves. Slots and rings are credited to the store first; then a sweep goes over
 * its flows. Records are put into every output's open batch; when one of them has no more
 * room, the batch is committed. An output that may not send yet stops the sweep between two
 * batches; what it has not come to stays held.
 *
 * To one collector alone many messages go at once, and the kernel notes in pinned memory
 * which of them it took: whoever finds the note after a kill takes those and no others out
 * of the store. With several outputs, of which some may have sent, the batch is one message:
 * sequences and journal are written first. Killed in between, it is never repeated, and if
 * it was lost, the sequence shows it.
 */
#include "agent/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/session.h"

/* Of a full store so much is to be free afterwards. */
#define ROOM_PART 8
/* A way through the box is learnt again if its flow was seen since the last look,
 * or shortly before. */
#define LEARN_SLACK_NS (3 * NSEC_PER_SEC)

/* Send what was put, and take it out of the store. */
static void batch_commit(struct batch *b)
{
	const struct journal_leaving leaving = { b->taken, b->n, b->health, b->n_health };
	struct agent_outputs *o = &b->agent->outputs;

	if (!b->n)
		return;
	if (o->noted)
		session_note(o->v[0].sink, journal_send(b->t->table, &leaving));
	for (size_t i = 0; i < o->n; i++) {
		if (o->v[i].sink->ops->prepare)
			o->v[i].sink->ops->prepare(o->v[i].sink);
	}
	if (!o->noted)
		journal_take(b->t->table, &leaving);
	for (size_t i = 0; i < o->n; i++)
		o->v[i].sink->ops->flush(o->v[i].sink);
	if (o->noted)
		journal_take(b->t->table, &leaving);
	given_commit(b->t, o);
	health_left(b->t->health, b->health, b->n_health);
	biflow_committed(b);
	b->n = b->n_health = 0;
	b->wait_ns = outputs_wait_ns(o, clock_boot_ns());
}

static bool all_have_room(const struct agent_outputs *o, const struct record *rec)
{
	for (size_t i = 0; i < o->n; i++) {
		if (!o->v[i].sink->ops->room(o->v[i].sink, rec))
			return false;
	}
	return true;
}

/* An output that has no records of both directions gets two. */
static int put_into(struct sink *s, const struct record *rec)
{
	struct record one = *rec;

	if (!rec->reverse || s->ops->pairs)
		return s->ops->put(s, rec);
	one.reverse = NULL;
	s->ops->put(s, &one);
	return s->ops->put(s, rec->reverse);
}

int batch_put(struct batch *b, const struct record *rec)
{
	struct agent_outputs *o = &b->agent->outputs;
	int r = -ENOENT;

	if (b->n > JOURNAL_BATCH_MAX - 2 || b->n_health > CTL_HEALTH_MAX - 2 * HEALTH_PARTS ||
	    !all_have_room(o, rec))
		batch_commit(b);
	if (b->wait_ns)
		return -EAGAIN;
	for (size_t i = 0; i < o->n; i++) {
		if (put_into(o->v[i].sink, rec) < 0)
			continue;
		given_add(b->t, i, rec);
		if (rec->reverse)
			given_add(b->t, i, rec->reverse);
		r = 0;
	}
	return r;
}

int batch_record(struct batch *b, uint32_t entry, enum flow_end_reason why, struct leaving *ret)
{
	const struct store_entry *e = journal_flow(b->t->table, entry);
	struct record *rec = &ret->rec;

	ret->entry = entry;
	ret->health.n = 0;
	record_from_part(&e->key, &e->part, b->ctx, rec);
	rec->end_reason = why;
	if (outputs_is_self(&b->agent->outputs, &e->key))
		return LEDGER_SELF;
	if (!b->agent->conf->count_all &&
	    once_classify(b->t->once, rec, &rec->key.egress_ifindex) == ONCE_DUPLICATE)
		return LEDGER_DUPLICATE;
	table_outer(b->t->table, &e->key, &rec->outer);
	health_read(b->t->health, &e->key, &e->part, &rec->tcp, &ret->health);
	if (b->agent->enrich)
		enrich_record(b->agent->enrich, b->t->table->dir.cookie, rec);
	return 0;
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

enum expire_action export_decide(const struct batch *b, const struct store_entry *e,
				 enum flow_end_reason *why)
{
	bool is_cut = journal_is_cut(b->t->table, e);
	enum scan_kind kind = b->t->sweep.kind;
	enum expire_action action = expire_decide(&b->policy, &e->part, is_cut, b->now_ns, why);

	/* All flows were cut (interval.c): what is before it leaves. */
	if (action == EXPIRE_KEEP && is_cut) {
		*why = FLOW_END_ACTIVE;
		action = EXPIRE_EXPORT;
	}
	if (action == EXPIRE_EXPORT || kind == SCAN_EXPIRED)
		return action;
	*why = kind == SCAN_FORCED ? FLOW_END_FORCED : FLOW_END_LACK;
	if (kind == SCAN_FORCED ||
	    expire_is_quiet(&b->policy, &e->part, b->now_ns, b->t->sweep.limit_ns))
		return EXPIRE_EXPORT;
	return action;
}

void batch_cut(struct batch *b, uint32_t entry)
{
	const struct store_entry *e = journal_flow(b->t->table, entry);

	if (!journal_is_cut(b->t->table, e)) {
		journal_cut(b->t->table, entry);
		health_ask(b->t->health, &e->key, &e->part);
	}
	b->t->sweep.cut = true;
}

/* An entry without anything in it waits for its flow for a while. */
static bool is_forgotten(const struct agent_table *t, const struct expire_policy *policy,
			 const struct store_entry *e, uint64_t now)
{
	return t->store_full || t->sweep.kind == SCAN_LACK ||
	       expire_is_quiet(policy, &e->part, now, policy->idle_ns);
}

static void add(struct batch *b, uint32_t entry, enum ledger_reason reason, bool keep,
		uint8_t message)
{
	b->taken[b->n++] = (struct journal_taken) { entry, reason, keep, message };
	if (b->n == JOURNAL_BATCH_MAX)
		batch_commit(b);
}

/* Where the record is that was put last. */
static uint8_t message_of(const struct batch *b, enum ledger_reason reason)
{
	const struct agent_outputs *o = &b->agent->outputs;

	if (!o->noted || reason != LEDGER_EXPORTED)
		return JOURNAL_NO_MESSAGE;
	return session_message(o->v[0].sink);
}

/* Then its entry is kept, and found again by its number; where there is room for that. */
static bool will_be_back(const struct agent_table *t, enum flow_end_reason why)
{
	return why == FLOW_END_ACTIVE || (why == FLOW_END_FORCED && !t->store_full);
}

/* No record carries it, or one that is about to leave. */
static void add_health(struct batch *b, const struct health_reading *r)
{
	for (size_t i = 0; i < r->n; i++) {
		b->health[b->n_health] = r->part[i];
		b->health[b->n_health++].of = b->n;
	}
	health_leaves(b->t->health, r);
}

void batch_add(struct batch *b, const struct leaving *l, enum ledger_reason reason)
{
	metrics_record(b->agent, b->t, &l->rec);
	add_health(b, &l->health);
	add(b, l->entry, reason, will_be_back(b->t, l->rec.end_reason), message_of(b, reason));
}

bool batch_leave(struct batch *b, const struct leaving *l, enum ledger_reason reason)
{
	int r = reason ? 0 : batch_put(b, &l->rec);

	if (r == -EAGAIN)
		return false;
	if (!reason)
		reason = r == 0 ? LEDGER_EXPORTED : LEDGER_UNDELIVERED;
	batch_add(b, l, reason);
	return true;
}

/* False: it is to be visited again, later. */
static bool visit(struct batch *b, uint32_t i)
{
	const struct store_entry *e = journal_flow(b->t->table, i);
	enum flow_end_reason why = FLOW_ACTIVE;
	enum ledger_reason reason;
	struct leaving l;

	if (e && !e->part.first_ns && is_forgotten(b->t, &b->policy, e, b->now_ns))
		add(b, i, LEDGER_EXPORTED, false, JOURNAL_NO_MESSAGE);
	/* packets and bytes may be read one packet apart:
	 * half a packet waits for its other half. */
	if (!e || !e->part.packets || !e->part.bytes || biflow_is_taken(b->t, i))
		return true;
	names_expect(b, e);
	switch (export_decide(b, e, &why)) {
	case EXPIRE_EXPORT:
		reason = batch_record(b, i, why, &l);
		if (!reason && b->agent->conf->biflow)
			return biflow_leave(b, &l);
		return batch_leave(b, &l, reason);
	case EXPIRE_CUT:
		batch_cut(b, i);
		break;
	case EXPIRE_KEEP:
		break;
	}
	return true;
}

/* An older connection's record leaves before that of the one which followed it. */
static bool sweep_closed(struct batch *b)
{
	struct sweep *s = &b->t->sweep;

	for (; journal_closed(b->t->table) && s->at < journal_top(b->t->table); s->at++) {
		const struct store_entry *e = journal_flow(b->t->table, s->at);

		if (e && e->part.closed && !visit(b, s->at)) {
			s->running = true;
			batch_commit(b);
			return false;
		}
	}
	return true;
}

/* False: an output must wait, for b->wait_ns. */
static bool sweep(struct batch *b)
{
	struct sweep *s = &b->t->sweep;

	b->now_ns = clock_boot_ns();
	b->wait_ns = outputs_wait_ns(&b->agent->outputs, b->now_ns);
	if (!s->closed_done) {
		if (!sweep_closed(b))
			return false;
		/* The second time they are visited they are gone. */
		batch_commit(b);
		s->closed_done = true;
		s->at = 0;
	}
	for (; s->at < journal_top(b->t->table); s->at++) {
		if (!visit(b, s->at))
			break;
	}
	s->running = s->at < journal_top(b->t->table);
	batch_commit(b);
	return !s->running;
}

/* The store was full and still is: what was quiet for a quarter of the time goes as well. */
static bool lacks_more(struct agent_table *t)
{
	if (t->sweep.kind != SCAN_LACK || !t->sweep.limit_ns ||
	    journal_room(t->table) >= t->table->ctl->store_entries / ROOM_PART)
		return false;
	t->sweep.limit_ns /= 4;
	if (t->sweep.limit_ns < clock_tick_ns())
		t->sweep.limit_ns = 0;
	t->sweep.at = 0;
	return true;
}

static bool forwards(const struct record_names *names)
{
	for (size_t i = 0; i < names->n_hooks; i++) {
		if (names->hooks[i].direction == FLOW_EGRESS)
			return true;
	}
	return false;
}

/* Egress records teach where an ingress record left the box, before any of either leaves. */
static void learn(struct agent_table *t, const struct record_context *ctx)
{
	uint64_t since = t->learnt_ns, now = clock_boot_ns();
	bool all;

	if (!forwards(&t->names))
		return;
	all = once_begin(t->once);
	if (all)
		since = 0;
	for (uint32_t i = 0; i < journal_top(t->table); i++) {
		const struct store_entry *e = journal_flow(t->table, i);
		struct record rec;

		if (!e || e->key.direction != FLOW_EGRESS || !e->part.packets ||
		    e->part.last_ns + LEARN_SLACK_NS < since)
			continue;
		record_from_part(&e->key, &e->part, ctx, &rec);
		once_learn(t->once, &rec);
	}
	if (all)
		once_end(t->once);
	t->learnt_ns = now;
}

int export_resume(struct agent *a, struct agent_table *t, uint64_t *ret_wait_ns)
{
	_cleanup_(freep) struct batch *b = malloc(sizeof(*b));
	struct record_context ctx;
	int r;

	*ret_wait_ns = 0;
	if (!b)
		return fail(-ENOMEM, "cannot export");
	r = journal_refresh(t->table);
	if (r == 0 && a->conf->biflow)
		r = biflow_begin(t);
	if (r < 0)
		return r;
	b->agent = a;
	b->t = t;
	b->n = b->n_health = 0;
	b->ctx = &ctx;
	b->policy = policy_of(a->conf);
	record_context_init(&ctx, &t->names, a->conf->domain);
	while (sweep(b) && lacks_more(t))
		;
	if (t->sweep.running)
		*ret_wait_ns = b->wait_ns ? b->wait_ns : 1;
	else if (t->sweep.cut)
		journal_bump_epoch(t->table);
	return 0;
}

int export_scan(struct agent *a, struct agent_table *t, enum scan_kind kind, uint64_t *ret_wait_ns)
{
	struct record_context ctx;
	size_t changed;
	int r;

	*ret_wait_ns = 0;
	/* Without any output (a reload that failed) what is due stays held. */
	if (!a->outputs.n)
		return 0;
	r = journal_scan(t->table, &changed);
	if (r < 0 && r != -ENOSPC)
		return r;
	t->store_full |= r == -ENOSPC;
	if (t->store_full && kind == SCAN_EXPIRED)
		kind = SCAN_LACK;
	if (kind == SCAN_LACK)
		outputs_hurry(&a->outputs, clock_boot_ns());
	t->sweep = (struct sweep) {
		.kind = kind,
		.limit_ns = a->conf->idle_s * NSEC_PER_SEC,
	};
	if (!a->conf->count_all) {
		record_context_init(&ctx, &t->names, a->conf->domain);
		learn(t, &ctx);
	}
	return export_resume(a, t, ret_wait_ns);
}
