// SPDX-License-Identifier: Apache-2.0
/*
 * templates: a list of ids and elements. An element is {name: X}, {name: X, length: N}, or X
 * alone as older files have it; what a name means, and which lengths it may have, is known
 * to lib/flow/ie.c only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "conf/keys.h"
#include "flow/ie.h"

static int check_element(struct decoder *d, const cJSON *node, void *to)
{
	const char *name = *(char **)to;
	char shown[DECODE_SHOWN_MAX];
	const struct ie *unused;

	if (ie_find(name))
		return 0;
	ie_require(name, &unused);	/* for its hint */
	return decode_fault(d, node, "'%s' is no information element that flowctl exports",
			    decode_shown(name, shown));
}

struct element_keys {
	char *name;
	uint64_t len_bytes;
};

/* 65535 is a variable length (RFC 7011 7). */
static const struct decode_key element_keys[] = {
	DECODE("name", STR, element_keys, name, .required = true, .call = check_element),
	DECODE("length", U64, element_keys, len_bytes, .min = 1, .max = IE_VARLEN),
	DECODE_KEYS_END,
};

static int check_len(struct decoder *d, const cJSON *node, const struct element_keys *k)
{
	const cJSON *length = cJSON_GetObjectItemCaseSensitive(node, "length");
	size_t at;
	int r;

	if (!length || ie_check_len(ie_find(k->name), k->len_bytes) == 0)
		return 0;
	at = decode_push(d, ".length");
	r = decode_fault(d, length, "%s", error_message());
	decode_pop(d, at);
	return r;
}

static int decode_element(struct decoder *d, const cJSON *node, void *arg)
{
	struct conf_template *t = arg;
	struct element_keys k = { 0 };
	int r;

	if (t->n == ENCODE_ELEMENTS_MAX)
		return decode_fault(d, node, "more than %d elements in one template",
				    ENCODE_ELEMENTS_MAX);
	if (cJSON_IsString(node))
		r = decode_value(d, node, &element_keys[0], &k.name);
	else if (cJSON_IsObject(node))
		r = decode_map(d, node, element_keys, &k);
	else
		r = decode_wrong_type(d, node, "an element's name");
	t->fields[t->n++] = (struct template_field) { k.name, k.len_bytes };
	return r < 0 ? r : check_len(d, node, &k);
}

struct template_keys {
	uint64_t id;
	struct conf_template own;
};

static int decode_elements(struct decoder *d, const cJSON *node, void *to)
{
	struct conf_template *t = to;
	int r;

	t->fields = calloc(ENCODE_ELEMENTS_MAX, sizeof(*t->fields));
	if (!t->fields)
		return fail(-ENOMEM, "cannot read '%s'", d->name);
	r = decode_list(d, node, decode_element, t);
	return r == 0 && t->n == 0 ? decode_fault(d, node, "is empty") : r;
}

/* 0 to 255 are the ids of sets (RFC 7011 3.3.2). */
static const struct decode_key template_keys[] = {
	DECODE("id", U64, template_keys, id, .min = 256, .max = 65535, .required = true),
	DECODE("template", CALL, template_keys, own, .required = true, .call = decode_elements),
	DECODE_KEYS_END,
};

static int decode_template(struct decoder *d, const cJSON *node, void *to)
{
	_cleanup_(conf_template_deinit) struct conf_template own = { 0 };
	struct template_keys keys = { 0 };
	struct conf *conf = to;
	int r = decode_map(d, node, template_keys, &keys);

	own = keys.own;
	own.id = keys.id;
	for (size_t i = 0; r == 0 && i < conf->n_own; i++) {
		if (conf->own[i].id == own.id)
			r = decode_fault(d, node, "the id %u was used before", own.id);
	}
	if (r < 0)
		return r;
	r = keys_add_template(conf->templates, &own, profile_default());
	if (r < 0)
		return r == -EINVAL ? decode_fault(d, node, "%s", error_message()) : r;
	conf->own[conf->n_own++] = own;
	own = (struct conf_template) { 0 };
	return 0;
}

int keys_templates(struct decoder *d, const cJSON *node, void *to)
{
	struct conf *conf = to;

	if (!cJSON_IsArray(node))
		return decode_wrong_type(d, node, "a list");
	conf->own = calloc(cJSON_GetArraySize(node) + 1, sizeof(*conf->own));
	if (!conf->own)
		return fail(-ENOMEM, "cannot read '%s'", d->name);
	return decode_list(d, node, decode_template, conf);
}
