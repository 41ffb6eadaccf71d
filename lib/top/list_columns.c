// SPDX-License-Identifier: Apache-2.0
/*
 * The columns of the plain list. Most say what the same column of the full screen says, but with
 * something in every cell: a rate of nothing is 0 here, and "-" is what nobody knows. A protocol
 * without ports has port 0, as in dump's table.
 *
 * Round trip time, retransmissions and state are a connection's, not one direction's: who asks for
 * one gets lines of whole connections.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "top/list.h"

#define BY(kind_) (1u << TOP_BY_##kind_)
#define ONE_WAY	  (BY(ENDS) | BY(FLOW))
#define ENDS	  (BY(CONNECTION) | ONE_WAY)
#define SUMS	  (BY(HOST) | BY(PORT) | BY(INTERFACE) | BY(NETNS))
#define ALL	  (ENDS | SUMS)

static const char *const defaults[] = {
	[TOP_BY_CONNECTION] = "protocol,source,destination,packets,bytes",
	[TOP_BY_HOST] = "host,packets,bytes",
	[TOP_BY_PORT] = "protocol,port,packets,bytes",
	[TOP_BY_INTERFACE] = "netns,interface,packets,bytes",
	[TOP_BY_NETNS] = "netns,packets,bytes",
	[TOP_BY_ENDS] = "protocol,source,destination,packets,bytes",
	[TOP_BY_FLOW] = "protocol,source,destination,packets,bytes,connection",
};

void top_list_duration(uint64_t ns, char buf[TOP_CELL_MAX])
{
	if (ns < NSEC_PER_SEC)
		snprintf(buf, TOP_CELL_MAX, "%llu ms", (unsigned long long)(ns / NSEC_PER_MSEC));
	else if (ns < 60 * NSEC_PER_SEC)
		snprintf(buf, TOP_CELL_MAX, "%.1f s", ns / 1e8 / 10);
	else
		top_column_duration(ns, buf);
}

/* Of which lines a column can tell something, and what the full screen calls it. */
struct list_column {
	unsigned by;
	enum top_column same;
};

/* A cell, but of the line of all others, of which nothing but counts is known. */
#define CELL(name_, body_)                                                                      \
	static void cell_##name_(const struct column *c, const void *line_, struct column_cell *ret) \
	{                                                                                       \
		const struct top_list_line *l = line_;                                          \
		const struct top_row *row = l->row;                                             \
                                                                                                \
		if (!row) {                                                                     \
			if (c == l->first_name)                                                 \
				column_text(ret, "others");                                     \
			return;                                                                 \
		}                                                                               \
		body_;                                                                          \
	}

static void put_text(const struct column *c, const struct top_list_line *l, struct column_cell *ret)
{
	const struct list_column *column = c->arg;
	char buf[TOP_CELL_MAX];

	top_columns[column->same].text(l->list->rows, l->row, buf);
	column_text(ret, "%s", buf);
}

static void put_rate(const struct column *c, const struct top_list_line *l, struct column_cell *ret)
{
	put_text(c, l, ret);
	if (!ret->text[0] && l->list->rows->interval_ns)
		column_text(ret, "0");
}

static void put_end(const struct top_row *row, bool second, struct column_cell *ret)
{
	const struct flow_key *k = &row->key;
	bool dst = second != row->swapped;
	char buf[TOP_CELL_MAX];

	top_column_end(k->family, dst ? k->dst : k->src, be16toh(dst ? k->dport : k->sport), buf);
	column_text(ret, "%s", buf);
}

static void put_state(const struct top_list_line *l, struct column_cell *ret)
{
	static const char *const names[] = {
		[TOP_NONE] = "", [TOP_OPENING] = "opening", [TOP_OPEN] = "open",
		[TOP_CLOSING] = "closing", [TOP_CLOSED] = "closed",
	};

	column_text(ret, "%s", names[top_row_state(l->list->rows, l->row)]);
}

static void started_of(const struct top_list_line *l, char when[CLOCK_RFC3339_LEN])
{
	clock_rfc3339(l->row->first_ns + l->offset_ns, when);
}

static void put_started(const struct top_list_line *l, struct column_cell *ret)
{
	char when[CLOCK_RFC3339_LEN];

	started_of(l, when);
	column_text(ret, "%.23sZ", when);
}

static void duration_of(const struct top_row *row, char buf[TOP_CELL_MAX])
{
	top_list_duration(row->last_ns > row->first_ns ? row->last_ns - row->first_ns : 0, buf);
}

static void put_duration(const struct top_row *row, struct column_cell *ret)
{
	char lasted[TOP_CELL_MAX];

	duration_of(row, lasted);
	column_text(ret, "%s", lasted);
}

static void put_connection(const struct top_list_line *l, struct column_cell *ret)
{
	char when[CLOCK_RFC3339_LEN], lasted[TOP_CELL_MAX];

	started_of(l, when);
	duration_of(l->row, lasted);
	column_text(ret, "started %.23sZ duration %s", when, lasted);
}

CELL(text, put_text(c, l, ret))
CELL(rate, put_rate(c, l, ret))
CELL(source, put_end(row, false, ret))
CELL(destination, put_end(row, true, ret))
CELL(port, column_number(ret, be16toh(row->key.dport)))
CELL(flows, column_number(ret, row->flows))
CELL(state, put_state(l, ret))
CELL(started, put_started(l, ret))
CELL(duration, put_duration(row, ret))
CELL(connection, put_connection(l, ret))

