// SPDX-License-Identifier: Apache-2.0
/*
 * The flow table from the kernel's side: hits, evictions, generations, what happens when
 * there is no room, and that the ledger balances through all of it.
 */
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "flows.h"
#include "harness.h"
#include "test.h"

#define OPEN(...)                                                                                  \
	struct harness h = { __VA_ARGS__ };                                                        \
	const char *why_ = harness_open(&h);                                                       \
	if (why_)                                                                                  \
	SKIP(why_)

/* A failed check leaves the harness to the end of the process. */
#define CLOSE() harness_close(&h)

#define RECORD_BYTES (8 + sizeof(struct flow_slot))

static int send_tcp(const struct harness *h, uint32_t flow, uint8_t flags, uint16_t len)
{
	struct flow_packet p;
	struct harness_packet hp = { .data = p.bytes, .len = 14 + len };

	flow_packet(&p, flow, flags, len);
	return harness_run(h, &hp);
}

static int send_ack(const struct harness *h, uint32_t flow)
{
	return send_tcp(h, flow, TCP_ACK, 40);
}

/* Fill the ring: its flows have numbers from 1000000 on. */
static unsigned fill_ring(struct harness *h)
{
	uint64_t before = harness_ledger(h, LEDGER_FULL).packets;
	unsigned n = 0;

	while (harness_ledger(h, LEDGER_FULL).packets == before)
		send_ack(h, 1000000 + n++);
	return n;
}

TEST(packets_of_one_flow_add_up_in_one_slot)
{
	OPEN();
	const struct flow_slot *s;
	struct flow_packet p;
	struct harness_packet hp = { .data = p.bytes, .len = 114 };

	CHECK(send_tcp(&h, 7, TCP_SYN, 40) == TC_ACT_UNSPEC);
	flow_packet(&p, 7, TCP_ACK, 100);
	p.bytes[22] = 3;
	harness_run(&h, &hp);
	p.bytes[22] = 250;
	p.bytes[15] = 0xb8;
	harness_run(&h, &hp);
	s = harness_nth(&h, 0);
	CHECK(s->gen == 2 && s->c.packets == 3 && s->c.bytes == 240);
	CHECK(s->c.w.tcp_flags == (TCP_SYN | TCP_ACK));
	CHECK(s->c.w.min_ttl == 3 && s->c.w.max_ttl == 250);
	CHECK(s->c.w.tos == 0);
	CHECK((int32_t)(s->c.w.last_tick - s->c.first_tick) >= 0);
	CHECK(s[1].gen == 0);
	CHECK(harness_balances(&h));
	CLOSE();
}

TEST(a_first_packet_carries_the_time_of_its_arrival)
{
	OPEN();
	struct timespec before, after;

	clock_gettime(CLOCK_BOOTTIME, &before);
	send_ack(&h, 1);
	clock_gettime(CLOCK_BOOTTIME, &after);
	CHECK(harness_nth(&h, 0)->c.first_ns >= before.tv_sec * 1000000000ull + before.tv_nsec);
	CHECK(harness_nth(&h, 0)->c.first_ns <= after.tv_sec * 1000000000ull + after.tv_nsec);
	CLOSE();
}

TEST(at_egress_the_key_has_both_interfaces)
{
	OPEN(.direction = FLOW_EGRESS);
	struct flow_packet p;
	struct harness_packet hp = { .data = p.bytes, .len = 54, .ingress_ifindex = 1 };

	flow_packet(&p, 1, TCP_ACK, 40);
	harness_run(&h, &hp);
	hp.ingress_ifindex = 0;
	harness_run(&h, &hp);
	CHECK(harness_nth(&h, 0)->key.direction == FLOW_EGRESS);
	CHECK(harness_nth(&h, 0)->key.ingress_ifindex == 1 &&
	      harness_nth(&h, 0)->key.egress_ifindex == 1);
	CHECK(harness_nth(&h, 1)->key.ingress_ifindex == 0 &&
	      harness_nth(&h, 1)->key.egress_ifindex == 1);
	CLOSE();
}

