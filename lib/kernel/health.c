// SPDX-License-Identifier: Apache-2.0
/*
 * See health.h. An entry is copied while programs write it: between two equal, even readings of
 * its bucket's lock, else again. One that wanders meanwhile, from the half-open ones to the
 * others and from there into the ring, is looked for in that order, and what was found twice is
 * told from its copy by when the side began.
 *
 * Which window of time the extremes are of, is told by three counts of a side: `asked` and
 * `told` of user space, `done` of the program, which with the first packet behind a raised
 * `asked` puts its `now` away as `before`. Nothing of it waits for anybody.
 */
#include "kernel/health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "kernel/health_ends.h"
#include "kernel/step.h"
#include "tcp_key.h"

#define COPY_TRIES 256
/* The program stamps one packet twice, for its flow and for its connection, so long apart. */
#define STAMP_SLACK_NS (20 * NSEC_PER_USEC)
#define KEEP_NS (600 * NSEC_PER_SEC)
#define IPPROTO_TCP_ 6
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04

struct health {
	struct table *t;
	struct ends ends;
	uint32_t batch;		/* its number, never 0: tcp_side.leaving */
};

/* What one entry says of a flow's direction. */
struct found {
	struct tcp_side *live;	/* of the table, or of an end's copy; only for writing */
	uint32_t idx, gen;	/* as in ctl_health */
	uint8_t table;
	uint32_t conn_gen;
	uint64_t syn_ns, syn_ack_ns, ack_ns;
	struct tcp_side s;	/* of it, up to `next`, and user space's */
};

struct search {
	const struct flow_key *flow;
	const struct flow_part *part;
	struct tcp_key key;
	uint32_t hash;
	uint8_t side;
	struct found v[HEALTH_PARTS];
	size_t n;
};

int health_open(struct table *t, struct health **ret)
{
	struct health *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return fail(-ENOMEM, "cannot look at connections");
	h->t = t;
	/* Another one than any process before had. */
	h->batch = (uint32_t)(clock_boot_ns() >> 10) | 1;
	r = ends_init(&h->ends, t);
	if (r < 0) {
		free(h);
		return r;
	}
	*ret = h;
	return 0;
}

void health_close(struct health *h)
{
	if (!h)
		return;
	ends_deinit(&h->ends);
	free(h);
}

int health_look(struct health *h)
{
	ends_reset(&h->ends);
	return ends_look(&h->ends);
}

int health_drain(struct health *h, size_t *ret_n)
{
	uint64_t now = clock_boot_ns();
	int r;

	r = ends_look(&h->ends);
	if (r == 0)
		ends_consume(&h->ends, now > KEEP_NS ? now - KEEP_NS : 0);
	*ret_n = h->ends.next - h->ends.first;
	return r;
}

static void copy_words(void *to, const void *from, size_t begin, size_t end)
{
	const uint64_t *f = (const uint64_t *)from;
	uint64_t *t = to;

	for (size_t i = begin / 8; i < (end + 7) / 8; i++)
		t[i] = __atomic_load_n(&f[i], __ATOMIC_RELAXED);
}

static void copy_side(struct tcp_side *to, const struct tcp_side *from)
{
	copy_words(to, from, 0, offsetof(struct tcp_side, next));
	copy_words(to, from, offsetof(struct tcp_side, taken), offsetof(struct tcp_side, reserved));
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
			copy_words(ret_head, from, 0, offsetof(struct tcp_conn, reserved));
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
	uint32_t place = TCP_PLACE_KNOWN | k->vlan_outer | (uint32_t)k->vlan_inner << 16;

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
	uint64_t slack = part->tcp_flags & TCP_SYN ? STAMP_SLACK_NS : tick;

	if (s->last_ns + slack < part->first_ns)
		return false;
	if (!(part->tcp_flags & (TCP_FIN | TCP_RST)))
		return s->first_ns <= part->last_ns + tick;
	return s->first_ns <= part->first_ns + STAMP_SLACK_NS ||
	       s->first_ns + tick <= part->last_ns;
}

/* Where the next one that is found goes; the copy that it replaces, if it wandered. */
static struct found *place_of(struct search *q, const struct tcp_side *s)
{
	for (size_t i = 0; i < q->n; i++) {
		if (q->v[i].s.first_ns == s->first_ns)
			return &q->v[i];
	}
	return q->n < HEALTH_PARTS ? &q->v[q->n++] : NULL;
}

static void add_found(struct search *q, const struct tcp_conn *head, const struct tcp_side *s,
		      struct tcp_side *live, uint8_t table, uint32_t gen)
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

