// SPDX-License-Identifier: Apache-2.0
/*
 * What records say of connections, out of buckets built in memory as a program would leave them.
 * The numbers are the test's own.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "kernel/health.h"
#include "tcp_key.h"
#include "test.h"

#define BUCKETS	   16
#define HALF	   4
#define RING_BYTES (64 * 1024)
#define STRIDE	   (8 + sizeof(struct tcp_conn))
#define IN	   3
#define OUT	   4
#define MS	   NSEC_PER_MSEC

static struct table_ctl ctl;
static struct tcp_bucket tcp[BUCKETS + HALF];
static struct tcp_conn conns[(BUCKETS + HALF) * TCP_WAYS];
static uint64_t consumer, producer;
static uint8_t ring[2 * RING_BYTES] __attribute__((aligned(8)));
static struct table table;
static struct health *health;

static void begin(void)
{
	ctl = (struct table_ctl) { .tcp_buckets = BUCKETS, .tcp_half_buckets = HALF };
	memset(tcp, 0, sizeof(tcp));
	memset(conns, 0, sizeof(conns));
	consumer = producer = 0;
	table = (struct table) {
		.dir.cookie = 1, .writable = true, .ctl = &ctl, .tcp = tcp, .conns = conns,
		.tcp_ends = { &consumer, &producer, ring, RING_BYTES - 1 },
		.tcp_ends_fd = -1, .tcp_stats_fd = -1,
	};
	if (health_open(&table, &health) < 0)
		exit(1);
}

static void end(void)
{
	health_close(health);
}

/* 10.0.0.1:1000+n -> 10.0.0.2:80, as IN sees it enter. */
static struct flow_key forth(uint16_t n)
{
	return (struct flow_key) { .src = { 10, 0, 0, 1 }, .dst = { 10, 0, 0, 2 },
				   .sport = htons(1000 + n), .dport = htons(80), .proto = 6,
				   .family = 4, .ingress_ifindex = IN };
}

/* Its answers: made here, leaving by OUT. */
static struct flow_key back(uint16_t n)
{
	struct flow_key k = forth(n), r = k;

	memcpy(r.src, k.dst, sizeof(r.src));
	memcpy(r.dst, k.src, sizeof(r.dst));
	r.sport = k.dport;
	r.dport = k.sport;
	r.ingress_ifindex = 0;
	r.egress_ifindex = OUT;
	r.direction = FLOW_EGRESS;
	return r;
}

static uint32_t key_of(const struct flow_key *k, struct tcp_key *ret)
{
	__u64 addrs[4];

	memcpy(addrs, k->src, sizeof(addrs));
	return tcp_key_make(ret, addrs, k->sport, k->dport, k->family, k->tunnel, k->vni);
}

static struct tcp_side side_of(const struct flow_key *k, uint64_t first_ms, uint64_t last_ms)
{
	return (struct tcp_side) {
		.ifindex = key_ifindex(k), .direction = k->direction,
		.place = TCP_PLACE(k->vlan_outer, k->vlan_inner),
		.first_ns = first_ms * MS, .last_ns = last_ms * MS,
		.now = { TCP_NONE, TCP_NONE, TCP_NONE, TCP_NONE, TCP_NONE, TCP_NONE },
		.before = { TCP_NONE, TCP_NONE, TCP_NONE, TCP_NONE, TCP_NONE, TCP_NONE },
		.jitter_x16_us = TCP_NONE, .last_window = TCP_NONE,
	};
}

/* The connection of forth(n) and back(n), both of first .. last. */
static struct tcp_conn conn_of(uint16_t n, uint32_t gen, uint64_t first_ms, uint64_t last_ms)
{
	struct flow_key there = forth(n), here = back(n);
	struct tcp_conn c = { .gen = gen };
	uint32_t side = key_of(&there, &c.key);

	c.side[side] = side_of(&there, first_ms, last_ms);
	c.side[!side] = side_of(&here, first_ms, last_ms);
	return c;
}

static struct tcp_conn *put_in(uint32_t bucket, struct tcp_conn c)
{
	for (uint32_t i = 0; i < TCP_WAYS; i++) {
		if (tcp[bucket].tag[i])
			continue;
		c.idx = bucket * TCP_WAYS + i;
		tcp[bucket].tag[i] = tcp_key_hash(&c.key);
		conns[c.idx] = c;
		return &conns[c.idx];
	}
	exit(1);
}

static struct tcp_conn *put(struct tcp_conn c)
{
	return put_in(tcp_key_bucket(tcp_key_hash(&c.key), BUCKETS), c);
}

