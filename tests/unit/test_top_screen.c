// SPDX-License-Identifier: Apache-2.0
/* The screen on paper: what stands in which line, and what keys do; sizes as text; the plain list. */
#include <arpa/inet.h>
#include <netinet/tcp.h>

#include "base/error.h"
#include "flow/field_name.h"
#include "test.h"
#include "top.h"
#include "top/list.h"
#include "top/screen.h"

#define W 220
#define H 60
static struct reading in;
static struct top_rows rows;
static struct top_gauge gauge;
static struct top_screen screen;
static char paper[H][4 * W + 1];
static enum top_look looks[H][W];
static int cursor_line;
static struct top_canvas canvas;

static void put(void *arg, int line, int column, enum top_look look, const char *text)
{
	size_t at = 0;

	/* Everything that is put is on the screen, and nothing is put twice. */
	if (line < 0 || line >= canvas.lines || column < 0 || column + top_width(text) > canvas.columns)
		abort();
	for (int c = 0; c < column; c++) {
		if (!paper[line][at])
			strcat(paper[line], " ");
		at++;
		while ((paper[line][at] & 0xc0) == 0x80)
			at++;
	}
	if (paper[line][at])
		abort();
	strcat(paper[line], text);
	for (int c = column; c < column + top_width(text); c++)
		looks[line][c] = look;
}

static void cursor(void *arg, int line, int column)
{
	cursor_line = line;
}

static void draw(void)
{
	memset(paper, 0, sizeof(paper));
	memset(looks, 0, sizeof(looks));
	top_screen_draw(&screen, &canvas);
}

static void begin(int columns, int lines)
{
	static const struct ledger_count seen[2] = { { 1000, 1 << 20 }, { 10, 1000 } };

	canvas = (struct top_canvas) {
		.lines = lines, .columns = columns, .utf8 = true, .put = put, .cursor = cursor,
	};
	reading_init(&in);
	top_rows_init(&rows, &in.place, 1, TOP_BY_CONNECTION);
	memset(&gauge, 0, sizeof(gauge));
	top_gauge_add(&gauge, seen, NSEC_PER_SEC);
	top_screen_init(&screen, &rows, &gauge, TOP_BY_CONNECTION);
	snprintf(screen.where, sizeof(screen.where), "blue:eth0");
	screen.interval_ns = NSEC_PER_SEC;
	top_rows_update(&rows, BEGIN_NS);
	reading_next(&in);
	for (uint16_t p = 1; p <= 40; p++)
		reading_flow(&in, leaving(flow(p % 2 ? 6 : 17, "10.0.0.1", 5000 + p, "10.0.0.2", 80), 0, 1, 0), p,
			     1000 * p);
	top_rows_update(&rows, BEGIN_NS + NSEC_PER_SEC);
}

static void finish(void)
{
	top_screen_deinit(&screen);
	top_rows_deinit(&rows);
}

static bool key(uint32_t k)
{
	bool quit;

	top_screen_key(&screen, k, &quit);
	draw();
	return quit;
}

static void type(const char *text)
{
	for (; *text; text++)
		key((unsigned char)*text);
}

TEST(sizes_are_what_people_read)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0" }, { 882, "882" }, { 1023, "1023" }, { 1024, "1.00 KiB" }, { 11725, "11.5 KiB" },
		{ 135454500, "129 MiB" }, { 1048575, "1.00 MiB" }, { 1288490188, "1.20 GiB" },
		{ 1099511627776, "1.00 TiB" }, { UINT64_MAX, "16.0 EiB" },
	};
	static const struct {
		double v;
		const char *text;
	} rates[] = {
		{ 0, "0" }, { 999, "999" }, { 999.6, "1.00k" }, { 1000, "1.00k" }, { 12340, "12.3k" },
		{ 999499, "999k" }, { 999600, "1.00M" }, { 1.21e9, "1.21G" }, { 99.96e6, "100M" },
	};
	static const struct {
		uint64_t us;
		const char *text;
	} times[] = {
		{ 450, "450us" }, { 999, "999us" }, { 1000, "1.0ms" }, { 12034, "12.0ms" }, { 99949, "99.9ms" },
		{ 250000, "250ms" }, { 1500000, "1.50s" }, { 999960, "1.00s" },
	};
	char text[TOP_CELL_MAX];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		top_column_size(sizes[i].bytes, text);
		CHECK_STR(text, sizes[i].text);
		CHECK(strlen(text) <= 8);
	}
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		top_column_rate(rates[i].v, text);
		CHECK_STR(text, rates[i].text);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		top_column_time(times[i].us, text);
		CHECK_STR(text, times[i].text);
	}
}

