// SPDX-License-Identifier: Apache-2.0
/* Which flowctl this is, what it was built with, and which libbpf it runs with. */
#include <bpf/libbpf.h>
#include <stdio.h>

#include "cmd.h"
#include "config.h"

static int version_run(const void *args, int argc, char **argv)
{
	printf("flowctl %s\nlibbpf %s\n", FLOWCTL_VERSION, libbpf_version_string());
	printf("transports udp, tcp, %s\n",
	       FLOWCTL_TLS ? "tls, sctp" : "sctp (built without TLS)");
	return 0;
}

const struct cmd cmd_version = {
	.name = "version",
	.summary = "print the version of flowctl and of what it uses",
	.run = version_run,
};
