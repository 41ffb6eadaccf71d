// SPDX-License-Identifier: Apache-2.0
/*
 * The connections' table from the kernel's side: who finds which entry, which hook counts, what
 * gives way, and what is read out of a header.
 */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <time.h>

#include "segments.h"
#include "tcp_state.h"
#include "test.h"

#define SECOND_NS 1000000000ull

static void say(const struct harness *h, struct segment s)
{
	segment_send(h, &s);
}

static struct tcp_conn *half_open(const struct harness *h, uint32_t connection)
{
	return segment_entry(h, h->tcp_buckets + h->tcp_more_buckets, h->tcp_half_buckets, connection, 0);
}

/* TCP_WAY_* of its way. */
static uint8_t way_flags(const struct harness *h, const struct tcp_conn *c)
{
	return h->tcp[c->idx / TCP_WAYS].flags[c->idx % TCP_WAYS];
}

static void handshake(const struct harness *h, uint32_t connection, uint16_t client_vlan,
		      uint16_t server_vlan)
{
	say(h, (struct segment) { .connection = connection, .flags = TCP_SYN, .seq = 99,
				  .vlan = client_vlan });
	say(h, (struct segment) { .connection = connection, .reply = true, .flags = TCP_SYN | TCP_ACK,
				  .seq = 499, .ack = 100, .vlan = server_vlan });
	say(h, (struct segment) { .connection = connection, .flags = TCP_ACK, .seq = 100, .ack = 500,
				  .vlan = client_vlan });
}

/* It was, for half a second. */
static void silent(struct tcp_conn *c)
{
	c->side[0].last_ns -= SECOND_NS / 2;
	c->side[1].last_ns -= SECOND_NS / 2;
}

static uint64_t ends(const struct harness *h)
{
	return ring_producer(&h->tcp_ends) / (8 + sizeof(struct tcp_conn));
}

static const struct tcp_conn *end_at(const struct harness *h, unsigned n)
{
	return (const void *)(h->tcp_ends.data + n * (8 + sizeof(struct tcp_conn)) + 8);
}

TEST(a_handshake_is_half_open_until_its_last_ack)
{
	OPEN();

	say(&h, (struct segment) { .connection = 1, .flags = TCP_SYN, .seq = 99 });
	say(&h, (struct segment) { .connection = 1, .reply = true, .flags = TCP_SYN | TCP_ACK,
				   .seq = 499, .ack = 100 });
	CHECK(half_open(&h, 1) && !in_table(&h, 1));
	half_open(&h, 1)->side[0].taken_gen = half_open(&h, 1)->gen;
	half_open(&h, 1)->side[0].taken.ect0 = 17;
	say(&h, (struct segment) { .connection = 1, .flags = TCP_ACK, .seq = 100, .ack = 500 });
	CHECK(!half_open(&h, 1) && in_table(&h, 1));
	CHECK(in_table(&h, 1)->syn_ns && in_table(&h, 1)->syn_ack_ns && in_table(&h, 1)->ack_ns);
	/* What user space wrote comes along, and is of this generation. */
	CHECK(in_table(&h, 1)->side[0].taken.ect0 == 17);
	CHECK(in_table(&h, 1)->side[0].taken_gen == in_table(&h, 1)->gen);
	CHECK(in_table(&h, 1)->side[1].taken_gen == 0);
	CHECK(harness_tcp_stats(&h).segments == 3 && ends(&h) == 0);
	CHECK(h.tcp->lock % 2 == 0 && h.tcp_half->lock % 2 == 0 && h.tcp->lock);
	CLOSE();
}

TEST(a_connection_in_its_middle_needs_no_handshake)
{
	OPEN();
	const struct tcp_conn *c;

	say(&h, (struct segment) { .connection = 1, .flags = TCP_ACK, .seq = 7, .len = 10, .ecn = 2 });
	c = in_table(&h, 1);
	CHECK(c && !half_open(&h, 1));
	CHECK(way_flags(&h, c) == TCP_WAY_PROBATION);
	say(&h, (struct segment) { .connection = 1, .reply = true, .flags = TCP_ACK, .ack = 17 });
	CHECK(in_table(&h, 1) == c && way_flags(&h, c) == 0);
	CHECK(c->side[client_side(c)].counts.ect0 == 1 && c->side[!client_side(c)].acked == 17);
	CHECK(c->syn_ns == 0 && c->idx == c - h.conns && c->gen == 1);
	CLOSE();
}

