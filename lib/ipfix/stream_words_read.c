// SPDX-License-Identifier: Apache-2.0
/*
 * Templates as they stand in messages: what a reader of a file learns from them, so that he
 * can go on writing it, and how many data records there are, which sequences count. The
 * meaning of a field is of no interest, only its length.
 */
#include <errno.h>

#include "base/bytes.h"
#include "base/error.h"
#include "ipfix/stream_words_parts.h"

#define VARIABLE 65535

static size_t header_len(uint16_t set_id)
{
	return set_id == IPFIX_SET_OPTIONS_TEMPLATE ? 6 : 4;
}

bool stream_words_parse(uint16_t set_id, const uint8_t *p, size_t left, struct word *ret)
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
		r = stream_words_keep(copy, &(*w)->v[i]);
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
			stream_words_forget(w, i);
	}
	return is_withdrawal ? 0 : stream_words_keep(w, word);
}

/* A withdrawal of an options template has no scope count either. */
static bool parse_any(uint16_t set_id, const uint8_t *p, size_t left, struct word *ret)
{
	if (left >= 4 && get_be16(p + 2) == 0) {
		*ret = (struct word) { .set_id = set_id, .id = get_be16(p), .len = 4,
				       .bytes = (uint8_t *)p };
		return true;
	}
	return stream_words_parse(set_id, p, left, ret);
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
		const struct word *word = stream_words_find(w, id);

		if (word)
			n += count_records(word, p, left);
	}
	return n;
}