TEST(lengths_of_time_are_short)
{
	char text[TOP_CELL_MAX];

	top_column_duration(59 * NSEC_PER_SEC, text);
	CHECK_STR(text, "59s");
	top_column_duration(185 * NSEC_PER_SEC, text);
	CHECK_STR(text, "3m05s");
	top_column_duration(7620 * NSEC_PER_SEC, text);
	CHECK_STR(text, "2h07m");
	top_column_duration(273600 * NSEC_PER_SEC, text);
	CHECK_STR(text, "3d04h");
	top_list_duration(325 * NSEC_PER_MSEC, text);
	CHECK_STR(text, "325 ms");
	top_list_duration(12500 * NSEC_PER_MSEC, text);
	CHECK_STR(text, "12.5 s");
}

TEST(what_is_too_long_loses_its_middle_and_keeps_its_port)
{
	char text[400];

	top_fit("abc", 5, false, true, text);
	CHECK_STR(text, "abc  ");
	top_fit("abc", 5, true, true, text);
	CHECK_STR(text, "  abc");
	top_fit("[2001:db8:1:2:3:4:5:6]:443", 16, false, true, text);
	CHECK_STR(text, "[2001:db8:…]:443");
	CHECK(top_width(text) == 16);
	top_fit("[2001:db8:1:2:3:4:5:6]:443", 16, false, false, text);
	CHECK(strlen(text) == 16 && strstr(text, "~") && strstr(text, ":443"));
	top_fit("abcdef", 0, false, true, text);
	CHECK_STR(text, "");
	top_fit("abcdef", 1, false, true, text);
	CHECK(top_width(text) == 1);
}

TEST(eighty_columns_hold_what_is_asked_for_most)
{
	begin(80, 24);
	draw();
	CHECK(strstr(paper[0], "flowctl top  blue:eth0") == paper[0]);
	CHECK(strstr(paper[1], "8.39 Mbit/s") && strstr(paper[1], "1.00 kpkt/s") && strstr(paper[1], "1.00 MiB"));
	CHECK(strstr(paper[1], "█"));
	CHECK(strstr(paper[3], "40 connections   by rate") == paper[3]);
	CHECK_STR(paper[4], "PROTO  SOURCE                DESTINATION            BIT/S    BYTES    RTT  RETR ");
	CHECK(strncmp(paper[5], "UDP    10.0.0.1:5040         10.0.0.2:80             320k 39.1 KiB", 66) == 0);
	CHECK(strncmp(paper[22], "TCP    10.0.0.1:5023", 20) == 0);
	CHECK(strstr(paper[23], "q quit   h help"));
	for (int i = 0; i < 24; i++)
		CHECK(top_width(paper[i]) <= 80);
	finish();
}

TEST(the_wider_the_more_and_never_beyond)
{
	for (int w = 1; w <= W; w += w < 60 ? 7 : 1) {
		begin(w, 24);
		draw();
		finish();
	}
	for (int h = 1; h < 12; h++) {
		begin(80, h);
		draw();
		finish();
	}
	begin(140, 24);
	draw();
	CHECK(strstr(paper[4], "→") && strstr(paper[4], "STATE") && strstr(paper[4], "PACKETS"));
	canvas.utf8 = false;
	draw();
	for (int i = 0; i < 24; i++)
		for (const char *p = paper[i]; *p; p++)
			CHECK(!(*p & 0x80));
	CHECK(strstr(paper[4], "->"));
	finish();
}

