// SPDX-License-Identifier: Apache-2.0
/* metrics: in the configuration. */
#include <errno.h>

#include "base/error.h"
#include "conf/conf.h"
#include "test.h"

#define OUT "outputs: [{log: {file: stdout}}]\n"

TEST(metrics_are_off_unless_they_are_wanted)
{
	static const struct {
		const char *text;
		const char *listen;
		uint64_t forward;
	} good[] = {
		{ OUT, NULL, 0 },
		{ OUT "metrics: {listen: '[::1]:9999'}\n", "[::1]:9999", 0 },
		{ OUT "metrics: {listen: '0.0.0.0:1', forwardingLatency: 1/1000}\n", "0.0.0.0:1", 1000 },
		{ OUT "metrics: {listen: '0.0.0.0:1', forwardingLatency: 100}\n", "0.0.0.0:1", 100 },
		{ OUT "metrics: {listen: '0.0.0.0:1', forwardingLatency: false}\n", "0.0.0.0:1", 0 },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct conf *c = NULL;

		CHECK(conf_parse("c.yaml", good[i].text, strlen(good[i].text), &c) == 0);
		CHECK(!c->metrics.listen == !good[i].listen);
		if (c->metrics.listen)
			CHECK_STR(c->metrics.listen, good[i].listen);
		CHECK(c->metrics.forward == good[i].forward && !c->metrics.rtt);
		conf_free(c);
	}
}

static const struct {
	const char *text, *message;
} faults[] = {
	{ OUT "metrics: {rtt: true}\n", "c.yaml:2: metrics: 'listen' is missing" },
	{ OUT "metrics: {listen: 9999}\n",
	  "c.yaml:2: metrics.listen: must be text, not a number" },
	{ OUT "metrics: {listen: 'localhost:9999'}\n",
	  "c.yaml:2: metrics.listen: must be an address and a port (127.0.0.1:9999)" },
	{ OUT "metrics: {listen: '::1:9999'}\n",
	  "c.yaml:2: metrics.listen: must be an address and a port (127.0.0.1:9999)" },
	/* A port of the kernel's choice would be known to nobody. */
	{ OUT "metrics: {listen: '127.0.0.1:0'}\n",
	  "c.yaml:2: metrics.listen: must be an address and a port (127.0.0.1:9999)" },
	{ OUT "metrics:\n  listen: '[::1]:9999'\n  forwardingLatency: often\n",
	  "c.yaml:4: metrics.forwardingLatency: must be a share of packets, 1/1 to 1/1000000" },
	{ OUT "metrics:\n  listen: '[::1]:9999'\n  forwardingLatency: 1/0\n",
	  "c.yaml:4: metrics.forwardingLatency: must be a share of packets, 1/1 to 1/1000000" },
	{ OUT "metrics:\n  listen: '[::1]:9999'\n  forwardingLatency: true\n",
	  "c.yaml:4: metrics.forwardingLatency: must be a share of packets (as 1/1000), not true or false" },
};

TEST(every_fault_has_its_sentence)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct conf *c = NULL;

		error_clear();
		CHECK(conf_parse("c.yaml", faults[i].text, strlen(faults[i].text), &c) == -EINVAL);
		CHECK_STR(error_message(), faults[i].message);
	}
}
