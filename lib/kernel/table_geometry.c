// SPDX-License-Identifier: Apache-2.0
/*
 * How the N flows of a box become slots and rings.
 *
 * A packet is accounted in the part of the CPU it arrives on, and nobody knows beforehand
 * how flows spread over CPUs (a NIC of few queues on a host of many CPUs is common). So,
 * unless told, half of the CPUs may carry all: on two CPUs each part has room for all N.
 * Whoever knows that flows arrive on more of them says so (spread) and needs less memory.
 *
 * An eighth of the slots as ring room holds what is evicted within a tick of the agent;
 * the store, an entry a flow, takes what stays longer.
 *
 * Connections are the box's, whatever the CPU. On a router each is four flows (two directions
 * at two hooks), so a quarter of N is the default. There is a place for each, and another quarter
 * for those that find their bucket full: of so many an eighth, of three quarters one in twenty.
 */
#include "kernel/table.h"

#include <unistd.h>

/* Of ring room a slot: an eighth of a record, header included, to a power of two. */
#define RING_BYTES_A_SLOT 16

/* As the flows of connections that are known: four of them. */
#define FLOWS_A_CONNECTION 4
#define CONNECTIONS_MIN 16
/* Half-open handshakes last for some round trips, or until they give way. */
#define HALF_SHARE 32
#define HALF_MIN 256
#define HALF_MAX 8192
/* Second buckets, of the first ones. */
#define MORE_SHARE 4
/* What is replaced before the agent looks: a sixteenth of the ways. */
#define ENDS_SHARE 16
#define EVENTS_BYTES (256 * 1024)

static uint64_t pow2_ceil(uint64_t v)
{
	uint64_t p = 1;

	while (p < v)
		p <<= 1;
	return p;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Half of the CPUs: a part has room for twice its even share. */
static uint32_t default_spread(uint32_t parts)
{
	return max_u64(parts / 2, 1);
}

void table_geometry(uint32_t max_flows, uint32_t parts, uint32_t spread, struct table_geometry *ret)
{
	uint64_t n = max_flows;
	uint64_t page = sysconf(_SC_PAGESIZE);
	uint64_t slots, ring;

	spread = spread ? spread : default_spread(parts);
	spread = spread < parts ? spread : parts;
	slots = max_u64(pow2_ceil((n + spread - 1) / spread), FLOW_WAYS);
	ring = max_u64(page, slots * RING_BYTES_A_SLOT);
	*ret = (struct table_geometry) {
		.max_flows = max_flows,
		.parts = parts,
		.spread = spread,
		.buckets = slots / FLOW_WAYS,
		.ring_bytes = ring,
		.store_entries = n,
		.memory = {
			.slots = parts * slots * sizeof(struct flow_slot),
			.rings = parts * (ring + 3 * page),
			.journal = parts * slots * sizeof(struct journal_entry),
			.store = n * sizeof(struct store_entry),
		},
	};
	ret->memory_bytes = ret->memory.slots + ret->memory.rings + ret->memory.journal +
			    ret->memory.store + page;
}

static uint64_t ring_memory(uint64_t bytes)
{
	return bytes + 3 * sysconf(_SC_PAGESIZE);
}

void table_geometry_tcp(struct table_geometry *g, uint32_t max_connections)
{
	uint64_t page = sysconf(_SC_PAGESIZE), half, ways, buckets;

	if (!max_connections)
		max_connections = max_u64(g->max_flows / FLOWS_A_CONNECTION, CONNECTIONS_MIN);
	half = max_u64(g->max_flows, (uint64_t)max_connections * FLOWS_A_CONNECTION) / HALF_SHARE;
	half = half < HALF_MIN ? HALF_MIN : half > HALF_MAX ? HALF_MAX : half;
	ways = (uint64_t)max_connections + TCP_WAYS - 1;
	g->max_connections = max_connections;
	g->tcp_buckets = ways / TCP_WAYS;
	g->tcp_more_buckets = (g->tcp_buckets + MORE_SHARE - 1) / MORE_SHARE;
	g->tcp_half_buckets = half / TCP_WAYS;
	g->tcp_ends_bytes = pow2_ceil(max_u64(page, ways / ENDS_SHARE * sizeof(struct tcp_conn)));
	g->tcp_events_bytes = EVENTS_BYTES;
	buckets = (uint64_t)g->tcp_buckets + g->tcp_more_buckets + g->tcp_half_buckets;
	g->memory.tcp = buckets * (sizeof(struct tcp_bucket) + TCP_WAYS * sizeof(struct tcp_conn)) +
			(uint64_t)g->parts * g->buckets * FLOW_WAYS * sizeof(struct tcp_hint) +
			ring_memory(g->tcp_ends_bytes) + ring_memory(g->tcp_events_bytes);
	g->memory_bytes += g->memory.tcp;
}

void table_geometry_of(const struct table_ctl *ctl, struct table_geometry *ret)
{
	table_geometry(ctl->max_flows, ctl->parts, ctl->spread, ret);
	if (ctl->max_connections)
		table_geometry_tcp(ret, ctl->max_connections);
}
