// SPDX-License-Identifier: Apache-2.0
/* The rows of `flowctl audit` as one document. */
#include "audit_rows.h"
#include "ledger_json.h"

static void ledger_json(struct json *j, const struct audit_row *row)
{
	ledger_json_count(j, "seen", row->ledger.by[LEDGER_SEEN]);
	ledger_json_count(j, "metered", row->metered);
	ledger_json_count(j, "held", row->ledger.held);
	ledger_json_count(j, "aged", row->ledger.aged);
	ledger_json_reasons(j, &row->ledger);
	json_object_begin(j, "missing");
	json_s64(j, "packets", row->missing_packets);
	json_s64(j, "bytes", row->missing_bytes);
	json_object_end(j);
	json_str(j, "verdict", row->live ? NULL : audit_verdict_name(row->verdict));
}

static void outputs_json(struct json *j, const struct audit_rows *rows, const struct audit_row *hook)
{
	json_array_begin(j, "outputs");
	for (size_t i = 0; i < rows->n_outputs; i++) {
		const struct output_count *c = rows->outputs[i].count;

		if (rows->outputs[i].hook != hook)
			continue;
		json_object_begin(j, NULL);
		json_str(j, "output", c->label);
		json_u64(j, "records", c->records);
		json_u64(j, "packets", c->packets);
		json_u64(j, "bytes", c->bytes);
		json_object_end(j);
	}
	json_array_end(j);
}

static void hook_json(struct json *j, const struct audit_rows *rows, const struct audit_row *row)
{
	json_object_begin(j, NULL);
	json_str(j, "netns", row->netns);
	if (!row->sum) {
		json_str(j, "iface", row->iface);
		json_u64(j, "ifindex", row->ifindex);
		json_str(j, "direction", row->direction);
		json_bool(j, "taken_off", row->taken_off);
	}
	ledger_json(j, row);
	if (!row->sum)
		outputs_json(j, rows, row);
	json_object_end(j);
}

static bool all_balance(const struct audit_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		if (rows->v[i].verdict != AUDIT_BALANCED)
			return false;
	}
	return true;
}

void audit_json(const struct audit_rows *rows, struct strbuf *out)
{
	struct json j;

	json_init(&j, out, true);
	json_object_begin(&j, NULL);
	if (rows->n && rows->v[0].live)
		json_null(&j, "balanced");
	else
		json_bool(&j, "balanced", all_balance(rows));
	json_array_begin(&j, "hooks");
	for (size_t i = 0; i < rows->n_hooks; i++)
		hook_json(&j, rows, &rows->v[i]);
	json_array_end(&j);
	json_array_begin(&j, "sums");
	for (size_t i = rows->n_hooks; i < rows->n; i++)
		hook_json(&j, rows, &rows->v[i]);
	json_array_end(&j);
	json_object_end(&j);
	strbuf_putc(out, '\n');
}
