/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Template records as the bytes they are on the wire: kept with the messages that are written
 * in them, compared with what a peer knows, and learnt from IPFIX files.
 */
#ifndef FLOWCTL_IPFIX_STREAM_WORDS_H
#define FLOWCTL_IPFIX_STREAM_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipfix/message.h"
#include "ipfix/options.h"
#include "ipfix/template.h"

/* Held by as many as took a reference; never changed while there are two. */
struct stream_words;

/* Those of @set, which is not kept. *ret is the caller's. fail(-ENOMEM). */
int stream_words_new(const struct template_set *set, struct stream_words **ret);
/* None at all. NULL: no memory. */
struct stream_words *stream_words_none(void);
/* One more reference to @w. Returns @w. */
struct stream_words *stream_words_ref(struct stream_words *w);
/* Give up a reference; NULL is fine. */
void stream_words_unref(struct stream_words *w);

/*
 * Send what whoever knows @old must hear to know @now: withdrawals of what is gone or
 * different, then templates (RFC 7011 8.1). NULL knows nothing. @m is used and overwritten;
 * @send is called as options.h has it. Options templates are left alone. 0 or what @send said.
 */
int stream_words_tell(const struct stream_words *old, const struct stream_words *now,
		      struct message *m, uint32_t domain, options_send_fn send, void *arg);
/*
 * Send that the options templates in @old are withdrawn, one by one: libfixbuf 2.4.1 takes the
 * withdrawal of all at once (RFC 7011 8.1) for an error, and ends the session.
 */
int stream_words_withdraw_options(const struct stream_words *old, struct message *m,
				  uint32_t domain, options_send_fn send, void *arg);

/*
 * Take in the templates, options templates and withdrawals of a whole message of @len bytes.
 * Shared words are copied first: *w may change. 0 or -ENOMEM.
 */
int stream_words_learn(struct stream_words **w, const uint8_t *message, size_t len);
/* Data records of a message whose templates are known; unknown ones count nothing. */
uint32_t stream_words_count(const struct stream_words *w, const uint8_t *message, size_t len);
/* Are there options templates among them? */
bool stream_words_have_options(const struct stream_words *w);

#endif
