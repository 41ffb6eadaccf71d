// SPDX-License-Identifier: Apache-2.0
/*
 * See decode.h. Defaults first, then the file's keys in the file's order, so that the fault
 * told is the first one a reader of the file meets.
 */
#include "conf/decode.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

#define KEYS_MAX 64

const char *decode_shown(const char *s, char buf[DECODE_SHOWN_MAX])
{
	size_t n = 0;

	for (; s[n] && n < 64; n++)
		buf[n] = iscntrl((unsigned char)s[n]) ? '?' : s[n];
	snprintf(buf + n, DECODE_SHOWN_MAX - n, "%s", s[n] ? "..." : "");
	return buf;
}

size_t decode_push(struct decoder *d, const char *fmt, ...)
{
	size_t at = strlen(d->path);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->path + at, sizeof(d->path) - at, fmt, ap);
	va_end(ap);
	return at;
}

void decode_pop(struct decoder *d, size_t at)
{
	d->path[at] = '\0';
}

int decode_fault(const struct decoder *d, const cJSON *node, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail_usage("%s:%zu: %s%s%s", d->name, yaml_line(d->tree, node), d->path,
			  d->path[0] ? ": " : "", text);
}

static const char *type_name(const cJSON *node)
{
	return cJSON_IsNull(node) ? "nothing" :
	       cJSON_IsBool(node) ? "true or false" :
	       cJSON_IsNumber(node) ? "a number" :
	       cJSON_IsString(node) ? "text" :
	       cJSON_IsArray(node) ? "a list" : "a mapping";
}

int decode_wrong_type(const struct decoder *d, const cJSON *node, const char *wanted)
{
	return decode_fault(d, node, "must be %s, not %s", wanted, type_name(node));
}

static int get_u64(struct decoder *d, const cJSON *node, const struct decode_key *k, uint64_t *ret)
{
	char shown[DECODE_SHOWN_MAX];
	const char *text = node->valuestring;
	uint64_t v;
	int r;

	if (!cJSON_IsNumber(node))
		return decode_wrong_type(d, node, "a whole number");
	decode_shown(text, shown);
	r = parse_u64(text, k->max, &v);
	if (r == -EINVAL && text[strcspn(text, ".eE+")] && strncasecmp(text, "0x", 2) != 0)
		return decode_fault(d, node, "%s is not a whole number", shown);
	if (r < 0 || v < k->min)
		return decode_fault(d, node, "%s is out of range (%" PRIu64 " to %" PRIu64 ")",
				    shown, k->min, k->max);
	*ret = v;
	return 0;
}

static int get_str(struct decoder *d, const cJSON *node, char **ret)
{
	char *s;

	if (!cJSON_IsString(node))
		return decode_wrong_type(d, node, "text");
	if (!*node->valuestring)
		return decode_fault(d, node, "is empty");
	s = strdup(node->valuestring);
	if (!s)
		return fail(-ENOMEM, "cannot read '%s'", d->name);
	free(*ret);
	*ret = s;
	return 0;
}

static void list_words(const char *const *words, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; words[i] && at < size; i++)
		at += snprintf(buf + at, size - at, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ",
			       words[i]);
}

static int word_index(const char *const *words, const char *s)
{
	for (int i = 0; words && words[i]; i++) {
		if (strcmp(words[i], s) == 0)
			return i;
	}
	return -1;
}

static int get_choice(struct decoder *d, const cJSON *node, const struct decode_key *k, int *ret)
{
	char shown[DECODE_SHOWN_MAX], words[128];
	const char *near;
	int i;

	list_words(k->words, words, sizeof(words));
	if (!cJSON_IsString(node))
		return decode_wrong_type(d, node, words);
	i = word_index(k->words, node->valuestring);
	if (i >= 0) {
		*ret = i;
		return 0;
	}
	decode_shown(node->valuestring, shown);
	if (word_index(k->later, node->valuestring) >= 0)
		return decode_fault(d, node, "'%s' is not in this version of flowctl, only %s",
				    shown, words);
	near = parse_nearest(node->valuestring, k->words);
	if (near)
		error_hint("did you mean '%s'?", near);
	return decode_fault(d, node, "'%s' is not %s", shown, words);
}

