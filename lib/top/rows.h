/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `top` shows, without how it looks: the flows that are followed (kernel/follow.h), added up
 * to lines of one kind, with what each counted since the beginning and with the last reading.
 * Lines are kept from reading to reading, and a reading touches those alone that it changed.
 */
#ifndef FLOWCTL_TOP_ROWS_H
#define FLOWCTL_TOP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/follow.h"
#include "kernel/health.h"
#include "top/words.h"

/* What a line is of. */
enum top_by {
	TOP_BY_CONNECTION,	/* one, both directions of it */
	TOP_BY_HOST,
	TOP_BY_PORT,		/* of the server, of one protocol */
	TOP_BY_INTERFACE,
	TOP_BY_NETNS,
	TOP_BY_KINDS,		/* so far those that people choose from */
	TOP_BY_ENDS = TOP_BY_KINDS,	/* plain list: source and destination, one direction */
	TOP_BY_FLOW,		/* plain list: the same, each connection on its own */
};
/* "connection", "host", ...; NULL-terminated. */
extern const char *const top_by_names[];

struct top_iface {
	uint32_t ifindex;
	char name[IFACE_NAME_MAX];
	bool loopback;
	bool metered[2];	/* by direction */
};

/* A network namespace that is looked at. */
struct top_place {
	const char *netns;		/* its name, borrowed */
	struct top_iface *ifaces;	/* borrowed */
	size_t n_ifaces;
	struct follow *follow;		/* borrowed; by its flows' `owner` lines are found */
	struct health *health;		/* borrowed, or NULL */
};

/* Of a TCP connection, both directions (vitals.h). */
struct top_health {
	bool known, rtt_known;
	uint32_t rtt_us;		/* there and back through this machine, average */
	uint32_t retransmissions;	/* since the first look, or of all its life */
	uint32_t before;		/* those of before the first look, which are not in it */
	uint32_t reading;		/* the last look's */
};

/*
 * Index 0 is what left the end that is shown first (of a connection the client; a host: what it
 * sent; a port: what went to it; an interface or namespace: what came in), 1 the other way.
 */
struct top_row {
	struct flow_key key;		/* what it is of, the rest 0; of two ends the lesser is src */
	struct ledger_count total[2];
	struct ledger_count fresh[2];	/* with the reading of this number: */
	uint32_t reading;
	uint32_t flow[2];		/* a connection's flows (of TOP_BY_ENDS one), or FOLLOW_NONE */
	uint64_t first_ns, last_ns;	/* CLOCK_BOOTTIME */
	uint32_t flows;			/* so many are in it */
	uint16_t place;
	bool swapped;			/* key.dst is the end that is shown first */
	struct top_health health;
};

struct top_rows {
	struct top_row *v;
	uint32_t n;
	uint32_t reading;
	uint64_t interval_ns;		/* that the last reading was about; 0: it was the first */
	uint64_t began_ns, now_ns;	/* CLOCK_BOOTTIME of the beginning, and of the last one */
	struct ledger_count others;	/* of flows that were forgotten; they are in no line */
	uint32_t vitals_next;		/* private to vitals.c */
	/* private to rows.c and rows_bind.c */
	enum top_by by;
	const struct top_words *words;
	struct top_place *places;
	size_t n_places;
	uint32_t cap;
	uint32_t *layouts;		/* of each place's follow, that the lines were made of */
	struct key_index by_key;
};

/* Lines of @places (borrowed), of which nothing was read yet. 0 or fail(-ENOMEM). */
int top_rows_init(struct top_rows *r, struct top_place *places, size_t n, enum top_by by);
void top_rows_deinit(struct top_rows *r);
/* Take in the last reading of all places, which was at @now_ns. 0 or fail(-ENOMEM). */
int top_rows_update(struct top_rows *r, uint64_t now_ns);
/* Other lines, or of other flows only (@words borrowed, NULL: of all), from what was read last. */
int top_rows_choose(struct top_rows *r, enum top_by by, const struct top_words *words);

/* With the last reading; 0 where it brought nothing. */
struct ledger_count top_row_fresh(const struct top_rows *r, const struct top_row *row, int way);
/* Of a connection's way the flow, or NULL. */
const struct follow_flow *top_row_flow(const struct top_rows *r, const struct top_row *row, int way);

enum top_state { TOP_NONE, TOP_OPENING, TOP_OPEN, TOP_CLOSING, TOP_CLOSED };
/* Of a line that is a TCP connection; TOP_NONE: of another one. */
enum top_state top_row_state(const struct top_rows *r, const struct top_row *row);

#endif