TEST(a_flood_of_syns_leaves_the_established_alone)
{
	OPEN(.tcp_buckets = 4, .tcp_half_buckets = 2);
	static struct tcp_bucket before[4];
	static struct tcp_conn conns[4 * TCP_WAYS];

	for (uint32_t i = 0; i < 8; i++)
		handshake(&h, i, 0, 0);
	memcpy(before, h.tcp, sizeof(before));
	memcpy(conns, h.conns, sizeof(conns));
	for (uint32_t i = 0; i < 5000; i++)
		say(&h, (struct segment) { .connection = 1000 + i, .flags = TCP_SYN, .seq = i });
	for (unsigned i = 0; i < 4; i++)
		before[i].lock = h.tcp[i].lock;	/* it was looked for there */
	CHECK(memcmp(before, h.tcp, sizeof(before)) == 0 && memcmp(conns, h.conns, sizeof(conns)) == 0);
	CHECK(harness_tcp_stats(&h).half_open_lost == 5000 - 2 * TCP_WAYS);
	CHECK(harness_tcp_stats(&h).replaced == 0 && ends(&h) == 0);
	CLOSE();
}

TEST(a_flood_of_other_packets_makes_its_own_kind_give_way)
{
	OPEN();

	for (uint32_t i = 0; i < TCP_WAYS - 1; i++)
		handshake(&h, i, 0, 0);
	for (uint32_t i = 0; i < 1000; i++)
		say(&h, (struct segment) { .connection = 1000 + i, .flags = TCP_ACK, .seq = i });
	for (uint32_t i = 0; i < TCP_WAYS - 1; i++)
		CHECK(in_table(&h, i));
	CHECK(in_table(&h, 1999));
	CHECK(harness_tcp_stats(&h).replaced == 999 && harness_tcp_stats(&h).no_room == 0);
	/* No more than half of the ring is for such. */
	CHECK(ends(&h) == h.tcp_ends_bytes / 2 / (8 + sizeof(struct tcp_conn)) + 1);
	CHECK(ends(&h) + harness_tcp_stats(&h).ends_lost == 999);
	CLOSE();
}

TEST(what_is_alive_does_not_give_way_to_what_may_be_nothing)
{
	OPEN();
	struct tcp_conn *c;

	for (uint32_t i = 0; i < TCP_WAYS; i++)
		handshake(&h, i, 0, 0);
	for (uint32_t i = 0; i < 100; i++)
		say(&h, (struct segment) { .connection = 1000 + i, .flags = TCP_ACK, .seq = i });
	CHECK(harness_tcp_stats(&h).no_room == 100 && ends(&h) == 0);
	/* To a whole handshake it does: the longest silent. */
	c = in_table(&h, 2);
	silent(c);
	handshake(&h, 50, 0, 0);
	CHECK(in_table(&h, 50) == c && c->idx == c - h.conns);
	CHECK(ends(&h) == 1 && connection_of(end_at(&h, 0)) == 2);
	CHECK(end_at(&h, 0)->gen == 1 && in_table(&h, 50)->gen == 2);
	CHECK(harness_tcp_stats(&h).replaced == 1);
	CLOSE();
}

TEST(what_is_over_gives_way_first)
{
	OPEN();
	const struct tcp_conn *c;

	for (uint32_t i = 0; i < TCP_WAYS; i++)
		handshake(&h, i, 0, 0);
	say(&h, (struct segment) { .connection = 3, .reply = true, .flags = TCP_RST, .seq = 500 });
	c = in_table(&h, 3);
	CHECK(way_flags(&h, c) & TCP_WAY_OVER);
	silent(in_table(&h, 0));
	handshake(&h, 50, 0, 0);
	CHECK(in_table(&h, 50) == c);
	CHECK(ends(&h) == 1 && harness_tcp_stats(&h).replaced == 0);
	CLOSE();
}