TEST(the_oldest_of_a_full_bucket_goes_to_the_ring_whole)
{
	OPEN();
	struct flow_slot victim;
	const struct flow_slot *rec;
	uint64_t next;

	for (uint32_t i = 0; i < FLOW_WAYS; i++)
		send_ack(&h, i);
	/* Ticks wrap: this one is older than the rest though its number is greater. */
	for (int i = 0; i < FLOW_WAYS; i++)
		h.slots[i].c.w.last_tick = i == 2 ? 0xfffffff0 : 5;
	victim = h.slots[2];
	send_ack(&h, 99);
	CHECK(ring_producer(&h.rings[0]) == RECORD_BYTES);
	rec = ring_at(&h.rings[0], 0, &next);
	CHECK(rec && memcmp(rec, &victim, sizeof(victim)) == 0);
	CHECK(h.slots[2].gen == 4 && h.slots[2].idx == 2 && h.slots[2].c.packets == 1);
	CHECK(h.slots[2].key.src[3] == 99);
	CHECK(harness_balances(&h));
	CLOSE();
}

TEST(a_full_table_loses_new_flows_by_name_and_no_known_one)
{
	OPEN();
	unsigned records;
	uint64_t full;

	for (uint32_t i = 0; i < 1000; i++)
		CHECK(send_ack(&h, i) == TC_ACT_UNSPEC);
	full = harness_ledger(&h, LEDGER_FULL).packets;
	harness_rings(&h, &records);
	CHECK(records == 4096 / RECORD_BYTES);
	CHECK(full == 1000 - FLOW_WAYS - records);
	CHECK(harness_ledger(&h, LEDGER_FULL).bytes == full * 40);
	CHECK(harness_balances(&h));
	for (uint32_t i = 0; i < FLOW_WAYS; i++) {
		uint64_t packets = h.slots[i].c.packets;
		uint32_t flow = h.slots[i].key.src[2] << 8 | h.slots[i].key.src[3];

		send_ack(&h, flow);
		CHECK(h.slots[i].c.packets == packets + 1);
	}
	CHECK(harness_ledger(&h, LEDGER_FULL).packets == full);
	CLOSE();
}

TEST(a_new_epoch_begins_a_new_generation)
{
	OPEN();
	unsigned records;

	send_ack(&h, 1);
	send_ack(&h, 1);
	h.ctl->epoch = 1;
	send_ack(&h, 1);
	send_ack(&h, 1);
	CHECK(harness_nth(&h, 0)->gen == 4 && harness_nth(&h, 0)->c.packets == 2 &&
	      harness_nth(&h, 0)->c.epoch == 1);
	CHECK(harness_rings(&h, &records).packets == 2);
	CHECK(records == 1);
	CHECK(harness_balances(&h));
	CLOSE();
}

TEST(a_slot_idle_for_longer_begins_a_new_generation)
{
	OPEN();

	h.ctl->idle_ticks = 1000;
	send_ack(&h, 1);
	harness_nth(&h, 0)->c.w.last_tick -= 900;
	send_ack(&h, 1);
	CHECK(harness_nth(&h, 0)->gen == 2);
	harness_nth(&h, 0)->c.w.last_tick -= 1100;
	send_ack(&h, 1);
	CHECK(harness_nth(&h, 0)->gen == 4 && harness_nth(&h, 0)->c.packets == 1);
	CHECK(harness_balances(&h));
	CLOSE();
}

TEST(a_finished_flow_has_its_own_time_out)
{
	OPEN();

	h.ctl->idle_ticks = 10000;
	h.ctl->finished_ticks = 1000;
	send_tcp(&h, 1, TCP_FIN | TCP_ACK, 40);
	send_ack(&h, 1);
	CHECK(harness_nth(&h, 0)->gen == 2 && harness_nth(&h, 0)->c.packets == 2);
	harness_nth(&h, 0)->c.w.last_tick -= 1100;
	send_ack(&h, 1);
	CHECK(harness_nth(&h, 0)->gen == 4 && harness_nth(&h, 0)->c.w.tcp_flags == TCP_ACK);
	harness_nth(&h, 0)->c.w.last_tick -= 1100;
	send_ack(&h, 1);
	CHECK(harness_nth(&h, 0)->gen == 4);
	CLOSE();
}

TEST(a_syn_after_the_end_is_a_new_flow)
{
	OPEN();

	send_tcp(&h, 1, TCP_SYN, 40);
	send_tcp(&h, 1, TCP_SYN, 40);
	CHECK(harness_nth(&h, 0)->gen == 2);
	send_tcp(&h, 1, TCP_RST, 40);
	send_tcp(&h, 1, TCP_ACK, 40);
	CHECK(harness_nth(&h, 0)->gen == 2 && harness_nth(&h, 0)->c.packets == 4);
	send_tcp(&h, 1, TCP_SYN, 40);
	CHECK(harness_nth(&h, 0)->gen == 4 && harness_nth(&h, 0)->c.packets == 1);
	CHECK(harness_nth(&h, 0)->c.w.tcp_flags == TCP_SYN);
	send_tcp(&h, 1, TCP_FIN | TCP_ACK, 40);
	/* The other direction of a new connection. */
	send_tcp(&h, 1, TCP_SYN | TCP_ACK, 40);
	CHECK(harness_nth(&h, 0)->gen == 6 && harness_nth(&h, 0)->c.packets == 1);
	CLOSE();
}

