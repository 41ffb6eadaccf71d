// SPDX-License-Identifier: Apache-2.0
/*
 * A message waits as it will be sent, but for its header: which sequence it has is known only
 * on the connection that takes it.
 */
#include "ipfix/stream_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct stream_message *stream_message_new(enum stream_message_kind kind, uint32_t domain,
					  uint32_t records, struct stream_words *words,
					  const uint8_t *bytes, size_t len)
{
	struct stream_message *m = malloc(sizeof(*m) + len);

	if (!m)
		return NULL;
	*m = (struct stream_message) {
		.kind = kind,
		.domain = domain,
		.records = records,
		.words = words ? stream_words_ref(words) : NULL,
		.len = len,
	};
	memcpy(m->bytes, bytes, len);
	return m;
}

void stream_message_free(struct stream_message *m)
{
	if (!m)
		return;
	stream_words_unref(m->words);
	free(m);
}

struct stream_message *stream_message_of(enum stream_message_kind kind, struct message *m,
					 struct stream_words *words)
{
	message_finish(m, 0, 0);
	return stream_message_new(kind, m->domain, m->records, words, m->buf, m->len);
}

void stream_message_stamp(struct stream_message *m, uint32_t sequence, uint32_t export_time_s)
{
	put_be32(m->bytes + 4, export_time_s);
	put_be32(m->bytes + 8, sequence);
}

void stream_queue_init(struct stream_queue *q)
{
	*q = (struct stream_queue) { 0 };
	q->last = &q->first;
}

void stream_queue_deinit(struct stream_queue *q)
{
	while (q->first)
		stream_message_free(stream_queue_pop(q));
}

void stream_queue_push(struct stream_queue *q, struct stream_message *m)
{
	m->next = NULL;
	*q->last = m;
	q->last = &m->next;
	q->n++;
	q->bytes += m->len;
}

struct stream_message *stream_queue_pop(struct stream_queue *q)
{
	struct stream_message *m = q->first;

	if (!m)
		return NULL;
	q->first = m->next;
	if (!q->first)
		q->last = &q->first;
	q->n--;
	q->bytes -= m->len;
	return m;
}

void stream_queue_prepend(struct stream_queue *q, struct stream_queue *front)
{
	if (!front->first)
		return;
	*front->last = q->first;
	if (!q->first)
		q->last = front->last;
	q->first = front->first;
	q->n += front->n;
	q->bytes += front->bytes;
	stream_queue_init(front);
}