static void cell_packets(const struct column *c, const void *line, struct column_cell *ret)
{
	const struct top_list_line *l = line;

	column_number(ret, l->row ? l->row->total[0].packets + l->row->total[1].packets :
				    l->list->rows->others.packets);
}

static void cell_bytes(const struct column *c, const void *line, struct column_cell *ret)
{
	const struct top_list_line *l = line;

	column_number(ret, l->row ? l->row->total[0].bytes + l->row->total[1].bytes :
				    l->list->rows->others.bytes);
}

#define ARG(by_, same_) .arg = &(const struct list_column) { by_, same_ }
static const struct column columns[] = {
	{ "protocol", .help = "by its name, else the number", .cell = cell_text,
	  ARG(ENDS | BY(PORT), TOP_PROTO) },
	{ "source", .help = "address:port; of a whole connection the end that opened it",
	  .cell = cell_source, ARG(ENDS, TOP_SOURCE) },
	{ "destination", .help = "address:port", .cell = cell_destination, ARG(ENDS, TOP_DESTINATION) },
	{ "host", .help = "--by host: address", .cell = cell_text, ARG(BY(HOST), TOP_HOST) },
	{ "port", .help = "--by port: of the server", .cell = cell_port, ARG(BY(PORT), TOP_PORT) },
	{ "netns", .help = "network namespace", .cell = cell_text, ARG(ALL, TOP_NETNS) },
	{ "interface", .help = "where it was seen; of several, the first", .cell = cell_text,
	  ARG(ENDS | BY(INTERFACE), TOP_INTERFACE) },
	{ "rate", "BIT/S", "bits a second since the list before",
	  .flags = COLUMN_NUMERIC, .cell = cell_rate, ARG(ALL, TOP_RATE) },
	{ "to", .help = "bits a second to the destination, or server; in; sent by a host",
	  .flags = COLUMN_NUMERIC, .cell = cell_rate, ARG(ALL, TOP_TO_RATE) },
	{ "from", .help = "bits a second the other way", .flags = COLUMN_NUMERIC,
	  .cell = cell_rate, ARG(ALL, TOP_FROM_RATE) },
	{ "packet-rate", "PKT/S", "packets a second since the list before",
	  .flags = COLUMN_NUMERIC, .cell = cell_rate, ARG(ALL, TOP_PACKET_RATE) },
	{ "packets", .help = "since the beginning", .cell = cell_packets, ARG(ALL, TOP_PACKETS) },
	{ "bytes", .help = "of the IP layer since the beginning", .flags = COLUMN_OCTETS,
	  .cell = cell_bytes, ARG(ALL, TOP_BYTES) },
	{ "rtt", .help = "round trip time, average (lines of whole connections)",
	  .flags = COLUMN_NUMERIC, .cell = cell_text, ARG(BY(CONNECTION), TOP_RTT) },
	{ "retransmissions", "RETR", "percent of the packets (lines of whole connections)",
	  .flags = COLUMN_NUMERIC, .cell = cell_text, ARG(BY(CONNECTION), TOP_RETRANSMISSIONS) },
	{ "state", .help = "of TCP (lines of whole connections)", .cell = cell_state,
	  ARG(BY(CONNECTION), TOP_STATE) },
	{ "flows", .help = "so many are in the line", .cell = cell_flows, ARG(ALL, TOP_FLOWS) },
	{ "age", .help = "since its first packet", .flags = COLUMN_NUMERIC,
	  .cell = cell_text, ARG(ENDS, TOP_AGE) },
	{ "started", .help = "its first packet, UTC", .cell = cell_started, ARG(ENDS, TOP_AGE) },
	{ "duration", .help = "from its first packet to its last", .cell = cell_duration,
	  ARG(ENDS, TOP_AGE) },
	{ "connection", .help = "start and duration in words", .cell = cell_connection,
	  ARG(ENDS, TOP_AGE) },
};

const struct column *top_list_columns(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(columns);
	return columns;
}

static unsigned by_of(const struct column *c)
{
	const struct list_column *column = c->arg;

	return column->by;
}

bool top_list_is_name(const struct column *c)
{
	return c->cell != cell_packets && c->cell != cell_bytes;
}

bool top_list_wants_vitals(const struct columns *picked)
{
	for (size_t i = 0; i < picked->n; i++) {
		if (by_of(picked->v[i]) == BY(CONNECTION))
			return true;
	}
	return false;
}

int top_list_pick(const char *list, enum top_by *by, struct columns *ret)
{
	int r = columns_pick(columns, ARRAY_SIZE(columns), list ? list : defaults[*by], ret);

	if (r < 0)
		return r;
	if (1u << *by & ONE_WAY && top_list_wants_vitals(ret))
		*by = TOP_BY_CONNECTION;
	for (size_t i = 0; i < ret->n; i++) {
		if (!(by_of(ret->v[i]) & 1u << *by))
			return fail_usage("--columns: '%s' says nothing of %ss", ret->v[i]->key,
					  top_by_names[*by < TOP_BY_KINDS ? *by : TOP_BY_CONNECTION]);
	}
	return 0;
}
