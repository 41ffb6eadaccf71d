// SPDX-License-Identifier: Apache-2.0
/* Which of the kinds of sinks an output is, and how its keys become their configuration. */
#include "agent/output.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/stream.h"
#include "sink/log.h"
#include "sink/log_vpc.h"

static int open_log(const struct conf_output *out, struct sink **ret)
{
	_cleanup_(freep) struct log_hook *hooks = calloc(out->n_hooks + 1, sizeof(*hooks));

	if (!hooks)
		return fail(-ENOMEM, "cannot open the flow log '%s'", out->file);
	for (size_t i = 0; i < out->n_hooks; i++) {
		const struct conf_hook *h = &out->hooks[i];

		hooks[i] = (struct log_hook) { h->name, h->command, h->shell, h->timeout_ns };
	}
	return sink_log_new(&(struct log_config) {
		.file = out->file, .resolve = out->resolve, .text = out->text, .hooks = hooks,
		.n_hooks = out->n_hooks,
	}, ret);
}

static int open_vpc(const struct conf_output *out, const struct output_env *env, struct sink **ret)
{
	const struct conf_vpc *vpc = out->vpc;
	_cleanup_(freep) struct vpc_interface_id *ids = calloc(vpc->n_interfaces + 1, sizeof(*ids));
	const struct vpc_config config = {
		.file = out->file,
		.directory = vpc->directory,
		.format = vpc->format,
		.header = vpc->header,
		.interval_ns = vpc->interval_ns,
		.max_lines = vpc->max_lines,
		.gzip = vpc->gzip,
		.per_hour = vpc->per_hour,
		.hive = vpc->hive,
		.period_s = vpc->period_ns / NSEC_PER_SEC,
		.flow_log_id = vpc->flow_log_id,
		.account = vpc->account,
		.region = vpc->region,
		.interfaces = ids,
		.n_interfaces = vpc->n_interfaces,
		.keep = env->keep,
	};

	if (!ids)
		return fail(-ENOMEM, "cannot open the flow log");
	for (size_t i = 0; i < vpc->n_interfaces; i++)
		ids[i] = (struct vpc_interface_id) { vpc->interfaces[i].iface, vpc->interfaces[i].id };
	return sink_vpc_new(&config, ret);
}

static int open_udp(const struct conf *conf, const struct conf_output *out,
		    const struct template_set *templates, const struct output_env *env,
		    struct sink **ret)
{
	const struct session_config session = {
		.remote = out->remote,
		.local = out->local,
		.max_message_len = conf->max_message_len,
		.template_flush_s = conf->template_flush_s,
		.batch_messages = env->batch_messages,
		.max_bytes_per_s = env->unpaced ? 0 : out->max_bytes_per_s,
		.templates = templates,
		.profile = out->profile,
		.version = out->version,
		.enterprise = conf->enterprise,
		.options_s = conf->options_s,
		.options = env->options,
		.sequence = env->sequence,
	};

	return session_udp_new(&session, ret);
}

static int open_stream(const struct conf *conf, const struct conf_output *out,
		       const struct template_set *templates, const struct output_env *env,
		       struct sink **ret)
{
	static const enum stream_kind kinds[] = {
		[CONF_TCP] = STREAM_TCP, [CONF_TLS] = STREAM_TLS, [CONF_SCTP] = STREAM_SCTP,
	};
	bool is_file = out->kind == CONF_FILE;
	const struct stream_config stream = {
		.kind = is_file ? STREAM_FILE : kinds[out->transport],
		.remote = is_file ? out->file : out->remote,
		.local = out->local,
		.max_message_len = conf->max_message_len,
		.version = out->version,
		.templates = templates,
		.profile = out->profile,
		.enterprise = conf->enterprise,
		.options_s = conf->options_s,
		.options = env->options,
		.ca = out->tls.ca,
		.certificate = out->tls.certificate,
		.key = out->tls.key,
		.server_name = out->tls.server_name,
		.backlog_bytes = out->backlog.bytes,
		.backlog_file = out->backlog.file,
		.backlog_file_bytes = out->backlog.file_bytes,
	};

	return stream_new(&stream, ret);
}

int output_check(const struct conf_output *out)
{
	const struct stream_config stream = {
		.ca = out->tls.ca,
		.certificate = out->tls.certificate,
		.key = out->tls.key,
	};
	int r;

	if (out->kind != CONF_COLLECTOR || out->transport != CONF_TLS)
		return 0;
	r = stream_check_tls(&stream);
	return r < 0 ? fail_context(r, "collector %s", out->remote) : 0;
}

int output_open(const struct conf *conf, const struct conf_output *out,
		const struct template_set *templates, const struct output_env *env,
		struct sink **ret)
{
	if (out->kind == CONF_LOG && out->vpc)
		return open_vpc(out, env, ret);
	if (out->kind == CONF_LOG)
		return open_log(out, ret);
	if (out->kind == CONF_COLLECTOR && out->transport == CONF_UDP)
		return open_udp(conf, out, templates, env, ret);
	return open_stream(conf, out, templates, env, ret);
}

int output_tuple(const struct sink *s, struct session_tuple *ret)
{
	return session_tuple(s, ret) == 0 ? 0 : stream_tuple(s, ret);
}

bool output_is_up(const struct sink *s)
{
	struct session_tuple unused;

	return stream_is_up(s) || (session_tuple(s, &unused) == 0 && !s->trouble[0]);
}

int output_drain(struct sink *s, uint64_t timeout_ns)
{
	sink_log_drain(s);
	return stream_finish(s, timeout_ns);
}

int output_wait_ready(struct sink *s, uint64_t timeout_ns)
{
	int r = session_wait_ready(s, timeout_ns);

	return r < 0 ? r : stream_wait_ready(s, timeout_ns);
}
