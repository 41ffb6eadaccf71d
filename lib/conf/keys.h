/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the agent's configuration; private to lib/conf. */
#ifndef FLOWCTL_CONF_KEYS_H
#define FLOWCTL_CONF_KEYS_H

#include "conf/conf.h"
#include "conf/decode.h"

/*
 * Read the file at @path, no more than yaml_parse() takes. @what: it is, for the sentence of
 * fail().
 */
struct strbuf;
int conf_read(const char *path, const char *what, struct strbuf *ret);

/* Fill @conf (zeroed, templates an empty set) from the tree of @d. On a fault conf_free() it. */
int keys_decode(struct decoder *d, struct conf *conf);

/* A duration (as 5s) of at least 1 ms and at most @max_ns into *(uint64_t *)@to, in ns. */
int keys_duration(struct decoder *d, const cJSON *node, uint64_t max_ns, void *to);

/* Add @output, which is moved from. */
int keys_add_output(struct decoder *d, struct conf *conf, struct conf_output *output);
void conf_output_deinit(struct conf_output *out);

/* Add @t to @set; where it says no length, @profile may. As template_set_add(). templates.c */
int keys_add_template(struct template_set *set, const struct conf_template *t,
		      const struct profile *profile);
/* Add the built-in templates, also those with TCP's health. The same. templates.c */
int keys_add_builtin(struct template_set *set, const struct conf *conf,
		     const struct profile *profile);

/* Can what outputs with version: netflow9 are to send be said in it? templates.c */
int keys_check_netflow9(struct decoder *d, const struct conf *conf);

/*
 * keys_vpc.c: the rows of what a log of format vpc has, of struct conf_vpc, which was initialised.
 * Then the check of the whole @node of the log: of keys that it may not have, and how they fit.
 */
const struct decode_key *keys_vpc_rows(size_t *ret_n);
void keys_vpc_init(struct conf_vpc *vpc);
void keys_vpc_deinit(struct conf_vpc *vpc);
int keys_vpc_check(struct decoder *d, const cJSON *node, bool is_vpc, struct conf_vpc *vpc);

/* metrics:; @to is the struct conf_metrics. */
int keys_metrics(struct decoder *d, const cJSON *node, void *to);

/* outputs[].collector, outputs:, collectors:, aws:, templates:; @to is the struct conf. */
int keys_collector(struct decoder *d, const cJSON *node, void *to);
int keys_outputs(struct decoder *d, const cJSON *node, void *to);
int keys_collectors(struct decoder *d, const cJSON *node, void *to);
int keys_aws(struct decoder *d, const cJSON *node, void *to);
int keys_templates(struct decoder *d, const cJSON *node, void *to);

#endif