TEST(keys_sort_turn_round_and_scroll)
{
	begin(80, 24);
	key('b');
	CHECK(strstr(paper[3], "by bytes") && strstr(paper[5], ":5040"));
	key('r');
	CHECK(strstr(paper[3], "by bytes, reversed") && strstr(paper[5], ":5001"));
	key('b');
	CHECK(strstr(paper[5], ":5040"));
	key(TOP_KEY_DOWN);
	CHECK(strstr(paper[5], ":5039") && strstr(paper[3], "from 2 on"));
	key(TOP_KEY_PAGE_DOWN);
	CHECK(strstr(paper[5], ":5021"));
	key(TOP_KEY_END);
	CHECK(strstr(paper[22], ":5001") || !printf("# %s\n", paper[22]));
	key(TOP_KEY_HOME);
	CHECK(strstr(paper[5], ":5040"));
	key('<');
	CHECK(strstr(paper[3], "by packets") && strstr(paper[4], "PACKETS"));
	key('x');
	CHECK(strstr(paper[3], "by retransmissions"));
	key('s');
	CHECK(strstr(paper[4], "STATE"));
	CHECK(key('q'));
	finish();
}

TEST(one_key_groups_by_something_else)
{
	static const char *const whats[] = { "2 hosts", "2 ports", "1 interface ", "1 namespace ", "40 connections" };

	begin(80, 24);
	draw();
	for (size_t i = 0; i < 5; i++) {
		key('g');
		CHECK(strstr(paper[3], whats[i]) == paper[3]);
	}
	key('G');
	CHECK(strstr(paper[3], "1 namespace") == paper[3] && strstr(paper[5], "blue"));
	finish();
}

TEST(a_filter_works_while_it_is_typed_and_escape_gives_back)
{
	begin(80, 24);
	draw();
	type("/ud");
	CHECK(cursor_line == 3 && strstr(paper[3], "40 connections") && looks[3][35] == TOP_LOOK_BAD);
	type("p");
	CHECK(strstr(paper[3], "20 connections   by rate   filter: udp"));
	type(" sport 5002");
	CHECK(strstr(paper[3], "1 connection ") && strstr(paper[5], ":5002") && !paper[6][0]);
	key(TOP_KEY_ENTER);
	CHECK(cursor_line == -1 && strstr(paper[3], "filter: udp sport 5002"));
	type("/ nonsense");
	key(TOP_KEY_ESCAPE);
	CHECK(strstr(paper[3], "1 connection ") && strstr(paper[3], "filter: udp sport 5002"));
	type("/");
	for (int i = 0; i < 11; i++)
		key(TOP_KEY_BACKSPACE);
	CHECK(strstr(paper[3], "20 connections"));
	key(TOP_KEY_ENTER);
	key(TOP_KEY_ESCAPE);
	CHECK(strstr(paper[3], "40 connections") && !strstr(paper[3], "filter"));
	type("/q");
	CHECK(screen.typing);
	finish();
}

TEST(what_a_filter_may_be_is_told_in_80_columns)
{
	begin(80, 24);
	type("/zzz");
	CHECK(screen.refused && strstr(paper[23], "e.g. tcp 443") && !strstr(paper[23], "\u2026"));
	finish();
}

TEST(help_covers_the_report_and_any_key_goes_back)
{
	begin(80, 24);
	key('h');
	CHECK(strstr(paper[4], "quit") && !strstr(paper[5], "10.0.0.1:"));
	for (size_t i = 0; i < 24; i++)
		CHECK(!strstr(paper[i], "\u2026"));	/* nothing is cut */
	CHECK(!key('x'));
	CHECK(strstr(paper[5], "10.0.0.1:") && strstr(paper[3], "by rate"));
	key(' ');
	CHECK(screen.paused && strstr(paper[0], "paused"));
	finish();
}

