// SPDX-License-Identifier: Apache-2.0
/*
 * Templates and the choice among them, which is made when one is added, for every kind of
 * records: it costs a record one look into a table.
 */
#include "ipfix/template.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define TEMPLATE_ID_MIN 256
#define ELEMENTS_MAX ENCODE_ELEMENTS_MAX

struct template_set {
	struct template **v;
	size_t n;
	/* Best of all templates for every kind of records, as ie_record_applies() tells them. */
	struct template_choice by_applies[IE_APPLIES_MAX];
};

int template_set_new(struct template_set **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : fail(-ENOMEM, "cannot make templates");
}

static void template_free(struct template *t)
{
	for (size_t i = 0; i < TEMPLATE_CLASSES; i++) {
		bool shared = false;

		for (size_t k = 0; k < i; k++)
			shared |= t->encoders[k] == t->encoders[i];
		if (!shared)
			encoder_free(t->encoders[i]);
	}
	encoder_free(t->raw);
	free(t->elements);
	free(t);
}

void template_set_free(struct template_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n; i++)
		template_free(set->v[i]);
	free(set->v);
	free(set);
}

DEFINE_CLEANUP(struct template, template_free)

static int add_element(struct template *t, const struct template_field *field)
{
	struct ie_field f = { .len_bytes = field->len_bytes };
	int r = ie_require(field->name, &f.ie);

	if (r == 0 && !f.len_bytes)
		f.len_bytes = f.ie->len_bytes;
	else if (r == 0)
		r = ie_check_len(f.ie, f.len_bytes);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t->n_elements; i++) {
		if (t->elements[i].ie == f.ie)
			return fail_usage("information element '%s' is named twice", field->name);
	}
	t->elements[t->n_elements++] = f;
	t->record_len += ie_field_max(&f);
	t->template_len += f.ie->pen ? 8 : 4;
	t->is_variable |= f.len_bytes == IE_VARLEN;
	t->reverse |= f.ie->reverse;
	if (f.ie->type == IE_IPV4 || f.ie->type == IE_IPV6)
		t->families |= f.ie->applies & (IE_V4 | IE_V6);
	return 0;
}

/*
 * What a record is, in as far as elements ask for it (IE_GATES): a protocol, what it was in a
 * tunnel over, a family, biflow.
 */
static const unsigned protocols[] = { 0, IE_PORTS, IE_PORTS | IE_TCP, IE_PORTS | IE_UDP, IE_ICMP };
static const unsigned outers[] = { 0, IE_OUTER_V4, IE_OUTER_V6 };

static unsigned class_of(unsigned applies)
{
	unsigned protocol = applies & IE_TCP ? 2 : applies & IE_UDP ? 3 : applies & IE_ICMP ? 4 :
			    applies & IE_PORTS ? 1 : 0;

	unsigned outer = applies & IE_OUTER_V4 ? 1 : applies & IE_OUTER_V6 ? 2 : 0;

	return (protocol * ARRAY_SIZE(outers) + outer) * 4 + (applies & IE_V4 ? 2 : 0) +
	       (applies & IE_BIFLOW ? 1 : 0);
}

static unsigned applies_of(unsigned class)
{
	return protocols[class / (4 * ARRAY_SIZE(outers))] | outers[class / 4 % ARRAY_SIZE(outers)] |
	       (class & 2 ? IE_V4 : IE_V6) | (class & 1 ? IE_BIFLOW : 0);
}

static bool is_possible(unsigned applies)
{
	return applies_of(class_of(applies)) == (applies & IE_GATES) &&
	       !(applies & IE_TUNNEL) == !(applies & (IE_OUTER_V4 | IE_OUTER_V6));
}

/* What one class has and another has not makes no difference when no element asks for it. */
static int add_encoders(struct template *t)
{
	unsigned asked = 0;

	for (size_t i = 0; i < t->n_elements; i++)
		asked |= t->elements[i].ie->applies & IE_GATES;
	for (unsigned i = 0; i < TEMPLATE_CLASSES; i++) {
		for (unsigned k = 0; k < i && !t->encoders[i]; k++) {
			if ((applies_of(k) & asked) == (applies_of(i) & asked))
				t->encoders[i] = t->encoders[k];
		}
		if (!t->encoders[i])
			t->encoders[i] = encoder_new(t->elements, t->n_elements, applies_of(i));
		if (!t->encoders[i])
			return fail(-ENOMEM, "cannot make templates");
	}
	t->raw = encoder_new_raw(t->record_len);
	return t->raw ? 0 : fail(-ENOMEM, "cannot make templates");
}

