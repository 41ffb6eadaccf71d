// SPDX-License-Identifier: Apache-2.0
/*
 * Names of hosts for logs with `resolve: true`. A flow is held for some seconds at least before it
 * is exported: asked for when it is new, its names are there when it leaves. Nothing waits for
 * them; what is not known by then has none.
 */
#include "agent/internal.h"

#include "base/clock.h"
#include "flow/field_name.h"

/* New: begun since the sweep before the last. */
#define NEW_NS (2 * NSEC_PER_SEC)

static bool is_wanted(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_outputs; i++) {
		if (conf->outputs[i].resolve)
			return true;
	}
	return false;
}

int names_open(struct hostnames **h, const struct conf *conf)
{
	const struct hostname_options options = { 0 };
	int r;

	if (*h || !is_wanted(conf))
		return 0;
	r = hostname_new(&options, h);
	if (r == 0)
		field_set_resolver(hostname_resolve, *h);
	return r;
}

void names_expect(const struct batch *b, const struct store_entry *e)
{
	char name[HOSTNAME_MAX];

	if (!b->agent->hostnames || e->part.first_ns + NEW_NS < b->now_ns)
		return;
	hostname_get(b->agent->hostnames, e->key.family, e->key.src, name, sizeof(name));
	hostname_get(b->agent->hostnames, e->key.family, e->key.dst, name, sizeof(name));
}

void names_close(struct hostnames *h)
{
	field_set_resolver(NULL, NULL);
	hostname_free(h);
}
