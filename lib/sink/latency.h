/* SPDX-License-Identifier: Apache-2.0 */
/* What `flowctl latency` prints: a line an event, and at the end what they came to. */
#ifndef FLOWCTL_SINK_LATENCY_H
#define FLOWCTL_SINK_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "base/strbuf.h"
#include "flow/hist.h"

/* Where it was seen. */
struct latency_place {
	const char *netns, *iface;
	int64_t real_offset_ns;		/* clock_real_offset_ns() */
};

/* "10.2.0.2:80 : RTT: 12.034ms", "[2001:db8::1]:80 : RTT: ..."; the peer, always milliseconds
 * with three decimals. An RTT sample ends with " (sample)": a handshake's line is what it always was. */
void latency_text(const struct tcp_event *e, struct strbuf *out);
/* The same and all else as one line of JSON. */
void latency_json(const struct tcp_event *e, const struct latency_place *place, struct strbuf *out);

struct latency_summary {
	struct hist handshakes;
	struct hist samples;		/* RTT samples; of every_rtt only */
	bool every_rtt;
	uint64_t lost;			/* events; of all interfaces of the namespaces */
	uint64_t forgotten;		/* half-open connections that gave way to others */
	uint64_t unwatched_ns;		/* in which nobody looked */
	uint64_t duration_ns;
};
void latency_count(struct latency_summary *s, const struct tcp_event *e);
void latency_summary_text(const struct latency_summary *s, struct strbuf *out);
void latency_summary_json(const struct latency_summary *s, struct strbuf *out);

#endif
