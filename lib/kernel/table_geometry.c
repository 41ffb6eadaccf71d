// SPDX-License-Identifier: Apache-2.0
/*
 * How the N flows of a box become slots and rings.
 *
 * A packet is accounted in the part of the CPU it arrives on, and nobody knows beforehand
 * how flows spread over CPUs (a two-queue NIC on a 64-core host is common). So a part is
 * made for twice its fair share, and for all N flows on one or two CPUs. Four ways at full
 * load overflow by a fifth: an eighth of the slots as ring room holds what is read within a
 * tick of the agent, many times a second; the store takes what stays longer.
 */
#include "kernel/table.h"

#include <unistd.h>

#define RING_RECORD_BYTES (8 + sizeof(struct flow_slot))

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

void table_geometry(uint32_t max_flows, uint32_t parts, struct table_geometry *ret)
{
	uint64_t n = max_flows;
	uint64_t share = parts > 2 ? (2 * n + parts - 1) / parts : n;
	uint64_t slots = max_u64(pow2_ceil(share), FLOW_WAYS);
	uint64_t page = sysconf(_SC_PAGESIZE);
	uint64_t ring = pow2_ceil(max_u64(page, slots / 8 * RING_RECORD_BYTES));

	*ret = (struct table_geometry) {
		.max_flows = max_flows,
		.parts = parts,
		.buckets = slots / FLOW_WAYS,
		.ring_bytes = ring,
		.store_entries = n,
	};
	ret->memory_bytes = parts * slots * (sizeof(struct flow_slot) + sizeof(struct journal_entry)) +
			    parts * (ring + 3 * page) + n * sizeof(struct store_entry) + page;
}
