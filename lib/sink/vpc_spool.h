/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log of format vpc counts up, on disk: entries in the order they came, behind a header. So a
 * killed agent's lines are counted on by the next. Locked: one writer.
 */
#ifndef FLOWCTL_SINK_VPC_SPOOL_H
#define FLOWCTL_SINK_VPC_SPOOL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/strbuf.h"

struct vpc_spool {
	char *path;
	int fd;			/* -1: there is none; all calls do nothing then */
};
#define VPC_SPOOL_NULL { .fd = -1 }

/* What the lines of the entries are appended to: so it is known which of them are there. */
struct vpc_spool_header {
	char magic[8];
	uint64_t words;		/* hash of what their form depends on */
	uint64_t dev, ino;
	int64_t base;		/* where in it the first line of the first entry begins, or would */
	uint32_t ended;		/* intervals before it, in seconds since 1970, are ended */
	uint32_t reserved;
};

/* Open, make it if it is not there, and lock. fail(). */
int vpc_spool_open(struct vpc_spool *s, const char *path);
void vpc_spool_close(struct vpc_spool *s);
/*
 * Read it: the header, and @fn for every whole entry, until that fails; what is behind, of a system
 * that crashed, is cut off. -ENOENT without a sentence when it is empty, or nothing of this kind.
 */
typedef int (*vpc_spool_fn)(void *arg, uint32_t type, const void *data, size_t len);
int vpc_spool_header(const struct vpc_spool *s, struct vpc_spool_header *ret);
int vpc_spool_read(struct vpc_spool *s, vpc_spool_fn fn, void *arg);
/* Add an entry to @entries, which are to be written together; @len may be any. */
void vpc_spool_entry(struct strbuf *entries, uint32_t type, const void *data, size_t len);
/* Append them, in one write. 0 or a negative errno without a sentence: then nothing is there. */
int vpc_spool_append(struct vpc_spool *s, const struct strbuf *entries);
/* The header alone. */
int vpc_spool_set(struct vpc_spool *s, const struct vpc_spool_header *h);
/* Begin anew, with these instead of all that is there: all at once, whenever it is killed. */
int vpc_spool_restart(struct vpc_spool *s, const struct vpc_spool_header *h,
		      const struct strbuf *entries);

#endif