/* How many of @n connections at once are found again by a segment later. */
static unsigned found_again(struct harness *h, uint32_t n)
{
	unsigned found = 0;

	for (uint32_t i = 0; i < n; i++)
		handshake(h, i, 0, 0);
	for (uint32_t i = 0; i < n; i++)
		say(h, (struct segment) { .connection = i, .flags = TCP_ACK, .seq = 100, .ack = 500,
					  .len = 10, .ecn = 2 });
	for (uint32_t i = 0; i < (h->tcp_buckets + h->tcp_more_buckets) * TCP_WAYS; i++) {
		const struct tcp_conn *c = &h->conns[i];
		const struct tcp_side *client = &c->side[client_side(c)];

		found += h->tcp[i / TCP_WAYS].tag[i % TCP_WAYS] && client->counts.ect0 == 1 && c->ack_ns;
	}
	return found;
}

/* As table_geometry_tcp() makes it for 2,048 connections. */
TEST(three_quarters_of_the_connections_it_is_made_for_drive_none_out)
{
	OPEN(.tcp_buckets = 256, .tcp_more_buckets = 64, .tcp_half_buckets = 64);

	CHECK(found_again(&h, 1536) == 1536);
	CHECK(harness_tcp_stats(&h).replaced == 0 && ends(&h) == 0);
	CLOSE();
}

TEST(in_a_full_table_one_in_fifty_at_most_is_driven_out)
{
	OPEN(.tcp_buckets = 256, .tcp_more_buckets = 64, .tcp_half_buckets = 64);
	unsigned found = found_again(&h, 2048);

	printf("# %u of 2048 are whole\n", found);
	CHECK(found >= 2048 - 2048 / 50);
	CHECK(harness_tcp_stats(&h).replaced <= 2048 / 50);
	CLOSE();
}

TEST(a_flood_of_other_packets_leaves_what_is_in_second_buckets_alone)
{
	OPEN(.tcp_buckets = 4, .tcp_more_buckets = 4);
	unsigned there = 0;

	for (uint32_t i = 0; i < 40; i++)
		handshake(&h, i, 0, 0);
	for (uint32_t i = 0; i < 5000; i++)
		say(&h, (struct segment) { .connection = 1000 + i, .flags = TCP_ACK, .seq = i });
	for (uint32_t i = 0; i < 40; i++)
		there += in_table(&h, i) != NULL;
	CHECK(there >= 38);
	CLOSE();
}

TEST(the_clock_follows_when_the_machine_was_asleep)
{
	OPEN();
	struct timespec boot, mono;
	int64_t asleep;

	h.ctl->boot_ns = 3600 * SECOND_NS;
	say(&h, (struct segment) { .connection = 1, .flags = TCP_SYN, .seq = 99 });
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	asleep = (boot.tv_sec - mono.tv_sec) * SECOND_NS + boot.tv_nsec - mono.tv_nsec;
	CHECK(llabs((int64_t)h.ctl->boot_ns - asleep) < 1000000);
	asleep = boot.tv_sec * SECOND_NS + boot.tv_nsec - half_open(&h, 1)->syn_ns;
	CHECK(asleep > 0 && asleep < (int64_t)(5 * SECOND_NS));
	CLOSE();
}

TEST(a_syn_behind_the_end_begins_another_connection_in_the_same_place)
{
	OPEN();
	struct tcp_conn old;

	handshake(&h, 1, 0, 0);
	say(&h, (struct segment) { .connection = 1, .flags = TCP_FIN | TCP_ACK, .seq = 100, .ack = 500 });
	say(&h, (struct segment) { .connection = 1, .reply = true, .flags = TCP_FIN | TCP_ACK,
				   .seq = 500, .ack = 101 });
	CHECK(way_flags(&h, in_table(&h, 1)) & TCP_WAY_OVER);
	in_table(&h, 1)->side[1].asked = 5;
	old = *in_table(&h, 1);
	say(&h, (struct segment) { .connection = 1, .flags = TCP_SYN, .seq = 900000 });
	CHECK(ends(&h) == 1 && memcmp(end_at(&h, 0), &old, sizeof(old)) == 0);
	CHECK(in_table(&h, 1)->gen == old.gen + 1 && in_table(&h, 1)->idx == old.idx);
	CHECK(in_table(&h, 1)->side[1].asked == 0 && !in_table(&h, 1)->syn_ack_ns);
	CHECK(way_flags(&h, in_table(&h, 1)) == TCP_WAY_PROBATION && !half_open(&h, 1));
	CLOSE();
}

