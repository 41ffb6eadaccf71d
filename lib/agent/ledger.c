// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's last words on a namespace: a line a hook, of what it saw and where that is. Packets
 * go on moving while the sum is made, so what is between two counts is said, and is no trouble.
 */
#include "agent/internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "kernel/audit.h"

static void add_count(struct strbuf *line, const char *name, uint64_t packets)
{
	if (packets)
		strbuf_printf(line, ", %s %" PRIu64, name, packets);
}

static void tell_hook(const struct audit_hook *h)
{
	_cleanup_(strbuf_deinit) struct strbuf line = STRBUF_NULL;
	const struct meter_status *s = &h->status;

	strbuf_printf(&line, "ledger of %s:%s:%s in packets: seen %" PRIu64, s->netns, s->iface,
		      flow_direction_name(s->direction),
		      (uint64_t)s->ledger.by[LEDGER_SEEN].packets);
	add_count(&line, "held", s->ledger.held.packets);
	for (int reason = LEDGER_SEEN + 1; reason < LEDGER_REASONS; reason++)
		add_count(&line, meter_reason_name(reason), s->ledger.by[reason].packets);
	add_count(&line, "aged", s->ledger.aged.packets);
	if (h->missing_packets)
		strbuf_printf(&line, ", in motion %" PRId64, h->missing_packets);
	log_info("%s", strbuf_str(&line));
}

void ledger_tell(const struct agent_table *t)
{
	_cleanup_(freep) struct audit_hook *v = NULL;
	size_t n = 0;

	if (audit_read(t->table->dir.cookie, 0, &v, &n) < 0) {
		log_debug("%s", error_message());
		error_clear();
	}
	for (size_t i = 0; i < n; i++)
		tell_hook(&v[i]);
}
