/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cloud's metadata service says of this machine and of its network interfaces: asked in
 * a thread of its own, kept, and asked again from time to time. Looking something up asks nobody
 * and never waits. Off the cloud it costs a look at four small files at the start.
 */
#ifndef FLOWCTL_ENRICH_CLOUD_H
#define FLOWCTL_ENRICH_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "flow/record.h"

enum cloud_enabled {
	CLOUD_AUTO,	/* where there is one; silent where there is none */
	CLOUD_ON,	/* where there is none, it is said, and tried again */
	CLOUD_OFF,
};

struct cloud_options {
	enum cloud_enabled enabled;
	uint64_t refresh_ns;		/* 5 minutes */
	const char *endpoint;		/* borrowed; NULL: the environment's, or the usual ones */
};

struct cloud;

/*
 * Begin to ask, *c being NULL, or go on by other options. Off (by @options, or
 * AWS_EC2_METADATA_DISABLED) a NULL *c stays NULL and 0 is returned; so it is with CLOUD_AUTO where
 * this can be no machine of EC2 and nobody names an endpoint. Built without libcurl, or where it
 * is not installed: CLOUD_ON is fail_system(), CLOUD_AUTO as off. An endpoint or a mode
 * (AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE) that cannot be: fail_usage().
 *
 * What cloud_find() returned stays valid, also when it is off from now on; what is known stays
 * until others answer. After a failure *c goes on as it was.
 */
int cloud_change(struct cloud **c, const struct cloud_options *options);
/* End the thread, within a second, whatever it waits for. NULL is fine. */
void cloud_close(struct cloud *c);
/*
 * The interface with that MAC (6 octets), or, where none has it, the machine alone (vpc, subnet
 * and interface NULL); NULL as long as nothing is known, and of a NULL @c. What is returned is
 * valid until cloud_close(): what is asked anew never changes or frees what was given away.
 */
const struct record_cloud *cloud_find(struct cloud *c, const uint8_t mac[6]);

/* Wait for the first answer, or trouble, but not longer. NULL is fine. */
void cloud_wait(struct cloud *c, uint64_t timeout_ns);

enum cloud_news {
	CLOUD_NO_NEWS,
	CLOUD_KNOWN,	/* it answered, for the first time or after trouble */
	CLOUD_CHANGED,	/* and says something else than before */
	CLOUD_TROUBLE,
	CLOUD_QUIET,	/* trouble nobody wants to hear of: CLOUD_AUTO, and never was anything known */
};
/*
 * What happened since the last call, as a sentence appended to @out; the same trouble is told once.
 * NULL is fine, and no news.
 */
enum cloud_news cloud_news(struct cloud *c, struct strbuf *out);
/* Everything that is known, a line an interface, appended to @out. NULL is fine. */
void cloud_describe(struct cloud *c, struct strbuf *out);

#endif
