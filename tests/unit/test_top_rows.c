// SPDX-License-Identifier: Apache-2.0
/* What `top` adds up, by which words it chooses, and in which order lines stand. */
#include <netinet/tcp.h>

#include "base/error.h"
#include "test.h"
#include "top.h"
#include "top/column.h"

static struct reading in;
static struct top_rows rows;

static void begin(enum top_by by)
{
	reading_init(&in);
	top_rows_init(&rows, &in.place, 1, by);
	/* The first reading says how it was, the next what happens in a second. */
	top_rows_update(&rows, BEGIN_NS);
}

static int read_after(uint64_t seconds)
{
	return top_rows_update(&rows, rows.now_ns + seconds * NSEC_PER_SEC);
}

static struct record there(uint16_t port)
{
	return leaving(flow(6, "10.0.0.1", port, "10.0.0.2", 80), 0, 1, 0);
}

static struct record back(uint16_t port)
{
	return arriving(flow(6, "10.0.0.2", 80, "10.0.0.1", port), 1, 0);
}

static const char *cell(uint32_t row, enum top_column c)
{
	static char text[TOP_CELL_MAX];

	top_columns[c].text(&rows, &rows.v[row], text);
	return text;
}

TEST(both_directions_of_a_connection_are_one_line_from_the_client_on)
{
	begin(TOP_BY_CONNECTION);
	reading_next(&in);
	reading_flow(&in, back(5000), 3, 3000);		/* met first, and from the server */
	reading_flow(&in, there(5000), 2, 200);
	CHECK(read_after(1) == 0 && rows.n == 1);
	CHECK_STR(cell(0, TOP_SOURCE), "10.0.0.1:5000");
	CHECK_STR(cell(0, TOP_DESTINATION), "10.0.0.2:80");
	CHECK(rows.v[0].total[0].bytes == 200 && rows.v[0].total[1].bytes == 3000);
	CHECK_STR(cell(0, TOP_PACKETS), "5");
	CHECK_STR(cell(0, TOP_TO_RATE), "1.60k");
	CHECK_STR(cell(0, TOP_FROM_RATE), "24.0k");
	CHECK_STR(cell(0, TOP_RATE), "25.6k");
	CHECK_STR(cell(0, TOP_PACKET_RATE), "5");
	top_rows_deinit(&rows);
}

TEST(the_handshake_says_who_the_client_is_whatever_the_ports)
{
	struct record a = flow(6, "10.0.0.1", 22, "10.0.0.2", 6000);

	begin(TOP_BY_CONNECTION);
	reading_next(&in);
	in.flows[reading_flow(&in, arriving(a, 1, 0), 1, 40)].tcp_flags = TH_SYN | TH_ACK;
	in.flows[0].syn_ack = true;
	CHECK(read_after(1) == 0);
	CHECK_STR(cell(0, TOP_SOURCE), "10.0.0.2:6000");
	top_rows_deinit(&rows);
}

TEST(a_rate_is_of_the_last_reading_alone_and_a_total_of_all)
{
	uint32_t f;

	begin(TOP_BY_CONNECTION);
	reading_next(&in);
	f = reading_flow(&in, there(5000), 10, 1000);
	CHECK(read_after(1) == 0 && rows.v[0].total[0].bytes == 1000);
	reading_next(&in);
	reading_count(&in, f, 5, 500);
	CHECK(read_after(2) == 0);
	CHECK(rows.v[0].total[0].bytes == 1500 && rows.v[0].total[0].packets == 15);
	CHECK_STR(cell(0, TOP_RATE), "2.00k");	/* 500 octets in two seconds */
	CHECK_STR(cell(0, TOP_PACKET_RATE), "2");
	reading_next(&in);
	CHECK(read_after(1) == 0);
	CHECK_STR(cell(0, TOP_RATE), "");
	CHECK(rows.v[0].total[0].bytes == 1500);
	top_rows_deinit(&rows);
}

TEST(the_first_reading_has_no_rate)
{
	reading_init(&in);
	top_rows_init(&rows, &in.place, 1, TOP_BY_CONNECTION);
	reading_flow(&in, there(5000), 10, 1000);
	CHECK(top_rows_update(&rows, BEGIN_NS) == 0 && rows.n == 1);
	CHECK_STR(cell(0, TOP_RATE), "");
	CHECK_STR(cell(0, TOP_BYTES), "1000");
	top_rows_deinit(&rows);
}

