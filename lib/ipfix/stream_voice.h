/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said in one transport session, or is written in one file: in each domain the
 * templates that were told, and how many data records (RFC 7011 3.1, 8).
 */
#ifndef FLOWCTL_IPFIX_STREAM_VOICE_H
#define FLOWCTL_IPFIX_STREAM_VOICE_H

#include "ipfix/options.h"
#include "ipfix/stream_queue.h"

struct stream_domain {
	uint32_t domain;
	uint32_t sequence;
	struct stream_words *told;	/* a reference; NULL = nothing */
	bool options_told;
	struct stream_words *options;	/* references: options templates that were told, */
	struct stream_words *options_old;	/* and those that may mean another thing now */
	struct options_clock clock;	/* of options data */
	struct options_session counts;	/* what was lost is counted over all sessions */
};

struct stream_voice {
	struct stream_domain *v;
	size_t n;
	uint64_t options_every_ns;	/* for the clocks */
};

void stream_voice_deinit(struct stream_voice *v);
/* A new session: the domains stay known, and what was lost; nothing was said. */
void stream_voice_reset(struct stream_voice *v);
/* The one of @domain, made if need be. NULL: no memory (a sentence is there). */
struct stream_domain *stream_voice_domain(struct stream_voice *v, uint32_t domain);
/* Options templates have other numbers from now on. */
void stream_voice_renew_options(struct stream_voice *v);
/* What was lost is counted on from @old's. 0 or -ENOMEM. */
int stream_voice_inherit(struct stream_voice *v, const struct stream_voice *old);
/* A whole message was read that stands in the session already. 0 or -ENOMEM. */
int stream_voice_hear(struct stream_voice *v, const uint8_t *message, size_t len);
/*
 * Append to @ret what must go before a message that is written in @words: withdrawals,
 * templates, options templates and the first options data (@o, or NULL: none); it counts as said. @scratch is
 * overwritten. 0 or a negative errno: nothing counts as said.
 */
int stream_voice_introduce(struct stream_domain *d, struct stream_words *words,
			   struct options *o, struct message *scratch,
			   struct stream_queue *ret);

#endif
