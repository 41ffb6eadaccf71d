// SPDX-License-Identifier: Apache-2.0
/* See audit_rows.h: from ledgers to rows, and the columns of their table. */
#include "audit_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static void row_of(const struct audit_hook *h, bool live, struct audit_row *ret)
{
	const struct meter_status *s = &h->status;

	*ret = (struct audit_row) {
		.netns = s->netns,
		.iface = s->iface,
		.direction = flow_direction_name(s->direction),
		.cookie = s->cookie,
		.ifindex = s->ifindex,
		.direction_id = s->direction,
		.taken_off = s->taken_off,
		.live = live,
		.verdict = h->verdict,
		.ledger = s->ledger,
		.metered = meter_ledger_metered(&s->ledger),
		.missing_packets = h->missing_packets,
		.missing_bytes = h->missing_bytes,
	};
}

static void add_row(struct audit_row *sum, const struct audit_row *row)
{
	for (int reason = 0; reason < LEDGER_REASONS; reason++)
		ledger_count_add(&sum->ledger.by[reason], row->ledger.by[reason]);
	ledger_count_add(&sum->ledger.held, row->ledger.held);
	ledger_count_add(&sum->ledger.aged, row->ledger.aged);
	ledger_count_add(&sum->metered, row->metered);
	sum->missing_packets += row->missing_packets;
	sum->missing_bytes += row->missing_bytes;
	if (row->verdict == AUDIT_UNBALANCED || sum->verdict == AUDIT_BALANCED)
		sum->verdict = row->verdict;
}

/* Rows of a namespace are together. */
static void add_sums(struct audit_rows *rows)
{
	size_t end;

	rows->n = rows->n_hooks;
	for (size_t i = 0; i < rows->n_hooks; i = end) {
		struct audit_row *first = &rows->v[i], *sum = &rows->v[rows->n];

		for (end = i; end < rows->n_hooks && rows->v[end].cookie == first->cookie; end++)
			;
		if (end - i < 2)
			continue;
		*sum = (struct audit_row) {
			.netns = first->netns, .iface = "*", .direction = "both", .cookie = first->cookie,
			.sum = true, .live = first->live,
		};
		for (size_t k = i; k < end; k++)
			add_row(sum, &rows->v[k]);
		rows->n++;
	}
}

static const struct audit_row *hook_of(const struct audit_rows *rows, uint64_t cookie,
				       const struct output_count *c)
{
	for (size_t i = 0; i < rows->n_hooks; i++) {
		const struct audit_row *row = &rows->v[i];

		if (row->cookie == cookie && row->ifindex == c->ifindex &&
		    row->direction_id == c->direction)
			return row;
	}
	return NULL;
}

static int add_outputs(struct audit_rows *rows, uint64_t cookie)
{
	struct audit_output_row *grown;
	struct output_count *v;
	size_t n;
	int r = audit_outputs(cookie, &v, &n);

	if (r < 0)
		return r;
	rows->counts[rows->n_counts++] = v;
	grown = reallocarray(rows->outputs, rows->n_outputs + n + 1, sizeof(*grown));
	if (!grown)
		return fail(-ENOMEM, "cannot print");
	rows->outputs = grown;
	for (size_t i = 0; i < n; i++) {
		const struct audit_row *hook = hook_of(rows, cookie, &v[i]);

		/* A hook that is no more has its numbers there still. */
		if (hook)
			rows->outputs[rows->n_outputs++] = (struct audit_output_row) { hook, &v[i] };
	}
	return 0;
}

int audit_rows_read(uint64_t cookie, bool live, uint64_t wait_ns, struct audit_rows *ret)
{
	int r = audit_read(cookie, live ? 0 : wait_ns, &ret->hooks, &ret->n_hooks);

	if (r < 0)
		return r;
	ret->v = calloc(2 * ret->n_hooks + 1, sizeof(*ret->v));
	ret->counts = calloc(ret->n_hooks + 1, sizeof(*ret->counts));
	if (!ret->v || !ret->counts)
		return fail(-ENOMEM, "cannot print");
	for (size_t i = 0; i < ret->n_hooks; i++)
		row_of(&ret->hooks[i], live, &ret->v[i]);
	add_sums(ret);
	for (size_t i = 0; r == 0 && i < ret->n_hooks; i++) {
		if (!i || ret->v[i].cookie != ret->v[i - 1].cookie)
			r = add_outputs(ret, ret->v[i].cookie);
	}
	return r;
}

void audit_rows_deinit(struct audit_rows *rows)
{
	for (size_t i = 0; i < rows->n_counts; i++)
		free(rows->counts[i]);
	free(rows->counts);
	free(rows->outputs);
	free(rows->hooks);
	free(rows->v);
}

#define CELL(name_, type_, body_) COLUMN_CELL(name_, type_, r, body_)