static bool one_name(void *arg, uint8_t family, const uint8_t *addr, char *buf, size_t size)
{
	bool knows = family == 4 && addr[3] == 1;

	if (knows)
		snprintf(buf, size, "%s", arg ? (const char *)arg : "alpha.example");
	return knows;
}

TEST(names_of_hosts_stand_for_addresses_that_have_one)
{
	char longest[300];

	begin(80, 24);
	key('n');
	CHECK(screen.named && strstr(paper[5], "10.0.0.1:"));
	field_set_resolver(one_name, NULL);
	draw();
	CHECK(strstr(paper[5], " alpha.example:") && strstr(paper[5], "10.0.0.2:"));
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	field_set_resolver(one_name, longest);
	draw();
	CHECK(strstr(paper[5], "xxxx"));
	field_set_resolver(NULL, NULL);
	key('n');
	CHECK(!screen.named && strstr(paper[5], "10.0.0.1:"));
	finish();
}

TEST(names_cannot_talk_to_the_terminal)
{
	begin(80, 24);
	in.place.netns = "a\033[31m\xff";
	snprintf(screen.where, sizeof(screen.where), "a\033[31m\xff\n:eth0");
	key('G');
	CHECK(strstr(paper[5], "a?[31m?"));
	CHECK(strstr(paper[0], "a?[31m??:eth0  "));
	finish();
}

TEST(a_sparkline_is_as_high_as_its_most)
{
	struct ledger_count seen[2] = { { 0 } };
	struct top_gauge g = { 0 };
	char text[64];

	top_gauge_add(&g, seen, 0);
	for (int i = 0; i <= 8; i++) {
		seen[0].bytes += 1000 * i;
		top_gauge_add(&g, seen, NSEC_PER_SEC);
	}
	top_gauge_spark(&g, 0, 12, true, text);
	CHECK_STR(text, "   " " ▁▂▃▄▅▆▇█");
	top_gauge_spark(&g, 0, 4, false, text);
	CHECK(strlen(text) == 4 && text[3] == '@');
	CHECK(top_gauge_most(&g, 0, 4) == 64000 && g.bits[0] == 64000 && g.total[0].bytes == 36000);
	top_gauge_spark(&g, 1, 4, true, text);
	CHECK_STR(text, "    ");
	seen[0].bytes = 10;	/* made anew */
	top_gauge_add(&g, seen, NSEC_PER_SEC);
	CHECK(g.bits[0] == 80);
}

TEST(the_list_is_what_it_always_was)
{
	struct strbuf out = STRBUF_NULL;
	struct top_list list = { .rows = &rows, .order = { .column = TOP_BYTES } };
	enum top_by by = TOP_BY_ENDS;

	reading_init(&in);
	top_rows_init(&rows, &in.place, 1, TOP_BY_ENDS);
	reading_flow(&in, arriving(flow(6, "216.58.215.142", 443, "10.0.2.15", 56604), 1, 0), 7688, 135454500);
	reading_flow(&in, leaving(flow(1, "10.0.2.15", 0, "142.250.185.3", 8 << 8), 0, 1, 0), 9, 882);
	reading_flow(&in, arriving(flow(17, "2001:db8::1", 53, "2001:db8::2", 5353), 1, 0), 2, 11725);
	reading_flow(&in, arriving(flow(103, "10.0.0.9", 0, "224.0.0.13", 0), 1, 0), 1, 1288490189);
	top_rows_update(&rows, BEGIN_NS);
	CHECK(top_list_pick(NULL, &by, &list.columns) == 0 && by == TOP_BY_ENDS);
	CHECK(top_list_print(&list, &out) == 0);
	CHECK_STR(strbuf_str(&out),
		  "PROTOCOL  SOURCE              DESTINATION         PACKETS  BYTES\n"
		  "103       10.0.0.9:0          224.0.0.13:0        1        1.20 GiB\n"
		  "TCP       216.58.215.142:443  10.0.2.15:56604     7688     129.18 MiB\n"
		  "UDP       [2001:db8::1]:53    [2001:db8::2]:5353  2        11.45 KiB\n"
		  "ICMP      10.0.2.15:0         142.250.185.3:0     9        882\n");
	strbuf_reset(&out);
	list.limit = 1;
	rows.others = (struct ledger_count) { 5, 500 };
	CHECK(top_list_print(&list, &out) == 0);
	CHECK_STR(strbuf_str(&out), "PROTOCOL  SOURCE      DESTINATION   PACKETS  BYTES\n"
				    "103       10.0.0.9:0  224.0.0.13:0  1        1.20 GiB\n"
				    "others    -           -             5        500\n");
	strbuf_deinit(&out);
	top_rows_deinit(&rows);
}