static unsigned count_idle_elements(const struct template *t, unsigned applies)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n_elements; i++)
		n += (t->elements[i].ie->applies & ~applies) != 0;
	return n;
}

/* Is @t a better choice than @best, that came before it? */
static bool is_better(const struct template *t, const struct template *best, unsigned applies)
{
	unsigned idle, best_idle;

	if (t->families & ~applies)
		return false;
	if (!best)
		return true;
	if ((applies & IE_BIFLOW) && t->reverse != best->reverse)
		return t->reverse;
	idle = count_idle_elements(t, applies);
	best_idle = count_idle_elements(best, applies);
	return idle < best_idle || (idle == best_idle && t->n_elements > best->n_elements);
}

/* What a record can be, of all that the bits could say. */
#define POSSIBLE_MAX (TEMPLATE_CLASSES * 8)
static uint16_t possible[POSSIBLE_MAX];
static size_t n_possible;

static void find_possible(void)
{
	for (unsigned applies = 0; applies < IE_APPLIES_MAX; applies++) {
		if (is_possible(applies))
			possible[n_possible++] = applies;
	}
}

static void offer(struct template_set *set, struct template *t)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find_possible);
	for (size_t i = 0; i < n_possible; i++) {
		unsigned applies = possible[i];
		struct template_choice *c = &set->by_applies[applies];

		if (is_better(t, c->template, applies))
			*c = (struct template_choice) { t, t->encoders[class_of(applies)] };
	}
}

int template_set_add(struct template_set *set, uint16_t id, const struct template_field *fields,
		     size_t n)
{
	_cleanup_(template_freep) struct template *t = NULL;
	struct template **grown;
	int r = 0;

	if (id < TEMPLATE_ID_MIN)
		return fail_usage("a template's id is 256 to 65535, not %u", id);
	if (!n || n > ELEMENTS_MAX)
		return fail_usage("a template has 1 to %d elements", ELEMENTS_MAX);
	for (size_t i = 0; i < set->n; i++) {
		if (set->v[i]->id == id)
			return fail_usage("the template id %u is used twice", id);
	}
	t = calloc(1, sizeof(*t));
	if (t)
		t->elements = calloc(n, sizeof(*t->elements));
	grown = reallocarray(set->v, set->n + 1, sizeof(*grown));
	if (grown)
		set->v = grown;
	if (!t || !t->elements || !grown)
		return fail(-ENOMEM, "cannot make templates");
	t->id = id;
	t->template_len = 4;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_element(t, &fields[i]);
	if (r < 0)
		return r;
	if (t->families == (IE_V4 | IE_V6))
		return fail_usage("a template with IPv4 and IPv6 addresses both carries no record");
	r = add_encoders(t);
	if (r < 0)
		return r;
	t->index = set->n;
	offer(set, t);
	set->v[set->n++] = take_ptr(t);
	return 0;
}

size_t template_set_count(const struct template_set *set)
{
	return set->n;
}

const struct template *template_set_get(const struct template_set *set, size_t i)
{
	return set->v[i];
}

const struct template_choice *template_set_look(const struct template_set *set,
						const struct record *r)
{
	return r->raw ? &r->raw->choice : &set->by_applies[ie_record_applies(r)];
}

const struct template *template_set_choose(const struct template_set *set, const struct record *r)
{
	return template_set_look(set, r)->template;
}

struct template_choice template_choose_raw(const struct template *t)
{
	return (struct template_choice) { t, t->raw };
}

const struct encoder *template_encoder(const struct template *t, const struct record *r)
{
	if (r->raw)
		return t->raw;
	return t->encoders[class_of(ie_record_applies(r))];
}

static bool is_equal(const struct template *a, const struct template *b)
{
	if (a->id != b->id || a->n_elements != b->n_elements)
		return false;
	for (size_t i = 0; i < a->n_elements; i++) {
		if (a->elements[i].ie != b->elements[i].ie ||
		    a->elements[i].len_bytes != b->elements[i].len_bytes)
			return false;
	}
	return true;
}

bool template_set_equal(const struct template_set *a, const struct template_set *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!is_equal(a->v[i], b->v[i]))
			return false;
	}
	return true;
}

bool template_set_has(const struct template_set *set, const struct ie *e)
{
	for (size_t i = 0; i < set->n; i++) {
		for (size_t k = 0; k < set->v[i]->n_elements; k++) {
			if (set->v[i]->elements[k].ie == e)
				return true;
		}
	}
	return false;
}

uint16_t template_set_longest(const struct template_set *set)
{
	uint16_t longest = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct template *t = set->v[i];

		longest = t->record_len > longest ? t->record_len : longest;
		longest = t->template_len > longest ? t->template_len : longest;
	}
	return longest;
}
