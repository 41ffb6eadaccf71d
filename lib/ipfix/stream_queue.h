/* SPDX-License-Identifier: Apache-2.0 */
/* Whole messages that wait, in order. */
#ifndef FLOWCTL_IPFIX_STREAM_QUEUE_H
#define FLOWCTL_IPFIX_STREAM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipfix/message.h"
#include "ipfix/stream_words.h"

enum stream_message_kind {
	STREAM_FLOWS,		/* to be delivered, whatever it takes */
	STREAM_OPTIONS,		/* data that will be old when there is another connection */
	STREAM_TEMPLATES,	/* of this connection */
};

struct stream_message {
	struct stream_message *next;
	struct stream_words *words;	/* a reference: what it is written in; templates: NULL */
	enum stream_message_kind kind;
	uint32_t domain;
	uint32_t records;		/* data records in it */
	uint64_t packets, octets;	/* that its flows are of, where known */
	bool begun;			/* the header is right, and some of it may have been sent */
	uint64_t end;			/* among a connection's bytes, once it was handed over */
	uint64_t file_begin, file_end;	/* of the backlog file it came from; 0, 0 = it did not */
	uint32_t len;
	uint32_t done;			/* bytes handed over */
	uint8_t bytes[];		/* sequence and export time are filled in when it is sent */
};

struct stream_queue {
	struct stream_message *first, **last;
	size_t n;
	size_t bytes;			/* of messages */
};

/* @bytes are copied; a reference to @words, which may be NULL, is taken. NULL: no memory. */
struct stream_message *stream_message_new(enum stream_message_kind kind, uint32_t domain,
					  uint32_t records, struct stream_words *words,
					  const uint8_t *bytes, size_t len);
void stream_message_free(struct stream_message *m);
/* Close @m's sets and copy it. NULL: no memory. */
struct stream_message *stream_message_of(enum stream_message_kind kind, struct message *m,
					 struct stream_words *words);
/* What a header has to say (RFC 7011 3.1), at any time before it leaves. */
void stream_message_stamp(struct stream_message *m, uint32_t sequence, uint32_t export_time_s);

void stream_queue_init(struct stream_queue *q);
void stream_queue_deinit(struct stream_queue *q);
/* @m is the queue's then. */
void stream_queue_push(struct stream_queue *q, struct stream_message *m);
/* The first, which is the caller's then; NULL: it is empty. */
struct stream_message *stream_queue_pop(struct stream_queue *q);
/* Put all of @front before those of @q; @front is empty then. */
void stream_queue_prepend(struct stream_queue *q, struct stream_queue *front);

#endif
