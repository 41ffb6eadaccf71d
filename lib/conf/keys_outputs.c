// SPDX-License-Identifier: Apache-2.0
/* outputs: a list of collectors (keys_collector.c), files and logs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/words.h"
#include "conf/keys.h"

enum log_format { LOG_JSON, LOG_TEXT, LOG_VPC };
static const char *const formats[] = { "json", "text", "vpc", NULL };

void conf_output_deinit(struct conf_output *out)
{
	free(out->remote);
	free(out->local);
	free(out->group);
	free(out->tls.ca);
	free(out->tls.certificate);
	free(out->tls.key);
	free(out->tls.server_name);
	free(out->backlog.file);
	free(out->file);
	for (size_t i = 0; i < out->n_hooks; i++) {
		free(out->hooks[i].name);
		free(out->hooks[i].command);
		free(out->hooks[i].shell);
	}
	free(out->hooks);
	if (out->vpc)
		keys_vpc_deinit(out->vpc);
	free(out->vpc);
	*out = (struct conf_output) { 0 };
}

int keys_add_output(struct decoder *d, struct conf *conf, struct conf_output *output)
{
	struct conf_output *p = reallocarray(conf->outputs, conf->n_outputs + 1, sizeof(*p));

	if (!p)
		return fail(-ENOMEM, "cannot read '%s'", d->name);
	conf->outputs = p;
	p[conf->n_outputs++] = *output;
	*output = (struct conf_output) { 0 };
	return 0;
}

#define HOOK_TIMEOUT_NS (5 * NSEC_PER_SEC)
#define HOOK_TIMEOUT_MAX_NS (300 * NSEC_PER_SEC)

static int decode_timeout(struct decoder *d, const cJSON *node, void *to)
{
	return keys_duration(d, node, HOOK_TIMEOUT_MAX_NS, to);
}

static int decode_command(struct decoder *d, const cJSON *node, void *to)
{
	static const struct decode_key key = DECODE("command", STR, conf_hook, command);
	_cleanup_(freep) char **words = NULL;
	int r = decode_value(d, node, &key, to);

	if (r < 0)
		return r;
	return words_split(*(char **)to, &words) < 0 ? decode_fault(d, node, "%s", error_message()) : 0;
}

static const struct decode_key hook_keys[] = {
	DECODE("name", STR, conf_hook, name),
	DECODE("command", CALL, conf_hook, command, .call = decode_command),
	DECODE("shell", STR, conf_hook, shell),
	DECODE("timeout", CALL, conf_hook, timeout_ns, .call = decode_timeout),
	DECODE_KEYS_END,
};

static int decode_hook(struct decoder *d, const cJSON *node, void *arg)
{
	struct conf_output *out = arg;
	struct conf_hook *hook = &out->hooks[out->n_hooks++];
	int r;

	hook->timeout_ns = HOOK_TIMEOUT_NS;
	r = decode_map(d, node, hook_keys, hook);
	if (r == 0 && !hook->command == !hook->shell)
		return decode_fault(d, node, "must have either a command or a shell line");
	if (r == 0 && !hook->name) {
		hook->name = strdup(hook->command ? hook->command : hook->shell);
		r = hook->name ? 0 : fail(-ENOMEM, "cannot read '%s'", d->name);
	}
	return r;
}

static int decode_hooks(struct decoder *d, const cJSON *node, void *to)
{
	struct conf_output *out = to;

	if (!cJSON_IsArray(node))
		return decode_wrong_type(d, node, "a list");
	out->hooks = calloc(cJSON_GetArraySize(node) + 1, sizeof(*out->hooks));
	if (!out->hooks)
		return fail(-ENOMEM, "cannot read '%s'", d->name);
	return decode_list(d, node, decode_hook, out);
}

struct log_keys {
	struct conf_output out;
	int format;
	struct conf_vpc vpc;
};

static const struct decode_key log_keys[] = {
	DECODE("file", STR, log_keys, out.file),
	DECODE("format", CHOICE, log_keys, format, .words = formats),
	DECODE("resolve", BOOL, log_keys, out.resolve),
	DECODE("hooks", CALL, log_keys, out, .call = decode_hooks),
};

/* Those of any log, and those of format vpc behind them. */
static int decode_log_keys(struct decoder *d, const cJSON *node, struct log_keys *k)
{
	struct decode_key rows[32] = { 0 };
	size_t n = ARRAY_SIZE(log_keys), n_vpc;
	const struct decode_key *vpc = keys_vpc_rows(&n_vpc);

	memcpy(rows, log_keys, sizeof(log_keys));
	for (size_t i = 0; i < n_vpc && n < ARRAY_SIZE(rows) - 1; i++) {
		rows[n] = vpc[i];
		rows[n++].offset += offsetof(struct log_keys, vpc);
	}
	return decode_map(d, node, rows, k);
}

