/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transport session over something reliable as a sink: TCP, TLS over TCP, SCTP, or a file
 * (RFC 5655). Templates go once a connection, a sequence begins with it at 0; what cannot be
 * written at once waits in a bounded backlog.
 */
#ifndef FLOWCTL_IPFIX_STREAM_H
#define FLOWCTL_IPFIX_STREAM_H

#include <stdint.h>

#include "ipfix/options.h"
#include "ipfix/session.h"
#include "sink/sink.h"

enum stream_kind { STREAM_TCP, STREAM_TLS, STREAM_SCTP, STREAM_FILE };

struct stream_config {
	enum stream_kind kind;
	const char *remote;		/* "host:port", or the file's path */
	const char *local;		/* "addr:port", NULL or port 0: any */
	uint16_t max_message_len;
	unsigned version;		/* 10 IPFIX, 9 NetFlow */
	const struct template_set *templates;	/* borrowed, outlives the sink */
	const struct profile *profile;	/* the same */
	uint32_t enterprise;
	uint64_t options_s;		/* seconds between options data; 0 = none */
	struct options_source options;	/* get NULL: none */
	const char *ca, *certificate, *key, *server_name;	/* TLS; NULL as in conf.h */
	uint64_t backlog_bytes;		/* in memory, while there is no connection */
	const char *backlog_file;	/* then on disk, or NULL */
	uint64_t backlog_file_bytes;
};

/*
 * A stream counts as sent (sink_stats.records) what the other end has acknowledged, or what
 * is in the file. What had left and was not acknowledged when a connection broke may have
 * arrived or not: it is not sent again, counts as lost, and the trouble says how many records
 * that are. What had not left whole, and what waits, goes on the next connection.
 *
 * While the collector is away or slow, messages wait in memory, then on disk; when both are
 * full wait_ns() asks for a little time, and then records are lost. Where there is a file,
 * memory goes to it when the collector was away for some seconds, and when the stream is
 * closed; else it is lost then, and when the process is killed.
 *
 * A collector that cannot be resolved or reached is no error here: it is told as the sink's
 * trouble and tried again, ever more seldom. fail_usage() for malformed addresses, a template
 * that does not fit into a message, a kind that this build or kernel does not have (said so);
 * fail() for certificates and files that cannot be used.
 */
int stream_new(const struct stream_config *config, struct sink **ret);
/*
 * Read the files of TLS that @config names, as stream_new() does, and connect to nobody. fail() for
 * one that cannot be used, fail_usage() for a key that is not the certificate's.
 */
int stream_check_tls(const struct stream_config *config);
/*
 * As session_tuple() and session_wait_ready() do it for UDP; -ENOTCONN and 0 for other sinks.
 * The tuple is that of the last attempt to connect, whatever became of it.
 */
int stream_tuple(const struct sink *s, struct session_tuple *ret);
int stream_wait_ready(struct sink *s, uint64_t timeout_ns);
/* Is the connection up? For failover. True for a file that can be written. */
bool stream_is_up(const struct sink *s);
/*
 * Records of flows that were flushed and are neither acknowledged nor lost nor on disk: what a
 * close() without a backlog file loses. 0 for other sinks and files.
 */
uint64_t stream_waiting(const struct sink *s);
/*
 * Wait until all that was flushed was acknowledged, so that the counts are true: 0; -EAGAIN
 * after @timeout_ns; -ENOTCONN when there is no connection. 0 for other sinks and files.
 */
int stream_drain(struct sink *s, uint64_t timeout_ns);
/*
 * The same at the end, before close(): what was not acknowledged in time goes to the backlog's
 * file, or counts as lost and is told as the sink's trouble.
 */
int stream_finish(struct sink *s, uint64_t timeout_ns);
/*
 * The templates become @templates: before the next data those that are gone are withdrawn and
 * new ones sent (RFC 7011 8.1). @templates is borrowed and outlives the sink; the old ones are
 * needed no more. fail_usage() when one does not fit into a message: nothing has changed.
 */
int stream_set_templates(struct sink *s, const struct template_set *templates);

#endif