static struct tcp_conn *put_half(struct tcp_conn c)
{
	return put_in(tcp_key_half(tcp_key_hash(&c.key), BUCKETS, 0, HALF), c);
}

static void put_end(const struct tcp_conn *c)
{
	uint8_t *at = ring + (producer & (RING_BYTES - 1));
	uint32_t len = sizeof(*c);
	size_t here = RING_BYTES - (at - ring);

	memcpy(at, &len, sizeof(len));
	memcpy(at + 8, c, sizeof(*c));
	/* The data is mapped twice in a row. */
	if (here < STRIDE)
		memcpy(ring, at + here, STRIDE - here);
	memcpy(ring + RING_BYTES, ring, STRIDE);
	producer += STRIDE;
}

static struct tcp_side *side_in(struct tcp_conn *c, const struct flow_key *k)
{
	struct tcp_key key;

	return &c->side[key_of(k, &key)];
}

static struct flow_part part(uint64_t first_ms, uint64_t last_ms, uint8_t flags)
{
	return (struct flow_part) { .first_ns = first_ms * MS, .last_ns = last_ms * MS,
				    .tcp_flags = flags, .packets = 1, .bytes = 40 };
}

static struct record_tcp look(const struct flow_key *k, struct flow_part p)
{
	struct record_tcp r;

	health_read(health, k, &p, &r, NULL);
	return r;
}

/* Read to export, and export. */
static struct record_tcp export(const struct flow_key *k, struct flow_part p)
{
	struct health_reading reading;
	struct record_tcp r;

	health_read(health, k, &p, &r, &reading);
	health_leaves(health, &reading);
	for (size_t i = 0; i < reading.n; i++)
		health_apply(&table, &reading.part[i]);
	health_left(health, reading.part, reading.n);
	return r;
}

/* What a program does with a side's next packet. */
static void packet(struct tcp_side *s, uint32_t rtt_us)
{
	if (s->asked != s->done) {
		s->before = s->now;
		memset(&s->now, 0xff, sizeof(s->now));
		s->done = s->asked;
	}
	s->counts.rtt_samples++;
	s->counts.rtt_sum_us += rtt_us;
	s->now.min_rtt_us = rtt_us < s->now.min_rtt_us ? rtt_us : s->now.min_rtt_us;
	if (s->now.max_rtt_us == TCP_NONE || rtt_us > s->now.max_rtt_us)
		s->now.max_rtt_us = rtt_us;
}

static bool rtt_is(const struct record_tcp *r, uint32_t min, uint32_t max, uint32_t samples)
{
	if (!samples)
		return !(r->known & RECORD_TCP_RTT) && !r->rtt_samples;
	return (r->known & RECORD_TCP_RTT) && r->min_rtt_us == min && r->max_rtt_us == max &&
	       r->rtt_samples == samples;
}

TEST(each_direction_gets_its_own_numbers)
{
	const struct flow_key there = forth(1), here = back(1);
	struct record_tcp r;
	struct tcp_conn *c;

	begin();
	c = put(conn_of(1, 1, 100, 200));
	c->syn_ns = 100 * MS;
	c->syn_ack_ns = 120 * MS;
	c->ack_ns = 121500 * NSEC_PER_USEC;
	side_in(c, &there)->counts = (struct tcp_counts) {
		.retransmissions = 6, .fast_retransmits = 1, .timeout_retransmits = 2,
		.spurious_retransmits = 3, .out_of_order = 4, .duplicate_acks = 5, .zero_windows = 7,
		.keep_alives = 8, .ect0 = 9, .ect1 = 10, .ce = 11, .ece = 12, .cwr = 13,
		.rtt_samples = 2, .rtt_sum_us = 70,
	};
	side_in(c, &there)->now = (struct tcp_extremes) { 30, 40, 1000, 2000, 160, 5000 };
	side_in(c, &there)->jitter_x16_us = 1600;
	side_in(c, &there)->last_window = 1500;
	side_in(c, &here)->counts.zero_windows = 99;
	r = look(&there, part(100, 200, 0x1b));
	CHECK(r.retransmissions == 6 && r.fast_retransmits == 1 && r.timeout_retransmits == 2);
	CHECK(r.spurious_retransmits == 3 && r.out_of_order == 4 && r.duplicate_acks == 5);
	CHECK(r.zero_windows == 7 && r.keep_alives == 8 && r.ect0 == 9 && r.ect1 == 10);
	CHECK(r.ce == 11 && r.ece == 12 && r.cwr == 13 && r.rtt_sum_us == 70);
	CHECK(rtt_is(&r, 30, 40, 2) && r.min_window == 1000 && r.max_window == 2000);
	CHECK(r.last_window == 1500 && r.avg_jitter_us == 100 && r.max_jitter_us == 160);
	CHECK(r.max_in_flight == 5000 && r.known == 0x7f);
	CHECK(r.handshake_server_us == 20000 && r.handshake_client_us == 1500);
	r = look(&here, part(100, 200, 0x1b));
	CHECK(r.zero_windows == 99 && !r.retransmissions);
	CHECK(r.known == (RECORD_TCP_OBSERVED | RECORD_TCP_SERVER | RECORD_TCP_CLIENT));
	CHECK(r.handshake_server_us == 20000);
	end();
}

