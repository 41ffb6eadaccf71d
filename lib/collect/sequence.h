/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sequence numbers of one domain tell (RFC 7011 3.1: the number of data records
 * sent before this message, modulo 2^32; RFC 3954 5.1: the number of messages).
 */
#ifndef FLOWCTL_COLLECT_SEQUENCE_H
#define FLOWCTL_COLLECT_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

enum sequence_verdict {
	SEQUENCE_FIRST, /* nothing to compare with */
	SEQUENCE_OK,
	SEQUENCE_GAP,	  /* *ret_n are missing */
	SEQUENCE_LATE,	  /* fills a gap */
	SEQUENCE_AGAIN,	  /* a message that came before */
	SEQUENCE_RESTART, /* begins at 0 again */
	SEQUENCE_BACK,	  /* lower, and none of these; *ret_n by how many */
};

#define SEQUENCE_GAPS	8
#define SEQUENCE_RECENT 16
/* Zeroed is the beginning. */
struct sequence {
	bool begun;
	bool aside; /* the message is late or a copy: it moves nothing on */
	uint32_t next;
	uint32_t slack; /* this many may have been in sets that could not be read */
	uint64_t lost;	/* missing for good so far */
	struct {
		uint32_t from, n;
	} gaps[SEQUENCE_GAPS];
	unsigned next_gap;
	struct {
		uint32_t sequence, export_s, len;
	} recent[SEQUENCE_RECENT];
	unsigned next_recent;
};

/* A message begins. @export_s and @len_bytes: its own, to know a copy by. */
enum sequence_verdict sequence_check(struct sequence *s, uint32_t sequence, uint32_t export_s,
				     uint32_t len_bytes, uint32_t *ret_n);
/* It is done: it counted @n, and @unread more at most. */
void sequence_advance(struct sequence *s, uint32_t n, uint32_t unread);

#endif
