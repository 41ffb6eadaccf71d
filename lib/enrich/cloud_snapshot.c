// SPDX-License-Identifier: Apache-2.0
/*
 * From what the service said to what records are given. The account is that of the interface's
 * owner, as VPC flow logs have it, and may be another than the machine's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "enrich/cloud_parts.h"

static const struct record_cloud *machine_of(const struct imds_facts *f, struct cloud_pool *pool)
{
	const struct record_cloud r = {
		.account = cloud_pool_string(pool, f->account),
		.instance = cloud_pool_string(pool, f->instance),
		.az = cloud_pool_string(pool, f->az),
		.az_id = cloud_pool_string(pool, f->az_id),
		.region = cloud_pool_string(pool, f->region),
	};

	return cloud_pool_record(pool, &r);
}

static const struct record_cloud *interface_of(const struct imds_interface *i,
					       const struct record_cloud *machine,
					       struct cloud_pool *pool)
{
	struct record_cloud r = *machine;

	if (i->owner)
		r.account = cloud_pool_string(pool, i->owner);
	r.vpc = cloud_pool_string(pool, i->vpc);
	r.subnet = cloud_pool_string(pool, i->subnet);
	r.interface = cloud_pool_string(pool, i->interface);
	return cloud_pool_record(pool, &r);
}

static const char *shown(const char *s)
{
	return s && *s ? s : "-";
}

static void describe(const struct imds_facts *f, struct strbuf *out)
{
	strbuf_printf(out, "instance %s, account %s, region %s, zone %s (%s)\n", shown(f->instance),
		      shown(f->account), shown(f->region), shown(f->az), shown(f->az_id));
	for (size_t i = 0; i < f->n; i++) {
		const struct imds_interface *v = &f->v[i];
		const uint8_t *m = v->mac;

		strbuf_printf(out, "%02x:%02x:%02x:%02x:%02x:%02x is %s, device %s, ", m[0], m[1], m[2],
			      m[3], m[4], m[5], shown(v->interface), shown(v->device));
		strbuf_printf(out, "%s, %s, account %s, addresses %s %s\n", shown(v->subnet),
			      shown(v->vpc), shown(v->owner), shown(v->ipv4s), shown(v->ipv6s));
	}
}

DEFINE_CLEANUP(struct cloud_snapshot, cloud_snapshot_free)

int cloud_snapshot_new(const struct imds_facts *facts, struct cloud_pool *pool,
		       struct cloud_snapshot **ret)
{
	_cleanup_(cloud_snapshot_freep) struct cloud_snapshot *s = calloc(1, sizeof(*s));
	struct strbuf text = STRBUF_NULL;

	pool->failed = false;
	if (s)
		s->v = calloc(facts->n + 1, sizeof(*s->v));
	if (!s || !s->v)
		return fail(-ENOMEM, "cannot keep what the metadata service says");
	s->machine = machine_of(facts, pool);
	for (; !pool->failed && s->n < facts->n; s->n++) {
		memcpy(s->v[s->n].mac, facts->v[s->n].mac, sizeof(s->v[s->n].mac));
		s->v[s->n].cloud = interface_of(&facts->v[s->n], s->machine, pool);
	}
	describe(facts, &text);
	s->text = text.data;
	if (pool->failed || text.failed)
		return fail_plain(-ENOSPC,
				  "what the metadata service says changes too often to be kept");
	*ret = take_ptr(s);
	return 0;
}

void cloud_snapshot_free(struct cloud_snapshot *s)
{
	if (!s)
		return;
	free(s->v);
	free(s->text);
	free(s);
}

const struct record_cloud *cloud_snapshot_find(const struct cloud_snapshot *s,
					       const uint8_t mac[6])
{
	for (size_t i = 0; i < s->n; i++) {
		if (memcmp(s->v[i].mac, mac, sizeof(s->v[i].mac)) == 0)
			return s->v[i].cloud;
	}
	return s->machine;
}