TEST(what_another_hook_or_vlan_observed_is_unknown)
{
	struct flow_key k = forth(1);

	begin();
	put_half(conn_of(1, 1, 100, 200));
	CHECK(look(&k, part(100, 200, 2)).known);
	k.ingress_ifindex = IN + 1;
	CHECK(!look(&k, part(100, 200, 2)).known);
	k = forth(1);
	k.direction = FLOW_EGRESS;
	k.egress_ifindex = IN;
	CHECK(!look(&k, part(100, 200, 2)).known);
	k = forth(1);
	k.vlan_outer = VLAN_PRESENT;
	CHECK(!look(&k, part(100, 200, 2)).known);
	k = forth(2);
	CHECK(!look(&k, part(100, 200, 2)).known);
	k = forth(1);
	k.proto = 17;
	CHECK(!look(&k, part(100, 200, 2)).known);
	table.tcp = NULL;
	k = forth(1);
	CHECK(!look(&k, part(100, 200, 2)).known);
	end();
}

TEST(records_of_one_connection_add_up_to_its_numbers)
{
	const struct flow_key k = forth(1);
	struct tcp_conn *c;
	struct tcp_side *s;
	struct record_tcp r;

	begin();
	c = put(conn_of(1, 8, 100, 9000));
	s = side_in(c, &k);
	s->counts.retransmissions = 0xfffffff0;
	s->taken.retransmissions = 0xfffffff0;
	s->taken_gen = 8;
	for (uint32_t i = 0; i < 5; i++) {
		s->counts.retransmissions += 7;
		packet(s, 1000 + i);
		packet(s, 2000 - i);
		CHECK(look(&k, part(100, 200, 0x18)).retransmissions == 7);
		r = export(&k, part(100, 200, 0x18));
		CHECK(r.retransmissions == 7 && rtt_is(&r, 1000 + i, 2000 - i, 2));
		r = look(&k, part(100, 200, 0x18));
		CHECK((r.known & RECORD_TCP_OBSERVED) && !r.retransmissions && rtt_is(&r, 0, 0, 0));
		/* And again, though nothing came. */
		r = export(&k, part(100, 200, 0x18));
		CHECK(!r.retransmissions && rtt_is(&r, 0, 0, 0));
	}
	end();
}

/* Of the two packets only the first was before the cut. */
TEST(a_window_ends_where_its_end_was_asked_for)
{
	const struct flow_key k = forth(1);
	const struct flow_part p = part(100, 200, 0x18);
	struct tcp_side *s;
	struct record_tcp r;

	begin();
	s = side_in(put(conn_of(1, 1, 100, 9000)), &k);
	packet(s, 1000);
	health_ask(health, &k, &p);
	health_ask(health, &k, &p);
	packet(s, 5000);
	r = look(&k, p);
	CHECK(rtt_is(&r, 1000, 5000, 2));
	/* Put off: it is read a second time. */
	struct health_reading put_off;
	health_read(health, &k, &p, &r, &put_off);
	CHECK(rtt_is(&r, 1000, 1000, 2));
	packet(s, 6000);
	r = export(&k, p);
	CHECK(rtt_is(&r, 1000, 1000, 3));
	packet(s, 4000);
	r = look(&k, p);
	CHECK(rtt_is(&r, 4000, 6000, 1));
	r = export(&k, p);
	CHECK(rtt_is(&r, 4000, 6000, 1));
	end();
}

