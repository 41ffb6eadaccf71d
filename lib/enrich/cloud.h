/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cloud's metadata service says of this machine and of its network interfaces: asked in
 * a thread of its own, kept, and asked again from time to time. Looking something up asks nobody
 * and never waits. Off the cloud it costs one quiet try at the start.
 */
#ifndef FLOWCTL_ENRICH_CLOUD_H
#define FLOWCTL_ENRICH_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"

enum cloud_enabled {
	CLOUD_AUTO,	/* where there is one; silent where there is none */
	CLOUD_ON,	/* where there is none, it is said, and tried again */
	CLOUD_OFF,
};

struct cloud_options {
	enum cloud_enabled enabled;
	uint64_t refresh_ns;		/* 5 minutes */
	const char *endpoint;		/* borrowed; NULL: of the environment, else the usual ones */
};

struct cloud;

/* Begin to ask. Off (by @options, or AWS_EC2_METADATA_DISABLED), *ret is NULL and 0 returned.
 * Built without libcurl: CLOUD_ON is fail_system(), CLOUD_AUTO as off. */
int cloud_open(const struct cloud_options *options, struct cloud **ret);
/* End the thread, within a second, whatever it waits for. NULL is fine. */
void cloud_close(struct cloud *c);
/*
 * The interface with that MAC (6 octets), or, where none has it, the machine alone (vpc, subnet
 * and interface NULL); NULL as long as nothing is known, and of a NULL @c. What is returned is
 * valid until cloud_close(): what is asked anew never changes or frees what was given away.
 */
const struct record_cloud *cloud_find(struct cloud *c, const uint8_t mac[6]);

#endif
