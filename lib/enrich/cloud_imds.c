// SPDX-License-Identifier: Apache-2.0
/*
 * The instance metadata service of EC2, version 2 (EC2 user guide, "Use the Instance Metadata
 * Service"): a token first, then a document of the machine and an item a question of each of its
 * interfaces. What it has not (404) is not known. Whatever else goes wrong ends the asking as a
 * whole, so that nobody is given half of it.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "enrich/cloud_parts.h"

#define TOKEN_PATH "/latest/api/token"
#define DOCUMENT_PATH "/latest/dynamic/instance-identity/document"
#define ZONE_ID_PATH "/latest/meta-data/placement/availability-zone-id"
#define MACS_PATH "/latest/meta-data/network/interfaces/macs/"

/* As long as there may be; renewed at half of it. */
#define TOKEN_TTL_S 21600
#define STRINGIFY_(x_) #x_
#define STRINGIFY(x_) STRINGIFY_(x_)
#define TOKEN_HEADER "X-aws-ec2-metadata-token"
#define TTL_HEADER TOKEN_HEADER "-ttl-seconds: " STRINGIFY(TOKEN_TTL_S)

#define REQUEST_NS (2 * NSEC_PER_SEC)
#define ALL_NS (20 * NSEC_PER_SEC)
#define ALL_BYTES (512 * 1024)

struct document_item {
	const struct value_rule *rule;
	size_t offset;
};

static const struct document_item document_items[] = {
	{ &value_account, offsetof(struct imds_facts, account) },
	{ &value_instance, offsetof(struct imds_facts, instance) },
	{ &value_region, offsetof(struct imds_facts, region) },
	{ &value_zone, offsetof(struct imds_facts, az) },
};

static const struct interface_item {
	const char *name;
	size_t offset;
	const struct value_rule *rule;	/* or addresses of: */
	int family;
} interface_items[] = {
	{ "interface-id", offsetof(struct imds_interface, interface), &value_interface },
	{ "subnet-id", offsetof(struct imds_interface, subnet), &value_subnet },
	{ "vpc-id", offsetof(struct imds_interface, vpc), &value_vpc },
	{ "owner-id", offsetof(struct imds_interface, owner), &value_account },
	{ "device-number", offsetof(struct imds_interface, device), &value_device },
	{ "local-ipv4s", offsetof(struct imds_interface, ipv4s), NULL, AF_INET },
	{ "ipv6s", offsetof(struct imds_interface, ipv6s), NULL, AF_INET6 },
};

static char **string_at(void *base, size_t offset)
{
	return (char **)((char *)base + offset);
}

static void forget(struct imds_interface *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(interface_items); i++)
		free(*string_at(v, interface_items[i].offset));
	*v = (struct imds_interface) { 0 };
}

void imds_facts_deinit(struct imds_facts *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(document_items); i++)
		free(*string_at(f, document_items[i].offset));
	free(f->az_id);
	for (size_t i = 0; i < f->n; i++)
		forget(&f->v[i]);
	free(f->v);
	*f = (struct imds_facts) { 0 };
}

static int keep(const char *s, char **ret)
{
	*ret = strdup(s);
	return *ret ? 0 : fail(-ENOMEM, "cannot keep what the metadata service says");
}

/* One request at the endpoint that is at hand. */
static int ask(struct imds *s, bool put, const char *path, const char *header, struct strbuf *body,
	       long *ret_status)
{
	const char *endpoint = s->settings->endpoints[s->at];
	uint64_t now = clock_boot_ns(), left = now < s->deadline_ns ? s->deadline_ns - now : 0;
	_cleanup_(strbuf_deinit) struct strbuf url = STRBUF_NULL;
	int r;

	strbuf_printf(&url, "%s%s", endpoint, path);
	if (url.failed)
		return fail(-ENOMEM, "cannot ask the metadata service");
	const struct cloud_request q = {
		.put = put, .url = url.data, .header = header,
		.timeout_ns = left < REQUEST_NS ? left : REQUEST_NS,
	};

	if (left)
		r = cloud_http_ask(s->http, &q, body, ret_status);
	else
		r = fail_plain(-ETIMEDOUT, "takes too long to answer");
	if (r == 0 && strlen(strbuf_str(body)) != body->len)
		r = fail_plain(-EPROTO, "answers with something that is no text");
	if (r == 0 && body->len > s->budget)
		r = fail_plain(-EPROTO, "answers with more than it should");
	if (r < 0)
		return fail_context(r, "the metadata service %s: %s", endpoint, path);
	s->budget -= body->len;
	return 0;
}

