// SPDX-License-Identifier: Apache-2.0
/*
 * The top of the file, meters:, what later versions bring, and what only several keys
 * together can get wrong. A key is a row here, in keys_outputs.c or in keys_templates.c.
 */
#include "conf/keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/sending.h"
#include "base/strbuf.h"
#include "flow/record.h"
#include "ipfix/message.h"
#include "ipfix/netflow9.h"

/* A week; in ticks of the fastest kernel (1000 Hz) it fits into 31 bits. */
#define TIMER_MAX_S (7 * 24 * 3600)
/* The longest payload of a UDP datagram. */
#define MESSAGE_MAX UDP_PAYLOAD_MAX
#define MESSAGE_MIN (IPFIX_HEADER_LEN + IPFIX_SET_HEADER_LEN + 1)

static const char *const directions[] = { "both", "ingress", "egress", NULL };
static const char *const hooks[] = { "auto", "tcx", "tc", "xdp", NULL };
static const char *const xdp_modes[] = { "auto", "native", "generic", NULL };
static const char *const off_on[] = { "off", "on", NULL };
/* Not said; see struct conf_meter. */
#define NEITHER 2
static const char *const counts[] = { "once", "all", NULL };

static int check_iface(struct decoder *d, const cJSON *node, void *to)
{
	const char *s = *(char **)to;

	if (s[strcspn(s, "/ \t\n")])
		return decode_fault(d, node, "an interface's name has no white space and no '/'");
	if (!s[strcspn(s, "*?[")] && strlen(s) >= IFACE_NAME_MAX)
		return decode_fault(d, node, "an interface's name has at most %d characters",
				    IFACE_NAME_MAX - 1);
	return 0;
}

struct meter_keys {
	struct conf_meter m;
	int direction, hook, xdp_mode, tcp_metrics;
};

static int add_tunnel(struct decoder *d, const cJSON *node, void *arg)
{
	struct strbuf *list = arg;

	if (!cJSON_IsString(node))
		return decode_wrong_type(d, node, "a tunnel (as geneve or 'vxlan:8472')");
	if (strchr(node->valuestring, ','))
		return decode_fault(d, node, "one tunnel each");
	strbuf_printf(list, "%s%s", list->len ? "," : "", node->valuestring);
	return 0;
}

/* As on the command line, or a list of its words. */
static int decode_decap(struct decoder *d, const cJSON *node, void *to)
{
	_cleanup_(strbuf_deinit) struct strbuf list = STRBUF_NULL;
	struct conf_meter *m = &((struct meter_keys *)to)->m;
	int r = 0;

	if (cJSON_IsArray(node))
		r = decode_list(d, node, add_tunnel, &list);
	else if (cJSON_IsString(node))
		strbuf_puts(&list, node->valuestring);
	else
		return decode_wrong_type(d, node, "a list of tunnels, or none or all");
	if (r < 0)
		return r;
	m->decap_given = true;
	if (tunnel_choice_parse(list.len ? strbuf_str(&list) : "none", &m->decap) < 0)
		return decode_fault(d, node, "%s", error_message());
	return 0;
}

static const struct decode_key meter_keys[] = {
	DECODE("netns", STR, meter_keys, m.netns),
	DECODE("name", STR, meter_keys, m.name, .required = true, .call = check_iface),
	DECODE("direction", CHOICE, meter_keys, direction, .words = directions),
	DECODE("hook", CHOICE, meter_keys, hook, .words = hooks),
	DECODE("xdpMode", CHOICE, meter_keys, xdp_mode, .words = xdp_modes),
	DECODE("maxFlows", U64, meter_keys, m.max_flows, .min = 1, .max = 1 << 26),
	DECODE("spread", U64, meter_keys, m.spread, .min = 1, .max = 4096),
	DECODE("sample", U64, meter_keys, m.sample, .min = 1, .max = UINT32_MAX, .fallback = 1),
	DECODE("tcpMetrics", CHOICE, meter_keys, tcp_metrics, .words = off_on, .fallback = NEITHER),
	DECODE("maxConnections", U64, meter_keys, m.max_connections, .min = 1, .max = 1 << 26),
	DECODE_WHOLE("decap", decode_decap),
	DECODE_KEYS_END,
};

