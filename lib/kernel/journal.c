// SPDX-License-Identifier: Apache-2.0
/* A writer's life: it takes over from a dead one, cuts records, and lets flows go. */
#include "kernel/journal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "flow/record.h"
#include "kernel/health.h"
#include "kernel/slot.h"
#include "kernel/step.h"
#include "kernel/store.h"

/* So many flows before one leaves, its place in the index is asked for. */
#define AHEAD 8

/* table_ctl.gaps */
enum { GAPS_NONE, GAPS_GROW, GAPS_END };

int journal_refresh(struct table *t)
{
	int r;

	if (t->view.free && t->commit_seen == t->ctl->commit_seq)
		return 0;
	commit_begin(t);
	r = store_open(t);
	commit_end(t);
	return r;
}

uint32_t journal_find(const struct table *t, const struct flow_key *key)
{
	return store_find(t, key, key_index_hash(key));
}

uint32_t journal_find_closed(const struct table *t, const struct flow_key *key, uint64_t first_ns)
{
	return store_find_closed(t, key, key_index_hash(key), first_ns);
}

uint32_t journal_closed(const struct table *t)
{
	return t->view.n_closed;
}

uint32_t journal_top(const struct table *t)
{
	return t->view.top;
}

uint32_t journal_room(const struct table *t)
{
	return t->view.n_free;
}

const struct store_entry *journal_flow(const struct table *t, uint32_t idx)
{
	return t->store[idx].part.used ? &t->store[idx] : NULL;
}

#define CUT_MASK ((1u << CUT_BITS) - 1)

uint32_t journal_cut_epoch(const struct table *t, const struct store_entry *e)
{
	uint32_t now = t->ctl->epoch, ahead = (e->part.cut - now) & CUT_MASK;

	return now + (ahead > CUT_MASK / 2 ? ahead - CUT_MASK - 1 : ahead);
}

static uint32_t next_epoch(const struct table *t)
{
	uint32_t epoch = t->ctl->epoch + 1;

	return epoch & CUT_MASK ? epoch : epoch + 1;	/* 0 is "no cut" */
}

void journal_cut(struct table *t, uint32_t idx)
{
	t->store[idx].part.cut = next_epoch(t) & CUT_MASK;
}

bool journal_is_cut(const struct table *t, const struct store_entry *e)
{
	return e->part.cut && (int32_t)(t->ctl->epoch - journal_cut_epoch(t, e)) >= 0;
}

void journal_cut_all(struct table *t)
{
	uint32_t epoch = next_epoch(t);

	for (uint32_t i = 0; i < t->view.top; i++) {
		struct flow_part *p = &t->store[i].part;

		if (p->used && p->first_ns && !p->cut)
			p->cut = epoch & CUT_MASK;
	}
	t->cut_all = epoch;
	t->cut_waits = true;
}

void journal_bump_epoch(struct table *t)
{
	__atomic_store_n(&t->ctl->epoch, next_epoch(t), __ATOMIC_RELEASE);
}

/* One flow's leaving, and its being counted, is one step. */
static void take(struct table *t, const struct ctl_taken *taken)
{
	const struct store_entry *e = &t->store[taken->entry];
	uint32_t ifindex = key_ifindex(&e->key);
	const struct ledger_count *count = table_hook_own(t, ifindex, e->key.direction, taken->reason);
	struct ctl_step *step = step_begin(t);

	step->store_idx = taken->entry;
	step->change = taken->keep ? STORE_EMPTY : STORE_FREE;
	if (count) {
		step->ifindex = ifindex;
		step->direction = e->key.direction;
		step->reason = taken->reason;
		step->count.packets = count->packets + e->part.packets;
		step->count.bytes = count->bytes + e->part.bytes;
	}
	step_do(t);
}

/* Where what leaves entry @e is counted; NULL: there are too many such places. */
static struct ctl_count *count_of(struct table *t, const struct store_entry *e, uint8_t reason)
{
	struct ctl_batch *b = &t->ctl->batch;
	uint32_t ifindex = key_ifindex(&e->key), direction = e->key.direction;
	const struct ledger_count *now;

	for (uint32_t i = 0; i < b->n_counts; i++) {
		struct ctl_count *c = &b->counts[i];

		if (c->ifindex == ifindex && c->direction == direction && c->reason == reason)
			return c;
	}
	if (b->n_counts == CTL_COUNTS)
		return NULL;
	now = table_hook_own(t, ifindex, direction, reason);
	b->counts[b->n_counts] = (struct ctl_count) {
		.ifindex = ifindex, .direction = direction, .reason = reason,
	};
	if (now)
		b->counts[b->n_counts].count = *now;
	return &b->counts[b->n_counts++];
}