int decode_value(struct decoder *d, const cJSON *node, const struct decode_key *k, void *to)
{
	int r = 0;

	switch (k->type) {
	case DECODE_U64:
		r = get_u64(d, node, k, to);
		break;
	case DECODE_BOOL:
		if (!cJSON_IsBool(node))
			return decode_wrong_type(d, node, "true or false");
		*(bool *)to = cJSON_IsTrue(node);
		break;
	case DECODE_STR:
		r = get_str(d, node, to);
		break;
	case DECODE_CHOICE:
		r = get_choice(d, node, k, to);
		break;
	case DECODE_CALL:
	case DECODE_END:
		break;
	}
	return r == 0 && k->call ? k->call(d, node, to) : r;
}

static void set_fallback(const struct decode_key *k, void *to)
{
	switch (k->type) {
	case DECODE_U64:
		*(uint64_t *)to = k->fallback;
		break;
	case DECODE_BOOL:
		*(bool *)to = k->fallback;
		break;
	case DECODE_CHOICE:
		*(int *)to = k->fallback;
		break;
	case DECODE_STR:
	case DECODE_CALL:
	case DECODE_END:
		break;
	}
}

static const struct decode_key *find_key(const struct decode_key *keys, const char *name)
{
	for (; keys->type != DECODE_END; keys++) {
		if (strcmp(keys->key, name) == 0)
			return keys;
	}
	return NULL;
}

static int unknown_key(const struct decoder *d, const cJSON *node, const struct decode_key *keys)
{
	const char *names[KEYS_MAX + 1] = { 0 }, *near;

	for (size_t i = 0; i < KEYS_MAX && keys[i].type != DECODE_END; i++)
		names[i] = keys[i].key;
	near = parse_nearest(node->string, names);
	if (near)
		error_hint("did you mean '%s'?", near);
	return decode_fault(d, node, "unknown key");
}

static int decode_member(struct decoder *d, const cJSON *node, const struct decode_key *keys,
			 void *to)
{
	const struct decode_key *k = find_key(keys, node->string);
	char shown[DECODE_SHOWN_MAX];
	size_t at = decode_push(d, "%s%s", d->path[0] ? "." : "", decode_shown(node->string, shown));
	int r = k ? decode_value(d, node, k, (char *)to + k->offset) : unknown_key(d, node, keys);

	decode_pop(d, at);
	return r;
}

int decode_map(struct decoder *d, const cJSON *node, const struct decode_key *keys, void *to)
{
	const cJSON *member;
	int r;

	if (!cJSON_IsObject(node))
		return decode_wrong_type(d, node, "a mapping");
	for (const struct decode_key *k = keys; k->type != DECODE_END; k++)
		set_fallback(k, (char *)to + k->offset);
	cJSON_ArrayForEach(member, node) {
		r = decode_member(d, member, keys, to);
		if (r < 0)
			return r;
	}
	for (const struct decode_key *k = keys; k->type != DECODE_END; k++) {
		if (k->required && !cJSON_GetObjectItemCaseSensitive(node, k->key))
			return decode_fault(d, node, "'%s' is missing", k->key);
	}
	return 0;
}

int decode_list(struct decoder *d, const cJSON *node, decode_fn item, void *arg)
{
	const cJSON *element;
	size_t i = 0;
	int r = 0;

	if (!cJSON_IsArray(node))
		return decode_wrong_type(d, node, "a list");
	cJSON_ArrayForEach(element, node) {
		size_t at = decode_push(d, "[%zu]", i++);

		r = item(d, element, arg);
		decode_pop(d, at);
		if (r < 0)
			break;
	}
	return r;
}
