/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of stream_words share. */
#ifndef FLOWCTL_IPFIX_STREAM_WORDS_PARTS_H
#define FLOWCTL_IPFIX_STREAM_WORDS_PARTS_H

#include "ipfix/stream_words.h"

struct word {
	uint16_t set_id;	/* of templates or of options templates */
	uint16_t id;
	uint16_t len;
	uint16_t record_len;	/* the least a record of it takes */
	bool variable;		/* it may take more */
	uint8_t *bytes;		/* the template record */
};

struct stream_words {
	unsigned refs;
	size_t n;
	struct word *v;
};

/* The word of this template id, or NULL; @w may be NULL. */
const struct word *stream_words_find(const struct stream_words *w, uint16_t id);
/* Add a copy of @word, or fail(-ENOMEM); @w has one owner. */
int stream_words_keep(struct stream_words *w, const struct word *word);
/* Take the @i'th out; another takes its place. */
void stream_words_forget(struct stream_words *w, size_t i);
/* The template record at @p, of which *ret->bytes is not yet a copy. False: it is none. */
bool stream_words_parse(uint16_t set_id, const uint8_t *p, size_t left, struct word *ret);

#endif
