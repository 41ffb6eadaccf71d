// SPDX-License-Identifier: Apache-2.0
/*
 * outputs[].collector, and the older collectors:. Addresses are checked here as far as they
 * can be without asking anybody: a name may not resolve yet, a malformed one never will.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "conf/keys.h"
#include "ipfix/pace.h"

static const char *const transports[] = {
	[CONF_UDP] = "udp", [CONF_TCP] = "tcp", [CONF_TLS] = "tls", [CONF_SCTP] = "sctp", NULL,
};
static const char *const versions[] = { "ipfix", "netflow9", NULL };

/* 4, 6, or 0 for what is no address. */
static int address_family(const char *host)
{
	int family = parse_host(host);

	return family < 0 ? 0 : family;
}

static int check_remote(struct decoder *d, const cJSON *node, void *to)
{
	struct parse_endpoint e;
	char shown[DECODE_SHOWN_MAX];
	const char *s = *(char **)to;
	int family;

	decode_shown(s, shown);
	if (parse_endpoint(s, &e) < 0)
		return decode_fault(d, node,
				    "'%s' is not HOST:PORT (as 192.0.2.1:4739 or "
				    "\"[2001:db8::1]:4739\")", shown);
	if (e.port == 0)
		return decode_fault(d, node, "'%s' has the port 0", shown);
	family = parse_host(e.host);
	if (family < 0 || (s[0] == '[' && family != 6))
		return decode_fault(d, node, "'%s' has neither an address nor a host's name",
				    shown);
	return 0;
}

static int check_local(struct decoder *d, const cJSON *node, void *to)
{
	struct parse_endpoint e;
	char shown[DECODE_SHOWN_MAX];
	const char *s = *(char **)to;

	if (parse_endpoint(s, &e) < 0 || !address_family(e.host))
		return decode_fault(d, node,
				    "'%s' is not ADDRESS:PORT (as 192.0.2.1:0 or \"[2001:db8::1]:0\")",
				    decode_shown(s, shown));
	return 0;
}

static const struct decode_key tls_keys[] = {
	DECODE("ca", STR, conf_tls, ca),
	DECODE("certificate", STR, conf_tls, certificate),
	DECODE("key", STR, conf_tls, key),
	DECODE("serverName", STR, conf_tls, server_name),
	DECODE_KEYS_END,
};

/* One without the other is of no use. */
static int decode_tls(struct decoder *d, const cJSON *node, void *to)
{
	struct conf_tls *tls = to;
	int r = decode_map(d, node, tls_keys, tls);

	if (r == 0 && !tls->certificate != !tls->key)
		return decode_fault(d, node, "certificate and key belong together");
	return r;
}

#define BACKLOG_BYTES (4 << 20)
#define BACKLOG_BYTES_MAX (UINT64_C(1) << 32)
#define BACKLOG_FILE_BYTES (UINT64_C(1) << 30)
#define BACKLOG_FILE_BYTES_MAX (UINT64_C(1) << 44)

static const struct decode_key backlog_keys[] = {
	DECODE("bytes", U64, conf_backlog, bytes, .min = 65536, .max = BACKLOG_BYTES_MAX,
	       .fallback = BACKLOG_BYTES),
	DECODE("file", STR, conf_backlog, file),
	DECODE("fileBytes", U64, conf_backlog, file_bytes, .min = 65536,
	       .max = BACKLOG_FILE_BYTES_MAX, .fallback = BACKLOG_FILE_BYTES),
	DECODE_KEYS_END,
};

static int decode_backlog(struct decoder *d, const cJSON *node, void *to)
{
	struct conf_backlog *backlog = to;
	int r = decode_map(d, node, backlog_keys, backlog);

	if (r == 0 && !backlog->file && cJSON_GetObjectItemCaseSensitive(node, "fileBytes"))
		return decode_fault(d, node, "fileBytes belongs to a file, and none is named");
	return r;
}

struct collector_keys {
	struct conf_output out;
	char *address;		/* the older spelling of remoteAddress */
	int transport, version, profile;
};

#define BYTES_PER_S_MAX (100 * UINT64_C(1000000000))

static const struct decode_key collector_keys[] = {
	DECODE("remoteAddress", STR, collector_keys, out.remote, .required = true,
	       .call = check_remote),
	DECODE("localAddress", STR, collector_keys, out.local, .call = check_local),
	DECODE("transport", CHOICE, collector_keys, transport, .words = transports),
	DECODE("version", CHOICE, collector_keys, version, .words = versions),
	DECODE("profile", CHOICE, collector_keys, profile, .words = profile_names),
	DECODE("maxBytesPerSecond", U64, collector_keys, out.max_bytes_per_s,
	       .max = BYTES_PER_S_MAX, .fallback = PACE_AUTO),
	DECODE("group", STR, collector_keys, out.group),
	DECODE("tls", CALL, collector_keys, out.tls, .call = decode_tls),
	DECODE("backlog", CALL, collector_keys, out.backlog, .call = decode_backlog),
	DECODE_KEYS_END,
};

