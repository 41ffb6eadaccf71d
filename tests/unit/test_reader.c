// SPDX-License-Identifier: Apache-2.0
/*
 * A looker reads while the rings are consumed and written anew under its eyes: what it
 * copies may be torn, and must not lead it astray.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "kernel/reader.h"
#include "test.h"

#define SLOTS 4
#define RING_BYTES 4096

static struct table_ctl ctl;
static struct flow_slot slots[SLOTS];
static struct journal_entry journal[SLOTS];
static uint64_t consumer, producer;
static uint8_t ring[2 * RING_BYTES] __attribute__((aligned(8)));
static atomic_bool end;

/* What a ring's memory may hold in between: any bytes. */
static void *rewrite(void *arg)
{
	struct flow_slot *rec = (struct flow_slot *)(ring + 8);

	while (!end) {
		__atomic_store_n(&rec->idx, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&rec->idx, 0x7fffffff, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST(a_record_that_is_overwritten_while_it_is_copied_does_no_harm)
{
	struct table t = { .ctl = &ctl, .slots = (void *)slots, .journal = journal, .n_slots = SLOTS };
	struct table_ring r = { &consumer, &producer, ring, RING_BYTES - 1 };
	const struct flow_slot rec = { .key.family = 4, .gen = 2, .idx = 1, .c.packets = 1,
				       .c.bytes = 40, .c.first_ns = 5 };
	uint32_t len = sizeof(rec);
	struct snapshot s = { 0 };
	pthread_t thread;
	uint64_t until;
	int looks = 0, failed = 0;

	t.rings = &r;
	ctl.parts = 1;
	memcpy(ring, &len, sizeof(len));
	memcpy(ring + 8, &rec, sizeof(rec));
	producer = 8 + sizeof(rec);
	pthread_create(&thread, NULL, rewrite, NULL);
	until = clock_boot_ns() + NSEC_PER_SEC / 2;
	do {
		failed += snapshot_read(&t, &s) < 0 || s.n > 1;
		looks++;
	} while (clock_boot_ns() < until);
	end = true;
	pthread_join(thread, NULL);
	snapshot_deinit(&s);
	CHECK(looks > 100 && !failed);
}