/* What the ledgers are to say afterwards. False: that is too much to be written down. */
static bool count_batch(struct table *t, uint32_t n)
{
	struct ctl_batch *b = &t->ctl->batch;

	b->n_counts = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct store_entry *e = &t->store[b->v[i].entry];
		struct ctl_count *c = count_of(t, e, b->v[i].reason);

		if (!c)
			return false;
		c->count.packets += e->part.packets;
		c->count.bytes += e->part.bytes;
	}
	return true;
}

/* All values are those of afterwards, so it does no harm to do it twice. */
static void apply_batch(struct table *t)
{
	const struct ctl_batch *b = &t->ctl->batch;

	for (uint32_t i = 0; i < b->n_counts; i++) {
		const struct ctl_count *c = &b->counts[i];
		struct ledger_count *own = table_hook_own(t, c->ifindex, c->direction, c->reason);

		if (own)
			*own = c->count;
	}
	for (uint32_t i = 0; i < b->n; i++) {
		struct store_entry *e = &t->store[b->v[i].entry];

		if (b->v[i].keep)
			part_empty(&e->part);
		else
			e->part = (struct flow_part) { 0 };
	}
	for (uint32_t i = 0; i < b->n_health; i++)
		health_apply(t, &b->health[i]);
}

static void forget_batch(struct table *t, uint32_t n)
{
	const struct ctl_taken *v = t->ctl->batch.v;

	for (uint32_t i = 0; i < n; i++) {
		if (i + AHEAD < n && !v[i + AHEAD].keep)
			store_prefetch(t, v[i + AHEAD].entry);
		if (!v[i].keep)
			store_forget(t, v[i].entry);
	}
}

static void write_batch(struct table *t, const struct journal_leaving *l)
{
	struct ctl_batch *b = &t->ctl->batch;

	for (size_t i = 0; i < l->n; i++) {
		b->v[i] = (struct ctl_taken) {
			l->v[i].entry, l->v[i].reason, l->v[i].keep, l->v[i].message, 0,
		};
	}
	b->n_health = l->n_health;
	if (l->n_health)
		memcpy(b->health, l->health, l->n_health * sizeof(*b->health));
}

/* One after the other, each with its health. */
static void take_singly(struct table *t, uint32_t n)
{
	const struct ctl_batch *b = &t->ctl->batch;
	uint32_t h = 0;

	for (uint32_t i = 0; i < n; i++) {
		take(t, &b->v[i]);
		for (; h < b->n_health && b->health[h].of == i; h++)
			health_apply(t, &b->health[h]);
	}
}

void journal_take(struct table *t, const struct journal_leaving *l)
{
	struct ctl_batch *b = &t->ctl->batch;
	uint32_t n = l->n;

	if (!b->n) {
		commit_begin(t);
		write_batch(t, l);
	}
	forget_batch(t, n);
	if (count_batch(t, n)) {
		barrier();
		b->phase = BATCH_TAKEN;
		barrier();
		b->n = n;
		barrier();
		apply_batch(t);
	} else {
		take_singly(t, n);
	}
	barrier();
	b->n = 0;
	barrier();
	commit_end(t);
}

static struct sending *sending_of(struct table *t)
{
	_Static_assert(sizeof(struct sending) <= sizeof(t->ctl->batch.sending), "struct sending");
	return (struct sending *)t->ctl->batch.sending;
}

struct sending *journal_send(struct table *t, const struct journal_leaving *l)
{
	struct ctl_batch *b = &t->ctl->batch;
	struct sending *s = sending_of(t);

	commit_begin(t);
	s->n = 0;
	b->phase = BATCH_SENT;
	write_batch(t, l);
	barrier();
	b->n = l->n;
	barrier();
	return s;
}

/* The sequence behind @n records of the batch, where its stream is kept; a free place else. */
static void set_sequence(struct table *t, const struct sending *s, uint32_t n)
{
	struct ctl_stream *place = NULL;

	for (size_t i = 0; s->session && i < CTL_STREAMS; i++) {
		struct ctl_stream *own = &t->ctl->stream[i];

		if (own->session == s->session && own->domain == s->domain) {
			place = own;
			break;
		}
		if (!own->session && !place)
			place = own;
	}
	if (place)
		*place = (struct ctl_stream) { s->session, s->domain, s->sequence + n };
}

