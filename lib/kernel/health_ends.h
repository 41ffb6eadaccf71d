/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that gave way to others, out of the ring `tcp_ends`: health.c's own. */
#ifndef FLOWCTL_KERNEL_HEALTH_ENDS_H
#define FLOWCTL_KERNEL_HEALTH_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/table.h"

/* A record of the ring. They are numbered from the first that was ever written. */
struct end {
	struct tcp_conn c;	/* its `taken` says what was told of it, marks included */
	uint64_t number;
	uint32_t hash;
	uint32_t older;		/* as in `places`: the next one of the same place */
};

struct ends {
	struct table *t;
	struct table_ring ring;
	struct end *v;		/* by number, modulo cap; NULL: there was none yet */
	uint32_t *places;	/* by hash: lower half of the number + 1 of the newest, 0 = none */
	uint32_t cap;		/* a power of two */
	uint64_t first, next;	/* numbers that are kept: first .. next - 1 */
	bool keeps_all;		/* a replay's own table: nothing is told, so nothing goes */
	uint64_t seen;		/* the ring was read up to there */
};

/* 0 or fail(). A table without such a ring gives one that is always empty. */
int ends_init(struct ends *e, struct table *t);
void ends_deinit(struct ends *e);
/* Forget all, and begin at the ring's consumer again. */
void ends_reset(struct ends *e);
/* Take in what came since. 0 or fail(-ENOMEM). */
int ends_look(struct ends *e);
/* Has something come since? */
bool ends_grew(const struct ends *e);
/* Consume what was told, what is older than @old_ns (CLOCK_BOOTTIME), and the oldest when the
 * ring is half full; those stay here as long as there is room. */
void ends_consume(struct ends *e, uint64_t old_ns);

/* The newest of that hash, then the next older one; NULL: no more. */
struct end *ends_find(struct ends *e, uint32_t hash);
struct end *ends_older(struct ends *e, const struct end *end);

/* All of side @side of record @number was told: in pinned memory. */
void ends_mark(struct table *t, uint32_t number, uint8_t side);

/* Nothing more can be told of it. */
static inline void side_take_all(struct tcp_side *s, uint32_t gen)
{
	s->taken = s->counts;
	s->taken_gen = gen;
	s->told = s->asked = s->done + 1;
}

#endif