static int bad_status(const struct imds *s, const char *path, long status)
{
	return fail_plain(-EPROTO, "the metadata service %s: %s: %s (status %ld)",
			  s->settings->endpoints[s->at], path,
			  status == 403 ? "it is switched off, or not for us" :
			  status == 401 ? "it refuses the token it has just given" :
			  status == 404 ? "it has no such thing" : "it gives no answer", status);
}

static int bad_value(const struct imds *s, const char *path)
{
	return fail_plain(-EPROTO, "the metadata service %s: %s: that is no answer",
			  s->settings->endpoints[s->at], path);
}

static int take_token(struct imds *s)
{
	_cleanup_(strbuf_deinit) struct strbuf body = STRBUF_NULL;
	long status = 0;
	int r;

	r = ask(s, true, TOKEN_PATH, TTL_HEADER, &body, &status);
	if (r < 0)
		return r;
	if (status != 200)
		return bad_status(s, TOKEN_PATH, status);
	if (!body.len || !value_is_good(&value_token, body.data))
		return bad_value(s, TOKEN_PATH);
	snprintf(s->token, sizeof(s->token), "%s", body.data);
	s->token_until_ns = clock_boot_ns() + TOKEN_TTL_S / 2 * NSEC_PER_SEC;
	return 0;
}

/* Where nobody is the next endpoint is tried; if nobody is anywhere, it is told of the first. */
static int find_token(struct imds *s)
{
	struct error_kept first;
	int r = -EHOSTUNREACH;

	if (s->token[0] && clock_boot_ns() < s->token_until_ns)
		return 0;
	for (size_t i = 0; r == -EHOSTUNREACH && i < s->settings->n; i++) {
		r = take_token(s);
		if (r != -EHOSTUNREACH)
			break;
		if (i == 0)
			error_keep(&first);
		s->at = (s->at + 1) % s->settings->n;
	}
	if (r == -EHOSTUNREACH)
		error_restore(&first);
	return r;
}

static int ask_with_token(struct imds *s, const char *path, struct strbuf *body, long *ret_status)
{
	char header[sizeof(TOKEN_HEADER ": ") + IMDS_TOKEN_MAX];
	int r = find_token(s);

	if (r < 0)
		return r;
	snprintf(header, sizeof(header), TOKEN_HEADER ": %s", s->token);
	r = ask(s, false, path, header, body, ret_status);
	if (r == -EHOSTUNREACH || (r == 0 && *ret_status == 401))
		s->token[0] = '\0';
	return r;
}

/* *ret_found false: there is none. A token that has become old is renewed once an asking. */
static int get(struct imds *s, const char *path, struct strbuf *body, bool *ret_found)
{
	long status = 0;
	int r = ask_with_token(s, path, body, &status);

	if (r == 0 && status == 401 && !s->renewed) {
		s->renewed = true;
		r = ask_with_token(s, path, body, &status);
	}
	if (r < 0)
		return r;
	if (status != 200 && status != 404)
		return bad_status(s, path, status);
	*ret_found = status == 200;
	return 0;
}

/* A value, or addresses of @family where there is no @rule. */
static int get_value(struct imds *s, const char *path, const struct value_rule *rule, int family,
		     char **ret)
{
	_cleanup_(strbuf_deinit) struct strbuf body = STRBUF_NULL;
	bool found, good;
	int r = get(s, path, &body, &found);

	if (r < 0 || !found)
		return r;
	if (!body.len)
		return rule ? bad_value(s, path) : 0;
	good = rule ? value_is_good(rule, body.data) : value_join_addresses(family, body.data);
	return good ? keep(body.data, ret) : bad_value(s, path);
}

