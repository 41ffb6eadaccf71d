// SPDX-License-Identifier: Apache-2.0
/*
 * Two CPUs count many flows in a table far too small for them, while a reader drains the
 * rings by position and looks at the slots by the read protocol. In the end every flow has
 * what was sent of it, less what the ledger calls lost.
 *
 * All packets of a flow have the same length and TTL: a copy whose counters belong to
 * another flow than its key is seen by that.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "flows.h"
#include "harness.h"
#include "kernel/slot.h"
#include "test.h"

#define FLOWS	500
#define PACKETS 150000 /* a CPU */

struct sender {
	pthread_t thread;
	const struct harness *h;
	int cpu;
	uint64_t sent[FLOWS];
};

static atomic_int running;

static uint16_t length(uint32_t flow)
{
	return 40 + flow % 200;
}

static uint8_t ttl(uint32_t flow)
{
	return 1 + flow % 251;
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	unsigned seed = 17 + s->cpu;
	struct flow_packet p;

	harness_cpu(s->cpu);
	for (int i = 0; i < PACKETS; i++) {
		uint32_t flow = rand_r(&seed) % FLOWS;
		struct harness_packet hp = { .data = p.bytes, .len = 14 + length(flow) };

		flow_packet(&p, flow, TCP_ACK, length(flow));
		p.bytes[22] = ttl(flow);
		if (harness_run(s->h, &hp) == -1)
			s->sent[flow]++;
	}
	running--;
	return NULL;
}

static uint32_t flow_of(const struct flow_key *k)
{
	return (k->src[1] << 16 | k->src[2] << 8 | k->src[3]) % FLOWS;
}

static void drain(const struct table_ring *ring, struct ledger_count got[FLOWS])
{
	uint64_t pos = ring_consumer(ring), end = ring_producer(ring), next;

	for (; pos < end; pos = next) {
		const struct flow_slot *s = ring_at(ring, pos, &next);

		if (!s)
			break;
		got[flow_of(&s->key)].packets += s->c.packets;
		got[flow_of(&s->key)].bytes += s->c.bytes;
	}
	ring_consume((struct table_ring *)ring, pos);
}

/* Key and counters belong together. Packets and bytes may be of different moments. */
static bool copy_right(const struct flow_slot *s)
{
	uint32_t flow = flow_of(&s->key);

	return s->c.bytes % length(flow) == 0 && s->c.w.min_ttl == ttl(flow) &&
	       s->c.w.max_ttl == ttl(flow);
}

static unsigned look(const struct harness *h, unsigned *ret_copies)
{
	struct flow_slot copy;
	unsigned wrong = 0;

	for (uint32_t i = 0; i < h->n_slots; i++) {
		if (!slot_copy(&h->slots[i], &copy))
			continue;
		wrong += !copy_right(&copy) || copy.idx != i;
		++*ret_copies;
	}
	return wrong;
}

TEST(every_packet_of_every_flow_is_found_again)
{
	static struct sender senders[HARNESS_PARTS];
	static struct ledger_count got[FLOWS];
	struct harness h = { .parts = 2, .buckets = 8, .ring_bytes = 1 << 20 };
	const char *why = harness_open(&h);
	uint64_t missing = 0, evicted = 0, full;
	unsigned wrong = 0, copies = 0;

	if (why)
		SKIP(why);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP("has one CPU");
	running = HARNESS_PARTS;
	for (int i = 0; i < HARNESS_PARTS; i++) {
		senders[i] = (struct sender){ .h = &h, .cpu = i };
		CHECK(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]) == 0);
	}
	while (running) {
		for (int i = 0; i < HARNESS_PARTS; i++)
			drain(&h.rings[i], got);
		wrong += look(&h, &copies);
	}
	for (int i = 0; i < HARNESS_PARTS; i++) {
		pthread_join(senders[i].thread, NULL);
		drain(&h.rings[i], got);
		evicted += ring_producer(&h.rings[i]) / (8 + sizeof(struct flow_slot));
	}
	for (uint32_t i = 0; i < h.n_slots; i++) {
		got[flow_of(&h.slots[i].key)].packets += h.slots[i].c.packets;
		got[flow_of(&h.slots[i].key)].bytes += h.slots[i].c.bytes;
	}
	full = harness_ledger(&h, LEDGER_FULL).packets;
	for (uint32_t f = 0; f < FLOWS; f++) {
		uint64_t sent = senders[0].sent[f] + senders[1].sent[f];

		CHECK(got[f].packets <= sent);
		CHECK(got[f].bytes == got[f].packets * length(f));
		missing += sent - got[f].packets;
	}
	printf("# %u packets, %llu evictions, %llu lost by name, %u copies\n", 2 * PACKETS,
	       (unsigned long long)evicted, (unsigned long long)full, copies);
	CHECK(missing == full);
	CHECK(harness_ledger(&h, LEDGER_SEEN).packets == 2 * PACKETS);
	CHECK(evicted > PACKETS / 2);
	CHECK(wrong == 0);
	harness_close(&h);
}
