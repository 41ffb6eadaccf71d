// SPDX-License-Identifier: Apache-2.0
/* metrics: where the Prometheus endpoint listens, and what is measured for it alone. */
#include "conf/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

static int check_listen(struct decoder *d, const cJSON *node, void *to)
{
	struct parse_endpoint e;

	if (parse_endpoint(*(char **)to, &e) < 0 || !e.port || parse_host(e.host) <= 0 ||
	    strchr(e.host, '%'))
		return decode_fault(d, node, "must be an address and a port (127.0.0.1:9999)");
	return 0;
}

/* "1/1000": a packet of so many; or that number alone. */
static int decode_forward(struct decoder *d, const cJSON *node, void *to)
{
	const char *s = node->valuestring;

	if (cJSON_IsFalse(node))
		return 0;
	if (!cJSON_IsString(node) && !cJSON_IsNumber(node))
		return decode_wrong_type(d, node, "a share of packets (as 1/1000)");
	if (strncmp(s, "1/", 2) == 0)
		s += 2;
	if (parse_u64(s, CONF_FORWARD_MAX, to) < 0 || !*(uint64_t *)to)
		return decode_fault(d, node, "must be a share of packets, 1/1 to 1/%d",
				    CONF_FORWARD_MAX);
	return 0;
}

static const struct decode_key metrics_keys[] = {
	DECODE("listen", STR, conf_metrics, listen, .required = true, .call = check_listen),
	DECODE("forwardingLatency", CALL, conf_metrics, forward, .call = decode_forward),
	DECODE("rtt", BOOL, conf_metrics, rtt),
	DECODE_KEYS_END,
};

int keys_metrics(struct decoder *d, const cJSON *node, void *to)
{
	return decode_map(d, node, metrics_keys, to);
}
