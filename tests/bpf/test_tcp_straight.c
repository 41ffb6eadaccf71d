// SPDX-License-Identifier: Apache-2.0
/*
 * Segments that go straight to the connection of their flow's hint (tcp_quick.h): they do, as much
 * as they may; and no hint leads into a connection that is another one by now.
 */
#include <bpf/bpf.h>

#include "segments.h"
#include "tc.skel.h"
#include "tcp_segment.h"
#include "test.h"

static void say(const struct harness *h, struct segment s)
{
	s.window = 1000;
	segment_send(h, &s);
}

static void data(const struct harness *h, uint32_t connection, uint32_t seq)
{
	say(h, (struct segment) { .connection = connection, .flags = TCP_ACK, .seq = seq, .ack = 500,
				  .len = 10 });
}

static void ack(const struct harness *h, uint32_t connection, uint32_t upto)
{
	say(h, (struct segment) { .connection = connection, .reply = true, .flags = TCP_ACK,
				  .seq = 500, .ack = upto });
}

/* Up to 110, and both ends have shown a window. */
static void begin(const struct harness *h, uint32_t connection)
{
	say(h, (struct segment) { .connection = connection, .flags = TCP_SYN, .seq = 99 });
	say(h, (struct segment) { .connection = connection, .reply = true, .flags = TCP_SYN | TCP_ACK,
				  .seq = 499, .ack = 100 });
	say(h, (struct segment) { .connection = connection, .flags = TCP_ACK, .seq = 100, .ack = 500 });
	data(h, connection, 100);
	ack(h, connection, 110);
}

static struct tcp_side *client(const struct harness *h, uint32_t connection)
{
	struct tcp_conn *c = in_table(h, connection);

	return &c->side[client_side(c)];
}

static uint64_t straight(const struct harness *h)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < h->tcp_buckets; i++)
		sum += h->tcp[i].straight;
	return sum;
}

static void exchange(const struct harness *h)
{
	for (uint32_t seq = 110; seq < 310; seq += 20) {
		data(h, 1, seq);
		data(h, 1, seq + 10);
		ack(h, 1, seq + 20);
	}
}

static bool exchanged(const struct harness *h)
{
	const struct tcp_side *w = client(h, 1);

	return w->next == 310 && w->counts.rtt_samples == 12 && w->counts.retransmissions == 0 &&
	       w->now.max_in_flight == 20 && w->last_window == 1000;
}

TEST(of_an_open_connection_nearly_all_do)
{
	OPEN();

	begin(&h, 1);
	CHECK(straight(&h) == 0 && harness_tcp_stats(&h).segments == 5);
	exchange(&h);
	CHECK(exchanged(&h) && straight(&h) == 30);
	CHECK(harness_tcp_stats(&h).segments == 35 && h.tcp->lock % 2 == 0);
	CLOSE();
}

TEST(by_xdp_they_do_as_well)
{
	OPEN(.xdp = true);

	begin(&h, 1);
	exchange(&h);
	CHECK(exchanged(&h) && straight(&h) == 30);
	CLOSE();
}

TEST(at_egress_they_do_where_ingress_does_not_count)
{
	OPEN(.direction = FLOW_EGRESS);
	uint32_t lo = 1;
	uint8_t yes = 1;

	begin(&h, 1);
	data(&h, 1, 110);
	CHECK(straight(&h) == 1);
	bpf_map_update_elem(h.tcp_ingress_fd, &lo, &yes, 0);
	data(&h, 1, 120);
	CHECK(straight(&h) == 1 && harness_tcp_stats(&h).segments == 6 && client(&h, 1)->next == 120);
	CLOSE();
}

TEST(a_hint_goes_with_the_flow_of_its_slot)
{
	OPEN();

	begin(&h, 1);
	begin(&h, 2);
	data(&h, 1, 110);
	data(&h, 2, 110);
	CHECK(straight(&h) == 2);
	/* There are four slots, so each of these has one of theirs, and comes when they wait for it. */
	for (uint32_t connection = 10; connection < 50; connection++) {
		data(&h, connection, 110);
		data(&h, connection, 120);
	}
	CHECK(straight(&h) == 2 && client(&h, 1)->next == 120 && client(&h, 2)->next == 120);
	CLOSE();
}

