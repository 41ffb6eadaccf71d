/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the agent's configuration; private to lib/conf. */
#ifndef FLOWCTL_CONF_KEYS_H
#define FLOWCTL_CONF_KEYS_H

#include "conf/conf.h"
#include "conf/decode.h"

/* Fill @conf (zeroed, templates an empty set) from the tree of @d. On a fault conf_free() it. */
int keys_decode(struct decoder *d, struct conf *conf);

/* outputs:, collectors:, templates:; @to is the struct conf. */
int keys_outputs(struct decoder *d, const cJSON *node, void *to);
int keys_collectors(struct decoder *d, const cJSON *node, void *to);
int keys_templates(struct decoder *d, const cJSON *node, void *to);

#endif
