// SPDX-License-Identifier: Apache-2.0
/* What a log of format vpc has beside file and format. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "conf/keys.h"

#define HOUR_S 3600
#define INTERVAL_S 600
#define PERIOD_S 300
#define LINES 262144
#define LINES_MAX (UINT64_C(1) << 26)

void keys_vpc_deinit(struct conf_vpc *vpc)
{
	free(vpc->directory);
	free(vpc->flow_log_id);
	free(vpc->account);
	free(vpc->region);
	for (size_t i = 0; i < vpc->n_interfaces; i++) {
		free(vpc->interfaces[i].iface);
		free(vpc->interfaces[i].id);
	}
	free(vpc->interfaces);
	*vpc = (struct conf_vpc) { 0 };
}

static int decode_fields(struct decoder *d, const cJSON *node, void *to)
{
	if (!cJSON_IsString(node))
		return decode_wrong_type(d, node, "text");
	if (vpc_format_parse(node->valuestring, to) < 0)
		return decode_fault(d, node, "%s", error_message());
	return 0;
}

/* Whole seconds that divide an hour: so every interval begins at a full hour, too. */
static int decode_seconds(struct decoder *d, const cJSON *node, void *to)
{
	uint64_t ns;
	int r = keys_duration(d, node, HOUR_S * NSEC_PER_SEC, &ns);

	if (r < 0)
		return r;
	if (ns % NSEC_PER_SEC || HOUR_S * NSEC_PER_SEC % ns)
		return decode_fault(d, node, "is not a number of seconds that divides an hour (60, 600)");
	*(uint64_t *)to = ns;
	return 0;
}

/* What becomes a part of a path, and a word of a line. */
static int check_word(struct decoder *d, const cJSON *node, void *to)
{
	const char *s = *(char **)to;
	char shown[DECODE_SHOWN_MAX];

	if (s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")])
		return decode_fault(d, node, "'%s' has more than letters, digits, '-' and '_'",
				    decode_shown(s, shown));
	return 0;
}

/* 123456789012 unquoted is a number to YAML; its digits are kept, a leading 0 too. */
static int decode_account(struct decoder *d, const cJSON *node, void *to)
{
	static const struct decode_key key = DECODE("accountId", STR, conf_vpc, account,
						    .call = check_word);
	char **account = to;

	if (!cJSON_IsNumber(node) || !node->valuestring)
		return decode_value(d, node, &key, to);
	*account = strdup(node->valuestring);
	return *account ? check_word(d, node, to) : fail(-ENOMEM, "cannot read '%s'", d->name);
}

static int decode_interface(struct decoder *d, const cJSON *node, struct conf_vpc *vpc)
{
	static const struct decode_key key = DECODE("id", STR, conf_vpc_interface, id,
						    .call = check_word);
	struct conf_vpc_interface *i = &vpc->interfaces[vpc->n_interfaces++];
	size_t at = decode_push(d, ".%s", node->string);
	int r;

	i->iface = strdup(node->string);
	r = i->iface ? decode_value(d, node, &key, &i->id) : fail(-ENOMEM, "cannot read '%s'", d->name);
	decode_pop(d, at);
	return r;
}

static int decode_interfaces(struct decoder *d, const cJSON *node, void *to)
{
	struct conf_vpc *vpc = to;
	const cJSON *member;
	int r = 0;

	if (!cJSON_IsObject(node))
		return decode_wrong_type(d, node, "a mapping");
	vpc->interfaces = calloc(cJSON_GetArraySize(node) + 1, sizeof(*vpc->interfaces));
	if (!vpc->interfaces)
		return fail(-ENOMEM, "cannot read '%s'", d->name);
	cJSON_ArrayForEach(member, node) {
		r = decode_interface(d, member, vpc);
		if (r < 0)
			break;
	}
	return r;
}

static const struct decode_key vpc_keys[] = {
	DECODE("fields", CALL, conf_vpc, format, .call = decode_fields),
	DECODE("header", BOOL, conf_vpc, header),
	DECODE("aggregationInterval", CALL, conf_vpc, interval_ns, .call = decode_seconds),
	DECODE("maxLines", U64, conf_vpc, max_lines, .min = 1, .max = LINES_MAX, .fallback = LINES),
	DECODE("directory", STR, conf_vpc, directory),
	DECODE("gzip", BOOL, conf_vpc, gzip, .fallback = true),
	DECODE("filePeriod", CALL, conf_vpc, period_ns, .call = decode_seconds),
	DECODE("perHourPartition", BOOL, conf_vpc, per_hour),
	DECODE("hivePartitions", BOOL, conf_vpc, hive),
	DECODE("flowLogId", STR, conf_vpc, flow_log_id, .call = check_word),
	DECODE("accountId", CALL, conf_vpc, account, .call = decode_account),
	DECODE("region", STR, conf_vpc, region, .call = check_word),
	DECODE_WHOLE("interfaceIds", decode_interfaces),
	DECODE_KEYS_END,
};

/* Those that nothing can be done with unless there is a directory. */
static const char *const folder_keys[] = {
	"gzip", "filePeriod", "perHourPartition", "hivePartitions", "flowLogId", NULL,
};

const struct decode_key *keys_vpc_rows(size_t *ret_n)
{
	*ret_n = sizeof(vpc_keys) / sizeof(vpc_keys[0]) - 1;
	return vpc_keys;
}

void keys_vpc_init(struct conf_vpc *vpc)
{
	*vpc = (struct conf_vpc) { .interval_ns = INTERVAL_S * NSEC_PER_SEC };
	vpc_format_default(&vpc->format);
}

static int check_unused(struct decoder *d, const cJSON *node)
{
	const cJSON *member;

	for (const struct decode_key *k = vpc_keys; k->type != DECODE_END; k++) {
		member = cJSON_GetObjectItemCaseSensitive(node, k->key);
		if (!member)
			continue;
		decode_push(d, ".%s", k->key);
		return decode_fault(d, member, "belongs to the format vpc");
	}
	return 0;
}

static int check_folder(struct decoder *d, const cJSON *node, struct conf_vpc *vpc)
{
	for (const char *const *k = folder_keys; !vpc->directory && *k; k++) {
		const cJSON *member = cJSON_GetObjectItemCaseSensitive(node, *k);

		if (!member)
			continue;
		decode_push(d, ".%s", *k);
		return decode_fault(d, member, "belongs to a directory, not to a file");
	}
	if (!vpc->period_ns)
		vpc->period_ns = vpc->interval_ns > PERIOD_S * NSEC_PER_SEC ? vpc->interval_ns :
									     PERIOD_S * NSEC_PER_SEC;
	if (vpc->period_ns % vpc->interval_ns)
		return decode_fault(d, node, "filePeriod must be a multiple of aggregationInterval");
	return 0;
}

int keys_vpc_check(struct decoder *d, const cJSON *node, bool is_vpc, struct conf_vpc *vpc)
{
	const cJSON *hooks = cJSON_GetObjectItemCaseSensitive(node, "hooks");

	if (!is_vpc)
		return check_unused(d, node);
	if (!hooks)
		return check_folder(d, node, vpc);
	decode_push(d, ".hooks");
	return decode_fault(d, hooks, "a log of format vpc has none: hooks are given JSON");
}
