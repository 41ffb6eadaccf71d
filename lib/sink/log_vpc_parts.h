/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a log of format vpc share. */
#ifndef FLOWCTL_SINK_LOG_VPC_PARTS_H
#define FLOWCTL_SINK_LOG_VPC_PARTS_H

#include "sink/log_vpc.h"
#include "sink/vpc_book.h"
#include "sink/vpc_dest.h"
#include "sink/vpc_spool.h"

struct sink_vpc {
	struct sink sink;
	uint64_t interval_ns;
	char *account, *region;
	struct vpc_interface_id *interfaces;
	size_t n_interfaces;
	struct vpc_book book;
	struct vpc_dest *dest;
	bool folder;
	struct vpc_spool spool;
	struct vpc_spool_header header;
	uint64_t spooled;		/* bytes of entries in it */
	int spool_err;			/* it lacks something, for this: it is to begin anew */
	int write_err;			/* of the last lines that were written */
	uint64_t made;			/* bytes of lines, since the spool began */
	uint64_t skip;			/* so many of what comes are there already */
	uint64_t open_lines;		/* in a folder's file that is not complete */
	struct strbuf open_text;	/* the same, as long as it may have to be written once more */
	bool open_long;			/* it is longer than that */
	uint32_t period_s;		/* of a folder's files */
	uint32_t due_s;			/* what waits makes the file of then, 0: none is due */
	bool lossy;			/* what waits is as much as may: new lines are lost */
	struct strbuf entries;		/* of the open batch */
	struct strbuf strings;		/* of the place at hand */
	const char *last_netns, *last_iface;	/* of a record; iface NULL: none in this batch */
	const struct record_cloud *last_cloud;
	uint32_t last_place;
};

/* log_vpc.c */
extern const struct sink_ops sink_vpc_ops;

/* log_vpc_open.c */
void sink_vpc_free(struct sink_vpc *v);

/* log_vpc_write.c */
/* Carry out an entry that is spooled: into the book, and what comes of it out of it. */
int sink_vpc_enter(void *arg, uint32_t type, const void *data, size_t len);
/* Spool and carry out one of END, FILE, ALL. */
void sink_vpc_do(struct sink_vpc *v, uint32_t type, uint32_t real_s);
/* Spool the entries of the open batch. */
void sink_vpc_spool(struct sink_vpc *v);
/* Write what the book has to be written. What cannot be waits in the book, to a bound. */
int sink_vpc_write(struct sink_vpc *v);
/* Try again what waits. */
void sink_vpc_retry(struct sink_vpc *v);
/* The lines that come next begin where the file ends now. */
void sink_vpc_set_base(struct sink_vpc *v);
/* The spool holds what the book does, and nothing else. 0 or a negative errno. */
int sink_vpc_begin_anew(struct sink_vpc *v);
/* The same, unless lines wait or a folder's file is not complete: of those the entries stay. */
void sink_vpc_forget_written(struct sink_vpc *v);
/* If the spool is too long: a folder's file is then complete before its time. */
void sink_vpc_bound(struct sink_vpc *v);
void sink_vpc_count_trouble(struct sink_vpc *v, int err, uint64_t lost);
/* Into sink.trouble, what is wrong now. */
void sink_vpc_tell(struct sink_vpc *v);

#endif
