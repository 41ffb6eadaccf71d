// SPDX-License-Identifier: Apache-2.0
/*
 * A connection as outlet: what is taken goes into the backlog, and from there to the
 * collector as fast as it takes it. Whoever asks anything of the stream moves it on.
 *
 * A collector that is slow but takes something holds the export back, for what is not
 * exported yet is kept better where it is, in the pinned tables; one that takes nothing does
 * not, and neither does one that is away: for those the backlog is there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "ipfix/stream_internal.h"

/* A collector that took nothing for so long is not waited for; for this long, it is told. */
#define SLOW_NS NSEC_PER_SEC
#define STALLED_NS (10 * NSEC_PER_SEC)
/* More than this is what a break has left behind, and does not hold the export back. */
#define SLOW_BYTES (1024 * 1024)
#define LOOK_AGAIN_NS NSEC_PER_MSEC
/* A backlog without room is given so much time before records are lost. */
#define FULL_NS (2 * NSEC_PER_SEC)
/* A collector that is away for so long may be away when we are killed. */
#define AWAY_NS (5 * NSEC_PER_SEC)
/* At once, so that others have their turn. */
#define PUMP_BYTES (8 * 1024 * 1024)
/* How long a closing stream may take to get rid of what waits. */
#define CLOSE_NS NSEC_PER_SEC

static int net_open(struct stream *s, const struct stream_config *c)
{
	static const struct link_ops *const kinds[] = {
		[STREAM_TCP] = &link_tcp, [STREAM_TLS] = &link_tls, [STREAM_SCTP] = &link_sctp,
	};
	struct stream_net *n = &s->net;
	int r;

	n->link.fd = -1;
	n->up_ns = clock_boot_ns();
	n->voice.options_every_ns = s->options_every_ns;
	r = backlog_init(&n->backlog, c->backlog_bytes, c->backlog_file, c->backlog_file_bytes,
			 s->data.cap);
	if (r == 0)
		r = link_init(&n->link, kinds[c->kind], c->remote, c->local);
	if (r == 0 && c->kind == STREAM_TLS)
		r = link_set_tls(&n->link, c);
	return r;
}

/* What is wrong now; it stands until the agent had time to read it. */
static void tell(struct stream *s)
{
	struct stream_net *n = &s->net;
	char *to = s->sink.trouble;
	size_t size = sizeof(s->sink.trouble);

	s->sink.stats.errors = n->link.errors;
	if (n->full)
		snprintf(to, size, "%.120s%srecords are lost, the backlog is full", n->trouble,
			 n->trouble[0] ? "; " : "");
	else if (n->trouble[0])
		snprintf(to, size, "%.190s", n->trouble);
	else if (n->stalled)
		snprintf(to, size, "the collector takes nothing of what it is sent");
	else
		snprintf(to, size, "%s", n->backlog.trouble);
}

static void set_trouble(struct stream_net *n, uint64_t in_doubt)
{
	n->was_told = false;
	snprintf(n->trouble, sizeof(n->trouble), "%.140s", n->link.trouble);
	if (in_doubt)
		snprintf(n->trouble, sizeof(n->trouble),
			 "%.100s; %llu records may have arrived or not, and are not sent again",
			 n->link.trouble, (unsigned long long)in_doubt);
}

static void count_acked(struct stream *s, uint64_t acked)
{
	const struct stream_message *m;

	while ((m = backlog_acked(&s->net.backlog, acked))) {
		stream_count_sure(s, m);
		backlog_forget(&s->net.backlog);
	}
}

static void after_break(struct stream *s)
{
	struct stream_net *n = &s->net;
	uint64_t before = s->sink.stats.lost_records;
	const struct stream_message *m;

	count_acked(s, n->link.acked);
	backlog_break(&n->backlog, n->link.left);
	while ((m = backlog_acked(&n->backlog, UINT64_MAX))) {
		stream_count_lost(s, m);
		backlog_forget(&n->backlog);
	}
	set_trouble(n, s->sink.stats.lost_records - before);
	n->up = n->stalled = false;
}