TEST(counters_beyond_53_bits_are_exact)
{
	begin(TOP_BY_ENDS);
	reading_next(&in);
	reading_flow(&in, there(1), 1, (1ull << 60) + 1);
	CHECK(read_after(1) == 0 && rows.v[0].total[0].bytes == (1ull << 60) + 1);
	top_rows_deinit(&rows);
}

TEST(a_forwarded_packet_is_in_one_line_but_in_those_of_both_interfaces)
{
	struct record r = flow(17, "10.1.0.1", 1000, "10.2.0.1", 53);

	begin(TOP_BY_HOST);
	reading_next(&in);
	reading_flow(&in, arriving(r, 1, 0), 4, 400);
	reading_flow(&in, leaving(r, 1, 2, 0), 4, 400);
	CHECK(read_after(1) == 0 && rows.n == 2);
	CHECK(rows.v[0].total[0].packets == 4 && rows.v[1].total[1].packets == 4);
	CHECK(top_rows_choose(&rows, TOP_BY_INTERFACE, NULL) == 0 && rows.n == 2);
	CHECK_STR(cell(0, TOP_INTERFACE), "eth0");
	CHECK(rows.v[0].total[0].packets == 4 && rows.v[0].total[1].packets == 0);
	CHECK_STR(cell(1, TOP_INTERFACE), "eth1");
	CHECK(rows.v[1].total[0].packets == 0 && rows.v[1].total[1].packets == 4);
	CHECK(top_rows_choose(&rows, TOP_BY_NETNS, NULL) == 0 && rows.n == 1);
	CHECK(rows.v[0].total[0].packets == 4 && rows.v[0].total[1].packets == 0);
	CHECK_STR(cell(0, TOP_NETNS), "blue");
	top_rows_deinit(&rows);
}

TEST(what_leaves_by_lo_was_counted_as_it_came_in)
{
	struct record r = flow(6, "127.0.0.1", 1000, "127.0.0.1", 53);

	begin(TOP_BY_ENDS);
	reading_next(&in);
	reading_flow(&in, leaving(r, 0, 9, 0), 4, 400);
	reading_flow(&in, arriving(r, 9, 0), 4, 400);
	CHECK(read_after(1) == 0 && rows.n == 1 && rows.v[0].total[0].packets == 4);
	top_rows_deinit(&rows);
}

TEST(lines_of_ports_are_those_of_the_server)
{
	begin(TOP_BY_PORT);
	reading_next(&in);
	for (uint16_t p = 5000; p < 5010; p++) {
		reading_flow(&in, there(p), 1, 100);
		reading_flow(&in, back(p), 2, 1000);
	}
	reading_flow(&in, arriving(flow(17, "10.0.0.9", 80, "10.0.0.1", 7000), 1, 0), 1, 50);
	CHECK(read_after(1) == 0 && rows.n == 2);
	CHECK_STR(cell(0, TOP_PORT), "80");
	CHECK_STR(cell(0, TOP_PROTO), "TCP");
	CHECK(rows.v[0].total[0].bytes == 1000 && rows.v[0].total[1].bytes == 10000 && rows.v[0].flows == 20);
	CHECK_STR(cell(1, TOP_PROTO), "UDP");
	top_rows_deinit(&rows);
}

TEST(an_echo_and_its_reply_are_one_line)
{
	struct record request = leaving(flow(1, "10.0.0.1", 0, "10.0.0.2", 8 << 8), 0, 1, 0);
	struct record reply = arriving(flow(1, "10.0.0.2", 0, "10.0.0.1", 0), 1, 0);

	begin(TOP_BY_CONNECTION);
	reading_next(&in);
	reading_flow(&in, reply, 1, 84);
	reading_flow(&in, request, 1, 84);
	CHECK(read_after(1) == 0 && rows.n == 1);
	CHECK_STR(cell(0, TOP_SOURCE), "10.0.0.1");
	CHECK_STR(cell(0, TOP_STATE), "");
	top_rows_deinit(&rows);
}

