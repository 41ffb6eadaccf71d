// SPDX-License-Identifier: Apache-2.0
/*
 * A hundred thousand connections on two CPUs, in random order, each with numbers of its own, in
 * a table for a third of them: those that are over give way, and go to the ring. In the end
 * every connection was seen once, whole, with its own numbers. Another hundred have one end on
 * each CPU, so that both write the same entries at once. A reader copies buckets meanwhile:
 * no copy between two equal readings of the lock is of two connections, or of half a packet.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "segments.h"
#include "tcp_state.h"
#include "test.h"

#define CONNECTIONS 100000
#define OPEN_AT_ONCE 150	/* a CPU */
#define BUCKETS	     4096
#define HALF_BUCKETS 1024
#define SHARED	     50
#define SHARED_FIRST 0x200000
#define SHARED_EVERY 8		/* packets */

/* What is of connection @i alone. */
static uint32_t isn(uint32_t i)
{
	return i * 2654435761u;
}

static uint32_t rounds(uint32_t i)
{
	return 1 + i % 4;
}

static uint16_t length(uint32_t i)
{
	return 10 + i % 97 * 10;
}

static uint32_t again(uint32_t i)
{
	return i % 3;
}

static uint32_t repeated_acks(uint32_t i)
{
	return i % 5;
}

static uint16_t window(uint32_t i)
{
	return 1000 + i % 50000;
}

struct life {
	uint32_t connection;
	uint32_t step;
};

struct sender {
	pthread_t thread;
	const struct harness *h;
	int cpu;
	uint32_t next;			/* connection to begin with; every second one is this CPU's */
	struct life lives[OPEN_AT_ONCE];
	uint64_t shared[SHARED];	/* packets of this CPU's end */
};

static atomic_int running;

/* The @step-th segment of a connection's life; false: it is over. */
static bool life_step(uint32_t i, uint32_t step, struct segment *ret)
{
	uint32_t client = isn(i) + 1, server = ~isn(i) + 1, data = rounds(i) * length(i);
	struct segment c = { .connection = i, .flags = TCP_ACK, .window = window(i), .ack = server },
		       s = { .connection = i, .reply = true, .flags = TCP_ACK, .window = window(i),
			     .seq = server };

	if (step < 3) {
		c.seq = step ? client : client - 1;
		c.ack = step ? server : 0;
		c.flags = step ? TCP_ACK : TCP_SYN;
		s.flags = TCP_SYN | TCP_ACK;
		s.seq = server - 1;
		s.ack = client;
		*ret = step == 1 ? s : c;
		return true;
	}
	step -= 3;
	if (step < 2 * rounds(i)) {
		c.seq = client + step / 2 * length(i);
		c.len = length(i);
		c.ecn = 2;
		s.ack = client + (step / 2 + 1) * length(i);
		*ret = step % 2 ? s : c;
		return true;
	}
	step -= 2 * rounds(i);
	s.ack = client + data;
	c.seq = client + data - length(i);
	if (step < repeated_acks(i) + again(i)) {
		c.len = length(i);
		*ret = step < repeated_acks(i) ? s : c;
		return true;
	}
	step -= repeated_acks(i) + again(i);
	c.seq = client + data;
	c.flags |= TCP_FIN;
	s.flags |= TCP_FIN;
	s.ack++;
	*ret = step ? s : c;
	return step < 2;
}

/* This CPU's end of one of those that have an end on each. */
static void send_shared(struct sender *s, unsigned random)
{
	uint32_t n = random % SHARED;
	struct segment p = { .connection = SHARED_FIRST + n, .reply = s->cpu, .flags = TCP_ACK,
			     .ecn = 1 + s->cpu, .window = 1000 };

	p.seq = p.ack = 1;
	segment_send(s->h, &p);
	s->shared[n]++;
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	unsigned seed = 17 + s->cpu, open = OPEN_AT_ONCE;
	struct segment p;

	harness_cpu(s->cpu);
	for (unsigned i = 0; i < open; i++, s->next += 2)
		s->lives[i].connection = s->next;
	for (unsigned n = 0; open; n++) {
		struct life *life = &s->lives[rand_r(&seed) % open];

		if (n % SHARED_EVERY == 0)
			send_shared(s, rand_r(&seed));
		if (life_step(life->connection, life->step++, &p)) {
			segment_send(s->h, &p);
			continue;
		}
		*life = (struct life) { .connection = s->next };
		s->next += 2;
		if (life->connection >= CONNECTIONS)
			*life = s->lives[--open];
	}
	running--;
	return NULL;
}

struct found {
	uint32_t seen[CONNECTIONS];
	uint32_t wrong;
	uint64_t shared[SHARED][2];	/* packets of client and server */
};

static bool numbers_right(const struct tcp_conn *c, uint32_t i)
{
	const struct tcp_side *client = &c->side[client_side(c)], *server = &c->side[!client_side(c)];
	uint32_t end = isn(i) + 1 + rounds(i) * length(i) + 1;

	return client->isn == isn(i) && server->isn == ~isn(i) && client->next == end &&
	       server->acked == end && client->counts.ect0 == rounds(i) &&
	       client->counts.retransmissions == again(i) &&
	       client->counts.spurious_retransmits == again(i) && client->counts.out_of_order == 0 &&
	       server->counts.retransmissions == 0 && server->counts.duplicate_acks == repeated_acks(i) &&
	       client->counts.duplicate_acks == 0 && client->last_window == window(i) &&
	       server->last_window == window(i) && c->syn_ns && c->syn_ns < c->syn_ack_ns &&
	       c->syn_ack_ns < c->ack_ns;
}