static int decode_meter(struct decoder *d, const cJSON *node, void *arg)
{
	struct conf *conf = arg;
	struct meter_keys keys = { 0 };
	int r = decode_map(d, node, meter_keys, &keys);

	keys.m.direction = (enum conf_direction)keys.direction;
	keys.m.hook = strdup(hooks[keys.hook]);
	keys.m.xdp_mode = xdp_modes[keys.xdp_mode];
	keys.m.tcp_metrics = keys.tcp_metrics == NEITHER ? -1 : keys.tcp_metrics;
	conf->meters[conf->n_meters++] = keys.m;
	if (r == 0 && keys.xdp_mode && strcmp(hooks[keys.hook], "xdp") != 0)
		r = decode_fault(d, node, "xdpMode belongs to hook: xdp");
	return r == 0 && !keys.m.hook ? fail(-ENOMEM, "cannot read '%s'", d->name) : r;
}

static int decode_meters(struct decoder *d, const cJSON *node, void *to)
{
	struct conf *conf = to;

	if (!cJSON_IsArray(node))
		return decode_wrong_type(d, node, "a list");
	conf->meters = calloc(cJSON_GetArraySize(node) + 1, sizeof(*conf->meters));
	if (!conf->meters)
		return fail(-ENOMEM, "cannot read '%s'", d->name);
	return decode_list(d, node, decode_meter, conf);
}

static int decode_count(struct decoder *d, const cJSON *node, void *to)
{
	const struct decode_key key = { .type = DECODE_CHOICE, .words = counts };
	int i;
	int r = decode_value(d, node, &key, &i);

	if (r == 0)
		*(bool *)to = i == 1;
	return r;
}

int keys_duration(struct decoder *d, const cJSON *node, uint64_t max_ns, void *to)
{
	uint64_t ns;

	if (!cJSON_IsString(node) && !cJSON_IsNumber(node))
		return decode_wrong_type(d, node, "a duration (as 5s)");
	if (parse_duration(node->valuestring, &ns) < 0)
		return decode_fault(d, node, "must be a duration (as 5s)");
	if (ns < NSEC_PER_MSEC || ns > max_ns)
		return decode_fault(d, node, "must be a duration of 1ms to %" PRIu64 "s",
				    max_ns / NSEC_PER_SEC);
	*(uint64_t *)to = ns;
	return 0;
}

/* Reserved by RFC 5612 for documentation: whoever has a number of his own puts it there. */
#define ENTERPRISE_DEFAULT 32473
#define ENTERPRISE_REVERSE 29305

static int check_enterprise(struct decoder *d, const cJSON *node, void *to)
{
	if (*(uint64_t *)to == ENTERPRISE_REVERSE)
		return decode_fault(d, node, "%d is that of reverse elements (RFC 5103)",
				    ENTERPRISE_REVERSE);
	return 0;
}

#define TIMER(key_, field_, fallback_) \
	DECODE(key_, U64, conf, field_, .min = 1, .max = TIMER_MAX_S, .fallback = fallback_)

static const struct decode_key top_keys[] = {
	DECODE("maxIpfixMessageLen", U64, conf, max_message_len, .min = MESSAGE_MIN,
	       .max = MESSAGE_MAX, .fallback = 1400),
	TIMER("timerTemplateFlushSeconds", template_flush_s, 60),
	TIMER("timerFinishedDrainSeconds", finished_s, 1),
	TIMER("timerForceDrainSeconds", active_s, 60),
	TIMER("idleTimeoutSeconds", idle_s, 15),
	TIMER("timerOptionsSeconds", options_s, 60),
	DECODE("count", CALL, conf, count_all, .call = decode_count),
	DECODE("observationDomainId", U64, conf, domain, .min = 1, .max = UINT32_MAX),
	DECODE("biflow", BOOL, conf, biflow),
	DECODE("enterpriseNumber", U64, conf, enterprise, .min = 1, .max = UINT32_MAX - 1,
	       .fallback = ENTERPRISE_DEFAULT, .call = check_enterprise),
	DECODE("prefixFile", STR, conf, as_file),
	DECODE_WHOLE("meters", decode_meters),
	DECODE_WHOLE("outputs", keys_outputs),
	DECODE_WHOLE("collectors", keys_collectors),
	DECODE_WHOLE("templates", keys_templates),
	DECODE("builtinTemplates", BOOL, conf, builtin_templates),
	DECODE("metrics", CALL, conf, metrics, .call = keys_metrics),
	DECODE_WHOLE("aws", keys_aws),
	DECODE_KEYS_END,
};