TEST(a_hint_to_what_gave_way_is_of_no_use)
{
	OPEN(.buckets = 64);
	const struct tcp_conn *c;
	uint64_t before;

	for (uint32_t i = 1; i <= TCP_WAYS; i++)
		begin(&h, i);
	data(&h, 3, 110);
	c = in_table(&h, 3);
	say(&h, (struct segment) { .connection = 3, .reply = true, .flags = TCP_RST, .seq = 500 });
	begin(&h, 50);
	CHECK(in_table(&h, 50) == c && !in_table(&h, 3));
	before = straight(&h);
	/* What the other one waits for. */
	data(&h, 3, 110);
	ack(&h, 3, 110);
	CHECK(straight(&h) == before && client(&h, 50)->next == 110 && in_table(&h, 50) == c);
	CLOSE();
}

TEST(a_hint_to_what_was_half_open_is_of_no_use)
{
	OPEN();

	say(&h, (struct segment) { .connection = 1, .flags = TCP_SYN, .seq = 99 });
	say(&h, (struct segment) { .connection = 1, .reply = true, .flags = TCP_SYN | TCP_ACK,
				   .seq = 499, .ack = 100 });
	ack(&h, 1, 100);
	say(&h, (struct segment) { .connection = 1, .flags = TCP_ACK, .seq = 100, .ack = 500 });
	CHECK(in_table(&h, 1)->flags & TCP_CONN_STRAIGHT);
	data(&h, 1, 100);
	CHECK(client(&h, 1)->next == 110 && harness_tcp_stats(&h).segments == 5);
	CLOSE();
}

TEST(another_hook_that_counts_the_side_is_respected)
{
	OPEN();
	uint32_t ifindex = OTHER_IFINDEX;
	uint8_t yes = 1;

	begin(&h, 1);
	data(&h, 1, 110);
	bpf_map_update_elem(h.tcp_ingress_fd, &ifindex, &yes, 0);
	client(&h, 1)->ifindex = OTHER_IFINDEX;
	data(&h, 1, 120);
	CHECK(straight(&h) == 1 && client(&h, 1)->next == 120);
	client(&h, 1)->ifindex = 1;
	client(&h, 1)->direction = FLOW_EGRESS;
	data(&h, 1, 120); /* new to egress: it is taken over */
	CHECK(straight(&h) == 1 && client(&h, 1)->direction == FLOW_INGRESS);
	CLOSE();
}

TEST(while_somebody_watches_none_does)
{
	OPEN();

	begin(&h, 1);
	h.ctl->watch_ns = UINT64_MAX;
	exchange(&h);
	CHECK(exchanged(&h) && straight(&h) == 0);
	CLOSE();
}

TEST(who_watches_handshakes_only_is_no_matter)
{
	OPEN();

	begin(&h, 1);
	h.ctl->watch_ns = UINT64_MAX & ~(uint64_t)TCP_WATCH_RTT;
	exchange(&h);
	CHECK(exchanged(&h) && straight(&h) == 30);
	CLOSE();
}

/* Flows by the same hook while it has no TCP metrics. */
static bool without_tcp(const struct harness *h)
{
	const struct {
		const char *name;
		int fd;
	} rows[] = {
		{ "slots", h->slots_fd }, { "rings", h->rings_fd }, { ".data.ctl", h->ctl_fd },
		{ "hook", h->hook_fd },	  { "tcp_hints", h->tcp_hints_fd },
	};
	struct harness off = *h;

	off.tc = tc_bpf__open();
	*off.tc->rodata = *h->tc->rodata;
	off.tc->rodata->knob_tcp = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bpf_map__reuse_fd(bpf_object__find_map_by_name(off.tc->obj, rows[i].name), rows[i].fd);
	if (tc_bpf__load(off.tc) < 0)
		return false;
	off.prog_fd = bpf_program__fd(off.tc->progs.flowctl_tc);
	for (uint32_t connection = 10; connection < 20; connection++) {
		data(&off, connection, 50);
		data(&off, connection, 60);
	}
	tc_bpf__destroy(off.tc);
	return true;
}

TEST(a_hint_of_before_tcp_metrics_were_off_is_of_no_use)
{
	OPEN();

	begin(&h, 1);
	begin(&h, 2);
	data(&h, 1, 110);
	data(&h, 2, 110);
	CHECK(straight(&h) == 2 && without_tcp(&h));
	for (uint32_t connection = 10; connection < 20; connection++)
		data(&h, connection, 120);
	CHECK(straight(&h) == 2 && client(&h, 1)->next == 120 && client(&h, 2)->next == 120);
	CLOSE();
}

TEST(whoever_holds_the_bucket_is_waited_for)
{
	OPEN();

	begin(&h, 1);
	h.tcp->lock |= 1;
	data(&h, 1, 110);
	CHECK(straight(&h) == 0 && harness_tcp_stats(&h).busy == 1 && client(&h, 1)->next == 110);
	CLOSE();
}