static void print_columns(struct top_list *list, const char *columns, enum top_by by, struct strbuf *out)
{
	strbuf_reset(out);
	CHECK(top_rows_choose(&rows, by, NULL) == 0);
	CHECK(top_list_pick(columns, &by, &list->columns) == 0);
	CHECK(top_list_print(list, out) == 0);
}

TEST(the_list_has_the_columns_that_are_asked_for)
{
	struct record r = flow(6, "10.0.0.1", 5000, "10.0.0.2", 80);
	struct top_list list = { .rows = &rows, .order = { .column = TOP_BYTES } };
	struct strbuf out = STRBUF_NULL;

	reading_init(&in);
	top_rows_init(&rows, &in.place, 1, TOP_BY_ENDS);
	top_rows_update(&rows, BEGIN_NS);
	reading_next(&in);
	in.flows[reading_flow(&in, leaving(r, 0, 2, 0), 5, 1000)].tcp_flags = TH_SYN;
	top_rows_update(&rows, BEGIN_NS + 2 * NSEC_PER_SEC);
	print_columns(&list, "bytes,interface,netns,rate,from,packet-rate,duration,source", TOP_BY_ENDS, &out);
	CHECK_STR(strbuf_str(&out), "BYTES  INTERFACE  NETNS  BIT/S  FROM  PKT/S  DURATION  SOURCE\n"
				    "1000   eth1       blue   4.00k  0     2      1 ms      10.0.0.1:5000\n");
	rows.others = (struct ledger_count) { 5, 5000 };
	print_columns(&list, "packets,destination,state,rtt", TOP_BY_CONNECTION, &out);
	CHECK_STR(strbuf_str(&out), "PACKETS  DESTINATION  STATE    RTT\n"
				    "5        10.0.0.2:80  opening  -\n"
				    "5        others       -        -\n");
	list.style = (struct columns_style) { .aligned = true, .color = true };
	rows.others = (struct ledger_count) { 0 };
	print_columns(&list, NULL, TOP_BY_HOST, &out);
	CHECK(strncmp(strbuf_str(&out), "\033[1mHOST\033[0m      \033[1mPACKETS\033[0m", 30) == 0);
	strbuf_deinit(&out);
	top_rows_deinit(&rows);
}

TEST(what_only_a_connection_has_makes_lines_of_connections)
{
	enum top_by by = TOP_BY_ENDS, hosts = TOP_BY_HOST;
	struct columns columns;

	CHECK(top_list_pick("source,rtt", &by, &columns) == 0 && by == TOP_BY_CONNECTION);
	CHECK(top_list_pick("host,rtt", &hosts, &columns) < 0 && hosts == TOP_BY_HOST);
	CHECK(top_list_pick("source,host", &by, &columns) < 0);
	CHECK(top_list_pick("sorce", &by, &columns) < 0 && strstr(error_hint_text(), "'source'"));
	error_clear();
}
