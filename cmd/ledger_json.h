/* SPDX-License-Identifier: Apache-2.0 */
/* A hook's ledger as JSON, the same keys wherever one is printed. */
#ifndef FLOWCTL_CMD_LEDGER_JSON_H
#define FLOWCTL_CMD_LEDGER_JSON_H

#include "base/json.h"
#include "kernel/meter.h"

/* {"packets": ..., "bytes": ...}, as @key. */
void ledger_json_count(struct json *j, const char *key, struct ledger_count count);
/* Every reason but "seen", each as its name. */
void ledger_json_reasons(struct json *j, const struct meter_ledger *l);

#endif
