// SPDX-License-Identifier: Apache-2.0
/*
 * templates: a list of ids and element names. An element is {name: X}, or X alone as older
 * files have it; what a name means is known to lib/flow/ie.c only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "conf/keys.h"
#include "flow/ie.h"

#define ELEMENTS_MAX 256
#define IES_MAX 512

struct template_keys {
	uint64_t id;
	char *names[ELEMENTS_MAX];
	size_t n;
};

static int unknown_element(const struct decoder *d, const cJSON *node, const char *name)
{
	const char *names[IES_MAX + 1] = { 0 }, *near;
	char shown[DECODE_SHOWN_MAX];
	size_t n;
	const struct ie *all = ie_all(&n);

	for (size_t i = 0; i < n && i < IES_MAX; i++)
		names[i] = all[i].name;
	near = parse_nearest(name, names);
	if (near)
		error_hint("did you mean '%s'?", near);
	return decode_fault(d, node, "'%s' is no information element that flowctl exports",
			    decode_shown(name, shown));
}

static int check_element(struct decoder *d, const cJSON *node, void *to)
{
	const char *name = *(char **)to;

	return ie_find(name) ? 0 : unknown_element(d, node, name);
}

struct element_keys {
	char *name;
};

static const struct decode_key element_keys[] = {
	DECODE("name", STR, element_keys, name, .required = true, .call = check_element),
	DECODE_KEYS_END,
};

static int decode_element(struct decoder *d, const cJSON *node, void *arg)
{
	struct template_keys *t = arg;
	struct element_keys k = { 0 };
	int r;

	if (t->n == ELEMENTS_MAX)
		return decode_fault(d, node, "more than %d elements in one template", ELEMENTS_MAX);
	if (cJSON_IsString(node))
		r = decode_value(d, node, &element_keys[0], &k.name);
	else if (cJSON_IsObject(node))
		r = decode_map(d, node, element_keys, &k);
	else
		r = decode_wrong_type(d, node, "an element's name");
	t->names[t->n++] = k.name;
	return r;
}

static int decode_elements(struct decoder *d, const cJSON *node, void *to)
{
	int r = decode_list(d, node, decode_element, to);

	return r == 0 && cJSON_GetArraySize(node) == 0 ? decode_fault(d, node, "is empty") : r;
}

/* 0 to 255 are the ids of sets (RFC 7011 3.3.2). */
static const struct decode_key template_keys[] = {
	DECODE("id", U64, template_keys, id, .min = 256, .max = 65535, .required = true),
	{ .key = "template", .type = DECODE_CALL, .required = true, .call = decode_elements },
	DECODE_KEYS_END,
};

static void template_keys_deinit(struct template_keys *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->names[i]);
}

static int decode_template(struct decoder *d, const cJSON *node, void *to)
{
	_cleanup_(template_keys_deinit) struct template_keys t = { 0 };
	struct conf *conf = to;
	int r = decode_map(d, node, template_keys, &t);

	for (size_t i = 0; r == 0 && i < template_set_count(conf->templates); i++) {
		if (template_set_get(conf->templates, i)->id == t.id)
			r = decode_fault(d, node, "the id %" PRIu64 " was used before", t.id);
	}
	if (r < 0)
		return r;
	r = template_set_add(conf->templates, t.id, (const char *const *)t.names, t.n);
	return r == -EINVAL ? decode_fault(d, node, "%s", error_message()) : r;
}

int keys_templates(struct decoder *d, const cJSON *node, void *to)
{
	return decode_list(d, node, decode_template, to);
}
