/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one slot is read while its CPU writes it. The writer turns `gen` odd with a full
 * barrier, rewrites, and turns it even with another; between those, hits are plain stores
 * of whole words. So a copy taken between two equal, even readings of gen is of one flow,
 * and each of its words is one the writer stored. packets and bytes may be one packet
 * apart: a reader takes differences of both, and they meet at the next reading.
 */
#ifndef FLOWCTL_KERNEL_SLOT_H
#define FLOWCTL_KERNEL_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

static inline uint32_t slot_gen(const struct flow_slot *s)
{
	return __atomic_load_n(&s->gen, __ATOMIC_ACQUIRE);
}

/* Copy @s to @ret. False when it was never used, or is being rewritten: try at the next reading. */
static inline bool slot_copy(const struct flow_slot *s, struct flow_slot *ret)
{
	const uint64_t *from = (const uint64_t *)s;
	uint64_t *to = (uint64_t *)ret;
	uint32_t gen = slot_gen(s);

	if (gen == 0 || (gen & 1))
		return false;
	for (unsigned i = 0; i < sizeof(*s) / sizeof(uint64_t); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&s->gen, __ATOMIC_RELAXED) == gen && ret->gen == gen;
}

/*
 * Nothing there that the journal does not know: no need to copy it. All three words, or what
 * a torn copy left out would be lost if the flow falls silent.
 */
static inline bool slot_is_known(const struct flow_slot *s, const struct journal_entry *j)
{
	return j->gen == slot_gen(s) &&
	       j->packets == __atomic_load_n(&s->c.packets, __ATOMIC_RELAXED) &&
	       j->bytes == __atomic_load_n(&s->c.bytes, __ATOMIC_RELAXED) &&
	       j->w.word == __atomic_load_n(&s->c.w.word, __ATOMIC_RELAXED);
}

/* What says of the copy @s that all of it is known; store_idx is unknown. */
static inline struct journal_entry slot_note(const struct flow_slot *s)
{
	return (struct journal_entry) {
		.gen = s->gen,
		.packets = s->c.packets,
		.bytes = s->c.bytes,
		.w = s->c.w,
	};
}

/* Generations count modulo 2^32. */
static inline bool gen_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

#endif
