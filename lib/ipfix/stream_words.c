// SPDX-License-Identifier: Apache-2.0
/*
 * A reliable transport session hears a template once, and must hear its withdrawal before its
 * number means another thing. What was said is therefore remembered as said: bytes, which
 * outlive the configuration they came from, wait in a backlog with the messages that need
 * them, and can be compared without knowing any element.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "ipfix/stream_words_parts.h"

struct stream_words *stream_words_none(void)
{
	struct stream_words *w = calloc(1, sizeof(*w));

	if (w)
		w->refs = 1;
	return w;
}

struct stream_words *stream_words_ref(struct stream_words *w)
{
	w->refs++;
	return w;
}

void stream_words_forget(struct stream_words *w, size_t i)
{
	free(w->v[i].bytes);
	w->v[i] = w->v[--w->n];
}

void stream_words_unref(struct stream_words *w)
{
	if (!w || --w->refs)
		return;
	while (w->n)
		stream_words_forget(w, w->n - 1);
	free(w->v);
	free(w);
}

DEFINE_CLEANUP(struct stream_words, stream_words_unref)

const struct word *stream_words_find(const struct stream_words *w, uint16_t id)
{
	for (size_t i = 0; w && i < w->n; i++) {
		if (w->v[i].id == id)
			return &w->v[i];
	}
	return NULL;
}

int stream_words_keep(struct stream_words *w, const struct word *word)
{
	struct word *grown = reallocarray(w->v, w->n + 1, sizeof(*grown));
	uint8_t *bytes = malloc(word->len);

	if (grown)
		w->v = grown;
	if (!grown || !bytes) {
		free(bytes);
		return fail(-ENOMEM, "cannot remember a template");
	}
	memcpy(bytes, word->bytes, word->len);
	w->v[w->n] = *word;
	w->v[w->n++].bytes = bytes;
	return 0;
}

int stream_words_new(const struct template_set *set, struct stream_words **ret)
{
	_cleanup_(stream_words_unrefp) struct stream_words *w = stream_words_none();
	_cleanup_(message_deinit) struct message m = { 0 };
	size_t n = template_set_count(set);
	struct word word;
	int r;

	if (!w)
		return fail(-ENOMEM, "cannot remember templates");
	r = message_init(&m, IPFIX_MESSAGE_MAX);
	for (size_t i = 0; r == 0 && i < n; i++) {
		message_begin(&m, 0);
		r = message_add_template(&m, template_set_get(set, i));
		if (r == 0 && stream_words_parse(IPFIX_SET_TEMPLATE,
					 m.buf + IPFIX_HEADER_LEN + IPFIX_SET_HEADER_LEN,
					 m.len - IPFIX_HEADER_LEN - IPFIX_SET_HEADER_LEN, &word))
			r = stream_words_keep(w, &word);
	}
	if (r == 0)
		*ret = take_ptr(w);
	return r;
}

/* Does @w have the very same word? */
static bool has(const struct stream_words *w, const struct word *word)
{
	const struct word *same = stream_words_find(w, word->id);

	return same && same->set_id == word->set_id && same->len == word->len &&
	       memcmp(same->bytes, word->bytes, word->len) == 0;
}

struct teller {
	struct message *m;
	uint32_t domain;
	options_send_fn send;
	void *arg;
};

static int say(struct teller *t)
{
	int r = message_is_empty(t->m) ? 0 : t->send(t->arg, t->m);

	message_begin(t->m, t->domain);
	return r;
}

static int add(struct teller *t, const struct word *word)
{
	uint8_t *p = message_reserve(t->m, word->set_id, word->len);
	int r = p ? 0 : say(t);

	if (r == 0 && !p)
		p = message_reserve(t->m, word->set_id, word->len);
	if (!p)
		return r < 0 ? r : -EMSGSIZE;
	memcpy(p, word->bytes, word->len);
	return 0;
}

static int withdraw(struct teller *t, uint16_t set_id, uint16_t id)
{
	int r;

	if (message_add_withdrawal(t->m, set_id, id) == 0)
		return 0;
	r = say(t);
	return r < 0 ? r : message_add_withdrawal(t->m, set_id, id);
}

int stream_words_tell(const struct stream_words *old, const struct stream_words *now,
		      struct message *m, uint32_t domain, options_send_fn send, void *arg)
{
	struct teller t = { m, domain, send, arg };
	int r = 0;

	message_begin(m, domain);
	for (size_t i = 0; r == 0 && old && i < old->n; i++) {
		if (old->v[i].set_id == IPFIX_SET_TEMPLATE && !has(now, &old->v[i]))
			r = withdraw(&t, IPFIX_SET_TEMPLATE, old->v[i].id);
	}
	/* A set is of withdrawals or of templates. */
	message_end_set(m);
	for (size_t i = 0; r == 0 && i < now->n; i++) {
		if (now->v[i].set_id == IPFIX_SET_TEMPLATE && !has(old, &now->v[i]))
			r = add(&t, &now->v[i]);
	}
	return r == 0 ? say(&t) : r;
}

int stream_words_withdraw_options(const struct stream_words *old, struct message *m,
				  uint32_t domain, options_send_fn send, void *arg)
{
	struct teller t = { m, domain, send, arg };
	int r = 0;

	message_begin(m, domain);
	for (size_t i = 0; r == 0 && i < old->n; i++) {
		if (old->v[i].set_id == IPFIX_SET_OPTIONS_TEMPLATE)
			r = withdraw(&t, IPFIX_SET_OPTIONS_TEMPLATE, old->v[i].id);
	}
	return r == 0 ? say(&t) : r;
}

bool stream_words_have_options(const struct stream_words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i].set_id == IPFIX_SET_OPTIONS_TEMPLATE)
			return true;
	}
	return false;
}
