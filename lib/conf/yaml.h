/* SPDX-License-Identifier: Apache-2.0 */
/* YAML, and so JSON, as a cJSON tree that remembers its lines. */
#ifndef FLOWCTL_CONF_YAML_H
#define FLOWCTL_CONF_YAML_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* More than any configuration needs, little enough to bound what a hostile file costs. */
#define YAML_BYTES_MAX (1024 * 1024)
#define YAML_DEPTH_MAX 16
#define YAML_KEYS_MAX 256

struct yaml_line {
	const cJSON *node;
	size_t line;		/* from 1; of its key where it has one */
};

struct yaml_tree {
	cJSON *root;
	struct yaml_line *lines;
	size_t n_lines, cap;
};

/*
 * Parse @text into @ret (yaml_deinit() it). A plain scalar becomes null, a boolean, a
 * number or a string by the rules of YAML 1.2, a quoted one a string; a number keeps its
 * text in valuestring, for a double is not exact. Refused by fail_usage("NAME:LINE: ...")
 * beside bad syntax: duplicate and merge keys, anchors, aliases, tags, a second document,
 * NUL characters, and what exceeds the bounds above. fail(-ENOMEM).
 */
int yaml_parse(const char *name, const char *text, size_t len, struct yaml_tree *ret);
void yaml_deinit(struct yaml_tree *tree);
/* The line of @node, 1 when it is none of the tree's. */
size_t yaml_line(const struct yaml_tree *tree, const cJSON *node);

#endif