TEST(the_same_addresses_in_two_vlans_are_two_connections)
{
	OPEN();
	const struct tcp_conn *a, *b;

	handshake(&h, 1, 10, 10);
	handshake(&h, 1, 20, 20);
	a = in_table(&h, 1);
	b = segment_entry(&h, 0, 1, 1, 1);
	CHECK(a && b && !segment_entry(&h, 0, 1, 1, 2) && !half_open(&h, 1));
	if (a->syn_ns > b->syn_ns) {
		const struct tcp_conn *first = b;

		b = a;
		a = first;
	}
	CHECK(a->side[0].place == TCP_PLACE(VLAN_PRESENT | 10, 0) && a->side[1].place == a->side[0].place);
	CHECK(b->side[0].place == TCP_PLACE(VLAN_PRESENT | 20, 0) && b->side[1].place == b->side[0].place);
	say(&h, (struct segment) { .connection = 1, .flags = TCP_ACK, .seq = 100, .ack = 500, .ecn = 3,
				   .vlan = 20 });
	CHECK(a->side[client_side(a)].counts.ce == 0 && b->side[client_side(b)].counts.ce == 1);
	CLOSE();
}

TEST(the_directions_of_a_routed_connection_meet_whatever_vlan_they_come_by)
{
	OPEN();
	const struct tcp_conn *c;

	handshake(&h, 1, 10, 0);
	handshake(&h, 2, 10, 30);
	c = in_table(&h, 1);
	CHECK(c && !segment_entry(&h, 0, 1, 1, 1) && !half_open(&h, 1));
	CHECK(c->side[client_side(c)].place == TCP_PLACE(VLAN_PRESENT | 10, 0));
	CHECK(c->side[!client_side(c)].place == TCP_PLACE(0, 0));
	CHECK(in_table(&h, 2) && !segment_entry(&h, 0, 1, 2, 1));
	CLOSE();
}

/* What the owner of the client's side counts once more when this comes. */
static bool counts(const struct harness *h, struct tcp_conn *c, uint32_t came_by, uint32_t seq)
{
	uint64_t before = harness_tcp_stats(h).segments;

	say(h, (struct segment) { .connection = 1, .flags = TCP_ACK, .seq = seq, .ack = 500, .len = 10,
				  .came_by = came_by });
	return harness_tcp_stats(h).segments != before;
}

TEST(egress_leaves_alone_what_counts_at_ingress)
{
	OPEN(.direction = FLOW_EGRESS);
	uint32_t ifindex = OTHER_IFINDEX, lo = 1;
	uint8_t yes = 1;
	struct tcp_conn *c;

	handshake(&h, 1, 0, 0);
	c = in_table(&h, 1);
	CHECK(c && c->side[0].direction == FLOW_EGRESS && c->side[0].ifindex == 1);
	CHECK(counts(&h, c, ifindex, 100));
	bpf_map_update_elem(h.tcp_ingress_fd, &ifindex, &yes, 0);
	CHECK(!counts(&h, c, ifindex, 110));
	CHECK(counts(&h, c, OTHER_IFINDEX + 1, 110));
	/* A test run is at lo: what goes out there comes in there. */
	CHECK(counts(&h, c, 0, 120));
	bpf_map_update_elem(h.tcp_ingress_fd, &lo, &yes, 0);
	CHECK(!counts(&h, c, 0, 130));
	CLOSE();
}

static void own(struct tcp_conn *c, uint8_t direction)
{
	c->side[client_side(c)].ifindex = OTHER_IFINDEX;
	c->side[client_side(c)].direction = direction;
}

TEST(of_two_ingress_hooks_that_see_the_same_one_counts)
{
	OPEN();
	uint32_t ifindex = OTHER_IFINDEX;
	uint8_t yes = 1;
	struct tcp_conn *c;
	struct tcp_side *w;

	bpf_map_update_elem(h.tcp_ingress_fd, &ifindex, &yes, 0);
	handshake(&h, 1, 0, 0);
	c = in_table(&h, 1);
	w = &c->side[client_side(c)];
	own(c, FLOW_INGRESS);
	CHECK(!counts(&h, c, 0, 100) && w->ifindex == OTHER_IFINDEX);
	/* The way has changed. */
	w->last_ns -= SECOND_NS;
	CHECK(counts(&h, c, 0, 100) && w->ifindex == 1);
	/* The other one's meter was taken off: at once, but not what it has counted. */
	own(c, FLOW_INGRESS);
	bpf_map_delete_elem(h.tcp_ingress_fd, &ifindex);
	CHECK(!counts(&h, c, 0, 100));
	CHECK(counts(&h, c, 0, 110) && w->ifindex == 1);
	CLOSE();
}

