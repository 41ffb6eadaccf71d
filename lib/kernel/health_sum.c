// SPDX-License-Identifier: Apache-2.0
/*
 * Counts are differences to what was taken. Which window of time the extremes are of, is told by
 * three counts of a side: `asked` and `told` of user space, `done` of the program, which puts its
 * `now` away as `before` with the first that is to be written behind a raised `asked`. Nobody waits
 * for it.
 */
#include "kernel/health_find.h"

#include "base/cleanup.h"
#include "base/clock.h"

struct tcp_counts health_taken(const struct found *f, uint32_t batch)
{
	if (f->s.leaving == batch)
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

struct tcp_counts health_take_with(const struct tcp_counts *c, const struct tcp_counts *taken)
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
			 const struct tcp_side *last, uint32_t last_window)
{
	if (ret->rtt_samples && e->min_rtt_us != TCP_NONE) {
		ret->known |= RECORD_TCP_RTT;
		ret->min_rtt_us = e->min_rtt_us;
		ret->max_rtt_us = e->max_rtt_us;
	} else {
		ret->rtt_samples = 0;
		ret->rtt_sum_us = 0;
	}
	if (e->min_window != TCP_NONE) {
		ret->known |= RECORD_TCP_WINDOW;
		ret->min_window = e->min_window;
		ret->max_window = e->max_window;
		ret->last_window = last_window;
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

void health_sum(const struct health_search *q, uint32_t batch, bool looking,
		struct record_tcp *ret)
{
	struct tcp_extremes e = no_extremes;
	const struct found *last = &q->v[0], *seen = NULL, *shaken = NULL;

	ret->known = RECORD_TCP_OBSERVED;
	for (size_t i = 0; i < q->n; i++) {
		const struct found *f = &q->v[i];
		struct tcp_counts taken = health_taken(f, batch);
		struct tcp_extremes window;

		add_counts(ret, &f->s.counts, &taken);
		if (f->s.last_ns > last->s.last_ns)
			last = f;
		if (f->s.last_window != TCP_NONE && (!seen || f->s.last_ns > seen->s.last_ns))
			seen = f;
		/* What gave way in mid-connection and came back has forgotten how it began. */
		if (f->syn_ack_ns && (!shaken || f->s.last_ns > shaken->s.last_ns))
			shaken = f;
		if (f->s.leaving == batch)
			continue;
		window = window_of(&f->s, looking || f->table == HEALTH_END,
				   f->s.counts.rtt_samples != taken.rtt_samples);
		widen(&e, &window);
	}
	set_extremes(ret, &e, &last->s, seen ? seen->s.last_window : 0);
	if (shaken)
		set_handshake(ret, shaken);
}