static int check_log(struct decoder *d, const cJSON *node, struct log_keys *k)
{
	int r = keys_vpc_check(d, node, k->format == LOG_VPC, &k->vpc);

	if (r < 0)
		return r;
	if (!k->out.file && !k->vpc.directory)
		return decode_fault(d, node, "'file' is missing");
	if (k->out.file && k->vpc.directory)
		return decode_fault(d, node, "must have either a file or a directory");
	if (k->format != LOG_VPC)
		return 0;
	if (k->out.resolve)
		return decode_fault(d, node, "'resolve' goes with the formats json and text");
	k->out.vpc = malloc(sizeof(*k->out.vpc));
	if (!k->out.vpc)
		return fail(-ENOMEM, "cannot read '%s'", d->name);
	*k->out.vpc = k->vpc;
	k->vpc = (struct conf_vpc) { 0 };
	return 0;
}

static int decode_log(struct decoder *d, const cJSON *node, void *to)
{
	struct log_keys k = { .out.kind = CONF_LOG };
	int r;

	keys_vpc_init(&k.vpc);
	r = decode_log_keys(d, node, &k);
	if (r == 0)
		r = check_log(d, node, &k);
	k.out.text = k.format == LOG_TEXT;
	if (r == 0)
		r = keys_add_output(d, to, &k.out);
	conf_output_deinit(&k.out);
	keys_vpc_deinit(&k.vpc);
	return r;
}

static const struct decode_key file_keys[] = {
	DECODE("path", STR, conf_output, file, .required = true),
	DECODE_KEYS_END,
};

/* {path: X}, or X alone. Nobody has to be humoured who reads a file: all of IPFIX goes. */
static int decode_file(struct decoder *d, const cJSON *node, void *to)
{
	struct conf_output out = { .kind = CONF_FILE, .version = 10, .profile = profile_find("strict") };
	int r = cJSON_IsString(node) ? decode_value(d, node, &file_keys[0], &out.file) :
				       decode_map(d, node, file_keys, &out);

	if (r == 0)
		r = keys_add_output(d, to, &out);
	conf_output_deinit(&out);
	return r;
}

static const struct decode_key output_keys[] = {
	DECODE_WHOLE("collector", keys_collector),
	DECODE_WHOLE("file", decode_file),
	DECODE_WHOLE("log", decode_log),
	DECODE_KEYS_END,
};

/* Logs may share a file, as their batches are a write each; a file of messages may not, nor one
 * that a log of format vpc goes on with after a kill. */
static bool share_file(const struct conf_output *a, const struct conf_output *b)
{
	bool alone = a->kind == CONF_FILE || b->kind == CONF_FILE || a->vpc || b->vpc;

	return a->file && b->file && alone && strcmp(a->file, b->file) == 0 &&
	       (a->kind == CONF_FILE || b->kind == CONF_FILE || strcmp(a->file, "stdout") != 0);
}

static bool share_directory(const struct conf_output *a, const struct conf_output *b)
{
	return a->vpc && b->vpc && a->vpc->directory && b->vpc->directory &&
	       strcmp(a->vpc->directory, b->vpc->directory) == 0;
}

/* All flows are cut at one interval. */
static bool differ_in_interval(const struct conf_output *a, const struct conf_output *b)
{
	return a->vpc && b->vpc && a->vpc->interval_ns != b->vpc->interval_ns;
}

/* Connections may share a port of ours, sockets of UDP may not. */
static bool share_port(const struct conf_output *a, const struct conf_output *b)
{
	struct parse_endpoint e;

	return a->local && b->local && a->transport == CONF_UDP && b->transport == CONF_UDP &&
	       strcmp(a->local, b->local) == 0 && parse_endpoint(a->local, &e) == 0 && e.port;
}

/* The output that came last, and those before it. */
static int check_others(struct decoder *d, const cJSON *node, const struct conf *conf)
{
	const struct conf_output *last = &conf->outputs[conf->n_outputs - 1];
	char shown[DECODE_SHOWN_MAX];

	for (const struct conf_output *o = conf->outputs; o < last; o++) {
		if (share_file(o, last))
			return decode_fault(d, node, "another output writes to '%s'",
					    decode_shown(last->file, shown));
		if (share_directory(o, last))
			return decode_fault(d, node, "another output writes to '%s'",
					    decode_shown(last->vpc->directory, shown));
		if (differ_in_interval(o, last))
			return decode_fault(d, node,
					    "another output has another aggregationInterval");
		if (share_port(o, last))
			return decode_fault(d, node, "another output has the localAddress %s",
					    decode_shown(last->local, shown));
	}
	return 0;
}

static int decode_output(struct decoder *d, const cJSON *node, void *to)
{
	int r = decode_map(d, node, output_keys, to);

	if (r == 0 && cJSON_GetArraySize(node) != 1)
		return decode_fault(d, node, "must be one of collector, file and log");
	return r < 0 ? r : check_others(d, node, to);
}

int keys_outputs(struct decoder *d, const cJSON *node, void *to)
{
	return decode_list(d, node, decode_output, to);
}
