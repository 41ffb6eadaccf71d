/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between their making and the peer's acknowledgement. The oldest are in flight,
 * then come those that are next, then what is on disk, then what waits in memory:
 *
 *	flying (handed to the kernel)  out (next)  file  memory (newest)
 *
 * Memory that is full goes to the file, if there is one; then there is no room.
 */
#ifndef FLOWCTL_IPFIX_BACKLOG_H
#define FLOWCTL_IPFIX_BACKLOG_H

#include "ipfix/stream_disk.h"
#include "ipfix/stream_queue.h"

struct backlog {
	struct stream_queue flying, out, memory;
	uint64_t bytes_max;		/* of memory */
	struct message scratch;
	/* the file */
	bool on_disk;			/* there is one */
	struct stream_disk disk;
	uint64_t disk_max;
	uint64_t read_at;		/* how far it was read into out */
	struct stream_voice reader;	/* what is written up to there */
	int mark_fd;			/* of a file beside it: how far it was sent */
	char trouble[128];		/* of the file, "" = none */
};

/*
 * @bytes: of memory. @file NULL: none; what an earlier process has left in it is in the
 * backlog then. @cap: bytes of a message. fail() when the file cannot be used. deinit() in
 * any case.
 */
int backlog_init(struct backlog *b, uint64_t bytes, const char *file, uint64_t file_bytes,
		 size_t cap);
/* What is in memory is lost. */
void backlog_deinit(struct backlog *b);
/* Is there room for @len bytes, in memory or in the file? */
bool backlog_has_room(const struct backlog *b, size_t len);
/* Take @m, whatever happens; -ENOSPC: there was no room, it is lost. */
int backlog_push(struct backlog *b, struct stream_message *m);
/* What is to be sent next, still the backlog's; NULL: nothing, as far as one can see. */
struct stream_message *backlog_first(struct backlog *b);
/* @m goes behind those that are next already. */
void backlog_put_next(struct backlog *b, struct stream_message *m);
/* @q goes before all that was not yet begun. */
void backlog_put_first(struct backlog *b, struct stream_queue *q);
/* The first is about to be begun: another process is not to send it, too. */
void backlog_begin(struct backlog *b);
/* The first was handed over whole; it ends at byte @end of the connection. */
void backlog_handed(struct backlog *b, uint64_t end);
/* The oldest in flight ended at @acked or before: free it when it was counted. NULL: none. */
const struct stream_message *backlog_acked(const struct backlog *b, uint64_t acked);
void backlog_forget(struct backlog *b);
/*
 * The connection broke. What has not left whole, behind byte @left, is sent again; options and
 * templates are dropped. backlog_acked(b, UINT64_MAX) gives the rest, which is in doubt.
 */
void backlog_break(struct backlog *b, uint64_t left);
/* Put what waits in memory into the file, if there is one, so that a kill does not lose it. */
void backlog_spill(struct backlog *b);
/* Put all that waits in memory into the file; what cannot be is told to @lost, and freed. */
void backlog_save(struct backlog *b, void (*lost)(void *arg, const struct stream_message *m),
		  void *arg);
/* Is there nothing to be sent? What is flying does not count. */
bool backlog_is_empty(const struct backlog *b);
/* Bytes in memory that wait to be sent. */
size_t backlog_waiting(const struct backlog *b);
/* Records of flows that are in memory only, those in flight included. */
uint64_t backlog_records(const struct backlog *b);
/* Is there something in the file that was not sent? */
bool backlog_has_file(const struct backlog *b);

#endif
