// SPDX-License-Identifier: Apache-2.0
/*
 * A record goes into its template's open message, or into a fresh one. Filled by one kind of
 * records, messages are equally long without padding, however records of many kinds come
 * mixed. Only at the end are the messages that stayed short put together, set behind set.
 */
#include "ipfix/burst.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

#define ALIGN 64

static unsigned slots_of(size_t cap, unsigned max)
{
	unsigned n = BURST_BYTES_MAX / cap;

	if (n > BURST_MESSAGES_MAX)
		n = BURST_MESSAGES_MAX;
	if (n > max)
		n = max;
	return n ? n : 1;
}

int burst_init(struct burst *b, size_t cap, unsigned max, size_t n_templates)
{
	size_t stride = (cap + ENCODE_SLACK + ALIGN - 1) / ALIGN * ALIGN;

	*b = (struct burst) { .n_slots = slots_of(cap, max), .n_templates = n_templates };
	b->block = calloc(b->n_slots, stride);
	b->slots = calloc(b->n_slots, sizeof(*b->slots));
	b->open = calloc(n_templates + 1, sizeof(struct message *));
	if (!b->block || !b->slots || !b->open) {
		burst_deinit(b);
		return fail(-ENOMEM, "cannot make messages");
	}
	for (unsigned i = 0; i < b->n_slots; i++)
		b->slots[i] = (struct message) { .buf = b->block + i * stride, .cap = cap };
	return 0;
}

void burst_deinit(struct burst *b)
{
	free(b->block);
	free(b->slots);
	free(b->open);
	*b = (struct burst) { 0 };
}

void burst_begin(struct burst *b, uint32_t domain)
{
	for (size_t i = 0; i < b->n_templates; i++)
		b->open[i] = NULL;
	b->n_used = b->n_order = 0;
	b->records = 0;
	b->domain = domain;
}

/* The message that takes the next record of @t, if it has room. */
static struct message *open_of(const struct burst *b, const struct template *t)
{
	struct message *m = b->n_slots > 1 ? b->open[t->index] : b->n_used ? b->slots : NULL;

	return m && message_has_room(m, t) ? m : NULL;
}

bool burst_has_room(const struct burst *b, const struct template *t, unsigned max)
{
	return open_of(b, t) || b->n_used < (max < b->n_slots ? max : b->n_slots);
}

int burst_add(struct burst *b, const struct template_choice *c, const struct record *r)
{
	struct message *m = open_of(b, c->template);

	if (!m && b->n_used == b->n_slots)
		return -EMSGSIZE;
	if (!m) {
		m = &b->slots[b->n_used++];
		message_begin(m, b->domain);
		b->open[c->template->index] = m;
	}
	b->records++;
	b->last = m - b->slots;
	return message_encode(m, c->template, c->encoder, r);
}

static void order(struct burst *b, struct message *m)
{
	b->place[m - b->slots] = b->n_order;
	b->order[b->n_order++] = m;
}

/* Behind the full ones: into the first that has room, else one more. */
static void order_rest(struct burst *b, unsigned n_full, struct message *m)
{
	for (unsigned i = n_full; i < b->n_order; i++) {
		if (message_append(b->order[i], m)) {
			b->place[m - b->slots] = i;
			return;
		}
	}
	order(b, m);
}

/* Those of the @t'th template; of its open message nothing is left if it is as long as they are. */
static void order_full(struct burst *b, size_t t)
{
	struct message *open = b->open[t];
	size_t len = 0;

	for (unsigned i = 0; open && i < b->n_used; i++) {
		if (b->slots[i].set_id != open->set_id || &b->slots[i] == open)
			continue;
		order(b, &b->slots[i]);
		len = b->slots[i].len;
	}
	if (open && open->len == len) {
		order(b, open);
		b->open[t] = NULL;
	}
}

void burst_finish(struct burst *b)
{
	unsigned n_full;

	b->n_order = 0;
	for (size_t t = 0; b->n_slots > 1 && t < b->n_templates; t++)
		order_full(b, t);
	n_full = b->n_order;
	for (size_t t = 0; b->n_slots > 1 && t < b->n_templates; t++) {
		if (b->open[t])
			order_rest(b, n_full, b->open[t]);
	}
	if (b->n_slots == 1 && b->n_used)
		order(b, b->slots);
}