static const struct decode_key old_collector_keys[] = {
	DECODE("remoteAddress", STR, collector_keys, out.remote, .call = check_remote),
	DECODE("address", STR, collector_keys, address, .call = check_remote),
	DECODE("localAddress", STR, collector_keys, out.local, .call = check_local),
	DECODE_KEYS_END,
};

#define COLLECTOR_KEYS_INIT { .out = {                                                     \
	.kind = CONF_COLLECTOR, .max_bytes_per_s = PACE_AUTO,                              \
	.backlog = { .bytes = BACKLOG_BYTES, .file_bytes = BACKLOG_FILE_BYTES } } }

static void collector_keys_deinit(struct collector_keys *k)
{
	conf_output_deinit(&k->out);
	free(k->address);
}

/* 0.0.0.0:0 and [::]:0 ask for nothing, whatever the family of the other end. */
static bool is_any(const char *local)
{
	return strcmp(local, "0.0.0.0:0") == 0 || strcmp(local, "[::]:0") == 0;
}

static bool families_differ(const struct conf_output *out)
{
	struct parse_endpoint remote, local;

	return out->local && parse_endpoint(out->remote, &remote) == 0 &&
	       parse_endpoint(out->local, &local) == 0 && address_family(remote.host) &&
	       address_family(remote.host) != address_family(local.host);
}

/* Keys that say nothing with the transport that was chosen. */
static int check_transport(struct decoder *d, const cJSON *node, const struct conf_output *out)
{
	static const struct {
		const char *key;
		unsigned transports;	/* a bit each */
		const char *of;
	} rules[] = {
		{ "maxBytesPerSecond", 1 << CONF_UDP, "udp" },
		{ "backlog", 1 << CONF_TCP | 1 << CONF_TLS | 1 << CONF_SCTP, "tcp, tls or sctp" },
		{ "tls", 1 << CONF_TLS, "tls" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const cJSON *key = cJSON_GetObjectItemCaseSensitive(node, rules[i].key);

		if (!key || rules[i].transports & 1 << out->transport)
			continue;
		decode_push(d, ".%s", rules[i].key);
		return decode_fault(d, key, "belongs to transport: %s", rules[i].of);
	}
	if (out->version == 9 && out->transport != CONF_UDP) {
		decode_push(d, ".version");
		return decode_fault(d, cJSON_GetObjectItemCaseSensitive(node, "version"),
				    "netflow9 goes over udp only");
	}
	return 0;
}

static int add_collector(struct decoder *d, const cJSON *node, struct conf *conf,
			 struct collector_keys *k)
{
	struct conf_output *out = &k->out;
	int r;

	if (out->local && is_any(out->local)) {
		free(out->local);
		out->local = NULL;
	}
	if (families_differ(out))
		return decode_fault(d, node,
				    "remoteAddress and localAddress are not of one address family");
	out->transport = (enum conf_transport)k->transport;
	out->version = k->version ? 9 : 10;
	out->profile = profile_find(profile_names[k->profile]);
	r = check_transport(d, node, out);
	return r < 0 ? r : keys_add_output(d, conf, out);
}

int keys_collector(struct decoder *d, const cJSON *node, void *to)
{
	_cleanup_(collector_keys_deinit) struct collector_keys k = COLLECTOR_KEYS_INIT;
	int r = decode_map(d, node, collector_keys, &k);

	return r < 0 ? r : add_collector(d, node, to, &k);
}

static int decode_old_collector(struct decoder *d, const cJSON *node, void *to)
{
	_cleanup_(collector_keys_deinit) struct collector_keys k = COLLECTOR_KEYS_INIT;
	int r = decode_map(d, node, old_collector_keys, &k);

	if (r < 0)
		return r;
	if (!k.out.remote == !k.address)
		return decode_fault(d, node, k.out.remote ? "remoteAddress and address mean the same, give one" :
							    "'remoteAddress' is missing");
	if (k.address)
		k.out.remote = take_ptr(k.address);
	return add_collector(d, node, to, &k);
}

int keys_collectors(struct decoder *d, const cJSON *node, void *to)
{
	return decode_list(d, node, decode_old_collector, to);
}
