// SPDX-License-Identifier: Apache-2.0
/*
 * Biflows (RFC 5103). The two directions of a conversation are two flows of the store; when
 * one of them is due, the other is looked up and leaves with it, as one record. A flow whose
 * other direction was not seen, or is not counted here, leaves alone.
 *
 * Which direction is the initiator's is told by the first packets: as long as both flows
 * have all their packets in the store, the earlier one began. It is remembered as long as
 * the flows are, in this process; who comes later does not know, and says so
 * (biflowDirection 0, arbitrary).
 */
#include "agent/internal.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

/* What is remembered of an entry, beside the upper bits of its key's hash: somebody else may
 * have given it to another flow. */
enum {
	ROLE_UNKNOWN,
	ROLE_INITIATOR,
	ROLE_RESPONDER,
	ROLE_MASK = 3,
	IN_BATCH = 4,
	FLAGS = 7,
};

/* IANA biflowDirection (239). */
enum { BIFLOW_ARBITRARY = 0, BIFLOW_INITIATOR = 1 };

int biflow_begin(struct agent_table *t)
{
	if (!t->biflow)
		t->biflow = calloc(t->table->ctl->store_entries, sizeof(*t->biflow));
	return t->biflow ? 0 : fail(-ENOMEM, "cannot pair flows");
}

bool biflow_is_taken(const struct agent_table *t, uint32_t entry)
{
	return t->biflow && (t->biflow[entry] & IN_BATCH);
}

void biflow_committed(const struct batch *b)
{
	for (size_t i = 0; b->t->biflow && i < b->n; i++)
		b->t->biflow[b->taken[i].entry] &= ~(uint32_t)IN_BATCH;
}

static unsigned role_of(const struct agent_table *t, uint32_t entry)
{
	uint32_t hash = key_index_hash(&journal_flow(t->table, entry)->key), state = t->biflow[entry];

	return (state ^ hash) & ~(uint32_t)FLAGS ? ROLE_UNKNOWN : state & ROLE_MASK;
}

static void set_role(struct agent_table *t, uint32_t entry, unsigned role)
{
	uint32_t hash = key_index_hash(&journal_flow(t->table, entry)->key);

	t->biflow[entry] = (hash & ~(uint32_t)FLAGS) | role;
}

/* An ICMP message and what answers it; others have no answer in kind. */
static const struct answer {
	uint8_t proto, asks, answers;
} answers[] = {
	{ IPPROTO_ICMP, 8, 0 },	  /* echo */
	{ IPPROTO_ICMP, 13, 14 }, /* timestamp */
	{ IPPROTO_ICMP, 42, 43 }, /* extended echo */
	{ IPPROTO_ICMPV6, 128, 129 },
	{ IPPROTO_ICMPV6, 160, 161 },
};

/* The other direction's type; the code, where there is one, is 0 in all of them. */
static bool reverse_icmp(struct flow_key *k)
{
	uint8_t type = be16toh(k->dport) >> 8;

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const struct answer *a = &answers[i];

		if (a->proto != k->proto || (type != a->asks && type != a->answers))
			continue;
		k->dport = htobe16((type == a->asks ? a->answers : a->asks) << 8);
		return true;
	}
	return false;
}

static bool reverse_key(const struct flow_key *key, struct flow_key *ret)
{
	*ret = *key;
	memcpy(ret->src, key->dst, sizeof(ret->src));
	memcpy(ret->dst, key->src, sizeof(ret->dst));
	if (proto_is_icmp(key))
		return reverse_icmp(ret);
	ret->sport = key->dport;
	ret->dport = key->sport;
	return true;
}

static bool overlap(const struct flow_part *a, const struct flow_part *b)
{
	return a->first_ns <= b->last_ns && b->first_ns <= a->last_ns;
}

/* Of a connection that another one of the same ends has followed, in one direction or both. */
static uint32_t find_past(const struct agent_table *t, const struct flow_key *key,
			  const struct flow_part *of)
{
	uint32_t entry = journal_find_closed(t->table, key, of->last_ns);

	if (entry == CTL_NONE || !overlap(&journal_flow(t->table, entry)->part, of))
		entry = journal_find(t->table, key);
	if (entry != CTL_NONE && !overlap(&journal_flow(t->table, entry)->part, of))
		return CTL_NONE;
	return entry;
}

static uint32_t find_at(const struct agent_table *t, const struct flow_part *of,
			struct flow_key *key, uint8_t direction, uint32_t in, uint32_t out)
{
	const struct store_entry *e;
	uint32_t entry;

	key->direction = direction;
	key->ingress_ifindex = in;
	key->egress_ifindex = out;
	entry = of->closed ? find_past(t, key, of) : journal_find(t->table, key);
	e = entry == CTL_NONE ? NULL : journal_flow(t->table, entry);
	return e && e->part.packets && e->part.bytes ? entry : CTL_NONE;
}