/* Is there a connection? One that is new has heard nothing. */
static int advance(struct stream *s, uint64_t now)
{
	struct stream_net *n = &s->net;
	uint64_t errors = n->link.errors;
	int r = link_step(&n->link, now);

	if (n->up && r < 0)
		after_break(s);
	else if (errors != n->link.errors && n->link.state == LINK_IDLE)
		set_trouble(n, 0);
	n->up = r == 0;
	if (r < 0 || n->connections == n->link.connections)
		return r;
	n->connections = n->link.connections;
	n->progress_ns = now;
	stream_voice_reset(&n->voice);
	return 0;
}

/* Make the first message ready to be sent: what must go before it is the first then. */
static int begin(struct stream *s, struct stream_message *m)
{
	struct stream_net *n = &s->net;
	struct stream_domain *d = stream_voice_domain(&n->voice, m->domain);
	struct stream_queue before;
	int r = 0;

	if (!d)
		return -ENOMEM;
	stream_queue_init(&before);
	if (m->words)
		r = stream_voice_introduce(d, m->words, s->options, &s->scratch, &before);
	if (r < 0) {
		stream_queue_deinit(&before);
		return r;
	}
	backlog_put_first(&n->backlog, &before);
	stream_message_stamp(backlog_first(&n->backlog), d->sequence,
			     clock_real_ns() / NSEC_PER_SEC);
	backlog_begin(&n->backlog);
	return 0;
}

/* 1: the first message left whole; 0: not now; else the connection broke. */
static int send_first(struct stream *s, struct stream_message *m, uint64_t now)
{
	struct stream_net *n = &s->net;
	struct stream_domain *d;
	ssize_t sent = link_send(&n->link, m->bytes + m->done, m->len - m->done, now);

	if (sent <= 0)
		return sent;
	n->progress_ns = now;
	m->done += sent;
	if (m->done < m->len)
		return 0;
	d = stream_voice_domain(&n->voice, m->domain);
	d->sequence += m->records;
	stream_count_sent(s, d, m);
	backlog_handed(&n->backlog, n->link.written);
	return 1;
}

static int pump(struct stream *s, uint64_t now)
{
	struct stream_net *n = &s->net;
	uint64_t limit = n->link.written + PUMP_BYTES;
	struct stream_message *m;
	int r = 1;

	while (r > 0 && n->link.written < limit && (m = backlog_first(&n->backlog))) {
		if (!m->begun) {
			r = begin(s, m);
			if (r < 0)
				return r;
			m = backlog_first(&n->backlog);
		}
		r = send_first(s, m, now);
	}
	if (r < 0)
		after_break(s);
	else if (n->backlog.flying.first)
		count_acked(s, link_acked(&n->link));
	return r;
}

static void net_go_on(struct stream *s, uint64_t now)
{
	struct stream_net *n = &s->net;

	if (advance(s, now) == 0)
		pump(s, now);
	if (backlog_is_empty(&n->backlog)) {
		n->progress_ns = now;
		n->hurried = false;
	}
	n->stalled = n->up && now >= n->progress_ns + STALLED_NS;
	if (backlog_has_room(&n->backlog, s->data.cap)) {
		n->full_ns = 0;
		n->full &= backlog_waiting(&n->backlog) > n->backlog.bytes_max / 2;
	}
	if (n->up)
		n->up_ns = now;
	tell(s);
}

static int net_take(struct stream *s, struct stream_message *m)
{
	struct stream_message lost = *m;
	int r = backlog_push(&s->net.backlog, m);

	if (r < 0) {
		s->net.full = true;
		stream_count_lost(s, &lost);
	}
	return r;
}

static int net_take_options(struct stream *s, struct stream_message *m)
{
	backlog_put_next(&s->net.backlog, m);
	return 0;
}

