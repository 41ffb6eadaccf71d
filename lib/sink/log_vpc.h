/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `log` output of format vpc: a line a flow, interface and interval, as AWS VPC Flow Logs have
 * them, to a file or to a folder of files in the key layout of S3.
 *
 * What is not written yet of an interval is spooled beside it, FILE.spool or
 * DIR/.flowctl-ID.spool: so a killed agent loses nothing that it was given, but for the batch at
 * hand, and the next writes each line once. Standard output has none.
 */
#ifndef FLOWCTL_SINK_LOG_VPC_H
#define FLOWCTL_SINK_LOG_VPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/vpc_field.h"
#include "sink/sink.h"

/* The id of an interface that the cloud does not say. */
struct vpc_interface_id {
	const char *iface, *id;
};

struct vpc_config {	/* all of it is copied */
	const char *file;	/* a path or "stdout"; or NULL, and */
	const char *directory;
	struct vpc_format format;
	bool header;		/* names first, in every file */
	uint64_t interval_ns;	/* whole seconds */
	size_t max_lines;	/* counted up at a time; what is more gets lines of its own */
	bool gzip, per_hour, hive;	/* of a directory */
	uint32_t period_s;	/* the same: a file; a multiple of the interval */
	const char *flow_log_id;	/* NULL: made of the host's name and the directory's */
	/* Where the cloud does not say; NULL: '-', and "unknown" in names of files. */
	const char *account, *region;
	const struct vpc_interface_id *interfaces;
	size_t n_interfaces;
	bool keep;		/* spool; else what is not written when it is closed is written then */
};

/* fail() when it cannot be opened; fail_plain() when somebody else writes it. */
int sink_vpc_new(const struct vpc_config *config, struct sink **ret);

#endif