static int take_item(struct imds *s, const cJSON *root, const struct document_item *item,
		     struct imds_facts *f)
{
	const cJSON *node = cJSON_GetObjectItemCaseSensitive(root, item->rule->name);

	if (!node || cJSON_IsNull(node))
		return 0;
	if (!cJSON_IsString(node) || !value_is_good(item->rule, node->valuestring))
		return bad_value(s, DOCUMENT_PATH);
	return keep(node->valuestring, string_at(f, item->offset));
}

DEFINE_CLEANUP(cJSON, cJSON_Delete)

static int ask_document(struct imds *s, struct imds_facts *f)
{
	_cleanup_(strbuf_deinit) struct strbuf body = STRBUF_NULL;
	_cleanup_(cJSON_Deletep) cJSON *root = NULL;
	bool found;
	int r = get(s, DOCUMENT_PATH, &body, &found);

	if (r < 0 || !found)
		return r;
	root = cJSON_ParseWithOpts(strbuf_str(&body), NULL, true);
	if (!cJSON_IsObject(root))
		return bad_value(s, DOCUMENT_PATH);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(document_items); i++)
		r = take_item(s, root, &document_items[i], f);
	return r;
}

static int ask_interface(struct imds *s, const char *mac, struct imds_interface *v)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(interface_items); i++) {
		const struct interface_item *item = &interface_items[i];
		char path[sizeof(MACS_PATH) + 64];

		snprintf(path, sizeof(path), MACS_PATH "%.17s/%s", mac, item->name);
		r = get_value(s, path, item->rule, item->family, string_at(v, item->offset));
	}
	return r;
}

/* One that went meanwhile: nothing is known of it. */
static bool is_gone(const struct imds_interface *v)
{
	return !v->interface && !v->subnet && !v->vpc && !v->owner;
}

static int ask_listed(struct imds *s, char *list, struct imds_facts *f)
{
	int r = 0;

	for (char *line = list, *end; r == 0 && *line; line = end) {
		struct imds_interface *v = &f->v[f->n];

		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		if (f->n == IMDS_INTERFACES_MAX || !value_parse_mac(line, v->mac))
			return bad_value(s, MACS_PATH);
		f->n++;
		r = ask_interface(s, line, v);
		if (r == 0 && is_gone(v)) {
			forget(v);
			f->n--;
		}
	}
	return r;
}

static int ask_interfaces(struct imds *s, struct imds_facts *f)
{
	_cleanup_(strbuf_deinit) struct strbuf body = STRBUF_NULL;
	bool found;
	int r = get(s, MACS_PATH, &body, &found);

	if (r < 0 || !found || !body.len)
		return r;
	f->v = calloc(IMDS_INTERFACES_MAX, sizeof(*f->v));
	if (!f->v)
		return fail(-ENOMEM, "cannot keep what the metadata service says");
	return ask_listed(s, body.data, f);
}

static int check_any(const struct imds *s, const struct imds_facts *f)
{
	if (f->account || f->instance || f->region || f->az || f->az_id || f->n)
		return 0;
	return bad_status(s, "/latest", 404);
}

int imds_ask(struct imds *s, struct imds_facts *ret)
{
	_cleanup_(imds_facts_deinit) struct imds_facts f = { 0 };
	int r;

	s->deadline_ns = clock_boot_ns() + ALL_NS;
	s->budget = ALL_BYTES;
	s->renewed = false;
	r = ask_document(s, &f);
	if (r == 0)
		r = get_value(s, ZONE_ID_PATH, &value_zone_id, 0, &f.az_id);
	if (r == 0)
		r = ask_interfaces(s, &f);
	if (r == 0)
		r = check_any(s, &f);
	if (r < 0)
		return r;
	*ret = f;
	f = (struct imds_facts) { 0 };
	return 0;
}