TEST(ingress_takes_over_from_egress_with_something_new)
{
	OPEN();
	struct tcp_conn *c;
	struct tcp_side *w;

	handshake(&h, 1, 0, 0);
	c = in_table(&h, 1);
	w = &c->side[client_side(c)];
	CHECK(counts(&h, c, 0, 100));
	own(c, FLOW_EGRESS);
	CHECK(!counts(&h, c, 0, 100) && w->ifindex == OTHER_IFINDEX);
	CHECK(counts(&h, c, 0, 110) && w->ifindex == 1 && w->direction == FLOW_INGRESS);
	CHECK(w->counts.retransmissions == 0);
	CLOSE();
}

TEST(of_two_egress_hooks_the_first_counts_for_as_long_as_it_does)
{
	OPEN(.direction = FLOW_EGRESS);
	struct tcp_conn *c;

	handshake(&h, 1, 0, 0);
	c = in_table(&h, 1);
	own(c, FLOW_EGRESS);
	CHECK(!counts(&h, c, 0, 100));
	c->side[client_side(c)].last_ns -= SECOND_NS;
	CHECK(counts(&h, c, 0, 100));
	CLOSE();
}

TEST(egress_does_not_take_a_vlan_of_ingress_for_another_connection)
{
	OPEN(.direction = FLOW_EGRESS);
	uint32_t ifindex = OTHER_IFINDEX;
	uint8_t yes = 1;
	struct tcp_conn *c;
	struct tcp_side *w;

	handshake(&h, 1, 0, 0);
	c = in_table(&h, 1);
	w = &c->side[client_side(c)];
	bpf_map_update_elem(h.tcp_ingress_fd, &ifindex, &yes, 0);
	own(c, FLOW_INGRESS);
	w->place = TCP_PLACE(VLAN_PRESENT | 10, 0);
	CHECK(!counts(&h, c, OTHER_IFINDEX + 1, 100) && !segment_entry(&h, 0, 1, 1, 1));
	w->last_ns -= SECOND_NS;
	CHECK(counts(&h, c, OTHER_IFINDEX + 1, 100) && segment_entry(&h, 0, 1, 1, 1));
	CLOSE();
}

TEST(a_bucket_that_stays_locked_costs_the_sample_and_is_counted)
{
	OPEN();

	handshake(&h, 1, 0, 0);
	h.tcp->lock = 7;
	say(&h, (struct segment) { .connection = 1, .flags = TCP_ACK, .seq = 100, .len = 10 });
	CHECK(harness_tcp_stats(&h).busy == 1 && harness_tcp_stats(&h).segments == 3);
	CHECK(h.tcp->lock == 7 && harness_ledger(&h, LEDGER_SEEN).packets == 4);
	h.tcp->lock = 8;
	h.tcp_half->lock = 7;
	say(&h, (struct segment) { .connection = 2, .flags = TCP_SYN });
	CHECK(harness_tcp_stats(&h).busy == 2 && h.tcp->lock == 10);
	CLOSE();
}

TEST(fragments_and_other_protocols_have_no_connection)
{
	OPEN();
	const struct segment s = { .connection = 1, .flags = TCP_ACK, .len = 100 };
	uint8_t frame[PAYLOAD_MAX];
	struct harness_packet p = { .data = frame, .len = segment_frame(&s, frame) };

	frame[20] = 0x20;	/* more fragments */
	harness_run(&h, &p);
	frame[20] = 0;
	frame[23] = IPPROTO_UDP;
	harness_run(&h, &p);
	frame[23] = IPPROTO_TCP;
	frame[46] = 0x40;	/* a header of 16 octets */
	harness_run(&h, &p);
	CHECK(harness_tcp_stats(&h).segments == 0 && h.tcp->lock == 0);
	CLOSE();
}

struct options_row {
	uint8_t options[OPTIONS_MAX];
	uint8_t len;
	bool syn;
	bool times, sack, scale;
};

