// SPDX-License-Identifier: Apache-2.0
/*
 * Of many flows each has its connection on another page, and waiting for memory is what costs:
 * 350 ns a flow of 100,000, and 200 in the order in which the connections lie. Sorted by the
 * upper bits of the hash alone, in two passes over as many places as stay in the cache.
 */
#include "kernel/health_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define BITS   11
#define PLACES (1u << BITS)
/* Fewer fit into the cache as they come. */
#define WORTH_IT 1000

struct item {
	uint32_t hash, flow;
};

static void sort_by(const struct item *from, struct item *to, size_t n, unsigned shift)
{
	uint32_t at[PLACES] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[from[i].hash >> shift & (PLACES - 1)]++;
	for (size_t i = 0; i < PLACES; i++) {
		uint32_t count = at[i];

		at[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i].hash >> shift & (PLACES - 1)]++] = from[i];
}

int health_order(const struct health *h, const struct snapshot *s, uint32_t **ret)
{
	struct item *items, *others;
	uint32_t *order;

	order = malloc((s->n + 1) * sizeof(*order));
	items = malloc((s->n + 1) * sizeof(*items));
	others = malloc((s->n + 1) * sizeof(*others));
	if (!order || !items || !others) {
		free(order);
		free(items);
		free(others);
		return fail(-ENOMEM, "cannot hold the flows that were read");
	}
	for (uint32_t i = 0; i < s->n; i++)
		items[i] = (struct item) { health_place(h, &s->flows[i].key), i };
	if (s->n >= WORTH_IT) {
		sort_by(items, others, s->n, 32 - 2 * BITS);
		sort_by(others, items, s->n, 32 - BITS);
	}
	for (uint32_t i = 0; i < s->n; i++)
		order[i] = items[i].flow;
	free(items);
	free(others);
	*ret = order;
	return 0;
}
