/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's configuration (interface.md part 3). YAML and JSON become one cJSON tree with
 * a side table of line numbers; one table-driven decoder checks and fills this struct.
 */
#ifndef FLOWCTL_CONF_CONF_H
#define FLOWCTL_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipfix/template.h"

enum conf_direction { CONF_BOTH, CONF_INGRESS, CONF_EGRESS };

struct conf_meter {
	char *netns;		/* name, path or glob; NULL = the agent's own */
	char *name;		/* interface or glob */
	enum conf_direction direction;
	uint64_t max_flows;	/* 0 = default */
	uint64_t spread;	/* the same */
	uint64_t sample;	/* 1 = every packet */
	char *hook;		/* "auto", "tcx", "tc", "xdp" */
	const char *xdp_mode;	/* "auto", "native", "generic"; a constant */
};

enum conf_output_kind { CONF_COLLECTOR, CONF_LOG };

struct conf_output {
	enum conf_output_kind kind;
	char *remote;		/* CONF_COLLECTOR: "host:port" */
	char *local;		/* "addr:port" or NULL */
	uint64_t max_bytes_per_s;	/* 0 = no limit; PACE_AUTO (ipfix/pace.h) */
	char *file;		/* CONF_LOG */
};

struct conf {
	uint64_t max_message_len;	/* 1400 */
	uint64_t template_flush_s;	/* 60 */
	uint64_t finished_s;		/* 1 */
	uint64_t active_s;		/* 60; timerForceDrainSeconds */
	uint64_t idle_s;		/* 15 */
	bool count_all;			/* false: count once */
	uint64_t domain;		/* observationDomainId; 0 = by namespace */
	struct conf_meter *meters;
	size_t n_meters;
	struct conf_output *outputs;
	size_t n_outputs;
	bool builtin_templates;		/* the built-in set is among them, after the user's own */
	struct template_set *templates;	/* never NULL after conf_load() */
};

/*
 * Read and check @path. Every fault is fail_usage() with the key's path and line, as
 * "config.yaml:12: outputs[1].collector.remoteAddress: ..."; a file that cannot be read is
 * fail() (exit 1). What later versions bring (hooks, vpc, tcp, metrics, aws) is refused so too.
 */
int conf_load(const char *path, struct conf **ret);
/* The same from memory; @name is used in messages. */
int conf_parse(const char *name, const char *text, size_t len, struct conf **ret);
void conf_free(struct conf *conf);

/*
 * What --check tells beyond "ok": the kinds of records that no template carries, as
 * sentences, one a line, appended to @out.
 */
struct strbuf;
void conf_warnings(const struct conf *conf, struct strbuf *out);

#endif
