// SPDX-License-Identifier: Apache-2.0
/*
 * One row a column. Numbers are as short as a person takes them in at a glance: three digits and
 * a prefix, powers of 1000 of what is a rate on a wire, of 1024 of what is an amount of octets.
 */
#include "top/column.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/format.h"
#include "base/parse.h"
#include "flow/field.h"
#include "flow/field_name.h"

#define BY(kind_) (1u << TOP_BY_##kind_)
#define ENDS	  (BY(CONNECTION) | BY(ENDS) | BY(FLOW))
#define ALL	  (ENDS | BY(HOST) | BY(PORT) | BY(INTERFACE) | BY(NETNS))

static void scaled(double v, double base, const char *const *units, char buf[TOP_CELL_MAX])
{
	int unit = 0, digits;

	/* What three digits would show as 1000 is 1.00 of the next. */
	for (; v >= (unit ? 999.5 : base == 1000 ? 999.5 : 1023.5) && units[unit + 1]; unit++)
		v /= base;
	digits = !unit || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
	snprintf(buf, TOP_CELL_MAX, "%.*f%s", digits, v, units[unit]);
}

void top_column_rate(double v, char buf[TOP_CELL_MAX])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", NULL };

	scaled(v, 1000, units, buf);
}

void top_column_size(uint64_t bytes, char buf[TOP_CELL_MAX])
{
	static const char *const units[] = { "", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB", NULL };

	scaled(bytes, 1024, units, buf);
}

void top_column_time(uint64_t us, char buf[TOP_CELL_MAX])
{
	double v = us;

	if (us < 1000)
		snprintf(buf, TOP_CELL_MAX, "%.0fus", v);
	else if (us < 999950)
		snprintf(buf, TOP_CELL_MAX, us < 99950 ? "%.1fms" : "%.0fms", v / 1e3);
	else
		snprintf(buf, TOP_CELL_MAX, "%.2fs", v / 1e6);
}

void top_column_duration(uint64_t ns, char buf[TOP_CELL_MAX])
{
	unsigned long long s = ns / NSEC_PER_SEC;

	if (s < 60)
		snprintf(buf, TOP_CELL_MAX, "%llus", s);
	else if (s < 3600)
		snprintf(buf, TOP_CELL_MAX, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, TOP_CELL_MAX, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		snprintf(buf, TOP_CELL_MAX, "%llud%02lluh", s / 86400, s / 3600 % 24);
}

void top_column_end(uint8_t family, const uint8_t addr[16], int port, char buf[TOP_CELL_MAX])
{
	/* A name that is longer than any cell is cut. */
	char *p = buf, name[TOP_CELL_MAX - sizeof(":65535")];

	if (field_addr_name(family, addr, name, sizeof(name))) {
		snprintf(buf, TOP_CELL_MAX, port < 0 ? "%s" : "%s:%d", name, port);
		return;
	}
	if (family == 6 && port >= 0)
		*p++ = '[';
	p = family == 4 ? format_ip4(p, addr) : format_ip6(p, addr);
	if (family == 6 && port >= 0)
		*p++ = ']';
	if (port >= 0) {
		*p++ = ':';
		p = format_u64(p, port);
	}
	*p = '\0';
}

static void end_text(const struct top_row *row, bool second, char buf[TOP_CELL_MAX])
{
	const struct flow_key *k = &row->key;
	bool dst = second != row->swapped;
	int port = proto_has_ports(k->proto) ? be16toh(dst ? k->dport : k->sport) : -1;

	top_column_end(k->family, dst ? k->dst : k->src, port, buf);
}

static struct ledger_count total_of(const struct top_row *row)
{
	return (struct ledger_count) {
		row->total[0].packets + row->total[1].packets, row->total[0].bytes + row->total[1].bytes,
	};
}

static double per_second(const struct top_rows *r, uint64_t n)
{
	return r->interval_ns ? n * (double)NSEC_PER_SEC / r->interval_ns : 0;
}

static double to_rate(const struct top_rows *r, const struct top_row *row)
{
	return 8 * per_second(r, top_row_fresh(r, row, 0).bytes);
}

static double from_rate(const struct top_rows *r, const struct top_row *row)
{
	return 8 * per_second(r, top_row_fresh(r, row, 1).bytes);
}

static double rate(const struct top_rows *r, const struct top_row *row)
{
	return to_rate(r, row) + from_rate(r, row);
}

static double packet_rate(const struct top_rows *r, const struct top_row *row)
{
	return per_second(r, top_row_fresh(r, row, 0).packets + top_row_fresh(r, row, 1).packets);
}

static double packets(const struct top_rows *r, const struct top_row *row)
{
	return total_of(row).packets;
}

static double bytes(const struct top_rows *r, const struct top_row *row)
{
	return total_of(row).bytes;
}

static double rtt(const struct top_rows *r, const struct top_row *row)
{
	return row->health.rtt_known ? (double)row->health.rtt_us : -1;
}

/* In percent of the packets. */
static double retransmissions(const struct top_rows *r, const struct top_row *row)
{
	uint64_t all = total_of(row).packets;

	if (!row->health.known || !all)
		return -1;
	return 100.0 * row->health.retransmissions / all;
}

/* The open ones first. */
static double state(const struct top_rows *r, const struct top_row *row)
{
	static const int ranks[] = {
		[TOP_NONE] = 0, [TOP_CLOSED] = 1, [TOP_CLOSING] = 2, [TOP_OPENING] = 3, [TOP_OPEN] = 4,
	};

	return ranks[top_row_state(r, row)];
}

static double flows(const struct top_rows *r, const struct top_row *row)
{
	return row->flows;
}

static double age(const struct top_rows *r, const struct top_row *row)
{
	return r->now_ns > row->first_ns ? r->now_ns - row->first_ns : 0;
}

#define TEXT(name_, body_)                                                                     \
	static void text_##name_(const struct top_rows *r, const struct top_row *row,          \
				 char buf[TOP_CELL_MAX])                                       \
	{                                                                                      \
		body_;                                                                         \
	}

TEXT(proto, char n[4]; snprintf(buf, TOP_CELL_MAX, "%s", field_proto_name(row->key.proto, n)))
TEXT(source, end_text(row, false, buf))
TEXT(destination, end_text(row, true, buf))
TEXT(host, top_column_end(row->key.family, row->key.src, -1, buf))
TEXT(netns, snprintf(buf, TOP_CELL_MAX, "%s", r->places[row->place].netns))
TEXT(packets, snprintf(buf, TOP_CELL_MAX, "%.0f", packets(r, row)))
TEXT(bytes, top_column_size(total_of(row).bytes, buf))
TEXT(flows, snprintf(buf, TOP_CELL_MAX, "%u", row->flows))
TEXT(age, top_column_duration(age(r, row), buf))

/* Nothing moves: a blank is calmer than a column of zeroes. */
#define TEXT_RATE(name_, number_)                                                              \
	TEXT(name_, double v = number_(r, row); if (v > 0) top_column_rate(v, buf); else buf[0] = '\0')
TEXT_RATE(rate, rate)
TEXT_RATE(to_rate, to_rate)
TEXT_RATE(from_rate, from_rate)
TEXT_RATE(packet_rate, packet_rate)

static void text_port(const struct top_rows *r, const struct top_row *row, char buf[TOP_CELL_MAX])
{
	if (proto_has_ports(row->key.proto))
		snprintf(buf, TOP_CELL_MAX, "%u", be16toh(row->key.dport));
	else
		buf[0] = '\0';
}

static void text_interface(const struct top_rows *r, const struct top_row *row,
			   char buf[TOP_CELL_MAX])
{
	const struct follow_flow *f = top_row_flow(r, row, 0);
	const struct top_place *p = &r->places[row->place];
	uint32_t ifindex;

	f = f ? f : top_row_flow(r, row, 1);
	ifindex = f ? key_ifindex(&f->key) : row->key.egress_ifindex;
	buf[0] = '\0';
	for (size_t i = 0; i < p->n_ifaces; i++) {
		if (p->ifaces[i].ifindex == ifindex)
			snprintf(buf, TOP_CELL_MAX, "%s", p->ifaces[i].name);
	}
}

static void text_rtt(const struct top_rows *r, const struct top_row *row, char buf[TOP_CELL_MAX])
{
	buf[0] = '\0';
	if (row->health.rtt_known)
		top_column_time(row->health.rtt_us, buf);
}

static void text_retransmissions(const struct top_rows *r, const struct top_row *row,
				 char buf[TOP_CELL_MAX])
{
	double v = retransmissions(r, row);

	buf[0] = '\0';
	if (v < 0)
		return;
	/* Few are not none. */
	if (v > 0 && v < 0.1)
		snprintf(buf, TOP_CELL_MAX, "<0.1%%");
	else
		snprintf(buf, TOP_CELL_MAX, v == 0 ? "0%%" : v < 9.95 ? "%.1f%%" : "%.0f%%", v);
}

static void text_state(const struct top_rows *r, const struct top_row *row, char buf[TOP_CELL_MAX])
{
	static const char *const names[] = {
		[TOP_NONE] = "", [TOP_OPENING] = "opening", [TOP_OPEN] = "open",
		[TOP_CLOSING] = "closing", [TOP_CLOSED] = "closed ",
	};
	enum top_state s = top_row_state(r, row);
	int n = snprintf(buf, TOP_CELL_MAX, "%s", names[s]);

	if (s == TOP_CLOSED)
		top_column_duration(r->now_ns > row->last_ns ? r->now_ns - row->last_ns : 0, buf + n);
}

#define NAME(name_, head_, width_, by_) \
	{ #name_, { head_, head_ }, width_, 0, by_, false, true, text_##name_, NULL }
#define NUMBER(name_, head_, width_, rank_, by_, text_, number_) \
	{ name_, { head_, head_ }, width_, rank_, by_, true, false, text_, number_ }
const struct top_column_ops top_columns[TOP_COLUMNS] = {
	[TOP_PROTO] = { "protocol", { "PROTO", "PROTO" }, 6, 0, ENDS | BY(PORT), false, false,
			text_proto, NULL },
	[TOP_SOURCE] = NAME(source, "SOURCE", 21, ENDS),
	[TOP_DESTINATION] = NAME(destination, "DESTINATION", 21, ENDS),
	[TOP_HOST] = NAME(host, "HOST", 18, BY(HOST)),
	[TOP_PORT] = { "port", { "PORT", "PORT" }, 6, 0, BY(PORT), true, false, text_port, NULL },
	[TOP_NETNS] = NAME(netns, "NETNS", 8, ALL),
	[TOP_INTERFACE] = NAME(interface, "INTERFACE", 10, BY(INTERFACE)),
	[TOP_RATE] = NUMBER("rate", "BIT/S", 6, 1, ALL, text_rate, rate),
	[TOP_TO_RATE] = NUMBER("to", "", 6, 7, ALL, text_to_rate, to_rate),
	[TOP_FROM_RATE] = NUMBER("from", "", 6, 7, ALL, text_from_rate, from_rate),
	[TOP_PACKET_RATE] = NUMBER("packet-rate", "PKT/S", 6, 5, ALL, text_packet_rate, packet_rate),
	[TOP_PACKETS] = NUMBER("packets", "PACKETS", 9, 6, ALL, text_packets, packets),
	[TOP_BYTES] = NUMBER("bytes", "BYTES", 8, 2, ALL, text_bytes, bytes),
	[TOP_RTT] = NUMBER("rtt", "RTT", 6, 3, BY(CONNECTION), text_rtt, rtt),
	[TOP_RETRANSMISSIONS] = NUMBER("retransmissions", "RETR", 5, 4, BY(CONNECTION),
				       text_retransmissions, retransmissions),
	[TOP_STATE] = { "state", { "STATE", "STATE" }, 13, 4, BY(CONNECTION), false, false, text_state,
			state },
	[TOP_FLOWS] = NUMBER("flows", "FLOWS", 7, 3, BY(HOST) | BY(PORT) | BY(INTERFACE) | BY(NETNS),
			     text_flows, flows),
	[TOP_AGE] = NUMBER("age", "AGE", 6, 8, BY(CONNECTION), text_age, age),
};

const char *top_column_head(enum top_column c, enum top_by by, bool utf8)
{
	static const char *const ways[][2][2] = {
		[TOP_BY_CONNECTION] = { { "->", "→" }, { "<-", "←" } },
		[TOP_BY_HOST] = { { "SENT", "SENT" }, { "RECV", "RECV" } },
		[TOP_BY_PORT] = { { "TO", "TO" }, { "FROM", "FROM" } },
		[TOP_BY_INTERFACE] = { { "IN", "IN" }, { "OUT", "OUT" } },
		[TOP_BY_NETNS] = { { "IN", "IN" }, { "OUT", "OUT" } },
	};

	if ((c == TOP_TO_RATE || c == TOP_FROM_RATE) && by < ARRAY_SIZE(ways))
		return ways[by][c == TOP_FROM_RATE][utf8];
	return top_columns[c].head[utf8];
}

enum top_column top_column_find(const char *name)
{
	const char *names[TOP_COLUMNS + 1] = { 0 }, *near;

	for (int c = 0; c < TOP_COLUMNS; c++) {
		names[c] = top_columns[c].name;
		if (strcmp(name, names[c]) == 0)
			return c;
	}
	near = parse_nearest(name, names);
	if (near)
		error_hint("did you mean '%s'?", near);
	return TOP_COLUMNS;
}
