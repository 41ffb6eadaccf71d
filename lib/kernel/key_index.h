/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in an array the entry of a flow key is: open addressing over (hash, number) pairs,
 * so that a wrong candidate seldom costs a look at its key. The array is the caller's; he
 * compares the keys.
 */
#ifndef FLOWCTL_KERNEL_KEY_INDEX_H
#define FLOWCTL_KERNEL_KEY_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "abi.h"

#define KEY_INDEX_NONE UINT32_MAX

struct key_index {
	uint64_t *places;	/* hash << 32 | number + 1; 0 = free */
	uint32_t mask;
	uint32_t used;
};

/*
 * 32 bits of a key by multipliers drawn once a process: nobody outside can choose flows that
 * all meet in one place.
 */
uint32_t key_index_hash(const struct flow_key *key);
/* Room for @entries, and more later. 0 or -ENOMEM without a sentence. */
int key_index_init(struct key_index *x, uint32_t entries);
void key_index_deinit(struct key_index *x);
/* Forget all entries. */
void key_index_clear(struct key_index *x);
/* @idx is not in it yet. 0, or -ENOMEM when it had to grow. */
int key_index_add(struct key_index *x, uint32_t hash, uint32_t idx);
void key_index_remove(struct key_index *x, uint32_t hash, uint32_t idx);

static inline void key_index_prefetch(const struct key_index *x, uint32_t hash)
{
	__builtin_prefetch(&x->places[hash & x->mask]);
}

/* The next candidate from place *at on (begin with *at = hash), or KEY_INDEX_NONE. */
static inline uint32_t key_index_next(const struct key_index *x, uint32_t hash, uint32_t *at)
{
	for (;; (*at)++) {
		uint64_t place = x->places[*at & x->mask];

		if (!place)
			return KEY_INDEX_NONE;
		if (place >> 32 == hash) {
			(*at)++;
			return (uint32_t)place - 1;
		}
	}
}

static inline bool key_is(const struct flow_key *a, const struct flow_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

#endif
