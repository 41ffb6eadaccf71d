/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where lines of format vpc go: a file they are appended to, or a folder of files as AWS delivers
 * them to S3, each of which appears when it is complete:
 *
 *	AWSLogs/ACCOUNT/vpcflowlogs/REGION/YYYY/MM/DD[/HH]/
 *		ACCOUNT_vpcflowlogs_REGION_FLOW-LOG-ID_YYYYMMDDTHHMMZ_HASH.log.gz
 *
 * ("Flow log files" in the Amazon VPC User Guide, flow-logs-s3-path.html.) The time is the end of
 * what is in it; the hash is of its content, so that the same lines make the same file.
 */
#ifndef FLOWCTL_SINK_VPC_DEST_H
#define FLOWCTL_SINK_VPC_DEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vpc_dest;

struct vpc_dest_config {	/* all of it is copied */
	const char *file;	/* a path, or "stdout"; or NULL, and */
	const char *directory;	/* that is there */
	const char *head;	/* first line of every file, with its end, or NULL */
	const char *flow_log_id;
	bool gzip, per_hour, hive;
	uint32_t period_s;	/* a file of the folder is complete at its multiples */
	bool alone;		/* nobody else writes there: what a killed writer left is taken away */
};

/* fail(). */
int vpc_dest_new(const struct vpc_dest_config *config, struct vpc_dest **ret);
/* What is not complete of a folder's file is lost. NULL is fine. */
void vpc_dest_free(struct vpc_dest *d);
/*
 * Append; *ret_done of @len bytes got there; a slow reader is waited for if @patient. 0 or a
 * negative errno without a sentence: then a folder's file is gone, with all that was in it. A
 * folder that was taken away is made again.
 */
int vpc_dest_write(struct vpc_dest *d, const char *data, size_t len, bool patient,
		   size_t *ret_done);
/*
 * All of before @end_s (seconds since 1970) was written: complete the folder's file, if that is a
 * multiple of its period or @now. NULLs: not known. 0 or a negative errno without a sentence.
 */
int vpc_dest_end(struct vpc_dest *d, uint32_t end_s, bool now, const char *account,
		 const char *region);
/* Is a folder's file there that is not complete? */
bool vpc_dest_is_open(const struct vpc_dest *d);
/* SIGHUP: open the file anew; a folder's goes on. fail(). */
int vpc_dest_reopen(struct vpc_dest *d);
/* Is it a regular file that is appended to? Then which one, and how long it is now. */
bool vpc_dest_where(const struct vpc_dest *d, uint64_t *ret_dev, uint64_t *ret_ino,
		    int64_t *ret_size);
/* The next that is written goes on within a line that stands there already. */
void vpc_dest_goes_on(struct vpc_dest *d);

#endif
