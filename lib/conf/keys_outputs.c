// SPDX-License-Identifier: Apache-2.0
/*
 * outputs: and the older collectors:. Addresses are checked here as far as they can be
 * without asking anybody: a name may not resolve yet, a malformed one never will.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "conf/keys.h"
#include "ipfix/pace.h"

static const char *const transports[] = { "udp", NULL };
static const char *const later_transports[] = { "tcp", "tls", "sctp", "dtls", NULL };
static const char *const formats[] = { "json", NULL };
static const char *const later_formats[] = { "text", "vpc", NULL };

/* 4, 6, or 0 for what is no address. */
static int address_family(const char *host)
{
	unsigned char buf[16];
	char addr[64];
	size_t len = strcspn(host, "%");	/* fe80::1%eth0 */

	if (inet_pton(AF_INET, host, buf) == 1)
		return 4;
	if (len >= sizeof(addr))
		return 0;
	memcpy(addr, host, len);
	addr[len] = '\0';
	return inet_pton(AF_INET6, addr, buf) == 1 ? 6 : 0;
}

/* A host name; one of digits and dots alone would be a mistyped address. */
static bool is_name(const char *host)
{
	return !host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")] &&
	       host[strspn(host, "0123456789.")] && host[0] != '-' && host[0] != '.';
}

static int check_remote(struct decoder *d, const cJSON *node, void *to)
{
	struct parse_endpoint e;
	char shown[DECODE_SHOWN_MAX];
	const char *s = *(char **)to;

	decode_shown(s, shown);
	if (parse_endpoint(s, &e) < 0)
		return decode_fault(d, node,
				    "'%s' is not HOST:PORT (as 192.0.2.1:4739 or "
				    "\"[2001:db8::1]:4739\")", shown);
	if (e.port == 0)
		return decode_fault(d, node, "'%s' has the port 0", shown);
	if (!address_family(e.host) && (s[0] == '[' || !is_name(e.host)))
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

struct collector_keys {
	char *remote, *address, *local;
	int transport;
	uint64_t max_bytes_per_s;
};

#define BYTES_PER_S_MAX (100 * UINT64_C(1000000000))

static const struct decode_key collector_keys[] = {
	DECODE("remoteAddress", STR, collector_keys, remote, .required = true,
	       .call = check_remote),
	DECODE("localAddress", STR, collector_keys, local, .call = check_local),
	DECODE("transport", CHOICE, collector_keys, transport, .words = transports,
	       .later = later_transports),
	DECODE("maxBytesPerSecond", U64, collector_keys, max_bytes_per_s, .max = BYTES_PER_S_MAX,
	       .fallback = PACE_AUTO),
	DECODE_KEYS_END,
};

static const struct decode_key old_collector_keys[] = {
	DECODE("remoteAddress", STR, collector_keys, remote, .call = check_remote),
	DECODE("address", STR, collector_keys, address, .call = check_remote),
	DECODE("localAddress", STR, collector_keys, local, .call = check_local),
	DECODE_KEYS_END,
};

static void collector_keys_deinit(struct collector_keys *k)
{
	free(k->remote);
	free(k->address);
	free(k->local);
}

static int add_output(struct decoder *d, struct conf *conf, const struct conf_output *output)
{
	struct conf_output *p = reallocarray(conf->outputs, conf->n_outputs + 1, sizeof(*p));

	if (!p)
		return fail(-ENOMEM, "cannot read '%s'", d->name);
	conf->outputs = p;
	p[conf->n_outputs++] = *output;
	return 0;
}

/* 0.0.0.0:0 and [::]:0 ask for nothing, whatever the family of the other end. */
static bool is_any(const char *local)
{
	return strcmp(local, "0.0.0.0:0") == 0 || strcmp(local, "[::]:0") == 0;
}

static int add_collector(struct decoder *d, const cJSON *node, struct conf *conf,
			 struct collector_keys *k)
{
	struct conf_output output = { .kind = CONF_COLLECTOR };
	struct parse_endpoint remote, local;
	int r;

	if (k->local && is_any(k->local)) {
		free(k->local);
		k->local = NULL;
	}
	if (k->local && parse_endpoint(k->remote, &remote) == 0 &&
	    parse_endpoint(k->local, &local) == 0 && address_family(remote.host) &&
	    address_family(remote.host) != address_family(local.host))
		return decode_fault(d, node,
				    "remoteAddress and localAddress are not of one address family");
	output.remote = k->remote;
	output.local = k->local;
	output.max_bytes_per_s = k->max_bytes_per_s;
	r = add_output(d, conf, &output);
	if (r == 0)
		k->remote = k->local = NULL;
	return r;
}

static int decode_collector(struct decoder *d, const cJSON *node, void *to)
{
	_cleanup_(collector_keys_deinit) struct collector_keys k = { 0 };
	int r = decode_map(d, node, collector_keys, &k);

	return r < 0 ? r : add_collector(d, node, to, &k);
}

static int decode_old_collector(struct decoder *d, const cJSON *node, void *to)
{
	_cleanup_(collector_keys_deinit) struct collector_keys k = { .max_bytes_per_s = PACE_AUTO };
	int r = decode_map(d, node, old_collector_keys, &k);

	if (r < 0)
		return r;
	if (!k.remote == !k.address)
		return decode_fault(d, node, k.remote ? "remoteAddress and address mean the same, give one" :
							"'remoteAddress' is missing");
	if (k.address)
		k.remote = take_ptr(k.address);
	return add_collector(d, node, to, &k);
}

struct log_keys {
	char *file;
	int format;
};

static int later_fields(struct decoder *d, const cJSON *node, void *to)
{
	return decode_fault(d, node,
			    "belongs to the format vpc, which is not in this version of flowctl");
}

static int later_hooks(struct decoder *d, const cJSON *node, void *to)
{
	if (cJSON_IsArray(node) && cJSON_GetArraySize(node) == 0)
		return 0;
	return decode_fault(d, node, "hooks are not in this version of flowctl");
}

static const struct decode_key log_keys[] = {
	DECODE("file", STR, log_keys, file, .required = true),
	DECODE("format", CHOICE, log_keys, format, .words = formats, .later = later_formats),
	DECODE_WHOLE("fields", later_fields),
	DECODE_WHOLE("hooks", later_hooks),
	DECODE_KEYS_END,
};

static int decode_log(struct decoder *d, const cJSON *node, void *to)
{
	struct log_keys k = { 0 };
	int r = decode_map(d, node, log_keys, &k);

	if (r == 0)
		r = add_output(d, to, &(struct conf_output) { .kind = CONF_LOG, .file = k.file });
	if (r < 0)
		free(k.file);
	return r;
}

static const struct decode_key output_keys[] = {
	DECODE_WHOLE("collector", decode_collector),
	DECODE_WHOLE("log", decode_log),
	DECODE_KEYS_END,
};

static int decode_output(struct decoder *d, const cJSON *node, void *to)
{
	int r = decode_map(d, node, output_keys, to);

	if (r == 0 && cJSON_GetArraySize(node) != 1)
		return decode_fault(d, node, "must be either a collector or a log");
	return r;
}

int keys_outputs(struct decoder *d, const cJSON *node, void *to)
{
	return decode_list(d, node, decode_output, to);
}

int keys_collectors(struct decoder *d, const cJSON *node, void *to)
{
	return decode_list(d, node, decode_old_collector, to);
}
