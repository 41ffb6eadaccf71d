// SPDX-License-Identifier: Apache-2.0
/*
 * An entry is copied while programs write it: between two equal, even readings of its bucket's
 * lock, else again. One that wanders meanwhile, from the half-open ones to the others and from
 * there into the ring, is looked for in that order, and what was found twice is told from its
 * copy by when the side began.
 */
#include "kernel/health_find.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "kernel/step.h"
#include "tcp_key.h"

#define COPY_TRIES 256
/* The program stamps one packet twice, first for its flow, then for its connection: so long
 * apart at the most. */
#define STAMP_SLACK_NS (20 * NSEC_PER_USEC)

static void copy_words(void *to, const void *from, size_t begin, size_t end)
{
	const uint64_t *f = (const uint64_t *)from;
	uint64_t *t = to;

	for (size_t i = begin / 8; i < (end + 7) / 8; i++)
		t[i] = __atomic_load_n(&f[i], __ATOMIC_RELAXED);
}

static void copy_side(struct tcp_side *to, const struct tcp_side *from)
{
	copy_words(to, from, 0, offsetof(struct tcp_side, sent));
	copy_words(to, from, offsetof(struct tcp_side, before), offsetof(struct tcp_side, reserved));
}

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	barrier();
#endif
}

/* The entry's head and that side. False: it is written all the time. */
static bool copy_entry(const struct tcp_bucket *b, const struct tcp_conn *from, uint8_t side,
		       struct tcp_conn *ret_head, struct tcp_side *ret_side)
{
	for (int i = 0; i < COPY_TRIES; i++) {
		uint32_t lock = __atomic_load_n(&b->lock, __ATOMIC_ACQUIRE);

		if (!(lock & 1)) {
			copy_words(ret_head, from, 0, offsetof(struct tcp_conn, side));
			copy_words(ret_head, from, offsetof(struct tcp_conn, syn_ns),
				   offsetof(struct tcp_conn, hole_us));
			copy_side(ret_side, &from->side[side]);
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (__atomic_load_n(&b->lock, __ATOMIC_RELAXED) == lock)
				return true;
		}
		pause_briefly();
	}
	return false;
}

/* Does the side advance where this flow's packets are seen? */
static bool is_observed(const struct tcp_side *s, const struct flow_key *k)
{
	uint32_t place = TCP_PLACE(k->vlan_outer, k->vlan_inner);

	return s->place == place && s->ifindex == key_ifindex(k) && s->direction == k->direction;
}

/*
 * Are packets of @part among those of @s? A record's begin is exact where it shows the SYN: the
 * connection before had its last packet earlier. The end is known to a tick: a connection that
 * begins in the last one of a record which shows the end of another is not that record's.
 */
static bool touches(const struct flow_part *part, const struct tcp_side *s)
{
	uint64_t tick = clock_tick_ns();
	uint64_t slack = part->tcp_flags & TH_SYN ? 0 : tick;

	if (s->last_ns + slack < part->first_ns)
		return false;
	if (!part->closed && !(part->tcp_flags & (TH_FIN | TH_RST)))
		return s->first_ns <= part->last_ns + tick;
	return s->first_ns <= part->first_ns + STAMP_SLACK_NS ||
	       s->first_ns + tick <= part->last_ns;
}

/* Where the next one that is found goes; the copy that it replaces, if it wandered. */
static struct found *place_of(struct health_search *q, const struct tcp_side *s)
{
	for (size_t i = 0; i < q->n; i++) {
		if (q->v[i].s.first_ns == s->first_ns)
			return &q->v[i];
	}
	return q->n < HEALTH_PARTS ? &q->v[q->n++] : NULL;
}

static void add_found(struct health_search *q, const struct tcp_conn *head,
		      const struct tcp_side *s, struct tcp_side *live, uint8_t table, uint32_t gen)
{
	struct found *f;

	if (!is_observed(s, q->flow) || !touches(q->part, s))
		return;
	f = place_of(q, s);
	if (!f)
		return;
	f->live = live;
	f->idx = head->idx;
	f->gen = gen;
	f->table = table;
	f->conn_gen = head->gen;
	f->syn_ns = head->syn_ns;
	f->syn_ack_ns = head->syn_ack_ns;
	f->ack_ns = head->ack_ns;
	copy_side(&f->s, s);
}

static void look_in(struct health_search *q, struct table *t, uint32_t bucket)
{
	const struct tcp_bucket *b = &t->tcp[bucket];

	for (unsigned i = 0; i < TCP_WAYS; i++) {
		struct tcp_conn *c = &t->conns[bucket * TCP_WAYS + i], head;
		struct tcp_side s;

		if (__atomic_load_n(&b->tag[i], __ATOMIC_RELAXED) != q->hash ||
		    !copy_entry(b, c, q->side, &head, &s) || !head.gen ||
		    memcmp(&head.key, &q->key, sizeof(q->key)) != 0)
			continue;
		add_found(q, &head, &s, &c->side[q->side], HEALTH_TCP, head.gen);
	}
}

static void look_in_ends(struct health_search *q, struct ends *ends)
{
	struct end *e;

	/* No memory: what came is not known, as if the ring had been full. */
	if (ends_grew(ends) && ends_look(ends) < 0)
		error_clear();
	for (e = ends_find(ends, q->hash); e; e = ends_older(ends, e)) {
		if (memcmp(&e->c.key, &q->key, sizeof(q->key)) == 0)
			add_found(q, &e->c, &e->c.side[q->side], &e->c.side[q->side], HEALTH_END,
				  e->number);
	}
}

bool health_search_begin(const struct table *t, struct health_search *q,
			 const struct flow_key *flow)
{
	__u64 addrs[4];

	if (!t->tcp || flow->proto != IPPROTO_TCP)
		return false;
	memcpy(addrs, flow->src, sizeof(addrs));
	q->flow = flow;
	q->side = tcp_key_make(&q->key, addrs, flow->sport, flow->dport, flow->family,
			       flow->tunnel, flow->vni);
	q->hash = tcp_key_hash(&q->key);
	q->n = 0;
	return true;
}

void health_find(struct table *t, struct ends *ends, struct health_search *q,
		 const struct flow_part *part)
{
	const struct table_ctl *ctl = t->ctl;

	q->n = 0;
	q->part = part;
	/* First where it was first: what moves is found before or after. */
	if (ctl->tcp_half_buckets)
		look_in(q, t, tcp_key_half(q->hash, ctl->tcp_buckets, ctl->tcp_more_buckets,
					   ctl->tcp_half_buckets));
	look_in(q, t, tcp_key_bucket(q->hash, ctl->tcp_buckets));
	if (ctl->tcp_more_buckets)
		look_in(q, t, tcp_key_second(q->hash, ctl->tcp_buckets, ctl->tcp_more_buckets));
	look_in_ends(q, ends);
}
