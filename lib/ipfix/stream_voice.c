// SPDX-License-Identifier: Apache-2.0
/*
 * A message knows what it is written in, a session what it has told; between the two lies
 * what must be told first. So a backlog of older templates, a reload, a rotated file and a
 * new connection are one thing.
 */
#include "ipfix/stream_voice.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

void stream_voice_deinit(struct stream_voice *v)
{
	stream_voice_reset(v);
	free(v->v);
	*v = (struct stream_voice) { 0 };
}

void stream_voice_reset(struct stream_voice *v)
{
	for (size_t i = 0; i < v->n; i++) {
		struct stream_domain *d = &v->v[i];

		stream_words_unref(d->told);
		stream_words_unref(d->options);
		stream_words_unref(d->options_old);
		*d = (struct stream_domain) {
			.domain = d->domain,
			.clock.every_ns = v->options_every_ns,
			.counts.lost_records = d->counts.lost_records,
			.counts.lost_packets = d->counts.lost_packets,
			.counts.lost_bytes = d->counts.lost_bytes,
		};
	}
}

void stream_voice_renew_options(struct stream_voice *v)
{
	for (size_t i = 0; i < v->n; i++) {
		struct stream_domain *d = &v->v[i];

		if (d->options_told) {
			stream_words_unref(d->options_old);
			d->options_old = d->options;
			d->options = NULL;
		}
		d->options_told = false;
		d->clock = (struct options_clock) { .every_ns = v->options_every_ns };
	}
}

struct stream_domain *stream_voice_domain(struct stream_voice *v, uint32_t domain)
{
	struct stream_domain *grown;

	for (size_t i = 0; i < v->n; i++) {
		if (v->v[i].domain == domain)
			return &v->v[i];
	}
	grown = reallocarray(v->v, v->n + 1, sizeof(*grown));
	if (!grown) {
		fail(-ENOMEM, "cannot remember a domain");
		return NULL;
	}
	v->v = grown;
	v->v[v->n] = (struct stream_domain) {
		.domain = domain,
		.clock.every_ns = v->options_every_ns,
	};
	return &v->v[v->n++];
}

int stream_voice_inherit(struct stream_voice *v, const struct stream_voice *old)
{
	for (size_t i = 0; i < old->n; i++) {
		struct stream_domain *d = stream_voice_domain(v, old->v[i].domain);

		if (!d)
			return -ENOMEM;
		d->counts.lost_records = old->v[i].counts.lost_records;
		d->counts.lost_packets = old->v[i].counts.lost_packets;
		d->counts.lost_bytes = old->v[i].counts.lost_bytes;
	}
	return 0;
}

int stream_voice_hear(struct stream_voice *v, const uint8_t *message, size_t len)
{
	struct stream_domain *d = stream_voice_domain(v, get_be32(message + 12));
	int r;

	if (d && !d->told)
		d->told = stream_words_none();
	if (!d || !d->told)
		return -ENOMEM;
	stream_words_unref(d->options_old);
	d->options_old = NULL;
	r = stream_words_learn(&d->told, message, len);
	if (r == 0 && stream_words_have_options(d->told))
		d->options_old = stream_words_ref(d->told);
	if (r == 0)
		d->sequence = get_be32(message + 8) + stream_words_count(d->told, message, len);
	return r;
}

/* Where they go, and the words in them that are to be remembered, or NULL. */
struct collection {
	struct stream_queue *queue;
	struct stream_words *words;
};

static int collect(void *arg, struct message *m)
{
	struct collection *c = arg;
	struct stream_message *copy = stream_message_of(m->records ? STREAM_OPTIONS :
								     STREAM_TEMPLATES, m, NULL);

	if (!copy)
		return -ENOMEM;
	stream_queue_push(c->queue, copy);
	return c->words ? stream_words_learn(&c->words, copy->bytes, copy->len) : 0;
}

/* Options templates, what was told of them before withdrawn, and the first options data. */
static int introduce_options(struct stream_domain *d, struct options *o, struct message *scratch,
			     struct stream_queue *ret)
{
	struct collection c = { ret, stream_words_none() };
	int r = c.words ? 0 : fail(-ENOMEM, "cannot remember templates");

	if (r == 0)
		r = options_send_templates(o, scratch, d->domain, collect, &c);
	if (r == 0)
		r = options_send_due(o, &d->clock, OPTIONS_BEGIN, clock_boot_ns(), scratch,
				     d->domain, &d->counts, collect, &c);
	if (r < 0) {
		stream_words_unref(c.words);
		return r;
	}
	stream_words_unref(d->options);
	d->options = c.words;
	d->options_told = true;
	stream_words_unref(d->options_old);
	d->options_old = NULL;
	return 0;
}

int stream_voice_introduce(struct stream_domain *d, struct stream_words *words,
			   struct options *o, struct message *scratch,
			   struct stream_queue *ret)
{
	struct collection c = { ret, NULL };
	bool options = o && !d->options_told;
	int r = 0;

	/* Nobody knows whether those of an earlier process meant the same. */
	if (options && d->options_old)
		r = stream_words_withdraw_options(d->options_old, scratch, d->domain, collect, &c);
	if (r == 0 && d->told != words)
		r = stream_words_tell(d->told, words, scratch, d->domain, collect, &c);
	if (r == 0 && options)
		r = introduce_options(d, o, scratch, ret);
	if (r < 0)
		return r;
	if (d->told != words) {
		stream_words_unref(d->told);
		d->told = stream_words_ref(words);
	}
	return 0;
}