TEST(a_rotation_waits_for_room_in_the_ring)
{
	OPEN();
	uint32_t gen;
	uint8_t flow;

	fill_ring(&h);
	h.ctl->epoch = 1;
	gen = h.slots[3].gen;
	flow = h.slots[3].key.src[3];
	send_ack(&h, 1000000 + flow - 0x40);
	CHECK(h.slots[3].gen == gen && h.slots[3].c.packets == 2 && h.slots[3].c.epoch == 0);
	CHECK(harness_balances(&h));
	ring_consume(&h.rings[0], ring_producer(&h.rings[0]));
	send_ack(&h, 1000000 + flow - 0x40);
	CHECK(h.slots[3].gen == gen + 2 && h.slots[3].c.packets == 1 && h.slots[3].c.epoch == 1);
	CLOSE();
}

TEST(without_an_agent_idle_flows_give_way_and_are_counted)
{
	OPEN();
	struct aged_key key = { .ifindex = 1, .direction = FLOW_INGRESS };
	struct ledger_count aged;
	uint64_t full;

	fill_ring(&h);
	full = harness_ledger(&h, LEDGER_FULL).packets;
	h.slots[1].c.w.last_tick -= 5000;
	h.slots[1].c.packets += 10;
	h.slots[1].c.bytes += 1000;
	send_ack(&h, 1);
	CHECK(harness_ledger(&h, LEDGER_FULL).packets == full + 1);
	h.ctl->reclaim_ticks = 4000;
	h.ctl->lease_ns = UINT64_MAX;
	send_ack(&h, 1);
	CHECK(harness_ledger(&h, LEDGER_FULL).packets == full + 2);
	h.ctl->lease_ns = 1;
	send_ack(&h, 1);
	CHECK(harness_ledger(&h, LEDGER_FULL).packets == full + 2);
	CHECK(bpf_map_lookup_elem(h.aged_fd, &key, &aged) == 0);
	CHECK(aged.packets == 11 && aged.bytes == 1040);
	CHECK(h.slots[1].key.src[3] == 1 && h.slots[1].c.packets == 1);
	/* The rest is not idle for long enough. */
	send_ack(&h, 2);
	CHECK(harness_ledger(&h, LEDGER_FULL).packets == full + 3);
	h.hook[0].cpu.by[LEDGER_SEEN].packets += 10;
	h.hook[0].cpu.by[LEDGER_SEEN].bytes += 1000;
	CHECK(harness_balances(&h));
	CLOSE();
}

TEST(sampling_leaves_the_ledger_balanced)
{
	OPEN(.sample = 4);
	uint64_t kept;

	for (int i = 0; i < 4000; i++)
		send_ack(&h, 1);
	kept = h.slots[0].c.packets;
	CHECK(kept > 800 && kept < 1200);
	CHECK(harness_ledger(&h, LEDGER_SAMPLED_OUT).packets == 4000 - kept);
	CHECK(harness_balances(&h));
	CLOSE();
}

TEST(each_cpu_writes_its_own_part)
{
	OPEN(.parts = 2, .buckets = 2);

	if (!harness_cpu(1)) {
		CLOSE();
		SKIP("has one CPU");
	}
	send_ack(&h, 1);
	CHECK(h.hook[0].cpu.by[LEDGER_SEEN].packets == 0);
	CHECK(h.hook[1].cpu.by[LEDGER_SEEN].packets == 1);
	CHECK(harness_slots(&h).packets == 1);
	for (uint32_t i = 0; i < 2 * FLOW_WAYS; i++)
		CHECK(h.slots[i].gen == 0);
	harness_cpu(0);
	send_ack(&h, 1);
	CHECK(h.hook[0].cpu.by[LEDGER_SEEN].packets == 1);
	CHECK(harness_balances(&h));
	CLOSE();
}