TEST(an_old_connection_s_record_gets_nothing_of_the_next)
{
	const struct flow_key k = forth(1);
	struct tcp_conn old = conn_of(1, 1, 100, 200), *new;
	struct record_tcp r;

	begin();
	side_in(&old, &k)->counts.out_of_order = 3;
	put_end(&old);
	/* It began a millisecond later, in the same tick. */
	new = put(conn_of(1, 2, 201, 300));
	side_in(new, &k)->counts.out_of_order = 50;
	CHECK(health_look(health) == 0);
	r = look(&k, part(100, 201, 0x1b));
	CHECK(r.known && r.out_of_order == 3);
	r = look(&k, part(201, 300, 0x1a));
	CHECK(r.known && r.out_of_order == 50);
	/* One record of both: the first showed no end. */
	r = look(&k, part(100, 300, 0x1a));
	CHECK(r.out_of_order == 53);
	r = look(&k, part(400, 500, 0x1a));
	CHECK(!r.known);
	/* Of which the second shows no window yet. */
	old = conn_of(3, 1, 100, 200);
	{
		const struct flow_key k3 = forth(3);

		side_in(&old, &k3)->last_window = 7000;
		side_in(&old, &k3)->now.min_window = side_in(&old, &k3)->now.max_window = 7000;
		put_end(&old);
		put(conn_of(3, 2, 250, 300));
		r = look(&k3, part(100, 300, 0x18));
		CHECK(r.known & RECORD_TCP_WINDOW && r.min_window == 7000 && r.last_window == 7000);
	}
	end();
}

TEST(ends_are_told_once_and_then_consumed)
{
	size_t n;

	begin();
	/* More than the ring holds, so that it wraps. */
	for (uint16_t i = 0; i < 200; i++) {
		const struct flow_key there = forth(i), here = back(i);
		uint64_t at = clock_boot_ns() / MS;
		struct tcp_conn c = conn_of(i, i + 1, at, at + 50);
		struct flow_part p = part(at, at + 50, 0x1b);
		struct record_tcp r;

		side_in(&c, &there)->counts.duplicate_acks = i + 1;
		side_in(&c, &here)->counts.duplicate_acks = 1000;
		put_end(&c);
		CHECK(health_drain(health, &n) == 0 && n == 1 && consumer == producer - STRIDE);
		CHECK(look(&there, p).duplicate_acks == i + 1u);
		CHECK(export(&there, p).duplicate_acks == i + 1u);
		r = export(&there, p);
		CHECK(r.known && !r.duplicate_acks);
		/* Killed here, the next process knows. */
		health_close(health);
		CHECK(health_open(&table, &health) == 0 && health_look(health) == 0);
		r = look(&there, p);
		CHECK(r.known && !r.duplicate_acks);
		CHECK(health_drain(health, &n) == 0 && n == 1);
		CHECK(export(&here, p).duplicate_acks == 1000);
		CHECK(health_drain(health, &n) == 0 && n == 0 && consumer == producer);
	}
	end();
}

TEST(a_ring_that_fills_is_consumed_and_kept_in_memory)
{
	size_t n;

	begin();
	for (uint16_t i = 0; i < 150; i++) {
		struct flow_key k = forth(i);
		struct tcp_conn c = conn_of(i, i + 1, 1000000000, 1000000001);

		side_in(&c, &k)->counts.ece = i + 1;
		put_end(&c);
		CHECK(health_drain(health, &n) == 0 && n == i + 1u);
		CHECK(producer - consumer <= RING_BYTES / 2);
	}
	for (uint16_t i = 0; i < 150; i++) {
		struct flow_key k = forth(i);

		CHECK(export(&k, part(1000000000, 1000000001, 0x1b)).ece == i + 1u);
	}
	end();
}

/* Nothing is told of it before its end; its clock is the capture's. */
TEST(a_replay_s_own_table_keeps_all)
{
	size_t n;

	begin();
	table.dir.cookie = 0;
	health_close(health);
	CHECK(health_open(&table, &health) == 0);
	for (uint16_t i = 0; i < 2000; i++) {
		struct flow_key k = forth(i);
		struct tcp_conn c = conn_of(i, i + 1, 1, 2);

		side_in(&c, &k)->counts.ece = i + 1;
		put_end(&c);
		CHECK(health_drain(health, &n) == 0 && n == i + 1u && producer == consumer);
	}
	for (uint16_t i = 0; i < 2000; i++) {
		struct flow_key k = forth(i);

		CHECK(look(&k, part(1, 2, 0x1b)).ece == i + 1u);
	}
	end();
}

TEST(ends_that_are_long_over_go)
{
	struct tcp_conn c = conn_of(1, 1, 100, 200);
	uint64_t now = clock_boot_ns() / MS, age = now > 700000 ? now - 700000 : 1;
	const struct flow_key k = forth(1);
	size_t n;

	begin();
	c = conn_of(1, 1, age, age);
	side_in(&c, &k)->counts.ece = 1;
	put_end(&c);
	CHECK(health_drain(health, &n) == 0);
	if (now <= 700000)
		SKIP("this machine has not run for as long");
	CHECK(n == 0 && consumer == producer);
	end();
}