static const struct options_row options_rows[] = {
	/* As Linux writes them. */
	{ { 1, 1, 8, 10, 0, 0, 0, 77, 0, 0, 0, 88 }, 12, .times = true },
	{ { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 77, 0, 0, 0, 0, 1, 3, 3, 7 }, 20, .syn = true,
	  .times = true, .scale = true },
	{ { 1, 1, 8, 10, 0, 0, 0, 77, 0, 0, 0, 88, 1, 1, 5, 10, 0, 0, 2, 0, 0, 0, 3, 0 }, 24,
	  .times = true, .sack = true },
	{ { 1, 1, 8, 10, 0, 0, 0, 77, 0, 0, 0, 88, 1, 1, 5, 18, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 2, 0, 0,
	    0, 3, 0 }, 32, .times = true, .sack = true },
	/* Others. */
	{ { 8, 10, 0, 0, 0, 77, 0, 0, 0, 88, 1, 1 }, 12, .times = true },
	{ { 1, 1, 5, 10, 0, 0, 2, 0, 0, 0, 3, 0 }, 12, .sack = true },
	{ { 5, 18, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 2, 0, 0, 0, 3, 0, 8, 10, 0, 0, 0, 77, 0, 0, 0, 88 }, 28,
	  .times = true, .sack = true },
	{ { 1, 1, 8, 10, 0, 0, 0, 77, 0, 0, 0, 88, 0, 0, 0, 0 }, 16, .times = true },
	{ { 3, 3, 7, 1, 4, 2, 1, 1 }, 8, .syn = true, .scale = true },
	/* Cut short, of a wrong length, behind the last. */
	{ { 1, 8, 10, 0 }, 4 },
	{ { 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 12 },
	{ { 8, 9, 0, 0, 0, 77, 0, 0, 0, 1, 1, 1 }, 12 },
	{ { 0, 1, 8, 10, 0, 0, 0, 77, 0, 0, 0, 88 }, 12 },
	{ { 3, 0, 3, 7 }, 4, .syn = true },
};

TEST(options_are_found_wherever_they_are)
{
	for (size_t i = 0; i < sizeof(options_rows) / sizeof(options_rows[0]); i++) {
		const struct options_row *row = &options_rows[i];
		struct segment s = { .connection = 1, .flags = row->syn ? TCP_SYN : TCP_ACK,
				     .ack = row->syn ? 0 : 0x100, .options_len = row->len };
		const struct tcp_side *w;
		struct tcp_conn *c;

		OPEN();
		memcpy(s.options, row->options, row->len);
		segment_send(&h, &s);
		c = row->syn ? half_open(&h, 1) : in_table(&h, 1);
		CHECK(c);
		w = &c->side[client_side(c)];
		if (w->tsval != (row->times ? 77 : 0) || w->sack_high != (row->sack ? 0x300 : 0) ||
		    w->scale != (row->scale ? 7 : TCP_NO_SCALE))
			printf("# row %zu: tsval %u sack %x scale %u\n", i, w->tsval, w->sack_high, w->scale);
		CHECK(w->tsval == (row->times ? 77 : 0));
		CHECK(w->sack_high == (row->sack ? 0x300 : 0));
		CHECK(w->scale == (row->scale ? 7 : TCP_NO_SCALE));
		CLOSE();
	}
}

TEST(a_super_packet_is_a_range_of_segments)
{
	OPEN();
	const struct tcp_side *w;

	say(&h, (struct segment) { .connection = 1, .flags = TCP_ACK, .seq = 1000, .len = 2500, .ecn = 2,
				   .segments = 3, .size = 1000 });
	w = &in_table(&h, 1)->side[client_side(in_table(&h, 1))];
	CHECK(w->next == 3500 && w->counts.ect0 == 3 && w->sent_size == 1000);
	/* The kernel does not always say how many there are. */
	say(&h, (struct segment) { .connection = 1, .flags = TCP_ACK, .seq = 3500, .len = 2500, .ecn = 2,
				   .size = 1000 });
	CHECK(w->next == 6000 && w->counts.ect0 == 6);
	CHECK(w->counts.retransmissions == 0 && w->counts.out_of_order == 0);
	CLOSE();
}

TEST(by_xdp_the_same)
{
	OPEN(.xdp = true);

	handshake(&h, 1, 5, 5);
	CHECK(in_table(&h, 1) && in_table(&h, 1)->ack_ns);
	CHECK(in_table(&h, 1)->side[0].place == TCP_PLACE(VLAN_PRESENT | 5, 0));
	CHECK(harness_tcp_stats(&h).segments == 3);
	CLOSE();
}
