// SPDX-License-Identifier: Apache-2.0
/*
 * Linear probing, three of four places taken at most, with backward shift on removal, so that
 * it needs no rebuilding. The hash is a sum of products with random odd numbers (multilinear
 * hashing), whose words do not wait for one another. Keys in a row give sums in a row: they are
 * stirred once more, or unlucky multipliers would pile them up.
 */
#include "kernel/key_index.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/large.h"

#define WORDS (sizeof(struct flow_key) / sizeof(uint64_t))

/* Without randomness so early in a boot: any odd numbers do. */
static uint64_t multipliers[WORDS] = {
	0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53,
	0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93,
};

__attribute__((constructor)) static void draw_multipliers(void)
{
	uint64_t drawn[WORDS];

	if (getrandom(drawn, sizeof(drawn), GRND_NONBLOCK) != sizeof(drawn))
		return;
	for (size_t i = 0; i < WORDS; i++)
		multipliers[i] = drawn[i] | 1;
}

uint32_t key_index_hash(const struct flow_key *key)
{
	uint64_t w[WORDS], h = 0;

	memcpy(w, key, sizeof(w));
	for (size_t i = 0; i < WORDS; i++)
		h += (w[i] ^ w[i] >> 32) * multipliers[i];
	h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return h ^ h >> 32;
}

int key_index_init(struct key_index *x, uint32_t entries)
{
	uint64_t places = 1024;

	while (3 * places < 4 * (uint64_t)entries)
		places <<= 1;
	x->places = large_zalloc(places * sizeof(*x->places));
	x->mask = places - 1;
	x->used = 0;
	return x->places ? 0 : -ENOMEM;
}

void key_index_deinit(struct key_index *x)
{
	free(x->places);
	x->places = NULL;
	x->mask = x->used = 0;
}

void key_index_clear(struct key_index *x)
{
	if (x->places)
		memset(x->places, 0, (x->mask + 1ul) * sizeof(*x->places));
	x->used = 0;
}

static void put(struct key_index *x, uint64_t place)
{
	uint32_t at = place >> 32;

	while (x->places[at & x->mask])
		at++;
	x->places[at & x->mask] = place;
	x->used++;
}

static int grow(struct key_index *x)
{
	struct key_index bigger;

	if (key_index_init(&bigger, x->mask + 1) < 0)
		return -ENOMEM;
	for (uint64_t i = 0; i <= x->mask; i++) {
		if (x->places[i])
			put(&bigger, x->places[i]);
	}
	key_index_deinit(x);
	*x = bigger;
	return 0;
}

int key_index_add(struct key_index *x, uint32_t hash, uint32_t idx)
{
	if (4 * (uint64_t)x->used > 3 * (uint64_t)x->mask && grow(x) < 0)
		return -ENOMEM;
	put(x, (uint64_t)hash << 32 | (idx + 1));
	return 0;
}

void key_index_remove(struct key_index *x, uint32_t hash, uint32_t idx)
{
	uint64_t place = (uint64_t)hash << 32 | (idx + 1);
	uint32_t mask = x->mask, hole = hash & mask;

	while (x->places[hole] && x->places[hole] != place)
		hole = (hole + 1) & mask;
	if (!x->places[hole])
		return;
	for (uint32_t next = (hole + 1) & mask; x->places[next]; next = (next + 1) & mask) {
		uint32_t home = (x->places[next] >> 32) & mask;

		/* Leave an entry whose home lies behind the hole. */
		if (((next - home) & mask) < ((next - hole) & mask))
			continue;
		x->places[hole] = x->places[next];
		hole = next;
	}
	x->places[hole] = 0;
	x->used--;
}
