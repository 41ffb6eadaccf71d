// SPDX-License-Identifier: Apache-2.0
/*
 * libyaml's events become a tree by a stack of open collections: nothing recurses, so depth
 * is a number that is checked. What makes YAML files mean other things than they seem to
 * (aliases, merges, tags, a key given twice) is refused rather than interpreted.
 */
#include "conf/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/error.h"

struct level {
	cJSON *node;
	char *key;		/* read, its value not yet */
	size_t key_line;
	size_t n;		/* members */
};

struct builder {
	const char *name;
	yaml_parser_t parser;
	struct yaml_tree tree;
	struct level open[YAML_DEPTH_MAX];
	size_t depth;
	bool ended;		/* the first document has */
};

__attribute__((format(printf, 3, 4)))
static int fault(const struct builder *b, size_t line, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail_usage("%s:%zu: %s", b->name, line, text);
}

static int no_memory(const struct builder *b)
{
	return fail(-ENOMEM, "cannot read '%s'", b->name);
}

static int syntax_error(const struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	size_t line = p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line;

	if (p->error == YAML_MEMORY_ERROR)
		return no_memory(b);
	return fault(b, line + 1, "cannot be read as YAML: %s",
		     p->problem ? p->problem : "unknown fault");
}

static int remember_line(struct builder *b, const cJSON *node, size_t line)
{
	struct yaml_tree *t = &b->tree;

	if (t->n_lines == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		struct yaml_line *p = reallocarray(t->lines, cap, sizeof(*p));

		if (!p)
			return no_memory(b);
		t->lines = p;
		t->cap = cap;
	}
	t->lines[t->n_lines++] = (struct yaml_line) { node, line };
	return 0;
}

static bool is_number(const char *s)
{
	size_t digits;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return s[2] && s[2 + strspn(s + 2, "0123456789abcdefABCDEF")] == '\0';
	s += *s == '-' || *s == '+';
	digits = strspn(s, "0123456789");
	s += digits;
	if (*s == '.') {
		s++;
		digits += strspn(s, "0123456789");
		s += strspn(s, "0123456789");
	}
	if (digits && (*s == 'e' || *s == 'E')) {
		s++;
		s += *s == '-' || *s == '+';
		digits = strspn(s, "0123456789");
		s += digits;
	}
	return digits && !*s;
}

static bool is_one_of(const char *s, const char *a, const char *b, const char *c)
{
	return strcmp(s, a) == 0 || strcmp(s, b) == 0 || strcmp(s, c) == 0;
}

static cJSON *plain_scalar(const char *s)
{
	cJSON *node;

	if (!*s || strcmp(s, "~") == 0 || is_one_of(s, "null", "Null", "NULL"))
		return cJSON_CreateNull();
	if (is_one_of(s, "true", "True", "TRUE"))
		return cJSON_CreateTrue();
	if (is_one_of(s, "false", "False", "FALSE"))
		return cJSON_CreateFalse();
	if (!is_number(s))
		return cJSON_CreateString(s);
	node = cJSON_CreateNumber(strtod(s, NULL));
	if (node)
		node->valuestring = strdup(s);
	if (node && !node->valuestring) {
		cJSON_Delete(node);
		return NULL;
	}
	return node;
}

/* The tree owns @node from here on, or it is freed. */
static int attach(struct builder *b, cJSON *node, size_t line)
{
	struct level *top = b->depth ? &b->open[b->depth - 1] : NULL;
	bool ok = true;

	if (!node)
		return no_memory(b);
	if (!top) {
		b->tree.root = node;
	} else if (top->key) {
		ok = cJSON_AddItemToObject(top->node, top->key, node);
		free(top->key);
		top->key = NULL;
		line = top->key_line;
	} else {
		ok = cJSON_AddItemToArray(top->node, node);
	}
	if (!ok) {
		cJSON_Delete(node);
		return no_memory(b);
	}
	return remember_line(b, node, line);
}

