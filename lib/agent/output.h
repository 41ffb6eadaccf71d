/* SPDX-License-Identifier: Apache-2.0 */
/* One configured output as a sink, for the agent and for `ipfix-dummy`. */
#ifndef FLOWCTL_AGENT_OUTPUT_H
#define FLOWCTL_AGENT_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "ipfix/options.h"
#include "ipfix/session.h"
#include "sink/sink.h"

/* What of an output is not configured. */
struct output_env {
	unsigned batch_messages;	/* UDP: as in struct session_config */
	bool unpaced;			/* UDP: whoever puts records has a pace of his own */
	bool keep;			/* a log may keep what it has not written, for its next */
	struct sequence_ops sequence;	/* get NULL: not kept */
	struct options_source options;	/* get NULL: no options data */
};

/*
 * Open @out of @conf. @templates, NULL for a log, is borrowed as long as the sink lives; all
 * else is copied. Errors: those of session_udp_new(), stream_new() and sink_log_new().
 */
int output_open(const struct conf *conf, const struct conf_output *out,
		const struct template_set *templates, const struct output_env *env,
		struct sink **ret);
/*
 * Can the files that @out names for TLS be read, and do they belong together? 0, or the error with
 * which output_open() would end, and the collector's name before it.
 */
int output_check(const struct conf_output *out);
/* Of its socket, if it has one: -ENOTCONN else. */
int output_tuple(const struct sink *s, struct session_tuple *ret);
/* Can it send, as far as anybody knows? */
bool output_is_up(const struct sink *s);
/* At the end: wait until all that was flushed has arrived, where that can be known: as
 * stream_finish(); of a log as sink_log_drain(), whose hooks have times of their own. */
int output_drain(struct sink *s, uint64_t timeout_ns);
/* Wait until it can send, or @timeout_ns passed: -EAGAIN. 0 for one that always can. */
int output_wait_ready(struct sink *s, uint64_t timeout_ns);

#endif
