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
	struct tcp_cpu one;

	*ret = (struct tcp_stats) { 0 };
	for (uint32_t part = 0; part < t->ctl->parts; part++) {
		if (bpf_map_lookup_elem(t->tcp_stats_fd, &part, &one) == 0)
			add(ret, &one.stats);
	}
}

uint64_t table_tcp_segments(const struct table *t)
{
	struct tcp_stats stats;

	table_tcp_stats(t, &stats);
	for (uint32_t i = 0; t->tcp && i < table_tcp_buckets(t->ctl); i++)
		stats.segments += __atomic_load_n(&t->tcp[i].straight, __ATOMIC_RELAXED);
	return stats.segments;
}

/* A bucket, and its connections. */
struct whole {
	struct tcp_bucket b;
	struct tcp_conn way[TCP_WAYS];
};

static bool put_in(struct table *t, uint32_t bucket, const struct whole *from, int way)
{
	struct tcp_bucket *b = &t->tcp[bucket];

	for (uint32_t i = 0; i < TCP_WAYS; i++) {
		/* In the order in which the program looks. */
		uint32_t to = (from->b.tag[way] ^ i) % TCP_WAYS;
		struct tcp_conn *c = &t->conns[bucket * TCP_WAYS + to];

		if (b->tag[to])
			continue;
		*c = from->way[way];
		c->idx = bucket * TCP_WAYS + to;
		b->tag[to] = from->b.tag[way];
		b->flags[to] = from->b.flags[way];
		return true;
	}
	return false;
}

static void put(struct table *t, const struct whole *from, int way, bool half)
{
	uint32_t hash = from->b.tag[way], n = t->ctl->tcp_buckets, more = t->ctl->tcp_more_buckets;

	if (half)
		put_in(t, tcp_key_half(hash, n, more, t->ctl->tcp_half_buckets), from, way);
	else if (!put_in(t, tcp_key_bucket(hash, n), from, way) && more)
		put_in(t, tcp_key_second(hash, n, more), from, way);
}

/* Programs write it meanwhile. False: it does not come to rest, and its connections are seen anew
 * in the table that follows. */
static bool copy_bucket(const struct table *t, uint32_t bucket, struct whole *ret)
{
	const struct tcp_bucket *b = &t->tcp[bucket];

	for (int tries = 0; tries < 100; tries++) {
		uint32_t lock = __atomic_load_n(&b->lock, __ATOMIC_ACQUIRE);

		if (lock & 1)
			continue;
		memcpy(&ret->b, b, sizeof(*b));
		memcpy(ret->way, &t->conns[bucket * TCP_WAYS], sizeof(ret->way));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&b->lock, __ATOMIC_RELAXED) == lock)
			return true;
	}
	return false;
}

void table_tcp_copy(const struct table *from, struct table *to)
{
	uint32_t half = from->ctl->tcp_buckets + from->ctl->tcp_more_buckets;
	struct whole w;

	if (!from->tcp || !to->tcp)
		return;
	for (uint32_t i = 0; i < table_tcp_buckets(from->ctl); i++) {
		if (!copy_bucket(from, i, &w))
			continue;
		for (int way = 0; way < TCP_WAYS; way++) {
			if (w.b.tag[way])
				put(to, &w, way, i >= half);
		}
	}
}