/* It is in the ring when its record leaves, with what was told before. */
TEST(a_connection_that_gives_way_between_reading_and_leaving_is_told_once)
{
	const struct flow_key k = forth(1);
	const struct flow_part p = part(100, 200, 0x1b);
	struct health_reading reading;
	struct record_tcp r;
	struct tcp_conn *c;

	begin();
	c = put(conn_of(1, 1, 100, 200));
	side_in(c, &k)->counts.cwr = 5;
	health_read(health, &k, &p, &r, &reading);
	CHECK(r.cwr == 5);
	side_in(c, &k)->counts.cwr = 7;
	put_end(c);
	*c = conn_of(2, 2, 150, 200);
	health_leaves(health, &reading);
	health_apply(&table, &reading.part[0]);
	health_left(health, reading.part, reading.n);
	CHECK(!side_in(c, &k)->taken_gen);
	r = export(&k, p);
	CHECK(r.known && r.cwr == 2);
	end();
}

/* Half-open, then moved: both places hold it for a moment. */
TEST(a_connection_that_moves_is_counted_once)
{
	const struct flow_key k = forth(1);
	struct tcp_conn c = conn_of(1, 1, 100, 200);

	begin();
	side_in(&c, &k)->counts.cwr = 5;
	put_half(c);
	side_in(&c, &k)->counts.cwr = 6;
	c.gen = 77;
	put(c);
	CHECK(look(&k, part(100, 200, 0x1b)).cwr == 6);
	end();
}

/* Two flows of one side: by another way into the box, say. */
TEST(two_records_of_a_batch_do_not_share_numbers)
{
	struct flow_key a = back(1), b = a;
	const struct flow_part p = part(100, 200, 0x18);
	struct health_reading one, two;
	struct record_tcp r;

	begin();
	b.ingress_ifindex = 9;
	side_in(put(conn_of(1, 1, 100, 200)), &a)->counts.cwr = 5;
	health_read(health, &a, &p, &r, &one);
	CHECK(r.cwr == 5 && one.n == 1);
	health_leaves(health, &one);
	health_read(health, &b, &p, &r, &two);
	CHECK(r.known && !r.cwr && two.n == 0);
	health_left(health, NULL, 0);
	health_read(health, &b, &p, &r, &two);
	CHECK(r.cwr == 5);
	end();
}

static atomic_bool stop;

/* All words of a side say the same. */
static void *write_all_the_time(void *arg)
{
	struct tcp_bucket *b = arg;

	for (uint32_t i = 1; !stop; i++) {
		__atomic_store_n(&b->lock, b->lock + 1, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		for (unsigned side = 0; side < 2; side++) {
			struct tcp_side *s = &conns[(b - tcp) * TCP_WAYS].side[side];

			__atomic_store_n(&s->counts.ect0, i, __ATOMIC_RELAXED);
			__atomic_store_n(&s->last_window, i, __ATOMIC_RELAXED);
			__atomic_store_n(&s->now.min_window, i, __ATOMIC_RELAXED);
		}
		__atomic_store_n(&b->lock, b->lock + 1, __ATOMIC_RELEASE);
		for (volatile int rest = 0; rest < 100; rest++)
			;
	}
	return NULL;
}

TEST(a_copy_is_of_one_moment)
{
	const struct flow_key k = forth(1);
	unsigned known = 0, torn = 0;
	struct tcp_bucket *b;
	struct tcp_conn *c;
	pthread_t thread;
	uint64_t until;

	begin();
	c = put(conn_of(1, 1, 100, 200));
	b = &tcp[c->idx / TCP_WAYS];
	side_in(c, &k)->now.min_window = side_in(c, &k)->last_window = 0;
	pthread_create(&thread, NULL, write_all_the_time, b);
	until = clock_boot_ns() + NSEC_PER_SEC / 2;
	while (clock_boot_ns() < until) {
		struct record_tcp r = look(&k, part(100, 200, 0x18));

		known += r.known != 0;
		torn += r.known && (r.ect0 != r.last_window || r.ect0 != r.min_window);
	}
	stop = true;
	pthread_join(thread, NULL);
	printf("# %u copies\n", known);
	CHECK(known > 1000 && !torn);
	/* A writer that never ends. */
	b->lock |= 1;
	CHECK(!look(&k, part(100, 200, 0x18)).known);
	end();
}
