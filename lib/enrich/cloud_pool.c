// SPDX-License-Identifier: Apache-2.0
/*
 * Strings and records that were given away stay where they are until the end, so that nobody who
 * has one must ask whether it is still there. The same is kept once, and what a machine is called
 * hardly ever changes: this stays small. It is bounded all the same.
 */
#include <stdlib.h>
#include <string.h>

#include "enrich/cloud_parts.h"

struct pool_string {
	struct pool_string *next;
	char text[];
};

struct pool_record {
	struct pool_record *next;
	struct record_cloud record;
};

static void *take(struct cloud_pool *p, size_t bytes)
{
	void *new = p->bytes + bytes <= CLOUD_POOL_MAX ? calloc(1, bytes) : NULL;

	if (new)
		p->bytes += bytes;
	else
		p->failed = true;
	return new;
}

const char *cloud_pool_string(struct cloud_pool *p, const char *s)
{
	struct pool_string *new;

	if (!s)
		return NULL;
	for (const struct pool_string *at = p->strings; at; at = at->next) {
		if (strcmp(at->text, s) == 0)
			return at->text;
	}
	new = take(p, sizeof(*new) + strlen(s) + 1);
	if (!new)
		return NULL;
	memcpy(new->text, s, strlen(s));
	new->next = p->strings;
	p->strings = new;
	return new->text;
}

const struct record_cloud *cloud_pool_record(struct cloud_pool *p, const struct record_cloud *r)
{
	struct pool_record *new;

	for (const struct pool_record *at = p->records; at; at = at->next) {
		if (memcmp(&at->record, r, sizeof(*r)) == 0)
			return &at->record;
	}
	new = take(p, sizeof(*new));
	if (!new)
		return NULL;
	new->record = *r;
	new->next = p->records;
	p->records = new;
	return &new->record;
}

void cloud_pool_deinit(struct cloud_pool *p)
{
	for (struct pool_string *s = p->strings, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	for (struct pool_record *r = p->records, *next; r; r = next) {
		next = r->next;
		free(r);
	}
	*p = (struct cloud_pool) { 0 };
}