static uint64_t net_wait_ns(struct stream *s, uint64_t now)
{
	struct stream_net *n = &s->net;

	net_go_on(s, now);
	if (backlog_is_empty(&n->backlog))
		return 0;
	if (n->up && !n->hurried && now < n->progress_ns + SLOW_NS &&
	    backlog_waiting(&n->backlog) <= SLOW_BYTES && !backlog_has_file(&n->backlog))
		return LOOK_AGAIN_NS;
	if (backlog_has_room(&n->backlog, s->data.cap))
		return 0;
	if (!n->full_ns)
		n->full_ns = now;
	return now < n->full_ns + FULL_NS ? 10 * LOOK_AGAIN_NS : 0;
}

static void net_hurry(struct stream *s, uint64_t now)
{
	s->net.hurried = true;
}

/* Trouble that is over goes at the second tick: between the two the agent has read it. */
static void net_tick(struct stream *s, uint64_t now)
{
	struct stream_net *n = &s->net;

	net_go_on(s, now);
	if (!n->up && now >= n->up_ns + AWAY_NS)
		backlog_spill(&n->backlog);
	if (n->up && n->was_told)
		n->trouble[0] = '\0';
	n->was_told = true;
	tell(s);
}

static int net_reopen(struct stream *s)
{
	return s->net.link.context ? link_reload_tls(&s->net.link) : 0;
}

static void count_lost(void *arg, const struct stream_message *m)
{
	stream_count_lost(arg, m);
}

/* The connection goes: with a message cut in it, nothing else can follow. */
static void net_give_up(struct stream *s)
{
	struct stream_net *n = &s->net;
	uint64_t before = s->sink.stats.lost_records;
	const struct stream_message *m;
	char why[121];

	backlog_break(&n->backlog, UINT64_MAX);
	while ((m = backlog_acked(&n->backlog, UINT64_MAX))) {
		stream_count_lost(s, m);
		backlog_forget(&n->backlog);
	}
	backlog_save(&n->backlog, count_lost, s);
	link_close(&n->link);
	n->up = false;
	if (s->sink.stats.lost_records == before)
		return;
	snprintf(why, sizeof(why), "%.120s",
		 n->trouble[0] ? n->trouble : "the collector takes nothing of what it is sent");
	snprintf(n->trouble, sizeof(n->trouble), "%s; %llu records did not reach it and are lost", why,
		 (unsigned long long)(s->sink.stats.lost_records - before));
	tell(s);
}

static void net_close(struct stream *s)
{
	struct stream_net *n = &s->net;
	uint64_t end = clock_boot_ns() + CLOSE_NS;

	while (n->up && !backlog_is_empty(&n->backlog) && clock_boot_ns() < end) {
		net_go_on(s, clock_boot_ns());
		if (n->up && !backlog_is_empty(&n->backlog))
			clock_sleep_ns(LOOK_AGAIN_NS);
	}
	backlog_break(&n->backlog, UINT64_MAX);
	backlog_save(&n->backlog, count_lost, s);
	link_deinit(&n->link);
	tls_context_free(n->link.context);
	backlog_deinit(&n->backlog);
	stream_voice_deinit(&n->voice);
}

static bool net_is_up(const struct stream *s)
{
	return s->net.up && !s->net.stalled;
}

static bool net_is_idle(const struct stream *s)
{
	return s->net.up && backlog_is_empty(&s->net.backlog);
}

static struct stream_voice *net_voice(struct stream *s)
{
	return &s->net.voice;
}

const struct stream_outlet stream_outlet_net = {
	.open = net_open,
	.take = net_take,
	.take_options = net_take_options,
	.go_on = net_go_on,
	.wait_ns = net_wait_ns,
	.hurry = net_hurry,
	.tick = net_tick,
	.reopen = net_reopen,
	.give_up = net_give_up,
	.close = net_close,
	.is_up = net_is_up,
	.is_idle = net_is_idle,
	.voice = net_voice,
};
