// SPDX-License-Identifier: Apache-2.0
/* See ledger_json.h. `meter status` and `audit` print the same ledgers. */
#include "ledger_json.h"

void ledger_json_count(struct json *j, const char *key, struct ledger_count count)
{
	json_object_begin(j, key);
	json_u64(j, "packets", count.packets);
	json_u64(j, "bytes", count.bytes);
	json_object_end(j);
}

void ledger_json_reasons(struct json *j, const struct meter_ledger *l)
{
	for (int reason = LEDGER_SEEN + 1; reason < LEDGER_REASONS; reason++)
		ledger_json_count(j, meter_reason_name(reason), l->by[reason]);
}
