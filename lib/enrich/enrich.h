/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What packets do not tell and the box knows: routes to a flow's ends, and the autonomous
 * systems of a configured file. Fills struct record_route.
 */
#ifndef FLOWCTL_ENRICH_ENRICH_H
#define FLOWCTL_ENRICH_ENRICH_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/record.h"
#include "ipfix/template.h"

struct enrich_config {
	const struct template_set *templates;	/* whose elements are wanted; not kept */
	const char *prefix_file;	/* lines of PREFIX AS (enrich/prefixes.h), or NULL */
};

struct enrich;

/* Does any template have an element that comes from here? If not, there is no need of it. */
bool enrich_is_wanted(const struct template_set *set);
/* Reads the file: fail_usage() for what is wrong in it, fail(). */
int enrich_new(const struct enrich_config *config, struct enrich **ret);
void enrich_free(struct enrich *e);
/*
 * Fill r->route of a record of the namespace with @cookie. What is not known stays 0. Costs
 * two hash lookups, and where they find nothing a question each to the kernel; a flow over
 * several next hops that its egress interface does not tell apart asks for itself.
 */
void enrich_record(struct enrich *e, uint64_t cookie, struct record *r);
/*
 * Now and again, at least every second: forget what routing changed, let go of namespaces
 * that go. One system call a namespace, and a look for namespaces every few seconds.
 * @now_ns: CLOCK_BOOTTIME.
 */
void enrich_tick(struct enrich *e, uint64_t now_ns);

#endif