/* Does any output speak IPFIX? */
static bool has_collector(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_outputs; i++) {
		if (conf->outputs[i].kind != CONF_LOG)
			return true;
	}
	return false;
}

/* The user's templates come first: of two that carry a record equally well it is theirs. */
static int add_builtin(struct decoder *d, struct conf *conf)
{
	const cJSON *root = d->tree->root;
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(root, "builtinTemplates");
	const cJSON *own = cJSON_GetObjectItemCaseSensitive(root, "templates");

	if (!key)
		conf->builtin_templates = !own;
	if (conf->builtin_templates) {
		int r = keys_add_builtin(conf->templates, conf, profile_default());

		return r == -EINVAL ? decode_fault(d, key, "builtinTemplates: %s", error_message()) : r;
	}
	if (template_set_count(conf->templates) == 0 && has_collector(conf))
		return decode_fault(d, key ? key : own, "templates: there is none for the collectors");
	return 0;
}

static int check_set_fits(struct decoder *d, const struct conf *conf, const struct template_set *set,
			  size_t headers)
{
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(d->tree->root, "maxIpfixMessageLen");

	if (!key)
		key = cJSON_GetObjectItemCaseSensitive(d->tree->root, "templates");
	for (size_t i = 0; i < template_set_count(set); i++) {
		const struct template *t = template_set_get(set, i);
		bool record = t->record_len >= t->template_len;
		size_t need = headers + (record ? t->record_len : t->template_len);

		if (need > conf->max_message_len)
			return decode_fault(d, key,
					    "maxIpfixMessageLen: %llu bytes are too few for %s "
					    "template %u, which needs %zu",
					    (unsigned long long)conf->max_message_len,
					    record ? "a record of" : "the announcement of", t->id,
					    need);
	}
	return 0;
}

DEFINE_CLEANUP(struct template_set, template_set_free)

/* A template and one record of it must fit, each with the headers of message and set, whatever
 * the profile makes of them. NetFlow v9 has a longer header, and sets of whole words. */
static int check_message_len(struct decoder *d, const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_outputs; i++) {
		_cleanup_(template_set_freep) struct template_set *set = NULL;
		const struct conf_output *out = &conf->outputs[i];
		size_t header = out->version == 9 ? NETFLOW9_HEADER_LEN + 3 : IPFIX_HEADER_LEN;
		int r;

		if (out->kind == CONF_LOG)
			continue;
		r = conf_templates_of(conf, out, &set);
		if (r == 0)
			r = check_set_fits(d, conf, set, header + IPFIX_SET_HEADER_LEN);
		if (r < 0)
			return r;
	}
	return 0;
}

int keys_decode(struct decoder *d, struct conf *conf)
{
	int r;

	conf->aws = CONF_AWS_DEFAULT;
	r = decode_map(d, d->tree->root, top_keys, conf);
	if (r == 0 && conf->n_outputs == 0)
		r = decode_fault(d, cJSON_GetObjectItemCaseSensitive(d->tree->root, "outputs"),
				 "outputs: there is none, a collector or a log is needed");
	if (r == 0 && conf->biflow && conf->count_all)
		r = decode_fault(d, cJSON_GetObjectItemCaseSensitive(d->tree->root, "biflow"),
				 "biflow: needs count: once, which tells which way a flow went");
	if (r == 0)
		r = add_builtin(d, conf);
	if (r == 0)
		r = keys_check_netflow9(d, conf);
	return r < 0 ? r : check_message_len(d, conf);
}