static bool was_sent(const struct ctl_taken *taken, const struct sending *s, uint64_t sent)
{
	return taken->message < SENDING_MESSAGES_MAX && (sent >> s->datagram[taken->message] & 1);
}

/* Those that were sent. What is taken already holds nothing: to take it again does no harm. */
static void finish_sending(struct table *t)
{
	const struct ctl_batch *b = &t->ctl->batch;
	const struct sending *s = sending_of(t);
	uint64_t sent = sending_sent(s);
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct ctl_taken *taken = &b->v[i];

		if (!was_sent(taken, s, sent))
			continue;
		n++;
		if (t->store[taken->entry].part.used)
			take(t, taken);
	}
	for (uint32_t i = 0; i < b->n_health; i++) {
		if (was_sent(&b->v[b->health[i].of % CTL_BATCH_MAX], s, sent))
			health_apply(t, &b->health[i]);
	}
	if (n)
		set_sequence(t, s, n);
}

void journal_finish_batch(struct table *t)
{
	if (t->ctl->batch.phase == BATCH_TAKEN)
		apply_batch(t);
	else
		finish_sending(t);
	barrier();
	t->ctl->batch.n = 0;
	barrier();
}

/*
 * Wait until no program runs that started before: replacing a map in a map of maps makes
 * the kernel wait for them (maybe_wait_bpf_programs(), kernel/bpf/syscall.c). The ring is
 * replaced by itself.
 */
int journal_wait_for_programs(struct table *t)
{
	_cleanup_(closep) int fd = -1;
	uint32_t part = 0;
	char path[512];

	fd = bpf_obj_get(pin_path(&t->dir, "ring_0", path));
	if (fd < 0)
		return fail(-errno, "cannot open '%s'", path);
	if (bpf_map_update_elem(t->rings_fd, &part, &fd, 0) < 0)
		return fail(-errno, "cannot write '%s'", path);
	return 0;
}

struct ahead {
	uint32_t idx, gen;
};

static size_t find_ahead(const struct table *t, struct ahead *ret)
{
	const struct flow_slot *slots = t->slots[0].way;
	size_t n = 0;

	for (uint32_t i = 0; i < t->n_slots; i++) {
		uint32_t gen = slot_gen(&slots[i]) & ~1u;

		if (gen && gen_after(gen, journal_gen(t, i)))
			ret[n++] = (struct ahead) { .idx = i, .gen = gen };
	}
	return n;
}

/*
 * While no agent ran, the program may have rewritten idle slots without a record. Now that
 * the lease stands, every rewritten slot leaves one. A slot that is still ahead when all
 * records written before it was looked at are drained has lost its past, and the program
 * has counted that as aged. -ENOSPC: not all could be drained, nothing can be told yet.
 */
static int close_gaps(struct table *t)
{
	_cleanup_(freep) struct ahead *ahead = NULL;
	size_t n, drained;
	int r;

	ahead = malloc(t->n_slots * sizeof(*ahead));
	if (!ahead)
		return fail(-ENOMEM, "cannot look for gaps");
	n = find_ahead(t, ahead);
	r = journal_drain(t, &drained);
	if (r < 0)
		return r;
	commit_begin(t);
	for (size_t i = 0; i < n; i++) {
		struct ctl_step *step;

		if (!gen_after(ahead[i].gen, journal_gen(t, ahead[i].idx)))
			continue;
		step = step_begin(t);
		step->slot_idx = ahead[i].idx;
		step->journal = (struct journal_entry) { .gen = ahead[i].gen };
		step_do(t);
	}
	t->ctl->gaps = GAPS_NONE;
	commit_end(t);
	return 0;
}

int journal_begin(struct table *t, uint64_t lease_ns)
{
	uint64_t now = clock_boot_ns();
	int r = 0;

	if (t->ctl->lease_ns < now)
		t->ctl->gaps = GAPS_GROW;
	barrier();
	__atomic_store_n(&t->ctl->lease_ns, now + lease_ns, __ATOMIC_RELEASE);
	if (t->ctl->gaps == GAPS_GROW) {
		r = journal_wait_for_programs(t);
		if (r < 0)
			return r;
		t->ctl->gaps = GAPS_END;
	}
	journal_recover(t);
	if (t->ctl->gaps == GAPS_END)
		r = close_gaps(t);
	return r == -ENOSPC ? 0 : r;
}
