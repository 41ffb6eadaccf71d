// SPDX-License-Identifier: Apache-2.0
/*
 * The rows of options_row.c, as far as the profile wants them, become options templates, and
 * it says when their data goes. Template ids go down from 65535, a row each, past those that
 * the user has taken.
 *
 * A collector that does not count options data (nfcapd) takes each of its records for a gap in
 * the sequence, but for those before the first flow and behind the last. So profiles that mean
 * to suit it are quiet in between, or late.
 */
#include "ipfix/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "ipfix/options_parts.h"

#define SET_OPTIONS_TEMPLATE 3
#define TEMPLATE_ID_LAST 65535

int options_new(const struct profile *profile, uint32_t enterprise,
		const struct options_source *source, struct options **ret)
{
	struct options *o = calloc(1, sizeof(*o));

	if (!o)
		return fail(-ENOMEM, "cannot make options templates");
	o->profile = profile;
	o->enterprise = enterprise;
	o->source = *source;
	options_use(o, NULL, 0);
	*ret = o;
	return 0;
}

void options_free(struct options *o)
{
	free(o);
}

static bool is_taken(const struct template_set *set, uint16_t id)
{
	for (size_t i = 0; set && i < template_set_count(set); i++) {
		if (template_set_get(set, i)->id == id)
			return true;
	}
	return false;
}

void options_use(struct options *o, const struct template_set *templates, unsigned version)
{
	uint16_t id = TEMPLATE_ID_LAST;

	o->netflow9 = version == 9;
	o->templates = templates;
	for (size_t i = 0; i < OPTIONS_ROWS_MAX; i++) {
		while (is_taken(templates, id))
			id--;
		o->ids[i] = id--;
	}
}

/* NetFlow v9 has elements 34 and 35 for sampling, and none of the others. */
static int sampling_of(const struct options *o)
{
	if (o->netflow9 && o->profile->sampling != SAMPLING_INTERVAL_ALONE)
		return SAMPLING_INTERVAL;
	return o->profile->sampling;
}

bool options_is_wanted(const struct options *o, const struct options_row *row)
{
	int shape = row->option == OPTIONS_SAMPLING ? sampling_of(o) :
		    row->option == OPTIONS_INTERFACES ? (int)o->profile->interfaces : -1;

	if (o->netflow9)
		return (o->profile->options9 & row->option) && row->shape == shape && row->netflow9;
	return (o->profile->options & row->option) && row->shape == shape;
}

bool options_is_variable(const struct options *o, const struct options_field *f)
{
	return f->text && o->profile->strings && !o->netflow9;
}

size_t options_fields(const struct options_row *row)
{
	size_t n = 0;

	while (n < OPTIONS_FIELDS_MAX && row->fields[n].id)
		n++;
	return n;
}

/* Each in a set of its own: nfcapd 1.7.1 reads the first of a set only. */
static void add_template(const struct options *o, struct message *m, const struct options_row *row,
			 uint16_t id)
{
	size_t n = options_fields(row);
	uint8_t *p;

	message_end_set(m);
	p = message_begin_set(m, SET_OPTIONS_TEMPLATE);
	put_be16(p, id);
	put_be16(p + 2, n);
	put_be16(p + 4, row->n_scopes);
	p += 6;
	for (size_t i = 0; i < n; i++, p += 4) {
		put_be16(p, row->fields[i].id);
		put_be16(p + 2, options_is_variable(o, &row->fields[i]) ? IE_VARLEN : row->fields[i].len);
	}
	message_took(m, 6 + 4 * n, 0);
}

int options_send_templates(const struct options *o, struct message *m, uint32_t domain,
			   options_send_fn send, void *arg)
{
	size_t n;
	const struct options_row *rows = options_rows(&n);
	int r = 0;

	message_begin(m, domain);
	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t len = IPFIX_SET_HEADER_LEN + 6 + 4 * options_fields(&rows[i]);

		if (!options_is_wanted(o, &rows[i]) || IPFIX_HEADER_LEN + len > m->cap)
			continue;
		if (m->len + len > m->cap) {
			r = send(arg, m);
			message_begin(m, domain);
		}
		add_template(o, m, &rows[i], o->ids[i]);
	}
	return r < 0 || message_is_empty(m) ? r : send(arg, m);
}

/* NetFlow v9 counts packets, whatever is in them. */
static enum profile_timing timing_of(const struct options *o)
{
	return o->netflow9 ? OPTIONS_AT_ONCE : o->profile->timing;
}

static bool is_due(const struct options *o, const struct options_clock *c, enum options_when when,
		   uint64_t now_ns)
{
	switch (when) {
	case OPTIONS_BEGIN:
		return !c->begun;
	case OPTIONS_TICK:
		return c->open || (c->begun && now_ns >= c->next_ns && timing_of(o) != OPTIONS_FIRST);
	case OPTIONS_END:
		return c->begun && timing_of(o) != OPTIONS_FIRST;
	}
	return false;
}

/* The last words are the last counts, and one message: to nfcapd, what follows is a gap. */
static unsigned what_of(const struct options *o, enum options_when when)
{
	if (when == OPTIONS_END)
		return OPTIONS_METER | OPTIONS_EXPORTER;
	if (when == OPTIONS_BEGIN && timing_of(o) != OPTIONS_AT_ONCE)
		return OPTIONS_SAMPLING;
	return OPTIONS_EVERY;
}

int options_send_due(struct options *o, struct options_clock *c, enum options_when when,
		     uint64_t now_ns, struct message *m, uint32_t domain,
		     const struct options_session *counts, options_send_fn send, void *arg)
{
	bool goes_on = c->open && when == OPTIONS_TICK;
	int r;

	if (!is_due(o, c, when, now_ns))
		return 0;
	if (!goes_on) {
		o->is_open = false;
		c->what = what_of(o, when);
		c->least = when == OPTIONS_BEGIN && timing_of(o) != OPTIONS_AT_ONCE ? 2 : 1;
		c->next_ns = now_ns + c->every_ns;
	}
	c->begun = true;
	r = options_round(o, c->what, c->least, m, domain, counts, send, arg);
	c->open = r < 0;
	return r;
}
