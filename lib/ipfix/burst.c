// SPDX-License-Identifier: Apache-2.0
/*
 * A record goes into its template's open message, or into a fresh one. Filled by one kind of
 * records, messages are equally long without padding, however records of many kinds come
 * mixed (but for those with values of variable length, that leave one by one). Only at the
 * end are the messages that stayed short put together, set behind set.
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

int burst_init(struct burst *b, size_t cap, unsigned max, const struct template_set *set)
{
	size_t stride = (cap + ENCODE_SLACK + ALIGN - 1) / ALIGN * ALIGN;
	size_t n = template_set_count(set);

	*b = (struct burst) { .n_slots = slots_of(cap, max), .n_templates = n };
	b->block = calloc(b->n_slots, stride);
	b->slots = calloc(b->n_slots, sizeof(*b->slots));
	b->lanes = calloc(n + 1, sizeof(*b->lanes));
	if (!b->block || !b->slots || !b->lanes) {
		burst_deinit(b);
		return fail(-ENOMEM, "cannot make messages");
	}
	for (unsigned i = 0; i < b->n_slots; i++)
		b->slots[i] = (struct message) { .buf = b->block + i * stride, .cap = cap };
	for (size_t i = 0; i < n; i++) {
		const struct template *t = template_set_get(set, i);
		size_t room = cap - IPFIX_HEADER_LEN - IPFIX_SET_HEADER_LEN;

		b->lanes[i].records = t->is_variable ? 0 : room / t->record_len;
	}
	return 0;
}

void burst_deinit(struct burst *b)
{
	free(b->block);
	free(b->slots);
	free(b->lanes);
	*b = (struct burst) { 0 };
}

void burst_begin(struct burst *b, uint32_t domain)
{
	for (size_t i = 0; i < b->n_templates; i++) {
		b->lanes[i].m = NULL;
		b->lanes[i].left = 0;
	}
	b->n_used = b->n_order = 0;
	b->records = 0;
	b->domain = domain;
}

bool burst_has_room(const struct burst *b, const struct template *t, unsigned max)
{
	if (b->lanes[t->index].left || b->n_used < (max < b->n_slots ? max : b->n_slots))
		return true;
	return b->n_slots == 1 && message_has_room(b->slots, t);
}

/* What lies in the lane's message is the message's from now on. */
static void close_lane(struct lane *l)
{
	uint32_t taken = l->records ? l->records - l->left : l->taken;

	if (l->m)
		message_took(l->m, l->at - l->m->buf - l->m->len, taken);
	l->m = NULL;
}

static int open_lane(struct burst *b, struct lane *l, const struct template *t)
{
	if (b->n_used == b->n_slots)
		return -EMSGSIZE;
	close_lane(l);
	l->m = &b->slots[b->n_used++];
	message_begin(l->m, b->domain);
	l->at = message_begin_set(l->m, t->id);
	l->left = l->records ? l->records : 1;
	l->taken = 0;
	return 0;
}

/* One message for all templates. */
static int add_to_one(struct burst *b, const struct template_choice *c, const struct record *r)
{
	int err;

	if (!b->n_used)
		message_begin(b->slots, b->domain);
	err = message_encode(b->slots, c->template, c->encoder, r);
	if (err < 0)
		return err;
	b->n_used = 1;
	b->records++;
	b->last = 0;
	return 0;
}

static void take_variable(struct lane *l, const struct template *t)
{
	l->taken++;
	l->left = l->at + t->record_len <= l->m->buf + l->m->cap;
}

int burst_add(struct burst *b, const struct template_choice *c, const struct record *r)
{
	struct lane *l = &b->lanes[c->template->index];
	int err;

	if (b->n_slots == 1)
		return add_to_one(b, c, r);
	if (!l->left) {
		err = open_lane(b, l, c->template);
		if (err < 0)
			return err;
	}
	l->at += encode(c->encoder, r, l->at);
	if (l->records)
		l->left--;
	else
		take_variable(l, c->template);
	b->records++;
	b->last = l->m - b->slots;
	return 0;
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

/* Those of the @t'th template that are full. */
static void order_full(struct burst *b, size_t t)
{
	const struct lane *l = &b->lanes[t];

	for (unsigned i = 0; l->m && i < b->n_used; i++) {
		if (b->slots[i].set_id == l->m->set_id && (&b->slots[i] != l->m || !l->left))
			order(b, &b->slots[i]);
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
		struct lane *l = &b->lanes[t];
		struct message *m = l->m;

		close_lane(l);
		if (m && l->left)
			order_rest(b, n_full, m);
	}
	if (b->n_slots == 1 && b->n_used)
		order(b, b->slots);
}