TEST(a_connection_by_the_same_ports_is_another_line_but_not_in_the_list)
{
	uint32_t old;

	begin(TOP_BY_CONNECTION);
	reading_next(&in);
	old = reading_flow(&in, there(5000), 3, 300);
	reading_flow(&in, back(5000), 3, 300);
	CHECK(read_after(1) == 0 && rows.n == 1);
	reading_next(&in);
	in.flows[old].closed = true;
	reading_flow(&in, there(5000), 1, 60);
	reading_flow(&in, back(5000), 1, 60);
	CHECK(read_after(1) == 0 && rows.n == 2);
	CHECK(rows.v[1].total[0].packets == 1 && rows.v[1].total[1].packets == 1);
	CHECK(top_row_state(&rows, &rows.v[0]) == TOP_CLOSED);
	CHECK(top_row_state(&rows, &rows.v[1]) == TOP_OPEN);
	CHECK(top_rows_choose(&rows, TOP_BY_ENDS, NULL) == 0 && rows.n == 2);
	CHECK(rows.v[0].total[0].packets == 4);
	CHECK(top_rows_choose(&rows, TOP_BY_FLOW, NULL) == 0 && rows.n == 4);
	top_rows_deinit(&rows);
}

TEST(the_state_is_of_both_directions_flags)
{
	static const struct {
		uint8_t there, back;
		enum top_state state;
	} cases[] = {
		{ TH_SYN, 0, TOP_OPENING },
		{ TH_SYN | TH_ACK, TH_SYN | TH_ACK, TOP_OPEN },
		{ TH_ACK, TH_ACK | TH_PUSH, TOP_OPEN },
		{ TH_ACK | TH_FIN, TH_ACK, TOP_CLOSING },
		{ TH_ACK | TH_FIN, TH_ACK | TH_FIN, TOP_CLOSED },
		{ TH_SYN, TH_RST | TH_ACK, TOP_CLOSED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(TOP_BY_CONNECTION);
		reading_next(&in);
		in.flows[reading_flow(&in, there(1), 1, 40)].tcp_flags = cases[i].there;
		if (cases[i].back)
			in.flows[reading_flow(&in, back(1), 1, 40)].tcp_flags = cases[i].back;
		CHECK(read_after(1) == 0 && top_row_state(&rows, &rows.v[0]) == cases[i].state);
		top_rows_deinit(&rows);
	}
}

TEST(flows_that_were_renumbered_are_found_again_and_the_forgotten_are_others)
{
	begin(TOP_BY_ENDS);
	reading_next(&in);
	reading_flow(&in, there(1), 5, 500);
	reading_flow(&in, there(2), 7, 700);
	CHECK(read_after(1) == 0 && rows.n == 2);
	reading_next(&in);
	in.flows[0] = in.flows[1];
	in.follow.n = 1;
	in.follow.layout++;
	in.follow.others = (struct ledger_count) { 5, 500 };
	in.flows[0].owner[0] = in.flows[0].owner[1] = FOLLOW_NONE;
	CHECK(read_after(1) == 0 && rows.n == 1 && rows.v[0].total[0].packets == 7);
	CHECK(rows.others.packets == 5);
	top_rows_deinit(&rows);
}

static bool words_match(const char *line, struct record r, bool either_way)
{
	struct top_words w;

	if (top_words_parse(line, &w) < 0) {
		printf("# %s: %s\n", line, error_message());
		return false;
	}
	w.either_way = either_way;
	return top_words_match(&w, &r.key, "eth0");
}

TEST(words_are_dumps_options_or_say_themselves_what_they_are)
{
	static const char *const yes[] = {
		"", "tcp", "proto tcp", "-p 6", "--proto=tcp", "saddr 10.0.0.1", "-s 10.0.0.0/24", "sport 5000",
		"dport 80", "-D 80", "dport=80", "80", ":80", "5000", "10.0.0.2", "10.0.0.0/8", "host 10.0.0.1",
		"port 5000", "tcp 80 10.0.0.1", "direction egress", "egress", "ifindex 1", "name eth*",
		"  tcp   80  ", "10.0.0.1 10.0.0.2", "idle 5s",
	};
	static const char *const no[] = {
		"udp", "saddr 10.0.0.2", "sport 80", "dport 5000", "81", "10.9.0.0/16", "ingress", "ifindex 2",
		"name lo", "tcp 81", "2001:db8::/32",
	};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		CHECK(words_match(yes[i], there(5000), false) || !printf("# %s\n", yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		CHECK(!words_match(no[i], there(5000), false) || !printf("# %s\n", no[i]));
	CHECK(words_match("dport 80", back(5000), true) && !words_match("dport 80", back(5000), false));
}

TEST(what_is_no_filter_is_refused)
{
	static const char *const bad[] = {
		"tc", "proto", "proto x", "saddr", "10.0.0", "dport 65536", "idle x", "direction up", "nonsense 5",
	};
	struct top_words w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(top_words_parse(bad[i], &w) < 0 || !printf("# %s\n", bad[i]));
	error_clear();
}

TEST(a_filter_chooses_among_what_was_counted_already)
{
	struct top_words w;

	begin(TOP_BY_CONNECTION);
	reading_next(&in);
	reading_flow(&in, there(5000), 3, 300);
	reading_flow(&in, back(5000), 3, 3000);
	reading_flow(&in, there(5001), 3, 300);
	CHECK(read_after(1) == 0 && rows.n == 2);
	CHECK(top_words_parse("sport 5000", &w) == 0);
	w.either_way = true;
	CHECK(top_rows_choose(&rows, TOP_BY_CONNECTION, &w) == 0 && rows.n == 1);
	CHECK(rows.v[0].total[0].bytes == 300 && rows.v[0].total[1].bytes == 3000);
	CHECK_STR(cell(0, TOP_RATE), "26.4k");
	reading_next(&in);
	reading_count(&in, 2, 1, 1);
	reading_count(&in, 0, 1, 100);
	CHECK(read_after(1) == 0 && rows.n == 1 && rows.v[0].total[0].bytes == 400);
	CHECK(top_rows_choose(&rows, TOP_BY_CONNECTION, NULL) == 0 && rows.n == 2);
	CHECK(rows.v[1].total[0].bytes == 301);
	top_rows_deinit(&rows);
}

TEST(lines_stand_by_one_column_and_among_equals_as_they_came)
{
	uint32_t line[1000], all;
	struct top_order o = { .column = TOP_BYTES };

	begin(TOP_BY_ENDS);
	reading_next(&in);
	for (uint16_t p = 0; p < 1000; p++)
		reading_flow(&in, there(p), 1 + p % 3, 100 * (p * 7919 % 10));
	CHECK(read_after(1) == 0);
	CHECK(top_order_first(&o, &rows, 0, 1000, line, &all) == 1000 && all == 1000);
	for (size_t i = 1; i < 1000; i++) {
		uint64_t a = rows.v[line[i - 1]].total[0].bytes, b = rows.v[line[i]].total[0].bytes;

		CHECK(a > b || (a == b && line[i - 1] < line[i]));
	}
	/* The first few are the same as those of all. */
	for (uint32_t want = 0; want < 50; want++) {
		uint32_t first[50];

		CHECK(top_order_first(&o, &rows, 0, want, first, &all) == want && all == 1000);
		CHECK(memcmp(first, line, want * sizeof(*first)) == 0);
	}
	o.reversed = true;
	top_order_first(&o, &rows, 0, 1000, line, &all);
	CHECK(rows.v[line[0]].total[0].bytes == 0 && rows.v[line[999]].total[0].bytes == 900);
	o = (struct top_order) { .column = TOP_SOURCE };
	top_order_first(&o, &rows, 0, 1000, line, &all);
	for (size_t i = 0; i < 1000; i++)
		CHECK(line[i] == i);
	top_rows_deinit(&rows);
}

TEST(only_lines_that_are_idle_for_so_long)
{
	struct top_order o = { .column = TOP_BYTES };
	uint32_t line[2], all;

	begin(TOP_BY_ENDS);
	reading_next(&in);
	reading_flow(&in, there(1), 1, 100);
	in.flows[reading_flow(&in, there(2), 1, 100)].last_ns = BEGIN_NS + 9 * NSEC_PER_SEC;
	CHECK(read_after(10) == 0);
	CHECK(top_order_first(&o, &rows, 5 * NSEC_PER_SEC, 2, line, &all) == 1 && all == 1 && line[0] == 0);
	top_rows_deinit(&rows);
}
