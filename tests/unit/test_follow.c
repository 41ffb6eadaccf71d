// SPDX-License-Identifier: Apache-2.0
/*
 * A table of a few slots and one ring, whose program and agent are played by hand: what a reading
 * finds is held against what was "counted", whoever emptied the ring meanwhile.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>

#include "base/clock.h"
#include "kernel/follow.h"
#include "test.h"

#define SLOTS	   8
#define RING_BYTES 4096 /* 30 records */
#define RECORD	   (8 + sizeof(struct flow_slot))
#define ETH	   3
#define T0	   (100 * NSEC_PER_SEC)

static struct table_ctl ctl;
static struct flow_slot slots[SLOTS];
static uint64_t consumer, producer;
static uint8_t data[2 * RING_BYTES] __attribute__((aligned(8)));
static struct table_ring ring = { &consumer, &producer, data, RING_BYTES - 1 };
static struct table table = { .ctl = &ctl, .slots = (void *)slots, .rings = &ring, .n_slots = SLOTS };

static void begin(void)
{
	memset(slots, 0, sizeof(slots));
	memset(&ctl, 0, sizeof(ctl));
	ctl.parts = 1;
	ctl.max_flows = SLOTS;
	consumer = producer = 0;
}

static struct flow_key key_of(uint16_t port, uint32_t ifindex)
{
	return (struct flow_key) {
		.src = { 10, 0, 0, 1 }, .dst = { 10, 0, 0, 2 }, .sport = htons(port), .dport = htons(80),
		.proto = 6, .family = 4, .ingress_ifindex = ifindex,
	};
}

/* A slot begins another generation, with one packet. */
static void start(unsigned slot, uint16_t port, uint64_t at_ns)
{
	struct flow_slot *s = &slots[slot];
	uint32_t gen = s->gen + 2;

	*s = (struct flow_slot) {
		.key = key_of(port, ETH), .gen = gen, .idx = slot,
		.c = { .packets = 1, .bytes = 40, .first_ns = at_ns, .w.tcp_flags = TH_ACK },
	};
}

static void hit(unsigned slot, uint64_t packets)
{
	slots[slot].c.packets += packets;
	slots[slot].c.bytes += 100 * packets;
}

/* Its content goes to the ring; false: no room. */
static bool evict(unsigned slot)
{
	uint32_t len = sizeof(struct flow_slot);
	uint64_t at = producer;

	if (producer + RECORD - consumer > RING_BYTES)
		return false;
	for (size_t i = 0; i < RECORD; i++) {
		uint8_t byte = i < 4 ? ((uint8_t *)&len)[i] : i < 8 ? 0 : ((uint8_t *)&slots[slot])[i - 8];

		data[(at + i) % RING_BYTES] = data[(at + i) % RING_BYTES + RING_BYTES] = byte;
	}
	producer += RECORD;
	return true;
}

static void agent_takes_all(void)
{
	consumer = producer;
}

static int open_on(struct follow *f, bool whole)
{
	struct follow_iface iface = { ETH, whole };

	return follow_open(&table, &iface, 1, f);
}

static struct ledger_count sum_of(const struct follow *f, uint16_t port)
{
	struct ledger_count sum = { 0 };

	for (uint32_t i = 0; i < f->n; i++) {
		if (f->flows[i].key.sport != htons(port))
			continue;
		sum.packets += f->flows[i].packets;
		sum.bytes += f->flows[i].bytes;
	}
	return sum;
}

static bool is_sum(const struct follow *f, uint16_t port, uint64_t packets)
{
	struct ledger_count sum = sum_of(f, port);

	if (sum.packets != packets)
		printf("# port %u: %llu packets, wanted %llu\n", port, (unsigned long long)sum.packets,
		       (unsigned long long)packets);
	return sum.packets == packets;
}

TEST(what_was_there_before_is_not_counted_but_what_comes_then_is)
{
	struct follow f;

	begin();
	start(0, 1, T0);
	hit(0, 9);
	CHECK(open_on(&f, false) == 0);
	CHECK(follow_read(&f) == 0 && f.n == 0);
	hit(0, 5);
	CHECK(follow_read(&f) == 0 && is_sum(&f, 1, 5) && f.n_changed == 1);
	CHECK(f.flows[0].bytes == 500 && f.flows[0].new_packets == 5);
	CHECK(follow_read(&f) == 0 && f.n_changed == 0 && is_sum(&f, 1, 5));
	hit(0, 2);
	CHECK(follow_read(&f) == 0 && f.flows[0].new_packets == 2 && is_sum(&f, 1, 7));
	follow_close(&f);
}

TEST(of_an_interface_that_is_wanted_whole_all_is_counted)
{
	struct follow f;

	begin();
	start(0, 1, T0);
	hit(0, 9);
	CHECK(evict(0));
	start(0, 2, T0 + 1);
	CHECK(open_on(&f, true) == 0);
	CHECK(follow_read(&f) == 0 && is_sum(&f, 1, 10) && is_sum(&f, 2, 1));
	follow_close(&f);
}

