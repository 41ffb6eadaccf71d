/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a tree to a struct by rows: what a key is called, what it may hold, where it goes.
 * A fault is fail_usage("FILE:LINE: path.of[0].key: sentence").
 */
#ifndef FLOWCTL_CONF_DECODE_H
#define FLOWCTL_CONF_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/yaml.h"

struct decoder {
	const char *name;		/* of the file, for messages */
	const struct yaml_tree *tree;
	char path[256];			/* of the node at hand, "" at the top */
};

enum decode_type {
	DECODE_END,
	DECODE_U64,		/* uint64_t, min to max */
	DECODE_BOOL,		/* bool */
	DECODE_STR,		/* char *, strdup'ed, never empty; the caller frees, also after a fault */
	DECODE_CHOICE,		/* int: index into words */
	DECODE_CALL,		/* whatever call() makes of it */
};

/* Handles @node; @to is where the row's field lies. 0 or a fault. */
typedef int (*decode_fn)(struct decoder *d, const cJSON *node, void *to);

struct decode_key {
	const char *key;
	enum decode_type type;
	size_t offset;
	uint64_t min, max;		/* U64 */
	uint64_t fallback;		/* U64, BOOL, CHOICE: without the key; STR: NULL */
	bool required;
	const char *const *words;	/* CHOICE, NULL-terminated */
	const char *const *later;	/* CHOICE: words of later versions, or NULL */
	decode_fn call;			/* CALL; for others a further check of what was stored, or NULL */
};

#define DECODE(key_, type_, struct_, field_, ...) \
	{ .key = key_, .type = DECODE_##type_, .offset = offsetof(struct struct_, field_), __VA_ARGS__ }
/* A key whose handler is given the whole struct. */
#define DECODE_WHOLE(key_, call_) { .key = key_, .type = DECODE_CALL, .call = call_ }
#define DECODE_KEYS_END { .type = DECODE_END }

/* Fill @to from the mapping @node. Unknown keys are faults. */
int decode_map(struct decoder *d, const cJSON *node, const struct decode_key *keys, void *to);
/* Call @item(d, element, arg) for every element of the list @node. */
int decode_list(struct decoder *d, const cJSON *node, decode_fn item, void *arg);
/* One value by a row: what decode_map() does with it. */
int decode_value(struct decoder *d, const cJSON *node, const struct decode_key *key, void *to);

/* Go down: append to the path. Returns what decode_pop() takes to go back up. */
size_t decode_push(struct decoder *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void decode_pop(struct decoder *d, size_t at);
/* The fault of @node (NULL: the whole file) at the path as it is. Returns -EINVAL. */
int decode_fault(const struct decoder *d, const cJSON *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "must be @wanted, not ..." as a fault. */
int decode_wrong_type(const struct decoder *d, const cJSON *node, const char *wanted);
/* A user's text, fit for a message: no control characters, at most 64 bytes. */
#define DECODE_SHOWN_MAX 72
const char *decode_shown(const char *s, char buf[DECODE_SHOWN_MAX]);

#endif
