/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of one domain that leave together. Each template fills messages of its own,
 * which are of one length when they are full: what UDP segmentation needs.
 */
#ifndef FLOWCTL_IPFIX_BURST_H
#define FLOWCTL_IPFIX_BURST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sending.h"
#include "ipfix/message.h"

/* The kernel segments no more at once, and no more bytes than a datagram has. */
#define BURST_MESSAGES_MAX SENDING_MESSAGES_MAX
#define BURST_BYTES_MAX UDP_PAYLOAD_MAX

/* The message that a template's records go into; what is put there it has at burst_finish(). */
struct lane {
	struct message *m;		/* NULL: none is open */
	uint8_t *at;			/* of the next record */
	uint32_t left;			/* so many more fit; of variable length: 1 while one does */
	uint32_t records;		/* of a full message; 0: of variable length, */
	uint32_t taken;			/* and this many are in it */
};

struct burst {
	struct message *slots;
	uint8_t *block;			/* that the slots' buffers lie in */
	unsigned n_slots, n_used;
	struct lane *lanes;		/* by template */
	size_t n_templates;
	uint32_t domain;
	uint32_t records;
	unsigned last;			/* the slot of the record that was added last */
	/* after burst_finish() */
	struct message *order[BURST_MESSAGES_MAX];
	unsigned n_order;
	uint8_t place[BURST_MESSAGES_MAX];	/* of a slot's records in that order */
};

/*
 * @cap: bytes of a message, @max: messages, cut to what is possible; with 1, all templates
 * share it. Every record of @set, which is not kept, fits into @cap.
 */
int burst_init(struct burst *b, size_t cap, unsigned max, const struct template_set *set);
void burst_deinit(struct burst *b);
/* Empty it, for records of @domain. */
void burst_begin(struct burst *b, uint32_t domain);
/* Is there room for a record of @t, in no more than @max messages? */
bool burst_has_room(const struct burst *b, const struct template *t, unsigned max);
/* 0, or -EMSGSIZE and nothing changed. @r: of the burst's domain. */
int burst_add(struct burst *b, const struct template_choice *c, const struct record *r);
/*
 * Put the messages in order: full ones of a template beside each other, then what is left of
 * all, in as few messages as possible. No header is filled in yet (message_finish()).
 */
void burst_finish(struct burst *b);

#endif
