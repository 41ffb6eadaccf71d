// SPDX-License-Identifier: Apache-2.0
/*
 * A reliable transport session hears a template once, and must hear its withdrawal before its
 * number means another thing. What was said is therefore remembered as said: bytes, which
 * outlive the configuration they came from, wait in a backlog with the messages that need
 * them, and can be compared without knowing any element.
 */
#include "ipfix/stream_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/error.h"

#define VARIABLE 65535

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

static void forget(struct stream_words *w, size_t i)
{
	free(w->v[i].bytes);
	w->v[i] = w->v[--w->n];
}

void stream_words_unref(struct stream_words *w)
{
	if (!w || --w->refs)
		return;
	while (w->n)
		forget(w, w->n - 1);
	free(w->v);
	free(w);
}

DEFINE_CLEANUP(struct stream_words, stream_words_unref)

static const struct word *find(const struct stream_words *w, uint16_t id)
{
	for (size_t i = 0; w && i < w->n; i++) {
		if (w->v[i].id == id)
			return &w->v[i];
	}
	return NULL;
}

static size_t header_len(uint16_t set_id)
{
	return set_id == IPFIX_SET_OPTIONS_TEMPLATE ? 6 : 4;
}

/* The template record at @p, of which *ret->bytes is not yet a copy. False: it is none. */
static bool parse_word(uint16_t set_id, const uint8_t *p, size_t left, struct word *ret)
{
	size_t at = header_len(set_id);
	uint32_t record_len = 0;
	unsigned fields;

	if (left < at)
		return false;
	*ret = (struct word) { .set_id = set_id, .id = get_be16(p), .bytes = (uint8_t *)p };
	fields = get_be16(p + 2);
	for (unsigned i = 0; i < fields; i++) {
		size_t field = left - at >= 4 && p[at] & 0x80 ? 8 : 4;
		uint16_t len;

		if (left - at < field)
			return false;
		len = get_be16(p + at + 2);
		ret->variable |= len == VARIABLE;
		record_len += len == VARIABLE ? 1 : len;
		at += field;
	}
	if (record_len > UINT16_MAX || at > UINT16_MAX)
		return false;
	ret->record_len = record_len;
	ret->len = at;
	return true;
}

static int keep(struct stream_words *w, const struct word *word)
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
		if (r == 0 && parse_word(IPFIX_SET_TEMPLATE,
					 m.buf + IPFIX_HEADER_LEN + IPFIX_SET_HEADER_LEN,
					 m.len - IPFIX_HEADER_LEN - IPFIX_SET_HEADER_LEN, &word))
			r = keep(w, &word);
	}
	if (r == 0)
		*ret = take_ptr(w);
	return r;
}