static void look_in(struct search *q, struct tcp_bucket *table, uint32_t buckets, uint8_t which)
{
	struct tcp_bucket *b;

	if (!table || !buckets)
		return;
	b = &table[tcp_key_bucket(q->hash, buckets)];
	for (unsigned i = 0; i < TCP_WAYS; i++) {
		struct tcp_conn head;
		struct tcp_side s;

		if (__atomic_load_n(&b->tag[i], __ATOMIC_RELAXED) != q->hash ||
		    !copy_entry(b, &b->way[i], q->side, &head, &s) || !head.gen ||
		    memcmp(&head.key, &q->key, sizeof(q->key)) != 0)
			continue;
		add_found(q, &head, &s, &b->way[i].side[q->side], which, head.gen);
	}
}

static void look_in_ends(struct search *q, struct ends *ends)
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

/* False: such a flow has no connection. */
static bool search_begin(const struct health *h, struct search *q, const struct flow_key *flow)
{
	__u64 addrs[4];

	if (!h->t->tcp || flow->proto != IPPROTO_TCP_)
		return false;
	memcpy(addrs, flow->src, sizeof(addrs));
	q->flow = flow;
	q->side = tcp_key_make(&q->key, addrs, flow->sport, flow->dport, flow->family,
			       flow->tunnel, flow->vni);
	q->hash = tcp_key_hash(&q->key);
	q->n = 0;
	return true;
}

static void search(struct health *h, struct search *q, const struct flow_part *part)
{
	const struct table_ctl *ctl = h->t->ctl;

	q->part = part;
	look_in(q, h->t->tcp_half, ctl->tcp_half_buckets, HEALTH_HALF);
	look_in(q, h->t->tcp, ctl->tcp_buckets, HEALTH_TCP);
	look_in_ends(q, &h->ends);
}

void health_prefetch(const struct health *h, const struct flow_key *key)
{
	const struct table_ctl *ctl = h->t->ctl;
	struct search q;

	if (!search_begin(h, &q, key))
		return;
	if (h->t->tcp_half)
		__builtin_prefetch(&h->t->tcp_half[tcp_key_bucket(q.hash, ctl->tcp_half_buckets)]);
	__builtin_prefetch(&h->t->tcp[tcp_key_bucket(q.hash, ctl->tcp_buckets)]);
}

static bool is_leaving(const struct health *h, const struct tcp_side *s)
{
	return s->leaving == h->batch;
}

static struct tcp_counts taken_of(const struct health *h, const struct found *f)
{
	if (is_leaving(h, &f->s))
		return f->s.counts;
	return f->s.taken_gen == f->conn_gen ? f->s.taken : (struct tcp_counts) { 0 };
}

#define ROW(f_) { offsetof(struct tcp_counts, f_), offsetof(struct record_tcp, f_) }
static const struct {
	size_t from, to;
} count_rows[] = {
	ROW(retransmissions), ROW(fast_retransmits), ROW(timeout_retransmits),
	ROW(spurious_retransmits), ROW(out_of_order), ROW(duplicate_acks), ROW(zero_windows),
	ROW(keep_alives), ROW(ect0), ROW(ect1), ROW(ce), ROW(ece), ROW(cwr), ROW(rtt_samples),
};
#undef ROW

static void add_counts(struct record_tcp *ret, const struct tcp_counts *c,
		       const struct tcp_counts *taken)
{
	for (size_t i = 0; i < ARRAY_SIZE(count_rows); i++) {
		const uint32_t *now = (const void *)((const char *)c + count_rows[i].from);
		const uint32_t *then = (const void *)((const char *)taken + count_rows[i].from);

		/* One that became another kind may lack where it was taken as the first. */
		if ((int32_t)(*now - *then) > 0)
			*(uint32_t *)((char *)ret + count_rows[i].to) += *now - *then;
	}
	ret->rtt_sum_us += c->rtt_sum_us - taken->rtt_sum_us;
}

/* What is taken then: never less than before. */
static struct tcp_counts taken_with(const struct tcp_counts *c, const struct tcp_counts *taken)
{
	struct tcp_counts sum = *c;

	for (size_t i = 0; i < ARRAY_SIZE(count_rows); i++) {
		const uint32_t *then = (const void *)((const char *)taken + count_rows[i].from);
		uint32_t *now = (void *)((char *)&sum + count_rows[i].from);

		if ((int32_t)(*now - *then) < 0)
			*now = *then;
	}
	return sum;
}