static int take_key(struct builder *b, struct level *top, const char *key, size_t line)
{
	const cJSON *twin = cJSON_GetObjectItemCaseSensitive(top->node, key);

	if (strcmp(key, "<<") == 0)
		return fault(b, line, "merge keys ('<<') are not accepted");
	if (twin)
		return fault(b, line, "%.64s: given twice, first in line %zu", key,
			     yaml_line(&b->tree, twin));
	if (++top->n > YAML_KEYS_MAX)
		return fault(b, line, "more than %d keys in one mapping", YAML_KEYS_MAX);
	top->key = strdup(key);
	top->key_line = line;
	return top->key ? 0 : no_memory(b);
}

static bool wants_key(const struct builder *b)
{
	const struct level *top = b->open + b->depth;

	return b->depth && cJSON_IsObject(top[-1].node) && !top[-1].key;
}

static int on_scalar(struct builder *b, const yaml_event_t *e, size_t line)
{
	const char *s = (const char *)e->data.scalar.value;

	if (e->data.scalar.anchor)
		return fault(b, line, "anchors ('&') are not accepted");
	if (e->data.scalar.tag)
		return fault(b, line, "tags ('!') are not accepted");
	if (strlen(s) != e->data.scalar.length)
		return fault(b, line, "a NUL character in a text");
	if (wants_key(b))
		return take_key(b, &b->open[b->depth - 1], s, line);
	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return attach(b, plain_scalar(s), line);
	return attach(b, cJSON_CreateString(s), line);
}

static int on_start(struct builder *b, cJSON *node, bool anchor, bool tag, size_t line)
{
	const char *what = anchor ? "anchors ('&') are not accepted" :
			   tag ? "tags ('!') are not accepted" :
			   wants_key(b) ? "a key must be text" :
			   b->depth == YAML_DEPTH_MAX ? "nested too deeply" : NULL;
	int r;

	if (what) {
		cJSON_Delete(node);
		return fault(b, line, "%s", what);
	}
	r = attach(b, node, line);
	if (r == 0)
		b->open[b->depth++] = (struct level) { .node = node };
	return r;
}

static int on_event(struct builder *b, const yaml_event_t *e)
{
	size_t line = e->start_mark.line + 1;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return b->ended ? fault(b, line, "a second document begins") : 0;
	case YAML_DOCUMENT_END_EVENT:
		b->ended = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return fault(b, line, "aliases ('*') are not accepted");
	case YAML_SCALAR_EVENT:
		return on_scalar(b, e, line);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, cJSON_CreateArray(), e->data.sequence_start.anchor,
				e->data.sequence_start.tag, line);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, cJSON_CreateObject(), e->data.mapping_start.anchor,
				e->data.mapping_start.tag, line);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

static int run(struct builder *b)
{
	bool more = true;
	int r = 0;

	while (r == 0 && more) {
		yaml_event_t e;

		if (!yaml_parser_parse(&b->parser, &e))
			return syntax_error(b);
		more = e.type != YAML_STREAM_END_EVENT;
		r = on_event(b, &e);
		yaml_event_delete(&e);
	}
	return r;
}

int yaml_parse(const char *name, const char *text, size_t len, struct yaml_tree *ret)
{
	struct builder b = { .name = name };
	int r;

	if (len > YAML_BYTES_MAX)
		return fail_usage("%s: longer than %d bytes", name, YAML_BYTES_MAX);
	if (!yaml_parser_initialize(&b.parser))
		return no_memory(&b);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
	r = run(&b);
	if (r == 0 && !b.tree.root)
		r = fail_usage("%s: is empty", name);
	yaml_parser_delete(&b.parser);
	while (b.depth)
		free(b.open[--b.depth].key);
	if (r < 0) {
		yaml_deinit(&b.tree);
		return r;
	}
	*ret = b.tree;
	return 0;
}

void yaml_deinit(struct yaml_tree *tree)
{
	cJSON_Delete(tree->root);
	free(tree->lines);
	*tree = (struct yaml_tree) { 0 };
}

/* Only a fault asks, once: no index is worth its lines. */
size_t yaml_line(const struct yaml_tree *tree, const cJSON *node)
{
	for (size_t i = 0; i < tree->n_lines; i++) {
		if (tree->lines[i].node == node)
			return tree->lines[i].line;
	}
	return 1;
}