TEST(what_was_evicted_is_counted_though_the_agent_has_taken_it)
{
	struct follow f;

	begin();
	CHECK(open_on(&f, false) == 0);
	start(0, 1, T0);
	hit(0, 4);
	CHECK(follow_read(&f) == 0 && is_sum(&f, 1, 5));
	hit(0, 3);
	CHECK(evict(0));
	start(0, 2, T0 + 5);	/* never seen in the slot */
	CHECK(evict(0));
	start(0, 1, T0 + 9);
	hit(0, 1);
	agent_takes_all();
	CHECK(follow_read(&f) == 0);
	CHECK(is_sum(&f, 1, 10) && is_sum(&f, 2, 1) && f.overruns == 0);
	follow_close(&f);
}

TEST(a_slot_whose_record_is_out_and_that_still_stands_is_counted_once)
{
	struct follow f;

	begin();
	CHECK(open_on(&f, false) == 0);
	start(0, 1, T0);
	hit(0, 4);
	CHECK(evict(0));
	CHECK(follow_read(&f) == 0 && is_sum(&f, 1, 5));
	start(0, 1, T0 + 5);
	CHECK(follow_read(&f) == 0 && is_sum(&f, 1, 6));
	follow_close(&f);
}

TEST(a_slot_that_let_its_past_go_in_silence_goes_on)
{
	struct follow f;

	begin();
	CHECK(open_on(&f, false) == 0);
	start(0, 1, T0);
	CHECK(follow_read(&f) == 0 && is_sum(&f, 1, 1));
	start(0, 2, T0 + 5);
	hit(0, 1);
	CHECK(follow_read(&f) == 0 && is_sum(&f, 1, 1) && is_sum(&f, 2, 2));
	follow_close(&f);
}

TEST(a_ring_that_went_round_is_told_and_does_no_other_harm)
{
	struct follow f;

	begin();
	CHECK(open_on(&f, false) == 0);
	start(0, 1, T0);
	CHECK(follow_read(&f) == 0);
	for (unsigned i = 0; i < 100; i++) {
		CHECK(evict(0));
		agent_takes_all();
		start(0, 2, T0 + i);
	}
	CHECK(follow_read(&f) == 0 && f.overruns == 1 && is_sum(&f, 1, 1));
	hit(0, 7);
	CHECK(follow_read(&f) == 0 && f.overruns == 1);
	CHECK(f.flows[f.changed[0]].new_packets == 7);
	follow_close(&f);
}

TEST(draining_in_between_leaves_nothing_to_go_round)
{
	struct follow f;

	begin();
	CHECK(open_on(&f, false) == 0);
	start(0, 1, T0);
	for (unsigned i = 0; i < 100; i++) {
		CHECK(evict(0));
		agent_takes_all();
		start(0, 1, T0 + i);
		CHECK(i % 20 || follow_drain(&f) == 0);
	}
	CHECK(follow_read(&f) == 0 && f.overruns == 0 && is_sum(&f, 1, 101));
	CHECK(f.n_changed == 1 && f.flows[0].new_packets == 101);
	follow_close(&f);
}

TEST(another_interface_is_not_followed)
{
	struct follow f;

	begin();
	CHECK(open_on(&f, true) == 0);
	start(0, 1, T0);
	slots[0].key.ingress_ifindex = ETH + 1;
	CHECK(follow_read(&f) == 0 && f.n == 0);
	hit(0, 5);
	CHECK(follow_read(&f) == 0 && f.n == 0);
	follow_close(&f);
}

TEST(a_connection_by_the_same_ports_is_another_flow)
{
	struct follow f;

	begin();
	CHECK(open_on(&f, true) == 0);
	start(0, 1, T0);
	slots[0].c.w.tcp_flags = TH_SYN | TH_ACK | TH_PUSH | TH_FIN;
	CHECK(follow_read(&f) == 0 && f.n == 1 && !f.flows[0].closed);
	CHECK(evict(0));
	start(0, 1, T0 + 10 * NSEC_PER_SEC);
	slots[0].c.w.tcp_flags = TH_SYN;
	CHECK(follow_read(&f) == 0 && f.n == 2);
	CHECK(f.flows[0].closed && !f.flows[1].closed && f.flows[1].packets == 1);
	CHECK(f.flows[1].first_ns == T0 + 10 * NSEC_PER_SEC);
	follow_close(&f);
}

TEST(whatever_happens_in_between_every_packet_is_counted_once)
{
	uint64_t truth[4] = { 0 }, rng = 42;
	struct follow f;

	begin();
	CHECK(open_on(&f, false) == 0);
	for (unsigned step = 0; step < 200000; step++) {
		unsigned slot, port, packets;

		rng = rng * 6364136223846793005u + 1442695040888963407u;
		slot = rng >> 33 & (SLOTS - 1);
		port = rng >> 40 & 3;
		packets = rng >> 45 & 7;
		switch (rng >> 50 & 15) {
		case 0:
			agent_takes_all();
			break;
		case 1:
			CHECK(follow_read(&f) == 0);
			break;
		case 2:
		case 3:
			if (slots[slot].gen && !evict(slot))
				break;
			start(slot, port, T0 + step);
			truth[port]++;
			break;
		case 4:
			CHECK(follow_drain(&f) == 0);
			break;
		default:
			if (!slots[slot].gen)
				break;
			hit(slot, packets);
			truth[ntohs(slots[slot].key.sport)] += packets;
		}
	}
	CHECK(follow_read(&f) == 0 && f.overruns == 0);
	for (unsigned port = 0; port < 4; port++)
		CHECK(is_sum(&f, port, truth[port]));
	follow_close(&f);
}