CELL(netns, audit_row, column_text(ret, "%s", r->netns))
CELL(iface, audit_row, column_text(ret, "%s%s", r->iface, r->taken_off ? " (taken off)" : ""))
CELL(direction, audit_row, column_text(ret, "%s", r->direction))
CELL(missing, audit_row, column_text(ret, "%" PRId64, r->missing_packets))
CELL(missing_bytes, audit_row, column_text(ret, "%" PRId64, r->missing_bytes))
CELL(verdict, audit_row, if (!r->live) column_text(ret, "%s", audit_verdict_name(r->verdict)))

/* A number at the column's own place in the row. */
static void cell_count(const struct column *c, const void *row, struct column_cell *ret)
{
	column_number(ret, *(const uint64_t *)((const char *)row + (uintptr_t)c->arg));
}

#define AT(member_) cell_count, (const void *)(uintptr_t)offsetof(struct audit_row, member_)
#define COUNT(key_, head_, help_, member_)                          \
	{ key_, head_, help_, 0, AT(member_.packets) },             \
	{ key_ "_bytes", NULL, "octets of them", COLUMN_MORE | COLUMN_OCTETS, AT(member_.bytes) }

static const struct column columns[] = {
	{ "netns", NULL, "network namespace", 0, cell_netns },
	{ "iface", NULL, "interface; *: all of the namespace", 0, cell_iface },
	{ "direction", NULL, "ingress or egress", 0, cell_direction },
	COUNT("seen", NULL, "packets that the hook was offered", ledger.by[LEDGER_SEEN]),
	COUNT("metered", NULL, "of them: came into a flow's record; the next seven", metered),
	COUNT("held", NULL, "still held", ledger.held),
	COUNT("exported", NULL, "exported to one output at least", ledger.by[LEDGER_EXPORTED]),
	COUNT("flushed", NULL, "flushed", ledger.by[LEDGER_FLUSHED]),
	COUNT("duplicate", NULL, "in the record of another hook (count: once)",
	      ledger.by[LEDGER_DUPLICATE]),
	COUNT("self", NULL, "of the agent's own export stream", ledger.by[LEDGER_SELF]),
	COUNT("undelivered", NULL, "that no template carries", ledger.by[LEDGER_UNDELIVERED]),
	COUNT("aged", NULL, "gave way while no agent ran", ledger.aged),
	COUNT("full", NULL, "lost: no room in the table", ledger.by[LEDGER_FULL]),
	COUNT("unparsed", NULL, "IP packets that could not be read", ledger.by[LEDGER_UNPARSED]),
	COUNT("non_ip", "NON-IP", "no IP packets", ledger.by[LEDGER_NON_IP]),
	COUNT("sampled_out", "SAMPLED-OUT", "left out by the sample", ledger.by[LEDGER_SAMPLED_OUT]),
	{ "missing", NULL, "seen and in no other count; below 0: in two", COLUMN_NUMERIC,
	  cell_missing },
	{ "missing_bytes", NULL, "octets of them", COLUMN_MORE | COLUMN_NUMERIC,
	  cell_missing_bytes },
	{ "verdict", NULL, "balanced, unbalanced, or moving: not at rest", 0, cell_verdict },
};

const struct column *audit_columns(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(columns);
	return columns;
}

CELL(o_netns, audit_output_row, column_text(ret, "%s", r->hook->netns))
CELL(o_iface, audit_output_row, column_text(ret, "%s", r->hook->iface))
CELL(o_direction, audit_output_row, column_text(ret, "%s", r->hook->direction))
CELL(o_label, audit_output_row, column_text(ret, "%s", r->count->label))
CELL(o_records, audit_output_row, column_number(ret, r->count->records))
CELL(o_packets, audit_output_row, column_number(ret, r->count->packets))
CELL(o_bytes, audit_output_row, column_number(ret, r->count->bytes))

int audit_print_outputs(const struct audit_rows *rows, const struct columns_style *style,
			struct strbuf *out)
{
	static const struct column all[] = {
		{ "netns", NULL, NULL, 0, cell_o_netns },
		{ "iface", NULL, NULL, 0, cell_o_iface },
		{ "direction", NULL, NULL, 0, cell_o_direction },
		{ "output", NULL, NULL, 0, cell_o_label },
		{ "records", NULL, NULL, 0, cell_o_records },
		{ "packets", NULL, NULL, 0, cell_o_packets },
		{ "bytes", NULL, NULL, COLUMN_OCTETS, cell_o_bytes },
	};
	struct columns picked;
	int r = columns_pick(all, ARRAY_SIZE(all), NULL, &picked);

	return r < 0 ? r : columns_print(&picked, rows->outputs, rows->n_outputs,
					 sizeof(*rows->outputs), style, out);
}
