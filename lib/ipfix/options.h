/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options templates and options data (RFC 7011 3.4.2, 4.1 to 4.3; RFC 5610; RFC 5477): what
 * the exporter says of itself, of its meters, its interfaces and its elements.
 */
#ifndef FLOWCTL_IPFIX_OPTIONS_H
#define FLOWCTL_IPFIX_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "ipfix/message.h"
#include "ipfix/profile.h"
#include "ipfix/template.h"

struct options_interface {
	uint32_t ifindex;
	const char *name;		/* never NULL */
	const char *description;	/* ifAlias, or NULL */
	uint32_t sample;		/* 1 = every packet, 0 = not metered */
};

/* What is to be told of one observation domain. Totals since the meter was attached. */
struct options_facts {
	/* in no flow record by fault or design: not parsed, not IP, table full, sampled out */
	uint64_t ignored_packets, ignored_bytes;
	/* in flow records that never reached an output: no template, not sent */
	uint64_t not_sent_flows, not_sent_packets, not_sent_bytes;
	const char *domain_name;	/* borrowed as the next; NULL: it is several namespaces */
	uint64_t first_lost_ns, last_lost_ns;	/* CLOCK_REALTIME, 0 = never lost anything */
	const struct options_interface *interfaces;	/* borrowed until the next question */
	size_t n_interfaces;
};

/* Who knows. get: 0, or -ENOENT: nothing is known of the domain. */
struct options_source {
	int (*get)(void *arg, uint32_t domain, struct options_facts *ret);
	void *arg;
};

/* What the session itself counts of the domain. */
struct options_session {
	/* sent in the transport session so far; records: of flows, no options data */
	uint64_t messages, bytes, records;
	/* of flows that came to it and were not sent, or that no template carries */
	uint64_t lost_records, lost_packets, lost_bytes;
};

struct options;

/* Sets that a message of options data or templates has at the most. */
#define OPTIONS_SETS_MAX 16

/* @profile is borrowed; @enterprise: of the elements that IANA does not have, 0 = any. */
int options_new(const struct profile *profile, uint32_t enterprise,
		const struct options_source *source, struct options **ret);
void options_free(struct options *o);
/*
 * What is sent beside them, before the first call of those below, and whenever that changes:
 * @templates (borrowed), or NULL, whose ids are left to them (ours go down from 65535, past
 * those) and of whose elements types are told; and the version, 9 or 10.
 */
void options_use(struct options *o, const struct template_set *templates, unsigned version);
/*
 * Sends what is in @m, which message_finish() has yet to close, and leaves it to be begun
 * again. 0, or a negative errno: it was not sent. Options data records count in m->records
 * as all data records do (RFC 7011 3.1).
 */
typedef int (*options_send_fn)(void *arg, struct message *m);
/* Send the options templates of @domain. @m is used and overwritten. 0 or what @send said. */
int options_send_templates(const struct options *o, struct message *m, uint32_t domain,
			   options_send_fn send, void *arg);

/* When the options data of one domain goes. Begins as zeroes but for every_ns; the same once
 * whoever listens has forgotten all. Times are CLOCK_BOOTTIME. */
struct options_clock {
	uint64_t every_ns, next_ns;
	bool begun;
	bool open;		/* a round was stopped: */
	unsigned what, least;	/* options_send_due()'s own */
};
enum options_when {
	OPTIONS_BEGIN,		/* behind the templates, before the first flows */
	OPTIONS_TICK,		/* between flows, about once a second */
	OPTIONS_END,		/* behind the last flows, before the session ends in good order */
};
/*
 * Send the options data of @domain, of which templates were sent, that are due then by the
 * profile. 0, also when nothing is known of the domain, or what @send said. What it refused
 * (-EAGAIN: not now) is tried again at the next OPTIONS_TICK: the round goes on with what did not
 * leave.
 */
int options_send_due(struct options *o, struct options_clock *c, enum options_when when,
		     uint64_t now_ns, struct message *m, uint32_t domain,
		     const struct options_session *counts, options_send_fn send, void *arg);

#endif
