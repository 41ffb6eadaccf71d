/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's configuration (flowctl.conf(5)). YAML and JSON become one cJSON tree with
 * a side table of line numbers; one table-driven decoder checks and fills this struct.
 */
#ifndef FLOWCTL_CONF_CONF_H
#define FLOWCTL_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/tunnel.h"
#include "flow/vpc_field.h"
#include "ipfix/profile.h"
#include "ipfix/template.h"

enum conf_direction { CONF_BOTH, CONF_INGRESS, CONF_EGRESS };

struct conf_meter {
	char *netns;		/* name, path or glob; NULL = the agent's own */
	char *name;		/* interface or glob */
	enum conf_direction direction;
	uint64_t max_flows;	/* 0 = default */
	uint64_t spread;	/* the same */
	uint64_t sample;	/* 1 = every packet */
	int tcp_metrics;	/* 1 on, 0 off, -1 not said: on */
	uint64_t max_connections;	/* 0 = default */
	bool decap_given;	/* else as it is, or none */
	struct tunnel_choice decap;
	char *hook;		/* "auto", "tcx", "tc", "xdp" */
	const char *xdp_mode;	/* "auto", "native", "generic"; a constant */
};

enum conf_output_kind { CONF_COLLECTOR, CONF_FILE, CONF_LOG };
enum conf_transport { CONF_UDP, CONF_TCP, CONF_TLS, CONF_SCTP };

struct conf_hook {
	char *name;		/* for messages */
	char *command;		/* a program with its arguments, or NULL */
	char *shell;		/* a line for /bin/sh -c, or NULL: one of the two */
	uint64_t timeout_ns;	/* 5 s */
};

/* A log of format vpc. Strings may be NULL: not said. */
struct conf_vpc {
	struct vpc_format format;
	bool header;
	uint64_t interval_ns;		/* whole seconds that divide an hour; 600 s */
	uint64_t max_lines;
	char *directory;		/* in place of a file */
	bool gzip, per_hour, hive;	/* of a directory, as is */
	uint64_t period_ns;		/* a multiple of the interval */
	char *flow_log_id, *account, *region;
	struct conf_vpc_interface {
		char *iface, *id;
	} *interfaces;
	size_t n_interfaces;
};

struct conf_output {
	enum conf_output_kind kind;
	/* CONF_COLLECTOR */
	char *remote;		/* "host:port" */
	char *local;		/* "addr:port" or NULL */
	enum conf_transport transport;
	uint64_t max_bytes_per_s;	/* 0 = no limit; PACE_AUTO (ipfix/pace.h) */
	unsigned version;	/* 10 IPFIX, 9 NetFlow */
	const struct profile *profile;	/* ipfix/profile.h; never NULL */
	char *group;		/* of outputs of which one at a time is used, or NULL */
	struct conf_tls {	/* file names; NULL = the system's CAs, no certificate of ours */
		char *ca, *certificate, *key;
		char *server_name;	/* to be found in the certificate; NULL = the remote host */
	} tls;
	struct conf_backlog {	/* TCP, TLS, SCTP: what is kept while the collector is away */
		uint64_t bytes;		/* in memory */
		char *file;		/* then on disk (RFC 5655), or NULL */
		uint64_t file_bytes;	/* at most */
	} backlog;
	/* CONF_FILE, CONF_LOG */
	char *file;		/* a path; CONF_LOG: or "stdout"; NULL: vpc->directory */
	/* CONF_LOG */
	bool text;		/* format: text, else json */
	bool resolve;		/* with names of hosts */
	struct conf_hook *hooks;
	size_t n_hooks;
	struct conf_vpc *vpc;	/* format: vpc, or NULL */
};

enum conf_aws_enabled { CONF_AWS_AUTO, CONF_AWS_ON, CONF_AWS_OFF };

/* The metadata service of EC2 (enrich/cloud.h). */
struct conf_aws {
	enum conf_aws_enabled enabled;
	uint64_t refresh_ns;
	char *endpoint;		/* URL, or NULL: the usual ones */
};
#define CONF_AWS_DEFAULT ((struct conf_aws) { CONF_AWS_AUTO, UINT64_C(300000000000), NULL })

/* A template as the file has it: what it leaves open the profile of an output decides. */
struct conf_template {
	uint16_t id;
	struct template_field *fields;	/* names and all are freed by conf_free() */
	size_t n;
};

/* The Prometheus endpoint. */
struct conf_metrics {
	char *listen;		/* "127.0.0.1:9999"; NULL = off */
	uint64_t forward;	/* forwarding latency of a packet of so many; 0 = off */
	bool rtt;		/* every RTT sample into a histogram */
};
#define CONF_FORWARD_MAX 1000000

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
	uint64_t options_s;		/* timerOptionsSeconds: how often options data goes */
	bool biflow;			/* both directions in one record (RFC 5103); count once only */
	uint64_t enterprise;		/* enterpriseNumber: of the elements that IANA does not have */
	char *as_file;			/* prefixFile: lines of PREFIX AS, or NULL */
	struct conf_aws aws;
	struct conf_metrics metrics;
	bool builtin_templates;		/* the built-in set is among them, after the user's own */
	struct conf_template *own;	/* the user's own, as written */
	size_t n_own;
	struct template_set *templates;	/* all, for profile_default(); never NULL after conf_load() */
};

/*
 * Read and check @path. Every fault is fail_usage() with the key's path and line, as
 * "config.yaml:12: outputs[1].collector.remoteAddress: ..."; a file that cannot be read is
 * fail() (exit 1). Of one that is good the enterprise number holds from then on, for all
 * (ie_set_enterprise()).
 */
int conf_load(const char *path, struct conf **ret);
/* The same from memory; @name is used in messages. */
int conf_parse(const char *name, const char *text, size_t len, struct conf **ret);
void conf_free(struct conf *conf);

/*
 * The templates of an output with @profile: the user's own and, if wanted, the built-in ones,
 * in the order and with the ids of conf->templates, but of that profile's lengths and shapes.
 * *ret is the caller's to template_set_free(). 0, or fail(). templates.c
 */
int conf_templates_for(const struct conf *conf, const struct profile *profile,
		       struct template_set **ret);
/* The same for @out: of its profile and version. */
int conf_templates_of(const struct conf *conf, const struct conf_output *out,
		      struct template_set **ret);
void conf_template_deinit(struct conf_template *t);

/*
 * What --check tells beyond "ok": the kinds of records that no template carries, as
 * sentences, one a line, appended to @out.
 */
struct strbuf;
void conf_warnings(const struct conf *conf, struct strbuf *out);

#endif
