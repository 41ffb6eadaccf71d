// SPDX-License-Identifier: Apache-2.0
/*
 * Established flows that carry traffic, in a flood of a million tuples that come once. How
 * often does the program push one of the established out, and how often would a table of the
 * same size that forgets what was used the longest time ago, wherever it lies?
 */
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "flows.h"
#include "harness.h"
#include "test.h"

#define BUCKETS	    1024
#define SLOTS	    (BUCKETS * FLOW_WAYS)
#define ESTABLISHED 1500
#define FLOOD	    1000000
#define FIRST_FLOOD 0x100000
#define LENGTH	    60

/* The ideal: a list in the order of use, by flow. Flood tuples come once, so only those in the
 * list have a node: node ESTABLISHED + i % SLOTS is the i-th of the flood. */
#define NODES (ESTABLISHED + SLOTS)
#define NONE  UINT32_MAX
static struct {
	uint32_t next[NODES], prev[NODES], head, tail, n;
	bool in[NODES];
	uint64_t pushed_out;
} lru;

static void lru_unlink(uint32_t i)
{
	*(lru.prev[i] == NONE ? &lru.head : &lru.next[lru.prev[i]]) = lru.next[i];
	*(lru.next[i] == NONE ? &lru.tail : &lru.prev[lru.next[i]]) = lru.prev[i];
	lru.in[i] = false;
	lru.n--;
}

static void lru_use(uint32_t i)
{
	if (lru.in[i])
		lru_unlink(i);
	if (lru.n == SLOTS) {
		lru.pushed_out += lru.tail < ESTABLISHED;
		lru_unlink(lru.tail);
	}
	lru.prev[i] = NONE;
	lru.next[i] = lru.head;
	*(lru.head == NONE ? &lru.tail : &lru.prev[lru.head]) = i;
	lru.head = i;
	lru.in[i] = true;
	lru.n++;
}

static void send_one(const struct harness *h, uint32_t flow, uint8_t flags)
{
	struct flow_packet p;
	struct harness_packet hp = { .data = p.bytes, .len = 14 + LENGTH };

	flow_packet(&p, flow, flags, LENGTH);
	harness_run(h, &hp);
}

/* How many records of established flows are in the ring; it is emptied. */
static uint64_t drain(const struct harness *h)
{
	const struct table_ring *ring = &h->rings[0];
	uint64_t pos = ring_consumer(ring), end = ring_producer(ring), next, n = 0;

	for (; pos < end; pos = next) {
		const struct flow_slot *s = ring_at(ring, pos, &next);

		n += s && (s->key.src[1] << 16 | s->key.src[2] << 8 | s->key.src[3]) < ESTABLISHED;
	}
	ring_consume((struct table_ring *)ring, pos);
	return n;
}

/* One packet of so many is of an established flow, any of them. */
static bool flood(unsigned share)
{
	struct harness h = { .buckets = BUCKETS, .ring_bytes = 1 << 20 };
	uint64_t pushed_out = 0;
	unsigned seed = share;

	if (harness_open(&h))
		return false;
	memset(&lru, 0, sizeof(lru));
	lru.head = lru.tail = NONE;
	for (uint32_t i = 0; i < 2 * ESTABLISHED; i++) {
		send_one(&h, i % ESTABLISHED, TCP_ACK);
		lru_use(i % ESTABLISHED);
	}
	for (uint32_t i = 0; i < FLOOD; i++) {
		if (i % share == 0) {
			uint32_t flow = rand_r(&seed) % ESTABLISHED;

			send_one(&h, flow, TCP_ACK);
			lru_use(flow);
		}
		send_one(&h, FIRST_FLOOD + i, TCP_SYN);
		lru_use(ESTABLISHED + i % SLOTS);
		if (i % 1024 == 0)
			pushed_out += drain(&h);
	}
	pushed_out += drain(&h);
	printf("# one packet of %u established: pushed out %llu times, by the ideal %llu times; %llu full\n",
	       share + 1, (unsigned long long)pushed_out, (unsigned long long)lru.pushed_out,
	       (unsigned long long)harness_ledger(&h, LEDGER_FULL).packets);
	harness_close(&h);
	return pushed_out <= lru.pushed_out;
}

TEST(a_flood_pushes_out_no_more_than_the_longest_silent)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK(flood(1));
	CHECK(flood(2));
	CHECK(flood(4));
}