/*
 * Where the packets of the other direction are counted once: what left by X enters by X; what
 * entered by X, and is not known to have left, is answered from here, by X. On lo all enter.
 */
static uint32_t find_other(const struct agent_table *t, const struct leaving *l)
{
	const struct flow_part *of = &journal_flow(t->table, l->entry)->part;
	const struct record *rec = &l->rec;
	uint32_t in = rec->key.ingress_ifindex, out = rec->key.egress_ifindex;
	uint32_t entry = CTL_NONE;
	struct flow_key key;

	if (!reverse_key(&rec->key, &key))
		return CTL_NONE;
	if (in && in == t->names.loopback)
		return find_at(t, of, &key, FLOW_INGRESS, in, 0);
	if (out)
		entry = find_at(t, of, &key, FLOW_INGRESS, out, 0);
	if (entry == CTL_NONE && in && !out)
		entry = find_at(t, of, &key, FLOW_EGRESS, 0, in);
	return entry;
}

/* Does every output that has such records take this one as one? */
static bool all_pair(const struct agent_outputs *o, const struct record *rec)
{
	for (size_t i = 0; i < o->n; i++) {
		struct sink *s = o->v[i].sink;

		if (s->ops->pairs && !s->ops->pairs(s, rec))
			return false;
	}
	return true;
}

/* All that was ever seen of it is in this record. */
static bool is_first_record(const struct record *r)
{
	return r->total_packets == r->packets;
}

static unsigned other_role(unsigned role)
{
	return role == ROLE_INITIATOR ? ROLE_RESPONDER :
	       role == ROLE_RESPONDER ? ROLE_INITIATOR : ROLE_UNKNOWN;
}

/* The role of @i, whose other direction is @k; it is learnt from their first records. */
static unsigned learn_role(struct agent_table *t, uint32_t i, const struct record *a, uint32_t k,
			   const struct record *b)
{
	unsigned role = role_of(t, i);

	if (!role)
		role = other_role(role_of(t, k));
	if (!role && is_first_record(a) && is_first_record(b))
		role = a->first_ns <= b->first_ns ? ROLE_INITIATOR : ROLE_RESPONDER;
	set_role(t, i, role);
	set_role(t, k, other_role(role));
	return role;
}

static bool leave_pair(struct batch *b, struct leaving *one, struct leaving *two)
{
	struct record *rec = &one->rec, *other = &two->rec;
	unsigned role = learn_role(b->t, one->entry, rec, two->entry, other);
	/* Unknown: clients have the higher ports. */
	bool first = role ? role == ROLE_INITIATOR :
			    be16toh(rec->key.sport) >= be16toh(other->key.sport);
	struct record *forward = first ? rec : other;
	enum ledger_reason reason;
	int r;

	forward->reverse = first ? other : rec;
	forward->biflow_direction = role ? BIFLOW_INITIATOR : BIFLOW_ARBITRARY;
	r = batch_put(b, forward);
	if (r == -EAGAIN)
		return false;
	reason = r == 0 ? LEDGER_EXPORTED : LEDGER_UNDELIVERED;
	b->t->biflow[one->entry] |= IN_BATCH;
	b->t->biflow[two->entry] |= IN_BATCH;
	batch_add(b, one, reason);
	batch_add(b, two, reason);
	return true;
}

/* Is what @e holds a record's worth now? If it is not due itself, it must have been cut. */
static bool is_complete(const struct batch *b, const struct store_entry *e,
			enum flow_end_reason *ret_why)
{
	if (export_decide(b, e, ret_why) == EXPIRE_EXPORT)
		return true;
	*ret_why = FLOW_END_ACTIVE;
	return b->t->sweep.kind != SCAN_EXPIRED || journal_is_cut(b->t->table, e);
}

bool biflow_leave(struct batch *b, struct leaving *l)
{
	uint32_t k = find_other(b->t, l);
	enum flow_end_reason why;
	const struct store_entry *e;
	struct leaving other;
	bool paired;

	if (k == CTL_NONE || k == l->entry || biflow_is_taken(b->t, k))
		return batch_leave(b, l, 0);
	e = journal_flow(b->t->table, k);
	if (!is_complete(b, e, &why)) {
		batch_cut(b, k);
		return true;	/* it stays until the cut is made */
	}
	if (batch_record(b, k, why, &other) != 0)
		return batch_leave(b, l, 0);
	l->rec.reverse = &other.rec;
	paired = all_pair(&b->agent->outputs, &l->rec);
	l->rec.reverse = NULL;
	return paired ? leave_pair(b, l, &other) : batch_leave(b, l, 0);
}