static const struct tcp_extremes no_extremes = {
	TCP_NONE, TCP_NONE, TCP_NONE, TCP_NONE, TCP_NONE, TCP_NONE,
};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;	/* TCP_NONE is the greatest */
}

static uint32_t greatest(uint32_t a, uint32_t b)
{
	return a == TCP_NONE ? b : b == TCP_NONE || a > b ? a : b;
}

static void widen(struct tcp_extremes *e, const struct tcp_extremes *by)
{
	*e = (struct tcp_extremes) {
		.min_rtt_us = least(e->min_rtt_us, by->min_rtt_us),
		.max_rtt_us = greatest(e->max_rtt_us, by->max_rtt_us),
		.min_window = least(e->min_window, by->min_window),
		.max_window = greatest(e->max_window, by->max_window),
		.max_jitter_us = greatest(e->max_jitter_us, by->max_jitter_us),
		.max_in_flight = greatest(e->max_in_flight, by->max_in_flight),
	};
}

/*
 * Of the window since the one that was told last. Only looking, what came behind one that was
 * asked for and has not left belongs to it as well. `done` is of neither: nothing was seen since.
 */
static struct tcp_extremes window_of(const struct tcp_side *s, bool looking, bool sampled)
{
	struct tcp_extremes e = no_extremes;

	if (s->done == s->told)
		return s->now;
	if (s->done != s->asked)
		return e;
	e = s->before;
	/* A packet came between the asking and the reading, and its sample is counted. */
	if (looking || (sampled && e.min_rtt_us == TCP_NONE))
		widen(&e, &s->now);
	return e;
}

/* 0 = one of them was not seen, or the clock says nonsense. */
static uint32_t since_us(uint64_t from_ns, uint64_t to_ns)
{
	uint64_t us = (to_ns - from_ns) / NSEC_PER_USEC;

	return us > UINT32_MAX ? UINT32_MAX : us;
}

static void set_handshake(struct record_tcp *ret, const struct found *f)
{
	if (f->syn_ns && f->syn_ack_ns >= f->syn_ns) {
		ret->known |= RECORD_TCP_SERVER;
		ret->handshake_server_us = since_us(f->syn_ns, f->syn_ack_ns);
	}
	if (f->syn_ack_ns && f->ack_ns >= f->syn_ack_ns) {
		ret->known |= RECORD_TCP_CLIENT;
		ret->handshake_client_us = since_us(f->syn_ack_ns, f->ack_ns);
	}
}

static void set_extremes(struct record_tcp *ret, const struct tcp_extremes *e,
			 const struct tcp_side *last)
{
	if (ret->rtt_samples && e->min_rtt_us != TCP_NONE) {
		ret->known |= RECORD_TCP_RTT;
		ret->min_rtt_us = e->min_rtt_us;
		ret->max_rtt_us = e->max_rtt_us;
	}
	if (e->min_window != TCP_NONE) {
		ret->known |= RECORD_TCP_WINDOW;
		ret->min_window = e->min_window;
		ret->max_window = e->max_window;
		ret->last_window = last->last_window;
	}
	if (e->max_jitter_us != TCP_NONE && last->jitter_x16_us != TCP_NONE) {
		ret->known |= RECORD_TCP_JITTER;
		ret->avg_jitter_us = last->jitter_x16_us / 16;
		ret->max_jitter_us = e->max_jitter_us;
	}
	if (e->max_in_flight != TCP_NONE) {
		ret->known |= RECORD_TCP_IN_FLIGHT;
		ret->max_in_flight = e->max_in_flight;
	}
}

/* What is left to tell of @f, less @taken; its samples alone if they are the only ones. */
static void sum_up(const struct health *h, const struct search *q, bool looking,
		   struct record_tcp *ret)
{
	struct tcp_extremes e = no_extremes;
	const struct found *last = &q->v[0];

	ret->known = RECORD_TCP_OBSERVED;
	for (size_t i = 0; i < q->n; i++) {
		const struct found *f = &q->v[i];
		struct tcp_counts taken = taken_of(h, f);
		struct tcp_extremes window;

		add_counts(ret, &f->s.counts, &taken);
		if (f->s.last_ns > last->s.last_ns)
			last = f;
		if (is_leaving(h, &f->s))
			continue;
		window = window_of(&f->s, looking || f->table == HEALTH_END,
				   f->s.counts.rtt_samples != taken.rtt_samples);
		widen(&e, &window);
	}
	set_extremes(ret, &e, &last->s);
	set_handshake(ret, last);
}

