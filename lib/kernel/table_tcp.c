// SPDX-License-Identifier: Apache-2.0
/*
 * What user space does for the connections' table: it says which interfaces count connections
 * at ingress, and takes what is known of them along into a table of another size.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "kernel/table.h"
#include "tcp_key.h"

int table_tcp_ingress(const struct table *t, uint32_t ifindex, bool on)
{
	uint8_t yes = 1;
	int r;

	if (on)
		r = bpf_map_update_elem(t->tcp_ingress_fd, &ifindex, &yes, 0);
	else
		r = bpf_map_delete_elem(t->tcp_ingress_fd, &ifindex);
	if (r < 0 && errno != ENOENT)
		return fail(-errno, "cannot note what counts connections");
	return 0;
}

static void add(struct tcp_stats *sum, const struct tcp_stats *one)
{
	const uint64_t *from = (const uint64_t *)one;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

void table_tcp_stats(const struct table *t, struct tcp_stats *ret)
{
	struct tcp_stats one;

	*ret = (struct tcp_stats) { 0 };
	for (uint32_t part = 0; part < t->ctl->parts; part++) {
		if (bpf_map_lookup_elem(t->tcp_stats_fd, &part, &one) == 0)
			add(ret, &one);
	}
}

static void put(struct tcp_bucket *buckets, uint32_t n, const struct tcp_bucket *from, int way)
{
	uint32_t bucket = tcp_key_bucket(from->tag[way], n);
	struct tcp_bucket *b = &buckets[bucket];

	for (uint32_t i = 0; i < TCP_WAYS; i++) {
		if (b->tag[i])
			continue;
		b->way[i] = from->way[way];
		b->way[i].idx = bucket * TCP_WAYS + i;
		b->tag[i] = from->tag[way];
		b->tick[i] = from->tick[way];
		b->flags[i] = from->flags[way];
		return;
	}
}

/* Programs write it meanwhile. False: it does not come to rest, and its connections are seen anew
 * in the table that follows. */
static bool copy_bucket(const struct tcp_bucket *b, struct tcp_bucket *ret)
{
	for (int tries = 0; tries < 100; tries++) {
		uint32_t lock = __atomic_load_n(&b->lock, __ATOMIC_ACQUIRE);

		if (lock & 1)
			continue;
		memcpy(ret, b, sizeof(*ret));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&b->lock, __ATOMIC_RELAXED) == lock)
			return true;
	}
	return false;
}

static void copy_all(const struct tcp_bucket *from, uint32_t n_from, struct tcp_bucket *to,
		     uint32_t n_to)
{
	struct tcp_bucket b;

	for (uint32_t i = 0; i < n_from; i++) {
		if (!copy_bucket(&from[i], &b))
			continue;
		for (int way = 0; way < TCP_WAYS; way++) {
			if (b.tag[way])
				put(to, n_to, &b, way);
		}
	}
}

void table_tcp_copy(const struct table *from, struct table *to)
{
	if (!from->tcp || !to->tcp)
		return;
	copy_all(from->tcp, from->ctl->tcp_buckets, to->tcp, to->ctl->tcp_buckets);
	copy_all(from->tcp_half, from->ctl->tcp_half_buckets, to->tcp_half,
		 to->ctl->tcp_half_buckets);
}