TEST(a_cpu_without_a_part_counts_as_full)
{
	OPEN();

	if (!harness_cpu(1)) {
		CLOSE();
		SKIP("has one CPU");
	}
	CHECK(send_ack(&h, 1) == TC_ACT_UNSPEC);
	harness_cpu(0);
	CHECK(harness_ledger(&h, LEDGER_FULL).packets == 1);
	CHECK(harness_balances(&h));
	CLOSE();
}

TEST(generations_pass_over_zero)
{
	OPEN();

	send_ack(&h, 1);
	harness_nth(&h, 0)->gen = 0xfffffffe;
	h.ctl->epoch = 1;
	send_ack(&h, 1);
	CHECK(harness_nth(&h, 0)->gen == 2);
	CHECK(harness_balances(&h));
	CLOSE();
}

static void send_fragment(const struct harness *h, uint16_t id, uint16_t frag, uint16_t vlan)
{
	uint8_t f[18 + 28];
	struct flow_packet p;
	struct harness_packet hp = { .data = f, .len = sizeof(f) };

	flow_packet(&p, 1, 0, 28);
	p.bytes[18] = id >> 8;
	p.bytes[19] = id;
	p.bytes[20] = frag >> 8;
	p.bytes[21] = frag;
	p.bytes[23] = 17;
	if (frag & 0x1fff)
		memset(&p.bytes[34], 0xee, 8);
	memcpy(f, p.bytes, 12);
	memcpy(f + 12, (uint8_t[]){ 0x81, 0, vlan >> 8, vlan }, 4);
	memcpy(f + 16, p.bytes + 12, 30);
	harness_run(h, &hp);
}

TEST(later_fragments_join_the_flow_of_the_first)
{
	OPEN();

	send_fragment(&h, 5, 0x2000, 1);
	send_fragment(&h, 5, 0x2001, 1);
	send_fragment(&h, 5, 0x0002, 1);
	CHECK(harness_nth(&h, 0)->c.packets == 3 && harness_nth(&h, 0)->key.sport == htons(80));
	/* Another datagram's, another VLAN's: no ports, and none from the payload. */
	send_fragment(&h, 6, 0x0002, 1);
	send_fragment(&h, 5, 0x0002, 2);
	CHECK(harness_nth(&h, 1)->c.packets == 1 && harness_nth(&h, 1)->key.sport == 0 &&
	      harness_nth(&h, 1)->key.dport == 0);
	CHECK(harness_nth(&h, 2)->c.packets == 1 && harness_nth(&h, 2)->key.sport == 0);
	CHECK(harness_balances(&h));
	CLOSE();
}

TEST(a_fragment_id_of_long_ago_is_anothers)
{
	OPEN();
	struct frag_key key;
	struct frag_ports ports;

	send_fragment(&h, 5, 0x2000, 1);
	CHECK(bpf_map_get_next_key(h.frags_fd, NULL, &key) == 0);
	CHECK(bpf_map_lookup_elem(h.frags_fd, &key, &ports) == 0);
	ports.seen_ns -= 31ull * 1000 * 1000 * 1000;
	CHECK(bpf_map_update_elem(h.frags_fd, &key, &ports, 0) == 0);
	send_fragment(&h, 5, 0x0002, 1);
	CHECK(harness_nth(&h, 0)->c.packets == 1 && harness_nth(&h, 1)->key.sport == 0);
	CLOSE();
}

TEST(a_later_fragment_of_ipv6_takes_the_protocol_behind_the_options_too)
{
	OPEN();
	/* Fragment header, offset 0 and more to come; destination options; UDP to port 53. */
	static const uint8_t behind_ip[] = { 60, 0, 0, 1, 0, 0, 0, 9,  17, 0,
					     1,	 4, 0, 0, 0, 0, 0, 80, 0,  53 };
	uint8_t f[14 + 40 + 8 + 16] = { [12] = 0x86, 0xdd, 0x60,     [19] = 24,
					44,	     64,   [37] = 1, [53] = 2 };
	struct harness_packet hp = { .data = f, .len = sizeof(f) };

	memcpy(f + 54, behind_ip, sizeof(behind_ip));
	harness_run(&h, &hp);
	f[57] = 16;
	memset(f + 62, 0xee, 16);
	harness_run(&h, &hp);
	CHECK(harness_nth(&h, 0)->key.proto == 17 && harness_nth(&h, 0)->key.dport == htons(53));
	CHECK(harness_nth(&h, 0)->c.packets == 2 && harness_nth(&h, 0)->c.bytes == 128);
	CLOSE();
}