/* Their windows end here, unless an end was asked for that has not left yet. True: some did. */
static bool ask(const struct search *q)
{
	bool raised = false;

	for (size_t i = 0; i < q->n; i++) {
		const struct found *f = &q->v[i];

		if (f->table == HEALTH_END || f->s.asked != f->s.told)
			continue;
		__atomic_store_n(&f->live->asked, f->s.asked + 1, __ATOMIC_SEQ_CST);
		raised = true;
	}
	return raised;
}

void health_ask(struct health *h, const struct flow_key *key, const struct flow_part *part)
{
	struct search q;

	if (!search_begin(h, &q, key))
		return;
	search(h, &q, part);
	ask(&q);
}

static void note_reading(const struct health *h, const struct search *q,
			 struct health_reading *reading)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct found *f = &q->v[i];
		struct tcp_counts taken = taken_of(h, f);

		if (is_leaving(h, &f->s))
			continue;
		reading->part[reading->n++] = (struct ctl_health) {
			.idx = f->idx, .gen = f->gen, .told = f->s.asked, .side = q->side,
			.table = f->table, .counts = taken_with(&f->s.counts, &taken),
		};
	}
}

void health_read(struct health *h, const struct flow_key *key, const struct flow_part *part,
		 struct record_tcp *ret, struct health_reading *reading)
{
	struct search q;

	*ret = (struct record_tcp) { 0 };
	if (reading)
		reading->n = 0;
	if (!search_begin(h, &q, key))
		return;
	search(h, &q, part);
	if (reading && ask(&q)) {
		search_begin(h, &q, key);
		search(h, &q, part);
	}
	if (!q.n)
		return;
	sum_up(h, &q, !reading, ret);
	if (reading)
		note_reading(h, &q, reading);
}

static struct tcp_conn *conn_of(const struct table *t, const struct ctl_health *v)
{
	uint32_t buckets = v->table == HEALTH_HALF ? t->ctl->tcp_half_buckets : t->ctl->tcp_buckets;
	struct tcp_bucket *table = v->table == HEALTH_HALF ? t->tcp_half : t->tcp;

	if (!table || v->idx / TCP_WAYS >= buckets)
		return NULL;
	return &table[v->idx / TCP_WAYS].way[v->idx % TCP_WAYS];
}

static bool is_still(const struct tcp_conn *c, const struct ctl_health *v)
{
	return c && __atomic_load_n(&c->gen, __ATOMIC_RELAXED) == v->gen;
}

static void take(struct tcp_side *s, const struct ctl_health *v, uint32_t gen)
{
	s->taken = v->counts;
	barrier();
	s->taken_gen = gen;
	s->told = v->told;
}

void health_apply(struct table *t, const struct ctl_health *left)
{
	struct tcp_conn *c;

	if (left->table == HEALTH_END) {
		ends_mark(t, left->gen, left->side);
		return;
	}
	c = conn_of(t, left);
	if (is_still(c, left))
		take(&c->side[left->side & 1], left, left->gen);
}

static struct end *end_of(struct health *h, const struct ctl_health *v)
{
	struct ends *e = &h->ends;

	for (uint64_t i = e->next; i-- > e->first;) {
		struct end *end = &e->v[i & (e->cap - 1)];

		if (end->number != i)
			continue;
		if (v->table == HEALTH_END ? (uint32_t)i == v->gen
					   : end->c.idx == v->idx && end->c.gen == v->gen)
			return end;
	}
	return NULL;
}

void health_leaves(struct health *h, const struct health_reading *reading)
{
	for (size_t i = 0; i < reading->n; i++) {
		const struct ctl_health *v = &reading->part[i];
		struct end *end = v->table == HEALTH_END ? end_of(h, v) : NULL;
		struct tcp_conn *c = end ? &end->c : v->table == HEALTH_END ? NULL : conn_of(h->t, v);

		if (end || is_still(c, v))
			__atomic_store_n(&c->side[v->side & 1].leaving, h->batch, __ATOMIC_RELAXED);
	}
}

/* What moved into the ring between reading and leaving took along what was told before. */
void health_left(struct health *h, const struct ctl_health *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct end *end;

		if (v[i].table != HEALTH_END && is_still(conn_of(h->t, &v[i]), &v[i]))
			continue;
		if (ends_grew(&h->ends) && ends_look(&h->ends) < 0)
			error_clear();
		end = end_of(h, &v[i]);
		if (end && v[i].table == HEALTH_END)
			side_take_all(&end->c.side[v[i].side & 1], end->c.gen);
		else if (end)
			take(&end->c.side[v[i].side & 1], &v[i], end->c.gen);
	}
	h->batch += 2;
}
