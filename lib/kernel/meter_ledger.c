// SPDX-License-Identifier: Apache-2.0
/*
 * The ledger's sum: all that a hook was offered is in exactly one of its other counts. What a
 * reason is called is the same on every output.
 */
#include "kernel/meter.h"

static const char *const names[LEDGER_REASONS] = {
	[LEDGER_SEEN] = "seen",
	[LEDGER_FULL] = "full",
	[LEDGER_UNPARSED] = "unparsed",
	[LEDGER_NON_IP] = "non_ip",
	[LEDGER_SAMPLED_OUT] = "sampled_out",
	[LEDGER_EXPORTED] = "exported",
	[LEDGER_FLUSHED] = "flushed",
	[LEDGER_DUPLICATE] = "duplicate",
	[LEDGER_SELF] = "self",
	[LEDGER_UNDELIVERED] = "undelivered",
};

const char *meter_reason_name(enum ledger_reason reason)
{
	return names[reason];
}

void ledger_count_add(struct ledger_count *sum, struct ledger_count count)
{
	sum->packets += count.packets;
	sum->bytes += count.bytes;
}

struct ledger_count meter_ledger_metered(const struct meter_ledger *l)
{
	struct ledger_count sum = l->held;

	ledger_count_add(&sum, l->aged);
	for (int reason = LEDGER_KERNEL_REASONS; reason < LEDGER_REASONS; reason++)
		ledger_count_add(&sum, l->by[reason]);
	return sum;
}

bool meter_ledger_balances(const struct meter_ledger *l, int64_t *ret_packets, int64_t *ret_bytes)
{
	struct ledger_count sum = meter_ledger_metered(l);

	for (int reason = LEDGER_SEEN + 1; reason < LEDGER_KERNEL_REASONS; reason++)
		ledger_count_add(&sum, l->by[reason]);
	*ret_packets = l->by[LEDGER_SEEN].packets - sum.packets;
	*ret_bytes = l->by[LEDGER_SEEN].bytes - sum.bytes;
	return *ret_packets == 0 && *ret_bytes == 0;
}