/* Does @w have the very same word? */
static bool has(const struct stream_words *w, const struct word *word)
{
	const struct word *same = find(w, word->id);

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

int stream_words_withdraw_options(struct message *m, uint32_t domain, options_send_fn send,
				  void *arg)
{
	struct teller t = { m, domain, send, arg };
	int r;

	message_begin(m, domain);
	r = withdraw(&t, IPFIX_SET_OPTIONS_TEMPLATE, IPFIX_SET_OPTIONS_TEMPLATE);
	return r == 0 ? say(&t) : r;
}

static int own(struct stream_words **w)
{
	struct stream_words *copy;
	int r = 0;

	if ((*w)->refs == 1)
		return 0;
	copy = stream_words_none();
	if (!copy)
		return fail(-ENOMEM, "cannot remember templates");
	for (size_t i = 0; r == 0 && i < (*w)->n; i++)
		r = keep(copy, &(*w)->v[i]);
	if (r < 0) {
		stream_words_unref(copy);
		return r;
	}
	stream_words_unref(*w);
	*w = copy;
	return 0;
}

static int learn_word(struct stream_words *w, const struct word *word)
{
	bool is_withdrawal = word->record_len == 0 && get_be16(word->bytes + 2) == 0;
	bool of_all = is_withdrawal && word->id == word->set_id;

	for (size_t i = w->n; i-- > 0;) {
		if (w->v[i].id == word->id || (of_all && w->v[i].set_id == word->set_id))
			forget(w, i);
	}
	return is_withdrawal ? 0 : keep(w, word);
}

/* A withdrawal of an options template has no scope count either. */
static bool parse_any(uint16_t set_id, const uint8_t *p, size_t left, struct word *ret)
{
	if (left >= 4 && get_be16(p + 2) == 0) {
		*ret = (struct word) { .set_id = set_id, .id = get_be16(p), .len = 4,
				       .bytes = (uint8_t *)p };
		return true;
	}
	return parse_word(set_id, p, left, ret);
}

static int learn_set(struct stream_words *w, uint16_t set_id, const uint8_t *p, size_t left)
{
	struct word word;
	int r = 0;

	/* Number 0 is padding. */
	while (r == 0 && left >= 4 && get_be16(p) && parse_any(set_id, p, left, &word)) {
		r = learn_word(w, &word);
		p += word.len;
		left -= word.len;
	}
	return r;
}

/* The next set of a message of @len bytes, behind @at. Its body, or NULL: there is none. */
static const uint8_t *next_set(const uint8_t *message, size_t len, size_t *at, uint16_t *ret_id,
			       size_t *ret_len)
{
	const uint8_t *set = message + *at;
	size_t set_len;

	if (len - *at < IPFIX_SET_HEADER_LEN)
		return NULL;
	set_len = get_be16(set + 2);
	if (set_len < IPFIX_SET_HEADER_LEN || set_len > len - *at)
		return NULL;
	*at += set_len;
	*ret_id = get_be16(set);
	*ret_len = set_len - IPFIX_SET_HEADER_LEN;
	return set + IPFIX_SET_HEADER_LEN;
}

int stream_words_learn(struct stream_words **w, const uint8_t *message, size_t len)
{
	size_t at = IPFIX_HEADER_LEN, left;
	const uint8_t *p;
	uint16_t id;
	int r = 0;

	while (r == 0 && (p = next_set(message, len, &at, &id, &left))) {
		if (id != IPFIX_SET_TEMPLATE && id != IPFIX_SET_OPTIONS_TEMPLATE)
			continue;
		r = own(w);
		if (r == 0)
			r = learn_set(*w, id, p, left);
	}
	return r;
}

/* Bytes of the record at @p, or 0: what is left is padding. */
static size_t walk_record(const struct word *word, const uint8_t *p, size_t left)
{
	const uint8_t *field = word->bytes + header_len(word->set_id);
	const uint8_t *end = word->bytes + word->len;
	size_t at = 0;

	for (; field < end; field += field[0] & 0x80 ? 8 : 4) {
		size_t len = get_be16(field + 2);

		if (len == VARIABLE && at < left) {
			len = p[at++];
			if (len == 255 && left - at >= 2) {
				len = get_be16(p + at);
				at += 2;
			}
		}
		if (at > left || len > left - at)
			return 0;
		at += len;
	}
	return at;
}

static uint32_t count_records(const struct word *word, const uint8_t *p, size_t left)
{
	uint32_t n = 0;
	size_t len;

	if (!word->record_len)
		return 0;
	if (!word->variable)
		return left / word->record_len;
	for (; left >= word->record_len && (len = walk_record(word, p, left)); n++) {
		p += len;
		left -= len;
	}
	return n;
}

uint32_t stream_words_count(const struct stream_words *w, const uint8_t *message, size_t len)
{
	size_t at = IPFIX_HEADER_LEN, left;
	const uint8_t *p;
	uint32_t n = 0;
	uint16_t id;

	while ((p = next_set(message, len, &at, &id, &left))) {
		const struct word *word = find(w, id);

		if (word)
			n += count_records(word, p, left);
	}
	return n;
}

bool stream_words_have_options(const struct stream_words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i].set_id == IPFIX_SET_OPTIONS_TEMPLATE)
			return true;
	}
	return false;
}