static void take(struct found *f, const struct tcp_conn *c)
{
	uint32_t i = connection_of(c);

	if (i >= SHARED_FIRST && i < SHARED_FIRST + SHARED) {
		f->shared[i - SHARED_FIRST][0] += c->side[client_side(c)].counts.ect1;
		f->shared[i - SHARED_FIRST][1] += c->side[!client_side(c)].counts.ect0;
		return;
	}
	if (i >= CONNECTIONS) {
		f->wrong++;
		return;
	}
	f->seen[i]++;
	f->wrong += !numbers_right(c, i);
}

static void drain(struct harness *h, struct found *f)
{
	uint64_t pos = ring_consumer(&h->tcp_ends), end = ring_producer(&h->tcp_ends), next;

	for (; pos < end; pos = next) {
		const struct tcp_conn *c =
			ring_record(&h->tcp_ends, pos, sizeof(struct tcp_conn), &next);

		if (!c)
			break;
		take(f, c);
	}
	ring_consume(&h->tcp_ends, pos);
}

/* What of it was seen is its own: a packet that found the bucket taken for too long left nothing. */
static bool copy_is_own(const struct tcp_side *client, uint32_t i)
{
	if (client->flags & TCP_SIDE_SYN && client->isn != isn(i))
		return false;
	return !(client->flags & TCP_SIDE_KNOWN) || (client->next - isn(i) - 1) % length(i) <= 1;
}

static bool copy_right(const struct tcp_bucket *b, const struct tcp_conn *conns)
{
	for (unsigned w = 0; w < TCP_WAYS; w++) {
		const struct tcp_conn *c = &conns[w];
		const struct tcp_side *client = &c->side[client_side(c)];
		uint32_t i = connection_of(c);

		if (!b->tag[w] || i >= CONNECTIONS)
			continue;
		if (!copy_is_own(client, i) || tcp_key_hash(&c->key) != b->tag[w])
			return false;
	}
	return true;
}

/* As lib/kernel does it. */
static void look(const struct harness *h, unsigned seed, unsigned *copies, unsigned *torn)
{
	static struct tcp_bucket copy;
	static struct tcp_conn conns[TCP_WAYS];
	uint32_t bucket = seed % BUCKETS;
	const struct tcp_bucket *b = &h->tcp[bucket];
	uint32_t lock = __atomic_load_n(&b->lock, __ATOMIC_ACQUIRE);

	if (lock & 1)
		return;
	memcpy(&copy, b, sizeof(copy));
	memcpy(conns, &h->conns[bucket * TCP_WAYS], sizeof(conns));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&b->lock, __ATOMIC_RELAXED) != lock)
		return;
	++*copies;
	*torn += !copy_right(&copy, conns);
}

static void take_all(const struct harness *h, uint32_t n, struct found *f)
{
	for (uint32_t i = 0; i < n * TCP_WAYS; i++) {
		if (h->tcp[i / TCP_WAYS].tag[i % TCP_WAYS])
			take(f, &h->conns[i]);
	}
}

TEST(no_number_is_on_the_wrong_connection)
{
	static struct sender senders[HARNESS_PARTS];
	static struct found f;
	struct harness h = { .parts = 2, .buckets = 64, .tcp_buckets = BUCKETS,
			     .tcp_half_buckets = HALF_BUCKETS, .tcp_ends_bytes = 1 << 24 };
	const char *why = harness_open(&h);
	unsigned copies = 0, torn = 0, seed = 1, missing = 0, twice = 0;
	uint64_t shared_missing = 0;
	struct tcp_stats stats;

	if (why)
		SKIP(why);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP("has one CPU");
	running = HARNESS_PARTS;
	for (int i = 0; i < HARNESS_PARTS; i++) {
		senders[i] = (struct sender) { .h = &h, .cpu = i, .next = i };
		CHECK(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]) == 0);
	}
	while (running) {
		drain(&h, &f);
		for (int i = 0; i < 1000; i++)
			look(&h, rand_r(&seed), &copies, &torn);
	}
	for (int i = 0; i < HARNESS_PARTS; i++)
		pthread_join(senders[i].thread, NULL);
	drain(&h, &f);
	take_all(&h, BUCKETS + HALF_BUCKETS, &f);
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		missing += f.seen[i] == 0;
		twice += f.seen[i] > 1;
	}
	for (unsigned i = 0; i < SHARED; i++)
		shared_missing += senders[0].shared[i] - f.shared[i][0] + senders[1].shared[i] -
				  f.shared[i][1];
	stats = harness_tcp_stats(&h);
	printf("# %llu segments, %llu busy, %llu gave way alive; %u wrong, %u missing, %u twice; %llu of "
	       "shared ones missing; %u copies, %u of them torn\n",
	       (unsigned long long)stats.segments, (unsigned long long)stats.busy,
	       (unsigned long long)stats.replaced, f.wrong, missing, twice,
	       (unsigned long long)shared_missing, copies, torn);
	CHECK(stats.replaced == 0 && stats.ends_lost == 0 && stats.half_open_lost == 0);
	CHECK(shared_missing + f.wrong <= stats.busy && stats.busy < 100);
	CHECK(missing == 0 && twice == 0);
	CHECK(torn == 0 && copies > 1000);
	harness_close(&h);
}
