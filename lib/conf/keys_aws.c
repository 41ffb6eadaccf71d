// SPDX-License-Identifier: Apache-2.0
/*
 * aws: whether, how often and where the metadata service of EC2 is asked. Where it
 * is, the environment may say instead, as the AWS SDKs have it; what is wrong here is told here.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "conf/keys.h"

/* Who asks more often learns nothing new. */
#define REFRESH_MIN_NS (1 * NSEC_PER_SEC)
#define REFRESH_MAX_NS (7 * 24 * 3600 * NSEC_PER_SEC)

static int decode_enabled(struct decoder *d, const cJSON *node, void *to)
{
	enum conf_aws_enabled *enabled = to;

	if (cJSON_IsBool(node))
		*enabled = cJSON_IsTrue(node) ? CONF_AWS_ON : CONF_AWS_OFF;
	else if (cJSON_IsString(node) && strcmp(node->valuestring, "auto") == 0)
		*enabled = CONF_AWS_AUTO;
	else
		return decode_fault(d, node, "must be auto, true or false");
	return 0;
}

static int decode_refresh(struct decoder *d, const cJSON *node, void *to)
{
	uint64_t ns;
	int r = keys_duration(d, node, REFRESH_MAX_NS, &ns);

	if (r == 0 && ns < REFRESH_MIN_NS)
		return decode_fault(d, node, "must be 1s at least");
	if (r == 0)
		*(uint64_t *)to = ns;
	return r;
}

static int check_endpoint(struct decoder *d, const cJSON *node, void *to)
{
	if (parse_http_url(*(char **)to) < 0)
		return decode_fault(d, node, "must be a URL (as http://[fd00:ec2::254])");
	return 0;
}

static const struct decode_key aws_keys[] = {
	DECODE("enabled", CALL, conf_aws, enabled, .call = decode_enabled),
	DECODE("refresh", CALL, conf_aws, refresh_ns, .call = decode_refresh),
	DECODE("endpoint", STR, conf_aws, endpoint, .call = check_endpoint),
	DECODE_KEYS_END,
};

int keys_aws(struct decoder *d, const cJSON *node, void *to)
{
	struct conf *conf = to;

	return decode_map(d, node, aws_keys, &conf->aws);
}
